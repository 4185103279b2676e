"""Arguments that are a JSON object in the markup: passed on as `json_text` reads them.

- A JSON string that contains an object is unwrapped, even if its own quotes are not escaped.
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
from .strays import FENCE as CODE_FENCE
from .strays import read_strays
from .tag_parts import Arguments, Around
from .tag_parts import Sink as CallSink

_QUOTES = recovering("arguments as a JSON string", "\"'", off="\0", contract="Wrapped arguments")
_QUOTE = Markers('"')
_NULL = Markers(drift("no arguments", "null", "None", contract="No arguments"))
_UNESCAPED = recovering(
    "arguments as a JSON string whose quotes are not escaped",
    re.compile(rf'"?[{SPACE}]*(?:\{{[{SPACE}]*(?:"(?P<key>\w)?)?)?'),
    off=re.compile("(?P<key>(?!))?"),
    contract="Wrapped arguments",
)
_SURROGATE = re.compile("[\ud800-\udfff]")
FENCE = Markers((CODE_FENCE,))
FENCES = Markers(drift("a code fence around calls", "```", "```json", contract="Unmarked JSON"))
_EMPTY = rule("an empty string as arguments", contract="No arguments")
_LANGUAGE = re.compile(r"[A-Za-z0-9]*")
_DOUBLED_BRACE = recovering("the brace around the arguments doubled", "{{", off="\0")
_BRACES = re.compile(r"\{{0,2}")
_BRACE = rf"(?:{re.escape(_DOUBLED_BRACE)}|\{{)[{SPACE}]*"
_FIRST_PIECE = re.compile(rf"""(?:([{_QUOTES}])|{_BRACE}(?:(["'}}])|[A-Za-z0-9_$.-]{{1,64}}[{SPACE}]*(:)?)?)?""")


@dataclass(frozen=True, slots=True)
class JsonObject(Arguments):
    """`{"city": "Paris"}`"""

    fenced: bool = False
    """Whether the template puts the object into a Markdown code fence, which may be missing."""

    def read(
        self, cursor: Cursor, call: CallSink, parameters: Parameters, around: Around, key: str = ""
    ) -> Reading[bool]:
        fence = (yield from read_fence(cursor)) if self.fenced else NO_MARKERS
        yield from cursor.space()
        fits = yield from begins(cursor, union(around.closers, FENCE) if self.fenced else around.closers)
        if not fits:
            if fits is None:
                cursor.take(len(cursor.text))
            return False
        own = union(around.closers, around.openers)
        # Reasoning and code fences do not begin inside a string.
        within = json_text.inside(union(own, around.reply.ends_strings), openers=around.openers)
        sink = call.announce().arguments
        ends = union(own, around.stops, fence)
        complete = yield from read_object(cursor, sink, ends, within, parameters.required)
        if self.fenced:
            yield from read_strays(cursor, FENCE, once=True)
        return complete


def read_fence(cursor: Cursor) -> Reading[Markers]:
    """Read white space, and a code fence if there is one. Returns the fence's closer, or no markers."""
    yield from cursor.space()
    if (yield from cursor.match(FENCE)) is None:
        return NO_MARKERS
    yield from cursor.run(_LANGUAGE)
    yield from cursor.space()
    return FENCE


def begins(cursor: Cursor, ends: Markers) -> Reading[bool | None]:
    """Return whether the first piece of an object, or a substitute, is here; None if the reply ends before that."""
    ends = union(ends, _NULL)
    if (yield from cursor.stands(ends)) is not None:
        return True
    found = yield from cursor.look(_FIRST_PIECE)
    if found.lastindex is not None:
        return True
    cut = cursor.ended and (found.end() == len(cursor.text) or ends.begins(cursor.text[cursor.at :]))
    return None if cut else False


def read_object(
    cursor: Cursor,
    sink: Sink,
    ends: Markers,
    within: json_text.Inside | None = None,
    required: frozenset[str] = frozenset(),
) -> Reading[bool]:
    """Read arguments, including their last bracket. Returns whether they are complete.

    `within`, `required`: see `json_text.value`.
    """
    yield from cursor.space()
    char = yield from cursor.peek()
    if char == "{":
        if (yield from cursor.look(_BRACES)).group() == _DOUBLED_BRACE:
            cursor.take(cursor.at + 1)
        return (yield from cursor.directly(json_text.value(cursor, sink, ends, within, required)))
    if char and char in _QUOTES:
        if (yield from cursor.look(_UNESCAPED))["key"]:
            cursor.take(cursor.at + 1)
            complete = yield from read_object(cursor, sink, ends, within, required)
            yield from cursor.match(_QUOTE)
            return complete
        return (yield from _unwrapped(cursor, sink, ends, within))
    if not char or (char in ends.firsts and (yield from cursor.stands(ends))):
        if char:
            sink("{}")
        return bool(char)
    if char in _NULL.firsts and (yield from cursor.match(_NULL)):
        sink("{}")
        return True
    yield from json_text.value(cursor, sink, ends, within)
    return False


def _unwrapped(cursor: Cursor, sink: Sink, ends: Markers, within: json_text.Inside | None) -> Reading[bool]:
    """Read arguments in a JSON string. Returns whether it is closed and contains an object, which is output alone."""
    text, closed = yield from json_text.held_string(cursor, ends, within)
    if not closed:
        if not cursor.at_end:  # it ended before a marker
            sink(text)
        return False
    inner = json_text.decoded(text)
    if _EMPTY and inner is not None and not inner.strip():
        sink("{}")
        return True
    inner = inner and _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", inner)
    whole = json_text.repaired(inner) if inner is not None and inner.lstrip().startswith("{") else None
    sink(text if whole is None else whole)
    return whole is not None
