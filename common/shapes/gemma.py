"""The shape of Gemma's calls: a name and arguments in the markup of `arguments.gemma`, between two markers.

- Several calls follow each other without a separator, each between markers of its own.
- By mistake, models also write further calls between the same markers.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..arguments.gemma import Head, Marks, read_arguments, read_head
from ..arguments.strays import read_strays
from ..cursor import Cursor, Mark, Markers, Reading, union, within
from ..format import ToolFormat
from ..proposed import Proposed
from ..recovery import drift, recovers
from ..reply import Reply

_CALL = Markers(("call:",))
_CLOSERS = drift("another closer of a call", "</tool_call>")
_SEPARATORS = drift("what separates calls between the same markers", ",")


@dataclass(frozen=True)
class GemmaCalls(ToolFormat):
    """One version's markup of calls."""

    sample: str
    marks: Marks

    def __post_init__(self) -> None:
        closers = Markers((self.marks.end, *_CLOSERS))
        vars(self).update(openers=self.marks.opens, closers=closers, markers=self.marks.all | {"call:"})

    def read(self, opener: str, mark: Mark, cursor: Cursor, reply: Reply) -> Reading[bool | None]:
        ends = union(self.closers, self.openers, reply.stops)
        head = yield from read_head(cursor, self.marks, ends, reply.tools)
        if not isinstance(head, Head):
            return head
        yield from self._call(head, mark, cursor, reply, ends)
        while (yield from self._further_call(cursor, reply, ends)):
            pass
        closers = yield from read_strays(cursor, self.closers)
        reply.owed_closer = "" if closers else self.marks.end
        return True

    @recovers("another call between the same markers", off=False)
    def _further_call(self, cursor: Cursor, reply: Reply, ends: Markers) -> Reading[bool]:
        """Read another call between the same markers. Returns False if there is none; a cut one is dropped."""
        mark = cursor.mark()
        head = yield from within(self._further_head(cursor, reply, ends), False)
        if isinstance(head, Head) and head.closer and reply.tools.may_declare(head.name):
            yield from self._call(head, mark, cursor, reply, ends)
            return True
        if head is None:
            cursor.take(len(cursor.text))  # the beginning of a call that was cut off
            cursor.settle(mark)
        else:
            cursor.rewind(mark)
        return False

    def _further_head(self, cursor: Cursor, reply: Reply, ends: Markers) -> Reading[Head | bool | None]:
        yield from cursor.space()
        while (yield from cursor.peek()) in _SEPARATORS:
            cursor.skip(1)
            yield from cursor.space()
        if (yield from cursor.stands(_CALL)) is None:
            return False
        return (yield from read_head(cursor, self.marks, ends, reply.tools))

    def _call(self, head: Head, mark: Mark, cursor: Cursor, reply: Reply, ends: Markers) -> Reading[None]:
        call = Proposed(head.name, None, (mark,), cursor, reply)
        call.announce()
        complete = True
        if head.closer:
            parameters = reply.tools.parameters(head.name)
            complete = yield from read_arguments(cursor, head, call, parameters, ends, reply.ends_strings)
        else:
            call.arguments("{}")
        call.end(complete)
