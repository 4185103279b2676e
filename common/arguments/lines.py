"""Arguments as lines, `city: Paris`: a key, a separator and a value that ends with its line.

- White space around keys and values is dropped. A line without the separator is dropped.
- Values are typed by the tool's schema. A closer of the call in a line ends the value. It is quoted if a further closer
  follows before another call, or on a line of its own before a line that begins with a call, within 512 characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from json.encoder import encode_basestring as quote

from ..cursor import SPACE, Cursor, Markers, Reading, Sink, drop, union
from ..format import ORDINARY
from ..held import Held
from ..schema import Parameters
from .name import MAX_NAME
from .tag_parts import Arguments, Around
from .tag_parts import Sink as CallSink
from .text_value import TextValue

_BLANKS = re.compile(r"[ \t]*")


@dataclass(frozen=True)
class Lines(Arguments):
    """`city: Paris`"""

    between: str = ":"
    """The text between a key and its value."""
    end: str = "\n"
    """The end of a line."""
    strip: bool = True
    """Whether white space around keys and values is dropped."""
    _end: Markers = field(init=False, repr=False)
    _between: Markers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_end", Markers((self.end,)))
        object.__setattr__(self, "_between", Markers((self.between,)))

    def read(
        self, cursor: Cursor, call: CallSink, parameters: Parameters, around: Around, key: str = ""
    ) -> Reading[bool]:
        ends = union(around.closers, around.turn_ends)
        written: set[str] = set()
        while True:
            yield from self._blank_lines(cursor)
            if cursor.at_end or (yield from cursor.stands(ends)) is not None or (yield from _next(cursor, around)):
                break
            key = yield from self._key(cursor, ends)
            if not key:
                if not written:
                    return False
                continue
            sink = call.announce().arguments
            sink(("," if written else "{") + quote(key) + ":")
            written.add(key)
            if not (yield from self._value(cursor, sink, parameters, around, key)):
                return False
        if cursor.at_end and (not written or parameters.lacks(written)):
            return False
        call.announce().arguments("}" if written else "{}")
        return True

    def _blank_lines(self, cursor: Cursor) -> Reading[None]:
        while True:
            space = yield from cursor.space()
            if not space and (yield from cursor.match(self._end)) is None:
                return

    def _key(self, cursor: Cursor, ends: Markers) -> Reading[str]:
        """Read a key and its separator. Returns "" if the line, which is consumed, has none."""
        pieces: list[str] = []
        marker = yield from cursor.up_to(union(self._between, self._end, ends), pieces.append)
        if marker != self.between:
            if marker == self.end:
                cursor.skip(len(marker))
            return ""
        cursor.skip(len(marker))
        key = "".join(pieces)
        key = key.strip(SPACE) if self.strip else key
        return key if len(key) <= MAX_NAME else ""

    def _value(self, cursor: Cursor, sink: Sink, parameters: Parameters, around: Around, key: str) -> Reading[bool]:
        """Read a value up to the end of its line or of the call. Returns whether there was such an end."""
        value = TextValue(sink, parameters.types(key), framed=False)
        text = _Stripped(value.text) if self.strip else value.text
        if self.strip:
            yield from cursor.run(_BLANKS)
        markers = union(self._end, around.closers, around.turn_ends)
        while True:
            marker = yield from cursor.up_to(markers, text)
            if marker is None:
                return False
            if marker == self.end:
                cursor.skip(len(marker))
                break
            if (yield from self._ends_call(cursor, marker, around)):
                break
            text(cursor.skip(len(marker)))
        value.end()
        return True

    def _ends_call(self, cursor: Cursor, marker: str, around: Around) -> Reading[bool]:
        """Return whether a closer in a line closes the call; it is quoted if one comes later."""
        return (yield from cursor.ahead(self._is_last(cursor, marker, around), True))

    def _is_last(self, cursor: Cursor, marker: str, around: Around) -> Reading[bool]:
        cursor.skip(len(marker))
        while (yield from cursor.match(union(around.closers, around.turn_ends))) is not None:
            pass
        is_word = ORDINARY.fullmatch(marker) is not None
        if (yield from cursor.ahead(self._closed_later(cursor, around), is_word)):  # in a long line it is text
            return False
        yield from cursor.run(_BLANKS)
        if (yield from cursor.stands(self._end)) is not None or not (yield from cursor.peek()):
            return True
        further = yield from cursor.up_to(union(around.closers, around.openers), drop)
        return further not in around.closers.all

    def _closed_later(self, cursor: Cursor, around: Around) -> Reading[bool]:
        """Return whether the call's closer is on a line of its own, before a line that begins with a call."""
        while (yield from cursor.up_to(self._end, drop)) is not None:
            cursor.skip(len(self.end))
            yield from cursor.space()
            if (yield from cursor.stands(around.call_closers)) is not None:
                return True
            if (yield from cursor.stands(around.openers)) is not None:
                return False
        return False


def _next(cursor: Cursor, around: Around) -> Reading[bool]:
    """Return whether the next call is here, so that the closer of this one is missing."""
    return (yield from cursor.ahead(_fits(cursor, around), False))


def _fits(cursor: Cursor, around: Around) -> Reading[bool]:
    opener = yield from cursor.match(around.openers)
    return opener is not None and bool((yield from around.call_fits(opener, cursor, declared=True)))


class _Stripped:
    """A sink that passes on everything except the white space at the end."""

    __slots__ = ("_held", "_sink")

    def __init__(self, sink: Callable[[str], None]) -> None:
        self._sink = sink
        self._held = Held()

    def __call__(self, piece: str) -> None:
        bare = piece.rstrip(SPACE)
        if not bare:
            self._held.append(piece)
            return
        self._sink(self._held.take() + bare)
        self._held.append(piece[len(bare) :])
