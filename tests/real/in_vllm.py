"""Ask vLLM's own parsers and ours, composed, made and fed as its server does it (tests/vllm_harness.py).

PYTHONPATH=TREE:tests:tests/support:tests/compare .venv-vllm/bin/python -m real.in_vllm [FAMILY ...]

- Both get the same request, prompt and tokens: those of the demo model of the family, whose markers are single tokens.
- Special tokens are not left out, whatever a parser asks for: which are special differs from model to model.
- Where the markup frames the whole reply, the reply starts with a thought, and a reasoning parser is named: ours with
  ours, and the engine's own with its own.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from parity import TURN
from peer_names import VLLM_REASONING, VLLM_TOOLS
from vllm_harness import VERSION, Exchange, chat_request, tokenizer_for

from .outcome import Answer
from .questions import Question, reasoning_of
from .running import ITS_OWN, OURS, Asker, families_said, run

# Llama 4's markup, which vLLM reads with another parser than Llama 3.2's.
TOOLS = {**VLLM_TOOLS, "pythonic": "llama4_pythonic"}


def knows(family: str) -> bool:
    reasoning = reasoning_of(family)
    return family in TOOLS and (reasoning is None or reasoning in VLLM_REASONING)


def ask(question: Question, way: str, *, ours: bool) -> Answer:
    family, reasoning = question.family, reasoning_of(question.family)
    tool = f"dynamo_{family}" if ours else TOOLS[family]
    beside = reasoning and (f"dynamo_{reasoning}" if ours else VLLM_REASONING[reasoning])
    exchange = Exchange(
        tool,
        beside,
        request=chat_request(question.tools, skip_special_tokens=False),
        prompt=TURN,
        tokenizer=tokenizer_for(family, reasoning),
    )
    if way == "whole":
        said = exchange.one_shot(question.reply)
        return Answer(said.content, [(name or "", arguments or "") for name, arguments in said.calls])
    return folded(list(exchange.said(list(exchange.deltas(question.reply)))))


def folded(deltas: Sequence[Any]) -> Answer:
    """Deltas as the OpenAI clients fold them, however odd they are."""
    content = ""
    calls: dict[int, list[str]] = {}
    for delta in filter(None, deltas):
        content += delta.content or ""
        for call in delta.tool_calls or ():
            known = calls.setdefault(call.index, ["", ""])
            known[0] += (call.function and call.function.name) or ""
            known[1] += (call.function and call.function.arguments) or ""
    return Answer(content or None, [(name, arguments) for name, arguments in calls.values()])


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    run(
        [
            Asker(f"vLLM {VERSION}", OURS, partial(ask, ours=True)),
            Asker(f"vLLM {VERSION}", ITS_OWN, partial(ask, ours=False), knows),
        ],
        families_said(),
    )
