"""How arguments are written, as formats of structural tags: a tag a parameter, elements, or literals.

- Parameters come in the order of the schema; those that are not required may be missing.
- A string is any text up to its closer, or one of those that the schema lists.
- Objects and arrays nested deeper than five are any text, or any value: an engine refuses a tag that is nested deeper
  than some eighty. As literals, a value of which the schema says nothing, or that refers to itself, is any value too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from . import schema
from .arguments.elements import ITEM, NAMESPACE
from .arguments.tags import Tags
from .schema import Parameters
from .tag_formats import ANY_TEXT, GAP, Format, any_of, const, json_schema, listed, optional, regex, sequence, star, tag

SAMPLE_KEY, SAMPLE_VALUE = "city", "Paris"
"""What every format's sample says."""
_ANY_KEY = r"[^\s<>\"'=|/\[\]{}]{1,64}"
_DEFINITIONS = ("$defs", "definitions")
_MAX_DEPTH = 5
_FAR = 1_000_000
"""An element behind those that a schema lists."""
_OF_ONE_TYPE: Mapping[str, Sequence[str]] = {
    "number": ("integer", "number"),
    "boolean": ("boolean",),
    "null": ("null",),
    "array": ("array",),
    "object": ("object",),
}


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    parameters: Parameters
    strict: bool

    @property
    def required(self) -> frozenset[str]:
        root = self.parameters.root
        names = root.get("required") if isinstance(root, Mapping) else None
        return frozenset(names) if isinstance(names, list | tuple) else frozenset()

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
        return _with_definitions(self.parameters.schema(name), self.parameters.root)


# --- parameters in tags


def parameters_in_tags(values: Tags, sample: str, function: Function) -> Iterator[Format]:
    written = _ParameterTag.of(values, sample)
    if function.strict:
        for name in function.parameters.names:
            one = sequence(written.format(const(name), function, name), GAP)
            yield one if name in function.required else optional(one)
    if function.further:
        yield star(sequence(written.format(regex(_ANY_KEY), function, None), GAP))


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

    def format(self, key: Format, function: Function, name: str | None) -> Format:
        """One parameter; `name` None: any, of any type."""
        types = frozenset({"string"}) if name is None else function.parameters.types(name)
        part: object = True if name is None else function.schema_of(name)
        text = self._with(key, "string", ANY_TEXT)
        if not self.typed_by:
            if "string" not in types:
                return self._with(key, "", sequence(GAP, json_schema(part), GAP))
            choices = _choices(part)
            if choices is None:
                return text
            written = any_of(const(choice) for choice in choices)
            return self._with(key, "", sequence(GAP, written, GAP) if self.framed else written)
        if name is None:
            types = frozenset({"string", "integer", "number", "boolean", "null", "array", "object"})
        found: list[Format] = []
        if "string" in types:
            choices = _choices(part)
            found.append(
                text if choices is None else self._with(key, "string", any_of(const(choice) for choice in choices))
            )
        if self.typed_by == "string":
            if types - {"string", "json string"}:
                found.append(self._with(key, "json", sequence(GAP, json_schema(part), GAP)))
            return any_of(found)
        for said, kinds in _OF_ONE_TYPE.items():
            kind = [kind for kind in kinds if kind in types]
            if kind:
                only = {"type": kind} if name is None or len(types) > 1 else part
                found.append(self._with(key, said, sequence(GAP, json_schema(only), GAP)))
        return any_of(found)

    def _with(self, key: Format, said: str, value: Format) -> Format:
        *between, last = self.behind
        if self.typed_by:
            kind = {"string": "true", "json": "false"}.get(said, said) if self.typed_by == "string" else said
            last = re.sub(rf'{self.typed_by}="[^"]*"', f'{self.typed_by}="{kind}"', last)
        parts: list[Format] = [const(self.before), key]
        for part in between:
            parts += [const(part), GAP]
        return sequence(*parts, tag(last, value, self.close))


def _with_definitions(part: object, root: object) -> object:
    """A part of a schema, with the definitions that it refers to."""
    if not isinstance(part, Mapping) or not isinstance(root, Mapping):
        return True
    # Where there are definitions, xgrammar takes an array of anything for an empty one.
    return {**part, **{key: root[key] for key in _DEFINITIONS if key in root}} if _refers(part) else part


def _refers(part: object) -> bool:
    """Whether a schema refers to another."""
    queue = [part]
    while queue:
        each = queue.pop()
        if isinstance(each, Mapping):
            if "$ref" in each:
                return True
            queue += each.values()
        elif isinstance(each, list | tuple):
            queue += each
    return False


def _choices(part: object) -> list[str] | None:
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
    if (choices := _choices(part)) is not None:
        return any_of(const(choice) for choice in choices)
    if depth > _MAX_DEPTH or "string" in kinds:
        return ANY_TEXT
    written: list[Format] = [json_schema(_with_definitions(part, root))]
    if "object" in kinds:
        written.append(sequence(GAP, *_members(part, root, depth)))
    if "array" in kinds:
        item = _element(ITEM, schema.element(part, root, 0), root, depth)
        written.append(star(sequence(item, GAP)))
    return sequence(GAP, any_of(written), GAP)


# --- parameters as literals


@dataclass(frozen=True, slots=True)
class Literals:
    """How a markup writes the values of a call's arguments."""

    string: Format
    words: tuple[str, str, str]
    """True, false and null."""
    key: Callable[[str], str]
    """A key of an object in a value, and what stands between it and its value."""
    quote: Callable[[str], str]
    """A string as it is written."""
    grammar: str
    """The rules `value`, and `members` of an object, for any value: EBNF."""

    def parameters(self, function: Function, key: Callable[[str], str], any_key: str) -> Format:
        """Arguments with commas between them; `key` writes a name and what stands before its value."""
        root = function.parameters.root
        named: list[tuple[Format, bool]] = []
        if function.strict:
            named = [
                (sequence(const(key(name)), GAP, self._value(function.parameters.schema(name), root)), required)
                for name in function.parameters.names
                for required in (name in function.required,)
            ]
        if not function.further:
            return in_order(named)
        further = sequence(regex(any_key), const(key("")), GAP, self._any("value"))
        return in_order([*named, (listed(further, ",", single=False), False)])

    def _any(self, rule: str) -> Format:
        return {"type": "grammar", "grammar": f"root ::= {rule}\n{self.grammar}"}

    def _value(self, part: object, root: object, within: tuple[object, ...] = ()) -> Format:
        """A value of the schema `part`, which stands in those of `within`."""
        if (choices := _choices(part)) is not None:
            return any_of(const(self.quote(choice)) for choice in choices)
        kinds = schema.types(part, root)
        if len(within) > _MAX_DEPTH or any(part is each for each in within) or _says_nothing(part, root):
            return self._any("value")
        within = (*within, part)
        written: list[Format] = []
        if "string" in kinds:
            written.append(self.string)
        if "number" in kinds or "integer" in kinds:
            only = "number" if "number" in kinds else "integer"
            listed_only = isinstance(part, Mapping) and ("enum" in part or "const" in part)
            written.append(json_schema(_with_definitions(part, root) if listed_only else {"type": only}))
        true, false, null = self.words
        if "boolean" in kinds:
            written += [const(true), const(false)]
        if "null" in kinds:
            written.append(const(null))
        if "array" in kinds:
            first, last = schema.element(part, root, 0), schema.element(part, root, _FAR)
            item = self._value(first, root, within) if first is last else self._any("value")
            inner = optional(listed(item, ",", single=False))
            written.append(sequence(const("["), GAP, inner, GAP, const("]")))
        if "object" in kinds:
            written.append(sequence(const("{"), GAP, self._members(part, root, within), GAP, const("}")))
        return any_of(written)

    def _members(self, part: object, root: object, within: tuple[object, ...]) -> Format:
        declared = schema.properties(part, root)
        if not declared:
            return self._any("members")
        required = part.get("required") if isinstance(part, Mapping) else None
        return in_order(
            [
                (
                    sequence(const(self.key(str(name))), GAP, self._value(inner, root, within)),
                    isinstance(required, list | tuple) and name in required,
                )
                for name, inner in declared.items()
            ]
        )


def _says_nothing(part: object, root: object) -> bool:
    """Whether a schema allows every value, as far as its types tell."""
    if not schema.types(part, root) >= schema.ANY or schema.properties(part, root):
        return False
    return schema.types(schema.element(part, root, 0), root) >= schema.ANY


def in_order(members: Sequence[tuple[Format, bool]]) -> Format:
    """Members, of which some are required, in their order and with commas between them."""
    behind = [
        sequence(GAP, const(","), GAP, each) if required else optional(sequence(GAP, const(","), GAP, each))
        for each, required in members
    ]
    first = next((number for number, (_, required) in enumerate(members) if required), None)
    starts = range(len(members) if first is None else first + 1)
    found = [sequence(members[start][0], *behind[start + 1 :]) for start in starts]
    if not found:
        return GAP
    return any_of(found) if first is not None else optional(any_of(found))
