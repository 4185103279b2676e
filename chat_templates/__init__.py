"""Chat templates shipped with the parsers, as package data, and the table of them.

A template is one file that needs no other: `vllm serve ... --chat-template "$(dynamo-parsers template gemma4_tool)"`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
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


_KEEP = "preserve_thinking=false"

TEMPLATES = (
    ChatTemplate(
        "qwen3_coder",
        "Qwen3-Coder, Qwen3.5, Qwen3.6",
        "qwen3_coder",
        "qwen3",
        ("enable_thinking (unset: no thinking markup)", _KEEP),
    ),
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
