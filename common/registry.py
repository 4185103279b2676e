"""The one table of parsers: the rows of every family, by name. A family is a module in `formats` that has `ROWS`."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import TypeVar

from . import formats
from .cursor import Markers
from .format import ToolFormat
from .formats.siblings import siblings_of
from .machine import Grammar
from .rows import ReasoningRow, ToolRow

PREFIX = "dynamo_"


def _rows() -> Iterable[ToolRow | ReasoningRow]:
    """Yield the rows of every module in `formats` that has `ROWS`."""
    for found in sorted(module.name for module in pkgutil.iter_modules(formats.__path__)):
        yield from getattr(importlib.import_module(f"{formats.__name__}.{found}"), "ROWS", ())


Row = TypeVar("Row", ToolRow, ReasoningRow)


def _free_names(rows: Sequence[ToolRow | ReasoningRow]) -> frozenset[str]:
    """Return the engines' names that no row here has as a name, and that only one row claims."""
    claims = Counter(name for row in rows for name in row.engines.all)
    return frozenset(name for name, count in claims.items() if count == 1).difference(*(row.names for row in rows))


def _with_names(free: frozenset[str], row: Row) -> Row:
    return replace(row, aliases=(*row.aliases, *sorted(row.engines.all & free)))


def _named(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return the rows with those engines' names as aliases that are free."""
    free = _free_names(rows)
    return tuple(map(partial(_with_names, free), rows))


_ROWS = tuple(_rows())
TOOL_ROWS = _named(sorted((row for row in _ROWS if isinstance(row, ToolRow)), key=lambda row: row.kin != ""))
REASONING_ROWS = _named([row for row in _ROWS if isinstance(row, ReasoningRow)])


def _table(rows: Iterable[Row]) -> dict[str, Row]:
    table: dict[str, Row] = {}
    for row in rows:
        for name in row.names:
            if name in table:
                raise ValueError(f"two parsers are called {name!r}")
            table[name] = row
    return table


_TOOLS = _table(TOOL_ROWS)
_REASONING = _table(REASONING_ROWS)
_DECLARED_TOOLS: dict[str, ToolRow] = {}
_DECLARED_REASONING: dict[str, ReasoningRow] = {}


def declare(tool: ToolRow | None, reasoning: ReasoningRow | None) -> None:
    """Register the rows of a markup that a checkpoint declares. An earlier row of the same name stays.

    They belong to one server: the lists of names, the tables and `detect` do not have them.
    """
    if tool is not None:
        _DECLARED_TOOLS.setdefault(tool.name, tool)
    if reasoning is not None:
        _DECLARED_REASONING.setdefault(reasoning.name, reasoning)


def declared_count() -> int:
    """Return how many rows were declared; a cache that depends on partners has it as a key."""
    return len(_DECLARED_TOOLS) + len(_DECLARED_REASONING)


def declared_names() -> list[str]:
    """Return the names of the rows that were declared."""
    return sorted({*_DECLARED_TOOLS, *_DECLARED_REASONING})


def tool_parser_names() -> list[str]:
    """Return every name of a tool-call parser, aliases included, without the prefix."""
    return sorted(_TOOLS)


def reasoning_parser_names() -> list[str]:
    """Return every name of a reasoning parser, aliases included, without the prefix."""
    return sorted(_REASONING)


def tool_row(name: str) -> ToolRow:
    """Return the row of a tool-call parser. Raises ValueError, with close matches, for an unknown name."""
    return _DECLARED_TOOLS.get(name.removeprefix(PREFIX)) or _row(name, _TOOLS, "tool-call parser")


def reasoning_row(name: str) -> ReasoningRow:
    """Return the row of a reasoning parser. Raises ValueError, with close matches, for an unknown name."""
    return _DECLARED_REASONING.get(name.removeprefix(PREFIX)) or _row(name, _REASONING, "reasoning parser")


def _row(name: str, table: Mapping[str, Row], kind: str) -> Row:
    found = table.get(name) or table.get(name.removeprefix(PREFIX))
    if found is not None:
        return found
    close = difflib.get_close_matches(name.removeprefix(PREFIX), table, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(sorted(table))}"
    raise ValueError(f"unknown {kind} {name!r}: {hint}")


def partners(row: ReasoningRow) -> tuple[ToolRow, ...]:
    """Return the tool-call parsers with which a reasoning parser can be used."""
    rows = (*TOOL_ROWS, *_DECLARED_TOOLS.values())
    return tuple(tool for tool in rows if not set(row.names).isdisjoint(tool.pairs))


@cache
def grammar_for(tool: ToolRow | None, reasoning: ReasoningRow | None) -> Grammar:
    """Return the grammar of a pair of parsers. Without a tool parser, the calls of every partner end reasoning."""
    rows = (tool,) if tool is not None else partners(reasoning) if reasoning is not None else ()
    ends = {end for row in rows for end in (row.turn_end, *row.turn_ends)}
    if reasoning is not None:
        ends.update(reasoning.turn_ends)
    frames = [row.format for row in rows if not isinstance(row.format, ToolFormat)]
    formats = {id(row.format): row.format for row in rows if isinstance(row.format, ToolFormat)}
    # If the two rows have dialects of one frame, the reasoning parser's counts.
    frame = reasoning.frame if reasoning is not None else None
    unsplit = None
    if reasoning is None and tool is not None:
        unsplit = reasoning_row(tool.pairs[0]).think
    elif reasoning is not None and not reasoning.splits:
        unsplit = reasoning.think
    return Grammar(
        (*formats.values(), *siblings_of(list(formats.values()))),
        reasoning.think if reasoning is not None and reasoning.splits else None,
        Markers(ends),
        frame or (frames[0] if frames else None),
        reopened=reasoning.open if reasoning is not None and not reasoning.splits else "",
        unsplit=unsplit,
    )
