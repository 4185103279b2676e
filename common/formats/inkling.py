"""Inkling (Thinking Machines).

<|message_model|>get_weather<|content_invoke_tool_json|>{"name": "get_weather", "args": {"city": "Paris"}}<|end_message|>

A message says the kind of its content: thinking, text, or a call, whose name may stand before the kind. The prompt
ends with `<|message_model|>`.
"""  # noqa: E501

from __future__ import annotations

import re

from ..cursor import Cursor, Mark, Markers, Overrun, Reading
from ..format import Span, Task
from ..recovery import rule
from ..reply import Reply
from .frames import Channel, Frames, drop_cut, read_message_call
from .json_calls import JsonCalls
from .tagged import sample_of

_OPEN = "<|message_model|>"
_THINKING = "<|content_thinking|>"
_TEXTS = ("<|content_text|>", "<|content_tool_error|>")
_CALLS = ("<|content_invoke_tool_json|>", "<|content_invoke_tool_text|>")
_KINDS = Markers((_THINKING, *_TEXTS, *_CALLS))
_CLOSERS = Markers(("<|end_message|>", "<|content_model_end_sampling|>"))
_ALL = Markers(_KINDS.all | _CLOSERS.all | {_OPEN})
_NAME = re.compile(r"[\w.:/-]*")
_MAX_NAME = 256

_CUT_HEADER = rule("a header cut off at the end", contract="The tail")
_WITHOUT_KIND = rule("a message of no kind")

CALLS = JsonCalls(
    sample="",
    # Not each of them opens a call, but each ends one.
    spans=tuple(Span(marker, "") for marker in sorted(_ALL.all)),
    keys=("args", "arguments", "parameters"),
)


class Inkling(Frames):
    """The kind of its content says what a message is."""

    def read_message(self, opener: str, cursor: Cursor, reply: Reply, task: Task, channel: Channel) -> Reading[bool]:
        if opener == _THINKING and channel.is_reasoning and not channel.fresh:
            return False
        mark = cursor.mark(len(opener))
        kind: str | None = opener
        name = ""
        try:
            if opener not in _KINDS.all:
                name = yield from cursor.run(_NAME, _MAX_NAME)
                yield from cursor.space()
                kind = yield from cursor.match(_KINDS)
        except Overrun:
            kind = None
        if kind is None:
            if opener and _CUT_HEADER and (cursor.at_end or cursor.cut_of(_KINDS)):
                drop_cut(mark, cursor, reply, task, is_call=False)
                return True
            cursor.rewind(mark, len(opener))
            if not opener or not channel.fresh or not _WITHOUT_KIND:
                return False
            channel.content()  # a message of no kind
            return True
        behind = cursor.offset
        if kind in _CALLS:
            call = self._call(kind, mark, cursor, reply, name)
            if (yield from read_message_call(call, mark, cursor, reply, task, channel)):
                return True
            if opener == kind:
                cursor.rewind(mark, len(opener))
                return False
        cursor.rewind(mark, behind - mark.offset)
        (channel.reasoning if kind == _THINKING else channel.content)()
        return True

    def _call(self, kind: str, mark: Mark, cursor: Cursor, reply: Reply, name: str) -> Reading[bool | None]:
        fits = yield from CALLS.read(kind, mark, cursor, reply, named=name)
        if fits:
            yield from self.read_end(cursor)
        return fits


INKLING = Inkling(
    sample=sample_of(__doc__),
    reasoning_sample=f"{_OPEN}{_THINKING}plan<|end_message|>",
    parts=_ALL,
    closers=_CLOSERS,
    in_reasoning=Markers(_ALL.all - {*_CALLS}),
    in_content=_ALL,
    start=_OPEN,
)
