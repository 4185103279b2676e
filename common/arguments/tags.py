"""Arguments as one tag a parameter, each with its value as text: XML in looks, not in rules.

- Nothing is decoded: `&lt;` stays, and a value may hold any text, the family's own markup included.
- A value's closer counts only if what follows can follow it (`_Body.follows`). Further closers after it are dropped,
  unless the value holds openers that they pair with.
- A call that fits, inside a value, is quoted: until its end its parameters and closers pair up and are data.
- A value that lacks its closer ends at the first candidate: a closer around the parameters, another closing tag before
  one, `</NAME>`, a call that fits. From there the text is held until what comes tells what the candidate was, at the
  latest the end of the reply: `_Value`.
- A parameter's opener ends the value before it at the start of a line (in inline markups anywhere) if its name is
  declared and not yet given.
- The last brace goes out with the closer around the parameters, which is read by the caller.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from json.encoder import encode_basestring as quote
from typing import NamedTuple, Protocol

from ..cursor import SPACE, Cursor, Mark, Markers, Overrun, Reading, union
from ..cursor import Sink as TextSink
from ..schema import ANY, JSON, MAX_DEPTH, STRING, Parameters, Types
from .json_object import JsonObject, read_object
from .json_text import compact
from .name import read_key, read_name
from .strays import at_last_turn_end, read_strays
from .text_value import SeenTags, TextValue

_OBJECT = JsonObject()
_ATTRIBUTE = re.compile(r"""\s*([A-Za-z_][\w-]*)\s*=\s*["'“]?([^"'“”>\s]*)["'”]?""")
_ALONE = re.compile(r"[\w.-]+(?=\n)")
_NAMELESS = re.compile(r"""[ \t"'“”]*(?:[\r\n]|>|\Z)""")
_ASSIGNED = re.compile(r"[ \t]*([\w.-]+)=")
_NO_ATTRIBUTES: Mapping[str, str] = {}
_FOLLOWS_WITHIN = 256
_DEBRIS = 64
_CLOSING = re.compile(r"[^<>\r\n\"'=]*")
_MAX_CLOSING = 64
_NEAR = 256
_WRAPPERS = ("arguments", "parameters", "input")
"""An undeclared only parameter of such a name that holds an object is all of the arguments."""


class Announced(Protocol):
    """A call that was announced."""

    def arguments(self, text: str) -> None:
        """The next piece of the arguments' JSON text."""
        ...


class Sink(Protocol):
    """A call whose arguments are read."""

    def announce(self) -> Announced:
        """The call fits: it is announced, if it was not."""
        ...


class Around(Protocol):
    """What stands around the parameters of a call."""

    @property
    def closers(self) -> Markers:
        """Closers of the call and of anything around it."""
        ...

    @property
    def call_closers(self) -> Markers:
        """Those of the call."""
        ...

    @property
    def outer_closers(self) -> Markers:
        """Those that end a whole run of closers here: of what this call was opened with."""
        ...

    @property
    def openers(self) -> Markers:
        """Openers of calls and of what stands around calls."""
        ...

    @property
    def turn_ends(self) -> Markers: ...

    def call_fits(self, opener: str, cursor: Cursor, *, declared: bool) -> Reading[list[Level]]:
        """Read a call behind `opener` up to the first piece of its arguments; what it has opened, empty if it is none.

        `declared`: only a call of a declared function.
        """
        ...


class Text(Protocol):
    """What is done with the text of a value."""

    @property
    def in_json_string(self) -> bool:
        """Whether the text so far ends inside a string of a JSON value."""
        ...

    def text(self, piece: str) -> None:
        """The next piece of the text, not empty."""
        ...

    @property
    def tags(self) -> SeenTags:
        """The tags in the text."""
        ...

    @property
    def at_line_start(self) -> bool:
        """Whether the text so far ends with a line break, in a markup with a newline on each side of a value."""
        ...

    def is_finished(self) -> bool:
        """Whether the text so far is all of the value, which may not be a string."""
        ...

    def end(self) -> None:
        """The text is over."""
        ...


class Level(Enum):
    """What is open inside a value that quotes calls."""

    AROUND = "section or wrapper"
    CALL = "call"
    PARAMETER = "parameter"


@dataclass(frozen=True, slots=True)
class Spelling:
    """A further spelling of a parameter's opener or of its closer."""

    open: str = ""
    close: str = ""
    drift: bool = False
    """Whether the opener counts only where a parameter is due and a whole header follows, the closer only behind it."""


class Header(NamedTuple):
    """What a parameter's opening tag says."""

    name: str
    """"" in an element without a name."""
    attributes: Mapping[str, str]
    valued: bool = True
    """Whether the value's own opener stood there, in markups that have one."""
    drift: bool = False
    """Whether its opener was drift."""
    closed_by: str = ""
    """The name in its closing tag, in markups where that has one."""


class End(NamedTuple):
    """How a value ended."""

    closed: bool
    """False: the reply ended in it."""
    header: Header | None = None
    """The next parameter's, if it was read."""
    over: bool = False
    """Whether the parameters ended with it, whatever follows."""


@dataclass(frozen=True)
class Tags:
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
    spellings: tuple[Spelling, ...] = ()
    closes: tuple[str, ...] = ("</",)
    """What starts a closing tag of any kind."""
    first: Markers = field(init=False, repr=False)
    drift_end: Markers = field(init=False, repr=False)
    """What ends a value whose parameter was opened by drift, besides the others."""
    variants: Markers = field(init=False, repr=False)
    """`<P=N>`, `<P="N">` and `<P name="N">` are spellings of each other; a value may hold those not in the template."""
    value_end: Markers = field(init=False, repr=False)
    key_end: Markers = field(init=False, repr=False)
    """What ends a parameter's name and can end nothing else."""
    closing: Markers = field(init=False, repr=False)
    _drift: Markers = field(init=False, repr=False)
    _name_end: tuple[Markers, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        opens = {self.open, *(each.open for each in self.spellings if not each.drift)}
        tags = {each.removesuffix("=").removesuffix(" name") for each in opens if each.endswith("=")}
        variants = {f"{tag}{end}" for tag in tags for end in ("=", " name=")} - opens
        put = object.__setattr__
        put(self, "first", Markers(opens | variants))
        put(self, "variants", Markers(variants))
        put(self, "value_end", Markers((self.close, *(each.close for each in self.spellings if not each.drift))))
        put(self, "drift_end", Markers(each.close for each in self.spellings if each.drift))
        put(self, "key_end", Markers(self.name_end[:-1]))
        put(self, "closing", Markers(self.closes))
        put(self, "_drift", Markers(each.open for each in self.spellings if each.drift))
        put(self, "_name_end", tuple(Markers((part,)) for part in self.name_end))

    @property
    def markers(self) -> frozenset[str]:
        return self.first.all | self.value_end.all | {*self.name_end}

    @property
    def closers(self) -> frozenset[str]:
        """What closes a value, dropped where it stands alone behind a call."""
        return self.value_end.all

    @property
    def ended_by_calls(self) -> bool:
        return False

    def read(self, cursor: Cursor, call: Sink, parameters: Parameters, around: Around, key: str = "") -> Reading[bool]:
        """Read parameters up to a closer around them, which is not read; whether they are whole.

        `call` is told that it fits with the first parameter, or with what ends the parameters. `key`: the value of
        this one is here, without its opener.
        """
        if key:
            return (yield from self._body(cursor, call, parameters, around).read(Header(key, {})))
        yield from read_gap(cursor)
        yield from read_strays(cursor, union(self.value_end, self.key_end))
        yield from cursor.space()
        if (yield from cursor.peek()) == "{":
            return (yield from _read_json(cursor, call, union(around.closers, around.turn_ends)))
        return (yield from self._body(cursor, call, parameters, around).read())

    def _body(self, cursor: Cursor, call: Sink, parameters: Parameters, around: Around) -> Body:
        return Body(self, cursor, call, parameters, around)

    def read_foreign_closer(self, cursor: Cursor, around: Around) -> Reading[bool]:
        """Read a closing tag that stands in place of one around the parameters; whether there was one."""
        if not (yield from self._body(cursor, _NOBODY, Parameters(None), around).foreign_closer()):
            return False
        yield from cursor.match(self.closing)
        yield from self.read_closing(cursor)
        return True

    # --- spellings

    def types(self, header: Header, parameters: Parameters) -> Types:
        if self.typed_by and self.typed_by in header.attributes:
            said = header.attributes[self.typed_by]
            types = typed_by_attribute(said)
            # DSML's says only yes or no, and what is neither says nothing; a type that JSON lacks is text.
            if types is not None or self.typed_by != "string":
                return types or STRING
        return parameters.types(header.name)

    def read_opener(self, cursor: Cursor) -> Reading[str | None]:
        """Read a parameter's opener, doubled ones included, where one is due; None if none is here."""
        opener = yield from cursor.match(self.first)
        if opener is None:
            return (yield from self._read_drift(cursor))
        while (yield from cursor.match(self.first)) is not None:
            pass
        return opener

    def _read_drift(self, cursor: Cursor) -> Reading[str | None]:
        """Read what models write in place of an opener; None, and nothing read, if no whole header follows."""
        if not self._drift.all:
            return None
        mark = cursor.mark()
        marker = yield from cursor.match(self._drift)
        try:
            fits = marker is not None and bool((yield from read_key(cursor))[0])
            if self.key_end.all:
                fits = fits and (yield from cursor.match(self.key_end)) is not None
                yield from cursor.space()
            fits = fits and (yield from cursor.stands(self._name_end[-1])) is not None
        except Overrun:
            fits = False
        cursor.rewind(mark)
        if not fits or marker is None:
            return None
        return cursor.take(cursor.at + len(marker))

    def read_header(self, cursor: Cursor, opener: str | None = None) -> Reading[Header | None]:
        """Read a parameter's opening tag behind its opener; None, and nothing read, if it is none.

        If the reply ends in it, it is read and None.
        """
        mark = cursor.mark()
        try:
            header = yield from self._read_tag(cursor)
        except Overrun:
            header = None
        if header is None and not cursor.at_end:
            cursor.rewind(mark)
        else:
            cursor.settle(mark)
        if header is not None and opener is not None and opener in self._drift.all:
            return header._replace(drift=True)
        return header

    def _read_tag(self, cursor: Cursor) -> Reading[Header | None]:
        start = cursor.offset
        name, attributes = yield from read_key(cursor)
        if self.framed and attributes[:1] == "\n" and attributes.strip(SPACE):
            alone = _ALONE.match(cursor.text_from(start))
            if alone is not None:  # the line of the name ends without the end of the tag
                cursor.at -= cursor.offset - start - alone.end()
                return Header(name, {})
        ended = valued = False
        for part in self._name_end:
            while (yield from cursor.match(part)) is not None:
                ended = True
                valued = part is self._name_end[-1]
                if valued:
                    break
                if (yield from self._further_part(cursor)):
                    yield from cursor.space()
        if ended:
            nameless = not self.key_end.all and not name
            said = dict(_ATTRIBUTE.findall(attributes)) if attributes else _NO_ATTRIBUTES
            return Header(name, said, valued) if name or nameless else None
        if (yield from cursor.stands(self.value_end)) is not None:
            written = cursor.text_from(start)
            assigned = _ASSIGNED.match(written)
            if name and assigned is not None:
                cursor.at -= cursor.offset - start - assigned.end()
                return Header(assigned[1], {})
            if _NAMELESS.match(written) is not None and not self.key_end.all:
                return Header("", {})
        if name:
            any(cursor.cut_of(part) for part in (*self._name_end, self.value_end))
        return None

    def _further_part(self, cursor: Cursor) -> Reading[bool]:
        """Whether another part of the header is here behind white space; if none is, that is the value's."""
        mark = cursor.mark()
        yield from cursor.space()
        found = (yield from cursor.stands(union(*self._name_end))) is not None
        cursor.rewind(mark)
        return found

    @property
    def in_closing(self) -> re.Pattern[str]:
        """What may stand in a closing tag."""
        return _CLOSING

    def read_closing(self, cursor: Cursor) -> Reading[str]:
        """Read a closing tag behind its start, its bracket too if it has one; its name."""
        mark = cursor.mark()
        text = yield from cursor.run(self.in_closing, _MAX_CLOSING)
        if (yield from cursor.peek()) == ">":
            cursor.take(cursor.at + 1)
            cursor.settle(mark)
            return text.strip(" \t/") or ">"
        name = text.split(None, 1)[0] if text[:1].strip() else ""
        cursor.rewind(mark)
        cursor.take(cursor.at + len(name))
        return name


def _read_json(cursor: Cursor, call: Sink, closers: Markers) -> Reading[bool]:
    """Read one JSON object in place of the parameters."""
    mark = cursor.mark()
    fits = yield from _OBJECT.fits(cursor, closers)
    cursor.rewind(mark)
    if not fits:
        if cursor.ended and fits is None:
            cursor.take(len(cursor.text))
        return False
    return (yield from read_object(cursor, call.announce().arguments, closers))


class Body:
    """The parameters of one call."""

    __slots__ = (
        "around",
        "call",
        "cursor",
        "cut",
        "followers",
        "markers",
        "parameters",
        "sink",
        "tags",
        "unwrapped",
        "written",
    )

    def __init__(self, tags: Tags, cursor: Cursor, call: Sink, parameters: Parameters, around: Around) -> None:
        self.tags = tags
        self.cursor = cursor
        self.call = call
        self.sink: TextSink = _nowhere
        self.parameters = parameters
        self.around = around
        self.written: set[str] = set()
        self.cut = False  # a parameter's opener was the last that was read
        self.unwrapped = False  # one parameter was all of the arguments, braces included
        self.followers = union(tags.first, around.closers, around.turn_ends)
        self.markers = union(tags.value_end, tags.closing, self.followers, around.openers)

    def read(self, header: Header | None = None) -> Reading[bool]:
        """Read the parameters; `header`: the first one's, if it was read."""
        call = self.call
        if header is None:
            header = yield from self._next()
        whole = True
        while header is not None:
            if not header.name:
                whole = False
                if not self.written:
                    return False
            self.sink = call.announce().arguments
            end = yield from self._parameter(header)
            if not end.closed:
                return False
            header = end.header
            if end.over:
                yield from self._debris()
                break
            if header is None or (not header.valued and (yield from self._valueless())):
                header = yield from self._next()
        else:
            if not (yield from self._ended()):
                return False
        self.sink = call.announce().arguments
        self.end()
        if not self.unwrapped:
            self.sink("}" if self.written else "{}")
        return whole

    def end(self) -> None:
        """All parameters were read."""

    def _debris(self) -> Reading[None]:
        """Read what is in place of a closer around the parameters: a few characters before one, or a closing tag."""
        cursor, tags, around = self.cursor, self.tags, self.around
        mark = cursor.mark()
        text: list[str] = []
        try:
            marker = yield from cursor.up_to(union(around.closers, around.openers, around.turn_ends), text.append)
        except Overrun:
            marker = None
        if marker is not None and marker in around.closers.all and len("".join(text).strip()) <= _DEBRIS:
            cursor.settle(mark)
            return
        cursor.rewind(mark)
        mark = cursor.mark()
        name = ""
        try:
            yield from cursor.space(_FOLLOWS_WITHIN)
            own = (yield from cursor.stands(self.around.closers)) is not None
            if not own and (yield from cursor.match(tags.closing)) is not None:
                name = yield from tags.read_closing(cursor)
        except Overrun:
            name = ""
        if name:
            cursor.settle(mark)
        else:
            cursor.rewind(mark)

    def _ended(self) -> Reading[bool]:
        """Whether the parameters end here."""
        cursor, around = self.cursor, self.around
        if cursor.at_end:
            # What only lacks closers is whole, but a reply may also have been cut between two parameters.
            return bool(self.written) and not self.cut and not self.parameters.lacks(self.written)
        if (yield from cursor.stands(around.closers)) is not None:
            return True
        if (yield from cursor.stands(union(around.turn_ends, around.openers))) is not None:
            return bool(self.written)
        if cursor.cut_of(around.closers):
            return True
        cursor.cut_of(self.followers)
        return (yield from self.foreign_closer()) if self.written else False

    def _next(self) -> Reading[Header | None]:
        """Read the header of the parameter that is due here; None if there is none."""
        cursor, tags = self.cursor, self.tags
        while True:
            yield from cursor.space()
            opener = yield from tags.read_opener(cursor)
            if opener is None and (yield from self._stray_closer()):
                continue
            if opener is None and (self.written or not (yield from self._at_key())):
                return None
            header = yield from self._header(opener)
            self.cut = header is None
            if header is None or header.valued or not (yield from self._valueless()):
                return header

    def _header(self, opener: str | None) -> Reading[Header | None]:
        return self.tags.read_header(self.cursor, opener)

    def _stray_closer(self) -> Reading[bool]:
        """Read a closing tag that closes nothing, if a parameter that may come follows."""
        cursor, tags = self.cursor, self.tags
        if (yield from cursor.stands(tags.closing)) is None or (
            yield from cursor.stands(self.around.closers)
        ) is not None:
            return False
        mark = cursor.mark()
        try:
            yield from cursor.match(tags.closing)
            name = yield from tags.read_closing(cursor)
            size = cursor.offset - mark.offset
            found = name != "" and (yield from self._follows_stray())
        except Overrun:
            found = False
        cursor.rewind(mark)
        if found:
            cursor.take(cursor.at + size)
        return found

    def _follows_stray(self) -> Reading[bool]:
        """Whether further closing tags and then a parameter that may come are here."""
        cursor, tags = self.cursor, self.tags
        while True:
            yield from cursor.space(_FOLLOWS_WITHIN)
            if (yield from self.next_declared()) is not None:
                return True
            if (yield from cursor.stands(self.around.closers)) is not None:
                return False
            if (yield from cursor.match(tags.closing)) is None or not (yield from tags.read_closing(cursor)):
                return False

    def _at_key(self) -> Reading[bool]:
        """Whether a name is here whose opener is missing, or only what ends one."""
        cursor, tags = self.cursor, self.tags
        if not tags.key_end.all:
            return False
        mark = cursor.mark()
        yield from read_name(cursor)
        found = (yield from cursor.stands(tags.key_end)) is not None
        cursor.rewind(mark)
        return found

    def _valueless(self) -> Reading[bool]:
        """Whether a name without a value was read: the next parameter is here, or a closer around them."""
        cursor = self.cursor
        mark = cursor.mark()
        yield from cursor.space()
        found = (yield from cursor.stands(self.followers)) is not None
        cursor.rewind(mark)
        return found

    # --- one parameter

    # These return the read and are none themselves: each generator that others go through costs with every token.

    def _parameter(self, header: Header) -> Reading[End]:
        """Read a parameter behind its header."""
        name = header.name
        if not name:
            return Value(self, header, TextValue(_nowhere, STRING, framed=False)).read()
        if name in _WRAPPERS and not self.written and not self.parameters.declares(name):
            return self._wrapping(header)
        if "=" in name and self.parameters.declares(name[: name.index("=")]):
            return self._assigned(header)
        return self._named(header, self.sink)

    def _named(self, header: Header, sink: TextSink) -> Reading[End]:
        """Read a parameter that has a name."""
        self._key(header.name, sink)
        text = TextValue(sink, self.tags.types(header, self.parameters), framed=self.tags.framed)
        return Value(self, header, text).read()

    def _key(self, name: str, sink: TextSink) -> None:
        sink(("," if self.written else "{") + quote(name) + ":")
        self.written.add(name)

    def _assigned(self, header: Header) -> Reading[End]:
        """Read a parameter whose value stands in its tag, if it closes at once."""
        if not (yield from self._closes_at_once()):
            return (yield from self._named(header, self.sink))
        name, _, text = header.name.partition("=")
        self._key(name, self.sink)
        value = TextValue(self.sink, self.parameters.types(name), framed=False)
        value.text(text)
        value.end()
        return End(True)

    def _closes_at_once(self) -> Reading[bool]:
        """Read a value's closers, if nothing but these is before what may follow them."""
        cursor = self.cursor
        mark = cursor.mark()
        try:
            yield from cursor.space()
            while (yield from cursor.match(self.tags.value_end)) is not None:
                yield from cursor.space()
            found = (yield from cursor.stands(self.followers)) is not None
        except Overrun:
            found = False
        if found:
            cursor.settle(mark)
        else:
            cursor.rewind(mark)
        return found

    def _wrapping(self, header: Header) -> Reading[End]:
        """Read a parameter that may hold all of the arguments: it does if it is an object and the only one."""
        pieces: list[str] = []
        end = yield from self._named(header, pieces.append)
        if end.closed and end.header is None and not end.over:
            end = End(True, (yield from self._next()))
        inner = _object_in("".join(pieces[1:])) if end.closed and end.header is None else None
        self.unwrapped = inner is not None
        self.sink("".join(pieces) if inner is None else inner)
        return end

    # --- what is here

    def follows(self) -> Reading[Header | bool]:
        """What is here after a value's closer.

        Returns:
            The header of the next parameter, which was read; True for anything else that can follow: a closer around
            the parameters, a garbled one, a call, the end. False if this cannot follow.
        """
        cursor, tags = self.cursor, self.tags
        mark = cursor.mark()
        try:
            yield from cursor.space(_FOLLOWS_WITHIN)
            opener = yield from tags.read_opener(cursor)
            if opener is None:
                found = yield from self._ends_here()
            else:
                header = yield from self._header(opener)
                if header is not None and (opener not in tags.variants.all or self._may_come(header)):
                    cursor.settle(mark)
                    return header
                found = cursor.at_end
        except Overrun:
            found = False
        cursor.rewind(mark)
        return found

    def _ends_here(self) -> Reading[bool]:
        """Whether the parameters can end here; what is looked at is read."""
        cursor, around = self.cursor, self.around
        if (yield from cursor.stands(union(around.closers, around.turn_ends))) is not None:
            return True
        if cursor.at_end or cursor.cut_of(self.followers):
            return True
        if (yield from cursor.stands(self.tags.value_end)) is not None:
            return False
        if (yield from cursor.match(self.tags.closing)) is not None:
            if not (yield from self.tags.read_closing(cursor)):
                return cursor.at_end
            yield from cursor.space(_FOLLOWS_WITHIN)
            if cursor.at_end or (yield from cursor.stands(union(around.closers, around.turn_ends))) is not None:
                return True
            if (yield from self._follows_stray()):
                return True
        return (yield from self._call_fits(declared=False))

    def _call_fits(self, *, declared: bool) -> Reading[bool]:
        opener = yield from self.cursor.match(self.around.openers)
        if opener is None:
            return False
        return bool((yield from self.around.call_fits(opener, self.cursor, declared=declared))) or self.cursor.at_end

    def foreign_closer(self) -> Reading[bool]:
        """Whether a closing tag is here, in place of a closer around the parameters, that can end them."""
        cursor = self.cursor
        mark = cursor.mark()
        try:
            own = (yield from cursor.stands(union(self.around.closers, self.tags.value_end))) is not None
            closing = not own and (yield from cursor.stands(self.tags.closing)) is not None
            found = closing and (yield from self._ends_here())
        except Overrun:
            found = False
        cursor.rewind(mark)
        return found

    def goes_on(self) -> Reading[Header | bool]:
        """What is here after a closing tag that may have ended a value without its closer: as `follows`, but stricter.

        A parameter has to be declared and not given, and the end of the reply does not count.
        """
        cursor, around = self.cursor, self.around
        mark = cursor.mark()
        found: Header | bool = False
        try:
            yield from cursor.space(_FOLLOWS_WITHIN)
            header = yield from self.next_declared()
            if header is not None:
                cursor.settle(mark)
                return header
            if (yield from cursor.stands(around.closers)) is not None:
                found = True
            else:
                found = yield from self._call_fits(declared=True)
        except Overrun:
            found = False
        cursor.rewind(mark)
        return found

    def run(self, closer: Callable[[], Reading[bool]]) -> Reading[Header | bool]:
        """What is here if a value without its closer, which `closer` reads, ended before this.

        Returns:
            The header of the next parameter, which was read; True for a whole run of the closers around that the end,
            a turn's end or a call of a declared function follows. False if only the rest of the reply can tell.
        """
        cursor = self.cursor
        mark = cursor.mark()
        try:
            found = yield from self._run(closer)
        except Overrun:
            found = False
        if isinstance(found, Header):
            cursor.settle(mark)
        else:
            cursor.rewind(mark)
        return found

    def _run(self, own_closer: Callable[[], Reading[bool]]) -> Reading[Header | bool]:
        cursor, tags, around = self.cursor, self.tags, self.around
        whole = False
        while True:
            yield from cursor.space(_FOLLOWS_WITHIN)
            closer = yield from cursor.match(around.closers)
            if closer is not None:
                whole = whole or closer in around.outer_closers.all
                continue
            if (yield from own_closer()):
                return False
            if (yield from cursor.match(tags.closing)) is None or not (yield from tags.read_closing(cursor)):
                break
        if cursor.at_end or cursor.cut_of(around.closers) or (yield from cursor.stands(around.turn_ends)) is not None:
            return True
        header = yield from self.next_declared()
        if header is not None:
            return header
        return whole and (yield from self._call_fits(declared=True))

    def _may_come(self, header: Header) -> bool:
        """Whether a parameter is declared and was not given."""
        known = self.parameters.declares(header.name) or not self.parameters.names
        return known and header.name not in self.written

    def next_declared(self) -> Reading[Header | None]:
        """Read a parameter's opener and header if it may end the value before it; None, and nothing read, else."""
        mark = self.cursor.mark()
        opener = yield from self.tags.read_opener(self.cursor)
        header = None if opener is None else (yield from self._header(opener))
        if header is not None and self.parameters.declares(header.name) and header.name not in self.written:
            self.cursor.settle(mark)
            return header
        self.cursor.rewind(mark)
        return None


class Value:
    """One value, read up to its end.

    From a candidate on the text is held, with a mark of any length. It becomes the value's if the value goes on to its
    closer; the value ended at the candidate if what stands there, or the end of the reply, says so. A call that fits is
    a candidate for as long as nothing but calls follows.
    """

    __slots__ = (
        "_add",
        "_again",
        "_at_line_start",
        "_body",
        "_closers",
        "_cursor",
        "_header",
        "_held",
        "_quoted",
        "_skip",
        "_text",
        "_unpaired",
        "_weak",
    )

    def __init__(self, body: Body, header: Header, text: Text) -> None:
        self._body = body
        self._cursor = body.cursor
        self._header = header
        self._closers = union(body.tags.value_end, body.tags.drift_end) if header.drift else body.tags.value_end
        self._text = text
        self._add: TextSink = text.text
        self._quoted: list[Level | str] = []
        self._held: Mark | None = None
        self._skip: int | None = None  # of the candidate: how much of it closes the value; None: it is a call
        self._weak = False  # the candidate counts only if a call follows
        self._again = False  # the text from the candidate on is read again
        self._at_line_start = False  # of what is held
        self._unpaired = 0  # openers of parameters that are text

    def read(self) -> Reading[End]:
        cursor, markers = self._cursor, self._body.markers
        if self._header.drift:
            markers = union(markers, self._closers)
        while True:
            marker = yield from cursor.up_to(markers, self._add if self._held is None else self._add_held, _nowhere)
            if marker is None:
                found: End | int = self._at_end()
            elif marker in self._closers.all:
                found = yield from self._at_closer(len(marker))
            else:
                found = yield from self._at(marker)
            if isinstance(found, End):
                if found.closed:
                    self._text.end()
                return found
            if found:
                self._take(cursor.take(cursor.at + found))

    def _take(self, text: str) -> None:
        """Text of the value, or of what follows it."""
        if self._held is None:
            self._add(text)
        else:
            self._add_held(text)

    def _add_held(self, text: str) -> None:
        """Text from a candidate on."""
        self._at_line_start = text[-1] == "\n"
        if self._held is None:
            self._add(text)
        elif self._skip is None and not self._quoted and text.strip(SPACE):
            self._release()

    def _release(self, without: int = 0) -> None:
        """What is held was data, but for the last characters."""
        assert self._held is not None
        text = self._cursor.held(self._held)
        self._cursor.settle(self._held)
        self._held = None
        text = text[: len(text) - without]
        if text:
            self._add(text)

    def _at(self, marker: str) -> Reading[End | int]:
        """What a marker in the value, which is not read yet, says: its end; or how many characters are text so far."""
        body = self._body
        if marker in body.around.closers.all:
            return (yield from self._at_enclosing(marker))
        if marker in body.tags.first.all:
            return (yield from self._at_parameter(marker))
        if marker in body.around.openers.all:
            return (yield from self._at_call(marker))
        if marker in body.around.turn_ends.all:
            return (yield from self._at_turn_end(marker))
        return (yield from self._at_closing_tag(marker))

    def _at_closer(self, size: int) -> Reading[End | int]:
        cursor, body = self._cursor, self._body
        if self._quoted and self._quoted[-1] is Level.PARAMETER:
            self._quoted.pop()
            return size
        mark = cursor.mark()
        found: Header | bool = False
        surplus = False
        try:
            cursor.skip(size)
            found = yield from body.follows()
            if found is False and (yield from self._surplus()):
                surplus = True
                found = yield from body.follows()
        except Overrun:
            found = False
        if found is not False and not (surplus and self._unpaired):
            cursor.settle(mark)
            if self._held is not None:
                self._release(cursor.offset - mark.offset)
            return End(True, found if isinstance(found, Header) else None)
        cursor.rewind(mark)
        self._unpaired -= bool(self._unpaired)
        if self._held is None and not self._quoted and not self._text.in_json_string:
            self._hold(size)
            self._weak = not (yield from self._closing_tag_follows(size))
        return size

    def _own_closer(self) -> Reading[bool]:
        """Read the value's closer, if it is here."""
        return (yield from self._cursor.match(self._closers)) is not None

    def _surplus(self) -> Reading[bool]:
        """Read further closers of the value; whether there were any."""
        cursor = self._cursor
        found = False
        while True:
            mark = cursor.mark()
            yield from cursor.space(_FOLLOWS_WITHIN)
            if not (yield from self._own_closer()):
                cursor.rewind(mark)
                return found
            cursor.settle(mark)
            found = True

    def _closing_tag_follows(self, size: int) -> Reading[bool]:
        """Whether another closing tag, which the value does not open, is next: a garbled closer around it."""
        cursor, tags = self._cursor, self._body.tags
        mark = cursor.mark()
        name = ""
        try:
            cursor.take(cursor.at + size)
            yield from cursor.space(_FOLLOWS_WITHIN)
            if (yield from cursor.match(tags.closing)) is not None:
                name = yield from tags.read_closing(cursor)
        except Overrun:
            name = ""
        cursor.rewind(mark)
        return name != "" and not self._text.tags.has(name)

    def _hold(self, skip: int | None) -> None:
        """Hold the text from here; `skip` characters of it close the value, if it ended here; None: a call does."""
        cursor = self._cursor
        self._again = cursor.offset < cursor.again
        self._held = cursor.mark(room=None)
        self._skip = skip
        self._weak = False
        self._at_line_start = self._text.at_line_start

    def _is_held(self) -> bool:
        """Whether there is a candidate that no later one can replace."""
        return self._held is not None and self._skip is not None and not self._weak

    def _at_enclosing(self, marker: str) -> Reading[End | int]:
        if self._pairs(marker) or self._text.in_json_string or self._is_held():
            return len(marker)
        if self._held is not None and self._weak:
            # The value's closer was there; what stands behind it was in place of a closer around it.
            self._weak = False
            return self._ended() if (yield from self._body.run(self._own_closer)) is True else len(marker)
        if self._held is not None:
            self._release()
        if self._text.is_finished():
            return End(True)
        found = yield from self._body.run(self._own_closer)
        if found is not False:
            return End(True, found if isinstance(found, Header) else None)
        self._hold(0)
        return len(marker)

    def _pairs(self, marker: str) -> bool:
        """Whether a closer closes something that was opened in the value."""
        quoted = self._quoted
        level = Level.CALL if marker in self._body.around.call_closers.all else Level.AROUND
        if level not in quoted[-_NEAR:]:
            return False
        while quoted.pop() is not level:
            pass
        return True

    def _at_parameter(self, marker: str) -> Reading[End | int]:
        cursor = self._cursor
        if Level.CALL in self._quoted[-1:]:
            self._quoted.append(Level.PARAMETER)
        elif not self._quoted:
            starts = self._text.at_line_start if self._held is None else self._at_line_start
            if starts or not self._body.tags.framed:
                mark = cursor.mark()
                header = yield from self._body.next_declared()
                if header is not None:
                    cursor.settle(mark)
                    if self._held is not None:
                        self._release(cursor.offset - mark.offset)
                    return End(True, header)
                cursor.rewind(mark)
            self._unpaired += 1
        return len(marker)

    def _at_call(self, marker: str) -> Reading[End | int]:
        """A call that fits is quoted. It is a candidate, too, if its function is declared."""
        size, levels = yield from self._quotes(marker, declared=True)
        declared = bool(levels)
        if not levels:
            size, levels = yield from self._quotes(marker, declared=False)
        if not levels:
            return len(marker)
        if self._held is not None and self._skip is not None:
            if self._again and (declared or not self._weak):
                return self._ended()
            self._weak = self._weak and not declared
        if self._quoted and self._quoted[-1] is Level.CALL:
            self._quoted.pop()
        if self._held is None and declared and not self._quoted and not self._text.in_json_string:
            self._hold(None)
        self._quoted += levels
        return size

    def _quotes(self, marker: str, *, declared: bool) -> Reading[tuple[int, list[Level]]]:
        """How long the head of the call is that stands here, and what it opens."""
        cursor = self._cursor
        mark = cursor.mark()
        try:
            cursor.take(cursor.at + len(marker))
            levels = yield from self._body.around.call_fits(marker, cursor, declared=declared)
        except Overrun:
            levels = []
        size = cursor.offset - mark.offset
        cursor.rewind(mark)
        return size, levels

    def _ended(self) -> End:
        """The value ended at the candidate."""
        assert self._held is not None
        self._cursor.rewind(self._held)
        self._cursor.take(self._cursor.at + (self._skip or 0))
        return End(True, over=bool(self._skip))

    def _at_turn_end(self, marker: str) -> Reading[End | int]:
        last = yield from at_last_turn_end(self._cursor, self._body.around.turn_ends)
        return self._at_end() if last else len(marker)

    def _at_end(self) -> End:
        """The reply, or the turn, ends in the value, or after it."""
        if self._held is not None:
            if not self._weak and (self._skip is not None or not self._quoted):
                return self._ended()
            self._release()
        return End(False)

    def _at_closing_tag(self, marker: str) -> Reading[End | int]:
        if self._quoted or self._text.in_json_string or self._is_held():
            return len(marker)
        cursor = self._cursor
        mark = cursor.mark()
        try:
            cursor.take(cursor.at + len(marker))
            name = yield from self._body.tags.read_closing(cursor)
        except Overrun:
            name = ""
        size = cursor.offset - mark.offset
        cursor.rewind(mark)
        if not name or self._text.tags.has(name):
            return len(marker)
        return (yield from self._at_foreign_closer(name, size)) or len(marker)

    def _at_foreign_closer(self, name: str, size: int) -> Reading[End | int]:
        """A closing tag of another name; 0 if it is nothing but text."""
        cursor, body = self._cursor, self._body
        mark = cursor.mark()
        cursor.take(cursor.at + size)
        found = yield from body.goes_on()
        candidate = found is not False or name == self._header.name
        if candidate and not isinstance(found, Header):
            found = yield from body.run(self._own_closer)
        if isinstance(found, Header):
            cursor.settle(mark)
            if self._held is not None:
                self._release(cursor.offset - mark.offset)
            return End(True, found)
        cursor.rewind(mark)
        if not candidate:
            self._text.tags.add(name)  # the value uses it
            return 0
        if self._held is not None:
            self._release()
        if found:
            cursor.take(cursor.at + size)
            return End(True)
        self._hold(size)
        return size


def _nowhere(text: str) -> None:
    """Drop text."""


class _Nobody:
    """A call that nobody gets."""

    def announce(self) -> Announced:
        return self

    def arguments(self, text: str) -> None:
        pass


_NOBODY = _Nobody()


def _object_in(text: str) -> str | None:
    """The JSON object that a value's JSON text is, or that its string holds; None if there is none."""
    if text.startswith('"'):
        text = json.loads(text).strip()
        return compact(text, MAX_DEPTH) if text.startswith("{") else None
    return text if text.startswith("{") else None


def read_gap(cursor: Cursor) -> Reading[None]:
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


def typed_by_attribute(said: str) -> Types | None:
    """The types of a value whose opening tag says them: DSML's `string="true"`, Kimi K3's `type="number"`."""
    if said in ("true", "True", "string"):
        return STRING
    if said in ("false", "False"):
        return JSON
    return frozenset({said}) & ANY or None
