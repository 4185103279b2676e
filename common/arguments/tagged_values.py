"""Arguments as one tag a parameter, each with its value as text: XML in looks, not in rules.

- Nothing is decoded: `&lt;` stays, and a value may hold any text, the family's own markers included.
- A value's closer counts only where what follows can follow it: the next parameter's opener, a closer around
  the parameters, another call that fits (those closers are missing), or the end of the reply.
- A call opener that fits, inside a value, starts a quoted call: until its end its parameters and closers pair
  up and are data.
- A closer whose end is garbled, `</parameter/>` or `</parameter`, counts where more of the call follows; never in a
  quoted call.
- A value behind the name and `=`, in the opening tag, `<parameter=city=Paris>`, counts where none is behind the tag.
- A missing closer: a parameter opener ends the value before it at the start of a line (in inline markups
  anywhere) if its name is declared and not yet given; a closer around the parameters ends a value that is no text.
- The last brace goes out with the closer around the parameters, which is never looked behind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from json.encoder import encode_basestring as quote
from typing import Protocol

from ..cursor import Cursor, Markers, Overrun, Reading, Sink, union
from ..format import Span
from ..recovery import recovers, rule
from ..schema import ANY, JSON, STRING, Parameters, Types
from .json_object import JsonObject, read_object
from .name import MAX_NAME, read_key, read_name
from .strays import read_strays
from .text_value import TextValue

_OBJECT = JsonObject()
_ATTRIBUTE = re.compile(r"""\s*([A-Za-z_][\w-]*)\s*=\s*["'“]?([^"'“”>\s]*)["'”]?""")
_PLAIN_NAME = re.compile(r"[\w.-]*")
_ASSIGNED = re.compile(r"[ \t]*([\w.-]+)=")
_FOLLOWS_WITHIN = 256
_REST = re.compile(r"[/ \d]*")
"""What may stand between a garbled closer's name and its bracket; letters would make it another tag's."""
_NAME_AND_REST = re.compile(r"[\w/ ]*")
_MAX_REST = 32

_STRAY_KEY_END = rule("a stray end of a key before the first parameter")
_STRAY_CLOSERS = rule("stray closers before the first parameter")
_JSON_BODY = rule("parameters as a JSON object")
_KEY_WITHOUT_OPENER = rule("a key without its opener")
_KEY_WITHOUT_VALUE = rule("a key without a value")
_DOUBLED_OPENER = rule("a parameter's opener doubled")
_DOUBLED_NAME_END = rule("the end of a parameter's name doubled")
_VALUE_IN_TAG = rule("a value in the tag of its parameter, before the closer")
_WITHOUT_BRACKET = rule("a closer without its bracket", contract="Closers too many")
_WITHOUT_KEY_END = rule("a value's opener in place of the end of its key")
_WITHOUT_VALUE_OPENER = rule("a value without its opener")


class CallHeads(Protocol):
    """The call openers of a format, to tell a quoted call from a mention."""

    @property
    def call_openers(self) -> Markers: ...

    def head_fits(self, opener: str, cursor: Cursor) -> Reading[bool]:
        """Read the head of a call behind `opener`; whether it fits."""
        ...


@dataclass(frozen=True, slots=True)
class Header:
    """What a parameter's opening tag says."""

    name: str
    attributes: dict[str, str]
    otherwise: bool = False
    """Whether it was opened by what models write in place of the opener: its closer may be written so, too."""
    valued: bool = True
    """Whether the value's own opener stood there, in markups that have one."""


@dataclass(frozen=True)
class TaggedValues:
    """`<parameter=city>Paris</parameter>`"""

    open: str
    """What starts a parameter, up to its name."""
    name_end: tuple[str, ...]
    """What stands between the name and the value, in this order; drift may leave out all but one."""
    close: str
    """What ends the value."""
    framed: bool = False
    """Whether the template writes a newline on each side of a value."""
    typed_by: str = ""
    """The attribute that types the value instead of the schema."""
    spellings: tuple[Span, ...] = ()
    """Further spellings of `open` and `close`."""
    garbled: tuple[str, ...] = ()
    """What models write in place of `close`, up to its bracket; a closer without its bracket is one always."""
    instead: tuple[str, ...] = ()
    """Markers that models write in place of `open`; they count where a parameter is due and a whole header follows."""
    first: Markers = field(init=False, repr=False)
    _close: Markers = field(init=False, repr=False)
    _name_end: tuple[Markers, ...] = field(init=False, repr=False)
    _key_end: Markers = field(init=False, repr=False)
    _garbled: Markers = field(init=False, repr=False)
    _instead: Markers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        spellings = (Span(self.open, self.close), *self.spellings)
        object.__setattr__(self, "first", Markers(span.open for span in spellings))
        object.__setattr__(self, "_close", Markers(span.close for span in spellings))
        object.__setattr__(self, "_key_end", Markers(self.name_end[:-1]))
        unended = {span.close[:-1] for span in spellings if span.close.startswith("</")}
        unended = {each for each in unended if _WITHOUT_BRACKET and not each.startswith(self.garbled)}
        object.__setattr__(self, "_garbled", Markers(unended.union(self.garbled)))
        object.__setattr__(self, "_instead", Markers(self.instead))
        object.__setattr__(self, "_name_end", tuple(Markers((part,)) for part in self.name_end))

    @property
    def markers(self) -> frozenset[str]:
        return self.first.all | self._close.all | {*self.name_end}

    @property
    def closers(self) -> frozenset[str]:
        return self._close.all

    @property
    def ended_by_calls(self) -> bool:
        return False

    @property
    def key_end(self) -> Markers:
        return self._key_end

    def fits(self, cursor: Cursor, ends: Markers) -> Reading[bool | None]:
        """Whether a parameter or the end of the parameters stands here; None where the reply ends before it."""
        yield from _gap(cursor)
        # A value's opener without a key before it says nothing.
        either = union(self.first, self._close, ends, *(() if self._key_end.all else self._name_end))
        if (yield from cursor.match(self.first)):
            header = yield from self._header(cursor)
            return True if header is not None else None if cursor.at_end else False
        if (yield from self._opened_otherwise(cursor)):
            return True
        if _STRAY_KEY_END and (yield from cursor.match(self._key_end)):
            # A parameter or the end of the call has to follow.
            yield from cursor.space()
            return True if (yield from cursor.stands(union(self.first, ends))) else None if cursor.at_end else False
        if (yield from cursor.stands(either)):
            return True
        if cursor.at_end or cursor.cut_of(either):
            return None
        if _JSON_BODY and (yield from cursor.peek()) == "{":
            return (yield from _OBJECT.fits(cursor, ends))
        if not self._key_end.all or not _KEY_WITHOUT_OPENER:
            return False
        yield from read_name(cursor)
        return (yield from cursor.stands(self._key_end)) is not None

    def read(
        self, cursor: Cursor, sink: Sink, parameters: Parameters, ends: Markers, heads: CallHeads, key: str = ""
    ) -> Reading[bool]:
        """Read parameters up to a closer around them, which is not read; whether they are whole.

        `key`: the value of this one stands here, without its opener.
        """
        if not key:
            if _STRAY_CLOSERS:
                yield from read_strays(cursor, union(self._close, self._key_end))
            if _JSON_BODY and (yield from self._at_json(cursor)):
                return (yield from read_object(cursor, sink, ends))
        either = union(self.first, ends)
        written: set[str] = set()
        header = Header(key, {}) if key else None
        opened: str | None = None
        while True:
            if header is None:
                yield from cursor.space()
                opened = yield from cursor.match(self.first)
                if opened is None:
                    opened = yield from self._opened_otherwise(cursor)
                if opened is None and (written or (yield from cursor.stands(ends)) or not self._key_end.all):
                    break
                header = yield from self._header(cursor, otherwise=opened is not None and opened in self._instead.all)
                if header is None:
                    break
            if _KEY_WITHOUT_VALUE and not header.valued and (yield from self._stands_next(cursor, either)):
                header = None  # a name without a value
                continue
            name, assigned, text = header.name.partition("=")
            if assigned and parameters.declares(name) and (yield from self._closes_at_once(cursor, either)):
                sink(("," if written else "{") + quote(name) + ":")
                written.add(name)
                value = TextValue(sink, parameters.types(name), framed=False)
                value.text(text)
                value.end()
                header = None
                continue
            sink(("," if written else "{") + quote(header.name) + ":")
            written.add(header.name)
            value = TextValue(sink, self._types(header, parameters), framed=self.framed)
            closed, follows = yield from self._value(
                cursor, value, parameters, written, either, heads, otherwise=header.otherwise
            )
            if not closed:
                return False
            value.end()
            if isinstance(follows, str):
                sink("}")
                return True
            header = follows
        if header is None and opened:
            return False
        ended = cursor.at_end or (yield from cursor.stands(union(ends, heads.call_openers))) is not None
        if not ended and not cursor.cut_of(ends):
            cursor.cut_of(either)
            return False
        sink("}" if written else "{}")
        return True

    @recovers("a value in the tag of its parameter, closed", off=False)
    def _closes_at_once(self, cursor: Cursor, followers: Markers) -> Reading[bool]:
        """Read a value's closers, where nothing but these stands before what may follow them."""
        mark = cursor.mark()
        try:
            yield from cursor.space()
            while (yield from cursor.match(self._close)) is not None:
                yield from cursor.space()
            found = (yield from cursor.stands(followers)) is not None
        except Overrun:
            found = False
        if found:
            cursor.settle(mark)
        else:
            cursor.rewind(mark)
        return found

    def _at_json(self, cursor: Cursor) -> Reading[bool]:
        mark = cursor.mark()
        yield from cursor.space()
        found = (yield from cursor.peek()) == "{"
        cursor.rewind(mark)
        return found

    def _types(self, header: Header, parameters: Parameters) -> Types:
        if self.typed_by and self.typed_by in header.attributes:
            said = header.attributes[self.typed_by]
            types = typed_by_attribute(said)
            # DSML's says only yes or no, and what is neither says nothing; a type that JSON lacks is text.
            if types is not None or self.typed_by != "string":
                return types or STRING
        return parameters.types(header.name)

    def _header(self, cursor: Cursor, *, otherwise: bool = False) -> Reading[Header | None]:
        """Read a parameter's opening tag behind `open`; None, and nothing read, where it is none."""
        mark = cursor.mark()
        try:
            while _DOUBLED_OPENER and (yield from cursor.match(self.first)) is not None:
                pass
            if self.framed and (name := (yield from self._name_alone(cursor))):
                cursor.settle(mark)
                return Header(name, {}, otherwise)
            start = cursor.offset
            name, attributes = yield from read_key(cursor)
            ended = valued = False
            for part in self._name_end:
                while (yield from cursor.match(part)) is not None:
                    ended = True
                    valued = part is self._name_end[-1]
                    if valued:
                        break
                    if (yield from self._further_part(cursor)):
                        yield from cursor.space()
                    if not _DOUBLED_NAME_END:
                        break
                if not (ended or _WITHOUT_KEY_END):
                    break
            ended = valued or (ended and _WITHOUT_VALUE_OPENER)
            if _VALUE_IN_TAG and name and not ended and (yield from cursor.stands(self._close)) is not None:
                assigned = _ASSIGNED.match(cursor.text_from(start))
                if assigned is not None:
                    cursor.at -= cursor.offset - start - assigned.end()
                    cursor.settle(mark)
                    return Header(assigned[1], {}, otherwise)
        except Overrun:
            name, ended, valued, attributes = "", False, False, ""
        if name and not ended and any(cursor.cut_of(part) for part in (*self._name_end, self._close)):
            cursor.settle(mark)
            return None
        if not name or not ended:
            if cursor.at_end:
                cursor.settle(mark)  # cut off
            else:
                cursor.rewind(mark)
            return None
        cursor.settle(mark)
        return Header(name, dict(_ATTRIBUTE.findall(attributes)), otherwise, valued)

    @recovers("a parameter's name that its line ends, in place of its tag's end", off="")
    def _name_alone(self, cursor: Cursor) -> Reading[str]:
        """Read a name whose line ends without the end of the tag; "" where none stands."""
        mark = cursor.mark()
        name = yield from cursor.run(_PLAIN_NAME, MAX_NAME)
        if not name or (yield from cursor.peek()) != "\n":
            cursor.rewind(mark)
            return ""
        yield from cursor.space()
        char = yield from cursor.peek()
        alone = char != "" and char not in self.name_end[-1]
        cursor.rewind(mark, len(name) if alone else 0)
        return name if alone else ""

    def _opened_otherwise(self, cursor: Cursor) -> Reading[str | None]:
        """Read what stands in place of a parameter's opener; None, and nothing read, where no header follows."""
        mark = cursor.mark()
        marker = yield from cursor.match(self._instead)
        try:
            fits = marker is not None and bool((yield from read_key(cursor))[0])
            if self._key_end.all:
                fits = fits and (yield from cursor.match(self._key_end)) is not None
                yield from cursor.space()
            fits = fits and (yield from cursor.stands(self._name_end[-1])) is not None
        except Overrun:
            fits = False
        cursor.rewind(mark)
        if not fits or marker is None:
            return None
        return cursor.take(cursor.at + len(marker))

    def _further_part(self, cursor: Cursor) -> Reading[bool]:
        """Whether another part of the header stands behind white space; where none does, that is the value's."""
        return (yield from self._stands_next(cursor, union(*self._name_end)))

    def _stands_next(self, cursor: Cursor, markers: Markers) -> Reading[bool]:
        """Whether one of `markers` stands here, or behind white space."""
        mark = cursor.mark()
        yield from cursor.space()
        found = (yield from cursor.stands(markers)) is not None
        cursor.rewind(mark)
        return found

    def _value(
        self,
        cursor: Cursor,
        value: TextValue,
        parameters: Parameters,
        written: set[str],
        followers: Markers,
        heads: CallHeads,
        *,
        otherwise: bool,
    ) -> Reading[tuple[bool, Header | str | None]]:
        """Read one value and its closer; whether it was closed, and the next parameter or a closer around, if read."""
        quoted: list[str] = []  # what is open inside the value: calls, and parameters of calls
        markers = union(self.first, self._close, self._garbled, followers, heads.call_openers)
        while True:
            marker = yield from cursor.until(markers, value.text)
            if marker is None:
                return False, None
            if marker in self._close.all:
                if quoted and quoted[-1] == "parameter":
                    quoted.pop()
                elif follows := (yield from self._may_follow(cursor, followers)):
                    return True, follows if isinstance(follows, Header) else None
                elif not quoted and (
                    (yield from self._call_follows(cursor, heads)) or (yield from self._doubled(cursor, value))
                ):
                    return True, None
            elif marker in self._garbled.all:
                follows = not quoted and (
                    yield from self._garbled_follows(marker, cursor, followers, otherwise=otherwise)
                )
                if follows:
                    return True, follows if isinstance(follows, Header) else None
            elif marker in self.first.all:
                if quoted:
                    if quoted[-1] == "call":
                        quoted.append("parameter")
                elif not self.framed or value.at_line_start:
                    header = yield from self._next(cursor, parameters, written)
                    if header is not None:
                        return True, header
            elif marker in heads.call_openers.all:
                head = yield from read_quoted_head(marker, cursor, heads)
                if head is not None:
                    if quoted and quoted[-1] == "call":
                        quoted.pop()
                    quoted.append("call")
                    marker += head
            elif quoted and quoted[-1] == "call":
                quoted.pop()
            elif not quoted and value.is_finished():
                return True, marker
            value.text(marker)

    @recovers("a value's closer doubled", off=False, contract="Closers too many")
    def _doubled(self, cursor: Cursor, value: TextValue) -> Reading[bool]:
        """Read further closers behind that of a value that is no string; whether one stands."""
        found = value.is_no_string() and bool((yield from self._may_follow(cursor, self._close)))
        if found:
            yield from read_strays(cursor, self._close)
        return found

    def _may_follow(self, cursor: Cursor, followers: Markers, *, otherwise: bool = True) -> Reading[Header | bool]:
        """Whether what stands here can follow a value's closer; the next parameter's header, read, if that does.

        `otherwise`: also one that is opened otherwise.
        """
        mark = cursor.mark()
        yield from cursor.space(_FOLLOWS_WITHIN)
        marker = yield from cursor.match(followers)
        instead = (yield from self._opened_otherwise(cursor)) if marker is None and otherwise else None
        if instead is not None or (marker is not None and marker in self.first.all):
            header = yield from self._header(cursor, otherwise=instead is not None)
            if header is not None:
                cursor.settle(mark)
                return header
            fits = cursor.at_end
        else:
            fits = marker is not None or cursor.at_end or cursor.cut_of(followers)
        cursor.rewind(mark)
        return fits

    def _garbled_follows(
        self, beginning: str, cursor: Cursor, followers: Markers, *, otherwise: bool
    ) -> Reading[Header | bool]:
        """`_may_follow` behind the rest of a garbled closer, which is then read."""
        mark = cursor.mark()
        try:
            yield from cursor.run(_REST if beginning[-1].isalpha() else _NAME_AND_REST, _MAX_REST)
            if (yield from cursor.peek()) == ">":
                cursor.take(cursor.at + 1)
            follows = yield from self._may_follow(cursor, followers, otherwise=otherwise)
        except Overrun:
            follows = False
        if not follows or cursor.at_end:  # at the end it may be a closer that was cut off
            cursor.rewind(mark)
            return False
        cursor.settle(mark)
        return follows

    @recovers("closers around the parameters missing before another call", off=False, contract="What ends a value")
    def _call_follows(self, cursor: Cursor, heads: CallHeads) -> Reading[bool]:
        """Whether another call stands here: the closers around the parameters are missing."""
        mark = cursor.mark()
        try:
            yield from cursor.space(_FOLLOWS_WITHIN)
            opener = yield from cursor.match(heads.call_openers)
            fits = opener is not None and ((yield from heads.head_fits(opener, cursor)) or cursor.at_end)
        except Overrun:
            fits = False
        cursor.rewind(mark)
        return fits

    @recovers("a value's closer missing before the next parameter", off=None, contract="A parameter's opener")
    def _next(self, cursor: Cursor, parameters: Parameters, written: set[str]) -> Reading[Header | None]:
        """Read the header of a parameter that may end the value before it; None, and nothing read, if it may not."""
        mark = cursor.mark()
        header = yield from self._header(cursor)
        if header is not None and parameters.declares(header.name) and header.name not in written:
            cursor.settle(mark)
            return header
        cursor.rewind(mark)
        return None


@recovers("white space as a JSON string writes it", off=lambda cursor: cursor.space(), contract="What ends a value")
def _gap(cursor: Cursor) -> Reading[None]:
    """Read white space, also as a JSON string writes it that quotes a call."""
    while True:
        yield from cursor.space()
        if (yield from cursor.peek()) != "\\":
            return
        while cursor.at + 1 == len(cursor.text) and not cursor.ended:
            yield
        if cursor.text[cursor.at + 1 : cursor.at + 2] not in ("n", "r", "t"):
            return
        cursor.take(cursor.at + 2)


@recovers("a call quoted in a value", off=None, contract="What ends a value")
def read_quoted_head(opener: str, cursor: Cursor, heads: CallHeads) -> Reading[str | None]:
    """Read the head of a quoted call behind `opener`, as text; None, and nothing read, where it does not fit."""
    mark = cursor.mark()
    try:
        fits = yield from heads.head_fits(opener, cursor)
    except Overrun:
        fits = False
    if not fits:
        cursor.rewind(mark)
        return None
    head = cursor.held(mark)
    cursor.settle(mark)
    return head


def typed_by_attribute(said: str) -> Types | None:
    """The types of a value whose opening tag says them: DSML's `string="true"`, Kimi K3's `type="number"`."""
    if said in ("true", "True", "string"):
        return STRING
    if said in ("false", "False"):
        return JSON
    return frozenset({said}) & ANY or None
