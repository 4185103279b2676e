"""Our parsers under the names that the engines have for the same markup, as the registry says; others are not asked.

vLLM's parsers of Harmony are not asked: it reads that markup by token ids, outside of its parsers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from dynamo_parsers.registry import REASONING_ROWS, TOOL_ROWS
from dynamo_parsers.rows import ReasoningRow, ToolRow
from records import Question

_NOT_ASKED = {"vllm": frozenset({"harmony", "gpt_oss"}), "sglang": frozenset[str]()}


def _peers(rows: Iterable[ToolRow | ReasoningRow], engine: Literal["vllm", "sglang"]) -> dict[str, str]:
    """Every name of the rows that the engine has a parser for: its own name, `name` if it has that, else its first."""
    return {
        name: name if name in native else native[0]
        for row in rows
        for native in [row.engines.of(engine)]
        if native and row.name not in _NOT_ASKED[engine]
        for name in row.names
    }


VLLM_TOOLS = _peers(TOOL_ROWS, "vllm")
VLLM_REASONING = _peers(REASONING_ROWS, "vllm")
SGLANG_TOOLS = _peers(TOOL_ROWS, "sglang")
SGLANG_REASONING = _peers(REASONING_ROWS, "sglang")


class NoCounterpart(Exception):
    """The peer has no parser of this family."""


def counterparts(question: Question, tools: dict[str, str], reasoning: dict[str, str]) -> tuple[str | None, str | None]:
    """The peer's names for the pair of a question. Raises NoCounterpart.

    A reasoning parser stays out where the reply has no reasoning: there is nothing to compare but a peer's guess of
    how it starts, and some force it whatever the prompt says.
    """
    pair = _counterpart(question.tool_parser, tools), _counterpart(question.told_reasoning, reasoning)
    if pair == (None, None):
        raise NoCounterpart("no reasoning in the reply, and no tools")
    return pair


def _counterpart(name: str | None, names: dict[str, str]) -> str | None:
    if name is None:
        return None
    if name not in names:
        raise NoCounterpart(f"no parser for {name}")
    return names[name]
