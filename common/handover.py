"""One machine for an engine's two parsers that do not know each other, where one gives its content to the other.

Such an engine makes a reasoning parser and, for a request with tools, a tool parser. It gives every piece of the reply
to the first, and the content that comes back to the second, unchanged. So the content can say whose it is:

- A `ReasoningHalf` reads the reply as one without tools, and gives its content as `Content`.
- A `ToolHalf` that is given `Content` takes the reply over: one machine that knows the tools reads it from the start.
  From then on the reasoning half feeds that machine, and keeps content and calls for the tool half to fetch.
- Reasoning that was given out before is not given out again.
- A half that stands alone, or beside a parser of the engine, has a machine of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .events import ContentDelta, Event, ReasoningDelta, ToolArgumentsDelta, ToolCallStart
from .guarded import GuardedParser
from .registry import PREFIX


class Content(str):
    """Content of a reasoning half, which remembers whose it is; joined to other text it still does."""

    source: ReasoningHalf

    @classmethod
    def of(cls, text: str, source: ReasoningHalf) -> Content:
        content = cls(text)
        content.source = source
        return content

    def __add__(self, other: str) -> Content:
        return Content.of(str.__add__(self, other), self.source)

    def __radd__(self, other: str) -> Content:
        return Content.of(str.__add__(other, self), self.source)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        # To another process goes the text alone.
        return str, (str.__str__(self),)


@dataclass(frozen=True, slots=True)
class Beside:
    """A tool half that will be given the content, where that is known beforehand."""

    tool: str
    """The name of the tool parser, without the prefix."""
    tools: Sequence[object]
    tool_choice: object = "auto"
    parallel_tool_calls: bool = True


class ReasoningHalf:
    """What a reasoning parser of an engine does, for one reply.

    Args:
        name: of the reasoning parser, without the prefix.
        chat_template_kwargs: the request's template arguments.
        in_reasoning: whether the prompt ended inside reasoning; None: not told.
        tool_choice: the request's, where it is told.
        beside: the tool half that will be given the content: its machine reads from the start.
        end_is_told: whether the engine calls `finish` at the end of a stream.
    """

    __slots__ = (
        "_ahead",
        "_beside",
        "_choice",
        "_end_is_told",
        "_finished",
        "_in_reasoning",
        "_kwargs",
        "_machine",
        "_name",
        "_owed",
        "_queue",
        "_raw",
        "_taken",
    )

    def __init__(
        self,
        name: str,
        chat_template_kwargs: Mapping[str, object] | None = None,
        in_reasoning: bool | None = None,
        tool_choice: object = "auto",
        beside: Beside | None = None,
        *,
        end_is_told: bool = True,
    ) -> None:
        self._name = name
        self._end_is_told = end_is_told
        self._beside = beside
        self._choice = tool_choice
        self._kwargs = chat_template_kwargs
        self._in_reasoning = in_reasoning
        self._machine = self._new_machine(None, (), tool_choice, True, logged=False)
        self._finished = False
        self._taken = False
        self._raw: list[str] = []  # the reply so far, for the tool half
        self._queue: list[Event] = []  # content and calls, for the tool half
        self._ahead = 0  # characters of reasoning given out that the machine has not said yet
        self._owed = ""  # reasoning that it has said and nobody was given
        if beside is not None:
            self.take_over(beside.tool, beside.tools, beside.tool_choice, beside.parallel_tool_calls)

    def whole(self, text: str) -> tuple[str, Content]:
        """Reasoning and content of a whole reply. What was fed before is not of this one."""
        half = ReasoningHalf(self._name, self._kwargs, self._in_reasoning, self._choice, self._beside)
        reasoning, content = half.feed(text)
        last_reasoning, last_content = half.finish()
        return reasoning + last_reasoning, content + last_content

    def feed(self, text: str) -> tuple[str, Content]:
        """Reasoning and content that the next piece gives rise to."""
        if not self._taken:
            self._raw.append(text)
        return self._given(self._machine.feed(text), text)

    def finish(self) -> tuple[str, Content]:
        """The last reasoning and content. May be called twice."""
        if self._finished:
            return "", Content.of("", self)
        self._finished = True
        return self._given(self._machine.finish(), "")

    def take_over(self, tool: str, tools: Sequence[object], tool_choice: object, parallel_tool_calls: bool) -> None:
        """A tool half reads the reply from now on, if none does already."""
        if self._taken:
            return
        broken = self._machine.broken
        self._machine = self._new_machine(tool, tools, tool_choice, parallel_tool_calls, logged=broken)
        self._taken = True
        events = self._machine.feed("".join(self._raw))
        self._raw.clear()
        if self._finished:
            events += self._machine.finish()
        reasoning = _reasoning_of(events)
        self._owed = reasoning[self._ahead :]
        self._ahead = max(self._ahead - len(reasoning), 0)
        self._queue += _without_reasoning(events)

    def fetch(self) -> list[Event]:
        """Content and calls since the last time, for the tool half."""
        events, self._queue = self._queue, []
        return events

    def _given(self, events: list[Event], text: str) -> tuple[str, Content]:
        reasoning = _reasoning_of(events)
        if not self._taken:
            self._ahead += len(reasoning)
        else:
            owed, self._owed = self._owed, ""
            reasoning, self._ahead = owed + reasoning[self._ahead :], max(self._ahead - len(reasoning), 0)
        rest = _without_reasoning(events)
        content = "".join(event.text for event in rest if isinstance(event, ContentDelta))
        if self._taken:
            self._queue += rest
            # Not empty where there is something to fetch: an engine may pass over what is.
            content = content or (text or " " if rest else "")
        return reasoning, Content.of(content, self)

    def _new_machine(
        self, tool: str | None, tools: Sequence[object], tool_choice: object, parallel_tool_calls: bool, *, logged: bool
    ) -> GuardedParser:
        return GuardedParser(
            tool,
            self._name,
            tools,
            tool_choice,
            parallel_tool_calls,
            chat_template_kwargs=self._kwargs,
            in_reasoning=self._in_reasoning,
            end_is_told=self._end_is_told,
            label=f"reasoning parser {PREFIX}{self._name}" if tool is None else _tool_label(tool),
            logged=logged,
        )


class ToolHalf:
    """What a tool parser of an engine does, for one reply.

    Args:
        name: of the tool parser, without the prefix.
        tool_choice, parallel_tool_calls: the request's, if they are told.
        end_is_told: whether the engine calls `finish` at the end of a stream.
    """

    __slots__ = ("_choice", "_end_is_told", "_finished", "_machine", "_name", "_parallel", "_source")

    def __init__(
        self, name: str, tool_choice: object = "auto", parallel_tool_calls: bool = True, *, end_is_told: bool = True
    ) -> None:
        self._name = name
        self._end_is_told = end_is_told
        self._choice = tool_choice
        self._parallel = parallel_tool_calls
        self._source: ReasoningHalf | None = None
        self._machine: GuardedParser | None = None
        self._finished = False

    def whole(self, text: str, tools: Sequence[object]) -> list[Event]:
        """Content and calls of a whole reply: its text, or the content of its reasoning half."""
        if isinstance(text, Content):
            text.source.take_over(self._name, tools, self._choice, self._parallel)
            return text.source.fetch()
        machine = self._new_machine(tools, end_is_told=True)
        return [*machine.feed(text), *machine.finish()]

    def feed(self, text: str, tools: Sequence[object]) -> list[Event]:
        """Content and calls that the next piece gives rise to."""
        if self._source is None and self._machine is None:
            if isinstance(text, Content):
                self._source = text.source
                self._source.take_over(self._name, tools, self._choice, self._parallel)
            elif text:
                self._machine = self._new_machine(tools, end_is_told=self._end_is_told)
        if self._source is not None:
            return self._source.fetch()
        return self._machine.feed(text) if self._machine is not None else []

    def finish(self) -> list[Event]:
        """The last content and calls. May be called twice."""
        if self._source is not None:
            self._source.finish()
            return self._source.fetch()
        if self._machine is None or self._finished:
            return []
        self._finished = True
        return self._machine.finish()

    def _new_machine(self, tools: Sequence[object], *, end_is_told: bool) -> GuardedParser:
        label = _tool_label(self._name)
        return GuardedParser(
            self._name, None, tools, self._choice, self._parallel, label=label, end_is_told=end_is_told
        )


@dataclass(frozen=True, slots=True)
class CallPiece:
    """What one step says of one call. `id` and `name` stand in its first piece only."""

    index: int
    id: str | None
    name: str | None
    arguments: str


def folded(events: Sequence[Event]) -> tuple[str, list[CallPiece]]:
    """The content of one step, and one piece for each call that it says something of."""
    content = ""
    starts: dict[int, ToolCallStart] = {}
    arguments: dict[int, str] = {}
    for event in events:
        if isinstance(event, ContentDelta):
            content += event.text
        elif isinstance(event, ToolCallStart):
            starts[event.index] = event
            arguments[event.index] = ""
        elif isinstance(event, ToolArgumentsDelta):
            arguments[event.index] = arguments.get(event.index, "") + event.text
    pieces: list[CallPiece] = []
    for index, text in arguments.items():
        start = starts.get(index)
        if start is None:
            pieces.append(CallPiece(index, None, None, text))
        else:
            pieces.append(CallPiece(index, start.id, start.name, text))
    return content, pieces


def _tool_label(name: str) -> str:
    return f"tool parser {PREFIX}{name}"


def _reasoning_of(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, ReasoningDelta))


def _without_reasoning(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, ReasoningDelta)]
