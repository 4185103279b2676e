"""Chat templates shipped with the parsers, as package data, and the table of them.

A template is one file that needs no other: `vllm serve ... --chat-template "$(dynamo-parsers template gemma4_tool)"`.
"""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """One template, and what it goes with."""

    name: str
    models: str
    tool_parser: str
    reasoning_parser: str
    kwargs: tuple[str, ...] = ()
    """What a request may say in `chat_template_kwargs`, each with its default: `enable_thinking=true`."""

    @property
    def path(self) -> Path:
        return Path(__file__).parent / f"{self.name}.jinja"

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def described(self) -> dict[str, object]:
        """Its row of the table."""
        return asdict(self)


_KEEP = "preserve_thinking=false"
_KEPT = "preserve_thinking=true"

TEMPLATES = (
    ChatTemplate("gemma4_tool", "Gemma 4", "gemma4", "gemma4", ("enable_thinking=false", "empty_thought=true", _KEEP)),
    ChatTemplate(
        "deepseek_v3",
        "DeepSeek V3, V3-0324, R1",
        "deepseek_v3",
        "deepseek_v3",
        ("enable_thinking (unset: no thinking markup)", _KEEP),
    ),
    ChatTemplate("deepseek_v3_1", "DeepSeek V3.1", "deepseek_v3_1", "deepseek_v3_1", ("enable_thinking=false", _KEEP)),
    ChatTemplate("deepseek_v3_2", "DeepSeek V3.2", "deepseek_v3_2", "deepseek_v3_2", ("enable_thinking=true", _KEEP)),
    ChatTemplate(
        "deepseek_v4",
        "DeepSeek V4",
        "deepseek_v4",
        "deepseek_v4",
        ("enable_thinking=true", "reasoning_effort=high", "preserve_thinking (true with tools)"),
    ),
    ChatTemplate(
        "qwen3_coder",
        "Qwen3-Coder, Qwen3.5, Qwen3.6",
        "qwen3_coder",
        "qwen3",
        ("enable_thinking (unset: no thinking markup)", _KEEP),
    ),
    ChatTemplate("glm45", "GLM-4.5, 4.6", "glm47", "glm45", ("enable_thinking=true", _KEEP)),
    ChatTemplate("glm47", "GLM-4.7, 5, 5.1", "glm47", "glm45", ("enable_thinking=true", _KEEP)),
    ChatTemplate("minimax_m2", "MiniMax M2, M2.5, M2.7", "minimax_m2", "minimax_m2", ("enable_thinking=true", _KEEP)),
    ChatTemplate("kimi_k2", "Kimi K2 Instruct", "kimi_k2", "kimi_k2", (_KEPT,)),
    ChatTemplate("kimi_k25", "Kimi K2-Thinking, K2.5, K2.6", "kimi_k2", "kimi_k25", ("enable_thinking=true", _KEEP)),
    ChatTemplate("llama4_pythonic", "Llama 4", "pythonic", "basic", (_KEPT,)),
    ChatTemplate("phi4_mini", "Phi-4-mini", "phi4", "basic", (_KEPT,)),
    ChatTemplate(
        "mistral",
        "Magistral, Devstral, Ministral 3, Mistral Small 4",
        "mistral",
        "mistral",
        ("enable_thinking (unset: not said)", "reasoning_effort (unset: not said)", _KEPT),
    ),
    ChatTemplate(
        "nemotron_nano", "Nemotron 3 Nano and Super", "nemotron_nano", "nemotron_nano", ("enable_thinking=true", _KEEP)
    ),
    ChatTemplate(
        "nemotron_deci",
        "Llama-Nemotron Super and Ultra",
        "nemotron_deci",
        "nemotron_deci",
        ("enable_thinking (unset: as the system prompt says)", _KEEP),
    ),
    ChatTemplate("llama3_json", "Llama 3.1, 3.2, 3.3", "llama3_json", "basic", ("date_string (unset: no date)", _KEPT)),
    ChatTemplate(
        "hermes",
        "Qwen2.5, Qwen3",
        "hermes",
        "qwen3",
        ("enable_thinking (unset: no thinking markup)", _KEEP),
    ),
    ChatTemplate("jamba", "Jamba 1.5, 1.6, 1.7", "jamba", "basic", (_KEPT,)),
)


def chat_template(name: str) -> ChatTemplate:
    """The template called `name`. ValueError, with close matches, where there is none."""
    for template in TEMPLATES:
        if template.name == name:
            return template
    names = [template.name for template in TEMPLATES]
    close = difflib.get_close_matches(name, names)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(names)}"
    raise ValueError(f"no chat template is called {name!r}: {hint}")
