"""Elements of MiniMax M3, `<size><width>3</width></size>` with the namespace token before each tag, as JSON.

- Elements called `item` are an array, others an object; text beside them is its member `$text`. A member that is
  repeated is an array where the schema, or its silence, allows one.
- The text of an element is typed by the schema. Nothing in an empty one is an empty array, object or null where
  that is declared.
- Drift: a missing closer of an inner element.
- What is declared otherwise than it is written, or nested deeper than 256, is its text, as a string.
- What is kept of an element besides its text is a few numbers: a tree of objects takes many times the text.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from json.encoder import encode_basestring as quote
from typing import TypeAlias

from ..held import Held
from ..recovery import rule
from ..schema import (
    LARGE,
    MAX_DEPTH,
    STRING,
    Schema,
    Types,
    element,
    member,
    opens_container,
    properties,
    types,
    write,
    write_container,
)

NAMESPACE = "]<]minimax[>["
_WORD = r"""[^\s<>/"'=](?:[^\s<>/"=]*[^\s<>/"'=])?"""
_NAME = rf"{_WORD}(?:[ \t]+(?!{_WORD}\s*=){_WORD})*"
"""Words; one before an equals sign is an attribute."""
# Looked ahead and then read, so that no shorter name is tried.
INSIDE = rf"""(["']?)(?=(?P<name>{_NAME}))(?P=name)\2(?:[\s/"'=][^<>]*)?"""
TAG = re.compile(rf"{re.escape(NAMESPACE)}\s*<(/?){INSIDE}>")
ITEM = "item"
TEXT = "$text"
_BEHIND_STRING = re.compile(rf"\s*(?:\Z|{TAG.pattern})")
_PERHAPS_NO_STRING = re.compile(r"\s*(?:[\[{+\-.\d]|(?:null|true|false)\s)")
_BLOCK = 4096
_TOP = 0

_INNER_CLOSERS = rule("closers of inner elements missing", contract="It had ended")

_Piece: TypeAlias = str | tuple[int, Schema]
"""JSON text, or an element to be written with this schema."""


def as_json(text: str, schema: Schema, root: Schema) -> Iterator[str]:
    """What stands between the tags of an element with this schema, as JSON text in pieces."""
    kinds = _Kinds(root)
    allowed = kinds.of(schema)
    found: list[str] = []
    if write_container(text, allowed, found.append):
        return iter(found)  # JSON, whatever stands in its strings
    elements = None if allowed == STRING else _parsed(text, schema, kinds)
    return _quoted(text, 0, len(text)) if elements is None else _Writer(elements, text, kinds).pieces(schema)


def _quoted(text: str, start: int, end: int, *, tags: bool = True) -> Iterator[str]:
    """A part of `text`, with or without its tags, as a JSON string; in pieces, for a copy would be one too many."""
    yield '"'
    while True:
        tag = None if tags else TAG.search(text, start, end)
        stop = end if tag is None else tag.start()
        for at in range(start, stop, _BLOCK):
            yield quote(text[at : min(at + _BLOCK, stop)])[1:-1]
        if tag is None:
            break
        start = tag.end()
    yield '"'


class _Kinds:
    """What the parts of a schema say, each asked once."""

    __slots__ = ("_types", "root")

    def __init__(self, root: Schema) -> None:
        self.root = root
        self._types: dict[int, Types] = {}

    def of(self, schema: Schema) -> Types:
        found = self._types.get(id(schema))
        if found is None:
            found = self._types[id(schema)] = types(schema, self.root)
        return found

    def is_array(self, schema: Schema, name: str) -> bool:
        """Whether an element whose children all have this name is an array."""
        allowed = self.of(schema)
        if "array" not in allowed:
            return False
        if name == ITEM:
            return "object" not in allowed or ITEM not in properties(schema, self.root)
        return "object" not in allowed


class _Elements:
    """The elements of a text by number, in its order; number 0 is around them all."""

    __slots__ = ("behind", "closers", "end", "start", "verbatim")

    def __init__(self, size: int) -> None:
        self.start = _numbers(size)
        """Where its namespace token stands."""
        self.end = _numbers(size)
        """Where what it contains ends."""
        self.behind = _numbers(size)
        """The number of the next element that is not in it."""
        self.verbatim = bytearray()
        """Whether it is a string, in which tags are data."""
        self.add(0)

    def add(self, start: int) -> int:
        """The number of the next element."""
        self.start.append(start)
        self.end.append(0)
        self.behind.append(0)
        self.verbatim.append(False)
        return len(self.start) - 1

    def close(self, number: int, end: int, *, verbatim: bool = False) -> None:
        self.end[number] = end
        self.behind[number] = len(self.start)
        self.verbatim[number] = verbatim

    def inside(self, number: int) -> Iterator[int]:
        child = number + 1
        while child < self.behind[number]:
            yield child
            child = self.behind[child]


def _numbers(most: int) -> array[int]:
    return array("i" if most < 1 << 31 else "q")


class _Latest:
    """The latest number put under each of some names. A name is not kept: `name_of` finds it by the number."""

    __slots__ = ("_name_of", "_slots")

    def __init__(self, names: int, most: int, name_of: Callable[[int], str]) -> None:
        self._slots = _numbers(most)
        self._slots.extend(bytes(2 * names + 1))
        self._name_of = name_of

    def _slot(self, name: str) -> int:
        slot = hash(name) % len(self._slots)
        while self._slots[slot] and self._name_of(self._slots[slot]) != name:
            slot = (slot + 1) % len(self._slots)
        return slot

    def get(self, name: str) -> int:
        """0 where there is none."""
        return self._slots[self._slot(name)]

    def put(self, name: str, number: int) -> int:
        """The one before, or 0."""
        slot = self._slot(name)
        before = self._slots[slot]
        self._slots[slot] = number
        return before


@dataclass(slots=True)
class _Open:
    """An element whose closer has not been read."""

    number: int
    name: str
    schema: Schema
    children: int = 0


def _parsed(text: str, schema: Schema, kinds: _Kinds) -> _Elements | None:
    """The elements in a text; None if they are nested too deep."""
    elements = _Elements(len(text))
    closers: _Latest | None = None
    stack = [_Open(_TOP, "", schema)]
    at = 0
    while (tag := TAG.search(text, at)) is not None:
        at = tag.end()
        name = tag["name"]
        outer = stack[-1]
        if not tag[1]:
            if len(stack) > MAX_DEPTH:
                return None
            number = elements.add(tag.start())
            inner = _inner_schema(outer, name, kinds)
            outer.children += 1
            if kinds.of(inner) == STRING:
                if closers is None:
                    closers = _string_closers(text, at)
                if closers.get(name) >= at:
                    # Up to its closer everything is the string's.
                    closer = _string_closer(text, name, at)
                    elements.close(number, closer.start(), verbatim=True)
                    at = closer.end()
                    continue
            stack.append(_Open(number, name, inner))
            continue
        last = 0 if _INNER_CLOSERS else len(stack) - 2
        depth = next((depth for depth in range(len(stack) - 1, max(last, 0), -1) if stack[depth].name == name), 0)
        if depth:
            for each in stack[depth:]:
                elements.close(each.number, tag.start())
            del stack[depth:]
    for each in stack:
        elements.close(each.number, len(text))
    return elements


def _inner_schema(outer: _Open, name: str, kinds: _Kinds) -> Schema:
    if kinds.is_array(outer.schema, name):
        return element(outer.schema, kinds.root, outer.children)
    return member(outer.schema, kinds.root, name)


def _closes_string(tag: re.Match[str]) -> bool:
    """Whether a tag can close a string: another tag or the end is behind it."""
    return tag[1] != "" and _BEHIND_STRING.match(tag.string, tag.end()) is not None


def _string_closers(text: str, at: int) -> _Latest:
    """The last closer of a string of each name, from `at` on."""
    found = _Latest(text.count(NAMESPACE, at), len(text), lambda start: _name_at(text, start))
    while (tag := TAG.search(text, at)) is not None:
        at = tag.end()
        if _closes_string(tag):
            found.put(tag["name"], tag.start())
    return found


def _string_closer(text: str, name: str, at: int) -> re.Match[str]:
    """The closer of a string called `name`, which is known to be there."""
    while True:
        tag = TAG.search(text, at)
        assert tag is not None
        if tag["name"] == name and _closes_string(tag):
            return tag
        at = tag.end()


def _name_at(text: str, at: int) -> str:
    """The name in the tag that stands at `at`."""
    tag = TAG.match(text, at)
    assert tag is not None
    return tag["name"]


class _Writer:
    """Writes elements as JSON text."""

    __slots__ = ("_elements", "_kinds", "_next", "_text")

    def __init__(self, elements: _Elements, text: str, kinds: _Kinds) -> None:
        self._elements = elements
        self._text = text
        self._kinds = kinds
        self._next = _numbers(len(text))  # of each element: the next of its name, negative where there is one before
        self._next.extend(bytes(len(elements.start)))

    def pieces(self, schema: Schema) -> Iterator[str]:
        due = [self._element(_TOP, schema)]
        while due:
            piece = next(due[-1], None)
            if piece is None:
                due.pop()
            elif isinstance(piece, str):
                yield piece
            else:
                due.append(self._element(*piece))

    def _element(self, number: int, schema: Schema) -> Iterator[_Piece]:
        elements, kinds = self._elements, self._kinds
        start, end = self._tag(number)[1], elements.end[number]
        allowed = kinds.of(schema)
        if elements.behind[number] == number + 1:
            return self._leaf(start, end, allowed, verbatim=bool(elements.verbatim[number]))
        beside = self._beside(number, start)
        first = self._tag(number + 1)[0]
        alike = not beside and all(self._tag(child)[0] == first for child in elements.inside(number))
        if alike and kinds.is_array(schema, first):
            return self._array(elements.inside(number), schema)
        if "object" not in allowed:
            return _quoted(self._text, start, end)
        return self._object(number, schema, beside)

    def _tag(self, number: int) -> tuple[str, int]:
        """The name of an element, and where what it contains begins."""
        if number == _TOP:
            return "", 0
        tag = TAG.match(self._text, self._elements.start[number])
        assert tag is not None
        return tag["name"], tag.end()

    def _beside(self, number: int, at: int) -> str:
        """The text beside the children of an element."""
        elements, text = self._elements, self._text
        found = Held()
        for child in elements.inside(number):
            found.append(TAG.sub("", text[at : elements.start[child]]))
            at = elements.end[child]
            closer = TAG.match(text, at)
            if closer is not None and closer[1] and closer["name"] == self._tag(child)[0]:
                at = closer.end()
        found.append(TAG.sub("", text[at : elements.end[number]]))
        return found.take().replace(NAMESPACE, "").strip()

    def _array(self, children: Iterable[int], schema: Schema) -> Iterator[_Piece]:
        for index, child in enumerate(children):
            yield "," if index else "["
            yield child, element(schema, self._kinds.root, index)
        yield "]"

    def _object(self, number: int, schema: Schema, beside: str) -> Iterator[_Piece]:
        separator = "{"
        if beside:
            yield f"{{{quote(TEXT)}:{quote(beside)}"
            separator = ","
        self._link(number)
        for child in self._elements.inside(number):
            if self._next[child] < 0:
                continue  # written with the first one of its name
            name = self._tag(child)[0]
            inner = member(schema, self._kinds.root, name)
            if self._next[child] and "array" in self._kinds.of(inner):
                yield f"{separator}{quote(name)}:"
                yield from self._array(self._alike(child), inner)
                separator = ","
                continue
            for each in self._alike(child):
                yield f"{separator}{quote(name)}:"
                yield each, inner
                separator = ","
        yield "}"

    def _link(self, number: int) -> None:
        """Find the children of an element that have the same name."""
        elements = self._elements
        count = sum(1 for _ in elements.inside(number))
        latest = _Latest(count, len(self._text), lambda child: self._tag(child)[0])
        for child in elements.inside(number):
            before = latest.put(self._tag(child)[0], child)
            if before:
                self._next[before] = ~child if self._next[before] else child
                self._next[child] = ~0

    def _alike(self, child: int) -> Iterator[int]:
        """The first element of its name, and the others."""
        yield child
        child = self._next[child]
        while child:
            yield child
            child = ~self._next[child]

    def _leaf(self, start: int, end: int, allowed: Types, *, verbatim: bool) -> Iterator[str]:
        pieces: list[str] = []
        if end - start > LARGE:  # a copy would be one too many
            plain = verbatim or TAG.search(self._text, start, end) is None
            container = opens_container(self._text, start)
            if plain and container and write_container(self._text, allowed, pieces.append, start, end):
                yield from pieces
                return
            is_string = "string" in allowed and not _PERHAPS_NO_STRING.match(self._text, start, end)
            if allowed == STRING or is_string or (plain and container):
                yield from _quoted(self._text, start, end, tags=verbatim)
                return
        text = self._text[start:end]
        text = text if verbatim else TAG.sub("", text)
        if "string" not in allowed and not text.strip():
            for kind, empty in (("array", "[]"), ("object", "{}"), ("null", "null")):
                if kind in allowed:
                    yield empty
                    return
        write(text, allowed, pieces.append)
        yield from pieces
