"""What a case says comes of a reply: events merged into records, a line each.

    reasoning "plan"
    content "Sure."
    call get_weather {"city": "Paris"}
    call get_weather id=functions.get_weather:0 {"city": "Paris"}
    cut get_weather {"city": "Pa
    open get_weather {"city": "Pa
    call get_time = "{\"timezone\":\n \"UTC\"}"

`call` is a complete call, `cut` one that is over and not complete, `open` one that is not over. The argument text
is compared byte for byte; `=` puts it as a JSON string. An id is compared where the line has one; `id=call_*` is a
made one. Text deltas of one kind that follow each other are one line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

_CALL_LINE = re.compile(r"(call|cut|open) (\S+)(?: id=(\S+))?(?: (.*))?")
_MADE_ID = re.compile(r"call_[0-9a-f]{24}")
ANY_ID = "call_*"


@dataclass(frozen=True, slots=True)
class Text:
    """A run of content or reasoning."""

    kind: Literal["content", "reasoning"]
    text: str

    def __str__(self) -> str:
        return f"{self.kind} {_quoted(self.text)}"


@dataclass(frozen=True, slots=True)
class Called:
    """A call."""

    state: Literal["call", "cut", "open"]
    name: str
    arguments: str
    id: str | None  # None in a case: any

    def __str__(self) -> str:
        written = self.arguments
        plain = written == written.strip() and written.isprintable() and not written.startswith("= ")
        arguments = written if plain else f"= {_quoted(written)}"
        return " ".join(filter(None, (self.state, self.name, self.id and f"id={self.id}", arguments)))


Record: TypeAlias = Text | Called
"""Events merged: what a line of `events` says."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is written. `verbatim`: its argument text stands behind `=`."""

    record: Record
    verbatim: bool = False


def read_line(line: str) -> Line:
    """The record that a line writes. Raises ValueError if it writes none."""
    kind, _, text = line.partition(" ")
    if kind == "content":
        return Line(Text("content", string(json.loads(text))))
    if kind == "reasoning":
        return Line(Text("reasoning", string(json.loads(text))))
    found = _CALL_LINE.fullmatch(line)
    if found is None:
        raise ValueError("is no event")
    arguments = found[4] or ""
    verbatim = arguments.startswith("= ")
    if verbatim:
        arguments = string(json.loads(arguments[2:]))
    state: Literal["call", "cut", "open"] = "call" if kind == "call" else "cut" if kind == "cut" else "open"
    return Line(Called(state, found[2], arguments, found[3]), verbatim)


def lines_of(records: Sequence[Record], like: Sequence[Record]) -> list[str]:
    """The records as lines; ids where the records `like` them, of a case, have one."""
    lines = []
    for place, record in enumerate(records):
        if isinstance(record, Called):
            other = like[place] if place < len(like) else None
            wanted = other.id if isinstance(other, Called) else None
            shown = record.id if wanted else None
            if wanted == ANY_ID and shown and (shown == ANY_ID or _MADE_ID.fullmatch(shown)):
                shown = ANY_ID
            record = replace(record, id=shown)
        lines.append(str(record))
    return lines


def string(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a JSON string is due")
    return value


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())
