"""What of a strict tool's schema a grammar is made of.

- Notes for the model (titles, descriptions, examples) are left out: they are most of a schema, and a grammar does not
  need them.
- Words that xgrammar cannot enforce are left out and named (`Cleaned.dropped`). With `minLength` or `maxLength` it
  would make a string that can hold no quote and no line break, and compile it for seconds.
- A schema is what `json.loads` gives.
- `is_plain` tells the schemas that xgrammar is known to take, so that the others alone have to be tried.

Source: xgrammar 0.2.8, `json_schema_converter.cc`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from .schema import ANY

Json: TypeAlias = object

_NOTES = frozenset({"title", "description", "examples", "$schema", "$comment", "deprecated", "readOnly", "writeOnly"})
_NOT_ENFORCED = frozenset(
    {"minLength", "maxLength", "multipleOf", "uniqueItems", "contains", "minContains", "maxContains"}
)
_FORMATS = frozenset(
    {"email", "date", "time", "date-time", "duration", "ipv4", "ipv6", "hostname", "uuid", "uri", "uri-reference"}
    | {"uri-template", "json-pointer", "relative-json-pointer"}
)
"""The formats of strings that xgrammar enforces."""
_BY_NAME = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_DATA = frozenset({"enum", "const", "required", "default", "type"})
_MAX_DEPTH = 200
_PLAIN_DEPTH = 8
"""Levels of a schema that no engine finds too deep, whatever the tag around them is."""
_DEFINITIONS = ("$defs", "definitions")
_IN_MAPS = frozenset({"properties", *_DEFINITIONS})


@dataclass(slots=True)
class Cleaned:
    """A schema without notes and without what no grammar enforces."""

    schema: Json = None
    dropped: list[str] = field(default_factory=list)
    """What is not enforced: the parameter, and the word."""

    @classmethod
    def of(cls, schema: Json) -> Cleaned:
        found = cls()
        found.schema = found._part(schema, "", 0)
        return found

    def _part(self, part: Json, place: str, depth: int) -> Json:
        if depth > _MAX_DEPTH:
            return part
        if isinstance(part, list):
            return [self._part(each, place, depth + 1) for each in part]
        if not isinstance(part, dict):
            return part
        kept: dict[str, Json] = {}
        for key, value in part.items():
            word = str(key)
            if word in _NOTES or (word == "default" and value is not None):
                continue
            if word in _NOT_ENFORCED or (word == "format" and not _is_format(value)):
                self.dropped.append(f"{place or 'the arguments'}: {word}")
            elif word in _DATA:
                kept[word] = value
            elif word in _BY_NAME and isinstance(value, dict):
                kept[word] = {
                    str(name): self._part(each, f"{place}.{name}" if place else str(name), depth + 1)
                    for name, each in value.items()
                }
            else:
                kept[word] = self._part(value, place, depth + 1)
        return kept


def is_plain(part: Json, depth: int = 0) -> bool:
    """Whether xgrammar is known to make a grammar of a schema; if not, it has to be tried."""
    if not isinstance(part, dict):
        return part is True
    if depth > _PLAIN_DEPTH:
        return False
    for word, value in part.items():
        if word == "type" and isinstance(value, str):
            if value not in ANY:
                return False
        elif word in _IN_MAPS:
            if not isinstance(value, dict) or not all(is_plain(each, depth + 1) for each in value.values()):
                return False
        elif word in ("anyOf", "oneOf"):
            if not isinstance(value, list) or not value or not all(is_plain(each, depth + 1) for each in value):
                return False
        elif word in ("items", "additionalProperties"):
            if not (value is False and word != "items") and not is_plain(value, depth + 1):
                return False
        elif word != "default" and not _is_plain_limit(word, value, part):
            return False
    return True


def _is_plain_limit(word: str, value: Json, part: Mapping[str, Json]) -> bool:
    """The same of a word that has no schema in it."""
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
    """A part of a schema, with the definitions that it refers to and no others."""
    if not isinstance(part, dict) or not isinstance(root, dict):
        return True
    if not any(key in root for key in _DEFINITIONS):
        return part
    # Where there are definitions, xgrammar takes an array of anything for an empty one.
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
