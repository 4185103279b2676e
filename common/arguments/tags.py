"""Arguments as one tag per parameter, with its value as text: it looks like XML, but does not follow its rules.

- Nothing is decoded: `&lt;` stays as it is, and a value may hold any text, even the family's own markup.
- `tag_value` reads one value and finds its end; `tag_body` reads the sequence of parameters.
- `<P=N>`, `<P="N">` and `<P name="N">` are spellings of each other. Further spellings and drift are rows.
- The last brace is output at the closer around the parameters, which the caller reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from ..cursor import SPACE, Cursor, Markers, Reading, union, within
from ..recovery import drift, recovering, recovers, rule
from ..schema import ANY, JSON, STRING, Parameters, Types
from .json_object import JsonObject
from .name import read_key
from .strays import read_strays
from .tag_body import Body
from .tag_parts import Arguments, Around, Header, Sink

_OBJECT = JsonObject()
_ATTRIBUTE = re.compile(r"""\s*([A-Za-z_][\w-]*)\s*=\s*["'“]?([^"'“”>\s]*)["'”]?""")
_ALONE = re.compile(r"[\w.-]+(?=\n)")
_NAMELESS = re.compile(r"""[ \t"'“”]*(?:[\r\n]|>|\Z)""")
_ASSIGNED = re.compile(r"[ \t]*([\w.-]+)=")
_NO_ATTRIBUTES: Mapping[str, str] = {}
_MAX_CLOSING = 64
_TYPE = re.compile(r"[^<>\r\n]*")
_MAX_TYPE = 64
_IN_TAG = ""
"""The key in `Header.attributes` of a type that has a tag of its own."""

_TRUE = ("true", "string", *drift("the attribute's words in Python", "True"))
_FALSE = ("false", *drift("the attribute's words in Python", "False"))
_VARIANTS = recovering(
    "the other spelling of a parameter", ("=", " name="), off=(), contract="Spellings of a parameter"
)

_ASSIGNED_VALUE = rule("an equals sign in place of the end of a parameter's tag")
_DOUBLED_OPENER = rule("a parameter's opener doubled")
_DOUBLED_PART = rule("a part of a parameter's header doubled")
_ESCAPED_SPACE = rule("white space as a JSON string writes it")
_JSON_BODY = rule("one JSON object in place of the parameters")
_OTHER_TYPE = rule("a type that the attribute does not have")
_STRAY_CLOSERS = rule("closers before the first parameter")
_WITHOUT_BRACKET = rule("a closing tag without its bracket", contract="Foreign closers")
_WITHOUT_END = rule("a parameter's tag without its end, before a line break")
_WITHOUT_NAME = rule("a parameter without its name", contract="Elements without a name")
_WITHOUT_PART = rule("a part of a parameter's header missing")


@dataclass(frozen=True, slots=True)
class Spelling:
    """A further spelling of a parameter's opener or of its closer."""

    open: str = ""
    close: str = ""
    drift: bool = False
    """Whether the opener counts only if a parameter is due and a whole header follows; its closer, only after it."""

    def __str__(self) -> str:
        return " ... ".join(each for each in (self.open, self.close) if each)


@dataclass(frozen=True)
class Tags(Arguments):
    """`<parameter=city>Paris</parameter>`"""

    in_closing: ClassVar[re.Pattern[str]] = re.compile(r"[^<>\r\n\"'=]*")
    """The text that a closing tag may have."""

    open: str
    """The start of a parameter, up to its name."""
    close: str
    """The closer of a value."""
    name_end: tuple[str, ...] = (">",)
    """The parts between the name and the value, in this order; drift may leave out all but one."""
    further_ends: tuple[tuple[str, ...], ...] = ()
    """Further spellings of `name_end`, each with as many parts."""
    brackets: Spelling = Spelling()
    """A further end of the tag before a value, and what then comes before the closer: `><![CDATA[` and `]]>`."""
    framed: bool = False
    """Whether the template writes a newline on each side of a value."""
    typed_by: str = ""
    """The attribute that types the value instead of the schema."""
    type_words: tuple[tuple[str, str], ...] = ()
    """JSON's types for which the attribute has another word, with that word: `("integer", "int")`."""
    typed_in: tuple[str, ...] = ()
    """Opener and closer of a tag before the value's opener that may give its type."""
    spellings: tuple[Spelling, ...] = ()
    closes: tuple[str, ...] = ("</",)
    """The start of a closing tag of any kind."""
    _types: dict[str, str] = field(init=False, repr=False, compare=False)
    """JSON's types by the words that are not types in JSON Schema."""
    first: Markers = field(init=False, repr=False)
    closer_names: frozenset[str] = field(init=False, repr=False)
    """The names in the closers of a value."""
    plain: Markers = field(init=False, repr=False)
    """The opening tags that a value's closers pair with, without a name: `<parameter>`."""
    drift_end: Markers = field(init=False, repr=False)
    """Further closers of a value whose parameter was opened by drift."""
    variants: Markers = field(init=False, repr=False)
    """Those of `<P=N>`, `<P="N">` and `<P name="N">` that the template does not write: a value may hold them."""
    value_end: Markers = field(init=False, repr=False)
    bracket_end: Markers = field(init=False, repr=False)
    """The ends of a value in brackets; the closer after the bracket may be missing."""
    key_end: Markers = field(init=False, repr=False)
    """What ends a parameter's name and can end nothing else."""
    closing: Markers = field(init=False, repr=False)
    _drift: Markers = field(init=False, repr=False)
    _type_open: Markers = field(init=False, repr=False)
    _type_close: Markers = field(init=False, repr=False)
    _name_end: tuple[Markers, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        opens = {self.open, *(each.open for each in self.spellings if not each.drift)}
        tags = {each.removesuffix("=").removesuffix(" name") for each in opens if each.endswith("=")}
        variants = {f"{tag}{end}" for tag in tags for end in _VARIANTS} - opens
        put = object.__setattr__
        put(self, "_types", {word: kind for kind, word in self.type_words if word not in ANY})
        put(self, "first", Markers(opens | variants))
        put(self, "variants", Markers(variants))
        put(self, "value_end", Markers((self.close, *(each.close for each in self.spellings if not each.drift))))
        starts = [(end, start) for end in self.value_end.all for start in self.closes if end.startswith(start)]
        put(self, "closer_names", frozenset(end.removeprefix(start).rstrip(">") for end, start in starts))
        put(self, "plain", Markers(end.replace("</", "<", 1) for end in self.value_end.all if "</" in end))
        put(self, "bracket_end", Markers((self.brackets.close + self.close, self.brackets.close)))
        put(self, "drift_end", Markers(each.close for each in self.spellings if each.drift))
        spelled = [*zip(self.name_end, *self.further_ends, strict=True)]
        parts = tuple(map(Markers, (*spelled[:-1], (*spelled[-1], self.brackets.open))))
        put(self, "key_end", union(*parts[:-1]))
        put(self, "closing", Markers(self.closes))
        put(self, "_type_open", Markers(self.typed_in[:1]))
        put(self, "_type_close", Markers(self.typed_in[1:]))
        put(self, "_drift", Markers(each.open for each in self.spellings if each.drift))
        put(self, "_name_end", parts)

    @property
    def markers(self) -> frozenset[str]:
        return self.first.all | self.closers | union(*self._name_end).all | set(self.typed_in)

    @property
    def closers(self) -> frozenset[str]:
        return self.value_end.all | {self.brackets.close + self.close}

    def read(self, cursor: Cursor, call: Sink, parameters: Parameters, around: Around, key: str = "") -> Reading[bool]:
        if key:
            return (yield from cursor.directly(self._body(cursor, call, parameters, around).read(Header(key, {}))))
        yield from read_gap(cursor)
        strays = (yield from read_strays(cursor, union(self.value_end, self.key_end))) if _STRAY_CLOSERS else set()
        yield from cursor.space()
        if _JSON_BODY and (yield from cursor.peek()) == "{":
            return (yield from _OBJECT.read(cursor, call, parameters, around))
        body = self._body(cursor, call, parameters, around)
        body.closed = not strays.isdisjoint(self.value_end.all)
        return (yield from cursor.directly(body.read()))

    def _body(self, cursor: Cursor, call: Sink, parameters: Parameters, around: Around) -> Body:
        return Body(self, cursor, call, parameters, around)

    @recovers("a closer around the parameters that is garbled or foreign", off=False, contract="Foreign closers")
    def read_foreign_closer(self, cursor: Cursor, call: Sink, around: Around) -> Reading[bool]:
        return (yield from cursor.maybe(self._read_foreign(cursor, call, around), False))

    def _read_foreign(self, cursor: Cursor, call: Sink, around: Around) -> Reading[bool]:
        yield from cursor.space()
        if (yield from cursor.stands(self.closing)) is None:
            return False
        found = yield from self._body(cursor, call, Parameters(None), around).foreign_closer()
        if found and not cursor.cut_of(around.closers):
            yield from cursor.match(self.closing)
            yield from self.read_closing(cursor)
        return found

    # --- spellings

    def types(self, header: Header, parameters: Parameters) -> Types:
        if _IN_TAG in header.attributes:
            # `array[string]` is an array; a word that is not a type is ignored.
            types = typed_by_attribute(header.attributes[_IN_TAG].partition("[")[0].strip())
            return types or parameters.types(header.name)
        if self.typed_by and self.typed_by in header.attributes:
            said = header.attributes[self.typed_by]
            types = typed_by_attribute(self._types.get(said, said))
            if types is not None or not _OTHER_TYPE:
                return types or STRING  # a word that is not a type is ignored
        return parameters.types(header.name)

    def read_opener(self, cursor: Cursor) -> Reading[str | None]:
        """Read a parameter's opener, also doubled ones. Returns None and consumes nothing if there is none."""
        opener = yield from cursor.match(self.first)
        if opener is None:
            return (yield from self._read_drift(cursor))
        while _DOUBLED_OPENER and (yield from cursor.match(self.first)) is not None:
            pass
        return opener

    def _read_drift(self, cursor: Cursor) -> Reading[str | None]:
        """Read drift in place of an opener. Returns None and consumes nothing if no whole header follows."""
        if not self._drift.all:
            return None
        size = yield from cursor.ahead(self._size_of_drift(cursor), 0)
        return cursor.skip(size) if size else None

    def _size_of_drift(self, cursor: Cursor) -> Reading[int]:
        """Return the length of a drifted opener that a whole header follows, or 0 if none does."""
        marker = yield from cursor.match(self._drift)
        if marker is None or not (yield from read_key(cursor))[0]:
            return 0
        if self.key_end.all:
            if (yield from cursor.match(self.key_end)) is None:
                return 0
            yield from cursor.space()
        return len(marker) if (yield from cursor.stands(self._name_end[-1])) is not None else 0

    def read_header(self, cursor: Cursor, opener: str | None = None) -> Reading[Header | None]:
        """Read a parameter's opening tag after its opener.

        Returns:
            The header. None if the text is not an opening tag, which consumes nothing, or if the reply ends in the tag,
            which consumes it.
        """
        mark = cursor.mark()
        header = yield from within(self._read_tag(cursor), None)
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
        if _WITHOUT_END and self.framed and attributes[:1] == "\n" and attributes.strip(SPACE):
            alone = _ALONE.match(cursor.read_since(start))
            if alone is not None:  # the line of the name ends without the end of the tag
                cursor.at -= cursor.offset - start - alone.end()
                return Header(name, {})
        ended = valued = bracketed = False
        typed: dict[str, str] = {}
        for part in self._name_end:
            found = False
            while (_DOUBLED_PART or not found) and (end := (yield from cursor.match(part))) is not None:
                found = ended = True
                bracketed = end == self.brackets.open
                valued = part is self._name_end[-1]
                if valued:
                    break
                yield from cursor.maybe(self._further_part(cursor, typed), False)
            if (
                found
                and not valued
                and cursor.ended
                and (yield from cursor.maybe(self._further_part_cut(cursor), False))
            ):
                return None
            if not (found or _WITHOUT_PART):
                return None
        if ended:
            nameless = _WITHOUT_NAME and (valued or not self.key_end.all) and not name
            said = dict(_ATTRIBUTE.findall(attributes)) if attributes else typed or _NO_ATTRIBUTES
            return Header(name, said, valued, bracketed=bracketed) if name or nameless else None
        if (yield from cursor.stands(self.value_end)) is not None:
            written = cursor.read_since(start)
            assigned = _ASSIGNED.match(written)
            if _ASSIGNED_VALUE and name and assigned is not None:
                cursor.at -= cursor.offset - start - assigned.end()
                return Header(assigned[1], {})
            if _WITHOUT_NAME and _NAMELESS.match(written) is not None and not self.key_end.all:
                return Header("", {})
        if name:
            any(cursor.cut_of(part) for part in (*self._name_end, self.value_end))
        return None

    def _further_part(self, cursor: Cursor, typed: dict[str, str]) -> Reading[bool]:
        """Read white space before another part of the header. Returns False if there is none: the space is the value's.

        A tag with the value's type may come before that part; the type is then added to `typed`.
        """
        yield from cursor.space()
        if self.typed_in and (yield from cursor.match(self._type_open)) is not None:
            said = yield from cursor.run(_TYPE, _MAX_TYPE)
            if (yield from cursor.match(self._type_close)) is None:
                return False
            typed[_IN_TAG] = said
            yield from cursor.space()
        return (yield from cursor.stands(union(*self._name_end))) is not None

    @recovers("a part of a parameter's header cut off", off=False, contract="Cut opener")
    def _further_part_cut(self, cursor: Cursor) -> Reading[bool]:
        """Read white space and the beginning of another part in which the reply ends. Returns whether it ends so."""
        space = yield from cursor.space()
        return cursor.cut_of(union(*self._name_end)) or (space != "" and cursor.at_end)

    def read_closing(self, cursor: Cursor) -> Reading[str]:
        """Read a closing tag after its start, also its `>`, if it has one. Returns its name, ">" for `</>`, or ""."""
        mark = cursor.mark()
        text = yield from cursor.run(self.in_closing, _MAX_CLOSING)
        if (yield from cursor.peek()) == ">":
            cursor.take(cursor.at + 1)
            cursor.settle(mark)
            return text.strip(" \t/") or ">"
        name = text.split(None, 1)[0] if _WITHOUT_BRACKET and text[:1].strip() else ""
        cursor.rewind(mark)
        cursor.take(cursor.at + len(name))
        return name


def read_gap(cursor: Cursor) -> Reading[None]:
    """Read white space, also escaped as in a JSON string that quotes a call."""
    while True:
        yield from cursor.space()
        if not _ESCAPED_SPACE or (yield from cursor.peek()) != "\\":
            return
        while cursor.at + 1 == len(cursor.text) and not cursor.ended:
            yield
        if cursor.text[cursor.at + 1 : cursor.at + 2] not in ("n", "r", "t"):
            return
        cursor.take(cursor.at + 2)


def typed_by_attribute(said: str) -> Types | None:
    """Return the types for an attribute of the opening tag: DSML's `string="true"`, Kimi K3's `type="number"`.

    Returns None if `said` is not a known word.
    """
    if said in _TRUE:
        return STRING
    if said in _FALSE:
        return JSON
    return frozenset({said}) & ANY or None
