"""Reads closers after a construct, also doubled or with brackets before them, and the rest that cannot be parsed."""

from __future__ import annotations

import re
from functools import cache

from ..cursor import SPACE, Cursor, Markers, Reading, Sink
from ..recovery import recovering, recovers, rule

_ROOM = 64
_SPACES = re.compile(f"[{SPACE}]*")
DEBRIS = recovering(
    "brackets and quotes between a call and its closer",
    re.compile(rf"""[\]}})"',;`{SPACE}]*"""),
    off=_SPACES,
)
"""What may be left between a call and its closer; it is text if no closer follows."""
FENCE = "```"
"""The marker that opens and closes a code block."""
_CLOSING = Markers(("</",))
_CLOSING_NAME = re.compile(r"[^<>/\s\"'=]*")
_DOUBLED = rule("closers after a call, doubled or of what was not opened", contract="Orphan closers")


def read_strays(cursor: Cursor, closers: Markers, *, once: bool = False, further: bool = False) -> Reading[set[str]]:
    """Read the closers after a call, also doubled ones, with the brackets before them.

    Args:
        cursor: Where the call has ended.
        closers: The closers to read.
        once: Read at most one, and no brackets.
        further: Closers of this call were read before.

    Returns:
        The closers that were read; "" among them for one that the reply's end cut off.
    """
    found: set[str] = set()
    while True:
        mark = cursor.mark()
        yield from cursor.run(_SPACES, _ROOM)
        closer = yield from cursor.match(closers)
        cut = closer is None and cursor.cut_of(closers)
        if closer is None and not cut and not once:
            debris = yield from cursor.run(DEBRIS, _ROOM)
            # After a closer a code block may begin, which may quote closers.
            if not ((found or further) and f"{FENCE}\n" in debris):
                closer = yield from cursor.match(closers)
                cut = closer is None and cursor.cut_of(closers)
        if closer is None and not cut:
            cursor.rewind(mark)
            return found
        cursor.settle(mark)
        found.add(closer or "")
        if once or not _DOUBLED:
            return found


def read_foreign(cursor: Cursor, known: Markers, follow: Markers) -> Reading[bool]:
    """Read a closing tag that is not one of `known`, with or without its `>`, if one of `follow` or the end comes next.

    Returns whether one was read; if not, nothing is consumed.
    """
    return cursor.maybe(_foreign(cursor, known, follow), False)


def _foreign(cursor: Cursor, known: Markers, follow: Markers) -> Reading[bool]:
    yield from cursor.space()
    if (yield from cursor.stands(known)) is not None or (yield from cursor.match(_CLOSING)) is None:
        return False
    name = yield from cursor.run(_CLOSING_NAME, _ROOM)
    if (yield from cursor.peek()) == ">":
        cursor.skip(1)
    yield from cursor.space()
    return name != "" and (cursor.at_end or (yield from cursor.stands(follow)) is not None)


@recovers("closing braces that nothing opened", off=None)
def read_surplus(cursor: Cursor, brackets: str = "}") -> Reading[None]:
    """Read closing brackets that nothing opened, directly after a call in JSON; no text begins with one."""
    while True:
        mark = cursor.mark()
        yield from cursor.run(_SPACES, _ROOM)
        char = yield from cursor.peek()
        if not char or char not in brackets:
            cursor.rewind(mark)
            return
        cursor.take(cursor.at + 1)
        cursor.settle(mark)


def read_rest(cursor: Cursor, sink: Sink, ends: Markers) -> Reading[None]:
    """Pass on what cannot be parsed as it is, up to a marker of `ends`, which is not consumed."""
    while True:
        char = yield from cursor.peek()
        if not char or (char in ends.firsts and (yield from cursor.stands(ends))):
            return
        found = _up_to(ends).match(cursor.text, cursor.at + 1)
        assert found is not None  # a starred class matches everywhere
        sink(cursor.take(found.end()))


@cache
def _up_to(ends: Markers) -> re.Pattern[str]:
    """Return a pattern for a run of characters none of which begins one of `ends`."""
    return re.compile("[^{}]*".format(re.escape("".join(sorted(ends.firsts)))) if ends.firsts else "(?s:.*)")
