"""The shape of markups that frame a whole reply: every text is in a message, whose header says what it is.

- A header opens a message, a closer ends it. Both are dropped, with and without tools; a call's own are part of the
  call.
- A header that does not fit is text. So is text outside messages, and a closer before any message if more text follows.
- At the start of the reply, whose header the prompt has begun, and after a closer or a call, a header may lack its
  first marker.
- The end of a message followed by the next header is a candidate for the end of an open value: a value that goes on to
  its closer or its quote is whole, whatever it contains.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from ..arguments.strays import DEBRIS
from ..cursor import NO_MARKERS, SPACE, Cursor, Mark, Markers, Reading, Sink, within
from ..format import Calls, FrameFormat, Span, Task, ToolFormat
from ..machine import Grammar, Machine, begins_as_json
from ..proposed import attempt
from ..recovery import recovering, rule
from ..reply import Body, Reply

_MAX_DEBRIS = recovering("brackets and quotes between a call and the end of its message", 64, off=0)

_CLOSER_FIRST = rule("a closer before any message")

NO_CALLS = Grammar((), None, NO_MARKERS)


@dataclass(frozen=True, eq=False)
class Frames(FrameFormat):
    """A markup of messages. Each subclass reads its own headers."""

    sample: str
    reasoning_sample: str
    parts: Markers
    closers: Markers
    """The markers that end a message."""
    in_reasoning: Markers
    """The markers that may start a header, or end a message, inside reasoning."""
    in_content: Markers
    calls: Grammar = NO_CALLS
    """The markup of calls, if they have one of their own."""
    start: str = ""
    """The start of a message, up to its header; the first one is in the prompt."""
    answer: Span | None = None
    """The opener and closer of the answer; None if the closer of reasoning opens it."""
    inner: ToolFormat | None = None
    """The format of a call in its message; None: the message is the arguments."""
    with_closers: Markers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        vars(self).update(
            with_closers=Markers(self.in_content.all | self.calls.closers.all),
            markers=self.parts.all.union(*(tool.markers for tool in self.calls.tools)),
        )

    def read_reply(self, cursor: Cursor, reply: Reply, task: Task) -> Reading[None]:
        return FramedReply(self, cursor, reply, task).read_reply()

    def read_end(self, mark: Mark, cursor: Cursor) -> Reading[bool]:
        """Read the end of a message after its call, and brackets and quotes before it. Returns whether it was there."""
        yield from cursor.run(DEBRIS, _MAX_DEBRIS)
        found = (yield from cursor.match(self.closers)) is not None or cursor.cut_of(self.closers)
        if found:
            cursor.settle(mark)
        return found

    def read_message(self, opener: str, into: FramedReply) -> Reading[bool]:
        """Read the header that begins with `opener`, and the call if the message is one.

        Args:
            opener: the marker, which has been read; "": the header may lack its first marker here.

        Returns:
            True if there is a header; False if not, and nothing more is consumed.
        """
        raise NotImplementedError

    def read_message_call(
        self, call: Reading[bool | None], mark: Mark, into: FramedReply, *, is_reasoning: bool = False
    ) -> Reading[bool]:
        """Read the message as a call, after its header. Returns False if it is not a call.

        `is_reasoning`: whether its text is reasoning if the call does not count.
        """
        cursor, reply, task = into.cursor, into.reply, into.task
        if task.calls is Calls.VERBATIM:
            cursor.copy_to(reply.call_text())
        reply.body = Body(cursor.offset, partial(into.body, is_reasoning=is_reasoning))
        fits = yield from within(call, False)
        reply.body = None
        reply.construct_ends()
        if fits:
            yield from attempt(partial(self.read_end, cursor=cursor), cursor)
        cursor.copy_to(None)
        if fits is None:
            into.drop_cut(mark, is_call=True)
        if fits is not False:
            into.content()
        return fits is not False


class FramedReply(Machine):
    """The state of a framed reply's reading."""

    def __init__(self, frames: Frames, cursor: Cursor, reply: Reply, task: Task) -> None:
        super().__init__(cursor, reply, frames.calls, task)
        self._frames = frames
        self._framed = False  # there was a message, or one is open
        self.fresh = True  # no text came since a message began or ended

    def reasoning(self) -> None:
        """Begin a message of reasoning; without a reasoning parser it is content, but a call in it is text."""
        if not self.task.splits:
            self.content()
            self._unsplit = True
            return None
        self.fresh = self.inside = True
        return self.reply.reasoning_starts()

    def content(self) -> None:
        """Begin a message of content, or end a message."""
        if self.inside:
            self.reply.reasoning_ends()
        self.fresh, self.inside, self._unsplit = True, False, False

    def body(self, text: str, *, is_reasoning: bool) -> None:
        """Output the whole text of a message that has ended."""
        if not (is_reasoning and self.task.splits):
            self.reply.content(text)
            return
        self.reply.reasoning_starts()
        self.reply.reasoning(text)
        self.reply.reasoning_ends()

    @property
    def markers(self) -> Markers:
        if self.inside or self._unsplit:
            return self._frames.in_reasoning
        return self._frames.with_closers if self.task.calls is Calls.READ else self._frames.in_content

    @property
    def text(self) -> Sink:
        return self._say

    def _say(self, text: str) -> None:
        if text:
            self.fresh = self.fresh and not text.strip(SPACE)
            (self.reply.reasoning if self.inside else self.reply.content)(text)

    @property
    def droppable(self) -> frozenset[str]:
        return super().droppable | self._frames.parts.all

    @property
    def rehearsed(self) -> bool:
        return False  # the channel decides: a call in reasoning is text

    def opener_read(self, opener: str, *, found: bool, called: bool) -> None:
        super().opener_read(opener, found=found, called=called)
        self.fresh = False

    def starts(self) -> Reading[bool]:
        task = self.task
        self._framed = task.inside
        if task.forced is not None or not self._framed:
            begins = yield from begins_as_json(self.cursor, self.reply, task)
            self._framed = self._framed and not begins
        if self._framed:
            self.reasoning()
        return (yield from self._message(""))  # a header may lack its first marker here

    def marker(self, marker: str) -> Reading[bool]:
        if marker in self._frames.closers.all:
            if not (self._framed or (_CLOSER_FIRST and (yield from self._ends()))):
                self.text(marker)
                return True
            self.content()
            return (yield from self._message(""))
        if marker in self.grammar.closers.all and not self.inside:
            self.closer(marker)
            return True
        return (yield from self._message(marker))

    def _message(self, opener: str) -> Reading[bool]:
        """Read on after a marker that may start a header. Returns whether reading goes on."""
        task, reply = self.task, self.reply
        while True:
            calls_read = reply.calls_read
            fits = yield from self._frames.read_message(opener, self)
            self._framed = self._framed or fits
            due = not (self.inside or reply.content_seen or reply.calls_made)
            if opener and not fits:
                self.text(opener)
            elif due:
                yield from begins_as_json(self.cursor, reply, task)
            if reply.calls_read == calls_read:
                return True
            opener = ""  # a message that is a call has been read with its end

    def _ends(self) -> Reading[bool]:
        """Return whether only white space is left here before the end of the reply or a frame."""
        return (yield from self.cursor.ahead(self._frame_or_end(), False))

    def _frame_or_end(self) -> Reading[bool]:
        yield from self.cursor.space()
        return (yield from self.cursor.stands(self._frames.parts)) is not None or self.cursor.at_end

    def drop_cut(self, mark: Mark, *, is_call: bool) -> None:
        """Drop the message in whose header the reply ends; the beginning of a call stays if calls stay content."""
        cursor = self.cursor
        cursor.take(len(cursor.text))
        text = cursor.held(mark)
        cursor.settle(mark)
        if is_call and self.task.calls is not Calls.READ:
            self.reply.call_text()(text)
