"""Turns a value written as text into JSON text as it streams.

- A declared string is output verbatim and streams. A value that may have another type is held as long as it can have
  it: `string or number` streams as soon as the text cannot be a number.
- Framing: if the family's template writes a newline on each side of a value, one on each side is dropped. In every
  family one is dropped at the end of a value whose closer is missing.
"""

from __future__ import annotations

import re
from json.encoder import encode_basestring as quote
from typing import ClassVar

from ..cursor import SPACE, Sink
from ..held import Held
from ..recovery import recovers
from ..schema import STRING, Types, read, write

_NUMERIC = re.compile(rf"[0-9eE+\-.{SPACE}]*\Z")
_WORDS = {"null": ("null",), "boolean": ("true", "false")}
_NUMERIC_FIRST = frozenset("+-.0123456789")
_QUOTES = re.compile(r'"|\\.|\\\Z', re.DOTALL)
_SHORT = 512
_TAG = re.compile(r"<([^\s<>/\"'=]+)")
_TAG_BEGINNING = re.compile(r"<[^\s<>/\"'=]*")
_LONGEST_TAG = 256
_MOST_TAGS = 512
_NUMBERS = frozenset({"integer", "number"})
_BRACKETS = {"{": "object", "[": "array"}


class JsonStrings:
    """Tracks whether a JSON text that comes in pieces is inside a string."""

    __slots__ = ("_escapes", "inside")

    def __init__(self) -> None:
        self.inside = False
        self._escapes = False  # the text ends in a backslash

    def note(self, piece: str) -> None:
        """Take the next piece of the text."""
        if '"' not in piece and "\\" not in piece and not self._escapes:
            return
        tokens = _QUOTES.findall("\\" + piece if self._escapes else piece)
        self._escapes = bool(tokens) and tokens[-1] == "\\"
        self.inside ^= tokens.count('"') % 2 == 1


class SeenTags:
    """The names of the tags that a text, which comes in pieces, opens."""

    __slots__ = ("names", "tail")

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.tail = ""  # the beginning of a tag in which the text ends

    def note(self, piece: str) -> None:
        """Take the next piece of the text; a piece without `<` may be left out if there is no tail."""
        text = self.tail + piece
        if len(self.names) < _MOST_TAGS:
            self.names.update(_TAG.findall(text))
        start = text.rfind("<")
        beginning = text[start:] if start >= 0 and len(text) - start <= _LONGEST_TAG else ""
        self.tail = beginning if _TAG_BEGINNING.fullmatch(beginning) else ""

    def add(self, name: str) -> None:
        """Add a tag that was seen without its opener."""
        if len(self.names) < _MOST_TAGS:
            self.names.add(name)

    def has(self, name: str) -> bool:
        return name in self.names or self.tail == f"<{name}"


class TextValue:
    """Takes one value's text and writes its JSON text to `sink`."""

    waits: ClassVar[bool] = False
    """Whether a string, too, is held until its first character comes."""

    def __init__(self, sink: Sink, types: Types, *, framed: bool) -> None:
        self._sink = sink
        self._types = types
        self._framed = framed
        self._at_start = True
        self._newline = False  # a newline is held: it may not be the value's
        self.at_line_start = False
        self._first = ""  # the held text's first character that is not white space
        self._word = ""  # the held text, while it may be a word
        self._settled = False  # the value is held to its end, whatever comes
        self._held: Held | None = None  # None: the value streams as a string
        self._strings: JsonStrings | None = None  # None: the text so far is not JSON
        self._tags: SeenTags | None = None
        if types != STRING or self.waits:
            self._held = Held()
        else:
            sink('"')

    def text(self, piece: str) -> None:
        """Take the next piece of the value's text, which is not empty."""
        if "<" in piece or (self._tags is not None and self._tags.tail):
            self.tags.note(piece)
        if self._framed:
            self.at_line_start = piece[-1] == "\n"
            if self._at_start:
                self._at_start = False
                piece = piece.removeprefix("\n")
        if self._newline or piece[-1:] == "\n":
            piece = "\n" * self._newline + piece
            self._newline = piece[-1] == "\n"
            piece = piece[: len(piece) - self._newline]
        if not piece:
            return
        if self._held is not None:
            self._held.append(piece)
            if self._settled:
                if self._strings is not None:
                    self._strings.note(piece)
                return
            if self._may_be_other(piece):
                return
            piece = self._held.take()
            self._held = None
            self._sink('"')
        self._sink(quote(piece)[1:-1])

    def _may_be_other(self, piece: str) -> bool:
        """Return whether the held text, which ends with `piece`, can still be something other than a string."""
        if not self._first:
            self._first = piece.lstrip(SPACE)[:1]
        if not self._first:
            return True
        is_string = "string" in self._types
        if self._first in _BRACKETS and (_BRACKETS[self._first] in self._types or not is_string):
            self._strings = JsonStrings()
            self._strings.note(piece)
            self._settled = True
        elif not is_string:
            self._settled = True
        if self._settled:
            return True
        if self._first in _BRACKETS:
            return False
        if self._first in _NUMERIC_FIRST and not self._types.isdisjoint(_NUMBERS):
            return _NUMERIC.match(piece) is not None
        word = (self._word + piece).lstrip(SPACE)
        bare = word.rstrip(SPACE)
        self._word = bare + word[len(bare) : len(bare) + 1]  # one space is enough to tell that the word has ended
        return any(
            each == bare or each.startswith(word)
            for kind, words in _WORDS.items()
            if kind in self._types
            for each in words
        )

    @property
    def may_be_string(self) -> bool:
        return "string" in self._types

    @property
    def tags(self) -> SeenTags:
        """The tags in the text."""
        if self._tags is None:
            self._tags = SeenTags()
        return self._tags

    @property
    def in_json_string(self) -> bool:
        """Whether the text so far ends inside a string of a JSON value."""
        return self._strings is not None and self._strings.inside

    def is_no_string(self) -> bool:
        """Return whether the text so far is held, is short, and is read as something other than a string."""
        if self._held is None or self._held.is_longer(_SHORT):
            return False
        return not read(self._held.text(), self._types).startswith('"')

    @recovers("a value without its closer before one around it", off=False, contract="It had ended")
    def is_finished(self) -> bool:
        """Return whether the text so far is a whole value of a type that cannot be a string."""
        return not self.may_be_string and self.is_no_string()

    @recovers("a line break where a value's closer is missing", off=None, contract="Framing")
    def lacks_closer(self) -> None:
        """Note that the value ends here without its closer: a line break before it is the next tag's."""
        self._newline = False

    def pass_on(self) -> None:
        """Pass on a line break that was held, unless it is framing: it is the value's."""
        if self._newline and not self._framed:
            self._newline = False
            if self._held is None:
                self._sink("\\n")
            else:
                self._held.append("\n")

    def end(self) -> None:
        """Finish: the value's text has ended."""
        self.pass_on()
        if self._held is not None:
            write(self._held.take(), self._types, self._sink)
        else:
            self._sink('"')
