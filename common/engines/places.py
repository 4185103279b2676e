"""The places of an engine that a plugin stands on: looked at when it registers, and by `dynamo-parsers doctor`.

- A place is a class, method, function or name in a module of the engine, with what is lost if it is not there.
- A module that is not imported is read as source, so looking imports nothing and costs milliseconds.
- What is missing is one warning. A version that is newer than the newest that was tested is said as well.
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
    """One thing of an engine that is relied on."""

    where: tuple[str, ...]
    """`module:Class.method` or `module:function`; one of these has it, as versions differ."""
    lost: str
    """What is lost without it: a clause for the log."""
    parameters: tuple[str, ...] = ()
    """Parameters that it has to take by name."""
    since: Version = ()
    """The version that brought it. An older one lacks nothing by not having it."""
    until: Version = ()
    """The first version that does without it."""

    @property
    def name(self) -> str:
        """What a log line calls it."""
        return self.where[0].partition(":")[2]

    def present(self) -> bool:
        """Whether it is there, in one of its modules, with its parameters."""
        return any(_has(each, self.parameters) for each in self.where)

    def expected(self, version: Version) -> bool:
        """Whether `version` of the engine should have it; () stands for an unknown one."""
        if not version:
            return True
        return version >= self.since and (not self.until or version < self.until)


class Seen(NamedTuple):
    """A place, and whether it is there."""

    place: Place
    present: bool


def look(places: Sequence[Place], version: Version) -> list[Seen]:
    """Look at the places that `version` of an engine should have."""
    return [Seen(place, place.present()) for place in places if place.expected(version)]


def numbers(version: str | None) -> Version:
    """`1.2.3rc4+cpu` as (1, 2, 3); () if it does not begin with numbers."""
    found = re.match(r"\d+(?:\.\d+)*", version or "")
    return tuple(map(int, found[0].split("."))) if found else ()


def self_check(engine: str, version: str | None, places: Sequence[Place], newest: Version) -> None:
    """Look at `places` and log what is missing, in the process that the user started. Never raises."""
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
            logger.warning("dynamo-parsers does not find in %s %s what it stands on: %s", engine, version, lost)
    except Exception:
        logger.exception("dynamo-parsers could not look at what it stands on in %s", engine)


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
        if name in getattr(found, "__private_attributes__", ()):  # pydantic's, which no class shows
            return not parameters
        # What a class only inherits is not the place: an interface stays when its method is renamed.
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
    """The syntax tree of a module, found without importing the packages around it."""
    top, *inner = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # a module that was put there by hand has no spec
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
    """The statements of a body, those in `if` and `try` as well."""
    for each in body:
        yield each
        for field in ("body", "orelse", "finalbody"):
            if isinstance(each, ast.If | ast.Try):
                yield from _statements(getattr(each, field, ()))


def _names_of(statement: ast.stmt) -> set[str]:
    """What a statement defines."""
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
