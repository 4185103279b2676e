"""Writes arguments as text, and as formats of structural tags: as JSON, one tag per parameter, or elements.

- Parameters come in the order of the schema; those that are not required may be missing.
- A string is any text up to its closer, or one of those in the schema's `enum`.
- Elements nested deeper than five are any text, because an engine refuses a tag that is nested too deep (some eighty
  levels). So are elements that a schema does not name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Protocol, TypeAlias

from .. import schema
from ..arguments.elements import ITEM, NAMESPACE
from ..arguments.tags import Tags
from ..kept import Kept
from ..schema import Types
from .functions import Function
from .schemas import (
    LATER,
    NOT_JSON,
    alternatives,
    choices,
    content_of,
    further_of,
    required_of,
    with_definitions,
)
from .tag_text import (
    ANY_TEXT,
    GAP,
    Format,
    any_of,
    any_text,
    const,
    json_schema,
    optional,
    quote,
    regex,
    sequence,
    star,
    tag,
)

Value: TypeAlias = object
"""What `json.loads` gives."""


@dataclass(frozen=True)
class Call:
    """A call to write. `text` is the JSON text of its arguments, for markups that contain JSON."""

    name: str
    arguments: Mapping[str, Value]
    text: str

    @classmethod
    def of(cls, name: str, arguments: Mapping[str, Value]) -> Call:
        return cls(name, arguments, json.dumps(arguments, ensure_ascii=False))


PARIS = Call.of("get_weather", {"city": "Paris"})
"""The call in every sample."""


def as_template_text(value: Value) -> str:
    """Return a value as Jinja's `tojson` writes it; a string unchanged."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class Values(Protocol):
    """The way in which a markup writes the arguments of a call."""

    def write(self, call: Call) -> str: ...

    def formats(self, function: Function) -> Iterable[Format]:
        """Return what a grammar allows for them."""
        ...


ANY_KEY = r"[^\s<>\"'=|/\[\]{}]+"
"""Without a limit: `{1,64}` takes seconds to compile with a vocabulary of 150,000 tokens."""
_MAX_DEPTH = 5
_MAX_NESTED = 100
"""The most nested elements in a parameter."""
_TYPES = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object", str: "string"}
_NOT_STRING = ("integer", "number", "boolean", "null", "array", "object")
_PYTHON_WORDS: Mapping[str, tuple[str, ...]] = {"boolean": ("True", "False"), "null": ("None",)}
_HOLE = "\ufdd0"
"""A placeholder for a name: Unicode assigns no meaning to this character."""
_WRITTEN_HOLE = quote(_HOLE)[1:-1]
_OWN_ONLY = (b"$ref", NOT_JSON, _HOLE.encode())
"""Parts of the cache key of schemas that depend on their root, or that cannot have a placeholder."""


class Named:
    """The formats of parameters: the text around a name is cached by the content of the parameter's schema.

    Tools have many parameters with few different schemas, so most parameters only need their name to be inserted.
    """

    def __init__(self) -> None:
        self._around: Kept[list[str]] = Kept(1_000_000)

    def write(self, name: str, part: object, made: Callable[[object, str], Format]) -> Format:
        """Return the format of a parameter. `made`: makes it from a schema and a name, for any tool."""
        key = content_of(part)
        around = self._around.get(key)
        if around is None:
            if any(each in key for each in _OWN_ONLY):
                return made(part, name)
            written = made(part, _HOLE)
            around = written.split(_WRITTEN_HOLE)
            self._around.put(key, around, len(written) + len(key))
        return quote(name)[1:-1].join(around)


def each_declared(function: Function, named: Named, made: Callable[[object, str], Format]) -> Iterator[Format]:
    """Yield the declared parameters of a strict function, in order."""
    if function.strict:
        required = function.required
        for name, part in function.parameters.declared.items():
            one = named.write(name, part, made)
            yield one if name in required else optional(one)


# --- parameters as JSON

_WHITE = r"[ \n\r\t]*"
_SPACE, _COLON, _COMMA = regex(_WHITE), regex(f"{_WHITE}:{_WHITE}"), regex(f"{_WHITE},{_WHITE}")
_PLAIN_KEYS = re.compile(r"[ !#-\[\]-~]*")
"""Matches keys that JSON writes in only one way, apart from needless escapes."""
_OF_MEMBERS = frozenset({"type", "properties", "required", "additionalProperties", "$defs", "definitions"})
_MOST_OPTIONAL = 16
"""The most members of an object without a required one. Each of them is written up to three times."""
_MEMBERS = Named()


class JsonText:
    """A JSON object.

    xgrammar compiles each schema separately, and spends most of the time on the values in it. So an object whose
    members are all declared is written out, and each parameter is a schema of its own: equal ones are compiled once for
    all tools, which makes 512 tools three to eight times as fast. A schema that xgrammar may refuse is not split.
    """

    def write(self, call: Call) -> str:
        return call.text

    def formats(self, function: Function) -> Sequence[Format]:
        if JsonText not in function.made:
            function.made[JsonText] = tuple(_members_of(function))
        return function.made[JsonText]  # type: ignore[no-any-return]


def _members_of(function: Function) -> Iterator[Format]:
    root = function.parameters.root
    said = root if isinstance(root, Mapping) and _OF_MEMBERS.issuperset(root) else {}
    declared = said.get("properties")
    if (
        not (function.strict and isinstance(declared, dict) and declared)
        or function.doubtful
        or said.get("additionalProperties", False) is not False
        or not _PLAIN_KEYS.fullmatch("".join(declared))
    ):
        yield json_schema(function.schema)
        return
    required = frozenset(said.get("required", ()))
    members = [(name in required, _MEMBERS.write(name, part, _member)) for name, part in declared.items()]
    first = next((at for at, (needed, _) in enumerate(members) if needed), -1)
    if first < 0 and len(members) > _MOST_OPTIONAL:
        yield json_schema(function.schema)
        return
    yield const("{")
    yield _SPACE
    if first < 0:
        yield optional(any_of(_some_of([text for _, text in members])))
    else:
        yield from (optional(sequence(text, _COMMA)) for _, text in members[:first])
        yield members[first][1]
        for needed, text in members[first + 1 :]:
            yield f"{_COMMA},{text}" if needed else optional(sequence(_COMMA, text))
    yield _SPACE
    yield const("}")


def _member(part: object, name: str) -> Format:
    """Return a member of an object, as the elements of a sequence."""
    return ",".join((const(f'"{name}"'), _COLON, json_schema(part)))


def _some_of(members: Sequence[Format]) -> list[Format]:
    """Return the alternatives for at least one of several optional members.

    The last member has no comma after it. It is in the first half, or in the second half after any of the first.
    """
    if len(members) == 1:
        return [f'{{"type":"sequence","elements":[{members[0]}]}}']
    half = len(members) // 2
    before = (optional(sequence(each, _COMMA)) for each in members[:half])
    return [*_some_of(members[:half]), sequence(*before, any_of(_some_of(members[half:])))]


# --- parameters in tags


@dataclass(frozen=True, eq=False)
class ParameterTags:
    """One tag per parameter: the texts around its name and its value in the sample."""

    values: Tags
    opened: str
    """The text before a parameter's name."""
    between: str
    framed: str
    """White space before the end of a value."""
    gap: str
    """White space after a parameter."""
    _named: Named = field(default_factory=Named, repr=False)

    def write(self, call: Call) -> str:
        return "".join(
            f"{self.opened}{key}{self._saying(self.between, self._said(value))}"
            f"{as_template_text(value)}{self.framed}{self.values.close}{self.gap}"
            for key, value in call.arguments.items()
        )

    @cached_property
    def _flagged(self) -> bool:
        """Whether a tag's attribute only tells if the value is a string; otherwise it names the type."""
        return f'{self.values.typed_by}="true"' in self.between

    @cached_property
    def _words(self) -> Mapping[str, str]:
        return dict(self.values.type_words)

    @cached_property
    def _kinds(self) -> Mapping[str, frozenset[str]]:
        """The types other than string, by the words that a tag uses for them."""
        found: dict[str, frozenset[str]] = {}
        for kind in _NOT_STRING:
            word = "json" if self._flagged else self._words.get(kind, kind)
            found[word] = found.get(word, frozenset()) | {kind}
        return found

    def _said(self, value: Value) -> str:
        """Return the word for a value's type."""
        if self._flagged:
            return "string" if isinstance(value, str) else "json"
        kind = _TYPES.get(type(value), "null")
        return self._words.get(kind, kind)

    def _saying(self, text: str, said: str) -> str:
        """Return the text before a value with the attribute for its type."""
        by = self.values.typed_by
        kind = {"string": "true", "json": "false"}.get(said, said) if self._flagged else said
        return re.sub(rf'{by}="[^"]*"', f'{by}="{kind}"', text) if by else text

    def formats(self, function: Function) -> Iterator[Format]:
        """Yield the parameters of a function, in order."""
        made = partial(self._format, function)
        yield from each_declared(function, self._named, made)
        if function.further is not False:
            yield star(made(function.further, None))

    def _format(self, function: Function, part: object, name: str | None) -> Format:
        """Return the format of one parameter and white space after it; `name` None: any that is not declared."""
        root = function.parameters.root
        types = schema.types(part, root)
        listed = choices(part, root)
        part = with_definitions(part, root)
        if not self.values.typed_by:
            return self._untyped(name, part, types, listed)
        found: list[Format] = []
        if "string" in types:
            value = ANY_TEXT if listed is None else one_of(each for each in listed if isinstance(each, str))
            found.append(self._with(name, self._words.get("string", "string"), value))
        for said, names in self._kinds.items():
            kinds = types & names
            only = part
            if part is True and not self._flagged:
                only = {"type": max(names)}
            elif kinds and kinds != types and part is not True:
                only = function.part_of_types(part, kinds)
            elif names == {"integer"} and part == {"type": "number"}:
                kinds, only = names, {"type": "integer"}
            if kinds:
                found.append(self._with(name, said, sequence(GAP, json_schema(only), GAP)))
        return sequence(any_of(found), GAP)

    def _untyped(self, name: str | None, part: object, types: Types, listed: Sequence[object] | None) -> Format:
        """Return a parameter whose type is the schema's. Templates of these families write Python's words too."""
        if "string" not in types:
            python = [const(word) for kind, words in _PYTHON_WORDS.items() if kind in types for word in words]
            values = [json_schema(part), *(python if listed is None else ())]
            value = sequence(GAP, any_of(values), GAP)
        elif listed is None:
            value = ANY_TEXT
        else:
            value = sequence(GAP, one_of(listed), GAP) if self.values.framed else one_of(listed)
        return sequence(self._with(name, "", value), GAP)

    def _with(self, name: str | None, said: str, value: Format) -> Format:
        """Return a parameter with its value. The parts before the value may have white space between them."""
        begun, head = (f"{self.opened}{name}", []) if name is not None else ("", [const(self.opened), regex(ANY_KEY)])
        ends = self.values.name_end if len(self.values.name_end) > 1 else (self.between.strip(),)
        for end in ends[:-1]:
            head += [const(f"{begun}{end}"), GAP]
            begun = ""
        return sequence(*head, tag(begun + self._saying(ends[-1], said), value, self.values.close))


def one_of(listed: Iterable[object]) -> Format:
    """Return the format of one of the values that a schema lists, as text."""
    return any_of(const(each if isinstance(each, str) else json.dumps(each)) for each in listed)


# --- parameters as elements


@dataclass(frozen=True, eq=False)
class Elements:
    """One element per parameter, up to `end`."""

    end: str

    def write(self, call: Call) -> str:
        return _as_elements(call.arguments)

    def formats(self, function: Function) -> Iterator[Format]:
        root = function.parameters.root
        yield from each_declared(function, _ELEMENTS, _Elements(root).parameter)
        if function.further is not False:
            yield _any_elements(self.end)


def _as_elements(value: Value) -> str:
    if isinstance(value, Mapping):
        texts = {key: (_as_elements if _comes_back(each) else as_template_text)(each) for key, each in value.items()}
        return "".join(f"{NAMESPACE}<{key}>{text}{NAMESPACE}</{key}>" for key, text in texts.items())
    if isinstance(value, list):
        return "".join(f"{NAMESPACE}<{ITEM}>{_as_elements(each)}{NAMESPACE}</{ITEM}>" for each in value)
    return as_template_text(value)


def _comes_back(value: Value) -> bool:
    """Return whether a value can be written as elements and read back without a schema; else it is JSON text."""
    if isinstance(value, str):
        return re.fullmatch(r"[A-Za-z][A-Za-z ]*[A-Za-z]", value) is not None and value not in ("null", "true", "false")
    if isinstance(value, list | dict):
        each = value.values() if isinstance(value, dict) else value
        return bool(value) and (isinstance(value, list) or set(value) != {ITEM}) and all(map(_comes_back, each))
    return value is not None


def _any_elements(end: str) -> Format:
    """Return elements with any names, up to `end`: a grammar cannot require that a closer has its opener's name."""
    return optional(sequence(const(f"{NAMESPACE}<"), regex("[^/<>]"), any_text(end)))


_ELEMENTS = Named()


class _Elements:
    """Makes the elements of a function's parameters."""

    def __init__(self, root: object) -> None:
        self._root = root
        self._left = 0

    def parameter(self, part: object, name: str) -> Format:
        """Return a parameter and white space after it. Each parameter may have the same number of nested elements."""
        self._left = _MAX_NESTED
        return sequence(self._element(name, part, 0), GAP)

    def members(self, part: object, depth: int) -> Iterator[Format]:
        required = required_of(part, self._root)
        for name, inner in schema.properties(part, self._root).items():
            one = sequence(self._element(str(name), inner, depth), GAP)
            yield one if name in required else optional(one)

    def _element(self, name: str, part: object, depth: int) -> Format:
        self._left -= depth > 0
        close = f"{NAMESPACE}</{name}>"
        return tag(f"{NAMESPACE}<{name}>", self._content(part, depth + 1, close), close)

    def _content(self, part: object, depth: int, close: str) -> Format:
        kinds = schema.types(part, self._root)
        if (listed := choices(part, self._root)) is not None:
            return one_of(listed)
        if depth > _MAX_DEPTH or self._left < 0 or "string" in kinds:
            return ANY_TEXT
        written: list[Format] = [json_schema(with_definitions(part, self._root))]
        for each in alternatives(part, self._root):
            kinds = schema.types(each, self._root)
            if "object" in kinds:
                members = list(self.members(each, depth))
                further = further_of(each, bool(members)) is not False
                written.append(sequence(GAP, *members, *([_any_elements(close)] if further else [])))
            if "array" in kinds:
                first, later = (schema.element(each, self._root, index) for index in (0, LATER))
                item = self._element(ITEM, first if first is later else True, depth)
                written.append(star(sequence(item, GAP)))
        return sequence(GAP, any_of(written), GAP)
