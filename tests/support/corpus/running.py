"""Running a case: a reply fed in pieces, its events merged, and what a message keeps of a reply."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Literal

from dynamo_parsers import (
    ContentDelta,
    Event,
    Message,
    ReasoningDelta,
    ToolArgumentsDelta,
    ToolCallEnd,
    ToolCallStart,
)

from .cases import Case
from .records import ANY_ID, Called, Record, Text

_OWN_ID = re.compile(r"[A-Za-z0-9]{9}")


def feed(case: Case, pieces: Iterable[str], *, finish: bool = True) -> list[Event]:
    """The events of a reply that comes in these pieces."""
    parser = case.parser()
    events: list[Event] = []
    for piece in pieces:
        events += parser.feed(piece)
    if finish:
        events += parser.finish()
    return events


def merge(events: Iterable[Event], *, finished: bool = True) -> list[Record]:
    """The events as records. Raises AssertionError where they break the protocol of `events.py`."""
    records: list[Record] = []
    pieces: list[str] = []  # of the last record
    kind = ""
    open_call: ToolCallStart | None = None
    ids: list[str] = []
    complete = False

    def close() -> None:
        nonlocal kind
        text = "".join(pieces)
        if kind == "call":
            assert start is not None
            if complete and open_call is None:
                assert isinstance(_loaded(text), dict), f"a complete call whose arguments are {text!r}"
            state: Literal["call", "cut", "open"] = "open" if open_call else "call" if complete else "cut"
            records.append(Called(state, start.name, text, start.id))
        elif kind == "content" or kind == "reasoning":
            records.append(Text("content" if kind == "content" else "reasoning", text))
        pieces.clear()
        kind = ""

    start: ToolCallStart | None = None
    for event in events:
        match event:
            case ContentDelta(text) | ReasoningDelta(text):
                assert text, "an event without text"
                assert open_call is None, f"text inside a call: {event}"
                new = "content" if isinstance(event, ContentDelta) else "reasoning"
                if kind != new:
                    close()
                    kind = new
                pieces.append(text)
            case ToolCallStart(index, id, name):
                assert open_call is None, f"a call inside a call: {event}"
                assert index == len(ids), f"calls are counted from 0: {event}"
                assert id, f"a call without an id: {event}"
                assert id not in ids, f"an id that is not unique: {event}"
                assert name, f"a call without a name: {event}"
                ids.append(id)
                close()
                kind, start, open_call, complete = "call", event, event, False
            case ToolArgumentsDelta(index, text):
                assert text, "an event without text"
                assert open_call is not None, f"arguments outside a call: {event}"
                assert index == open_call.index, f"arguments of another call: {event}"
                pieces.append(text)
            case ToolCallEnd(index, whole):
                assert open_call is not None, f"the end of a call that is over: {event}"
                assert index == open_call.index, f"the end of another call: {event}"
                open_call, complete = None, whole
                close()
    assert open_call is None or not finished, f"a call that is never over: {open_call}"
    close()
    return records


def _loaded(text: str) -> object:
    # Numbers as text: Python refuses to convert very long ones.
    return json.loads(text, parse_int=str, parse_float=str)


def cuts(text: str) -> Iterator[list[str]]:
    """The text in every way of two pieces, and in pieces of 1 to 11 characters."""
    for at in range(1, len(text)):
        yield [text[:at], text[at:]]
    yield from _pieces(text, range(1, 12))


def joint_cuts(text: str, apart: int) -> Iterator[list[str]]:
    """The text cut at every place too, but at places that are `apart` characters apart at once; and in pieces."""
    for first in range(1, min(apart + 1, len(text))):
        yield [text[:first], *(text[at : at + apart] for at in range(first, len(text), apart))]
    yield from _pieces(text, (1, 3, 7))


def _pieces(text: str, sizes: Iterable[int]) -> Iterator[list[str]]:
    for size in sizes:
        yield [text[at : at + size] for at in range(0, len(text), size)]


def message_records(message: Message, reply: str = "") -> list[Record]:
    """A message as records: reasoning, content, calls. A made id of a family's own kind is not in its `reply`."""
    records: list[Record] = []
    if message.reasoning is not None:
        records.append(Text("reasoning", message.reasoning))
    if message.content is not None:
        records.append(Text("content", message.content))
    for call in message.tool_calls:
        made = bool(_OWN_ID.fullmatch(call.id)) and bool(reply) and call.id not in reply
        shown = ANY_ID if made else call.id
        records.append(Called("call" if call.complete else "cut", call.name, call.arguments, shown))
    return records


def as_message(records: Iterable[Record]) -> list[Record]:
    """Records in the order of a message, its texts joined."""
    records = list(records)
    folded: list[Record] = []
    for kind in ("reasoning", "content"):
        text = "".join(record.text for record in records if isinstance(record, Text) and record.kind == kind)
        if text:
            folded.append(Text("reasoning" if kind == "reasoning" else "content", text))
    return [*folded, *(record for record in records if isinstance(record, Called))]


# --- nothing is lost

_WORD = re.compile(r"\w+")
_SYNTAX = frozenset({"name", "arguments", "parameters", "functions", "string", "json", "true", "false", "null", "none"})


def lost_words(reply: str, records: Iterable[Record], markup: Iterable[str]) -> list[str]:
    """The words of a reply, its markup taken out, that none of its records has.

    What a contract drops on purpose (a cut header, stray text in a section) is lost too: for replies without.
    """
    kept = " ".join(_SYNTAX)
    for text in _texts(records):
        kept += " " + _without(text, markup) + " " + _unescaped(_without(text, markup))
    kept = kept.lower()
    return [word for word in _WORD.findall(_unescaped(_without(reply, markup))) if word.lower() not in kept]


def _texts(records: Iterable[Record]) -> list[str]:
    """Every text that a client gets, texts of one kind that are split by a call or so joined too."""
    records = list(records)
    found = [record.text for record in as_message(records) if isinstance(record, Text)]
    for record in records:
        if isinstance(record, Text):
            found.append(record.text)
        else:
            found += [record.name, record.id or "", record.arguments, *strings_of(record.arguments)]
    return found


def _without(text: str, markup: Iterable[str]) -> str:
    for marker in sorted(markup, key=len, reverse=True):
        text = text.replace(marker, " ")
    return text


def _unescaped(text: str) -> str:
    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", " ", text)


def strings_of(arguments: str) -> list[str]:
    """Every string in a JSON text, keys included."""
    try:
        queue = [_loaded(arguments)]
    except ValueError:
        return []
    found: list[str] = []
    while queue:
        value = queue.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, list):
            queue.extend(value)
        elif isinstance(value, dict):
            queue.extend([*value.keys(), *value.values()])
    return found
