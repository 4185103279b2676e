"""Literals of JSON, Python and Gemma: one loop over what is due, with a stack of what is owed.

- A dialect says what its brackets, keys and scalars are, what becomes of text that is no literal, and whether the
  text passes as it is (JSON) or is written as compact JSON (`Compact`).
- White space, commas, brackets, markers and the end of the reply are read here, for all of them.
- Where a string may have ended without its quote, `Doubt` holds its text until that is known, for all of them.
- What a look ahead finds further off than a mark may hold is not there (`_ahead`).
- Nesting is counted on a list, never recursed.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import ClassVar, Generic, TypeVar

from ..cursor import SPACE, Cursor, Markers, Reading, Sink
from ..held import Held
from ..recovery import rule

OPENERS = "{["
CLOSERS = "}])"
CLOSER = {"{": "}", "[": "]", "(": ")"}
FOLLOWS_WITHIN = 256
"""White space that may stand before what follows a value."""

_CALL_BEGINS = re.compile(
    rf"[{SPACE}]{{0,64}}(?:(?P<body>[\[{{<]|```)|`{{1,2}}|"
    rf"[\w.:\-]{{1,256}}(?:(?P<head>[<\[(]|[{SPACE}]{{0,64}}(?:{{|```))|[{SPACE}]{{1,64}}`{{0,2}})?)?"
)
"""What may follow a call's opener: a name and its end or arguments, or a body at once."""
_OPENER_IN_PROSE = rule("a call's opener in a string, and no call behind it", contract="Candidates")

_CUT_MARKER = rule("a marker cut off at the end, after a value", contract="Cut marker")

Owed = TypeVar("Owed")


class Due(Enum):
    """What a literal goes on with."""

    FIRST_KEY = "first key"  # or the end of the object
    KEY = "key"
    COLON = "colon"
    FIRST_VALUE = "first value"  # or the end of the array
    VALUE = "value"
    MORE = "more"  # a comma or a closing bracket


class Read(Enum):
    """How reading a piece of a literal ended."""

    DONE = "done"
    CUT = "cut"  # the reply, or what is read, ends in it
    OTHER = "other"  # it is not what is due; nothing was read, or what was read is text


# Tuples: an enum's members have a hash that is written in Python.
KEYS = (Due.FIRST_KEY, Due.KEY)
VALUES = (Due.FIRST_VALUE, Due.VALUE)
CLOSABLE = (Due.FIRST_KEY, Due.FIRST_VALUE, Due.MORE)


def other() -> Reading[Read]:
    """Read nothing: what stands here is not due."""
    return Read.OTHER
    yield  # a generator, as all reads are


class Doubt:
    """The text of a string from where it may have ended without its quote, held until that is known."""

    __slots__ = ("_cursor", "_mark", "_sink", "_text", "say")

    def __init__(self, cursor: Cursor, sink: Sink) -> None:
        self._cursor = cursor
        self._sink = sink
        self._mark = cursor.mark(room=None)
        self._text = Held()
        self.say = self._text.append

    def closed(self) -> Read:
        """The quote has been read that closes the string: what was held is text."""
        self._cursor.settle(self._mark)
        self._sink(self._text.take())
        return Read.DONE

    def cut(self) -> Read:
        """The string ended where it may have: what follows is read again."""
        self._cursor.rewind(self._mark)
        return Read.CUT


class Literal(Generic[Owed]):
    """A literal that is read: what is owed to close it, and what is due next."""

    __slots__ = ("_cursor", "_due", "_ends", "_finished", "_owed", "_sink")

    structure: ClassVar[str] = "{}[],:"
    space: ClassVar[str] = SPACE
    spaces: ClassVar[re.Pattern[str]] = re.compile(f"[{SPACE}]*")

    def __init__(self, cursor: Cursor, sink: Sink, ends: Markers) -> None:
        self._cursor = cursor
        self._sink = sink
        self._ends = ends
        self._owed: list[Owed] = []
        self._due = Due.VALUE
        self._finished = False  # the last thing read is a value that its own text ends

    def read(self) -> Reading[bool]:
        """Read the literal, up to its last character or a marker; whether it is whole."""
        cursor, ends, owed = self._cursor, self._ends, self._owed
        space, spaces, structure, firsts = self.space, self.spaces, self.structure, ends.firsts
        while True:
            if cursor.at == len(cursor.text):
                if cursor.ended:
                    return self._end()
                yield
                continue
            char = cursor.text[cursor.at]
            if char in space:
                found = spaces.match(cursor.text, cursor.at)
                assert found is not None  # a starred class matches everywhere
                self._space(cursor.take(found.end()))
                continue
            if char in firsts and (yield from cursor.stands(ends)):
                return self._end()
            if char in firsts and _CUT_MARKER and self._due is Due.MORE and cursor.cut_of(ends):
                return self._end()
            read = self._structure(char) if char in structure else None
            if read is None:
                read = yield from self._item(char)
            if read is Read.OTHER:
                read = yield from self._instead()
            if read is not Read.DONE:
                return False
            if not owed:
                return True

    def _ahead(self, reading: Reading[bool]) -> Reading[bool]:
        """Whether `reading` finds what it looks for; nothing is read."""
        return self._cursor.ahead(reading, False)

    def _marker_behind(self, end: int, markers: Markers) -> Reading[bool]:
        """Read up to a place in the text at hand; whether a marker stands there."""
        self._cursor.take(end)
        return (yield from self._cursor.stands(markers)) is not None

    def _call_begins(self, opener: str) -> Reading[bool]:
        """Whether a call may begin behind an opener that stands here, and no prose does; nothing is read."""
        return not _OPENER_IN_PROSE or (yield from self._ahead(self._behind(opener)))

    def _behind(self, opener: str) -> Reading[bool]:
        cursor = self._cursor
        cursor.take(cursor.at + len(opener))
        found = yield from cursor.look(_CALL_BEGINS)
        bare = cursor.ended and not cursor.text[cursor.at :].strip(SPACE)
        return bare or found["body"] is not None or found["head"] is not None

    def _space(self, text: str) -> None:
        """White space has been read."""
        raise NotImplementedError

    def _structure(self, char: str) -> Read | None:
        """Read a character that may be a bracket, a comma or a colon; None if it begins a key or a scalar here."""
        raise NotImplementedError

    def _item(self, char: str) -> Reading[Read]:
        """Read a key or a scalar that begins with `char`."""
        raise NotImplementedError

    def _instead(self) -> Reading[Read]:
        """Read what is not due: `CUT` if the literal ends there."""
        raise NotImplementedError

    def _end(self) -> bool:
        """The reply or a marker ends the literal here: whether it is whole, but for closing brackets."""
        raise NotImplementedError
