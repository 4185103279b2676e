"""The parser of one reply: text in, events out, in any pieces.

- `feed` and `finish` return the new events; merged, the events of a reply do not depend on how its text was cut.
- Model output never raises. Using a finished parser does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from .cursor import Cursor
from .events import Event
from .format import Calls, Forced, Task
from .machine import read_reply
from .registry import grammar_for, reasoning_row, tool_row
from .reply import NO_DOUBTS, Doubts, Policy, Reply
from .schema import Tools
from .turn_ends import TurnEnds


class Parser:
    """Parses one reply of a model.

    Args:
        tool_parser: name of the tool-call parser, with or without `dynamo_`; None: no call is returned.
        reasoning_parser: name of the reasoning parser; None: reasoning is not split off.
        tools: the request's OpenAI tools. None or empty: no call is returned, call markup stays in content.
        tool_choice: the request's `tool_choice`: "auto", "none", "required" or a named function.
        parallel_tool_calls: False: only the first call is returned.
        chat_template_kwargs: the request's template arguments; they may turn thinking on or off.
        in_reasoning: whether the prompt ended inside reasoning; None: decide from the reasoning format and
            `chat_template_kwargs`.
        end_is_told: whether `finish` will be called; False: a doubtful call counts at once.
        new_id: makes an id for a call whose markup has none; None: the format's own kind, or `call_...`.

    Raises:
        ValueError: an unknown parser name; the message lists close matches.
    """

    reply_type: ClassVar[type[Reply]] = Reply
    """The class of the reply; a subclass that observes the machine replaces it."""

    _reply: Reply

    __slots__ = ("_cursor", "_finished", "_machine", "_reply", "_turn_ends")

    def __init__(  # noqa: PLR0913
        self,
        tool_parser: str | None = None,
        reasoning_parser: str | None = None,
        tools: Sequence[object] | None = None,
        tool_choice: object = "auto",
        parallel_tool_calls: bool = True,
        chat_template_kwargs: Mapping[str, object] | None = None,
        in_reasoning: bool | None = None,
        *,
        end_is_told: bool = True,
        new_id: Callable[[], str] | None = None,
    ) -> None:
        tool = tool_row(tool_parser) if tool_parser is not None else None
        reasoning = reasoning_row(reasoning_parser) if reasoning_parser is not None else None
        kwargs = chat_template_kwargs or {}
        if reasoning is None:
            inside = False
        elif in_reasoning is None:
            inside = reasoning.starts.inside_for(kwargs)
        else:
            inside = in_reasoning
        verbatim = tool is None or not tools
        calls = Calls.VERBATIM if verbatim else Calls.READ
        grammar = grammar_for(tool, reasoning)
        self._cursor = Cursor()
        self._turn_ends = TurnEnds(grammar.held_ends) if grammar.held_ends.all else None
        self._reply = self.reply_type(
            self._cursor,
            Tools(tools),
            _policy(tool_choice, parallel_tool_calls) if calls is Calls.READ else Policy(returned=False),
            defer_reasoning=reasoning is not None and kwargs.get("force_nonempty_content") is True,
            doubts=Doubts(undeclared=calls is Calls.READ, verbatim=verbatim) if end_is_told else NO_DOUBTS,
            new_id=new_id or (tool.new_id if tool is not None else None),
            turn_ends=grammar.turn_ends,
            stops=grammar.stops,
            reasoning_opens=grammar.reasoning_opens,
            reasoning_closes=grammar.reasoning_closes,
        )
        task = Task(inside, reasoning is not None, calls, _forced(tool_choice), holds=end_is_told)
        self._machine = read_reply(self._cursor, self._reply, grammar, task)
        self._finished = False
        next(self._machine)

    def feed(self, text: str) -> list[Event]:
        """Read `text`, the next piece of the reply, and return the new events. Raises RuntimeError after `finish`."""
        if self._finished:
            raise RuntimeError("feed() after finish(): a Parser reads one reply")
        if not text:
            return []
        ends = self._turn_ends
        if ends is not None and (ends.waits or text[-1] in ends.firsts or ends.lead in text or ends.other in text):
            text = ends.feed(text)
            if not text:
                return []
        if self._cursor.feed(text):
            self._cursor.resume(self._machine)
        return self._reply.take_events()

    @property
    def unread(self) -> str:
        """The text that was fed and has not become an event: at most a held marker, header or value."""
        return self._cursor.unread() + self.held_back

    @property
    def held_back(self) -> str:
        """The end of the unread text, which is not being read yet, as it may be the turn's end."""
        return "" if self._turn_ends is None else self._turn_ends.held

    def finish(self) -> list[Event]:
        """End the reply and return the last events. Raises RuntimeError if called again."""
        if self._finished:
            raise RuntimeError("finish() was called before: a Parser reads one reply")
        self._finished = True
        if self._turn_ends is not None and (rest := self._turn_ends.end()):
            self._cursor.feed(rest)
        self._turn_ends = None
        self._cursor.end()
        if self._cursor.resume(self._machine):
            raise AssertionError("the machine asked for text after the end")
        self._reply.end()
        return self._reply.take_events()


def _policy(tool_choice: object, parallel_tool_calls: bool) -> Policy:
    return Policy(
        returned=tool_choice != "none", only=named_choice(tool_choice), parallel=parallel_tool_calls is not False
    )


def _forced(tool_choice: object) -> Forced | None:
    named = named_choice(tool_choice)
    return Forced(named) if named is not None or tool_choice == "required" else None


def named_choice(tool_choice: object) -> str | None:
    """Return the function that a `tool_choice` names, in the form of Chat Completions or Responses; else None."""
    if not isinstance(tool_choice, Mapping):
        return None
    function = tool_choice.get("function")
    name = function.get("name") if isinstance(function, Mapping) else tool_choice.get("name")
    return name if isinstance(name, str) else None
