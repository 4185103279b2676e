"""A request's functions: what a grammar has to know of them. What it does not enforce is said once in the log."""

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
"""What is constrained at least: what the request asks for, the framing of every call, or every argument too."""

_log = logging.getLogger("dynamo_parsers")
_HALF = re.compile(rb"\xed[\xa0-\xbf]")
_FUNCTIONS: Kept[Function] = Kept(10_000_000)
"""Strict tools, by their names and schemas, with the formats that were made of them; sizes in characters."""
_OVERHEAD = 2_000
"""What one takes beside its schema."""


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    parameters: Parameters
    strict: bool
    doubtful: bool = False
    """Whether it is strict and xgrammar may refuse its schema."""
    limits: Collection[str] = ()
    """The words in its schema that are not enforced everywhere."""
    made: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)
    """What was made of a strict function, by what it was made with."""
    said: set[str] = field(default_factory=set, compare=False, repr=False)
    """The rows whose log says what they do not enforce of it."""

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
        """What the schema of a parameter says of the values of some types."""
        root = self.parameters.root
        return with_definitions(of_types(part, root, kinds), root)


ANY_FUNCTION = Function("", Parameters(None), False)
"""Stands for those that are not strict."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A function of a request: what a tag depends on."""

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
    """How a function is called.

    Args:
        name: what it is called.
        content: what the schema of its arguments is kept by; empty if it is not strict.
        schema: that schema.
        left_out: gets what cannot be enforced of a strict one, when it is met first.
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
    """Whether there may be half a character in a function, which xgrammar refuses."""
    return _HALF.search(content) is not None or not (name.isascii() or name.isprintable())


def say(what: str, found: Mapping[str, Sequence[str]]) -> None:
    """Say what the grammar of a request does not enforce of its strict tools: one line, the others for who debugs."""
    for at, (name, words) in enumerate(found.items()):
        others = f", and so for {len(found) - 1} other tools of the request" if at == 0 and len(found) > 1 else ""
        level = logging.DEBUG if at else logging.WARNING
        _log.log(level, "the tool %r is strict, but %s: %s%s", name, what, ", ".join(words), others)


def what_is_text(row: ToolRow, function: Function, literals: bool) -> list[str]:
    """Which words of a strict function's parameters hold for JSON only; nothing if that was asked before."""
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
