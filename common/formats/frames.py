"""The shape of markups that frame a whole reply: every text stands in a message, whose header says what it is.

- A header opens a message, a closer ends it. Both are dropped, with and without tools; a call's are part of the call.
- A header that does not fit is text. So is text in no message, and a closer before any message where more text follows.
- At the start of the reply, where the prompt wrote it, and behind a closer or a call a header may lack its first
  marker.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..arguments.strays import DEBRIS
from ..cursor import NO_MARKERS, SPACE, Cursor, Mark, Markers, Overrun, Reading, Sink, union
from ..format import Calls, Task
from ..machine import Grammar, begins_as_json, read_call
from ..recovery import recovering, rule
from ..reply import Reply

_MAX_DEBRIS = recovering("brackets and quotes between a call and the end of its message", 64, off=0)
_LATE_CLOSER = rule("a call's closer behind text", contract="The tail")
_CLOSER_FIRST = rule("a closer before any message")

NO_CALLS = Grammar((), None, NO_MARKERS)


class Channel:
    """Where text goes: to reasoning or to content."""

    __slots__ = ("_reply", "_sink", "_splits", "fresh", "is_reasoning")

    def __init__(self, reply: Reply, task: Task) -> None:
        self._reply = reply
        self._splits = task.splits
        self._sink: Sink = reply.content
        self.is_reasoning = False
        self.fresh = True  # no text yet, since a message began or ended

    def reasoning(self) -> None:
        """A message of reasoning begins; without a reasoning parser it is content."""
        if not self._splits:
            return self.content()
        self.fresh = self.is_reasoning = True
        self._sink = self._reply.reasoning
        return self._reply.reasoning_starts()

    def content(self) -> None:
        """A message of content begins, or a message ends."""
        if self.is_reasoning:
            self._reply.reasoning_ends()
        self.fresh, self.is_reasoning = True, False
        self._sink = self._reply.content

    def text(self, text: str) -> None:
        if text:
            self.fresh = self.fresh and not text.strip(SPACE)
            self._sink(text)


@dataclass(frozen=True, eq=False)
class Frames:
    """A markup of messages. What a header looks like is its own."""

    sample: str
    reasoning_sample: str
    parts: Markers
    """The markers of headers and closers."""
    closers: Markers
    """What ends a message."""
    in_reasoning: Markers
    """What may start a header, or ends a message, in one of reasoning."""
    in_content: Markers
    calls: Grammar = NO_CALLS
    """Calls that have a markup of their own."""
    start: str = ""
    """What starts a message, up to its header; the prompt wrote the first one's."""

    @property
    def markers(self) -> frozenset[str]:
        return self.parts.all.union(*(tool.markers for tool in self.calls.tools))

    def read_reply(self, cursor: Cursor, reply: Reply, task: Task) -> Reading[None]:
        """Read a whole reply, or up to where the task says to stop."""
        channel = Channel(reply, task)
        framed = task.inside
        if task.forced is not None or task.undecided or not framed:
            begins = yield from begins_as_json(cursor, reply, task)
            if begins is None:
                return
            framed = framed and not begins
        if framed:
            channel.reasoning()
        opener: str | None = ""  # a header may stand here without its first marker
        while opener is not None:
            calls_read = reply.calls_read
            fits = yield from self.read_message(opener, cursor, reply, task, channel)
            framed = framed or fits
            # Which of the calls are returned is not known before the choice is.
            called = reply.calls_made and not task.undecided
            due = not (channel.is_reasoning or reply.content_seen or called or task.unread)
            if opener and not fits:
                channel.text(opener)
            elif due and (yield from begins_as_json(cursor, reply, task)) is None:
                return
            if task.unread:
                return
            # A message that was a call has been read up to and with its end.
            ended = reply.calls_read > calls_read
            opener = "" if ended else (yield from self._read_text(cursor, reply, task, channel, framed))

    def _read_text(
        self, cursor: Cursor, reply: Reply, task: Task, channel: Channel, framed: bool
    ) -> Reading[str | None]:
        """Read text, and calls in it, up to and with what may start a header, or a closer (""); None where it stops.

        `framed`: there was a message before, or one is open.
        """
        while True:
            markers = self.in_reasoning if channel.is_reasoning else self.in_content
            if _LATE_CLOSER and reply.owed_closer and not channel.is_reasoning and task.calls is Calls.READ:
                markers = union(markers, self.calls.behind_call)
            marker = yield from cursor.until(markers, channel.text)
            if marker is None:
                return None
            if marker in self.closers.all and (framed or (_CLOSER_FIRST and (yield from self._ends(cursor)))):
                channel.content()
                return ""
            if marker in self.calls.openers.all:
                yield from read_call(marker, cursor, reply, self.calls, reply.content, task)
                channel.fresh = False
                if task.unread:
                    return None
            elif marker in self.in_content.all and marker not in self.closers.all:
                return marker
            else:
                if marker != reply.owed_closer:
                    channel.text(marker)
                if marker not in self.closers.all:
                    reply.owed_closer = ""

    def _ends(self, cursor: Cursor) -> Reading[bool]:
        """Whether the reply ends here, but for white space, or a frame stands here."""
        mark = cursor.mark()
        try:
            yield from cursor.space()
            found = (yield from cursor.stands(self.parts)) is not None or cursor.at_end
        except Overrun:
            found = False
        cursor.rewind(mark)
        return found

    def read_end(self, cursor: Cursor) -> Reading[None]:
        """Read the end of a message behind its call, and brackets and quotes that stand before it."""
        mark = cursor.mark()
        yield from cursor.run(DEBRIS, _MAX_DEBRIS)
        if (yield from cursor.match(self.closers)) is None and not cursor.cut_of(self.closers):
            cursor.rewind(mark)
        else:
            cursor.settle(mark)

    def read_message(self, opener: str, cursor: Cursor, reply: Reply, task: Task, channel: Channel) -> Reading[bool]:
        """Read the header that `opener` starts, and the call where it is one's; False, and no more read, if none.

        `opener`, which has been read, is "" where a header may stand without its first marker.
        """
        raise NotImplementedError


def read_message_call(
    call: Reading[bool | None], mark: Mark, cursor: Cursor, reply: Reply, task: Task, channel: Channel
) -> Reading[bool]:
    """Read the call that the message behind `mark` is; False where it is none."""
    if task.calls is Calls.VERBATIM:
        cursor.copy_to(reply.call_text())
    elif task.calls is Calls.STOP:
        cursor.copy_to(task.unread.append)
    try:
        fits = yield from call
    except Overrun:
        fits = False
    cursor.copy_to(None)
    if fits is None:
        drop_cut(mark, cursor, reply, task, is_call=True)
    if fits is not False:
        channel.content()
    return fits is not False


def drop_cut(mark: Mark, cursor: Cursor, reply: Reply, task: Task, *, is_call: bool) -> None:
    """Drop the message in whose header the reply ends; the beginning of a call stays where calls do."""
    cursor.take(len(cursor.text))
    text = cursor.held(mark)
    cursor.settle(mark)
    if is_call and task.calls is not Calls.READ:
        reply.call_text()(text)
