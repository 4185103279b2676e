"""Text that is held until it is known how to read it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

_PIECES = 256
"""A string takes some 50 bytes besides its text, so pieces of one token each are joined before there are many."""


class Held:
    """Text that is appended, then taken. It costs its own length, in time and in memory."""

    __slots__ = ("_blocks", "_pieces")

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._pieces: list[str] = []

    def append(self, text: str) -> None:
        self._pieces.append(text)
        if len(self._pieces) == _PIECES:
            self._blocks.append("".join(self._pieces))
            self._pieces.clear()

    def blocks(self) -> Iterator[str]:
        """Yield the text, in a few pieces."""
        yield from self._blocks
        yield "".join(self._pieces)

    def text(self) -> str:
        return "".join((*self._blocks, *self._pieces))

    def is_longer(self, size: int) -> bool:
        """Return whether the text is longer than `size`; costs no more than that."""
        for piece in chain(self._blocks, self._pieces):
            size -= len(piece)
            if size < 0:
                return True
        return False

    def take(self) -> str:
        """Return the text, and hold it no longer."""
        text = self.text()
        self._blocks.clear()
        self._pieces.clear()
        return text
