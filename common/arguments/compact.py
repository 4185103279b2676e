"""The common part of Python's and Gemma's literals, which are written as compact JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass
from json.encoder import encode_basestring as quote
from typing import ClassVar

from ..cursor import SPACE, Cursor, Markers, Reading, Sink
from ..held import Held
from ..proposed import Proposed
from ..recovery import rule
from ..schema import Parameters
from .literals import CLOSER, VALUES, Due, Literal, Read

_PIECES = 256
"""The number of pieces of JSON text at which they are joined, as each takes some 50 bytes besides its text."""


_WORD = re.compile(r"[\w.+\-]*")
_WORD_AND_SPACE = re.compile(rf"([\w.+\-]*)[{SPACE}]*")
_SHORT = 64


def read_word(cursor: Cursor) -> Reading[tuple[str, str]]:
    """Read and return a number or a bare word, and the white space after it."""
    found = yield from cursor.look(_WORD_AND_SPACE, _SHORT)
    word, space = cursor.take(found.end(1)), cursor.take(found.end())
    if len(word) + len(space) > _SHORT:  # there may be more of it
        if not space:
            word += yield from cursor.run(_WORD)
        space += yield from cursor.space()
    return word, space


_MISSING_CLOSERS = rule("closing brackets missing before a marker or the end", contract="Only closers missing")


@dataclass(slots=True)
class Open:
    """A bracket that is open in arguments."""

    closer: str
    keyed: bool = False
    """Whether its members have keys."""
    place: int = 0
    """The index of the bracket among the pieces of JSON text."""
    members: int = 0
    comma: bool = False
    key: int | None = None
    """The index of a member that may be a key."""


class Compact(Literal[Open]):
    """The arguments of one call, written as compact JSON.

    Strings stream. A container is output as a whole, because only its end shows what its brackets become, and whether
    it is a container; until then its source is kept.
    """

    __slots__ = ("_before", "_call", "_gap", "_given", "_key", "_parameters", "_pieces", "_settled", "_source")

    max_depth: ClassVar[int]

    def __init__(self, cursor: Cursor, call: Proposed, parameters: Parameters, ends: Markers, closer: str) -> None:
        super().__init__(cursor, call.arguments, ends)
        self._call = call
        self._parameters = parameters
        self._owed.append(Open(closer, keyed=True))
        self._due = Due.FIRST_KEY
        self._key = ""  # the name of the last argument
        self._given: set[str] = set()
        self._gap: list[str] = []  # the text since the last argument, or its name
        self._pieces: list[str] = []  # the JSON text of the container in an argument
        self._settled = 0  # the pieces before this index are large or may still change
        self._source: Held | None = None  # the source of that container; None outside a container
        self._before: Sink | None = None

    def whole(self) -> Reading[bool]:
        """Read the arguments, including their last bracket. Returns whether they are complete."""
        complete = yield from self.read()
        if self._source is not None:
            self._drop_source()
        return complete

    @property
    def _nested(self) -> bool:
        return len(self._owed) > 1

    def _emit(self, text: str) -> None:
        if self._source is None:
            self._sink(text)
        else:
            self._pieces.append(text)

    def _space(self, text: str) -> None:
        self._gap.append(text)

    def _at_end(self) -> Reading[bool]:
        """Return whether the reply ends here, or a marker that ends the call is here."""
        cursor, ends = self._cursor, self._ends
        char = cursor.text[cursor.at] if cursor.at < len(cursor.text) else (yield from cursor.peek())
        return not char or (char in ends.firsts and (yield from cursor.stands(ends)) is not None)

    # --- members

    def _argument(self, key: str) -> None:
        """Output the name of the next argument, or the key of a member."""
        top = self._owed[-1]
        first = "{"
        if self._nested:
            first = ""
            self._join_pieces(top)
        self._emit(("," if top.members else first) + quote(key) + ":")
        top.members += 1
        if not self._nested:
            self._given.add(key)
            self._key = key
        self._gap.clear()
        self._due = Due.VALUE

    def _member(self) -> None:
        """Begin a value: without a key, it is the next member of its container."""
        if self._due is not Due.FIRST_VALUE:
            return
        top = self._owed[-1]
        self._join_pieces(top)
        if top.members:
            self._pieces.append(",")
        top.members += 1
        top.key = len(self._pieces) if top.closer == "}" else None

    def _join_pieces(self, top: Open) -> None:
        """Join the pieces that cannot change any more, if there are many."""
        self._settled = max(min(self._settled, len(self._pieces)), top.place + 1)
        if len(self._pieces) - self._settled > _PIECES:
            self._pieces[self._settled :] = ["".join(self._pieces[self._settled :])]
            self._settled += 1

    def _scalar(self, *, finished: bool) -> Read:
        """Note that a scalar was read. `finished`: its own text shows its end."""
        self._due, self._finished = Due.MORE, finished
        self._gap.clear()
        return Read.DONE

    def _whole_word(self) -> Read | None:
        """Read a number or a literal. Returns None and consumes nothing if none is here or it may go on."""
        cursor = self._cursor
        found = _WORD.match(cursor.text, cursor.at)
        assert found is not None  # a starred class matches everywhere
        end = found.end()
        if self._due not in VALUES or end == len(cursor.text) or not self._separates(end):
            return None
        written = self._written(found.group())
        if written is None:
            return None
        cursor.take(end)
        self._member()
        self._emit(written)
        return self._scalar(finished=True)

    def _written(self, word: str) -> str | None:
        """Return the JSON text of a number or a literal; None for another word."""
        raise NotImplementedError

    def _separates(self, at: int) -> bool:
        """Return whether the text at hand shows that a value ends at `at`."""
        raise NotImplementedError

    # --- brackets

    def _open(self, char: str, *, keyed: bool) -> Read:
        """Read an opening bracket in place of a value. Returns OTHER if it is nested too deep."""
        if len(self._owed) > self.max_depth:
            return Read.OTHER
        if self._source is None:
            self._source = Held()
            self._before = self._cursor.also_copy_to(self._source.append)
            self._pieces, self._settled = [], 0
        self._member()
        self._cursor.take(self._cursor.at + 1)
        self._owed.append(Open(CLOSER[char], keyed, len(self._pieces)))
        self._pieces.append("")
        self._due, self._finished = (Due.FIRST_KEY if keyed else Due.FIRST_VALUE), False
        return Read.DONE

    def _is_owed(self, char: str) -> bool:
        return any(each.closer == char for each in self._owed)

    def _close(self, closer: str) -> None:
        """Close brackets up to the innermost one that `closer` closes."""
        closed = ""
        while closed != closer:
            top = self._owed.pop()
            closed = top.closer
            if not self._owed:
                self._sink("}" if top.members else "{}")
                return
            self._pieces[top.place], last = self._brackets(top)
            self._pieces.append(last)
            if not self._nested:
                self._drop_source()
                self._give()
        self._scalar(finished=True)

    def _close_all(self) -> None:
        while self._owed:
            self._close(self._owed[-1].closer)

    def _brackets(self, top: Open) -> tuple[str, str]:
        """Return the JSON text of a container's brackets."""
        raise NotImplementedError

    def _give(self) -> None:
        """Output a complete container."""
        pieces, self._pieces = self._pieces, []
        for piece in pieces:
            self._sink(piece)

    def _drop_source(self) -> Held:
        """Leave the container, and return its source, which is no longer kept."""
        assert self._source is not None
        self._cursor.copy_to(self._before)
        source, self._source = self._source, None
        del self._owed[1:]
        return source

    def _take_source(self) -> str:
        """Leave the container, and return its source in place of its JSON text."""
        self._pieces = []
        return self._drop_source().take()

    def _end(self) -> bool:
        cut = self._cursor.at_end
        if not _MISSING_CLOSERS:
            return False
        if not (self._due is Due.MORE and self._finished) and (cut or any(each.members for each in self._owed)):
            return False
        if cut and self._parameters.lacks(self._given):
            return False
        self._close_all()
        return True
