"""Arguments of MiniMax M3: an element a parameter, with the namespace token before each tag.

- A text is the value's, every character of it, up to its own closer; that one counts only where what follows can
  follow it: a parameter, a closer around the parameters, the end. A call that fits, inside a text, is data.
- Where the schema allows an object or array, a tag as the first thing inside an element starts elements in it, read by
  `elements` and sent whole. A parameter that is declared as an array and repeated at once is one array.
- A name is all that stands in a tag, spaces included, but for attributes; quotes around it are dropped.
- Drift: M2's `<parameter name="city">`; a missing closer before the next parameter; a closer without the namespace
  token; a first parameter whose opener is missing behind its namespace token; closers missing behind an element that
  is closed.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from json.encoder import encode_basestring as quote

from ..cursor import NO_MARKERS, SPACE, Cursor, Markers, Overrun, Reading, Sink, union
from ..held import Held, joined
from ..recovery import drift, recovering, recovers, rule
from ..schema import Parameters, element, types
from .elements import INSIDE, NAMESPACE, TAG, as_json
from .json_object import JsonObject, read_object
from .name import MAX_NAME
from .tagged_values import CallHeads, read_quoted_head
from .text_value import TextValue

_OBJECT = JsonObject()
_NAMESPACE = Markers((NAMESPACE,))
_BARE_CLOSE = "</"
_SECTION = "tool_call"
_AROUND = ("invoke", _SECTION)
_OLDER_SECTIONS = ("minimax:tool_call", "minimax:tool_calls")
_ENCLOSING = Markers(f"</{name}>" for name in _AROUND)
_CALL_TAGS = Markers(drift("a call's tag without its bracket", "invoke name="))
"""The tag of a call that lacks its bracket. The closer is an end of the parameters, which is looked for before."""
_IN_ELEMENTS = Markers((NAMESPACE, _BARE_CLOSE))
_IN_TAG = re.compile(r"[^<>]*")
_INSIDE = re.compile(f"(/?){INSIDE}")
_AS_M2 = recovering(
    "a parameter's tag as M2 writes it",
    re.compile(r"""\s*parameter\s+name\s*=\s*(["']?)([^"'<>/=]+?)\1\s*"""),
    off=re.compile("(?!)"),
)
_CUT_NAME = r"""["']?[^<>/"=\r\n]*"""
_CUT_TAG = re.compile(rf"\s*(?:</?{_CUT_NAME})?")
_CUT_CLOSER = re.compile(rf"\s*(?:<(?:/{_CUT_NAME})?)?")
_CONTAINERS = frozenset({"object", "array"})
_JSON_STARTS = ("{", "[")
_FOLLOWS_WITHIN = 256
_NEAR = 256

_JSON_BODY = rule("parameters as a JSON object")
_WITHOUT_OPENER = rule("a parameter without its opener")
_DOUBLED_TOKEN = rule("the namespace token doubled")
_STRAY_CLOSERS = rule("stray closers between parameters")
_WITHOUT_CLOSER = rule("a parameter's closer missing before the next one", contract="A parameter's opener")
_CLOSED_BY_CALL = rule(
    "closers missing behind an element, before a call's", contract="What ends a value that lacks its closer"
)
_INNER_CLOSERS = rule("closers of inner elements missing", contract="What ends a value that lacks its closer")
_FURTHER_CLOSERS = rule("stray closers behind a value that is no text", contract="Closers too many")
_REPEATED = rule("a parameter that is an array, repeated")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag as it stands behind a namespace token."""

    name: str
    closes: bool
    text: str
    key: str = ""
    """The parameter that it says as M2 does."""


@dataclass(frozen=True)
class MinimaxM3Values:
    """`<city>Paris</city>`"""

    @property
    def markers(self) -> frozenset[str]:
        return frozenset({NAMESPACE})

    @property
    def closers(self) -> frozenset[str]:
        return frozenset()

    @property
    def ended_by_calls(self) -> bool:
        return False

    @property
    def first(self) -> Markers:
        return _NAMESPACE

    @property
    def key_end(self) -> Markers:
        return NO_MARKERS

    def fits(self, cursor: Cursor, ends: Markers) -> Reading[bool | None]:
        """Whether a parameter or the end of the parameters stands here; None where the reply ends before it."""
        yield from cursor.space()
        if (yield from cursor.stands(ends)):
            return True
        if cursor.at_end or cursor.cut_of(ends) or cursor.cut_of(_NAMESPACE):
            return None
        if _JSON_BODY and (yield from cursor.peek()) == "{":
            return (yield from _OBJECT.fits(cursor, ends))
        if not (yield from _read_namespace(cursor)):
            return False
        tag = yield from _read_tag(cursor)
        if tag is not None:
            return not tag.closes and tag.name not in (*_AROUND, *_OLDER_SECTIONS)
        if _rest_is(_CUT_TAG, cursor):
            return None
        if (yield from cursor.stands(_CALL_TAGS)) is not None:
            return False
        if cursor.cut_of(_CALL_TAGS):
            return None
        # The value of a parameter without its opener.
        return _WITHOUT_OPENER and (yield from cursor.peek()) not in (*SPACE, "<", "`")

    def read(
        self, cursor: Cursor, sink: Sink, parameters: Parameters, ends: Markers, heads: CallHeads, key: str = ""
    ) -> Reading[bool]:
        """Read parameters up to a closer around them, which is not read; whether they are whole."""
        yield from cursor.space()
        if _JSON_BODY and (yield from cursor.peek()) == "{":
            return (yield from read_object(cursor, sink, ends))
        return (yield from _Body(cursor, sink, parameters, ends, heads).read())


class _Body:
    """The parameters of one call."""

    __slots__ = (
        "_array",
        "_behind",
        "_cursor",
        "_ends",
        "_heads",
        "_in_text",
        "_lengths",
        "_parameters",
        "_sink",
        "_texts",
        "_written",
    )

    def __init__(self, cursor: Cursor, sink: Sink, parameters: Parameters, ends: Markers, heads: CallHeads) -> None:
        self._cursor = cursor
        self._sink = sink
        self._parameters = parameters
        self._ends = ends
        self._behind = union(ends, heads.call_openers)
        self._heads = heads
        self._in_text = union(_IN_ELEMENTS, heads.call_openers)
        self._written: set[str] = set()
        self._array = ""  # the last parameter, where it is declared as an array: it may be repeated
        self._texts = Held()  # what stands in its elements
        self._lengths = array("q")  # of each of those texts

    def read(self) -> Reading[bool]:
        cursor = self._cursor
        tag: Tag | None = None
        while True:
            if tag is None:
                yield from cursor.space()
                if (yield from cursor.stands(self._behind)) or cursor.at_end or cursor.cut_of(self._ends):
                    self._end_array()
                    self._sink("}" if self._written else "{}")
                    return True
                tag = yield from self._next_tag()
                if tag is None:
                    self._end_array()
                    return False
            if _STRAY_CLOSERS and tag.closes:  # a stray one, or of a parameter that was read without its opener
                tag = None
                continue
            closed, tag = yield from self._parameter(tag)
            if not closed:
                return False

    def _next_tag(self) -> Reading[Tag | None]:
        """Read a namespace token and the tag behind it, or a parameter without its opener and its closer."""
        cursor = self._cursor
        if not (yield from _read_namespace(cursor)):
            return None
        tag = yield from _read_tag(cursor)
        if tag is not None:
            return tag
        if _rest_is(_CUT_TAG, cursor):
            cursor.take(len(cursor.text))
            return None
        text: list[str] = []
        if (yield from cursor.until(_NAMESPACE, text.append)):
            tag = yield from _read_tag(cursor)
        if tag is None or not tag.closes or _closes_call(tag) or not _WITHOUT_OPENER:
            self._sink("".join(text))
            return None
        self._begin(tag.name)
        self._write("".join(text), tag.name)
        return tag

    # --- one parameter

    def _begin(self, name: str) -> None:
        self._end_array()
        self._sink(("," if self._written else "{") + quote(name) + ":")
        self._written.add(name)

    def _write(self, text: str, name: str) -> None:
        self._give(as_json(text, self._parameters.schema(name), self._parameters.root))

    def _give(self, pieces: Iterable[str]) -> None:
        for piece in joined(pieces):
            self._sink(piece)

    def _end(self, name: str, value: TextValue | None, text: Held, *, repeatable: bool) -> None:
        if value is not None:
            value.end()
        elif repeatable:
            self._array = name
            self._lengths.append(0)
            for block in text.blocks():
                self._texts.append(block)
                self._lengths[-1] += len(block)
        else:
            self._write(text.take(), name)

    def _end_array(self) -> None:
        """Write the parameter that might have been repeated."""
        name, text, lengths = self._array, self._texts.take(), self._lengths
        if not name:
            return
        self._array, self._lengths = "", array("q")
        self._give(self._repeated(name, text, lengths))

    def _repeated(self, name: str, text: str, lengths: array[int]) -> Iterator[str]:
        schema, root = self._parameters.schema(name), self._parameters.root
        is_array = (
            _REPEATED
            and len(lengths) > 1
            and all(
                not TAG.search(each) or "array" in types(element(schema, root, index), root)
                for index, each in enumerate(_cut(text, lengths))
            )
        )
        for index, each in enumerate(_cut(text, lengths)):
            if is_array:
                yield "," if index else "["
            elif index:
                yield f",{quote(name)}:"
            yield from as_json(each, element(schema, root, index) if is_array else schema, root)
        if is_array:
            yield "]"

    def _name(self, tag: Tag) -> str:
        """The parameter that a tag opens."""
        return tag.key if tag.key and not self._parameters.declares(tag.name) else tag.name

    def _parameter(self, opened: Tag) -> Reading[tuple[bool, Tag | None]]:
        """Read a value and its closer; whether it was closed, and the tag of the parameter that closed it."""
        cursor = self._cursor
        name = self._name(opened)
        allowed = self._parameters.types(name)
        contains = not _CONTAINERS.isdisjoint(allowed)
        held = contains and "string" not in allowed
        repeatable = held and "array" in allowed
        if name != self._array:
            self._begin(name)
        value = None if held else TextValue(self._sink, allowed, framed=False)
        text = Held()
        quoted: list[str] = []  # what is open inside the value: calls (""), and parameters of calls
        first = ""  # its first character that is no white space

        def add(piece: str) -> None:
            nonlocal first
            first = first or piece.lstrip(SPACE)[:1]
            (text.append if value is None else value.text)(piece)

        while True:
            marker = yield from cursor.until(self._in_text, add)
            if marker is None:
                return False, None
            if marker == NAMESPACE:
                tag = yield from _read_tag(cursor)
                marker += "" if tag is None else tag.text
                if tag is None:
                    pass
                elif tag.closes and tag.name == opened.name and not (quoted and quoted[-1]):
                    text_only = not _FURTHER_CLOSERS or bool(quoted) or not (value is None or value.is_no_string())
                    if (yield from self._ahead(self._follows(closers=not text_only))):
                        break
                elif quoted:
                    self._pair(quoted, tag)
                elif tag.closes:
                    pass
                elif contains and (not first or (value is None and first not in _JSON_STARTS)):
                    value = None
                    text.append(marker)
                    if not (yield from self._elements(opened.name, tag.name, text)):
                        return False, None
                    break
                elif _WITHOUT_CLOSER and self._may_be_next(tag):
                    self._end(name, value, text, repeatable=repeatable)
                    return True, tag
            elif marker == _BARE_CLOSE:
                if not quoted and (yield from self._bare_closer(opened.name, nested=False)):
                    break
            else:
                head = yield from read_quoted_head(marker, cursor, self._heads)
                if head is not None:
                    quoted.append("")
                    marker += head
            add(marker)
        self._end(name, value, text, repeatable=repeatable)
        return True, None

    def _may_be_next(self, tag: Tag) -> bool:
        """Whether a tag opens a parameter that is declared and not yet given."""
        name = self._name(tag)
        return self._parameters.declares(name) and name not in self._written

    def _pair(self, quoted: list[str], tag: Tag) -> None:
        """A tag inside a quoted call."""
        if not tag.closes:
            quoted.append(tag.name)
        elif tag.name == _SECTION and _SECTION in quoted[-_NEAR:]:
            while quoted.pop() != _SECTION:
                pass
        elif _closes_call(tag):
            while quoted and quoted.pop():
                pass
        elif quoted[-1] == tag.name:
            quoted.pop()

    def _elements(self, name: str, first: str, text: Held) -> Reading[bool]:
        """Read the elements in parameter `name` behind the opener of the first; whether the parameter was closed."""
        cursor = self._cursor
        stack = [first]
        closed = False  # the last tag was a closer
        behind = Held()  # the text behind it
        blank = True  # that is nothing but white space

        def add(piece: str) -> None:
            nonlocal blank
            blank = blank and not piece.strip(SPACE)
            behind.append(piece)

        while True:
            marker = yield from cursor.until(_IN_ELEMENTS, add)
            if marker is None:
                return closed and _is_cut_closer(behind.take())
            if marker == _BARE_CLOSE:
                if not (yield from self._bare_closer(stack[-1] if stack else name, nested=True)):
                    add(marker)
                    continue
                if not stack:
                    text.append(behind.take())
                    return True
                add(f"{NAMESPACE}</{stack.pop()}>")
                text.append(behind.take())
                closed = blank = True
                continue
            if (
                _CLOSED_BY_CALL
                and closed
                and blank
                and "invoke" not in stack[-_NEAR:]
                and (yield from cursor.stands(_ENCLOSING))
            ):
                text.append(behind.take())
                return True
            tag = yield from _read_tag(cursor)
            if tag is None:
                add(marker)
                continue
            if not tag.closes:
                stack.append(tag.name)
                if len(stack) > 2 * _NEAR:
                    del stack[:_NEAR]  # nested so deep, all of it is text
            elif tag.name in stack[-_NEAR if _INNER_CLOSERS else -1 :]:
                while stack.pop() != tag.name:
                    pass
            elif tag.name == name and (yield from self._ahead(self._follows(closers=True))):
                text.append(behind.take())
                return True
            closed = tag.closes
            add(marker + tag.text)
            text.append(behind.take())
            blank = True

    @recovers("a closer without the namespace token", off=False)
    def _bare_closer(self, name: str, *, nested: bool) -> Reading[bool]:
        """Read on a closer that lacks its namespace token; False, and nothing read, where it is text."""
        cursor = self._cursor
        mark = cursor.mark()
        try:
            found = (yield from cursor.run(_IN_TAG, MAX_NAME)) == name and (yield from cursor.peek()) == ">"
            if found:
                cursor.take(cursor.at + 1)
                found = yield from self._ahead(self._follows_bare_closer(name if nested else ""))
        except Overrun:
            found = False
        if found:
            cursor.settle(mark)
        else:
            cursor.rewind(mark)
        return found

    # --- what stands ahead

    def _ahead(self, check: Reading[bool]) -> Reading[bool]:
        """Whether `check` finds what it reads; nothing is read."""
        mark = self._cursor.mark()
        try:
            found = yield from check
        except Overrun:
            found = False
        self._cursor.rewind(mark)
        return found

    def _follows(self, *, closers: bool) -> Reading[bool]:
        """Whether what stands here can follow a parameter's closer; `closers`: also stray ones can."""
        cursor = self._cursor
        yield from cursor.space(_FOLLOWS_WITHIN)
        if (yield from cursor.stands(self._ends)) or cursor.at_end or cursor.cut_of(self._ends):
            return True
        if not (yield from _read_namespace(cursor)):
            return False
        tag = yield from _read_tag(cursor)
        return _rest_is(_CUT_TAG, cursor) if tag is None else closers or not tag.closes

    def _follows_bare_closer(self, inner: str) -> Reading[bool]:
        """Whether a tag stands here that can follow a closer: of element `inner` (none: of a parameter)."""
        cursor = self._cursor
        yield from cursor.space(_FOLLOWS_WITHIN)
        if not (yield from _read_namespace(cursor)):
            return False
        tag = yield from _read_tag(cursor)
        if tag is None or not tag.closes:
            return tag is not None
        return tag.name != inner if inner else _closes_call(tag)


def _read_namespace(cursor: Cursor) -> Reading[bool]:
    """Read the namespace token, doubled ones included; whether it stood here."""
    found = False
    while (_DOUBLED_TOKEN or not found) and (yield from cursor.match(_NAMESPACE)):
        found = True
    return found


def _read_tag(cursor: Cursor) -> Reading[Tag | None]:
    """Read a tag behind a namespace token; None, and nothing read, where none stands."""
    mark = cursor.mark()
    try:
        yield from cursor.space(_NEAR)
        if (yield from cursor.peek()) == "<":
            cursor.take(cursor.at + 1)
            inside = _INSIDE.fullmatch((yield from cursor.run(_IN_TAG, MAX_NAME + _NEAR)))
            if inside is not None and len(inside["name"]) <= MAX_NAME and (yield from cursor.peek()) == ">":
                cursor.take(cursor.at + 1)
                as_m2 = _AS_M2.fullmatch(inside.group())
                tag = Tag(inside["name"], inside[1] != "", cursor.held(mark), as_m2[2] if as_m2 is not None else "")
                cursor.settle(mark)
                return tag
    except Overrun:
        pass
    cursor.rewind(mark)
    return None


def _cut(text: str, lengths: array[int]) -> Iterator[str]:
    """The texts that `text` is made of."""
    at = 0
    for length in lengths:
        yield text[at : at + length]
        at += length


def _closes_call(tag: Tag) -> bool:
    return tag.closes and tag.name in _AROUND


def _rest_is(pattern: re.Pattern[str], cursor: Cursor) -> bool:
    """Whether the reply ends here, in what `pattern` matches."""
    return cursor.ended and pattern.fullmatch(cursor.text, cursor.at) is not None


def _is_cut_closer(text: str) -> bool:
    """Whether `text`, at the end of the reply, is the beginning of a closer."""
    text = text.strip(SPACE)
    if not text.startswith(NAMESPACE):
        return NAMESPACE.startswith(text)
    return _CUT_CLOSER.fullmatch(text, len(NAMESPACE)) is not None
