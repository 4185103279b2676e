"""Calls of another markup after an opener: another family's, JSON in place of a name, tags in another spelling."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..arguments.name import read_name
from ..arguments.strays import FENCE
from ..cursor import NO_MARKERS, Cursor, Mark, Markers, Reading
from ..format import Span, ToolFormat
from ..reply import Reply
from .json_calls import JsonCalls

JSON_STARTS = Markers(("{", "[", FENCE))


@dataclass(frozen=True)
class Sibling(ToolFormat):
    """Calls that are recognised by the text after the opener."""

    format: ToolFormat
    openers: Markers
    starts: Markers
    """The markers of which one has to follow the opener."""
    named: bool = False
    """Whether the call's name comes before that marker."""
    closers = NO_MARKERS
    markers = frozenset[str]()

    def __str__(self) -> str:
        return " ".join(sorted(self.starts.all))

    def stands(self, opener: str, cursor: Cursor) -> Reading[bool]:
        """Return whether such a call is here, after `opener` ("": without an opener). Nothing is consumed."""
        may_be = opener in self.openers.all if opener else self.format.bare != ""
        return may_be and (yield from cursor.ahead(self._starts(cursor), False))

    def _starts(self, cursor: Cursor) -> Reading[bool]:
        yield from cursor.space()
        if self.named:
            yield from read_name(cursor)
        return (yield from cursor.stands(self.starts)) is not None

    def read(self, opener: str, mark: Mark, cursor: Cursor, reply: Reply) -> Reading[bool | None]:
        if not (yield from self.stands(opener, cursor)):
            return False
        return (yield from self.format.read(opener, mark, cursor, reply))


def json_in(spans: Iterable[Span]) -> Sibling:
    """Return the sibling of whole calls as JSON between markers of these spans."""
    calls = JsonCalls(sample="", bare="", spans=tuple(spans))
    return Sibling(calls, calls.openers, JSON_STARTS)
