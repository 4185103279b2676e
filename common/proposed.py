"""Tries a construct: nothing is output before it fits, and all of it can be read again.

- A call fits with its first argument text: `Proposed` announces it then, and settles the marks that hold it.
- `attempt` gives up a construct that reads too far (`Overrun`), and rewinds one that does not fit.
"""

from __future__ import annotations

from collections.abc import Callable

from .cursor import MAX_HELD, SPACE, Cursor, Mark, Overrun, Reading
from .held import Held
from .reply import Call, Reply

_NO_PIECE = frozenset(("", "{"))
"""Argument text that decides nothing: the reader may still find that there are no arguments here."""


class Proposed:
    """A call that is announced with its first argument text.

    It owns `marks`, the outermost first: they are settled when it is announced, and not touched before. A reader of
    arguments gets `arguments` as its sink; if it finds no arguments, it passes no text, and `call` stays None.
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
        self._lost = lost  # text before the call, held by its marks
        self._marks = marks

    def arguments(self, text: str) -> None:
        """Take the next piece of the arguments' JSON text."""
        if self.call is not None:
            self.call.arguments(text)
            return
        self._held.append(text)
        if self.name and self._held.text().strip(SPACE) not in _NO_PIECE:  # a bracket alone decides nothing
            self.announce()

    def announce(self) -> Call:
        """Announce the call, which is known to fit, with the argument text so far. Returns the call."""
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
        """End the arguments. A complete call is announced if it was not yet. Returns whether there is a call."""
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
    """Read a construct under a mark `back` characters before the cursor, and rewind if it does not fit.

    Args:
        read: reads the construct under the mark, which it settles when the construct fits.
        ahead: how many characters after the mark stay consumed if it does not fit.
        room: how much the mark holds; None: everything.

    Returns:
        True if it was a construct and has been read; False if it does not fit; None if the reply ends before that is
        known.
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
    """Read the first sound call after a construct that is not a call, which `mark` holds; text before it is text.

    Args:
        next_call: reads up to the next place of a call, at first `ahead` characters after the start of the last one;
            returns whether there is one.
        read: reads a call, whose text the marks hold, and outputs the text before it.

    Returns:
        True if there was one; False if there is none near, and nothing is consumed.
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
