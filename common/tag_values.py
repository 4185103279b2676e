"""How arguments are written, as formats of structural tags: a tag a parameter, or elements.

- Parameters come in the order of the schema; those that are not required may be missing.
- A string is any text up to its closer, or one of those that the schema lists.
- Elements nested deeper than five are any text: an engine refuses a tag that is nested deeper than some eighty. So are
  those that a schema does not name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from . import schema
from .arguments.elements import ITEM, NAMESPACE
from .arguments.tags import Tags
from .schema import Parameters, Types
from .tag_formats import ANY_TEXT, GAP, Format, any_of, const, json_schema, optional, regex, sequence, star, tag
from .tag_schemas import LATER, alternatives, choices, further_of, of_types, required_of, with_definitions

SAMPLE_KEY, SAMPLE_VALUE = "city", "Paris"
"""What every format's sample says."""
_ANY_KEY = r"[^\s<>\"'=|/\[\]{}]+"
"""Not counted: `{1,64}` takes seconds to compile against a vocabulary of 150,000 tokens."""
_MAX_DEPTH = 5
_MAX_NESTED = 400
"""Elements in the parameters of a function."""
_OF_ONE_TYPE: Mapping[str, tuple[str, ...]] = {
    "number": ("integer", "number"),
    "boolean": ("boolean",),
    "null": ("null",),
    "array": ("array",),
    "object": ("object",),
}
_PYTHON_WORDS: Mapping[str, tuple[str, ...]] = {"boolean": ("True", "False"), "null": ("None",)}
_SIMPLE = frozenset(
    {"type", "items", "properties", "required", "additionalProperties", "minimum", "maximum", "format", "enum"}
)
_UNION = frozenset({"anyOf"})
_ONE: Mapping[str, Types] = {each: frozenset({each}) for each in schema.ANY}
_STRING = _ONE["string"]


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    parameters: Parameters
    strict: bool
    doubtful: bool = False
    """Whether it is strict and xgrammar may refuse its schema."""
    made: dict[str, dict[str, Format]] = field(default_factory=dict, compare=False, repr=False)
    """How a strict function is called, by the row's name and the shape of the call, once it was asked for."""
    said: set[str] = field(default_factory=set, compare=False, repr=False)
    """The rows whose log says what they do not enforce of it."""
    rules: dict[object, str] = field(default_factory=dict, compare=False, repr=False)
    """The same as rules of a grammar, by what tells the markups apart."""

    @property
    def required(self) -> frozenset[str]:
        return required_of(self.parameters.root, self.parameters.root)

    @property
    def further(self) -> object:
        """The schema of parameters that are not declared; False if there may be none."""
        root = self.parameters.root
        allowed = root.get("additionalProperties", False) if isinstance(root, Mapping) else True
        return True if not self.strict else allowed

    @property
    def schema(self) -> Format:
        """The schema of the arguments as JSON."""
        root = self.parameters.root
        if not self.strict or not isinstance(root, Mapping) or not root:
            return {"type": "object"}
        return {str(key): value for key, value in root.items()}

    def schema_of(self, name: str) -> object:
        """The schema of one parameter, with the definitions that it may refer to."""
        return with_definitions(self.parameters.schema(name), self.parameters.root)

    def part_of_types(self, part: object, kinds: Types) -> object:
        """What the schema of a parameter says of the values of some types."""
        root = self.parameters.root
        return with_definitions(of_types(part, root, kinds), root)


# --- parameters in tags


def parameters_in_tags(values: Tags, sample: str, function: Function) -> Iterator[Format]:
    written = _ParameterTag.of(values, sample)
    if function.strict:
        required = function.required
        for name in function.parameters.names:
            one = sequence(written.format(function, name), GAP)
            yield one if name in required else optional(one)
    if function.further is not False:
        yield star(sequence(written.format(function, None), GAP))


@dataclass(frozen=True, slots=True)
class _ParameterTag:
    """How a parameter is written: around its name, around its value."""

    before: str
    behind: tuple[str, ...]
    """What stands between the name and the value; white space may stand between the parts."""
    close: str
    framed: bool
    typed_by: str

    @classmethod
    def of(cls, values: Tags, sample: str) -> _ParameterTag:
        before, _, rest = sample.partition(SAMPLE_KEY)
        behind = rest.partition(SAMPLE_VALUE)[0].strip()
        parts: tuple[str, ...] = (behind,)
        if len(values.name_end) > 1:
            parts = values.name_end
        return cls(before, parts, values.close, values.framed, values.typed_by)

    def format(self, function: Function, name: str | None) -> Format:
        """One parameter; `name` None: any that is not declared."""
        part = function.schema_of(name) if name is not None else function.further
        types = _types(function, name, part)
        listed = choices(part, function.parameters.root)
        if not self.typed_by:
            return self._untyped(name, part, types, listed)
        found: list[Format] = []
        if "string" in types:
            value = ANY_TEXT if listed is None else _one_of(each for each in listed if isinstance(each, str))
            found.append(self._with(name, "string", value))
        narrow = len(types) > 1 and part is not True
        if self.typed_by == "string":
            kinds = types - {"string", "json string"}
            if kinds:
                only = function.part_of_types(part, kinds) if "string" in types and narrow else part
                found.append(self._with(name, "json", sequence(GAP, json_schema(only), GAP)))
            return any_of(found)
        for said, names in _OF_ONE_TYPE.items():
            kinds = types.intersection(names)
            if kinds:
                only = {"type": names[-1]} if part is True else function.part_of_types(part, kinds) if narrow else part
                found.append(self._with(name, said, sequence(GAP, json_schema(only), GAP)))
        return any_of(found)

    def _untyped(self, name: str | None, part: object, types: Types, listed: Sequence[object] | None) -> Format:
        """One parameter whose value the schema types. Templates of these families write Python's words as well."""
        if "string" not in types:
            python = [const(word) for kind, words in _PYTHON_WORDS.items() if kind in types for word in words]
            values = [json_schema(part), *(python if listed is None else ())]
            return self._with(name, "", sequence(GAP, any_of(values), GAP))
        if listed is None:
            return self._with(name, "string", ANY_TEXT)
        written = _one_of(listed)
        return self._with(name, "", sequence(GAP, written, GAP) if self.framed else written)

    def _with(self, name: str | None, said: str, value: Format) -> Format:
        last = self.behind[-1]
        if self.typed_by:
            kind = {"string": "true", "json": "false"}.get(said, said) if self.typed_by == "string" else said
            last = re.sub(rf'{self.typed_by}="[^"]*"', f'{self.typed_by}="{kind}"', last)
        if name is None:
            parts = [const(self.before), regex(_ANY_KEY)]
            for part in self.behind[:-1]:
                parts += [const(part), GAP]
            return sequence(*parts, tag(last, value, self.close))
        if len(self.behind) == 1:
            return tag(f"{self.before}{name}{last}", value, self.close)
        parts = [const(f"{self.before}{name}{self.behind[0]}"), GAP]
        for part in self.behind[1:-1]:
            parts += [const(part), GAP]
        return sequence(*parts, tag(last, value, self.close))


def _types(function: Function, name: str | None, part: object) -> Types:
    """The types of a parameter. Most schemas say one, and nothing else that counts."""
    if isinstance(part, dict) and (known := _said_type(part)) is not None:
        return known
    if isinstance(part, dict) and part.keys() == _UNION and isinstance(part["anyOf"], list):
        branches = [_said_type(each) if isinstance(each, dict) else None for each in part["anyOf"]]
        if branches and all(each is not None for each in branches):
            return frozenset().union(*(each for each in branches if each))
    return function.parameters.types(name) if name is not None else schema.types(part, function.parameters.root)


def _said_type(part: Mapping[str, object]) -> Types | None:
    said = part.get("type")
    if not isinstance(said, str) or said not in schema.ANY or not _SIMPLE.issuperset(part):
        return None
    listed = part.get("enum")
    if listed is not None and not (said == "string" and isinstance(listed, list) and all(map(_is_text, listed))):
        return None
    return _ONE[said]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _one_of(listed: Iterable[object]) -> Format:
    """Values that a schema lists, as text."""
    return any_of(const(each if isinstance(each, str) else json.dumps(each)) for each in listed)


# --- parameters as elements


def parameters_as_elements(function: Function, end: str) -> Iterator[Format]:
    """Parameters as elements, up to `end`."""
    root = function.parameters.root
    if function.strict:
        yield from _Elements(root).members(root, 0)
    if function.further is not False:
        yield _any_elements(end)


def _any_elements(end: str) -> Format:
    """Elements with any names, up to `end`: a grammar cannot say that a closer has its opener's name."""
    return optional(sequence(const(f"{NAMESPACE}<"), regex("[^/<>]"), {"type": "any_text", "excludes": [end]}))


class _Elements:
    """Elements of a function's parameters."""

    def __init__(self, root: object) -> None:
        self._root = root
        self._left = _MAX_NESTED

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
            return _one_of(listed)
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
