"""The name of a function or parameter, as the markups write it."""

from __future__ import annotations

import re

from ..cursor import SPACE, Cursor, Reading

MAX_NAME = 256

_NAME = re.compile(rf"""[^<>{{(\[\]`"',{SPACE}]*""")
_QUOTES = "\"'"


def read_name(cursor: Cursor) -> Reading[str]:
    """Read a name with optional quotes and white space around it; "" where none stands."""
    yield from cursor.space()
    mark = yield from cursor.peek()
    escaped = mark == "\\"  # the quotes inside a JSON string
    if escaped:
        cursor.take(cursor.at + 1)
        mark = yield from cursor.peek()
    if mark and mark in _QUOTES:
        cursor.take(cursor.at + 1)
    name = yield from cursor.run(_NAME, MAX_NAME)
    if escaped:
        name = name.removesuffix("\\")
    if mark and mark in _QUOTES and (yield from cursor.peek()) == mark:
        cursor.take(cursor.at + 1)
    yield from cursor.space()
    return name


def is_name(text: str) -> bool:
    """Whether `text` can be a name."""
    return 0 < len(text) <= MAX_NAME and _NAME.fullmatch(text) is not None and text.isprintable()
