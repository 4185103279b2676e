"""The engines' parsers that have no row of the registry, and what serves their models instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from dynamo_parsers.registry import PREFIX, REASONING_ROWS, TOOL_ROWS
from dynamo_parsers.rows import ReasoningRow, ToolRow

_DECLARED = "the checkpoint declares its markup: `dynamo_response_template`, or `dynamo_auto`"

UNSERVED = {
    "hf": _DECLARED,
    "response_template": _DECLARED,
    "beam": f"{_DECLARED}; tests/declared.py has one of that kind",
    "identity": "no markup: leave the reasoning parser out",
    "qwen3-thinking": "`dynamo_qwen3` on a prompt that opens reasoning, as the template of those models does",
}
"""By the engine's name."""


def holes(kind: Literal["tool", "reasoning"], engine: Literal["vllm", "sglang"], names: Iterable[str]) -> list[str]:
    """The engine's names that no row claims and no sentence is for; those of the plugin are left out."""
    rows: tuple[ToolRow | ReasoningRow, ...] = TOOL_ROWS if kind == "tool" else REASONING_ROWS
    known = {name for row in rows for name in row.engines.of(engine)}
    return sorted(name for name in names if not name.startswith(PREFIX) and name not in known | set(UNSERVED))


def stale(kind: Literal["tool", "reasoning"], engine: Literal["vllm", "sglang"], names: Iterable[str]) -> list[str]:
    """The names in the rows that the engine does not have."""
    rows: tuple[ToolRow | ReasoningRow, ...] = TOOL_ROWS if kind == "tool" else REASONING_ROWS
    return sorted({name for row in rows for name in row.engines.of(engine)} - set(names))
