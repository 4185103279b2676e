"""The unread text of a reply and the few ways to consume it; only this module holds markers back.

- Reading is a generator: it yields when it needs more text, and is resumed after `feed` or `end`.
- Text that is read is passed on at once, except the beginning of a possible marker and what a mark holds.
- The unread text is short: the beginning of a marker, or at most what a mark holds. Both are bounded, so a feed costs
  its own length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TypeAlias, TypeVar, cast

T = TypeVar("T")
Reading: TypeAlias = Generator[None, None, T]
"""A read in progress: yields to wait for more text, returns a T."""

Sink: TypeAlias = Callable[[str], None]


def drop(_text: str) -> None:
    """A sink that discards its text."""


SPACE = " \t\r\n\f\v"
"""The white space of markup. Unicode's other spaces are text: they indent CJK prose."""

_SPACES = re.compile(f"[{SPACE}]*")

RECOVERED = "recovered"
"""A remark: drift from the markup was recovered."""
IN_PROSE = "marker in prose"
"""A remark: a marker opened nothing and is text."""


class Markers:
    """A set of markers. One search finds a marker, or the beginning of one at the end of the text.

    The pattern is compiled at the first search, or earlier by `prepare`.
    """

    __slots__ = ("_beginnings", "_found", "_grows", "_open", "_tail", "all", "begin", "firsts", "longest", "only_first")

    def __init__(self, markers: Iterable[str]) -> None:
        self.all = frozenset(markers) - {""}
        self.firsts = frozenset(marker[0] for marker in self.all)
        self.only_first = next(iter(self.firsts)) if len(self.firsts) == 1 else ""
        self.longest = max(map(len, self.all), default=0)
        self.begin = re.compile(f"[{re.escape(''.join(sorted(self.firsts)))}]" if self.all else "(?!)").search
        self._open: re.Pattern[str] | None = None

    def prepare(self) -> re.Pattern[str]:
        """Compile and return the pattern that finds the markers."""
        if self._open is None:
            # The beginning of a marker counts only at the end of the text, where the rest may still come. The pattern
            # for it is short and matches too much, so a match is looked up in `_beginnings`.
            longer = {marker[0] for marker in self.all if len(marker) > 1}
            tails = {first: self._tail_of(first) for first in sorted(longer)}
            self._found = re.compile(_any_of(self.all))
            self._tail = re.compile("|".join(re.escape(first) + tail for first, tail in tails.items()) or "(?!)")
            self._beginnings = frozenset(marker[:size] for marker in self.all for size in range(1, len(marker)))
            self._grows = not self._beginnings.isdisjoint(self.all)
            self._open = re.compile(_any_of(self.all, tails))
            self.begin = self._open.search
        return self._open

    def _tail_of(self, first: str) -> str:
        """Return a pattern for the rest of a text that ends with the beginning of a marker that starts with `first`."""
        markers = [marker for marker in self.all if marker[0] == first and len(marker) > 2]
        if not markers:
            return r"\Z"
        second = "".join(sorted({marker[1] for marker in markers}))
        further = "".join(sorted({char for marker in markers for char in marker[2:-1]}))
        run = f"[{re.escape(further)}]{{0,{self.longest - 3}}}" if further else ""
        return rf"(?:[{re.escape(second)}]{run})?\Z"

    def search(self, text: str, at: int, ended: bool) -> re.Match[str] | None:
        """Return the first marker in `text` from `at` on; unless `ended`, also the beginning of one at its end."""
        if self.only_first and text.find(self.only_first, at) < 0:
            return None
        pattern = self._open or self.prepare()
        if ended:
            return self._found.search(text, at)
        while (found := pattern.search(text, at)) is not None:
            if found.lastindex is None:
                return self._grown(found) if self._grows else found
            if found.group() in self._beginnings:
                return found
            if self._grows and (whole := self._found.match(text, found.start())) is not None:
                return whole
            at = found.start() + 1
        return None

    def match(self, text: str, at: int, ended: bool) -> re.Match[str] | None:
        """Return the marker at `at` of `text`; unless `ended`, also the beginning of one that is all of its rest."""
        pattern = self._open or self.prepare()
        if ended:
            return self._found.match(text, at)
        found = pattern.match(text, at)
        if found is None or found.lastindex is None:
            return self._grown(found) if found is not None and self._grows else found
        if found.group() in self._beginnings:
            return found
        return self._found.match(text, at) if self._grows else None

    def _grown(self, found: re.Match[str]) -> re.Match[str]:
        """Return `found`, a marker, or the beginning of a longer marker that it may still become."""
        longer = self._tail.match(found.string, found.start())
        return longer if longer is not None and longer.group() in self._beginnings else found

    def begins(self, text: str) -> bool:
        """Return whether `text` is the beginning of a marker, and not all of it."""
        if self._open is None:
            self.prepare()
        return not text or text in self._beginnings


@cache
def union(*sets: Markers) -> Markers:
    """Return the union of several sets. Sets belong to formats, so there are few, and each union is made once."""
    return Markers(frozenset().union(*(markers.all for markers in sets)))


def _any_of(markers: Iterable[str], tails: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return a pattern for the longest of `markers`, or for a first character and its tail, which is then a group.

    Common beginnings are written once, so that a search for many markers costs no more. Each alternative begins with a
    literal character, so that a search skips to the next one of those.
    """
    groups: dict[str, list[str]] = {}
    for marker in markers:
        if marker:
            groups.setdefault(marker[0], []).append(marker)
    ways: list[str] = []
    for first, group in sorted(groups.items()):
        alike = first if first in tails else _common_start(min(group), max(group))
        rests = {marker[len(alike) :] for marker in group}
        further = [_any_of(rests)] if rests != {""} else []
        if first in tails:
            further.append(f"({tails[first]})")
        ways.append(re.escape(alike) + (f"(?:{'|'.join(further)})" + "?" * ("" in rests) if further else ""))
    return "|".join(ways) or "(?!)"


def _common_start(one: str, other: str) -> str:
    size = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:size]


NO_MARKERS = Markers(())


Stops: TypeAlias = Callable[[str], re.Match[str] | None]
"""Finds the first place in a text that a reader has to see; it passes the text on if there is none."""


class Overrun(Exception):
    """More was read after a mark than it may hold."""


def within(reading: Reading[T], otherwise: T) -> Reading[T]:
    """Return the result of `reading`, or `otherwise` if it reads more than a mark around it may hold."""
    try:
        return (yield from reading)
    except Overrun:
        return otherwise


_JOINED = 256
"""The number of short pieces of held text at which they are joined."""

CUT = 8
"""How many characters of a marker at the end of a reply are enough to recognise it."""

MAX_HELD = 512
"""The most characters that a mark holds, unless it has another limit."""


@dataclass(slots=True)  # not frozen, which would be slow: there are many marks
class Mark:
    """A place in the reply to which the cursor can be rewound."""

    offset: int
    outer_limit: int | None  # of the mark around it
    outer_hold: int | None
    depth: int  # the number of marks without a limit around it


class Cursor:
    """The parser's position in the model's text. `feed` and `end` supply text, the generators read it."""

    __slots__ = (
        "_base",
        "_copy",
        "_direct",
        "_hold",
        "_keeps",
        "_kept",
        "_limit",
        "_outcome",
        "_short",
        "_unlimited",
        "again",
        "at",
        "ended",
        "last_hold",
        "passes",
        "remarks",
        "text",
        "twice",
    )

    def __init__(self) -> None:
        self.text = ""
        self.at = 0
        self.ended = False
        self._base = 0  # characters of the reply before `text`
        self._hold: int | None = None  # offset of the outermost mark with a limit, in the innermost one without
        self.last_hold = 0  # offset of the last outermost mark
        self._limit: int | None = None  # offset up to which the innermost mark may hold; None without one
        self._unlimited: list[int] = []  # offsets of the marks without a limit
        self._kept: list[str] = []  # the text that they hold, up to `text`
        self.again = 0  # offset up to which text was rewound to a mark without a limit
        self.twice = 0  # offset up to which that happened twice
        self._short = 0  # how many of the last pieces in `_kept` are short and not joined
        self._keeps = False  # there is a mark without a limit, or was one since the last feed
        self._copy: Sink | None = None
        # Set by a reader that has read everything and waits: text without a stop goes to this sink without resuming the
        # reader, as each read around it costs time with every feed. The reader resets it when it goes on.
        self.passes: tuple[Sink, Stops] | None = None
        self._direct: list[Reading[object]] = []  # reads that are resumed without those around them
        self._outcome: tuple[object, Exception | None] | None = None  # result of the innermost, if resumed like that
        self.remarks: dict[str, int] = {}

    def remark(self, what: str) -> None:
        """Note the offset of the first oddity of a kind, for the counters."""
        self.remarks.setdefault(what, self.offset)

    def feed(self, text: str) -> bool:
        """Take the next text. Returns whether the reader has to be resumed: not if it only waits for a marker."""
        if self._keeps:
            self._keep_unlimited()
        elif self.passes is not None and self._hold is None and self.passes[1](text) is None:
            self._base += self.at
            self.text = text
            self.at = len(text)
            if self._copy is not None and not self._unlimited:
                self._copy(text)
            self.passes[0](text)
            return False
        keep = self.at if self._hold is None else self._hold - self._base
        if keep < len(self.text):
            self.text = self.text[keep:] + text
            self.at -= keep
        else:
            self.text = text
            self.at = 0
        self._base += keep
        return True

    def _keep_unlimited(self) -> None:
        """Keep the text that marks without a limit hold, before the next feed."""
        if self._unlimited:
            keep = self.at if self._hold is None else self._hold - self._base
            start = max(0, self._unlimited[0] - self._base)
            if start < keep:
                self._keep(self.text[start:keep])
        else:
            self._kept.clear()  # it was only kept for `text_from` until this feed
            self._keeps = False

    def _keep(self, text: str) -> None:
        self._kept.append(text)
        self._short = self._short + 1 if len(text) < _JOINED else 0
        # A string takes some 50 bytes besides its text, so short pieces are joined before there are many.
        if self._short == _JOINED:
            self._kept[-_JOINED:] = ["".join(self._kept[-_JOINED:])]
            self._short = 0

    def end(self) -> None:
        self.passes = None
        self.feed("")
        self.ended = True

    def directly(self, reading: Reading[T]) -> Reading[T]:
        """Return or raise the result of `reading`; until then `resume` resumes it without the reads around it."""
        direct = self._direct
        direct.append(reading)
        try:
            while self._outcome is None:
                next(reading)
                yield
        except StopIteration as stop:
            direct.pop()
            return cast(T, stop.value)
        except Exception:
            direct.pop()
            raise
        (value, error), self._outcome = self._outcome, None
        if error is not None:
            raise error
        return cast(T, value)

    def resume(self, reading: Reading[None]) -> bool:
        """Resume `reading` at the read in it that waits. Returns whether it needs more text."""
        direct = self._direct
        while direct:
            try:
                next(direct[-1])
            except StopIteration as stop:
                self._outcome = stop.value, None
            except Exception as error:
                self._outcome = None, error
            else:
                return True
            direct.pop()
        return next(reading, reading) is None

    @property
    def offset(self) -> int:
        """The number of characters of the reply that have been read."""
        return self._base + self.at

    @property
    def at_end(self) -> bool:
        """Whether the whole reply has been read."""
        return self.ended and self.at >= len(self.text)

    def unread(self) -> str:
        """Return the text that was fed and not read, or read and still held."""
        if self._unlimited:
            return self.text_from(self._unlimited[0])
        return self.text[self.at if self._hold is None else self._hold - self._base :]

    def text_from(self, offset: int) -> str:
        """Return the text from `offset` on, as far as it is still here: the last feed and what was held at it."""
        if offset < self._base and self._kept:
            return self._kept_from(offset) + self.text
        return self.text[max(0, offset - self._base) :]

    def _kept_from(self, offset: int) -> str:
        """Return the kept text from `offset` on; costs the length of that text."""
        missing = self._base - offset
        pieces: list[str] = []
        for piece in reversed(self._kept):
            if missing <= 0:
                break
            pieces.append(piece[-missing:])
            missing -= len(piece)
        return "".join(reversed(pieces))

    @property
    def is_marked(self) -> bool:
        """Whether a mark with a limit holds the text that is read."""
        return self._limit is not None

    @property
    def copies(self) -> bool:
        return self._copy is not None

    def copy_to(self, sink: Sink | None) -> None:
        """Pass everything that is read from here on to `sink` too; text that a mark holds when the mark is settled."""
        self._copy = sink

    def also_copy_to(self, sink: Sink) -> Sink | None:
        """Copy to `sink` as well as to the present sink, and return that one, for `copy_to` afterwards."""
        before = self._copy

        def both(text: str) -> None:
            sink(text)
            if before is not None:
                before(text)

        self._copy = both
        return before

    def mark(self, back: int = 0, room: int | None = MAX_HELD) -> Mark:
        """Hold the text from here on, or from `back` characters before, so that `rewind` can go back to it.

        Reading more than `room` characters after it raises `Overrun`. With `room` None it holds all text, at the cost
        of its length, unless a mark around it has a limit. Marks nest; each has to be settled or rewound.
        """
        mark = Mark(self._base + self.at - back, self._limit, self._hold, len(self._unlimited))
        if self._hold is None and not self._unlimited:
            self.last_hold = mark.offset
        if room is None:
            if not self._unlimited:
                self._kept.clear()
            self._unlimited.append(mark.offset)
            self._keeps = True
            return mark
        if self._hold is None:
            self._hold = mark.offset
        self._limit = self._base + self.at + room
        return mark

    def settle(self, mark: Mark) -> None:
        """Release `mark`: the text that was read since then is consumed."""
        self._limit = mark.outer_limit
        self._hold = mark.outer_hold
        if self._unlimited:
            del self._unlimited[mark.depth :]
        if mark.outer_hold is None and not self._unlimited and self._copy is not None:
            self._copy(self.held(mark))

    def rewind(self, mark: Mark, ahead: int = 0) -> None:
        """Go back to `ahead` characters after `mark`; the text between has been passed on."""
        offset = mark.offset + ahead
        if len(self._unlimited) > mark.depth:
            if offset < self.again:
                self.twice = max(self.twice, min(self.again, self._base + self.at))
            self.again = max(self.again, self._base + self.at)
        if offset < self._base:
            back = self._kept_from(offset)
            self._drop_kept(len(back))
            self.text = back + self.text
            self._base = offset
        self.at = offset - self._base
        self._limit = mark.outer_limit
        self._hold = mark.outer_hold
        if self._unlimited:
            del self._unlimited[mark.depth :]

    def _drop_kept(self, size: int) -> None:
        """Forget the last `size` characters of the kept text."""
        self._short = 0
        while size > 0:
            piece = self._kept.pop()
            if len(piece) > size:
                self._kept.append(piece[:-size])
            size -= len(piece)

    def ahead(self, reading: Reading[T], otherwise: T, keeps: Callable[[T], bool] | None = None) -> Reading[T]:
        """Look ahead: return the result of `reading`, or `otherwise` if it reads more than a mark may hold.

        Nothing is consumed, unless `keeps` returns True for the result.
        """
        mark = self.mark()
        try:
            found = yield from reading
        except Overrun:
            found = otherwise
        if keeps is not None and keeps(found):
            self.settle(mark)
        else:
            self.rewind(mark)
        return found

    def maybe(self, reading: Reading[T], otherwise: T) -> Reading[T]:
        """Return the result of `reading`, or `otherwise` if it reads too far. A false result consumes nothing."""
        return self.ahead(reading, otherwise, bool)

    def held(self, mark: Mark) -> str:
        """Return the text read since `mark`."""
        return self.read_since(mark.offset)

    def read_since(self, offset: int) -> str:
        """Return the text read since `offset`, as far as it is still here (see `text_from`)."""
        if offset < self._base and self._kept:
            return self._kept_from(offset) + self.text[: self.at]
        return self.text[max(0, offset - self._base) : self.at]

    def take(self, end: int) -> str:
        """Read and return the text up to position `end` of `text`. Raises Overrun if a mark cannot hold it."""
        piece = self.text[self.at : end]
        self.at = end
        if self._limit is not None:
            if self._base + end > self._limit:
                raise Overrun
        elif self._copy is not None and piece and not self._unlimited:
            self._copy(piece)
        return piece

    def until(self, markers: Markers, sink: Sink, cut: Sink | None = None, *, read: bool = True) -> Reading[str | None]:
        """Pass text to `sink` up to the next marker, and consume the marker if `read`.

        Args:
            cut: gets the beginning of a marker with which the reply ends, if it is long enough to be recognised.

        Returns:
            The marker; None at the end of the reply.
        """
        while True:
            found = markers.search(self.text, self.at, self.ended)
            if self.ended and cut is not None and self._is_longer(markers):
                found = None
            if found is None:
                if self.ended:
                    self._last_of(markers, sink, cut)
                    return None
                if len(self.text) > self.at:
                    sink(self.take(len(self.text)))
                self.passes = sink, markers.begin
                yield
                self.passes = None
                continue
            stop = found.start()
            if stop > self.at:
                sink(self.take(stop))
            if found.group() in markers.all and self._whole(markers, found):
                return self.take(found.end()) if read else found.group()
            yield

    def up_to(self, markers: Markers, sink: Sink, cut: Sink | None = None) -> Reading[str | None]:
        """Do as `until`, without consuming the marker."""
        return self.until(markers, sink, cut, read=False)

    def _is_longer(self, markers: Markers) -> bool:
        """Return whether the marker at the end of the reply is the beginning of a longer marker that was cut."""
        longer = markers.search(self.text, self.at, ended=False)
        return longer is not None and longer.group() not in markers.all and len(longer.group()) >= CUT

    def skip(self, size: int) -> str:
        """Read a marker of `size` characters that is known to be here."""
        return self.take(self.at + size)

    def _last_of(self, markers: Markers, sink: Sink, cut: Sink | None) -> None:
        """Pass on the last text of the reply, and the marker that is cut at its end."""
        found = markers.search(self.text, self.at, ended=False) if cut is not None else None
        if found is not None and len(found.group()) < CUT:
            found = None
        stop = len(self.text) if found is None else found.start()
        if stop > self.at:
            sink(self.take(stop))
        if found is not None and cut is not None:
            cut(self.take(len(self.text)))

    def stands(self, markers: Markers, *, read: bool = False) -> Reading[str | None]:
        """Return the marker that is here, None if there is none; consume it only if `read`."""
        while True:
            found = markers.match(self.text, self.at, self.ended)
            if found is None:
                if self.at < len(self.text) or self.ended:
                    return None
            elif found.group() in markers.all and self._whole(markers, found):
                return self.take(found.end()) if read else found.group()
            yield

    def match(self, markers: Markers) -> Reading[str | None]:
        """Return and consume the marker that is here; return None and consume nothing if there is none."""
        return self.stands(markers, read=True)  # not a generator, as each costs time with every feed

    def _whole(self, markers: Markers, found: re.Match[str]) -> bool:
        """Return whether `found` cannot become a longer marker with more text."""
        return self.ended or found.end() < len(self.text) or not markers.begins(found.group())

    def peek(self) -> Reading[str]:
        """Return the next character without consuming it; "" at the end of the reply."""
        while self.at >= len(self.text):
            if not self.ended:
                yield
            else:
                return ""
        return self.text[self.at]

    def run(self, pattern: re.Pattern[str], limit: int | None = None) -> Reading[str]:
        """Read the longest run of characters that `pattern` (a starred class) matches, at most `limit`."""
        before: list[str] = []
        while True:
            text, at = self.text, self.at
            size = len(text)
            found = pattern.match(text, at, size if limit is None or at + limit > size else at + limit)
            assert found is not None  # a starred class matches everywhere
            stop = found.end()
            piece = self.take(stop) if stop > at else ""
            if limit is not None:
                limit -= stop - at
            if stop < size or self.ended or limit == 0:
                return "".join((*before, piece)) if before else piece
            before.append(piece)
            yield

    def look(self, pattern: re.Pattern[str], limit: int = MAX_HELD) -> Reading[re.Match[str]]:
        """Return the match of `pattern` here, without consuming it, once more text cannot change it.

        `pattern` has to match everywhere; what may follow is an optional part of it. After `limit` characters it is not
        waited for.
        """
        while True:
            found = pattern.match(self.text, self.at)
            assert found is not None  # it matches everywhere
            if found.end() < len(self.text) or self.ended or found.end() - self.at > limit:
                return found
            yield

    def cut_of(self, markers: Markers) -> bool:
        """Consume the beginning of a marker with which the reply ends, and return True; else consume nothing."""
        # When held text is read again after the end of the reply, the rest may be long.
        rest = len(self.text) - self.at
        if self.ended and 0 < rest < markers.longest and markers.begins(self.text[self.at :]):
            self.take(len(self.text))
            return True
        return False

    def space(self, limit: int = MAX_HELD) -> Reading[str]:
        """Read white space, at most `limit` characters."""
        return self.run(_SPACES, limit)
