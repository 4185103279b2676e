"""Marks on rules that recover from broken markup: `make ablate` finds each rule and counts the cases that need it.

A mark is one line, at the rule:

- a function, and its result when the rule is off: `@recovers("a doubled closer", off=False)`
- a branch: `_TRAILING = rule("a trailing comma")`, then `if comma and _TRAILING:`
- rows of a table, each a rule of its own: `instead=drift("what is written in place of the opener", "arg_key>")`
- any other constant: `_QUOTES = recovering("single-quoted strings", "\\"'", off='"')`

A rule of docs/contract.md gives its name: `rule("a trailing comma", contract="Commas")`. Any other rule is drift, and
has to be seen in two families or two independent reports.

Marks are evaluated when a module is imported, and return what they are given: they cost nothing when a reply is read.
So a rule is off for a whole process, also in constants that are derived from it; there is nothing to restore.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import wraps
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Equal marks in one module are one rule in several places."""

    module: str
    line: int
    what: str
    contract: str = ""
    """The rule's bold name in docs/contract.md, or its heading; "": it is drift."""

    @property
    def key(self) -> str:
        return f"{self.module}: {self.what}"


RULES: dict[str, Rule] = {}
"""The rules of the modules imported so far, by their key."""

OFF = ""
"""The key of the rule that is off. Only the ablation sets it, before any module with marks is imported."""


def recovers(what: str, *, off: object, contract: str = "") -> Callable[[F], F]:
    """Mark a function as a rule.

    Args:
        what: what it repairs, in a few words.
        off: the result of a call when the rule is off, or a function that makes it from the same arguments. A generator
            function then reads nothing, unless `off` is one too.
        contract: the name of the rule in docs/contract.md, or its heading; "": it is drift.
    """

    def mark(function: F) -> F:
        place = function.__module__, function.__code__.co_firstlineno
        if _is_off(place, what, contract):
            return _in_place_of(function, off)
        return function

    return mark


def rule(what: str, *, contract: str = "") -> bool:
    """Mark a branch as a rule. Returns True unless the rule is off."""
    return not _is_off(_caller(), what, contract)


def drift(what: str, *rows: T, contract: str = "") -> tuple[T, ...]:
    """Mark rows of a table, each as a rule of its own. Returns the rows without the one that is off."""
    place = _caller()
    return tuple(row for row in rows if not _is_off(place, f"{what}: {_name_of(row)}", contract))


def recovering(what: str, value: T, *, off: T, contract: str = "") -> T:
    """Mark a constant as a rule. Returns `value`, or `off` when the rule is off."""
    return off if _is_off(_caller(), what, contract) else value


def _is_off(place: tuple[str, int], what: str, contract: str) -> bool:
    module, line = place
    marked = Rule(module.removeprefix("dynamo_parsers."), line, what, contract)
    RULES.setdefault(marked.key, marked)
    return marked.key == OFF


def _name_of(row: object) -> str:
    text = str(row)
    return text if text.isprintable() and text.strip() else repr(row)


def _caller() -> tuple[str, int]:
    """Return the module and line of the mark."""
    frame = sys._getframe(2)
    return str(frame.f_globals["__name__"]), frame.f_lineno


def _in_place_of(function: F, off: object) -> F:
    def result(*args: object, **kwargs: object) -> object:
        return off(*args, **kwargs) if callable(off) else off

    def reading(*args: object, **kwargs: object) -> Generator[object, object, object]:
        found = result(*args, **kwargs)
        return (yield from found) if isinstance(found, Generator) else found

    return wraps(function)(reading if inspect.isgeneratorfunction(function) else result)  # type: ignore[return-value]
