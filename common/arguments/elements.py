"""Converts elements of MiniMax M3, `<size><width>3</width></size>` with a namespace token before each tag, to JSON.

- Elements called `item` are an array, others an object; text beside them is its member `$text`. A repeated member is
  an array if the schema allows one or does not say.
- The text of an element is typed by the schema. An empty element is an empty array, an empty object or null if that is
  declared.
- Drift: a missing closer of an inner element.
- Elements that do not fit their declared type, or are nested deeper than 256, are their text, as a string.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from json.encoder import encode_basestring as quote
from typing import TypeAlias

from ..held import Held
from ..recovery import rule
from ..schema import MAX_DEPTH, STRING, Schema, Types, container, element, member, properties, read, types

NAMESPACE = "]<]minimax[>["
_WORD = r"""[^\s<>/"'=](?:[^\s<>/"=]*[^\s<>/"'=])?"""
_NAME = rf"{_WORD}(?:[ \t]+(?!{_WORD}\s*=){_WORD})*"
"""Words; a word before an equals sign is an attribute and not part of the name."""
# A lookahead with a backreference, so that no shorter name is tried.
INSIDE = rf"""(["']?)(?=(?P<name>{_NAME}))(?P=name)\2(?:[\s/"'=][^<>]*)?"""
TAG = re.compile(rf"{re.escape(NAMESPACE)}\s*<(/?){INSIDE}>")
ITEM = "item"
TEXT = "$text"
_AFTER_STRING = re.compile(rf"\s*(?:\Z|{TAG.pattern})")

_INNER_CLOSERS = rule("closers of inner elements missing", contract="It had ended")


def as_json(text: str, schema: Schema, root: Schema) -> str:
    """Return the text between the tags of an element with this schema as JSON text."""
    return "".join(as_pieces(text, schema, root))


def as_pieces(text: str, schema: Schema, root: Schema) -> Iterable[str]:
    """Do as `as_json`, but return pieces, so that large values are not copied again."""
    kinds = _Kinds(root)
    allowed = kinds.of(schema)
    found = container(text, allowed)
    if found is not None:
        return found  # it is JSON, whatever its strings contain
    elements = None if allowed == STRING else _parsed(text, schema, kinds)
    if elements is None:
        return (quote(text),)
    held = Held()
    for piece in _written(elements, schema, text, kinds):
        held.append(piece)
    return held.blocks()


class _Kinds:
    """The types of the parts of a schema, each computed once."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self._types: dict[int, tuple[Types, Schema]] = {}  # with the schema, so that no other one gets its id

    def of(self, schema: Schema) -> Types:
        found = self._types.get(id(schema))
        if found is None:
            found = self._types[id(schema)] = types(schema, self.root), schema
        return found[0]

    def is_array(self, schema: Schema, name: str) -> bool:
        """Return whether an element whose children all have this name is an array."""
        allowed = self.of(schema)
        if "array" not in allowed:
            return False
        return "object" not in allowed or (name == ITEM and ITEM not in properties(schema, self.root))


# --- reading


@dataclass(slots=True)
class _Element:
    """An element, or the root around all of them."""

    name: str
    schema: Schema
    start: int
    """The start of its content."""
    end: int = 0
    text: list[str] | None = None
    """The pieces of its text that are outside its children."""
    children: list[_Element] | None = None

    def add_text(self, piece: str) -> None:
        if self.text is None:
            self.text = [piece] if piece else None
        elif piece:
            self.text.append(piece)


def _parsed(text: str, schema: Schema, kinds: _Kinds) -> _Element | None:
    """Return the elements in a text, under a root; None if they are nested too deep."""
    closers: dict[str, int] | None = None
    stack = [_Element("", schema, 0)]
    at = 0
    while (tag := TAG.search(text, at)) is not None:
        outer, name = stack[-1], tag["name"]
        outer.add_text(text[at : tag.start()])
        at = tag.end()
        if tag[1]:
            _close(stack, name, tag.start())
            continue
        if len(stack) > MAX_DEPTH:
            return None
        inner = _Element(name, _inner_schema(outer, name, kinds), at)
        outer.children = outer.children or []
        outer.children.append(inner)
        if kinds.of(inner.schema) == STRING:
            if closers is None:
                closers = _string_closers(text, at)
            if closers.get(name, -1) >= at:
                # Everything up to its closer is part of the string.
                closer = _string_closer(text, name, at)
                inner.add_text(text[at : closer.start()])
                inner.end, at = closer.span()
                continue
        stack.append(inner)
    stack[-1].add_text(text[at:])
    for each in stack:
        each.end = len(text)
    return stack[0]


def _close(stack: list[_Element], name: str, end: int) -> None:
    """Close the innermost element of this name and those open in it; do nothing if there is none."""
    last = 0 if _INNER_CLOSERS else len(stack) - 2
    for depth in range(len(stack) - 1, max(last, 0), -1):
        if stack[depth].name == name:
            for each in stack[depth:]:
                each.end = end
            del stack[depth:]
            return


def _inner_schema(outer: _Element, name: str, kinds: _Kinds) -> Schema:
    if kinds.is_array(outer.schema, name):
        return element(outer.schema, kinds.root, len(outer.children or ()))
    return member(outer.schema, kinds.root, name)


def _closes_string(tag: re.Match[str]) -> bool:
    """Return whether a tag can close a string: it is a closing tag before another tag or the end."""
    return tag[1] != "" and _AFTER_STRING.match(tag.string, tag.end()) is not None


def _string_closers(text: str, at: int) -> dict[str, int]:
    """Return, by name, the place of the last tag from `at` on that can close a string."""
    return {tag["name"]: tag.start() for tag in TAG.finditer(text, at) if _closes_string(tag)}


def _string_closer(text: str, name: str, at: int) -> re.Match[str]:
    """Return the closer of a string called `name`, which is known to exist."""
    return next(tag for tag in TAG.finditer(text, at) if tag["name"] == name and _closes_string(tag))


# --- writing

_Piece: TypeAlias = str | tuple[_Element, Schema]
"""JSON text, or an element that is still to be written, with its schema."""


def _written(top: _Element, schema: Schema, text: str, kinds: _Kinds) -> Iterator[str]:
    """Yield the JSON text of the elements in `text`."""
    due = [_pieces(top, schema, text, kinds)]
    while due:
        piece = next(due[-1], None)
        if piece is None:
            due.pop()
        elif isinstance(piece, str):
            yield piece
        else:
            due.append(_pieces(*piece, text, kinds))


def _pieces(each: _Element, schema: Schema, text: str, kinds: _Kinds) -> Iterator[_Piece]:
    allowed = kinds.of(schema)
    own = "".join(each.text or ())
    if not each.children:
        return iter((_leaf(own, allowed),))
    beside = own.replace(NAMESPACE, "").strip()
    first = each.children[0].name
    alike = not beside and all(child.name == first for child in each.children)
    if alike and kinds.is_array(schema, first):
        return _array(each.children, schema, kinds)
    if "object" not in allowed:
        return iter((quote(text[each.start : each.end]),))
    return _object(each.children, schema, beside, kinds)


def _array(children: Iterable[_Element], schema: Schema, kinds: _Kinds) -> Iterator[_Piece]:
    for index, child in enumerate(children):
        yield "," if index else "["
        yield child, element(schema, kinds.root, index)
    yield "]"


def _object(children: Iterable[_Element], schema: Schema, beside: str, kinds: _Kinds) -> Iterator[_Piece]:
    named: dict[str, list[_Element]] = {}
    for child in children:
        named.setdefault(child.name, []).append(child)
    separator = "{"
    if beside:
        yield f"{{{quote(TEXT)}:{quote(beside)}"
        separator = ","
    for name, alike in named.items():
        inner = member(schema, kinds.root, name)
        if len(alike) > 1 and "array" in kinds.of(inner):
            yield f"{separator}{quote(name)}:"
            yield from _array(alike, inner, kinds)
            separator = ","
            continue
        for child in alike:
            yield f"{separator}{quote(name)}:"
            yield child, inner
            separator = ","
    yield "}"


def _leaf(text: str, allowed: Types) -> str:
    if "string" not in allowed and not text.strip():
        for kind, empty in (("array", "[]"), ("object", "{}"), ("null", "null")):
            if kind in allowed:
                return empty
    return read(text, allowed)
