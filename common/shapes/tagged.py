"""The shape that most families share: calls between markers, each a name and arguments, perhaps in a section.

- A call's opener counts if the name, the header's end and the first piece of the arguments follow.
- A section's opener counts if a call that fits follows, or its closer; text before that is stray and dropped, up to 64
  characters. A section without a closer ends 512 characters after its last call.
- After a call, any closer may be missing, doubled or stray.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from ..arguments.json_object import JsonObject
from ..arguments.name import read_name, read_numbered_name
from ..arguments.strays import read_strays, read_surplus
from ..arguments.tag_parts import Arguments, Around, Level
from ..arguments.tags import read_gap
from ..cursor import NO_MARKERS, SPACE, Cursor, Mark, Markers, Overrun, Reading, drop, union, within
from ..format import ORDINARY, Span, ToolFormat
from ..proposed import Proposed, attempt
from ..recovery import recovering, recovers, rule
from ..reply import Call, Reply
from ..schema import Tools
from .json_calls import JsonCalls
from .sibling import Sibling, json_in

_STRAY = recovering("stray text before a section's first call", 64, off=0, contract="After a section's opener")
_WORD = re.compile(rf"[{SPACE}]{{0,8}}(?P<word>[\w.:\-]*)")
_WITHOUT_SPACE = str.maketrans("", "", SPACE)
_ARGUMENT_STARTS = ("{", "`")
_TAG_CLOSED = Markers(("/>",))


_ALONE = rule("a call without the section or wrapper around it", contract="Section names")
_CLOSER_AS_NAME_END = rule("a call's closer in place of the end of its name")
_DOUBLED_NAME_END = rule("the end of a name doubled")
_DOUBLED_OPENER = rule("a call's opener doubled in the wrapper")
_EMPTY_SECTION = rule("a section without calls", contract="After a section's opener")
_REASONING_BETWEEN = rule("reasoning between the calls of a section", contract="Reasoning in a section")
_SECTIONS_BETWEEN = rule("a section's opener doubled")
_TYPE_AS_NAME = rule("a call's name that looks like a type")
_UNCLOSED_SECTION = rule("a section's closer missing before text", contract="Inside a section")
_JSON_CALLS = rule("a whole call as JSON after an opener", contract="Shared wrappers")
_WITHOUT_BRACKET = rule("a call's opener without its bracket in the wrapper")
_WITHOUT_NAME_END = rule("a name without its end")


@dataclass(frozen=True, slots=True)
class Head:
    """The content of a call's head."""

    name: str
    id: str | None = None
    closed: bool = False
    """Whether the head closes the call, which has no arguments then: `<invoke name="ping"/>`."""


def no_message_ends(_: Cursor) -> Reading[bool]:
    """Return False: the reply is not framed."""
    return False
    yield  # a generator, as all reads are


@dataclass(frozen=True)
class Tagged(ToolFormat):
    """One family's markup of calls."""

    sample: str
    call: Span
    """Opener and closer of a call. The name follows the opener."""
    arguments: Arguments
    name_end: tuple[str, ...] = (">",)
    """The markers that may end the name; they may be missing if the arguments begin with a bracket or tag."""
    spellings: tuple[Span, ...] = ()
    """Further spellings of a call's opener and closer."""
    loose: tuple[Span, ...] = ()
    """Further spellings that count only under a declared name."""
    before_name: tuple[str, ...] = ()
    """Markup that may come between a call's opener and its name."""
    after_name: Markers = NO_MARKERS
    """Markers that models write by mistake after the name, before its end or instead of it."""
    id_open: str = ""
    """The marker between the name and the call's id."""
    sections: tuple[Span, ...] = ()
    """Markup around calls: the template writes it, but it is optional here."""
    wrapper: Span | None = None
    """Markup around each call; its opener counts only right before a call."""
    others: tuple[Sibling, ...] = ()
    """Other kinds of call that models write after its openers."""
    head: Callable[[str], Head] = Head
    """Makes the head from the written name."""
    message_ends: Callable[[Cursor], Reading[bool]] = no_message_ends
    """In a markup that frames the whole reply: see `Around.message_ends`."""
    beside: Markers = NO_MARKERS
    """In such a markup: markers that start another part of a message, or end it. A call ends before them."""
    headers: Markers = NO_MARKERS
    """In such a markup: markers that end a header. Text between the calls of a section cannot contain them."""
    calls: Markers = field(init=False, repr=False)
    call_openers: Markers = field(init=False, repr=False)
    _in_wrapper: Markers = field(init=False, repr=False)
    _call_close: Markers = field(init=False, repr=False)
    _call_closers: Markers = field(init=False, repr=False)
    _strays: Markers = field(init=False, repr=False)
    _close: Markers = field(init=False, repr=False)
    _around_close: Markers = field(init=False, repr=False)
    _in_section: Markers = field(init=False, repr=False)
    _name_end: Markers = field(init=False, repr=False)
    _before_name: Markers = field(init=False, repr=False)
    _id_open: Markers = field(init=False, repr=False)
    _after_head: Markers = field(init=False, repr=False)
    """The markers that may follow a call's name."""
    _heads: bool = field(init=False, repr=False)
    """Whether a marker that prose does not have ends a name."""

    def __post_init__(self) -> None:
        if any(end.isspace() for end in self.name_end):
            raise ValueError("white space around a name is skipped, so it cannot end a name: write name_end=()")
        wrappers = () if self.wrapper is None else (self.wrapper,)
        around = (*self.sections, *wrappers)
        spellings = (self.call, *self.spellings, *self.loose)
        calls = {span.open for span in (*spellings, *wrappers)}
        ends = {span.close for span in (*spellings, *around)}
        sections = {marker for span in self.sections for marker in (span.open, span.close)}
        openers = (calls if _ALONE or not around else set()) | {span.open for span in around}
        closers = ends | self.arguments.closers
        whole = [span for span in (*spellings, *around) if span.open[0] == "<" and span.open[-1] != "="]
        if _JSON_CALLS and whole:
            vars(self).update(others=(*self.others, json_in(whole)))
        own = openers | ends | {*self.name_end, *self.before_name, self.id_open} | self.arguments.markers
        own = own.union(*(other.format.markers for other in self.others))
        bare = next((other.format for other in self.others if other.format.bare), self)
        opens = {span.open for span in spellings}
        vars(self).update(
            openers=Markers(openers),
            closers=Markers(closers),
            markers=frozenset(own - {"", ">"}),
            named_closer=self.arguments.named_closer,
            bare=bare.bare,
            bare_starts=bare.bare_starts,
            words=frozenset(filter(ORDINARY.fullmatch, openers | closers)),
            calls=Markers(calls),
            call_openers=Markers(opens),
            # Right after the wrapper's opener, the call's opener may lack its bracket.
            _in_wrapper=Markers(opens | {each.removeprefix("<") for each in opens if _WITHOUT_BRACKET}),
            _call_close=Markers(span.close for span in spellings),
            _call_closers=Markers(closers - sections),
            # A bracket alone is in any text.
            _strays=Markers(closers | {end for end in self.name_end if len(end) > 1}),
            _close=Markers(ends),
            _around_close=Markers(span.close for span in around),
            _in_section=Markers(calls | sections),
            _name_end=Markers(self.name_end),
            _before_name=Markers(self.before_name),
            _id_open=Markers((self.id_open,)),
            _heads=any(len(end) > 1 for end in self.name_end),
            _after_head=Markers({*self.name_end, self.id_open, *self.after_name.all} - {""}),
        )

    @property
    def written(self) -> tuple[ToolFormat, ...]:
        """The formats of those `others` that a template writes too."""
        return tuple(other.format for other in self.others if other.format.sample)

    def read(self, opener: str, mark: Mark, cursor: Cursor, reply: Reply) -> Reading[bool | None]:
        for other in self.others:
            if (yield from other.stands(opener, cursor)):
                return (yield from other.format.read(opener, mark, cursor, reply))
        if not opener:
            return False
        close = next((span.close for span in self.sections if span.open == opener), "")
        if close:
            return (yield from self._section(close, mark, cursor, reply))
        fits = yield from self._call(opener, (mark,), cursor, reply)
        if fits:
            yield from read_strays(cursor, self._strays, further=True)
        return fits

    # --- one call

    def _around(self, reply: Reply, *, wrapped: bool = False) -> Around:
        """Return the markup around the arguments of a call. `wrapped`: the wrapper has opened the call."""
        outer = self._around_close if wrapped else self._close
        ends = union(reply.turn_ends, self.beside), reply.stops, reply.ends_rehearsal, self.message_ends
        return Around(self._close, self._call_close, outer, self.openers, reply, *ends, self._opens)

    def _opens(self, opener: str, cursor: Cursor, around: Around, declared: bool) -> Reading[list[Level]]:
        """Return the levels that `opener` opens if a call that fits follows, else []; see `Around.call_fits`."""
        levels: list[Level] = []
        if opener not in self.calls.all:
            levels.append(Level.AROUND)
            yield from read_gap(cursor)
            found = yield from cursor.match(self.calls)
            if found is None:
                return []
            opener = found
        if self.wrapper is not None and opener == self.wrapper.open:
            levels.append(Level.AROUND)
        head = yield from self._head(opener, cursor, None)
        if not isinstance(head, Head) or (declared and not around.reply.tools.may_declare(head.name)):
            return []
        if head.closed:
            return [*levels, Level.CLOSED]
        fits = yield from self._begin(head, cursor, around)
        return [*levels, Level.CALL] if fits else []

    def _begin(self, head: Head, cursor: Cursor, around: Around) -> Reading[bool]:
        """Return whether arguments begin here; if they do, nothing is consumed."""
        mark = cursor.mark()
        try:
            yield from self.arguments.read(cursor, _Probe(), around.reply.tools.parameters(head.name), around)
        except _Fits:
            cursor.rewind(mark)
            return True
        cursor.settle(mark)
        return False

    def _head(self, opener: str, cursor: Cursor, tools: Tools | None) -> Reading[Head | bool | None]:
        """Read a call's head after `opener`. Returns False if it does not fit, None if the reply ends inside it."""
        if self.wrapper is not None and opener == self.wrapper.open:
            yield from cursor.space()
            opened = (yield from cursor.match(self._in_wrapper)) is not None
            if not opened and not (yield from self._opened_as_parameter(cursor, tools)):
                return None if cursor.at_end or cursor.cut_of(self._in_wrapper) else False
            while _DOUBLED_OPENER and (yield from cursor.match(self.call_openers)) is not None:
                pass
        typed, name = yield from self._name(cursor, tools)
        if self.name_end == (">",) and (yield from self._closes_itself(name, cursor, tools)):
            return Head(name.removesuffix("/"), closed=True)
        head = self.head(name)
        if name and self.id_open and (yield from cursor.match(self._id_open)) is not None:
            head = Head(head.name, (yield from read_name(cursor)) or None)
        ended = name != "" and self.name_end == (">",) and (yield from self._ended_by_closer(cursor))
        while name and (_DOUBLED_NAME_END or not ended) and (yield from cursor.match(self._name_end)) is not None:
            ended = True
        if cursor.at_end or (name and not ended and cursor.cut_of(self._after_head)):
            return None
        if not name:
            return None if cursor.cut_of(self._before_name) else False
        if any(opener == span.open for span in self.loose) and (tools is None or not tools.may_declare(name)):
            return False
        if not ended and self.name_end and head.id is None and not typed:
            # A name without its end has to be followed by arguments, unless its form shows that it is a call's.
            char = yield from cursor.peek()
            starts = char in _ARGUMENT_STARTS or (yield from cursor.stands(self.arguments.first)) is not None
            starts = starts and _WITHOUT_NAME_END
            if not starts and _CLOSER_AS_NAME_END and tools is not None and tools.may_declare(name):
                starts = (yield from cursor.stands(self._call_closers)) is not None
            if not starts:
                return False
        return head

    def _name(self, cursor: Cursor, tools: Tools | None) -> Reading[tuple[bool, str]]:
        """Read a call's name. Returns whether a type was before it, and the name, "" if there is none."""
        yield from cursor.space()
        mark = cursor.mark()
        typed = yield from cursor.match(self._before_name)
        name = yield from read_numbered_name(cursor, self.after_name)
        if typed is not None and not name and not cursor.at_end and _TYPE_AS_NAME:
            # A type is the name if a tool has that name, or if the template writes no type.
            cursor.rewind(mark)
            written = yield from read_name(cursor)
            name = written if typed not in self.sample or tools is None or tools.declares(written) else ""
        else:
            cursor.settle(mark)
        if name and tools is not None:
            name = yield from self._without_key(name, cursor, tools)
        return typed is not None, name

    @recovers("a call in a tag that closes itself", off=False)
    def _closes_itself(self, name: str, cursor: Cursor, tools: Tools | None) -> Reading[bool]:
        """Read `/>` at the end of the tag whose name has been read. Returns whether it was there."""
        if len(name) > 1 and cursor.text[cursor.at - 1] == "/":
            # Without quotes, a slash is part of the name, unless only the rest is a tool's name.
            if tools is None or tools.declares(name) or not tools.declares(name[:-1]):
                return False
            return (yield from cursor.match(self._name_end)) is not None
        return bool(name) and (yield from cursor.match(_TAG_CLOSED)) is not None

    @recovers("a call's closer in place of its tag's end, before its parameters", off=False)
    def _ended_by_closer(self, cursor: Cursor) -> Reading[bool]:
        """Read the call's closer in place of the tag's end, `<function=ping</function>`, if a parameter follows."""
        return (yield from cursor.maybe(self._closer_and_parameter(cursor), False))

    def _closer_and_parameter(self, cursor: Cursor) -> Reading[bool]:
        if (yield from cursor.match(self._call_close)) is None:
            return False
        yield from cursor.space()
        return (yield from cursor.stands(self.arguments.first)) is not None

    @recovers("a parameter's opener in place of a call's", off=False)
    def _opened_as_parameter(self, cursor: Cursor, tools: Tools | None) -> Reading[bool]:
        """Read a parameter's opener in place of the call's, if a tool's name and a parameter follow it."""
        mark = cursor.mark()
        opened = tools is not None and (yield from cursor.match(self.arguments.first)) is not None
        opener = len(cursor.held(mark))
        fits = False
        if opened and tools is not None and tools.declares((yield from read_name(cursor))):
            fits = (yield from cursor.match(self._name_end)) is not None
            yield from cursor.space()
            fits = fits and (yield from cursor.stands(self.arguments.first)) is not None
        if cursor.at_end:
            opener = len(cursor.held(mark))
        cursor.rewind(mark, opener if fits or cursor.at_end else 0)
        return fits

    @recovers("a parameter's name stuck to a call's", off=lambda _, name, *__: name)
    def _without_key(self, name: str, cursor: Cursor, tools: Tools) -> Reading[str]:
        """Return `name` without a parameter's name that is stuck to it because the parameter's opener is missing."""
        if not self.arguments.key_end.all or (yield from cursor.stands(self.arguments.key_end)) is None:
            return name
        declared = tools.longest_prefix_of(name)
        if not declared or cursor.text[cursor.at - 1] in SPACE:
            return name
        cursor.at -= len(name) - len(declared)
        return declared

    def _call(
        self, opener: str, marks: tuple[Mark, ...], cursor: Cursor, reply: Reply, *, in_section: bool = False
    ) -> Reading[bool | None]:
        """Read a call after `opener`; see `ToolFormat.read`. The marks hold its text, and are settled when it fits."""
        for other in self.others:
            if isinstance(other.format, JsonCalls) and (yield from other.stands(opener, cursor)):
                fits = yield from other.format.read_inner(marks, cursor, reply)
                if fits:
                    yield from read_strays(cursor, self._call_closers)
                return fits
        head = yield from self._head(opener, cursor, reply.tools)
        if not isinstance(head, Head):
            return head

        call = Proposed(head.name, head.id, marks, cursor, reply)
        wrapped = self.wrapper is not None and opener == self.wrapper.open
        around = self._around(reply, wrapped=wrapped)
        if head.closed:
            call.arguments("{}")
            complete = True
        else:
            complete = yield from self._arguments(call, cursor, around)
        if not call.end(complete):
            return None if cursor.at_end else False
        last = self._around_close if wrapped else self._call_close
        closers = yield from self._closers(call, cursor, around, NO_MARKERS if in_section else last)
        outer = (self.wrapper or self.call).close
        reply.owed_closer = "" if outer in closers else outer
        return True

    def _arguments(self, call: Proposed, cursor: Cursor, around: Around) -> Reading[bool]:
        """Read the arguments after a head. Returns whether they are complete.

        If the first parameter's opener is missing, its name is joined to the call's: `name="read.path"`.
        """
        tools, arguments = around.reply.tools, self.arguments
        name, key = tools.with_key(call.name) if arguments.first.all else ("", "")
        if key:
            mark = cursor.mark()
            begins = yield from self._begin(Head(call.name), cursor, around)
            cursor.rewind(mark)
            if begins:
                key = ""
            else:
                call.name = name
        return (yield from arguments.read(cursor, call, tools.parameters(call.name), around, key))

    def _closers(self, call: Proposed, cursor: Cursor, around: Around, last: Markers) -> Reading[set[str]]:
        """Read and return the closers after a call; foreign ones too, unless one of `last` came before."""
        if isinstance(self.arguments, JsonObject):
            yield from read_surplus(cursor, "}]")
        closers = yield from read_strays(cursor, self._call_closers)
        while closers.isdisjoint(last.all) and (yield from self.arguments.read_foreign_closer(cursor, call, around)):
            closers |= yield from read_strays(cursor, self._call_closers, further=True)
        return closers

    # --- a section

    def _section(self, close: str, mark: Mark, cursor: Cursor, reply: Reply) -> Reading[bool | None]:
        """Read a section after its opener; see `ToolFormat.read`. `close`: the section's closer."""
        stray = _Stray()
        markers = union(self._in_section, reply.ends_rehearsal)
        fits = yield from self._call_without_opener((mark,), cursor, reply)
        while not fits:
            marker = yield from cursor.until(markers, stray.add, drop)
            if marker is not None and marker in reply.ends_rehearsal.all:
                return False
            if marker is None:
                return None if self._in_section.begins(stray.bare()) or not stray.bare() else False
            if marker in self.openers.all and marker not in self.calls.all:
                if stray.bare() or not _SECTIONS_BETWEEN:
                    return False  # the first opener was only named in a text
                stray.spend(len(marker))
                continue
            if marker not in self.openers.all:
                if stray.bare() or not _EMPTY_SECTION:
                    return False
                cursor.settle(mark)
                yield from read_strays(cursor, self.closers, once=True)
                return True
            fits = yield from self._held_call(marker, (mark,), cursor, reply)
            if fits is None:
                return False if stray.bare() else None
            if not fits:
                stray.add(marker)
        while (yield from self._next_in_section(close, cursor, reply)):
            pass
        yield from read_strays(cursor, self._strays, further=True)
        return True

    def _held_call(self, opener: str, marks: tuple[Mark, ...], cursor: Cursor, reply: Reply) -> Reading[bool | None]:
        """Do `_call` under a mark of its own; if the call does not fit, only its opener stays consumed."""

        def call(mark: Mark) -> Reading[bool | None]:
            return self._call(opener, (*marks, mark), cursor, reply, in_section=True)

        size = len(opener)
        return attempt(call, cursor, back=size, ahead=size)

    @recovers("a call's opener missing in a section", off=False, contract="A call's opener")
    def _call_without_opener(self, marks: tuple[Mark, ...], cursor: Cursor, reply: Reply) -> Reading[bool | None]:
        """Do `_held_call` if a declared name and its end are here, without the call's opener."""
        if not self._heads:
            return False
        found = yield from cursor.look(_WORD, _STRAY - 1)
        # Text is not held for a name that is longer than the stray text of a section.
        if not found["word"] or found.end() - cursor.at >= _STRAY:
            return False
        if not (yield from cursor.ahead(self._declared_head(cursor, reply.tools), False)):
            return False
        return (yield from self._held_call("", marks, cursor, reply))

    def _declared_head(self, cursor: Cursor, tools: Tools) -> Reading[bool]:
        start = cursor.offset
        head = yield from self._head("", cursor, tools)
        ended = any(end in cursor.read_since(start) for end in self._name_end.all)
        return isinstance(head, Head) and ended and bool(tools) and tools.may_declare(head.name)

    def _next_in_section(self, close: str, cursor: Cursor, reply: Reply) -> Reading[bool]:
        """Read the section's next call, or its closer. Returns whether there was a call."""
        mark = cursor.mark()
        between: list[str] = []
        found = yield from within(self._up_to_next(mark, between, close, cursor, reply), _Next.REST)
        if found is _Next.REST:
            cursor.rewind(mark)
        if found is not _Next.OPEN:
            return found is _Next.CALL
        if _UNCLOSED_SECTION and not (cursor.at_end and self._is_cut(between)):
            cursor.rewind(mark)  # the section was not closed: this is the answer
        else:
            cursor.settle(mark)
        return False

    def _is_cut(self, between: list[str]) -> bool:
        """Return whether the text between two calls is nothing, or a marker of a section that was cut off."""
        return self._in_section.begins("".join(between).strip(SPACE))

    def _up_to_next(self, mark: Mark, between: list[str], close: str, cursor: Cursor, reply: Reply) -> Reading[_Next]:
        if (yield from self._call_without_opener((mark,), cursor, reply)):
            return _Next.CALL
        elsewhere = union(reply.reasoning_opens, reply.ends_rehearsal) if _REASONING_BETWEEN else NO_MARKERS
        markers = union(self._in_section, reply.turn_ends, elsewhere, self.headers)
        while True:
            marker = yield from cursor.until(markers, between.append)
            if marker is None or marker in self.headers.all:
                return _Next.OPEN
            if marker in reply.turn_ends.all:
                return _Next.REST
            if marker in elsewhere.all:  # reasoning begins or ends between the calls
                if not self._is_cut(between):
                    return _Next.OPEN  # the closer is missing, or an opener is in its place: the text is the answer
                size = cursor.offset - len(marker) - mark.offset
                cursor.rewind(mark)
                cursor.skip(size)
                reply.owed_closer = close
                return _Next.DONE
            if marker not in self.openers.all:
                cursor.settle(mark)
                return _Next.DONE
            if marker not in self.calls.all:
                if not self._is_cut(between):
                    return _Next.OPEN  # another section follows, so this one was not closed: the text is the answer
                continue
            fits = yield from self._held_call(marker, (mark,), cursor, reply)
            if fits:
                return _Next.CALL
            if fits is None:
                cursor.take(len(cursor.text))
                cursor.settle(mark)
                return _Next.DONE
            between.append(marker)


class _Next(Enum):
    """What follows a call in a section."""

    CALL = "another call, which was read"
    DONE = "its end, which was read"
    OPEN = "text, which was read: the section may have ended before it"
    REST = "nothing that belongs to the section"


class _Fits(Exception):
    """The arguments of a call fit."""


class _Probe:
    """A stand-in for a call, to find out whether its arguments fit."""

    def announce(self) -> Call:
        raise _Fits


class _Stray:
    """Text between a section's opener and its first call; if there is too much, the opener is prose."""

    __slots__ = ("_pieces", "_room")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._room = _STRAY

    def add(self, text: str) -> None:
        self.spend(len(text.translate(_WITHOUT_SPACE)))
        self._pieces.append(text)

    def spend(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            raise Overrun

    def bare(self) -> str:
        return "".join(self._pieces).strip(SPACE)


def sample_of(docstring: str | None) -> str:
    """Return the sample in a format's docstring, which is between its first and its last paragraph.

    Raises:
        ValueError: there is none.
    """
    sample = "\n\n".join((docstring or "").strip().split("\n\n")[1:-1])
    if not sample:
        raise ValueError("a format's docstring has the models, the sample and a paragraph, with empty lines between")
    return sample
