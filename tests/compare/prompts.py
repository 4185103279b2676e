"""Prompts of our chat templates, as transformers renders them: `python tests/compare/prompts.py PROMPTS.jsonl`.

Each is a request at one step of an agent loop, as a client sends it, and the text that has to come out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import templates
from templates import OURS, TOOLS

BOS = "<|compare_end|>"


def sent(message: dict[str, Any]) -> dict[str, Any]:
    """The message with its arguments as JSON text, spelled as a template would spell it: Dynamo passes text on."""

    def text(function: dict[str, Any]) -> dict[str, Any]:
        return {**function, "arguments": json.dumps(function["arguments"], ensure_ascii=False)}

    calls = [{**call, "function": text(call["function"])} for call in message.get("tool_calls", ())]
    return {**message, "tool_calls": calls} if calls else message


def main(file: str) -> None:
    lines = []
    for subject in OURS:
        for mode in subject.modes:
            chat = templates.agent_loop(subject.reasons(mode))
            for end in range(2, len(chat) + 1):
                prompt = subject.prompt(chat[:end], TOOLS, mode).replace(templates.BOS, BOS)
                body = {"messages": [sent(each) for each in chat[:end]], "tools": TOOLS, "chat_template_kwargs": mode}
                lines.append({"name": subject.name, "template": subject.text, "body": body, "prompt": prompt})
    Path(file).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
