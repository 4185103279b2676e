"""Ask SGLang's own parsers and ours through its serving of Chat Completions (tests/sglang_harness.py).

PYTHONPATH=tests:tests/support:tests/compare .venv-sglang/bin/python -m real.in_sglang [FAMILY ...]

- Both get the same request, prompt and tokens: those of the demo model of the family, whose markers are single tokens.
- Special tokens are not left out, whatever a parser asks for: which are special differs from model to model.
- Where the markup frames the whole reply, the reply starts with a thought, and a reasoning parser is named: ours with
  ours, and the engine's own with its own.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from functools import partial

import sglang_harness
from parity import TURN, Refused
from peer_names import SGLANG_REASONING, SGLANG_TOOLS

from .outcome import Answer
from .questions import Question, reasoning_of
from .running import ITS_OWN, OURS, Asker, families_said, run

RECIPES = ("deepseek_v4", "deepseek_v41")
"""SGLang writes their prompts and reads their replies with the tokens of the real tokenizer: its own are not asked."""


def knows(family: str) -> bool:
    reasoning = reasoning_of(family)
    return family in SGLANG_TOOLS and family not in RECIPES and (reasoning is None or reasoning in SGLANG_REASONING)


def ask(question: Question, way: str, *, ours: bool) -> Answer:
    family, reasoning = question.family, reasoning_of(question.family)
    exchange = sglang_harness.Exchange(
        f"dynamo_{family}" if ours else SGLANG_TOOLS[family],
        reasoning and (f"dynamo_{reasoning}" if ours else SGLANG_REASONING[reasoning]),
        body=sglang_harness.chat_request(question.tools, skip_special_tokens=False),
        prompt=TURN,
        speaks=(family, reasoning),
    )
    if way == "whole":
        said = exchange.one_shot(question.reply)
        return Answer(said.content, said.calls)
    return folded("".join(exchange.lines(question.reply)).split("\n\n"))


def folded(lines: Sequence[str]) -> Answer:
    """The lines of a stream as the OpenAI clients fold them, however odd they are."""
    content = ""
    calls: dict[int, list[str]] = {}
    for line in lines:
        data = line.removeprefix("data: ").strip()
        said = json.loads(data) if data not in ("", "[DONE]") else {}
        if "error" in said:
            raise Refused(said["error"])
        for choice in said.get("choices", ()):
            content += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls") or ():
                known = calls.setdefault(call["index"], ["", ""])
                known[0] += call["function"].get("name") or ""
                known[1] += call["function"].get("arguments") or ""
    return Answer(content or None, [(name, arguments) for name, arguments in calls.values()])


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    environment = f"SGLang {'.'.join(map(str, sglang_harness.VERSION))}"
    run(
        [
            Asker(environment, OURS, partial(ask, ours=True)),
            Asker(environment, ITS_OWN, partial(ask, ours=False), knows),
        ],
        families_said(),
    )
