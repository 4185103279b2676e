"""A value written as text, turned into JSON text as it streams.

- A declared string is verbatim and streams. A value that may be of another type is held while it can be one:
  `string or number` streams as soon as the text cannot be the number.
- Framing: one newline on each side of the value, where the family's template writes it, is dropped.
"""

from __future__ import annotations

import re
from json.encoder import encode_basestring as quote

from ..cursor import SPACE, Sink
from ..held import Held
from ..recovery import recovers
from ..schema import STRING, Types, read, write

_NUMERIC = re.compile(rf"[0-9eE+\-.{SPACE}]*\Z")
_WORDS = {"null": ("null",), "boolean": ("true", "false")}
_NUMERIC_FIRST = frozenset("+-.0123456789")
_SHORT = 512
_NUMBERS = frozenset({"integer", "number"})
_BRACKETS = {"{": "object", "[": "array"}


class TextValue:
    """A sink for one value's text; writes the value's JSON text to `sink`."""

    __slots__ = (
        "_at_start",
        "_first",
        "_framed",
        "_held",
        "_newline",
        "_sink",
        "_size",
        "_types",
        "_word",
        "at_line_start",
    )

    def __init__(self, sink: Sink, types: Types, *, framed: bool) -> None:
        self._sink = sink
        self._types = types
        self._framed = framed
        self._at_start = True
        self._newline = False  # a newline is held: it may be the framing before the closer
        self.at_line_start = False
        self._first = ""  # the held text's first character that is no white space
        self._word = ""  # the held text, while it may be a word
        self._size = 0  # of the held text
        self._held: Held | None = None  # None: the value streams as a string
        if types == STRING:
            sink('"')
        else:
            self._held = Held()

    def text(self, piece: str) -> None:
        """The next piece of the value's text, not empty."""
        if self._framed:
            self.at_line_start = piece[-1] == "\n"
            if self._at_start:
                self._at_start = False
                piece = piece.removeprefix("\n")
            if self._newline:
                piece = "\n" + piece
            self._newline = piece.endswith("\n")
            if self._newline:
                piece = piece[:-1]
        if not piece:
            return
        if self._held is not None:
            self._held.append(piece)
            self._size += len(piece)
            if self._may_be_other(piece):
                return
            piece = self._held.take()
            self._held = None
            self._sink('"')
        self._sink(quote(piece)[1:-1])

    def _may_be_other(self, piece: str) -> bool:
        """Whether the held text, which `piece` ends, can still be something else than a string."""
        if "string" not in self._types:
            return True
        if not self._first:
            self._first = piece.lstrip(SPACE)[:1]
        if not self._first:
            return True
        if self._first in _BRACKETS:
            return _BRACKETS[self._first] in self._types
        if self._first in _NUMERIC_FIRST and not self._types.isdisjoint(_NUMBERS):
            return _NUMERIC.match(piece) is not None
        word = (self._word + piece).lstrip(SPACE)
        bare = word.rstrip(SPACE)
        self._word = bare + word[len(bare) : len(bare) + 1]  # a gap matters, its length does not
        return any(
            each == bare or each.startswith(word)
            for kind, words in _WORDS.items()
            if kind in self._types
            for each in words
        )

    def is_no_string(self) -> bool:
        """Whether the text so far is held, short, and reads as something else than a string."""
        if self._held is None or self._size > _SHORT:
            return False
        return not read(self._held.text(), self._types).startswith('"')

    @recovers(
        "a value without its closer before one around it", off=False, contract="What ends a value that lacks its closer"
    )
    def is_finished(self) -> bool:
        """Whether the text so far is all of the value, which may not be a string."""
        return "string" not in self._types and self.is_no_string()

    def end(self) -> None:
        """The value's text is over."""
        if self._held is not None:
            write(self._held.take(), self._types, self._sink)
        else:
            self._sink('"')
