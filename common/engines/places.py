"""The places in an engine that a plugin needs, checked when it registers and by `dynamo-parsers doctor`.

- A place is a class, method, function or name in a module of the engine, with what is lost without it.
- A module that is not imported yet is read as source, so the check imports nothing and takes milliseconds.
- One warning lists what is missing; another is logged if the engine is newer than the newest tested version.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import logging
import multiprocessing
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

logger = logging.getLogger("dynamo_parsers")

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One thing in an engine that a plugin needs."""

    where: tuple[str, ...]
    """`module:Class.method` or `module:function`; alternatives, as versions differ."""
    lost: str
    """What is lost without it: a clause for the log."""
    parameters: tuple[str, ...] = ()
    """Names of parameters that it has to accept."""
    since: Version = ()
    """The version that introduced it; older versions do not need it."""
    until: Version = ()
    """The first version that no longer needs it."""

    @property
    def name(self) -> str:
        """The name shown in log lines."""
        return self.where[0].partition(":")[2]

    def present(self) -> bool:
        """Return whether one of its modules has it, with its parameters."""
        return any(_has(each, self.parameters) for each in self.where)

    def expected(self, version: Version) -> bool:
        """Return whether `version` of the engine should have it; () is an unknown version, which should."""
        if not version:
            return True
        return version >= self.since and (not self.until or version < self.until)


class Seen(NamedTuple):
    """A place, and whether it is there."""

    place: Place
    present: bool


def look(places: Sequence[Place], version: Version) -> list[Seen]:
    """Check the places that `version` of an engine should have."""
    return [Seen(place, place.present()) for place in places if place.expected(version)]


def numbers(version: str | None) -> Version:
    """Return a version such as `1.2.3rc4+cpu` as (1, 2, 3); () if it does not begin with a number."""
    found = re.match(r"\d+(?:\.\d+)*", version or "")
    return tuple(map(int, found[0].split("."))) if found else ()


def self_check(engine: str, version: str | None, places: Sequence[Place], newest: Version) -> None:
    """Check `places` and log what is missing, but only in the process that the user started. Never raises."""
    if multiprocessing.parent_process() is not None:
        return
    try:
        found = numbers(version)
        if found[: len(newest)] > newest:
            known = ".".join(map(str, newest))
            logger.warning("dynamo-parsers is tested with %s up to %s; this is %s", engine, known, version)
        missing = [place for place, present in look(places, found) if not present]
        if missing:
            lost = "; ".join(f"{place.name} ({place.lost})" for place in missing)
            logger.warning("dynamo-parsers does not find what it needs in %s %s: %s", engine, version, lost)
    except Exception:
        logger.exception("dynamo-parsers could not check what it needs in %s", engine)


# --- looking


def _has(where: str, parameters: Sequence[str]) -> bool:
    module, _, name = where.partition(":")
    path = name.split(".")
    loaded = sys.modules.get(module)
    if loaded is not None:
        return _has_object(loaded, path, parameters)
    source = _source(module)
    return source is not None and _has_source(source, path, parameters)


def _has_object(found: object, path: Sequence[str], parameters: Sequence[str]) -> bool:
    for name in path:
        if name in getattr(found, "__private_attributes__", ()):  # pydantic does not make them attributes of the class
            return not parameters
        # An inherited method does not count: the base class keeps it when the class renames its own.
        if isinstance(found, type) and name not in vars(found):
            return False
        try:
            found = getattr(found, name)
        except AttributeError:
            return False
    if not parameters:
        return True
    if not callable(found):
        return False
    taken = inspect.signature(found).parameters
    return any(each.kind is each.VAR_KEYWORD for each in taken.values()) or set(parameters) <= taken.keys()


@lru_cache(maxsize=64)
def _source(module: str) -> ast.Module | None:
    """Return the syntax tree of a module without importing its packages; None if there is no source."""
    top, *inner = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # a module that was put into sys.modules by hand has no spec
        return None
    for folder in (spec.submodule_search_locations if spec is not None else None) or ():
        for file in (Path(folder, *inner).with_suffix(".py"), Path(folder, *inner, "__init__.py")):
            if inner and file.is_file():
                return ast.parse(file.read_text(encoding="utf-8"))
    return None


def _has_source(tree: ast.Module, path: Sequence[str], parameters: Sequence[str]) -> bool:
    body: list[ast.stmt] = tree.body
    for number, name in enumerate(path):
        found = next((each for each in _statements(body) if name in _names_of(each)), None)
        if found is None:
            return False
        if number == len(path) - 1:
            return _takes(found, parameters)
        body = found.body if isinstance(found, ast.ClassDef) else []
    return False


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a body, including those inside `if` and `try`."""
    for each in body:
        yield each
        for field in ("body", "orelse", "finalbody"):
            if isinstance(each, ast.If | ast.Try):
                yield from _statements(getattr(each, field, ()))


def _names_of(statement: ast.stmt) -> set[str]:
    """Return the names that a statement defines."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in statement.names}
    targets: Sequence[ast.expr] = ()
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = (statement.target,)
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _takes(statement: ast.stmt, parameters: Sequence[str]) -> bool:
    if not parameters:
        return True
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    taken = statement.args
    names = {each.arg for each in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)}
    return taken.kwarg is not None or set(parameters) <= names
