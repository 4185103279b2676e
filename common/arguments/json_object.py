"""Arguments that are a JSON object in the markup: passed on as `json_text` reads them.

- A JSON string that holds an object is unwrapped.
- No arguments, `null` and `""` are `{}`.
- Anything else is passed on as it is, and the call is not complete.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..cursor import NO_MARKERS, SPACE, Cursor, Markers, Reading, Sink, union
from ..recovery import drift, recovering, rule
from ..schema import Parameters
from . import json_text
from .literals import Read
from .strays import read_strays
from .tag_parts import Arguments, Around
from .tag_parts import Sink as CallSink

_QUOTES = recovering("arguments as a JSON string", "\"'", off="\0", contract="Wrapped arguments")
_NULL = Markers(drift("no arguments", "null", "None", contract="No arguments"))
_SURROGATE = re.compile("[\ud800-\udfff]")
_FENCE = Markers(("```",))
FENCES = Markers(drift("a code fence around calls", "```", "```json", contract="Unmarked JSON"))
_EMPTY = rule("an empty string as arguments", contract="No arguments")
_LANGUAGE = re.compile(r"[A-Za-z0-9]*")
_FIRST_PIECE = re.compile(rf"""(?:([{_QUOTES}])|\{{[{SPACE}]*(?:(["'}}])|[A-Za-z0-9_$.-]{{1,64}}[{SPACE}]*(:)?)?)?""")


@dataclass(frozen=True, slots=True)
class JsonObject(Arguments):
    """`{"city": "Paris"}`"""

    fenced: bool = False
    """Whether the template puts the object into a Markdown code fence, which may be missing."""

    def fits(self, cursor: Cursor, ends: Markers) -> Reading[bool | None]:
        """Read the first piece of an object; whether it was one, None if the reply ends before that is known."""
        fence = yield from self._fence(cursor)
        if (yield from cursor.stands(union(ends, fence, _NULL))) is not None:
            return True
        found = yield from cursor.look(_FIRST_PIECE)
        if found.lastindex is not None:
            return True
        cut = cursor.ended and found.end() == len(cursor.text)
        return None if cut or cursor.cut_of(union(ends, _NULL, _FENCE if self.fenced else fence)) else False

    def _fence(self, cursor: Cursor) -> Reading[Markers]:
        """Read white space, and a code fence if there may be one; what closes that."""
        yield from cursor.space()
        if not self.fenced or (yield from cursor.match(_FENCE)) is None:
            return NO_MARKERS
        yield from cursor.run(_LANGUAGE)
        yield from cursor.space()
        return _FENCE

    def read(
        self, cursor: Cursor, call: CallSink, parameters: Parameters, around: Around, key: str = ""
    ) -> Reading[bool]:
        fits = yield from cursor.ahead(self.fits(cursor, around.closers), False)
        if not fits:
            if fits is None:
                cursor.take(len(cursor.text))
            return False
        own = union(around.closers, around.openers)
        # No reasoning begins in a string, and no code fence does.
        within = json_text.inside(union(own, around.reply.ends_strings), openers=around.openers)
        sink = call.announce().arguments
        return (yield from self.read_body(cursor, sink, parameters, union(own, around.stops), within))

    def read_body(
        self, cursor: Cursor, sink: Sink, parameters: Parameters, ends: Markers, within: json_text.Inside
    ) -> Reading[bool]:
        """Read the arguments up to their last bracket; whether they are whole. `within`: as `json_text.value`."""
        fence = yield from self._fence(cursor)
        complete = yield from read_object(cursor, sink, union(ends, fence), within, parameters.required)
        if self.fenced:
            yield from read_strays(cursor, _FENCE, once=True)
        return complete


def read_object(
    cursor: Cursor,
    sink: Sink,
    ends: Markers,
    within: json_text.Inside | None = None,
    required: frozenset[str] = frozenset(),
) -> Reading[bool]:
    """Read arguments up to their last bracket; whether they are whole. `within`, `required`: as `json_text.value`."""
    yield from cursor.space()
    char = yield from cursor.peek()
    if char == "{":
        return (yield from cursor.directly(json_text.value(cursor, sink, ends, within, required)))
    if char and char in _QUOTES:
        return (yield from _unwrapped(cursor, sink))
    if not char or (char in ends.firsts and (yield from cursor.stands(ends))):
        if char:
            sink("{}")
        return bool(char)
    if char in _NULL.firsts and (yield from cursor.match(_NULL)):
        sink("{}")
        return True
    yield from json_text.value(cursor, sink, ends, within)
    return False


def _unwrapped(cursor: Cursor, sink: Sink) -> Reading[bool]:
    """Arguments written as a JSON string: what it holds, if that is an object."""
    pieces: list[str] = []
    closed = (yield from json_text.string(cursor, pieces.append)) is Read.DONE
    if not closed:
        return False
    text = "".join(pieces)
    inner = json_text.decoded(text)
    if _EMPTY and inner is not None and not inner.strip():
        sink("{}")
        return True
    inner = inner and _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", inner)
    whole = json_text.repaired(inner) if inner is not None and inner.lstrip().startswith("{") else None
    sink(text if whole is None else whole)
    return whole is not None
