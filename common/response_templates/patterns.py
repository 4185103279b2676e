"""Takes a delimiter's regular expression apart into texts, white space and groups.

A pattern from a model's repository is never run: if it cannot be taken apart, it is refused. Alternatives and optional
parts become alternatives of the whole, each a sequence of parts.

- `\\s*`, `\\n?` and the like are a `Gap`; any other repeated character is a `Run`.
- `(?P<name>...)` is a `Capture`, whatever is in it, except another group that captures.
- A lookahead is an `Ahead`. Lookbehinds, backreferences, flags and atomic groups are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

_MOST_ALTERNATIVES = 32
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_CLASSES = "sSdDwW"
_EDGES = {"A": True, "Z": False, "z": False}
_SPACES = frozenset((r"\s", " ", "\n", r"\n", r"\r", r"\t", "\t"))
_QUANTIFIER = re.compile(r"(?P<sign>[*+?]|\{(?=\d|,\d)(?P<least>\d*)(?P<comma>,?)(?P<most>\d*)\})[?+]?")
_NAMED = re.compile(r"\(\?P<(\w+)>")
_IN_CLASS = re.compile(r"\\.|[^\]\\]", re.DOTALL)


class Refused(ValueError):
    """A template cannot be served. The message says which part, and why, in one sentence."""


@dataclass(frozen=True, slots=True)
class Gap:
    """White space, which may be missing if `least` is 0."""

    least: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """A repeated class of characters."""

    source: str
    least: int = 0


@dataclass(frozen=True, slots=True)
class Capture:
    """A named group and its pattern."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Edge:
    """The start of the message, or its end."""

    start: bool


@dataclass(frozen=True, slots=True)
class Ahead:
    """A lookahead: text that has to follow and is not consumed."""

    source: str


Part: TypeAlias = "str | Gap | Run | Capture | Edge | Ahead"
Alternative: TypeAlias = tuple[Part, ...]


def alternatives_of(pattern: str, scope: str) -> tuple[Alternative, ...]:
    """Return the alternatives of a pattern, in its order.

    Args:
        pattern: the regular expression.
        scope: the pattern's place in the template, for messages.

    Raises:
        Refused: it cannot be taken apart.
    """
    reader = _Reader(pattern, scope)
    alternatives = reader.alternatives()
    if reader.at != len(pattern):
        raise reader.refusal("an unbalanced bracket")
    return tuple(dict.fromkeys(alternatives))


class _Reader:
    """A recursive descent parser of patterns."""

    def __init__(self, pattern: str, scope: str) -> None:
        self.pattern = pattern
        self.scope = scope
        self.at = 0
        self.depth = 0

    def refusal(self, what: str) -> Refused:
        return Refused(f"{self.scope}: {what} in {self.pattern!r} cannot be read without running it")

    def alternatives(self) -> list[Alternative]:
        if self.depth > 16:
            raise self.refusal("too deep a nesting of groups")
        alternatives = self._sequence()
        while self.pattern.startswith("|", self.at):
            self.at += 1
            alternatives += self._sequence()
        if len(alternatives) > _MOST_ALTERNATIVES:
            raise self.refusal("too many alternatives")
        return alternatives

    def _sequence(self) -> list[Alternative]:
        alternatives: list[Alternative] = [()]
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            item = self._quantified()
            alternatives = [_joined(before, after) for before in alternatives for after in item]
            if len(alternatives) > _MOST_ALTERNATIVES:
                raise self.refusal("too many alternatives")
        return alternatives

    def _quantified(self) -> list[Alternative]:
        start = self.at
        item = self._item()
        source = self.pattern[start : self.at]
        found = _QUANTIFIER.match(self.pattern, self.at)
        if found is None:
            return item
        self.at = found.end()
        least, once = _bounds(found)
        if item == [()] or any(
            isinstance(part, Edge | Ahead | Capture) for alternative in item for part in alternative
        ):
            if once and least == 0:
                return [*item, ()]
            raise self.refusal(f"what {found.group()!r} repeats")
        if source in _SPACES or _is_space_class(source):
            return [(Gap(least),)]
        if once:
            return item if least else [*item, ()]
        if all(isinstance(part, Gap) for alternative in item for part in alternative):
            return [(Gap(least),)]
        return [(Run(source, least),)]

    def _item(self) -> list[Alternative]:
        char = self.pattern[self.at]
        if char == "(":
            return self._group()
        if char == "[":
            return [(Run(self._class(), 1),)]
        self.at += 1
        if char == "\\":
            return [(self._escape(),)]
        if char == ".":
            return [(Run(".", 1),)]
        if char in "^$":
            return [(Edge(char == "^"),)]
        if char in "*+?":
            raise self.refusal(f"{char!r} with nothing to repeat")
        return [(char,)]

    def _escape(self) -> Part:
        if self.at >= len(self.pattern):
            raise self.refusal("a backslash at the end")
        char = self.pattern[self.at]
        self.at += 1
        if char in _CLASSES:
            return Run(f"\\{char}", 1)
        if char in _EDGES:
            return Edge(_EDGES[char])
        if char.isalnum() and char not in _ESCAPES:
            raise self.refusal(f"\\{char}")
        return _ESCAPES.get(char, char)

    def _class(self) -> str:
        start = self.at
        self.at += 1
        if self.pattern.startswith("^", self.at):
            self.at += 1
        if self.pattern.startswith("]", self.at):
            self.at += 1
        while not self.pattern.startswith("]", self.at):
            found = _IN_CLASS.match(self.pattern, self.at)
            if found is None:
                raise self.refusal("a class without its end")
            self.at = found.end()
        self.at += 1
        return self.pattern[start : self.at]

    def _group(self) -> list[Alternative]:
        start = self.at
        named = _NAMED.match(self.pattern, self.at)
        ahead = self.pattern.startswith("(?=", self.at)
        if named is not None:
            self.at = named.end()
        elif ahead or self.pattern.startswith("(?:", self.at):
            self.at += 3
        elif self.pattern.startswith("(?", self.at):
            raise self.refusal(f"{self.pattern[self.at : self.at + 4]!r}...")
        else:
            self.at += 1
        inner = self.at
        self.depth += 1
        alternatives = self.alternatives()
        self.depth -= 1
        if not self.pattern.startswith(")", self.at):
            raise self.refusal("an unbalanced bracket")
        source = self.pattern[inner : self.at]
        self.at += 1
        if named is None and not ahead:
            return alternatives
        if any(isinstance(part, Capture) for alternative in alternatives for part in alternative):
            raise self.refusal(f"the group in {self.pattern[start : self.at]!r}")
        return [(Capture(named[1], source) if named is not None else Ahead(source),)]


def _bounds(found: re.Match[str]) -> tuple[int, bool]:
    """Return a quantifier's minimum, and whether its maximum is one."""
    sign = found["sign"]
    if not sign.startswith("{"):
        return int(sign == "+"), sign == "?"
    least = int(found["least"] or 0)
    most = found["most"] if found["comma"] else str(least)
    return least, most in ("0", "1")


def _is_space_class(source: str) -> bool:
    inner = source[1:-1] if source.startswith("[") else ""
    return bool(inner) and re.sub(r"\\[snrt]|[ \n\t]", "", inner) == ""


def _joined(before: Alternative, after: Alternative) -> Alternative:
    """Concatenate two sequences of parts; adjacent texts become one."""
    if before and after and isinstance(before[-1], str) and isinstance(after[0], str):
        return (*before[:-1], before[-1] + after[0], *after[1:])
    return before + after
