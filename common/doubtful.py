"""Doubtful calls: from the first one on, all output waits until it is known whether they count.

- A call in open reasoning, or under a name that the request does not declare, counts only if nothing but calls,
  closers, white space and turn ends follows it to the end of the reply. Otherwise it is text in its place, verbatim.
- The output after one is kept in order for later: a call as a `HeldCall`, anything else as `Said`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .cursor import Cursor, Sink
from .held import Held


class HeldCall:
    """A call that is announced later or never: until then it collects its argument text and its end."""

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
    """A held call, and its text in case that it does not count."""

    call: HeldCall
    begin: int
    """The offset of its text."""
    raw: Held
    text: Sink
    """Takes that text, as the model wrote it."""


@dataclass(frozen=True, slots=True)
class Said:
    """Other output: `say` produces it."""

    say: Callable[[], None]
    space: str = ""
    """Its text, if it is white space."""


class Doubt:
    """All output from the first doubtful call on."""

    __slots__ = ("_cursor", "items", "reading", "text_follows")

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self.items: list[HeldCall | DoubtfulCall | Said] = []
        self.reading: DoubtfulCall | None = None  # the call whose text is being read
        self.text_follows = False

    def doubtful(self, call: HeldCall, begin: int, text: Sink) -> None:
        """Add a doubtful call. Its text begins at offset `begin`, or here if the text of another one is being read."""
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
        """Add a call that counts, after a doubtful one. `begin`: the offset of its text."""
        if self.reading is not None:
            text = self.reading.raw.take()
            self.reading.raw.append(text[: len(text) - (self._cursor.offset - begin)])
            self.stop_reading()
        self.items.append(call)

    def stop_reading(self) -> None:
        """End the text of the doubtful call that is being read."""
        if self.reading is not None:
            self.reading = None
            self._cursor.copy_to(None)
