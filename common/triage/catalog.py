"""The table of parsers for output: names, models, markers, and the names of the engines' own parsers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from ..registry import PREFIX, REASONING_ROWS, TOOL_ROWS
from ..rows import Native, ReasoningRow
from .engines import ENGINES, native_reasoning_names, native_tool_names


class ToolEntry(BaseModel):
    """One tool-call parser. `engine_names`: each engine's names for its own parser of the same markup."""

    model_config = ConfigDict(frozen=True)

    name: str
    aliases: list[str]
    models: str
    reasoning_parsers: list[str]
    special_tokens: list[str]
    sample: str
    engine_names: dict[str, list[str]]

    def cells(self) -> list[str]:
        pairs = ", ".join(PREFIX + name for name in self.reasoning_parsers)
        return [_names(self.name, self.aliases), self.models, pairs, *_engine_cells(self.engine_names)]


class ReasoningEntry(BaseModel):
    """One reasoning parser."""

    model_config = ConfigDict(frozen=True)

    name: str
    aliases: list[str]
    models: str
    open: str
    close: str
    starts: str
    engine_names: dict[str, list[str]]

    def cells(self) -> list[str]:
        markers = f"{self.open} {self.close}"
        return [_names(self.name, self.aliases), self.models, markers, self.starts, *_engine_cells(self.engine_names)]


def tool_entries() -> list[ToolEntry]:
    return [
        ToolEntry(
            name=PREFIX + row.name,
            aliases=[PREFIX + alias for alias in row.aliases],
            models=row.models,
            reasoning_parsers=list(row.pairs),
            special_tokens=list(row.special_tokens),
            sample=row.sample,
            engine_names=_engine_names(native_tool_names(row)),
        )
        for row in TOOL_ROWS
    ]


def reasoning_entries() -> list[ReasoningEntry]:
    return [
        ReasoningEntry(
            name=PREFIX + row.name,
            aliases=[PREFIX + alias for alias in row.aliases],
            models=row.models,
            open=row.open,
            close=row.close,
            starts=starts_of(row),
            engine_names=_engine_names(native_reasoning_names(row)),
        )
        for row in REASONING_ROWS
    ]


def starts_of(row: ReasoningRow) -> str:
    """Return how a reply starts, in words."""
    starts = row.starts
    said = "inside reasoning" if starts.inside else "outside"
    changes = {
        "on": ", inside when thinking is on",
        "off": ", outside when thinking is off" if starts.inside else "",
        "effort": ", inside when reasoning_effort is set",
        "mode": ", inside when thinking_mode is enabled",
    }
    return said + changes.get(starts.switch, "")


def _engine_names(native: Native) -> dict[str, list[str]]:
    return {engine: list(native.of(engine)) for engine in ENGINES}


def _engine_cells(names: dict[str, list[str]]) -> list[str]:
    return [" ".join(names[engine]) for engine in ENGINES]


def _names(name: str, aliases: list[str]) -> str:
    return "\n".join([name, *aliases])
