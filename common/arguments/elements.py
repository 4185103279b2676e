"""Elements of MiniMax M3, `<size><width>3</width></size>` with the namespace token before each tag, as JSON.

- Elements called `item` are an array, others an object; text beside them is its member `$text`. A member that is
  repeated is an array where the schema, or its silence, allows one.
- The text of an element is typed by the schema. Nothing in an empty one is an empty array, object or null where
  that is declared.
- Drift: a missing closer of an inner element; a missing opener, where the namespace token is still there.
- What is declared otherwise than it is written, or nested deeper than 256, is its text, as a string.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from json.encoder import encode_basestring as quote

from ..schema import MAX_DEPTH, STRING, Schema, Types, element, member, properties, read, types

NAMESPACE = "]<]minimax[>["
TAG = re.compile(re.escape(NAMESPACE) + r"""\s*<(/?)([^\s<>/"'=]{1,256})(?:[\s/"'=][^<>]*)?>""")
ITEM = "item"
TEXT = "$text"


@dataclass(slots=True)
class _Element:
    name: str
    start: int  # of what it contains, in the text
    end: int
    text: list[str] = field(default_factory=list)
    children: list[_Element] = field(default_factory=list)

    def close(self, text: str, end: int) -> None:
        self.text.append(text)
        self.end = end


def as_json(text: str, schema: Schema, root: Schema) -> str:
    """What stands between the tags of an element with this schema, as JSON text."""
    kinds = _Kinds(root)
    allowed = kinds.of(schema)
    if text.lstrip().startswith(("{", "[")):
        found = read(text, allowed)
        if not found.startswith('"'):
            return found  # JSON, whatever stands in its strings
    top = None if allowed == STRING else _parsed(text, schema, kinds)
    return quote(text) if top is None else _written(top, text, schema, kinds)


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

    def is_array(self, schema: Schema, names: set[str]) -> bool:
        """Whether an element with children of these names is an array."""
        allowed = self.of(schema)
        if "array" not in allowed or len(names) != 1:
            return False
        if names == {ITEM}:
            return "object" not in allowed or ITEM not in properties(schema, self.root)
        return "object" not in allowed


def _parsed(text: str, schema: Schema, kinds: _Kinds) -> _Element | None:
    """The element whose text this is; None if it is nested too deep."""
    tags = list(TAG.finditer(text))
    closers = _closers(tags, text)
    stack = [(_Element("", 0, len(text)), schema)]
    at = index = 0
    while index < len(tags):
        tag = tags[index]
        name = tag[2]
        before = text[at : tag.start()]
        at = tag.end()
        index += 1
        current, within = stack[-1]
        if not tag[1]:
            if len(stack) > MAX_DEPTH:
                return None
            current.text.append(before)
            child = _Element(name, at, len(text))
            inner = _inner_schema(current, name, within, kinds)
            current.children.append(child)
            found = closers.get(name, [])
            place = bisect_left(found, index)
            if kinds.of(inner) == STRING and place < len(found):
                # Up to its closer everything is the string's.
                child.close(text[at : tags[found[place]].start()], tags[found[place]].start())
                at = tags[found[place]].end()
                index = found[place] + 1
            else:
                stack.append((child, inner))
            continue
        depth = next((depth for depth in range(len(stack) - 1, 0, -1) if stack[depth][0].name == name), 0)
        lead, lone, value = before.partition(NAMESPACE)
        if depth:
            current.close(before, tag.start())
            for inner_element, _ in stack[depth:]:
                inner_element.end = tag.start()
            del stack[depth:]
        elif lone:
            current.text.append(lead)
            current.children.append(_Element(name, tag.start() - len(value), tag.start(), [value]))
        else:
            current.text.append(before)
    stack[-1][0].text.append(text[at:])
    return stack[0][0]


def _closers(tags: list[re.Match[str]], text: str) -> dict[str, list[int]]:
    """Which tags can close a string, by name: another tag or the end is behind them."""
    found: dict[str, list[int]] = {}
    for index, tag in enumerate(tags):
        end = tags[index + 1].start() if index + 1 < len(tags) else len(text)
        if tag[1] and not text[tag.end() : end].strip():
            found.setdefault(tag[2], []).append(index)
    return found


def _inner_schema(outer: _Element, name: str, schema: Schema, kinds: _Kinds) -> Schema:
    if kinds.is_array(schema, {name}):
        return element(schema, kinds.root, len(outer.children))
    return member(schema, kinds.root, name)


def _written(top: _Element, text: str, schema: Schema, kinds: _Kinds) -> str:
    """An element as JSON text. What is still to be written stands on a list, last first."""
    out: list[str] = []
    due: list[str | tuple[_Element, Schema]] = [(top, schema)]
    while due:
        job = due.pop()
        if isinstance(job, str):
            out.append(job)
        elif not job[0].children:
            out.append(_leaf("".join(job[0].text), kinds.of(job[1])))
        else:
            due.extend(reversed(_parts(*job, text, kinds)))
    return "".join(out)


def _parts(outer: _Element, schema: Schema, text: str, kinds: _Kinds) -> list[str | tuple[_Element, Schema]]:
    """An element with children, as JSON text and the elements in it."""
    stray = "".join(outer.text).replace(NAMESPACE, "").strip()
    allowed = kinds.of(schema)
    if not stray and kinds.is_array(schema, {child.name for child in outer.children}):
        return _array(outer.children, schema, kinds)
    if "object" not in allowed:
        return [quote(text[outer.start : outer.end])]
    members: dict[str, list[_Element]] = {}
    for child in outer.children:
        members.setdefault(child.name, []).append(child)
    parts: list[str | tuple[_Element, Schema]] = [f"{quote(TEXT)}:{quote(stray)}"] if stray else []
    for name, children in members.items():
        inner = member(schema, kinds.root, name)
        if len(children) > 1 and "array" in kinds.of(inner):
            parts += [",", f"{quote(name)}:", *_array(children, inner, kinds)]
        else:
            for child in children:
                parts += [",", f"{quote(name)}:", (child, inner)]
    if parts[0] == ",":
        del parts[0]
    return ["{", *parts, "}"]


def _array(children: list[_Element], schema: Schema, kinds: _Kinds) -> list[str | tuple[_Element, Schema]]:
    parts: list[str | tuple[_Element, Schema]] = []
    for index, child in enumerate(children):
        parts += ["," if index else "[", (child, element(schema, kinds.root, index))]
    return [*parts, "]"]


def _leaf(text: str, allowed: Types) -> str:
    if "string" not in allowed and not text.strip():
        for kind, empty in (("array", "[]"), ("object", "{}"), ("null", "null")):
            if kind in allowed:
                return empty
    return read(text, allowed)
