"""Arguments in XTML, Kimi K3's markup: `<|open|>argument key="city" type="string"<|sep|>Paris<|close|>argument<|sep|>`.

- The attribute `type` gives the type of a value; without it the value is a string. Only attributes have escapes:
  `&quot;` and `&amp;`.
- One JSON object in a tag `json` may replace the arguments.
- There may be spaces around a tag's name, and a closing tag may lack its `<|sep|>`.
"""

from __future__ import annotations

import re

from ..cursor import Cursor, Markers, Reading, union
from ..format import Span
from ..recovery import drift, recovering, rule
from ..schema import Parameters
from .json_object import read_object
from .name import MAX_NAME
from .strays import read_strays
from .tag_parts import Around, Header, Sink
from .tags import Spelling, Tags

OPEN = "<|open|>"
CLOSE = "<|close|>"
SEP = "<|sep|>"

_ENDS = Markers((OPEN, CLOSE, SEP))
_TAG_ENDS = Markers((SEP, ">"))
_CLOSING = re.compile(r"[^<>\r\n]*")
_QUOTED = '"([^"]*)"'
_ATTRIBUTE_VALUES = (_QUOTED, *drift("how an attribute's value is written", "'([^']*)'", r"([^\s\"'=]+)"))
_ATTRIBUTE = re.compile(rf"\s*([A-Za-z_][\w.-]*)\s*=\s*(?:{'|'.join(_ATTRIBUTE_VALUES)})")
_SPACES = ("", *drift("white space around a tag's name", " "))
_ESCAPED = recovering("quotes of an attribute as a JSON string writes them", '\\"', off="\0")
_CLOSER_AS_END = rule("a tag without its end before another tag")
_CLOSER_WITHOUT_END = rule("a closing tag without its end")
_JSON = rule("arguments as one JSON object in a tag")


def opening(tag: str) -> tuple[str, ...]:
    """Return the spellings of an opening tag without attributes."""
    return tuple(f"{OPEN}{before}{tag}{after}{SEP}" for before in _SPACES for after in _SPACES)


def closing(tag: str) -> tuple[str, ...]:
    """Return the spellings of a closing tag."""
    whole = tuple(f"{CLOSE}{before}{tag}{after}{SEP}" for before in _SPACES for after in _SPACES)
    return (*whole, *(f"{CLOSE}{before}{tag}" for before in _SPACES)) if _CLOSER_WITHOUT_END else whole


def spans(tag: str) -> tuple[Span, ...]:
    """Return the spellings of a tag up to its attributes, each with one spelling of its closing tag."""
    return tuple(Span(f"{OPEN}{_SPACES[at % len(_SPACES)]}{tag}", close) for at, close in enumerate(closing(tag)))


def read_attributes(cursor: Cursor, *, ended: bool) -> Reading[dict[str, str] | None]:
    """Read the attributes of a tag, including its `<|sep|>`.

    `ended`: the `<|sep|>` must be there; else another tag, which is not consumed, may end the attributes.

    Returns:
        The attributes by name; None if the text is not attributes.
    """
    pieces: list[str] = []
    end = yield from cursor.until(_ENDS, pieces.append)
    if end is None or (end != SEP and (ended or not _CLOSER_AS_END)):
        return None
    if end != SEP:
        cursor.at -= len(end)
    text = "".join(pieces).replace(_ESCAPED, '"')  # in a quoted call
    attributes: dict[str, str] = {}
    at = 0
    while found := _ATTRIBUTE.match(text, at):
        name, *values = found.groups()
        value = next(value for value in values if value is not None)
        attributes[name] = value.replace("&quot;", '"').replace("&amp;", "&")
        at = found.end()
    return None if text[at:].strip() else attributes


class XtmlValues(Tags):
    """One tag per parameter, with its name and type as attributes."""

    @property
    def markers(self) -> frozenset[str]:
        return super().markers | _JSON_OPEN.all | _JSON_CLOSE.all

    def read(self, cursor: Cursor, call: Sink, parameters: Parameters, around: Around, key: str = "") -> Reading[bool]:
        yield from cursor.space()
        if not _JSON or (yield from cursor.match(_JSON_OPEN)) is None:
            if cursor.cut_of(_JSON_OPEN):
                return False
            return (yield from super().read(cursor, call, parameters, around))
        sink = call.announce().arguments
        ends = union(around.closers, around.openers, around.turn_ends, _JSON_CLOSE)
        complete = yield from read_object(cursor, sink, ends, required=parameters.required)
        yield from read_strays(cursor, _JSON_CLOSE)
        return complete

    def _read_tag(self, cursor: Cursor) -> Reading[Header | None]:
        attributes = yield from read_attributes(cursor, ended=True)
        if not attributes or "key" not in attributes:
            return None
        return Header(attributes["key"], {"type": "string", **attributes})

    def read_closing(self, cursor: Cursor) -> Reading[str]:
        mark = cursor.mark()
        text = yield from cursor.run(_CLOSING, MAX_NAME)
        if (yield from cursor.match(_TAG_ENDS)) is not None:
            cursor.settle(mark)
            return text.strip()
        cursor.rewind(mark)
        return ""


_JSON_OPEN = Markers(opening("json"))
_JSON_CLOSE = Markers(closing("json"))
_ARGUMENT, *_OTHERS = spans("argument")

XTML_VALUES = XtmlValues(
    open=_ARGUMENT.open,
    name_end=(SEP,),
    close=_ARGUMENT.close,
    spellings=tuple(Spelling(each.open, each.close) for each in _OTHERS),
    closes=(CLOSE, *drift("what begins a foreign closer", "</", contract="Foreign closers")),
    typed_by="type",
    type_words=(("integer", "number"),),
)
