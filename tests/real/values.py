"""Arguments for a tool, drawn from its JSON Schema with a seed.

Rules:
- A string that the schema leaves free (no `enum`, `format`, `pattern`, no length) is a slot: a path to it is returned,
  and what agents write is put there later.
- What a schema asks beyond what is drawn here (a pattern, `if`) is for the caller to check, and to draw again.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DEPTH = 4
"""Objects and arrays deeper than this get only what they require."""
FORMATS = {
    "uri": "https://example.com/a/b?q=1&r=%20#top",
    "url": "https://example.com/a/b?q=1&r=%20#top",
    "date-time": "2026-11-30T16:18:32Z",
    "date": "2026-11-30",
    "time": "16:18:32Z",
    "email": "nobody@example.com",
    "uuid": "0b8f3f0e-6f43-4a53-9a43-7f7b3d8f2c11",
}
IDS = ("PROJ-123", "PROJ", "12:34", "42", "abc_1", "0b8f3f0e6f434a539a437f7b", "e12", "/a/b")
WORDS = (
    "main",
    "README.md",
    "src/app.py",
    "en",
    "2026-11-30",
    "Zürich",
    "id-42",
    "origin/main",
    "a b",
    "https://example.com",
)
FREE = "\u27e6free\u27e7"
"""The text in a slot while the schema is checked."""

Path = tuple[str | int, ...]
Schema = Mapping[str, Any]


@dataclass
class Drawer:
    """Draws values of one tool's schema."""

    root: Schema
    rng: random.Random
    slots: list[Path] = field(default_factory=list)

    def value(self, schema: Any, path: Path) -> Any:
        if not isinstance(schema, Mapping):  # `true`
            return self.rng.choice(WORDS)
        schema = self._plain(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self.rng.choice(schema["enum"])
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = self.rng.choice([each for each in kind if each != "null"] or ["null"])
        if kind is None:
            kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
        if kind == "object":
            return self._object(schema, path)
        if kind == "array":
            return self._array(schema, path)
        if kind == "string":
            return self._string(schema, path)
        if kind in ("integer", "number"):
            return self._number(schema, kind)
        return self.rng.random() < 0.5 if kind == "boolean" else None

    def _plain(self, schema: Schema) -> Schema:
        """A schema with one of its alternatives taken and its references followed."""
        for _ in range(20):
            if "$ref" in schema:
                rest = {key: each for key, each in schema.items() if key != "$ref"}
                schema = {**self._target(schema["$ref"]), **rest}
            elif schema.get("anyOf") or schema.get("oneOf"):
                key = "anyOf" if schema.get("anyOf") else "oneOf"
                rest = {name: each for name, each in schema.items() if name != key}
                taken = [each for each in schema[key] if each.get("type") != "null"] or schema[key]
                schema = _joined(rest, self.rng.choice(taken))
            elif schema.get("allOf"):
                rest = {name: each for name, each in schema.items() if name != "allOf"}
                for each in schema["allOf"]:
                    rest = _joined(rest, each)
                schema = rest
            else:
                break
        return schema

    def _target(self, reference: str) -> Schema:
        found: Any = self.root
        for part in reference.removeprefix("#").strip("/").split("/"):
            found = found.get(part.replace("~1", "/").replace("~0", "~"), {}) if part else found
        return found if isinstance(found, Mapping) else {}

    def _object(self, schema: Schema, path: Path) -> dict[str, Any]:
        required = schema.get("required") or ()
        often = 0.6 if len(path) < DEPTH else 0.0
        made = {
            name: self.value(each, (*path, name))
            for name, each in (schema.get("properties") or {}).items()
            if name in required or self.rng.random() < often
        }
        more = schema.get("additionalProperties")
        if isinstance(more, Mapping) and not made:
            made = {name: self.value(more, (*path, name)) for name in ("first", "second_key")}
        return made

    def _array(self, schema: Schema, path: Path) -> list[Any]:
        least = schema.get("minItems", 0)
        size = max(least, min(self.rng.choice((0, 1, 1, 2, 3)), schema.get("maxItems", 3)))
        if len(path) >= DEPTH:
            size = least
        first = schema.get("prefixItems") or ()
        each = schema.get("items", {"type": "string"})
        return [self.value(first[at] if at < len(first) else each, (*path, at)) for at in range(size)]

    def _string(self, schema: Schema, path: Path) -> str:
        if schema.get("format") in FORMATS:
            return FORMATS[schema["format"]]
        if schema.keys() & {"pattern", "maxLength", "format"}:
            return self._like(schema.get("pattern", ""))[: schema.get("maxLength")]
        self.slots.append(path)
        return FREE

    def _like(self, pattern: str) -> str:
        """A word that fits a pattern; any, if none does."""
        words = (*WORDS, *IDS, *FORMATS.values())
        try:
            return self.rng.choice([word for word in words if re.search(pattern, word)] or words)
        except re.error:  # another dialect
            return self.rng.choice(words)

    def _number(self, schema: Schema, kind: str) -> int | float:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 1000))
        drawn = self.rng.uniform(float(low), float(min(high, low + 10**6)))
        if kind == "integer":
            return round(drawn)
        return round(drawn, self.rng.choice((0, 1, 3)))


def _joined(one: Schema, other: Any) -> Schema:
    if not isinstance(other, Mapping):
        return one
    made = {**one, **other}
    if "properties" in one and "properties" in other:
        made["properties"] = {**one["properties"], **other["properties"]}
    if "required" in one and "required" in other:
        made["required"] = [*one["required"], *other["required"]]
    return made
