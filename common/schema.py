"""Reads a JSON Schema to type values that are text; no other module of the core reads schemas.

- A schema is read only for the JSON types that a value may have: the parser types text, it does not validate.
- A text has an allowed type only if it is exactly a value of that type; otherwise it is a string, never a guess.
- No schema raises: a part that cannot be understood allows a string. Remote references are not fetched, and reference
  cycles end.

Source: JSON Schema 2020-12, and OpenAPI's `nullable`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Container, Mapping, Sequence
from functools import cached_property
from json.encoder import encode_basestring as quote
from typing import TypeAlias

from .arguments.json_text import LARGE, compact
from .cursor import Sink
from .recovery import recovers, rule

Types: TypeAlias = frozenset[str]
"""JSON types; in a union with string, also the JSON text of a string that would be read as another type."""
Schema: TypeAlias = object
"""A schema, or whatever else a client has sent in its place."""

ANY: Types = frozenset({"null", "boolean", "integer", "number", "string", "object", "array"})
"""An undeclared value: JSON if it is an object, array, number, boolean or null, else a string."""

STRING: Types = frozenset({"string"})
_MEMBERS = rule("a text that is a member of an enum as a string", contract="Unions with string")

JSON: Types = (ANY - STRING) | {"json string"}
"""A value that is JSON according to the markup; a string has to be quoted."""

MAX_DEPTH = 256
"""A typed value that is nested deeper is its text."""

_MAX_NESTING = 64  # of a schema; deeper ones are read as text
_MAX_BRANCHES = 256
PYTHON_TYPES = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "double": "number",
    "bool": "boolean",
    "dict": "object",
    "list": "array",
    "tuple": "array",
    "None": "null",
}
"""What hand-written tools say instead of JSON Schema's names."""
_ONE = {name: frozenset({name}) for name in ANY}
_BRANCHING = frozenset({"$ref", "allOf", "anyOf", "oneOf"})
_TYPING = _BRANCHING | {"enum", "const", "nullable", "default"}
"""Keywords other than `type` on which types depend."""
PREFIXES = ("functions", "function")
"""What some families write before a name."""
_SEPARATORS = "._:- \t\r\n"
_DIGITS = "0123456789"
_BRACKETS = {"{": "object", "[": "array"}
_BEGINNINGS = {**_BRACKETS, '"': "json string"}
_KINDS = ((bool, "boolean"), (int, "integer"), (float, "number"), (Mapping, "object"), (list | tuple, "array"))
_NULLS = ("null", "None")
_BOOLEANS = {"true": "true", "True": "true", "false": "false", "False": "false"}
_NUMBER = re.compile(r"([+-]?)(\d*)(\.\d*)?([eE][+-]?\d+)?\Z", re.ASCII)


class Tools:
    """The tools of a request: OpenAI tool objects, or bare function objects. Anything else is skipped."""

    def __init__(self, tools: Sequence[object] | None) -> None:
        self._tools = tools or ()
        self._parameters: dict[str, Parameters] = {}

    def __bool__(self) -> bool:
        return bool(self._tools)

    @cached_property
    def _functions(self) -> dict[str, Schema]:
        functions: dict[str, Schema] = {}
        for tool in self._tools:
            function = tool.get("function", tool) if isinstance(tool, Mapping) else None
            name = function.get("name") if isinstance(function, Mapping) else None
            if isinstance(function, Mapping) and isinstance(name, str):
                functions[name] = function.get("parameters")
        return functions

    def declares(self, name: str) -> bool:
        return name in self._functions

    def may_declare(self, name: str) -> bool:
        """Return whether the tool that `name` means is declared, or no tools are known."""
        return not self._functions or self.meant(name) in self._functions

    @recovers("a name with a prefix, a number or separators", off=lambda _, written: written, contract="Mangled names")
    def meant(self, written: str) -> str:
        """Return the declared name that `written` means; `written` itself if it is declared, or if it means none.

        It means a name if this is the only declared one that is left after removing a `functions` or `function` before
        it, a number or `call_N` after it, separators and white space around it, and the name itself and a dot or colon
        before it.
        """
        if written in self._functions or not self._functions:
            return written
        left = {written.strip(_SEPARATORS)}
        for prefix in PREFIXES:
            left |= {each.removeprefix(prefix).strip(_SEPARATORS) for each in left}
        unnumbered = {each.rstrip(_DIGITS).rstrip(_SEPARATORS) for each in left if each[-1:] in _DIGITS}
        left |= unnumbered | {each.removesuffix("call").rstrip(_SEPARATORS) for each in unnumbered}
        left |= {name for each in left for mark in ".:" for name, _, again in [each.partition(mark)] if name == again}
        names = left & self._functions.keys()
        return names.pop() if len(names) == 1 else written

    def begins_name(self, text: str) -> bool:
        """Return whether `text` is a declared name or the beginning of one."""
        return any(name.startswith(text) for name in self._functions)

    def longest_prefix_of(self, text: str) -> str:
        """Return the longest declared name that `text` begins with, best before its own parameter; "" if none."""
        prefixes = [name for name in self._functions if text.startswith(name) and name != text]
        fitting = [name for name in prefixes if self.parameters(name).declares(text[len(name) :])]
        return max(fitting or prefixes, key=len, default="")

    @recovers("a parameter's name after a call's name and a dot", off=("", ""))
    def with_key(self, text: str) -> tuple[str, str]:
        """Split `text` into a declared name and a parameter of it, with a dot between; ("", "") if it is not that."""
        name, _, key = text.rpartition(".")
        if name in self._functions and text not in self._functions and self.parameters(name).declares(key):
            return name, key
        return "", ""

    def parameters(self, name: str) -> Parameters:
        """Return the parameters of the tool that `name` means, which may be undeclared."""
        found = self._parameters.get(name)
        if found is None:
            found = self._parameters[name] = Parameters(self._functions.get(self.meant(name)))
        return found


class Parameters:
    """The parameters of one tool."""

    def __init__(self, schema: Schema) -> None:
        self.root = schema
        self._types: dict[str, Types] = {}

    @cached_property
    def _properties(self) -> Mapping[object, Schema]:
        return properties(self.root, self.root)

    def declares(self, name: str) -> bool:
        return name in self._properties

    @cached_property
    def declared(self) -> Mapping[str, Schema]:
        """The schemas of the declared parameters, in order."""
        return {name: schema for name, schema in self._properties.items() if isinstance(name, str)}

    @property
    def names(self) -> tuple[str, ...]:
        """The declared parameters, in order."""
        return tuple(self.declared)

    @property
    def required(self) -> frozenset[str]:
        """The parameters that the schema requires."""
        required = self.root.get("required") if isinstance(self.root, Mapping) else None
        return frozenset(name for name in _listed(required) if isinstance(name, str))

    def lacks(self, given: Container[str]) -> bool:
        """Return whether a required parameter is not among the `given` ones."""
        return any(name not in given for name in self.required)

    def types(self, name: str) -> Types:
        """Return the JSON types that parameter `name` may have."""
        known = self._types.get(name)
        if known is None:
            known = self._types[name] = types(self.schema(name), self.root)
        return known

    def schema(self, name: str) -> Schema:
        if name in self._properties:
            return self._properties[name]
        further = self.root.get("additionalProperties") if isinstance(self.root, Mapping) else None
        return further if isinstance(further, Mapping) else True


def properties(schema: Schema, root: Schema) -> Mapping[object, Schema]:
    """Return the declared properties of an object schema, including those of its branches.

    One that several branches of unions declare may be as any of them says, unless it is declared outside of these too.
    """
    if isinstance(schema, dict) and _BRANCHING.isdisjoint(schema):
        declared = schema.get("properties")
        return declared if isinstance(declared, Mapping) else {}
    sure: dict[object, Schema] = {}
    found: dict[object, list[Schema]] = {}
    for part, in_union in _branches(schema, root):
        declared = part.get("properties")
        if isinstance(declared, Mapping):
            for name, value in declared.items():
                found.setdefault(name, []).append(value)
                if not in_union:
                    sure.setdefault(name, value)
    return {name: ways[0] if len(ways) == 1 else {"anyOf": ways} for name, ways in found.items()} | sure


def member(schema: Schema, root: Schema, name: str) -> Schema:
    """Return the schema of member `name` of an object."""
    declared = properties(schema, root)
    if name in declared:
        return declared[name]
    further = (part.get("additionalProperties") for part, _ in _branches(schema, root))
    return next((each for each in further if isinstance(each, Mapping)), True)


def element(schema: Schema, root: Schema, index: int) -> Schema:
    """Return the schema of element `index` of an array."""
    for part, _ in _branches(schema, root):
        items = part.get("items")
        first = _listed(part.get("prefixItems")) or _listed(items)
        if index < len(first):
            return first[index]
        if isinstance(items, Mapping):
            return items
    return True


def types(schema: Schema, root: Schema) -> Types:
    """Return the JSON types that `schema` allows; `ANY` if it does not limit types."""
    if isinstance(schema, dict) and _TYPING.isdisjoint(schema):  # most have one type
        said = schema.get("type")
        if isinstance(said, str) and said in _ONE:
            return _ONE[said]
    return _types(schema, root, {}, 0) or STRING


def _types(schema: Schema, root: Schema, known: dict[int, Types], depth: int) -> Types:
    """Do the work of `types`, reading each part once: a part inside itself adds no type."""
    if schema is True:
        return ANY
    if not isinstance(schema, Mapping) or depth > _MAX_NESTING:
        return STRING
    if id(schema) in known:
        return known[id(schema)]
    known[id(schema)] = frozenset()
    limits = [_declared(schema.get("type")), _of_values(schema)]
    if "$ref" in schema:
        limits.append(_types(resolve(schema["$ref"], root), root, known, depth + 1))
    for union in ("anyOf", "oneOf"):
        if branches := _listed(schema.get(union)):
            limits.append(frozenset().union(*(_types(branch, root, known, depth + 1) for branch in branches)))
    limits.extend(_types(branch, root, known, depth + 1) for branch in _listed(schema.get("allOf")))
    allowed: Types | None = None
    for limit in limits:
        if limit is not None:
            # Limits that exclude each other are a mistake in the schema: then the last one counts.
            allowed = limit if allowed is None else _common(allowed, limit) or limit
    if allowed is None:
        allowed = _implied(schema)
    if schema.get("nullable") is True or ("default" in schema and schema["default"] is None):
        allowed |= {"null"}
    known[id(schema)] = allowed
    return allowed


def _common(one: Types, other: Types) -> Types:
    """Return the types that both allow: an integer is a number too."""
    integers = ("integer" in one and "number" in other) or ("number" in one and "integer" in other)
    both = one & other | ({"integer"} if integers else frozenset())
    return both | ((one | other) - ANY if both > STRING else frozenset())


def _listed(branches: object) -> Sequence[Schema]:
    return branches if isinstance(branches, Sequence) and not isinstance(branches, str) else ()


def _declared(declared: object) -> Types | None:
    """Return the types of the `type` keyword, a name or a list of names; with an unknown name it allows any type."""
    if declared is None:
        return None
    names = [declared] if isinstance(declared, str) else declared
    known = {PYTHON_TYPES.get(name, name) for name in _listed(names) if isinstance(name, str)}
    return frozenset(known) if known and known <= ANY else ANY


def _of_values(schema: Mapping[object, Schema]) -> Types | None:
    """Return the types of the values in `enum` or `const`; None without them."""
    if "const" in schema:
        return frozenset({_type_of(schema["const"])})
    values = schema.get("enum")
    if isinstance(values, Sequence) and not isinstance(values, str) and values:
        types = frozenset(map(_type_of, values))
        quoted = {quote(value) for value in values if isinstance(value, str) and not read(value, types).startswith('"')}
        return types | quoted if _MEMBERS else types
    return None


def _type_of(value: object) -> str:
    if value is None:
        return "null"
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "string")


def _implied(schema: Mapping[object, Schema]) -> Types:
    """Return the type that other keywords imply, as they only make sense for it; `ANY` if none does."""
    if "properties" in schema or "additionalProperties" in schema:
        return frozenset({"object"})
    if "items" in schema or "prefixItems" in schema:
        return frozenset({"array"})
    return ANY


def _branches(schema: Schema, root: Schema) -> list[tuple[Mapping[object, Schema], bool]]:
    """Return `schema`, its references and its branches, each once, and whether a union has it."""
    found: list[tuple[Mapping[object, Schema], bool]] = []
    queue: deque[tuple[Schema, bool]] = deque([(schema, False)])
    while queue and len(found) < _MAX_BRANCHES:
        part, in_union = queue.popleft()
        if not isinstance(part, Mapping) or any(part is other for other, _ in found):
            continue
        found.append((part, in_union))
        if "$ref" in part:
            queue.append((resolve(part["$ref"], root), in_union))
        for branches in ("allOf", "anyOf", "oneOf"):
            queue.extend((each, in_union or branches != "allOf") for each in _listed(part.get(branches)))
    return found


def resolve(reference: object, root: Schema) -> Schema:
    """Return the schema to which a local reference (`#/$defs/Name`) points; a string schema for any other reference."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return {"type": "string"}
    place = root
    for step in reference[1:].split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, Mapping) and step in place:
            place = place[step]
        elif isinstance(place, Sequence) and step.isdecimal() and len(step) < 6 and int(step) < len(place):
            place = place[int(step)]
        else:
            return {"type": "string"}
    return place


def container(text: str, allowed: Types) -> Sequence[str] | None:
    """Return the JSON text, in pieces, of the object or array in `text`; None if it is not an allowed one."""
    bare = text.strip()
    return compact(bare, MAX_DEPTH) if _BRACKETS.get(bare[:1]) in allowed else None


def write(text: str, allowed: Types, sink: Sink) -> None:
    """Do as `read`, but pass the result to a sink, large values in pieces."""
    found = container(text, allowed) if len(text) > LARGE else None
    for piece in (read(text, allowed),) if found is None else found:
        sink(piece)


def read(text: str, allowed: Types) -> str:
    """Return the JSON text of the value in `text`, given the types that it may have."""
    bare = text.strip()
    if "string" in allowed and not allowed <= ANY and (string := quote(bare)) in allowed:
        return string
    # If it may be a string, it is another type only in JSON's own spelling: "None" and "007" are text.
    strict = "string" in allowed
    if bare == "null" and ("null" in allowed or not strict):
        return "null"
    if bare in _NULLS and "null" in allowed and not strict:
        return "null"
    if "boolean" in allowed and (bare in ("true", "false") if strict else bare in _BOOLEANS):
        return _BOOLEANS[bare]
    if "integer" in allowed or "number" in allowed:
        number = read_number(bare, whole="number" not in allowed, strict=strict)
        if number is not None:
            return number
    found = compact(bare, MAX_DEPTH) if _BEGINNINGS.get(bare[:1]) in allowed else None
    return quote(text) if found is None else "".join(found)


def read_number(text: str, *, whole: bool, strict: bool) -> str | None:
    """Return `text` as a JSON number, digits as written; None if it is not one, or not an integer if `whole`."""
    found = _NUMBER.match(text)
    if found is None or not text:
        return None
    sign, digits, fraction, exponent = found[1], found[2], found[3] or "", found[4] or ""
    if not digits and len(fraction) < 2:
        return None
    plain = sign != "+" and digits and (digits == "0" or digits[0] != "0") and fraction != "."
    if strict and not plain:
        return None
    if whole and (fraction.strip(".0") or exponent.startswith(("e-", "E-"))):
        return None
    if plain:
        return text
    digits = digits.lstrip("0") or "0"
    fraction = fraction + "0" if fraction == "." else fraction
    return ("-" if sign == "-" else "") + digits + fraction + exponent
