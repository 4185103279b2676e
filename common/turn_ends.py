"""Holds back turn ends at the end of a reply, such as `<|im_end|>`, if an engine passes them on.

A reply that ends with them ended before them, so they are held back as long as only white space and further turn ends
follow. Then the text to be read ends before them, and every rule for the end of a reply holds before a turn's end too.
A turn end that is followed by other text is read like any marker.
"""

from __future__ import annotations

import re
from functools import cache

from .cursor import CUT, SPACE, Markers


class TurnEnds:
    """Filters the text of one reply before it is read."""

    __slots__ = ("_begun", "_ends", "_may_end", "_part", "_whole", "firsts", "lead", "other", "waits")

    def __init__(self, ends: Markers) -> None:
        self._ends = _whole(ends)
        self._begun = _begun(ends).search
        self._may_end = _tail(ends).search
        self._whole: list[str] = []  # turn ends, and white space after the first
        self._part = ""  # the beginning of one, after them
        self.waits = False
        # A text that contains neither lead and ends with none of `firsts` need not pass here, unless something waits.
        self.firsts = "".join(sorted(ends.firsts))
        leads = sorted({end[:2] for end in ends.all})
        self.lead, self.other = (leads[0], leads[-1]) if len(leads) <= 2 else ("", "")

    @property
    def held(self) -> str:
        return "".join((*self._whole, self._part))

    def feed(self, text: str) -> str:
        """Take the next text. Returns the text that can be read now."""
        if self._part:
            text = self._part + text
            self._part = ""
        if not (self._whole or self.lead in text or self.other in text):
            self.waits = text[-1] in self.firsts
            if self.waits:
                self._part = text[-1]
                return text[:-1]
            return text
        found = self._may_end(text)
        if found is None and not self._whole:
            self.waits = False
            return text
        text = self._without_tail(text)
        self.waits = self._whole != [] or self._part != ""
        return text

    def _without_tail(self, text: str) -> str:
        """Hold back the turn ends at the end of `text`. Returns the rest, after turn ends that were held before."""
        start, at = (0, 0) if self._whole else (-1, 0)
        for end in self._ends.finditer(text):
            if start < 0 or text[at : end.start()].strip(SPACE):
                start = end.start()
            at = end.end()
        begun = self._begun(text, at)
        self._part = text[begun.start() :] if begun is not None else ""
        stop = len(text) - len(self._part)
        if start < 0 or text[at:stop].strip(SPACE):
            start = stop
        if start == 0 and self._whole:
            self._whole.append(text[:stop])
            return ""
        released = "".join((*self._whole, text[:start]))
        self._whole = [text[start:stop]] if start < stop else []
        return released

    def end(self) -> str:
        """Return the held text that has to be read at the end of the reply; "" if it is only turn ends."""
        return "" if self._whole and (not self._part or len(self._part) >= CUT) else self.held


@cache
def _whole(ends: Markers) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(ends.all, key=len, reverse=True))))


@cache
def _begun(ends: Markers) -> re.Pattern[str]:
    """Return a pattern for the beginning of a turn end at the end of a text."""
    return re.compile(rf"(?:{'|'.join(map(_beginning_of, ends.all))})\Z")


@cache
def _tail(ends: Markers) -> re.Pattern[str]:
    """Return a pattern for a turn end and white space, or the beginning of a turn end, at the end of a text."""
    return re.compile(rf"(?:{_whole(ends).pattern})[{SPACE}]*\Z|{_begun(ends).pattern}")


def _beginning_of(end: str) -> str:
    first, *further = map(re.escape, end[:-1])
    return first + "(?:".join(("", *further)) + ")?" * len(further)
