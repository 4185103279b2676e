"""Gemma 4 (Google).

<|tool_call>call:get_weather{city:<|"|>Paris<|"|>}<tool_call|>

Several calls follow each other without a separator; results stand in the same turn, behind `<|tool_response>`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..arguments.gemma import DELIMITER, END, OPENERS, Head, read_arguments, read_head
from ..arguments.strays import read_strays
from ..cursor import Cursor, Mark, Markers, Reading, union, within
from ..format import Think
from ..proposed import Proposed
from ..recovery import drift, recovers
from ..reply import Reply
from ..rows import OUTSIDE, Native, ReasoningRow, ToolRow
from ..shapes.tagged import sample_of

_OPENERS = Markers(OPENERS)
_CLOSERS = Markers((END, *drift("another closer of a call", "</tool_call>")))
_CALL = Markers(("call:",))
_SEPARATORS = drift("what separates calls between the same markers", ",")


@dataclass(frozen=True)
class Gemma4:
    """A name and arguments in the markup of `arguments.gemma`."""

    sample: str
    openers: Markers = _OPENERS
    closers: Markers = _CLOSERS
    markers: frozenset[str] = frozenset((*OPENERS, END, DELIMITER, "call:"))
    words: frozenset[str] = frozenset()
    bare: str = ""
    bare_starts: str = ""

    def read(self, opener: str, mark: Mark, cursor: Cursor, reply: Reply) -> Reading[bool | None]:
        ends = union(self.closers, self.openers, reply.stops)
        head = yield from read_head(cursor, ends, reply.tools)
        if not isinstance(head, Head):
            return head
        yield from self._call(head, mark, cursor, reply, ends)
        while (yield from self._further_call(cursor, reply, ends)):
            pass
        closers = yield from read_strays(cursor, self.closers)
        reply.owed_closer = "" if closers else END
        return True

    @recovers("another call between the same markers", off=False)
    def _further_call(self, cursor: Cursor, reply: Reply, ends: Markers) -> Reading[bool]:
        """Read another call between the same markers; False where none stands, though perhaps a cut one."""
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
        return (yield from read_head(cursor, ends, reply.tools))

    def _call(self, head: Head, mark: Mark, cursor: Cursor, reply: Reply, ends: Markers) -> Reading[None]:
        call = Proposed(head.name, None, (mark,), cursor, reply)
        call.announce()
        complete = True
        if head.closer:
            parameters = reply.tools.parameters(head.name)
            complete = yield from read_arguments(cursor, call, parameters, ends, head.closer, reply.ends_strings)
        else:
            call.arguments("{}")
        call.end(complete)


GEMMA4 = Gemma4(sample=sample_of(__doc__))

_GEMMA_ENDS = drift("what may end a reply of Gemma", "<|tool_response>", "<eos>", contract="Turn ends")

ROWS = (
    ToolRow(
        "gemma4",
        GEMMA4,
        "Gemma 4",
        pairs=("gemma4",),
        aliases=("gemma-4",),
        special_tokens=("<|tool_call>", "<tool_call|>", '<|"|>'),
        turn_end="<turn|>",
        turn_ends=_GEMMA_ENDS,
        model_types=("gemma4", "gemma4_text"),
        engines=Native(vllm=("gemma4",), sglang=("gemma4",), trtllm=("gemma4",)),
    ),
    ReasoningRow(
        "gemma4",
        Think(("<|channel>",), ("<channel|>",), label="thought\n"),
        "Gemma 4",
        OUTSIDE,
        aliases=("gemma-4",),
        special_tokens=("<|channel>", "<channel|>"),
        turn_ends=("<turn|>", *_GEMMA_ENDS),
        engines=Native(vllm=("gemma4",), sglang=("gemma4",), trtllm=("gemma4",)),
    ),
)
