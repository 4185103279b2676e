"""Reads literals of JSON, Python and Gemma: one loop over what is due next, with a stack of the closers that are owed.

- A dialect defines its brackets, keys and scalars, what happens to text that is not a literal, and whether the text is
  passed on as it is (JSON) or written as compact JSON (`Compact`).
- White space, commas, brackets, markers and the end of the reply are handled here, for all of them.
- If a string may have ended without its quote, `Doubt` holds its text until that is known.
- A look ahead that would go further than a mark may hold finds nothing (`_ahead`).
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
"""The most white space before what follows a value."""

_CALL_BEGINS = re.compile(
    rf"[{SPACE}]{{0,64}}(?:(?P<body>[\[{{<]|```)|`{{1,2}}|"
    rf"[\w.:\-]{{1,256}}(?:(?P<head>[<\[(]|>?[{SPACE}]{{0,64}}(?:{{|```))|>?[{SPACE}]{{0,64}}`{{0,2}}))?"
)
"""What may follow a call's opener: a name and its end or arguments, or a body at once."""
_OPENER_IN_PROSE = rule("a call's opener in a string, and no call after it", contract="Candidates")

_CUT_MARKER = rule("a marker cut off at the end, after a value", contract="Cut marker")

Owed = TypeVar("Owed")


class Due(Enum):
    """What comes next in a literal."""

    FIRST_KEY = "first key"  # or the end of the object
    KEY = "key"
    COLON = "colon"
    FIRST_VALUE = "first value"  # or the end of the array
    VALUE = "value"
    MORE = "more"  # a comma or a closing bracket


class Read(Enum):
    """How reading a piece of a literal ended."""

    DONE = "done"
    CUT = "cut"  # the reply, or the literal, ends inside it
    OTHER = "other"  # it is not what is due; nothing was consumed, or what was consumed is text


# Tuples, because hashing a member of an enum is slow.
KEYS = (Due.FIRST_KEY, Due.KEY)
VALUES = (Due.FIRST_VALUE, Due.VALUE)
CLOSABLE = (Due.FIRST_KEY, Due.FIRST_VALUE, Due.MORE)


def other() -> Reading[Read]:
    """Read nothing and return OTHER."""
    return Read.OTHER
    yield  # a generator, as all reads are


class Doubt:
    """Holds the text of a string from the place where it may have ended without its quote, until that is known."""

    __slots__ = ("_cursor", "_mark", "_sink", "_text", "say")

    def __init__(self, cursor: Cursor, sink: Sink) -> None:
        self._cursor = cursor
        self._sink = sink
        self._mark = cursor.mark(room=None)
        self._text = Held()
        self.say = self._text.append

    def closed(self) -> Read:
        """Decide that the held text is part of the string, whose closing quote has been read."""
        self._cursor.settle(self._mark)
        self._sink(self._text.take())
        return Read.DONE

    def cut(self) -> Read:
        """Decide that the string ended before the held text, which is read again."""
        self._cursor.rewind(self._mark)
        return Read.CUT


class Literal(Generic[Owed]):
    """A literal that is being read: the closers that are owed, and what is due next."""

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
        self._finished = False  # the last thing read is a value whose own text shows its end

    def read(self) -> Reading[bool]:
        """Read the literal, up to its last character or a marker. Returns whether it is complete."""
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
        """Return the result of `reading`, False if it reads too far. Consumes nothing."""
        return self._cursor.ahead(reading, False)

    def _marker_after(self, end: int, markers: Markers) -> Reading[bool]:
        """Read up to position `end` of the text at hand. Returns whether a marker is there."""
        self._cursor.take(end)
        return (yield from self._cursor.stands(markers)) is not None

    def _call_begins(self, opener: str) -> Reading[bool]:
        """Return whether a call, and not prose, may begin after the opener that is here. Consumes nothing."""
        return not _OPENER_IN_PROSE or (yield from self._ahead(self._call_after(opener)))

    def _call_after(self, opener: str) -> Reading[bool]:
        cursor = self._cursor
        cursor.take(cursor.at + len(opener))
        found = yield from cursor.look(_CALL_BEGINS)
        bare = cursor.ended and not cursor.text[cursor.at :].strip(SPACE)
        return bare or found["body"] is not None or found["head"] is not None

    def _space(self, text: str) -> None:
        """Handle white space that was read."""
        raise NotImplementedError

    def _structure(self, char: str) -> Read | None:
        """Read a bracket, a comma or a colon, or a word at hand. Returns None if `_item` has to read here."""
        raise NotImplementedError

    def _item(self, char: str) -> Reading[Read]:
        """Read a key or a scalar that begins with `char`."""
        raise NotImplementedError

    def _instead(self) -> Reading[Read]:
        """Read text that is not what is due. Returns CUT if the literal ends there."""
        raise NotImplementedError

    def _end(self) -> bool:
        """End the literal before a marker or the reply's end. Returns whether only closing brackets were missing."""
        raise NotImplementedError
