"""The shape of calls in Python: `[f(x=1), g(y=2)]`, a list of calls or one line per call."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..arguments.json_object import FENCES
from ..arguments.name import read_name
from ..arguments.python_literals import Ends, read_arguments
from ..arguments.strays import read_strays
from ..cursor import SPACE, Cursor, Mark, Markers, Reading, union, within
from ..format import ToolFormat
from ..proposed import Proposed, sound_call
from ..recovery import drift, recovering, recovers, rule
from ..reply import Reply
from ..shapes.json_calls import JsonCalls

_SIGNS = "".join((",", *drift("what separates calls", ";")))
_SEPARATORS = re.compile(f"[{_SIGNS}{SPACE}]*")
_SURPLUS = recovering("closers too many after a call", re.compile(r"[)\]]*"), off=re.compile(""))
_MAX_SURPLUS = 64
_NO_SEPARATOR = re.compile(r"[^,;\n<]*")
_MOST_TRIED = 16
"""How many separators in a list are tried for a call after them, if the first element is not a call."""
_LIST_START = Markers("[")
_LIST_END = Markers(("]", ")]"))

_SURPLUS_BRACKETS = rule("a list's closing bracket that nothing opened, or doubled")
_CUT_CALL = rule("the beginning of a further call, cut off at the end", contract="Cut opener")
_DOUBLED_BRACKET = rule("the list's opening bracket doubled")
_TRAILING_SEPARATOR = rule("a separator after the last call")
_WITHOUT_LIST = rule("calls in markers without a list")


@dataclass(frozen=True)
class Pythonic(ToolFormat):
    """One family's markup: a list of calls with the arguments of `arguments.python_literals`."""

    sample: str
    as_json: JsonCalls
    bare: str = ""
    bare_starts: str = "[{`"

    def __post_init__(self) -> None:
        json = self.as_json
        vars(self).update(openers=json.openers, closers=json.closers, markers=json.markers)

    def read(self, opener: str, mark: Mark, cursor: Cursor, reply: Reply) -> Reading[bool | None]:
        yield from cursor.space()
        if (yield from cursor.ahead(self._at_json(cursor), False)):
            return (yield from self.as_json.read(opener, mark, cursor, reply))
        in_list = (yield from cursor.match(_LIST_START)) is not None
        if not in_list and not (opener and _WITHOUT_LIST):
            return False
        if opener and _DOUBLED_BRACKET:
            yield from cursor.match(_LIST_START)
        fits = yield from self._call((mark,), cursor, reply, strict=not opener, in_list=in_list)
        if fits is False and opener and (in_list or (yield from cursor.stands(reply.stops)) is None):
            fits = yield from self._call_after_opener(mark, cursor, reply, in_list=in_list)
        if not fits:
            return fits
        while (yield from self._further_call(cursor, reply, in_list=in_list)):
            pass
        if in_list:
            while (yield from read_strays(cursor, _LIST_END, once=True)) and _SURPLUS_BRACKETS:
                pass
        closers = yield from read_strays(cursor, self.closers)
        close = next((span.close for span in self.as_json.spans if span.open == opener), "")
        reply.owed_closer = "" if closers else close
        return True

    @recovers("calls as JSON", off=False, contract="JSON in Pythonic")
    def _at_json(self, cursor: Cursor) -> Reading[bool]:
        yield from cursor.match(FENCES)
        yield from cursor.space()
        if (yield from cursor.match(_LIST_START)) is not None:
            yield from cursor.space()
        return (yield from cursor.peek()) == "{"

    @recovers("a broken call before a sound one in a list", off=False, contract="Local damage")
    def _call_after_opener(self, mark: Mark, cursor: Cursor, reply: Reply, *, in_list: bool) -> Reading[bool]:
        """Read the first sound call after one that is not a call; see `sound_call`."""

        def call(marks: tuple[Mark, ...], lost: str) -> Reading[bool | None]:
            return self._call(marks, cursor, reply, strict=True, in_list=in_list, lost=lost)

        return sound_call(self._next_separated, call, mark, cursor, tries=_MOST_TRIED)

    def _next_separated(self, cursor: Cursor) -> Reading[bool]:
        """Read up to the next separators, and those. Returns False before a closer or the end of the reply."""
        yield from cursor.run(_NO_SEPARATOR)
        while (yield from cursor.peek()) == "<" and (yield from cursor.stands(self.closers)) is None:
            cursor.take(cursor.at + 1)
            yield from cursor.run(_NO_SEPARATOR)
        yield from cursor.run(_SEPARATORS, _MAX_SURPLUS)
        return (yield from cursor.peek()) != "" and (yield from cursor.stands(self.closers)) is None

    def _call(
        self,
        marks: tuple[Mark, ...],
        cursor: Cursor,
        reply: Reply,
        *,
        strict: bool,
        in_list: bool,
        lost: str = "",
    ) -> Reading[bool | None]:
        """Read a call; see `ToolFormat.read`.

        Args:
            marks: hold its text until it fits.
            strict: it fits only under a declared name.
            in_list: False: the next call is on a line of its own.
            lost: text before it, which is output when it fits.
        """
        name = yield from read_name(cursor)
        if not (char := (yield from cursor.peek())):
            return None
        if not name or char != "(" or (strict and not reply.tools.may_declare(name)):
            return False
        cursor.take(cursor.at + 1)
        call = Proposed(name, None, marks, cursor, reply, lost)
        own = union(self.closers, self.openers)
        ends = Ends(union(own, reply.stops), union(own, reply.ends_strings), self.openers, in_list)
        complete = yield from read_arguments(cursor, call, reply.tools, ends)
        return call.end(complete) or (None if cursor.at_end else False)

    def _further_call(self, cursor: Cursor, reply: Reply, *, in_list: bool) -> Reading[bool]:
        """Read another call of the same list, after separators and surplus closers.

        Returns:
            True if there was one; else False. Nothing is consumed then, except the beginning of a call that the reply
            ends in, or separators at the end of the list.
        """
        mark = cursor.mark()
        found = yield from within(self._further(mark, cursor, reply, in_list=in_list), None)
        if found is None:
            cursor.rewind(mark)
        return found is True

    def _further(self, mark: Mark, cursor: Cursor, reply: Reply, *, in_list: bool) -> Reading[bool | None]:
        """Return True if a call was read, False if the end of the list was, None if neither is here."""
        closers = yield from cursor.run(_SURPLUS, _MAX_SURPLUS)
        separators = yield from cursor.run(_SEPARATORS, _MAX_SURPLUS)
        separated = separators.strip() != ""
        if separated and _TRAILING_SEPARATOR and not closers and (yield from cursor.peek()) == "]":
            cursor.settle(mark)
            return False
        strict = closers != "" or not separators
        fits = yield from self._call((mark,), cursor, reply, strict=strict, in_list=in_list)
        if not in_list and "\n" in separators:  # a call per line: the line here may also be the answer
            name = cursor.held(mark)[len(closers + separators) :].partition("(")[0]
            separated = reply.tools.begins_name(name.rstrip())
        if fits is None and _CUT_CALL and separated and not closers:
            cursor.settle(mark)
            cursor.take(len(cursor.text))  # the beginning of a call that was cut off
            return False
        return fits or None
