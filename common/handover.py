"""One machine for an engine's two parsers, of which the first passes its content to the second.

Such an engine makes a reasoning parser and, for a request with tools, a tool parser. It gives every piece of the reply
to the first, and the content that this returns to the second, unchanged. An adapter that knows the request tells the
first what the second will be (`Beside`):

- A `ReasoningHalf` with a `Beside` has one machine for both. It returns its content as `Content`, which refers to it,
  and keeps content and calls for the tool half to fetch.
- A `ToolHalf` that gets such `Content` fetches from it, if it is the tool parser of the `Beside`.
- If the request is not known, a `ReasoningHalf` that `may_be_joined` returns `Content` too, and the tool half that gets
  the first of it joins: from there on there is one machine.
- A half that is alone, or used with a parser of the engine, has a machine of its own, and returns plain text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from .events import ContentDelta, Event, ReasoningDelta, ToolArgumentsDelta, ToolCallStart
from .guarded import GuardedParser
from .registry import PREFIX, tool_row


class Content(str):
    """Content of a reasoning half, to which it refers, even after it was joined to other text.

    It is true if there is anything to fetch, even only calls, as an engine skips content that is false.
    """

    source: ReasoningHalf

    @classmethod
    def of(cls, text: str, source: ReasoningHalf) -> Content:
        content = cls(text)
        content.source = source
        return content

    def __bool__(self) -> bool:
        return len(self) > 0 or self.source.has_more or self.source.may_be_joined

    def __add__(self, other: str) -> Content:
        return Content.of(str.__add__(self, other), self.source)

    def __radd__(self, other: str) -> Content:
        return Content.of(str.__add__(other, self), self.source)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        # Another process gets only the text.
        return str, (str.__str__(self),)


@dataclass(frozen=True, slots=True)
class Beside:
    """The tool half that will get the content, if that is known beforehand."""

    tool: str
    """The name of the tool parser, without the prefix."""
    tools: Sequence[object]
    tool_choice: object = "auto"
    parallel_tool_calls: bool = True


class ReasoningHalf:
    """The work of an engine's reasoning parser, for one reply.

    Args:
        name: the reasoning parser's name, without the prefix.
        chat_template_kwargs: the request's template arguments.
        in_reasoning: whether the prompt ended inside reasoning; None: not known.
        tool_choice: the request's, if it is known.
        beside: the tool half that will get the content, so that one machine reads for both.
        end_is_told: whether the engine calls `finish` at the end of a stream.
    """

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
        self.beside = beside
        self._new_half = partial(ReasoningHalf, name, chat_template_kwargs, in_reasoning, tool_choice, beside)
        self._new_machine = partial(
            _machine_for,
            name,
            tool_choice,
            chat_template_kwargs=chat_template_kwargs,
            in_reasoning=in_reasoning,
            end_is_told=end_is_told,
        )
        self._machine = self._new_machine(beside)
        self._finished = False
        self._queue: list[Event] = []  # content and calls, for the tool half
        self.may_be_joined = False
        """Whether a tool half that was not known beforehand may join, when it gets the content of the first piece."""
        self._first = ""  # the first piece, which is read again if a tool half joins
        self._given_first = ""  # the reasoning that was returned for it
        self._owed = ""  # reasoning in it that was found only after a tool half joined, and not returned yet

    def whole(self, text: str) -> tuple[str, str]:
        """Return the reasoning and the content of a whole reply, independently of what was fed before."""
        half = self._new_half()
        reasoning, content = half.feed(text)
        last_reasoning, last_content = half.finish()
        return reasoning + last_reasoning, content + last_content

    def feed(self, text: str) -> tuple[str, str]:
        """Read the next piece and return its reasoning and content."""
        self.may_be_joined = self.may_be_joined and not self._first
        self._first = self._first or text
        owed, self._owed = self._owed, ""
        reasoning, content = self._given(self._machine.feed(text))
        if self.may_be_joined:
            self._given_first = reasoning
            content = Content.of(content, self)
        return owed + reasoning, content

    def join(self, beside: Beside) -> bool:
        """Read for `beside` too, which got the content of the first piece.

        Returns:
            False if it is too late, or if both together read the first piece differently; then each reads alone.
        """
        if not self.may_be_joined:
            return False
        self.may_be_joined = False
        machine = self._new_machine(beside)
        events = machine.feed(self._first)
        reasoning = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
        if not reasoning.startswith(self._given_first):
            return False
        self.beside, self._machine, self._owed = beside, machine, reasoning[len(self._given_first) :]
        self._queue += [event for event in events if not isinstance(event, ReasoningDelta)]
        return True

    def finish(self) -> tuple[str, str]:
        """End the reply and return the last reasoning and content. May be called twice."""
        if self._finished:
            return self._given([])
        self._finished = True
        return self._given(self._machine.finish())

    @property
    def has_more(self) -> bool:
        """Whether there is something to fetch."""
        return bool(self._queue)

    def fetch(self) -> list[Event]:
        """Return the content and calls since the last time, for the tool half."""
        events, self._queue = self._queue, []
        return events

    def _given(self, events: list[Event]) -> tuple[str, str]:
        rest = [event for event in events if not isinstance(event, ReasoningDelta)]
        reasoning = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
        content = "".join(event.text for event in rest if isinstance(event, ContentDelta))
        if self.beside is None:
            return reasoning, content
        self._queue += rest
        return reasoning, Content.of(content, self)


def _machine_for(name: str, tool_choice: object, beside: Beside | None, **said: Any) -> GuardedParser:
    """Return a machine for the reasoning parser `name`, and for the tool half `beside` if there is one."""
    if beside is None:
        return GuardedParser(None, name, (), tool_choice, label=f"reasoning parser {PREFIX}{name}", **said)
    return GuardedParser(
        beside.tool,
        name,
        beside.tools,
        beside.tool_choice,
        beside.parallel_tool_calls,
        label=_tool_label(beside.tool),
        **said,
    )


class ToolHalf:
    """The work of an engine's tool parser, for one reply.

    Args:
        name: the tool parser's name, without the prefix.
        tool_choice, parallel_tool_calls: the request's, if they are known.
        end_is_told: whether the engine calls `finish` at the end of a stream.
    """

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
        """Return the content and calls of a whole reply. `text`: the reply, or the content of its reasoning half."""
        source = self._source_of(text)
        if source is not None:
            return source.fetch()
        machine = self._new_machine(tools, end_is_told=True)
        return [*machine.feed(text), *machine.finish()]

    def feed(self, text: str, tools: Sequence[object]) -> list[Event]:
        """Read the next piece and return its content and calls."""
        if self._source is None and self._machine is None:
            self._join(text, tools)
            self._source = self._source_of(text)
            if self._source is None and text:
                self._machine = self._new_machine(tools, end_is_told=self._end_is_told)
        if self._source is not None:
            return self._source.fetch()
        return self._machine.feed(text) if self._machine is not None else []

    def finish(self) -> list[Event]:
        """End the reply and return the last content and calls. May be called twice."""
        if self._source is not None:
            self._source.finish()
            return self._source.fetch()
        if self._machine is None or self._finished:
            return []
        self._finished = True
        return self._machine.finish()

    def _join(self, text: str, tools: Sequence[object]) -> None:
        if isinstance(text, Content) and text.source.may_be_joined:
            text.source.join(Beside(self._name, tools, self._choice, self._parallel))

    def _source_of(self, text: str) -> ReasoningHalf | None:
        """Return the reasoning half from which `text` is, if it reads for this one; else None."""
        if not isinstance(text, Content) or text.source.beside is None:
            return None
        return text.source if tool_row(text.source.beside.tool) is tool_row(self._name) else None

    def _new_machine(self, tools: Sequence[object], *, end_is_told: bool) -> GuardedParser:
        label = _tool_label(self._name)
        return GuardedParser(
            self._name, None, tools, self._choice, self._parallel, label=label, end_is_told=end_is_told
        )


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A call's piece in one step. `id` and `name` are only in its first piece."""

    index: int
    id: str | None
    name: str | None
    arguments: str


def folded(events: Sequence[Event]) -> tuple[str, list[CallPiece]]:
    """Return the content of one step, and one piece for each call in it."""
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
