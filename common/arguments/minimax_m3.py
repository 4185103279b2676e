"""Arguments of MiniMax M3: one element per parameter, with the namespace token before each tag.

The rules are those of `tags`, and:

- The closer is the parameter's own: `</city>` ends `<city>`, with or without the token.
- A value that begins with a tag holds elements, which pair up by name. They are read by `elements` and output as a
  whole. If only a string is declared, and the elements do not pair up or have text beside them, the value is its text.
- A parameter that is declared as an array, and repeated directly, is one array.
- The name is all the text of a tag, spaces included, except attributes; quotes around it are dropped.
- Drift: M2's `<parameter name="city">`; a first parameter with its namespace token but without the rest of its opener.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from json.encoder import encode_basestring as quote

from ..cursor import SPACE, Cursor, Markers, Reading
from ..cursor import Sink as TextSink
from ..recovery import recovering, recovers, rule
from ..schema import Parameters, element, types
from .elements import INSIDE, NAMESPACE, TAG, as_json, as_pieces
from .name import MAX_NAME
from .tag_body import Body
from .tag_parts import Around, End, Header, Level, Sink
from .tag_value import Value
from .tags import Tags
from .text_value import TextValue

_NAMESPACE = Markers((NAMESPACE,))
_AROUND = ("invoke", "tool_call", "minimax:tool_call", "minimax:tool_calls")
_IN_TAG = re.compile(r"[^<>]*")
_INSIDE = re.compile(f"(/?){INSIDE}")
_AS_M2 = recovering(
    "a parameter's tag as M2 writes it",
    re.compile(r"""\s*parameter\s+name\s*=\s*(["']?)([^"'<>/=]+?)\1\s*"""),
    off=re.compile("(?!)"),
    contract="Bare invokes",
)
_CUT_CLOSER = re.compile(r"""\s*(?:<(?:/["']?[^<>/"=\r\n]*)?)?""")
_CUT_OPENER = re.compile(r"""\s*(?:<["']?[^<>/"=\r\n]*)?""")
_CUT_TAG = re.compile(r"""\s*(?:</?["']?[^<>/"=\r\n]*)?""")
_CONTAINERS = frozenset({"object", "array"})
_NEAR = 256
_NO_VALUE = (*SPACE, "<", "`", "")
_TAG_STARTS = (NAMESPACE, f"{NAMESPACE}</")

_CUT = rule("a closer cut off at the end, after elements", contract="Cut marker")
_DOUBLED_TOKEN = rule("the namespace token doubled")
_INNER_CLOSERS = rule("closers of inner elements missing", contract="It had ended")
_REPEATED = rule("a parameter that is an array, repeated")
_WITHOUT_TOKEN = rule("a closer without the namespace token")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag after a namespace token."""

    name: str
    closes: bool
    key: str = ""
    """The parameter's name, if the tag is written as M2 writes it."""


def read_tag(cursor: Cursor, *, doubled: bool = True) -> Reading[Tag | None]:
    """Read a namespace token, or doubled ones, and the tag after it. Returns None and consumes nothing without one."""
    return cursor.maybe(_tag(cursor, doubled=doubled), None)


def _tag(cursor: Cursor, *, doubled: bool) -> Reading[Tag | None]:
    if (yield from cursor.match(_NAMESPACE)) is None:
        return None
    if cursor.text[cursor.at : cursor.at + 1] != "<":  # the usual case costs no more reads
        while doubled and _DOUBLED_TOKEN and (yield from cursor.match(_NAMESPACE)):
            pass
        yield from cursor.space(_NEAR)
    if (yield from cursor.peek()) != "<":
        return None
    cursor.skip(1)
    inside = _INSIDE.fullmatch((yield from cursor.run(_IN_TAG, MAX_NAME + _NEAR)))
    if inside is None or len(inside["name"]) > MAX_NAME or (yield from cursor.peek()) != ">":
        return None
    cursor.skip(1)
    as_m2 = _AS_M2.fullmatch(inside.group()) if "=" in inside.group() else None
    return Tag(inside["name"], inside[1] != "", as_m2[2] if as_m2 is not None else "")


@dataclass(frozen=True)
class MinimaxM3Values(Tags):
    """`<city>Paris</city>`"""

    in_closing = re.compile(r"[^<>\]\r\n\"'=]*")

    open: str = NAMESPACE
    close: str = ""
    closes: tuple[str, ...] = (f"{NAMESPACE}</", "</")

    @property
    def markers(self) -> frozenset[str]:
        return frozenset({NAMESPACE})

    @property
    def named_closer(self) -> str:
        return f"{NAMESPACE}</"

    def _body(self, cursor: Cursor, call: Sink, parameters: Parameters, around: Around) -> Body:
        return _Elements(self, cursor, call, parameters, around)

    def read_opener(self, cursor: Cursor) -> Reading[str | None]:
        """Find an opener as `Tags` does, but do not consume the tokens: closing tags have them too."""
        tag = yield from cursor.ahead(read_tag(cursor), None)
        if tag is not None:
            return NAMESPACE if not tag.closes and tag.name not in _AROUND else None
        return NAMESPACE if (yield from cursor.ahead(_is_cut(cursor), False)) else None

    def read_header(self, cursor: Cursor, opener: str | None = None) -> Reading[Header | None]:
        tag = yield from read_tag(cursor)
        if tag is None:
            if opener is not None:
                cursor.take(len(cursor.text))  # the reply ends in it
            return None
        return Header(tag.key or tag.name, {}, closed_by=tag.name)


def _is_cut(cursor: Cursor) -> Reading[bool]:
    """Return whether a tag begins here in which the reply ends."""
    if (yield from cursor.match(_NAMESPACE)) is None:
        return False
    while (yield from cursor.match(_NAMESPACE)):
        pass
    if not cursor.ended or len(cursor.text) - cursor.at > 2 * MAX_NAME:
        return False
    rest = cursor.text[cursor.at :]
    return _CUT_OPENER.fullmatch(rest) is not None


class _Elements(Body):
    """The parameters of one call, as elements."""

    def __init__(self, tags: Tags, cursor: Cursor, call: Sink, parameters: Parameters, around: Around) -> None:
        super().__init__(tags, cursor, call, parameters, around)
        self._repeated = ""  # the last parameter's name, if it is declared as an array: it may be repeated
        self._texts: list[str] = []  # the texts of its elements

    def _header(self, opener: str | None) -> Reading[Header | None]:
        header = yield from self.tags.read_header(self.cursor, opener)
        if header is not None and self.parameters.declares(header.closed_by):
            return Header(header.closed_by, {}, closed_by=header.closed_by)
        return header

    def _next(self) -> Reading[Header | None]:
        header = yield from super()._next()
        if header is None and not (self.cut or self.written) and (yield from self._without_opener()):
            header = yield from super()._next()
        return header

    @recovers("a parameter without its opener after the namespace token", off=False)
    def _without_opener(self) -> Reading[bool]:
        text: list[str] = []
        start = self.cursor.offset
        tag, end = yield from self.cursor.ahead(self._value_and_closer(text), (None, start))
        if tag is None:
            return False
        self.sink = self.call.announce().arguments
        self.cursor.take(self.cursor.at + end - start)  # not a marker
        self._key(tag.name, self.sink)
        self.sink(as_json("".join(text), self.parameters.schema(tag.name), self.parameters.root))
        return True

    def _value_and_closer(self, text: list[str]) -> Reading[tuple[Tag | None, int]]:
        """Read a value without an opener into `text`. Returns its closer, or None if there is none, and the offset."""
        cursor = self.cursor
        tag = None
        begins = (yield from cursor.match(_NAMESPACE)) is not None and (yield from cursor.peek()) not in _NO_VALUE
        if begins and (yield from cursor.up_to(_NAMESPACE, text.append)) is not None:
            tag = yield from read_tag(cursor)
        return tag if tag is not None and tag.closes and tag.name not in _AROUND else None, cursor.offset

    # --- one parameter

    def _named(self, header: Header, sink: TextSink) -> Reading[End]:
        name = header.name
        if name != self._repeated:
            self.end()
            self._key(name, sink)
        return _Element(self, header, _Text(self, name, sink)).read()

    def repeat(self, name: str, text: str) -> None:
        """Hold the text of a parameter that may be repeated."""
        self._repeated = name
        self._texts.append(text)

    def end(self) -> None:
        """Write the parameter that might have been repeated."""
        name, texts = self._repeated, self._texts
        if name:
            self._repeated, self._texts = "", []
            self.sink(self._written(name, texts))

    def _written(self, name: str, texts: list[str]) -> str:
        schema, root = self.parameters.schema(name), self.parameters.root
        is_array = len(texts) > 1 and all(
            not TAG.search(each) or "array" in types(element(schema, root, index), root)
            for index, each in enumerate(texts)
        )
        if not is_array:
            return f",{quote(name)}:".join(as_json(each, schema, root) for each in texts)
        written = (as_json(each, element(schema, root, index), root) for index, each in enumerate(texts))
        return f"[{','.join(written)}]"


class _Text(TextValue):
    """The text of one parameter: a string streams; text that may be elements or JSON is held."""

    waits = True

    def __init__(self, body: _Elements, name: str, sink: TextSink) -> None:
        super().__init__(sink, body.parameters.types(name), framed=False)
        self._body = body
        self._name = name
        self.elements = False
        self.paired = False  # the text read so far is only whole elements
        is_string = "string" in self._types
        self.contains = not _CONTAINERS.isdisjoint(self._types)
        self._streams = is_string or not self.contains  # unless it holds elements
        self.repeatable = _REPEATED and "array" in self._types and not is_string

    @property
    def may_hold_elements(self) -> bool:
        """Whether a tag here begins elements."""
        return not (self._first and (self._streams or self._first in "[{"))

    def text(self, piece: str) -> None:
        self._first = self._first or piece.lstrip(SPACE)[:1]
        self._settled = self._settled or self.elements
        super().text(piece)

    def _take(self) -> str:
        self.pass_on()
        return "" if self._held is None else self._held.take()

    def drop(self, size: int) -> None:
        """Drop the last `size` characters, which are not part of the value."""
        text = self._take()
        super().text(text[: len(text) - size])

    def end(self) -> None:
        if self.repeatable:
            self._body.repeat(self._name, self._take())
        elif self._streams and not self.elements:
            super().end()
        else:
            schema: object = self._body.parameters.schema(self._name)
            if self.elements and not self.contains:
                schema = True if self.paired else {"type": "string"}
            for piece in as_pieces(self._take(), schema, self._body.parameters.root):
                self._sink(piece)


class _Element(Value):
    """One parameter, read up to its end. `_quoted` has the `Level`s of quoted calls and the names of open elements."""

    def __init__(self, body: Body, header: Header, text: _Text) -> None:
        super().__init__(body, header, text)
        self._element = text
        self._add: TextSink = self._add_noted
        self._beside = False  # there is text beside elements
        self._closing = False  # the text that comes is a closing tag
        self._rest: str | None = None  # the text after the last closing tag

    def _add_noted(self, text: str) -> None:
        if self._closing or self._rest is not None or self._element.elements:
            self._note(text)
        self._text.text(text)

    def _add_held(self, text: str) -> None:
        self._note(text)
        super()._add_held(text)

    def _note(self, text: str) -> None:
        """Note text beside elements and after the last one."""
        if not self._quoted and self._element.elements and text.strip(SPACE) and not self._closing:
            self._beside = True
        if self._closing:
            self._rest = ""
        elif self._rest is not None:
            self._rest = self._rest + text if len(self._rest) < _NEAR else None
        self._closing = False

    def _own_closer(self) -> Reading[bool]:
        return self._cursor.maybe(self._reads_own_closer(), False)

    def _reads_own_closer(self) -> Reading[bool]:
        tag = yield from read_tag(self._cursor)
        return tag is not None and tag.closes and tag.name == self._header.closed_by

    def _at(self, marker: str) -> Reading[End | int]:
        if marker.startswith(NAMESPACE) and marker in _TAG_STARTS:
            return (yield from self._at_tag(marker))
        return (yield from super()._at(marker))

    def _at_tag(self, marker: str) -> Reading[End | int]:
        cursor = self._cursor
        mark = cursor.mark()
        tag = yield from read_tag(cursor, doubled=False)
        size = cursor.offset - mark.offset
        cursor.rewind(mark)
        if tag is None and self._cut_here():
            return self._at_end()
        if tag is None:
            return (yield from super()._at_closing_tag(marker)) if marker.endswith("</") else len(marker)
        if tag.closes:
            return (yield from self._at_closing(tag.name, size))
        if self._quoted:
            self._push(tag.name)
            return size
        if self._element.contains and self._element.may_hold_elements:
            return self._begin(tag.name, size)
        found = yield from self._at_parameter(marker)
        if isinstance(found, int) and self._element.may_hold_elements and self._held is None:
            self._unpaired -= 1
            return self._begin(tag.name, size)
        return found

    @recovers("a tag cut off at the end of a value", off=False, contract="Cut marker")
    def _cut_here(self) -> bool:
        """Read the beginning of a tag in which the reply ends, unless it may be an element's in the value."""
        cursor = self._cursor
        if not cursor.ended or self._quoted or self._element.elements or len(cursor.text) - cursor.at > 2 * MAX_NAME:
            return False
        found = _CUT_TAG.fullmatch(cursor.text, cursor.at + len(NAMESPACE)) is not None
        if found:
            cursor.take(len(cursor.text))
        return found

    def _begin(self, name: str, size: int) -> int:
        self._element.elements = True
        self._push(name)
        return size

    def _push(self, name: str) -> None:
        self._quoted.append(name)
        if len(self._quoted) > 2 * _NEAR:
            del self._quoted[:_NEAR]  # nested this deep, all of it is text

    def _at_closing(self, name: str, size: int) -> Reading[End | int]:
        if self._closes_inner(name):
            self._closing = True
            return size
        if name == self._header.closed_by:
            self._element.paired = not self._quoted and not self._beside
            return (yield from self._at_closer(size))
        if self._quoted or self._text.in_json_string or self._is_held():
            return size
        if self._text.tags.has(name):
            return size
        return (yield from self._at_foreign_closer(name, size)) or size

    def _closes_inner(self, name: str) -> bool:
        """Close the element of this name and all that is open in it; return whether one was open."""
        quoted = self._quoted
        for depth in range(len(quoted) - 1, max(-1, len(quoted) - _NEAR), -1):
            if quoted[depth] == name:
                del quoted[depth:]
                return True
            if quoted[depth] is Level.CALL or not _INNER_CLOSERS:
                break
        return False

    def _at_closing_tag(self, marker: str) -> Reading[End | int]:
        """Read a closing tag without its token: if a tag follows, the parameter's or the innermost element's."""
        name, size, tag = yield from self._cursor.ahead(self._closing_and_next(marker), ("", 0, None))
        followed = _WITHOUT_TOKEN and tag is not None and not (tag.closes and tag.name == name)
        if name and name == self._header.closed_by and not self._quoted:
            if followed:
                return (yield from self._at_closer(size))
        elif self._quoted and name == self._quoted[-1] and followed and self._held is None:
            self._quoted.pop()
            self._cursor.skip(size)
            self._closing = True
            self._take(f"{NAMESPACE}</{name}>")
            return 0
        return (yield from super()._at_closing_tag(marker))

    def _closing_and_next(self, marker: str) -> Reading[tuple[str, int, Tag | None]]:
        """Return the name and the length of a closing tag, and the tag that follows it."""
        cursor = self._cursor
        start = cursor.offset
        cursor.skip(len(marker))
        name = yield from self._body.tags.read_closing(cursor)
        size = cursor.offset - start
        yield from cursor.space(_NEAR)
        return name, size, (yield from read_tag(cursor))

    def _at_end(self) -> End:
        rest = self._rest if _CUT and self._held is None else None
        if self._element.elements and rest is not None and _is_cut_closer(rest):
            self._element.drop(len(rest))
            return End(True)
        return super()._at_end()


def _is_cut_closer(text: str) -> bool:
    """Return whether `text`, at the end of the reply, is the beginning of a closer."""
    text = text.strip(SPACE)
    if not text.startswith(NAMESPACE):
        return NAMESPACE.startswith(text)
    return _CUT_CLOSER.fullmatch(text, len(NAMESPACE)) is not None
