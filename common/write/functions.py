"""A request's functions, as far as a grammar needs them. What it cannot enforce is logged once."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ..kept import Kept
from ..rows import ToolRow
from ..schema import Parameters, Types
from .schemas import (
    LIMITS,
    NOT_JSON,
    TEXT_LIMITS,
    Cleaned,
    is_bare,
    is_plain,
    of_types,
    required_of,
    with_definitions,
    words_of,
)

Level: TypeAlias = Literal["auto", "function", "parameter"]
"""The least to constrain: what the request asks for, the framing of every call, or every argument too."""

_log = logging.getLogger("dynamo_parsers")
_HALF = re.compile(rb"\xed[\xa0-\xbf]")
_FUNCTIONS: Kept[Function] = Kept(10_000_000)
"""Strict tools, by name and schema, with the formats made from them; sizes are in characters."""
_OVERHEAD = 2_000
"""The size of one without its schema."""


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    parameters: Parameters
    strict: bool
    doubtful: bool = False
    """Whether it is strict and xgrammar may refuse its schema."""
    limits: Collection[str] = ()
    """The keywords in its schema that not every markup can enforce."""
    made: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)
    """Formats made from a strict function, by the object that made them."""
    said: set[str] = field(default_factory=set, compare=False, repr=False)
    """The rows for which it was logged what is not enforced."""

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
    def schema(self) -> dict[str, object]:
        """The schema of the arguments."""
        root = self.parameters.root
        if not self.strict or not isinstance(root, Mapping) or not root:
            return {"type": "object"}
        return {str(key): value for key, value in root.items()}

    def part_of_types(self, part: object, kinds: Types) -> object:
        """Return the schema `part` of a parameter, limited to values of the types `kinds`."""
        root = self.parameters.root
        return with_definitions(of_types(part, root, kinds), root)


ANY_FUNCTION = Function("", Parameters(None), False)
"""A stand-in for every function that is not strict."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The parts of a request's function on which a tag depends."""

    name: str
    strict: bool
    parameters: object
    """The schema of its arguments, if it is strict."""


def asked_of(tools: Sequence[object], level: Level) -> list[Asked]:
    found: list[Asked] = []
    for tool in tools:
        function = tool.get("function", tool) if isinstance(tool, Mapping) else None
        name = function.get("name") if isinstance(function, Mapping) else None
        if isinstance(function, Mapping) and isinstance(name, str):
            strict = level == "parameter" or function.get("strict") is True
            found.append(Asked(name, strict, function.get("parameters") if strict else None))
    return found


def function_of(name: str, content: bytes, schema: object, left_out: dict[str, list[str]]) -> Function:
    """Return a function, from the cache if a strict one is known.

    Args:
        name: its name.
        content: the cache key of its arguments' schema (`content_of`); empty if it is not strict.
        schema: the schema of its arguments.
        left_out: gets what cannot be enforced of a strict function, the first time that it is seen.
    """
    if not content:
        return Function(name, Parameters(None), False)
    found = _FUNCTIONS.get((name, content))
    if found is None:
        is_json = not content.startswith(NOT_JSON)
        cleaned = Cleaned.of(schema if is_json else json.loads(content.removeprefix(NOT_JSON)))
        doubtful = not (is_json and is_plain(cleaned.schema)) or _has_half(name, content)
        found = Function(name, Parameters(cleaned.schema), True, doubtful, cleaned.limits)
        if cleaned.dropped:
            left_out[name] = list(dict.fromkeys(cleaned.dropped))
        _FUNCTIONS.put((name, content), found, _OVERHEAD + 5 * len(content))
    return found


def _has_half(name: str, content: bytes) -> bool:
    """Return whether a function may contain a lone surrogate, which xgrammar refuses."""
    return _HALF.search(content) is not None or not (name.isascii() or name.isprintable())


def say(what: str, found: Mapping[str, Sequence[str]]) -> None:
    """Log what a grammar does not enforce of strict tools: a warning for the first tool, debug lines for the others."""
    for at, (name, words) in enumerate(found.items()):
        others = f", and so for {len(found) - 1} other tools of the request" if at == 0 and len(found) > 1 else ""
        level = logging.DEBUG if at else logging.WARNING
        _log.log(level, "the tool %r is strict, but %s: %s%s", name, what, ", ".join(words), others)


def what_is_text(row: ToolRow, function: Function, literals: bool) -> list[str]:
    """Return the keywords in a strict function's parameters that are enforced in JSON only; [] at later calls."""
    words = LIMITS if literals else TEXT_LIMITS
    if not function.strict or row.name in function.said or words.isdisjoint(function.limits):
        return []
    function.said.add(row.name)
    root = function.parameters.root
    found: list[str] = []
    for name, part in function.parameters.declared.items():
        if not is_bare(part):
            found += [f"{name}: {word}" for word in words_of(part, root, words, deep=literals)]
    return list(dict.fromkeys(found))
