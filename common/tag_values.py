"""How arguments are written, as formats of structural tags: a tag a parameter, or elements.

- Parameters come in the order of the schema; those that are not required may be missing.
- A string is any text up to its closer, or one of those that the schema lists.
- Elements nested deeper than five are any text: an engine refuses a tag that is nested deeper than some eighty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from . import schema
from .arguments.elements import ITEM, NAMESPACE
from .arguments.tags import Tags
from .schema import Parameters, Types
from .tag_formats import ANY_TEXT, GAP, Format, any_of, const, json_schema, optional, regex, sequence, star, tag
from .tag_schemas import with_definitions

SAMPLE_KEY, SAMPLE_VALUE = "city", "Paris"
"""What every format's sample says."""
_ANY_KEY = r"[^\s<>\"'=|/\[\]{}]+"
"""Not counted: `{1,64}` takes seconds to compile against a vocabulary of 150,000 tokens."""
_MAX_DEPTH = 5
_OF_ONE_TYPE: Mapping[str, tuple[str, ...]] = {
    "number": ("integer", "number"),
    "boolean": ("boolean",),
    "null": ("null",),
    "array": ("array",),
    "object": ("object",),
}
_SIMPLE = frozenset({"type", "items", "properties", "required", "additionalProperties", "minimum", "maximum", "format"})
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
        return self.parameters.required

    @property
    def further(self) -> bool:
        """Whether parameters that are not declared are allowed."""
        root = self.parameters.root
        allowed = root.get("additionalProperties", False) if isinstance(root, Mapping) else True
        return not self.strict or allowed is not False

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


# --- parameters in tags


def parameters_in_tags(values: Tags, sample: str, function: Function) -> Iterator[Format]:
    written = _ParameterTag.of(values, sample)
    if function.strict:
        required = function.required
        for name in function.parameters.names:
            one = sequence(written.format(function, name), GAP)
            yield one if name in required else optional(one)
    if function.further:
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
        """One parameter; `name` None: any, of any type."""
        part: object = True if name is None else function.schema_of(name)
        types = _STRING if name is None else _types(function, name, part)
        if not self.typed_by:
            if "string" not in types:
                return self._with(name, "", sequence(GAP, json_schema(part), GAP))
            choices = string_choices(part)
            if choices is None:
                return self._with(name, "string", ANY_TEXT)
            written = any_of(const(choice) for choice in choices)
            return self._with(name, "", sequence(GAP, written, GAP) if self.framed else written)
        if name is None:
            types = frozenset({"string", "integer", "number", "boolean", "null", "array", "object"})
        found: list[Format] = []
        if "string" in types:
            choices = string_choices(part)
            value = ANY_TEXT if choices is None else any_of(const(choice) for choice in choices)
            found.append(self._with(name, "string", value))
        if self.typed_by == "string":
            if types - {"string", "json string"}:
                found.append(self._with(name, "json", sequence(GAP, json_schema(part), GAP)))
            return any_of(found)
        for said, kinds in _OF_ONE_TYPE.items():
            kind = [kind for kind in kinds if kind in types]
            if kind:
                only = {"type": kind} if name is None or len(types) > 1 else part
                found.append(self._with(name, said, sequence(GAP, json_schema(only), GAP)))
        return any_of(found)

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


def _types(function: Function, name: str, part: object) -> Types:
    """The types of a parameter. Most schemas say one, and nothing else that counts."""
    if isinstance(part, dict) and part.keys() <= _SIMPLE:
        said = part.get("type")
        if isinstance(said, str) and said in schema.ANY:
            return _ONE[said]
    return function.parameters.types(name)


def string_choices(part: object) -> list[str] | None:
    """The strings that a schema allows, where it lists them."""
    if not isinstance(part, Mapping):
        return None
    listed = [part["const"]] if "const" in part else part.get("enum")
    if not isinstance(listed, list | tuple) or not listed or not all(isinstance(each, str) for each in listed):
        return None
    return list(listed)


# --- parameters as elements


def parameters_as_elements(function: Function, end: str) -> Iterator[Format]:
    """Parameters as elements, up to `end`."""
    root = function.parameters.root
    if function.further:
        excluded: Format = {"type": "any_text", "excludes": [end]}
        yield optional(sequence(const(f"{NAMESPACE}<"), excluded))
    else:
        yield from _members(root, root, 0)


def _members(part: object, root: object, depth: int) -> Iterator[Format]:
    required = part.get("required") if isinstance(part, Mapping) else None
    for name, inner in schema.properties(part, root).items():
        one = sequence(_element(str(name), inner, root, depth), GAP)
        yield one if isinstance(required, list | tuple) and name in required else optional(one)


def _element(name: str, part: object, root: object, depth: int) -> Format:
    return tag(f"{NAMESPACE}<{name}>", _content(part, root, depth + 1), f"{NAMESPACE}</{name}>")


def _content(part: object, root: object, depth: int) -> Format:
    kinds = schema.types(part, root)
    if (choices := string_choices(part)) is not None:
        return any_of(const(choice) for choice in choices)
    if depth > _MAX_DEPTH or "string" in kinds:
        return ANY_TEXT
    written: list[Format] = [json_schema(with_definitions(part, root))]
    if "object" in kinds:
        written.append(sequence(GAP, *_members(part, root, depth)))
    if "array" in kinds:
        item = _element(ITEM, schema.element(part, root, 0), root, depth)
        written.append(star(sequence(item, GAP)))
    return sequence(GAP, any_of(written), GAP)
