"""Inkling (Thinking Machines).

<|message_model|>get_weather<|content_invoke_tool_json|>{"name": "get_weather", "args": {"city": "Paris"}}<|end_message|>

A message names the kind of its content: thinking, text, or a call, whose name may come before the kind. The prompt
ends with `<|message_model|>`.
"""  # noqa: E501

from __future__ import annotations

import re

from ..cursor import Cursor, Markers, Reading, within
from ..format import Span, Think
from ..recovery import rule
from ..rows import OUTSIDE, Native, ToolRow, family
from ..shapes.frames import FramedReply, Frames
from ..shapes.json_calls import JsonCalls
from ..shapes.tagged import sample_of

_OPEN = "<|message_model|>"
_THINKING = "<|content_thinking|>"
_TEXTS = ("<|content_text|>", "<|content_tool_error|>")
_CALLS = ("<|content_invoke_tool_json|>", "<|content_invoke_tool_text|>")
_KINDS = Markers((_THINKING, *_TEXTS, *_CALLS))
_CLOSERS = Markers(("<|end_message|>", "<|content_model_end_sampling|>"))
_ALL = Markers(_KINDS.all | _CLOSERS.all | {_OPEN})
_NAME = re.compile(r"[\w.:/-]*")
_MAX_NAME = 256

_CUT_HEADER = rule("a header cut off at the end", contract="Cut opener")
_WITHOUT_KIND = rule("a message of no kind")

CALLS = JsonCalls(
    sample="",
    # Not every marker opens a call, but each ends one.
    spans=tuple(Span(marker, "") for marker in sorted(_ALL.all)),
    framed=True,
    keys=("args",),
)


class Inkling(Frames):
    """Frames whose messages are read by the kind of their content."""

    def read_message(self, opener: str, into: FramedReply) -> Reading[bool]:
        cursor = into.cursor
        if opener == _THINKING and into.inside and not into.fresh:
            return False
        mark = cursor.mark(len(opener))
        name, kind = yield from within(self._header(opener, cursor), ("", None))
        if kind is None:
            if opener and _CUT_HEADER and (cursor.at_end or cursor.cut_of(_KINDS)):
                into.drop_cut(mark, is_call=False)
                return True
            cursor.rewind(mark, len(opener))
            if not opener or not into.fresh or not _WITHOUT_KIND:
                return False
            into.content()  # a message without a kind
            return True
        after_header = cursor.offset
        if kind in _CALLS:
            call = CALLS.read(kind, mark, cursor, into.reply, named=name)
            if (yield from self.read_message_call(call, mark, into)):
                return True
            if opener == kind:
                cursor.rewind(mark, len(opener))
                return False
        cursor.rewind(mark, after_header - mark.offset)
        (into.reasoning if kind == _THINKING else into.content)()
        return True

    def _header(self, opener: str, cursor: Cursor) -> Reading[tuple[str, str | None]]:
        """Read a header after `opener`. Returns the name in it, and the kind, or None if there is no kind."""
        if opener in _KINDS.all:
            return "", opener
        name = yield from cursor.run(_NAME, _MAX_NAME)
        yield from cursor.space()
        return name, (yield from cursor.match(_KINDS))


INKLING = Inkling(
    sample=sample_of(__doc__),
    reasoning_sample=f"{_OPEN}{_THINKING}plan<|end_message|>",
    parts=_ALL,
    closers=_CLOSERS,
    in_reasoning=Markers(_ALL.all - {*_CALLS}),
    in_content=_ALL,
    start=_OPEN,
    inner=CALLS,
)

ROWS = family(
    ToolRow(
        "inkling",
        INKLING,
        "Inkling, Inkling Small",
        special_tokens=tuple(sorted(INKLING.markers)),
        turn_end="<|content_model_end_sampling|>",
        turn_ends=("<|end_message|>",),
        model_types=("inkling",),
        engines=Native(vllm=("inkling",), sglang=("inkling",)),
    ),
    # The end of a message does not show whether reasoning goes on; the kind of the next message does.
    Think(("<|content_thinking|>",), ("<|content_text|>",)),
    OUTSIDE,
    special_tokens=tuple(sorted(INKLING.markers)),
    frame=INKLING,
)
