"""What the tests of the parser share: a reply fed in pieces, its merged events, and what every reply owes.

- `Request` is what a client asked for; `events_of` feeds one text to a fresh parser, cut anywhere.
- `merged` joins deltas of one kind that follow each other, so that two cuttings of a text can be compared.
- `check_protocol` is what must hold of the events of any text.
"""

from __future__ import annotations

import itertools
import json
import random
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from dynamo_parsers import (
    ContentDelta,
    Event,
    Message,
    Parser,
    ReasoningDelta,
    ToolArgumentsDelta,
    ToolCallEnd,
    ToolCallStart,
    fold,
)


@dataclass(frozen=True)
class Request:
    """What a parser is made with."""

    tool_parser: str | None
    reasoning_parser: str | None = None
    tools: Sequence[object] | None = None
    tool_choice: object = "auto"
    parallel_tool_calls: bool = True
    chat_template_kwargs: Mapping[str, object] = field(default_factory=dict)
    in_reasoning: bool | None = None

    def parser(self) -> Parser:
        """A parser whose ids for calls count up, so that two runs can be compared."""
        ids = itertools.count()
        return Parser(
            self.tool_parser,
            self.reasoning_parser,
            self.tools,
            self.tool_choice,
            self.parallel_tool_calls,
            self.chat_template_kwargs,
            self.in_reasoning,
            new_id=lambda: f"id{next(ids)}",
        )

    def but(self, **changes: object) -> Request:
        return replace(self, **changes)  # type: ignore[arg-type]


def tool(name: str, **properties: object) -> dict[str, object]:
    """An OpenAI tool with these parameters."""
    return {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": properties}},
    }


def events_of(request: Request, pieces: Sequence[str]) -> list[Event]:
    """The events of the reply that `pieces` joined are."""
    parser = request.parser()
    events: list[Event] = []
    for piece in pieces:
        events += parser.feed(piece)
    events += parser.finish()
    return events


def message_of(request: Request, text: str, engine_finish: str | None = "stop") -> Message:
    return fold(events_of(request, [text]), engine_finish)


def merged(events: Sequence[Event]) -> list[Event]:
    """`events` with the text deltas of one kind that follow each other joined."""
    joined: list[Event] = []
    for event in events:
        last = joined[-1] if joined else None
        if isinstance(event, ContentDelta) and isinstance(last, ContentDelta):
            joined[-1] = ContentDelta(last.text + event.text)
        elif isinstance(event, ReasoningDelta) and isinstance(last, ReasoningDelta):
            joined[-1] = ReasoningDelta(last.text + event.text)
        elif (
            isinstance(event, ToolArgumentsDelta) and isinstance(last, ToolArgumentsDelta) and event.index == last.index
        ):
            joined[-1] = ToolArgumentsDelta(event.index, last.text + event.text)
        else:
            joined.append(event)
    return joined


def cut_at_random(text: str, rng: random.Random) -> list[str]:
    """`text` in pieces of random length, most of them short."""
    pieces: list[str] = []
    at = 0
    while at < len(text):
        size = rng.choice((1, 1, 2, 3, 4, 7, 16, 64))
        pieces.append(text[at : at + size])
        at += size
    return pieces


def check_protocol(events: Sequence[Event]) -> None:
    """What must hold of the events of a whole reply, whatever its text was."""
    open_call: int | None = None
    started = 0
    ids: set[str] = set()
    arguments: dict[int, list[str]] = {}
    for event in events:
        match event:
            case ContentDelta(text) | ReasoningDelta(text):
                assert text, "an empty delta"
                assert open_call is None, f"text inside call {open_call}: {event}"
            case ToolCallStart(index, call_id, name):
                assert open_call is None, f"{event} inside call {open_call}"
                assert index == started, f"{event}: not numbered from 0"
                assert name, f"{event}: no name"
                assert call_id, f"{event}: no id"
                assert call_id not in ids, f"{event}: a repeated id"
                ids.add(call_id)
                open_call = index
                started += 1
                arguments[index] = []
            case ToolArgumentsDelta(index, text):
                assert text, "an empty delta"
                assert index == open_call, f"{event} outside of its call"
                arguments[index].append(text)
            case ToolCallEnd(index, complete):
                assert index == open_call, f"{event} outside of its call"
                open_call = None
                if complete:
                    check_object("".join(arguments[index]))
    assert open_call is None, f"call {open_call} has no end"


def check_object(arguments: str) -> None:
    """Arguments of a complete call are a JSON object (deeper than Python reads them, they are passed over)."""
    if max(arguments.count("{"), arguments.count("[")) >= 500:
        return
    value = json.loads(arguments, parse_int=str, parse_constant=_no_constant)
    assert isinstance(value, dict), f"arguments of a complete call: {arguments}"


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@contextmanager
def deadline(seconds: float, what: str) -> Iterator[None]:
    """Fail with `what` when the body takes longer, rather than hang (where the platform has alarms)."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def late(_signal: int, _frame: object) -> None:
        raise TimeoutError(f"more than {seconds} s for {what}")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
