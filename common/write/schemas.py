"""Prepares the schema of a strict tool for a grammar.

- Notes for the model (titles, descriptions, examples) are left out: they are most of a schema, and a grammar does not
  need them.
- Keywords that xgrammar cannot enforce are left out and listed (`Cleaned.dropped`), as it would refuse valid values
  because of them. With `minLength`, `maxLength` or a pattern that allows any character, it would allow no quote and no
  line break in a string; it applies a pattern without anchors to the whole string.
- What xgrammar reads differently from JSON Schema is rewritten so that both agree: arrays and objects of anything,
  tuples, members that are required and not declared.
- Type names of other languages become JSON Schema's, and `nullable` becomes a type: xgrammar knows neither.
- A schema is what `json.loads` returns.
- `is_plain` recognises the schemas that xgrammar is known to accept, so that only the others have to be tried.

Source: xgrammar 0.2.8, `json_schema_converter.cc`.
"""

from __future__ import annotations

import marshal
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ..schema import ANY, PYTHON_TYPES, Types, resolve, types
from .tag_text import as_json

Json: TypeAlias = object

_NOTES = frozenset({"title", "description", "examples", "$schema", "$comment", "deprecated", "readOnly", "writeOnly"})
_NOT_ENFORCED = frozenset(
    {"minLength", "maxLength", "multipleOf", "uniqueItems", "contains", "minContains", "maxContains", "not", "if"}
    | {"dependentRequired", "dependentSchemas", "dependencies"}
)
_LOOKED_AT = _NOT_ENFORCED | {"pattern", "format", "$ref", "anyOf", "oneOf"}
_WITH_IF = frozenset({"then", "else"})
_FORMATS = frozenset(
    {"email", "date", "time", "date-time", "duration", "ipv4", "ipv6", "hostname", "uuid", "uri", "uri-reference"}
    | {"uri-template", "json-pointer", "relative-json-pointer"}
)
"""The string formats that xgrammar enforces."""
_TYPE_NAMES: Mapping[str, str] = {
    **{name.lower(): known for name, known in PYTHON_TYPES.items()},
    **{name: name for name in ANY},
    **dict.fromkeys(("long", "short", "byte", "bigint"), "integer"),
    **dict.fromkeys(("char", "text"), "string"),
    **dict.fromkeys(("map", "hashmap", "mapping"), "object"),
    **dict.fromkeys(("arraylist", "set"), "array"),
}
"""Type names in tools that were written by hand or for another language, in lower case."""
_ANY_TYPE = "any"
_SAYS_ITEMS = frozenset({"items", "prefixItems", "enum", "const"})
_SAYS_MEMBERS = frozenset(
    {"properties", "additionalProperties", "patternProperties", "propertyNames", "enum", "const", "anyOf", "oneOf"}
    | {"allOf", "$ref"}
)
_SCALARS = ANY - {"array", "object"}
_BARE_WORDS = _NOTES | {"type", "default"}
BARE: Mapping[str, Json] = {name: {"type": name} for name in _SCALARS}
"""The schemas of a type and nothing else. Most parameters have one of them; each is one shared object."""
_BARE_IDS = frozenset(map(id, BARE.values()))
TEXT_LIMITS = frozenset({"pattern", "format"})
LIMITS = TEXT_LIMITS | {
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems"),
    *("minProperties", "maxProperties", "propertyNames", "patternProperties", "prefixItems"),
}
"""Keywords other than types and `enum` that xgrammar enforces in JSON."""
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_CLASS = re.compile(r"\[[^\]]*\]")
_NO_PATTERN = re.compile(r"\[\^|\(\?[^:]|\\[SWDsbBpPkxcu1-9]")
"""Matches parts of a pattern that allow any character, or that xgrammar does not support."""
_BY_NAME = frozenset({"properties", "patternProperties", "$defs", "definitions"})
_DATA = frozenset({"enum", "const", "required", "default"})
_MAX_DEPTH = 200
_PLAIN_DEPTH = 8
"""A nesting of schemas that no engine refuses, whatever tag is around it."""
_DEFINITIONS = ("$defs", "definitions")
_IN_MAPS = frozenset({"properties", *_DEFINITIONS})


_MARSHAL = 2
"""The last version of marshal that writes equal values alike, whether or not they share objects."""
NOT_JSON = b"JSON"
"""The prefix of the key of a value that marshal cannot write; marshal's own output never begins like this."""


def content_of(part: Json) -> bytes:
    """Return the cache key of a schema: the same for equal schemas, and for no others."""
    try:
        return marshal.dumps(part, _MARSHAL)  # type: ignore[arg-type]  # it raises for what it cannot write
    except ValueError:  # a value that is not JSON
        return NOT_JSON + as_json(part).encode()


@dataclass(slots=True)
class Cleaned:
    """A schema without notes and without keywords that no grammar enforces."""

    root: Json
    schema: Json = None
    dropped: list[str] = field(default_factory=list)
    """What is not enforced: each time the parameter and the keyword."""
    limits: set[str] = field(default_factory=set)
    """The keywords of `LIMITS` anywhere in it."""

    @classmethod
    def of(cls, schema: Json) -> Cleaned:
        found = cls(root=schema)
        found.schema = found._part(schema, "", 0)
        return found

    def _part(self, part: Json, place: str, depth: int) -> Json:
        if not isinstance(part, dict):
            if isinstance(part, list | tuple) and depth <= _MAX_DEPTH:
                return [self._part(each, place, depth + 1) for each in part]
            return part
        said = part.get("type")
        # Most are like that.
        if (
            isinstance(said, str)
            and said in _SCALARS
            and _BARE_WORDS.issuperset(part)
            and part.get("default", 0) is not None
        ):
            return BARE[said]
        if depth > _MAX_DEPTH:
            return part
        if "allOf" in part:
            part = self._merged(part, place)
        kept: dict[str, Json] = {}
        for key, value in part.items():
            word = str(key)
            if word in _NOTES or word in _WITH_IF or (word == "default" and value is not None):
                continue
            if word == "type":
                kept |= _type(value)
            elif word in _BY_NAME and isinstance(value, dict):
                before = f"{place}." if place else ""
                kept[word] = {str(name): self._part(each, f"{before}{name}", depth + 1) for name, each in value.items()}
            elif word in _LOOKED_AT and self._is_not_enforced(word, value, part):
                self.dropped.append(f"{place or 'the arguments'}: {word}")
            elif word in _DATA:
                kept[word] = _own(value)
            elif word == "propertyNames" and isinstance(value, dict):
                kept[word] = self._part({"type": "string", **value}, place, depth + 1)
            else:
                kept[word] = self._part(value, place, depth + 1)
        self.limits |= LIMITS.intersection(kept)
        return _as_xgrammar_reads(kept)

    def _merged(self, part: dict[str, Json], place: str) -> dict[str, Json]:
        """Return a schema merged with the branches of its `allOf`, of which xgrammar reads only one."""
        branches = part.get("allOf")
        if not isinstance(branches, list) or (len(branches) < 2 and "properties" not in part):
            return part
        merged = {word: value for word, value in part.items() if word != "allOf"}
        for branch in branches:
            each = resolve(branch["$ref"], self.root) if isinstance(branch, dict) and "$ref" in branch else branch
            for word, value in _mapping(each).items():
                if word == "properties":
                    merged[word] = {**_mapping(merged.get(word)), **_mapping(value)}
                elif word == "required":
                    merged[word] = [*_list(merged.get(word)), *_list(value)]
                elif merged.setdefault(word, value) != value and word not in _NOTES | {"additionalProperties"}:
                    self.dropped.append(f"{place or 'the arguments'}: {word} in allOf")
        return merged

    def _is_not_enforced(self, word: str, value: Json, part: Mapping[str, Json]) -> bool:
        if word == "pattern":
            return not (_allows(part.get("type"), "string") and "format" not in part and _is_pattern(value))
        if word == "format":
            return part.get("type", "string") == "string" and not _is_format(value)
        if word == "$ref":
            return not (isinstance(value, str) and (value == "#" or value.startswith("#/"))) or self._goes_round(value)
        if word in ("anyOf", "oneOf"):
            return "properties" in part  # xgrammar would ignore the properties
        return True

    def _goes_round(self, reference: Json) -> bool:
        """Return whether references form a cycle: such a schema says nothing, and its grammar would allow no text."""
        seen: set[str] = set()
        while isinstance(reference, str) and reference not in seen:
            seen.add(reference)
            target = resolve(reference, self.root)
            reference = target.get("$ref") if isinstance(target, Mapping) else None
        return reference is not None


_EXCLUSIVE = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))


def _as_xgrammar_reads(part: dict[str, Json]) -> dict[str, Json]:
    """Rewrite the parts of a schema that xgrammar reads differently from JSON Schema."""
    if isinstance(part.get("items"), list):  # a tuple, before 2020
        part["prefixItems"] = part.pop("items")
        part["items"] = part.pop("additionalItems", False)
    for limit, exclusive in _EXCLUSIVE:
        if isinstance(part.get(exclusive), bool) and part.pop(exclusive) and limit in part:  # before 2016
            part[exclusive] = part.pop(limit)
    if len(part) > 1:
        part = _opened(part)
    if "required" in part:
        declared, required = part.get("properties"), part["required"]
        if isinstance(declared, dict) and isinstance(required, list):
            for name in required:
                if isinstance(name, str):
                    declared.setdefault(name, True)
    return _nullable(part) if part.pop("nullable", False) is True else part


def _opened(part: dict[str, Json]) -> dict[str, Json]:
    """Return a schema that says explicitly if it allows an array or an object of anything."""
    said = part.get("type")
    if _allows(said, "array") and _SAYS_ITEMS.isdisjoint(part):
        part = {**part, "items": True}
    if _allows(said, "object") and _SAYS_MEMBERS.isdisjoint(part):
        part = {**part, "additionalProperties": True}
    return part


def _own(value: Json) -> Json:
    """Copy a list: cached schemas must not change with a request."""
    return list(value) if isinstance(value, list | tuple) else value


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _allows(said: Json, kind: str) -> bool:
    return said == kind or (isinstance(said, list) and kind in said)


def _is_pattern(pattern: Json) -> bool:
    """Return whether xgrammar enforces a pattern: it covers the whole string and does not allow any character."""
    if not (isinstance(pattern, str) and pattern.startswith("^") and pattern.endswith("$")):
        return False
    inner = _ESCAPED.sub("", pattern[1:-1])
    depth = 0
    for sign in _CLASS.sub("", inner):
        depth += (sign == "(") - (sign == ")")
        if sign in ".^$" or (sign == "|" and not depth):
            return False
    return not _NO_PATTERN.search(pattern) and not pattern.endswith(r"\$")


def _type(said: Json) -> dict[str, Json]:
    """Return the keyword `type` with JSON Schema's names; {} if it allows any type. Unknown names stay."""
    if isinstance(said, str):
        if said in ANY:
            return {"type": said}
        name = said.lower()
        return {} if name == _ANY_TYPE else {"type": _TYPE_NAMES.get(name, said)}
    if isinstance(said, list) and all(isinstance(each, str) for each in said):
        names = [each.lower() for each in said]
        known = [_TYPE_NAMES.get(name, each) for name, each in zip(names, said, strict=True)]
        return {} if _ANY_TYPE in names else {"type": list(dict.fromkeys(known))}
    return {"type": said}


def _nullable(part: dict[str, Json]) -> dict[str, Json]:
    """Return a schema with OpenAPI's `nullable` expressed in JSON Schema."""
    said = part.get("type")
    if not isinstance(said, str) or "const" in part:
        return {"anyOf": [part, NULL]}
    listed = part.get("enum")
    if isinstance(listed, list) and None not in listed:
        part = {**part, "enum": [*listed, None]}
    return {**part, "type": [said, "null"]}


LATER = 1_000_000
"""The index of an element after those of `prefixItems`."""
NULL: Json = {"type": "null"}
_OWN = frozenset({"properties", "additionalProperties", "patternProperties", "items", "prefixItems", "enum", "const"})
"""Keywords with which a schema is more than a reference or union."""
_REFERRING = frozenset({"$ref", "allOf", "anyOf", "oneOf"})
_LISTING = _REFERRING | {"enum", "const"}
_MAX_ALTERNATIVES = 64


def alternatives(part: Json, root: Json) -> Sequence[Json]:
    """Return the schemas of which a value has to fit one: references, unions and an `allOf` of one are resolved."""
    if not isinstance(part, dict) or _REFERRING.isdisjoint(part):
        return (part,)
    found: list[Json] = []
    seen: set[int] = set()
    queue: list[Json] = [part]
    while queue and len(found) + len(queue) < _MAX_ALTERNATIVES:
        each = queue.pop(0)
        inner = _referred(each, root)
        if inner is None:
            found.append(each)
        elif id(each) not in seen:
            seen.add(id(each))
            queue[:0] = inner
    return [*found, *queue] or [part]


def _referred(part: Json, root: Json) -> Sequence[Json] | None:
    """Return the schemas to which a schema only refers; None if it has content of its own."""
    if not isinstance(part, dict) or not _OWN.isdisjoint(part):
        return None
    inner: Json = None
    if "$ref" in part:
        inner = [resolve(part["$ref"], root)]
    elif isinstance(part.get("allOf"), list) and len(part["allOf"]) == 1:
        inner = part["allOf"]
    else:
        inner = part.get("anyOf") or part.get("oneOf")
    if not isinstance(inner, list) or not inner:
        return None
    if "type" in part and not all(types(each, root) <= types(part, root) for each in inner):
        return None
    return [*inner, NULL] if "default" in part and part["default"] is None else inner


def choices(part: Json, root: Json) -> list[Json] | None:
    """Return the values that a schema lists; None if it does not, or if one is an array or an object."""
    if not isinstance(part, dict) or _LISTING.isdisjoint(part):
        return None
    found: list[Json] = []
    for each in alternatives(part, root):
        if not isinstance(each, dict):
            return None
        listed = [each["const"]] if "const" in each else [None] if each == NULL else each.get("enum")
        if not isinstance(listed, list) or not listed:
            return None
        found += listed
    return found if all(value is None or isinstance(value, str | int | float) for value in found) else None


def of_types(part: Json, root: Json, kinds: Types) -> Json:
    """Return a schema limited to values of some types."""
    if (listed := choices(part, root)) is not None:
        return {"enum": [value for value in listed if types({"const": value}, root) <= kinds]}
    found: list[Json] = []
    for each in alternatives(part, root):
        allowed = types(each, root) & kinds
        if allowed:
            said = (
                {key: value for key, value in each.items() if key not in _DEFINITIONS} if isinstance(each, dict) else {}
            )
            names = sorted(allowed)
            found.append(_opened({**said, "type": names[0] if len(names) == 1 else names}))
    return found[0] if len(found) == 1 else {"anyOf": found}


def words_of(part: Json, root: Json, words: frozenset[str], *, deep: bool) -> Iterator[str]:
    """Yield those of some keywords that a schema has; `deep`: also those in its members and elements."""
    if not deep and isinstance(part, dict) and words.isdisjoint(part) and _REFERRING.isdisjoint(part):
        return
    seen: set[int] = set()
    queue = list(alternatives(part, root))
    while queue:
        each = queue.pop(0)
        if isinstance(each, dict) and id(each) not in seen:
            seen.add(id(each))
            yield from (word for word in each if word in words and choices(each, root) is None)
            if deep:
                inner = [
                    *_mapping(each.get("properties")).values(),
                    each.get("items"),
                    each.get("additionalProperties"),
                ]
                queue += [found for member in inner for found in alternatives(member, root)]


def required_of(part: Json, root: Json) -> frozenset[str]:
    """Return the names of the members that an object has to have."""
    found: set[str] = set()
    further = part.get("allOf") if isinstance(part, Mapping) else None
    for each in (part, *(further if isinstance(further, list) else ())):
        meant = resolve(each["$ref"], root) if isinstance(each, Mapping) and "$ref" in each else each
        said = meant.get("required") if isinstance(meant, Mapping) else None
        found.update(name for name in (said if isinstance(said, list) else ()) if isinstance(name, str))
    return frozenset(found)


def further_of(part: Json, declared: bool) -> Json:
    """Return the schema of members that an object does not declare; False if there may be none.

    If a schema does not say, xgrammar's default holds: none if any are `declared`.
    """
    if not isinstance(part, Mapping):
        return not declared
    if "patternProperties" in part:
        return True
    return part.get("additionalProperties", not declared)


def is_bare(part: Json) -> bool:
    """Return whether a part of a cleaned schema is an object of `BARE`. An equal schema may still be another object."""
    return id(part) in _BARE_IDS


def is_plain(part: Json, depth: int = 0) -> bool:
    """Return whether xgrammar is known to accept a schema; if not, it has to be tried."""
    if not isinstance(part, dict):
        return part is True
    if depth > _PLAIN_DEPTH:
        return False
    for word, value in part.items():
        if word == "type" and isinstance(value, str):
            if value not in ANY:
                return False
        elif word in _IN_MAPS:
            if not isinstance(value, dict) or not _are_plain(value.values(), depth):
                return False
        elif word in ("anyOf", "oneOf"):
            if not isinstance(value, list) or not value or not _are_plain(value, depth):
                return False
        elif word in ("items", "additionalProperties"):
            if not (value is False and word != "items") and not is_plain(value, depth + 1):
                return False
        elif word != "default" and not _is_plain_limit(word, value, part):
            return False
    return True


def _are_plain(parts: Iterable[Json], depth: int) -> bool:
    return all(is_bare(each) or is_plain(each, depth + 1) for each in parts)


def _is_plain_limit(word: str, value: Json, part: Mapping[str, Json]) -> bool:
    """Return the same for a keyword without a schema in it."""
    if word == "required":
        declared = part.get("properties")
        return isinstance(value, list) and isinstance(declared, dict) and all(each in declared for each in value)
    if word in ("type", "enum"):
        known = ANY if word == "type" else None
        return (
            isinstance(value, list)
            and bool(value)
            and all(isinstance(each, str) and (known is None or each in known) for each in value)
        )
    if word in ("minimum", "maximum"):
        least, most = part.get("minimum", value), part.get("maximum", value)
        return type(least) is int and type(most) is int and -(2**53) < least <= most < 2**53
    return isinstance(value, str) and (word == "const" or (word == "format" and value in _FORMATS))


def with_definitions(part: Json, root: Json) -> Json:
    """Return a part of a schema, with only the definitions that it refers to."""
    if not isinstance(part, dict) or not isinstance(root, dict):
        return True
    if not ("$defs" in root or "definitions" in root):
        return part
    # Only those: with definitions, xgrammar reads an array of anything as an empty one.
    wanted: dict[str, dict[str, Json]] = {}
    queue: list[Json] = [part]
    while queue:
        for ref in _refs(queue.pop()):
            _, _, rest = ref.partition("#/")
            where, _, name = rest.partition("/")
            name = name.partition("/")[0].replace("~1", "/").replace("~0", "~")
            declared = root.get(where) if where in _DEFINITIONS else None
            found = wanted.setdefault(where, {}) if isinstance(declared, dict) else {}
            if isinstance(declared, dict) and name in declared and name not in found:
                found[name] = declared[name]
                queue.append(declared[name])
    return {**part, **wanted} if wanted else part


def _is_format(value: Json) -> bool:
    return isinstance(value, str) and value in _FORMATS


def _refs(part: Json) -> Iterator[str]:
    queue = [part]
    while queue:
        each = queue.pop()
        if isinstance(each, dict):
            if isinstance(ref := each.get("$ref"), str):
                yield ref
            queue += each.values()
        elif isinstance(each, list):
            queue += each
