"""Milliseconds of CPU that a request's structural tag costs the API server, for our parsers and for vLLM's own.

    .venv-vllm/bin/python tests/benchmarks/tags_in_requests.py [--families qwen3_coder,hermes] [--tools 1,20,128,512]

Each cell is `adjust_request` the first time, and the median of the later times with the same tools; then the size of
the tag. Both parsers are asked in turn, each request is a new object, and its tools are new objects as well.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "support")]

from declared_tools import tools  # noqa: E402
from dynamo_parsers import structural_tags  # noqa: E402
from vllm_harness import TURN, Exchange, chat_request, encode  # noqa: E402

THEIRS = {
    "qwen3_coder": ("qwen3_coder", "qwen3"),
    "hermes": ("hermes", "qwen3"),
    "kimi_k2": ("kimi_k2", "kimi_k2"),
    "glm47": ("glm47", "glm45"),
    "deepseek_v3_1": ("deepseek_v31", "deepseek_v3"),
}
"""vLLM's tool parser and reasoning parser of a family; others have no structural tag there."""
OURS = {
    "qwen3_coder": "qwen3",
    "hermes": "qwen3",
    "kimi_k2": "kimi_k25",
    "glm47": "glm45",
    "deepseek_v3_1": "deepseek_v3_1",
    "gemma4": "gemma4",
    "pythonic": "basic",
    "minimax_m3": "minimax_m3",
    "harmony": "gpt_oss",
}
LATER = 5


def measured(tool: str, reasoning: str, count: int, strict: bool, choice: str) -> str:
    """`first later KB` of one cell."""
    made = Exchange(tool, reasoning, request=chat_request())
    structural_tags._TAGS.clear()  # a server serves one family
    structural_tags._FUNCTIONS.clear()
    asked: object = choice
    if choice == "named":
        asked = {"type": "function", "function": {"name": f"server_{(count - 1) % 7}_tool_{count - 1}"}}
    times: list[float] = []
    size = 0
    for _ in range(1 + LATER):
        request: Any = chat_request(tools(count, strict), tool_choice=asked)
        parser = made.composed(made.tokenizer, request.tools, chat_template_kwargs={}, model_config=None)
        parser.set_prompt_token_ids(encode(made.tokenizer, TURN))
        start = time.process_time()
        parser.adjust_request(request)
        times.append(1000 * (time.process_time() - start))
        params = request.extract_structured_outputs()
        size = len(params.structural_tag or params.json or "") if params is not None else 0
    return f"{times[0]:9.1f} {statistics.median(times[1:]):8.1f} {size / 1000:8.0f}"


def main(said: Sequence[str] | None = None, write: Callable[[str], object] = print) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", default=",".join(OURS))
    parser.add_argument("--tools", default="1,20,128,512")
    parser.add_argument("--choices", default="auto,required,named")
    asked = parser.parse_args(said)
    measured("dynamo_hermes", "dynamo_qwen3", 1, True, "required")  # what is imported and made once
    gc.collect()
    gc.freeze()  # as vLLM's server does once it has started
    write(f"{'family':14} {'choice':9} {'tools':>12}   ours: first   later       KB   vLLM: first   later       KB")
    for family in asked.families.split(","):
        for count in map(int, asked.tools.split(",")):
            for strict in (False, True):
                for choice in asked.choices.split(","):
                    ours = measured(f"dynamo_{family}", f"dynamo_{OURS[family]}", count, strict, choice)
                    theirs = measured(*THEIRS[family], count, strict, choice) if family in THEIRS else ""
                    what = f"{count} {'strict' if strict else 'plain'}"
                    write(f"{family:14} {choice:9} {what:>12} {ours}   {theirs}")


if __name__ == "__main__":
    main()
