"""Doubtful calls: what is said from the first one on waits until it is known whether they count.

- A call in open reasoning, or under a name that the request does not declare, counts only if nothing but calls,
  closers, white space and turn ends follow it to the end of the reply. Else it is text where it stood, as it was
  written.
- What is said behind one is kept in order and said later: a call as a `HeldCall`, anything else as it was told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .cursor import Cursor, Sink
from .held import Held


class HeldCall:
    """A call that is announced later, or not at all: until then its argument text and its end are told here."""

    __slots__ = ("arguments_text", "complete", "name", "native_id")

    def __init__(self, name: str, native_id: str | None) -> None:
        self.name = name
        self.native_id = native_id
        self.arguments_text = Held()
        self.complete: bool | None = None  # None: the reply ended in it

    def say(self, _call: object, text: str) -> None:
        self.arguments_text.append(text)

    def call_ends(self, _call: object, complete: bool) -> None:
        self.complete = complete


@dataclass(frozen=True, slots=True)
class DoubtfulCall:
    """A held call, and what it is if it does not count."""

    call: HeldCall
    begin: int
    """The offset of its text."""
    raw: Held
    text: Sink
    """Takes its text as the model wrote it."""


@dataclass(frozen=True, slots=True)
class Said:
    """What is to be said as it was told."""

    say: Callable[[], None]
    space: str = ""
    """The white space that it is."""


class Doubt:
    """What was said from the first doubtful call on."""

    __slots__ = ("_cursor", "items", "reading", "text_follows")

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self.items: list[HeldCall | DoubtfulCall | Said] = []
        self.reading: DoubtfulCall | None = None  # the call whose text is being read
        self.text_follows = False

    def doubtful(self, call: HeldCall, begin: int, text: Sink) -> None:
        """A doubtful call is announced; its text begins at offset `begin`, or where that of the one before it ends."""
        cursor = self._cursor
        raw = Held()
        if self.reading is None:
            raw.append(cursor.read_since(begin))
        else:
            begin = cursor.offset
        self.reading = DoubtfulCall(call, begin, raw, text)
        self.items.append(self.reading)
        cursor.copy_to(raw.append)

    def certain(self, call: HeldCall, begin: int) -> None:
        """A call that counts is announced behind a doubtful one."""
        if self.reading is not None:
            text = self.reading.raw.take()
            self.reading.raw.append(text[: len(text) - (self._cursor.offset - begin)])
            self.stop_reading()
        self.items.append(call)

    def stop_reading(self) -> None:
        """What is read from here on is not the text of a doubtful call."""
        if self.reading is not None:
            self.reading = None
            self._cursor.copy_to(None)
