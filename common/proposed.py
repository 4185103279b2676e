"""A construct that is tried: nothing was said of it until it fits, and all of it can be read again.

- A call fits with its first argument text: `Proposed` announces it then, and settles the marks that hold it.
- `attempt` gives up what reads too far (`Overrun`) and rewinds what does not fit.
"""

from __future__ import annotations

from collections.abc import Callable

from .cursor import MAX_HELD, SPACE, Cursor, Mark, Overrun, Reading
from .held import Held
from .reply import Call, Reply

_NO_PIECE = frozenset(("", "{"))
"""Argument text that says nothing yet: the reader may still find that no arguments stand here."""


class Proposed:
    """A call that is announced with its first argument text.

    It owns `marks`, the outermost first: they are settled when it is announced, and left alone until then. A reader of
    arguments gets `arguments` for its sink; a reader that finds no arguments says nothing, and there is no `call`.
    Arguments that come before the name wait for it.
    """

    __slots__ = ("_held", "_lost", "_marks", "call", "cursor", "id", "name", "reply")

    def __init__(
        self,
        name: str,
        native_id: str | None,
        marks: tuple[Mark, ...],
        cursor: Cursor,
        reply: Reply,
        lost: str = "",
    ) -> None:
        self.name = name
        self.id = native_id
        self.call: Call | None = None
        self.cursor = cursor
        self.reply = reply
        self._held = Held()
        self._lost = lost  # text before the call, which its marks hold
        self._marks = marks

    def arguments(self, text: str) -> None:
        """The next piece of the arguments' JSON text."""
        if self.call is not None:
            self.call.arguments(text)
            return
        self._held.append(text)
        if self.name and self._held.text().strip(SPACE) not in _NO_PIECE:  # a bracket alone is no first piece
            self.announce()

    def announce(self) -> Call:
        """Announce the call, with what is held of its arguments; the reader knows that it fits."""
        if self.call is None:
            self._settle()
            if self._lost:
                (self.reply.rehearsed or self.reply.content)(self._lost)
            self.call = self.reply.call(self.name, self.id, said=len(self._lost))
            self.call.arguments(self._held.take())
        return self.call

    def _settle(self) -> None:
        for mark in reversed(self._marks):
            self.cursor.settle(mark)

    def end(self, complete: bool) -> bool:
        """The arguments are over; returns whether there was a call, which is announced late if it is complete."""
        if complete and self.call is None and self._held.is_longer(0):
            self.announce()
        if self.call is None:
            return False
        self.call.end(complete)
        return True


def attempt(
    read: Callable[[Mark], Reading[bool | None]],
    cursor: Cursor,
    *,
    back: int = 0,
    ahead: int = 0,
    room: int | None = MAX_HELD,
) -> Reading[bool | None]:
    """Read a construct under a mark `back` characters before the cursor, which is rewound if it does not fit.

    Args:
        read: reads the construct under the mark, which it settles when the construct fits.
        ahead: how many characters behind the mark are read all the same when it does not fit.
        room: how much the mark holds; None: as much as comes.

    Returns:
        True: it was a construct, and has been read. False: it does not fit. None: the reply ends before that is known.
    """
    mark = cursor.mark(back, room)
    try:
        fits = yield from read(mark)
    except Overrun:
        fits = False
    if not fits:
        cursor.rewind(mark, ahead)
    return fits


def sound_call(
    next_call: Callable[[Cursor], Reading[bool]],
    read: Callable[[tuple[Mark, ...], str], Reading[bool | None]],
    mark: Mark,
    cursor: Cursor,
    *,
    tries: int,
    ahead: int = 0,
) -> Reading[bool]:
    """Read the first sound call behind one that is none, which `mark` holds; what stands before it is text.

    Args:
        next_call: reads up to where the next call may be, `ahead` characters behind the last one's start at first;
            returns whether there is one.
        read: reads a call, whose text the marks hold, and says the text before it.

    Returns:
        False, and nothing read, if there is none near.
    """

    def near(start: Mark) -> Reading[bool]:
        for _ in range(tries):
            if not (yield from next_call(cursor)):
                break
            lost = "" if cursor.copies else cursor.held(mark)
            inner = cursor.mark()
            if (yield from read((mark, start, inner), lost)):
                return True
            cursor.rewind(inner, ahead)
        return False

    return (yield from attempt(near, cursor)) is True
