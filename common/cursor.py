"""The unread text and the few ways to consume it; markers are held back nowhere else.

- Reading is a generator: it yields when it needs more text, and is resumed after `feed` or `end`.
- What is read is handed on at once, except what may still become a marker and what a mark holds.
- The unread text is short: a marker's beginning, or at most what a mark holds. Each is bounded, so a feed
  costs its own length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable
from functools import cache
from itertools import pairwise
from typing import NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")
Reading: TypeAlias = Generator[None, None, T]
"""A read in progress: yields for more text, returns a T."""

Sink: TypeAlias = Callable[[str], None]

SPACE = " \t\r\n\f\v"
"""White space of the markups. Unicode's other spaces are text: they indent CJK prose."""

_SPACES = re.compile(f"[{SPACE}]*")

RECOVERED = "recovered"
"""A remark: drift from the markup that was read all the same."""
IN_PROSE = "marker in prose"
"""A remark: a marker that opened nothing and is text."""


class Markers:
    """A set of markers, found in one search together with a cut beginning of one at the end of the text."""

    __slots__ = ("_cut", "_open", "all", "firsts", "growing", "only_first")

    def __init__(self, markers: Iterable[str]) -> None:
        self.all = frozenset(markers) - {""}
        self.firsts = frozenset(marker[0] for marker in self.all)
        self.only_first = next(iter(self.firsts)) if len(self.firsts) == 1 else ""
        ordered = sorted(self.all)
        # Those that a longer one begins with.
        self.growing = frozenset(one for one, other in pairwise(ordered) if other.startswith(one))
        # A marker's beginning counts only at the end of the text, where the rest may still come.
        self._open = _pattern(self.all, r"\Z")
        self._cut = _pattern(self.all, "")

    def search(self, text: str, at: int, ended: bool) -> re.Match[str] | None:
        """The first marker in `text` from `at`, or the beginning of one at its end unless `ended`."""
        if self.only_first and text.find(self.only_first, at) < 0:
            return None
        return (self._cut if ended else self._open).search(text, at)

    def match(self, text: str, at: int, ended: bool) -> re.Match[str] | None:
        """The marker at `at` of `text`, or the beginning of one that fills the text's rest unless `ended`."""
        return (self._cut if ended else self._open).match(text, at)

    def begins(self, text: str) -> bool:
        """Whether `text` is a proper beginning of a marker."""
        return any(len(text) < len(marker) and marker.startswith(text) for marker in self.all)


@cache
def union(*sets: Markers) -> Markers:
    """All markers of several sets. Sets belong to formats, so there are few, and each union is made once."""
    return Markers(frozenset().union(*(markers.all for markers in sets)))


@cache
def _pattern(markers: frozenset[str], cut: str) -> re.Pattern[str]:
    return re.compile(_any_of(markers, cut))


def _any_of(markers: Iterable[str], cut: str) -> str:
    """A pattern for the longest of `markers`, or for the beginning of one that `cut` follows.

    What markers begin with alike is written once, so that a search costs no more where there are many.
    """
    rests: dict[str, set[str]] = {}
    for marker in markers:
        if marker:
            rests.setdefault(marker[0], set()).add(marker[1:])
    ways: list[str] = []
    for first, behind in sorted(rests.items()):
        further = _any_of(behind, cut) if behind != {""} else ""
        if cut and further:
            further = f"{further}|{cut}"
        ways.append(re.escape(first) + (f"(?:{further})" + "?" * ("" in behind) if further else ""))
    return "|".join(ways) or "(?!)"


NO_MARKERS = Markers(())


class Overrun(Exception):
    """More was read behind a mark than it may hold."""


_JOINED = 256
"""So many short pieces of held text are joined."""

CUT = 8
"""A marker's beginning at the end of the reply is dropped from so many characters on."""

MAX_HELD = 512
"""Characters that a mark holds at most, unless it says otherwise."""


class Mark(NamedTuple):
    """A place in the reply that can be read again."""

    offset: int
    outer_limit: int | None  # of the mark around it
    outer_hold: int | None
    depth: int  # how many marks without a limit are around it


class Cursor:
    """Where the parser stands in the model's text. Fed by `feed` and `end`, read by the generators."""

    __slots__ = (
        "_base",
        "_copy",
        "_hold",
        "_kept",
        "_limit",
        "_short",
        "_unlimited",
        "again",
        "at",
        "ended",
        "last_hold",
        "remarks",
        "text",
    )

    def __init__(self) -> None:
        self.text = ""
        self.at = 0
        self.ended = False
        self._base = 0  # characters of the reply before `text`
        self._hold: int | None = None  # offset of the outermost mark with a limit, in the innermost one without
        self.last_hold = 0  # offset of the outermost mark there was last
        self._limit: int | None = None  # offset up to which the innermost mark may hold; None without one
        self._unlimited: list[int] = []  # offsets of the marks without a limit
        self._kept: list[str] = []  # what they hold, up to `text`
        self.again = 0  # offset up to which text was read again from a mark without a limit
        self._short = 0  # how many of the last ones are short, and were not joined
        self._copy: Sink | None = None
        self.remarks: dict[str, int] = {}

    def remark(self, what: str) -> None:
        """Note, for who watches a server's replies, where the first oddity of a kind stands."""
        self.remarks.setdefault(what, self.offset)

    def feed(self, text: str) -> None:
        keep = self.at if self._hold is None else self._hold - self._base
        if self._unlimited and keep:
            start = max(0, self._unlimited[0] - self._base)
            if start < keep:
                self._keep(self.text[start:keep])
        if keep < len(self.text):
            self.text = self.text[keep:] + text
            self.at -= keep
        else:
            self.text = text
            self.at = 0
        self._base += keep

    def _keep(self, text: str) -> None:
        self._kept.append(text)
        self._short = self._short + 1 if len(text) < _JOINED else 0
        # A string takes some 50 bytes besides its text, so short pieces are joined before they are many.
        if self._short == _JOINED:
            self._kept[-_JOINED:] = ["".join(self._kept[-_JOINED:])]
            self._short = 0

    def end(self) -> None:
        self.feed("")
        self.ended = True

    @property
    def offset(self) -> int:
        """How many characters of the reply have been read."""
        return self._base + self.at

    @property
    def at_end(self) -> bool:
        """Whether the whole reply has been read."""
        return self.ended and self.at >= len(self.text)

    def unread(self) -> str:
        """The text that was fed and not read, or read and still held."""
        if self._unlimited:
            return self.text_from(self._unlimited[0])
        return self.text[self.at if self._hold is None else self._hold - self._base :]

    def text_from(self, offset: int) -> str:
        """The text from `offset` on; what was fed last, and what was held then, is still here."""
        if offset < self._base and self._kept:
            return self._kept_from(offset) + self.text
        return self.text[max(0, offset - self._base) :]

    def _kept_from(self, offset: int) -> str:
        """The kept text from `offset` on, which costs no more than that text."""
        missing = self._base - offset
        pieces: list[str] = []
        for piece in reversed(self._kept):
            if missing <= 0:
                break
            pieces.append(piece[-missing:])
            missing -= len(piece)
        return "".join(reversed(pieces))

    @property
    def copies(self) -> bool:
        return self._copy is not None

    def copy_to(self, sink: Sink | None) -> None:
        """Hand everything read from here on to `sink` too (what a mark holds: once it is settled)."""
        self._copy = sink

    def also_copy_to(self, sink: Sink) -> Sink | None:
        """`copy_to`, besides the sink that there is, which is returned: `copy_to` it again."""
        before = self._copy

        def both(text: str) -> None:
            sink(text)
            if before is not None:
                before(text)

        self._copy = both
        return before

    def mark(self, back: int = 0, room: int | None = MAX_HELD) -> Mark:
        """Hold the text from here, or from `back` characters before, so that `rewind` can read it again.

        Reading more than `room` characters behind it raises `Overrun`; None: it holds what comes, at the cost of its
        length, unless a mark around it has a limit. Marks nest; each is settled or rewound.
        """
        mark = Mark(self._base + self.at - back, self._limit, self._hold, len(self._unlimited))
        if self._hold is None and not self._unlimited:
            self.last_hold = mark.offset
        if room is None:
            self._unlimited.append(mark.offset)
            return mark
        if self._hold is None:
            self._hold = mark.offset
        self._limit = self._base + self.at + room
        return mark

    def settle(self, mark: Mark) -> None:
        """What was read since `mark` counts."""
        self._limit = mark.outer_limit
        self._hold = mark.outer_hold
        del self._unlimited[mark.depth :]
        if mark.outer_hold is None and not self._unlimited:
            if self._copy is not None:
                self._copy(self.held(mark))
            if self._kept:
                self._kept.clear()

    def rewind(self, mark: Mark, ahead: int = 0) -> None:
        """Read again from `ahead` characters behind `mark`; what stood before them has been handed on."""
        offset = mark.offset + ahead
        if len(self._unlimited) > mark.depth:
            self.again = max(self.again, self._base + self.at)
        if offset < self._base:
            back = self._kept_from(offset)
            self._drop_kept(len(back))
            self.text = back + self.text
            self._base = offset
        self.at = offset - self._base
        self._limit = mark.outer_limit
        self._hold = mark.outer_hold
        del self._unlimited[mark.depth :]
        if self._kept and not self._unlimited:
            self._kept.clear()

    def _drop_kept(self, size: int) -> None:
        """Forget the last `size` characters of the kept text."""
        self._short = 0
        while size > 0:
            piece = self._kept.pop()
            if len(piece) > size:
                self._kept.append(piece[:-size])
            size -= len(piece)

    def held(self, mark: Mark) -> str:
        """The text read since `mark`."""
        if mark.offset < self._base:
            return self._kept_from(mark.offset) + self.text[: self.at]
        return self.text[mark.offset - self._base : self.at]

    def take(self, end: int) -> str:
        """Read up to position `end` of `text`."""
        piece = self.text[self.at : end]
        self.at = end
        if self._limit is not None:
            if self._base + end > self._limit:
                raise Overrun
        elif self._copy is not None and piece and not self._unlimited:
            self._copy(piece)
        return piece

    def until(self, markers: Markers, sink: Sink) -> Reading[str | None]:
        """Hand text to `sink` up to the next marker and read that; None at the end of the reply."""
        while True:
            found = markers.search(self.text, self.at, self.ended)
            stop = len(self.text) if found is None else found.start()
            if stop > self.at:
                sink(self.take(stop))
            if found is not None and found.group() in markers.all and self._whole(markers, found):
                return self.take(found.end())
            if self.ended:
                return None
            yield

    def skip(self, size: int) -> str:
        """Read a marker of so many characters that is here."""
        return self.take(self.at + size)

    def up_to(self, markers: Markers, sink: Sink, cut: int) -> Reading[str | None]:
        """Hand text to `sink` up to the next marker, which is not read; None at the end of the reply.

        There a marker's beginning is dropped from `cut` characters on.
        """
        while True:
            found = markers.search(self.text, self.at, False)
            stop = len(self.text) if found is None else found.start()
            if stop > self.at:
                sink(self.take(stop))
            if found is not None and found.group() in markers.all and self._whole(markers, found):
                return found.group()
            if not self.ended:
                yield
            elif found is None:
                return None
            elif len(found.group()) >= cut:
                self.take(len(self.text))
                return None
            else:
                # A short beginning is text, but for the marker that it may itself begin with.
                found = markers.search(self.text, self.at, True)
                if found is not None and found.start() == self.at:
                    return found.group()
                sink(self.take(self.at + 1))

    def stands(self, markers: Markers) -> Reading[str | None]:
        """The marker that stands here, not read; None where none does."""
        while True:
            found = markers.match(self.text, self.at, self.ended)
            if found is None:
                if self.at < len(self.text) or self.ended:
                    return None
            elif found.group() in markers.all and self._whole(markers, found):
                return found.group()
            yield

    def match(self, markers: Markers) -> Reading[str | None]:
        """Read the marker that stands here; None, and nothing read, where none does."""
        marker = yield from self.stands(markers)
        if marker is not None:
            self.take(self.at + len(marker))
        return marker

    def _whole(self, markers: Markers, found: re.Match[str]) -> bool:
        """Whether `found` cannot grow into a longer marker with more text."""
        return self.ended or found.end() < len(self.text) or found.group() not in markers.growing

    def peek(self) -> Reading[str]:
        """The next character, not read; "" at the end of the reply."""
        while self.at >= len(self.text):
            if self.ended:
                return ""
            yield
        return self.text[self.at]

    def run(self, pattern: re.Pattern[str], limit: int | None = None) -> Reading[str]:
        """Read the longest run of characters that `pattern` (a starred class) matches, `limit` at most."""
        pieces: list[str] = []
        while True:
            room = len(self.text) if limit is None else min(len(self.text), self.at + limit)
            found = pattern.match(self.text, self.at, room)
            assert found is not None  # a starred class matches everywhere
            stop = found.end()
            if limit is not None:
                limit -= stop - self.at
            pieces.append(self.take(stop))
            if limit == 0 or stop < len(self.text) or self.ended:
                return pieces[0] if len(pieces) == 1 else "".join(pieces)
            yield

    def cut_of(self, markers: Markers) -> bool:
        """At the end of the reply: whether the unread rest is a marker's beginning, which is then read."""
        if self.ended and self.at < len(self.text) and markers.begins(self.text[self.at :]):
            self.take(len(self.text))
            return True
        return False

    def space(self, limit: int = MAX_HELD) -> Reading[str]:
        """Read white space, `limit` characters at most."""
        return self.run(_SPACES, limit)
