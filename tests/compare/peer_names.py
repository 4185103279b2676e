"""Our parsers under the names that the engines have for the same family; a name that is not here has no counterpart.

vLLM's parsers of Harmony are not asked: it reads that markup by token ids, outside of its parsers.
"""

from __future__ import annotations

from records import Question

VLLM_TOOLS = {
    "deepseek_v3": "deepseek_v3",
    "deepseek_v3_1": "deepseek_v31",
    "deepseek_v3_2": "deepseek_v32",
    "deepseek_v4": "deepseek_v4",
    "deepseekv4": "deepseek_v4",
    "deepseek_v41": "deepseek_v41",
    "gemma4": "gemma4",
    "glm47": "glm47",
    "hermes": "hermes",
    "inkling": "inkling",
    "jamba": "jamba",
    "kimi_k2": "kimi_k2",
    "kimi_k3": "kimi_k3",
    "llama3_json": "llama3_json",
    "minimax_m2": "minimax_m2",
    "minimax_m3": "minimax_m3",
    "mistral": "mistral",
    "muse": "muse",
    "phi4": "phi4_mini_json",
    "pythonic": "pythonic",
    "qwen3_coder": "qwen3_coder",
    "seed_oss": "seed_oss",
}

VLLM_REASONING = {
    "deepseek_r1": "deepseek_r1",
    "deepseek_v3": "deepseek_v3",
    "deepseek_v3_1": "deepseek_v3",
    "deepseek_v3_2": "deepseek_v3",
    "deepseek_v4": "deepseek_v4",
    "deepseekv4": "deepseek_v4",
    "deepseek_v41": "deepseek_v41",
    "gemma4": "gemma4",
    "glm45": "glm45",
    "glm47": "glm45",
    "granite": "granite",
    "inkling": "inkling",
    "kimi_k2": "kimi_k2",
    "kimi_k25": "kimi_k2",
    "kimi_k3": "kimi_k3",
    "minimax_append_think": "minimax_m2_append_think",
    "minimax_m2": "minimax_m2",
    "minimax_m3": "minimax_m3",
    "mistral": "mistral",
    "muse": "muse",
    "nemotron_nano": "nemotron_v3",
    "nemotron_v3": "nemotron_v3",
    "qwen3": "qwen3",
    "seed_oss": "seed_oss",
    "step3": "step3",
}

SGLANG_TOOLS = {
    "deepseek_v3": "deepseekv3",
    "deepseek_v3_1": "deepseekv31",
    "deepseek_v3_2": "deepseekv32",
    "deepseek_v4": "deepseekv4",
    "deepseekv4": "deepseekv4",
    "deepseek_v41": "deepseekv41",
    "gemma4": "gemma4",
    "glm47": "glm47",
    "harmony": "gpt-oss",
    "hermes": "hermes",
    "inkling": "inkling",
    "kimi_k2": "kimi_k2",
    "kimi_k3": "kimi_k3",
    "llama3_json": "llama3",
    "minimax_m2": "minimax-m2",
    "minimax_m3": "minimax-m3",
    "mistral": "mistral",
    "muse": "muse",
    "pythonic": "pythonic",
    "qwen3_coder": "qwen3_coder",
}

SGLANG_REASONING = {
    "deepseek_r1": "deepseek-r1",
    "deepseek_v3": "deepseek-v3",
    "deepseek_v3_1": "deepseek-v3",
    "deepseek_v3_2": "deepseek-v3",
    "deepseek_v4": "deepseek-v4",
    "deepseekv4": "deepseek-v4",
    "deepseek_v41": "deepseek-v41",
    "gemma4": "gemma4",
    "glm45": "glm45",
    "glm47": "glm45",
    "gpt_oss": "gpt-oss",
    "inkling": "inkling",
    "kimi": "kimi",
    "kimi_k2": "kimi_k2",
    "kimi_k25": "kimi_k2",
    "kimi_k3": "kimi_k3",
    "minimax_append_think": "minimax-append-think",
    "minimax_m2": "minimax",
    "minimax_m3": "minimax-m3",
    "mistral": "mistral",
    "muse": "muse",
    "nemotron_nano": "nemotron_3",
    "nemotron_v3": "nemotron_3",
    "qwen3": "qwen3",
    "step3": "step3",
}


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
