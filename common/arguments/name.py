"""Reads the name of a function or parameter, as the markups write it.

A function's name has no white space, brackets, commas or quotes; a parameter's may have them inside.
"""

from __future__ import annotations

import re

from ..cursor import NO_MARKERS, SPACE, Cursor, Markers, Reading
from ..recovery import drift, recovering, recovers

MAX_NAME = 256

_NAME = re.compile(rf"""[^<>{{(\[\]`"'“”,{SPACE}]*""")
_QUOTES = {'"': '"', **dict(drift("the quotes of a name", ("'", "'"), ("“", "”")))}
"""The opening quotes of a name, and the closing quote of each."""
_INSIDE_TAG = re.compile(r"[^<>]*")
_AFTER_KEY = re.compile(r"\s[A-Za-z_][\w-]*\s*=|[\r\n]")
_ESCAPED = recovering("the quotes of a name escaped, as inside a JSON string", "\\", off="\0")
_HALF_QUOTED = recovering("a name with only its closing quote", '"', off="\0", contract="Spellings of a parameter")
_NO_KEY = ("(", "[", "{", "`", ",")
_SEPARATORS = re.compile("[:._-]*")
_DIGITS = re.compile("[0-9]*")


def read_name(cursor: Cursor, strays: Markers = NO_MARKERS) -> Reading[str]:
    """Read a name, with optional quotes and space around it, and `strays` after it. Returns "" if there is none."""
    yield from cursor.space()
    mark = yield from cursor.peek()
    escaped = mark == _ESCAPED
    if escaped:
        cursor.take(cursor.at + 1)
        mark = yield from cursor.peek()
    quoted = mark != "" and mark in _QUOTES
    if quoted:
        cursor.take(cursor.at + 1)
        yield from cursor.space()
    name = yield from cursor.run(_NAME, MAX_NAME)
    while name and strays.all and (yield from cursor.match(strays)) is not None:
        pass
    if escaped:
        name = name.removesuffix("\\")
    yield from cursor.space()
    if name and (yield from cursor.peek()) == (_QUOTES[mark] if quoted else _HALF_QUOTED):
        cursor.take(cursor.at + 1)
        yield from cursor.space()
    return name


@recovers("white space around the separator of a call's number", off=read_name, contract="Mangled names")
def read_numbered_name(cursor: Cursor, strays: Markers = NO_MARKERS) -> Reading[str]:
    """Read a name as `read_name` does, and a call's number after it, with white space around their separator or not."""
    name = yield from read_name(cursor, strays)
    if not name or len(name) == MAX_NAME:
        return name
    separator = yield from cursor.run(_SEPARATORS, MAX_NAME)
    if separator:
        yield from cursor.space()
    if separator or name[-1] in ":._-":
        number = yield from cursor.run(_DIGITS, MAX_NAME)
        name += separator + number
        yield from cursor.space()
    return name


def read_key(cursor: Cursor) -> Reading[tuple[str, str]]:
    """Read a parameter's name, with optional quotes and white space around it, and the attributes after it.

    The name is "" if there is none.
    """
    text = (yield from cursor.run(_INSIDE_TAG)).strip(SPACE)
    if text.startswith(_ESCAPED):
        text = text.replace('\\"', '"').replace("\\'", "'")
    mark = text[:1]
    if mark and mark in _QUOTES:
        name, _, attributes = text[1:].partition(_QUOTES[mark])
    else:
        attribute = _AFTER_KEY.search(text)
        stop = attribute.start() if attribute is not None else len(text)
        name, attributes = text[:stop].rstrip(_HALF_QUOTED), text[stop:]
    name = name.strip(SPACE)
    return ("" if len(name) > MAX_NAME or name.startswith(_NO_KEY) else name), attributes


def is_name(text: str) -> bool:
    """Return whether `text` can be a name."""
    return 0 < len(text) <= MAX_NAME and _NAME.fullmatch(text) is not None and text.isprintable()
