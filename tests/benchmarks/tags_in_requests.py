"""Milliseconds of CPU that setting a request up costs the API server: our parsers and vLLM's own, in turn.

    make bench-requests [ARGS="--families qwen3_coder,hermes --tools 1,20,128,512 --choices auto,required,named"]

A cell makes a parser for a request, tells it the prompt, and has it adjust the request: what vLLM does before it
schedules one. First: tools that no request had before, as the names and descriptions of all are new. Again: the same
tools as objects of their own. The fastest of several counts, of both; what takes longer than vLLM's own is bold, and
listed at the end. KB: what the request's grammar is as text. vLLM has no grammar of markup for families in
`WITHOUT_TAG`: there it makes the JSON of forced calls, and nothing for `auto`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "support")]

from declared_tools import tools  # noqa: E402
from dynamo_parsers.registry import tool_row  # noqa: E402
from in_turn import arguments, table  # noqa: E402
from pages import write_table  # noqa: E402
from vllm_harness import TURN, chat_request, compose, encode, tokenizer_for  # noqa: E402
from workloads import parsers  # noqa: E402

FAMILIES = (
    *("qwen3_coder", "hermes", "kimi_k2", "glm47", "deepseek_v3", "deepseek_v3_1", "deepseek_v3_2", "deepseek_v4"),
    *("minimax_m2", "llama3_json", "kimi_k3", "harmony", "mistral", "gemma4", "pythonic", "minimax_m3"),
)
NEAREST = {"mistral": "kimi_k2", "gemma4": "qwen3_coder", "pythonic": "qwen3_coder", "minimax_m3": "qwen3_coder"}
PAGE = Path(__file__).parents[2] / "docs" / "tool-choice.md"
BEGIN, END = "<!-- table of requests: made by `make bench-requests` -->", "<!-- end of the table of requests -->"


@dataclass(frozen=True)
class Side:
    """Ours, or vLLM's own, for one family."""

    family: str
    kind: str

    def __post_init__(self) -> None:
        self.measure(1, True, "required", "-")  # what is imported and made once

    def measure(self, count: int, strict: bool, choice: str, salt: str) -> tuple[float, int]:
        """Seconds of CPU for one request, and characters of its grammar."""
        row = tool_row(self.family)
        composed = compose(*parsers(self.family, self.kind))
        tokenizer = tokenizer_for(row.name, row.pairs[0])
        declared = tools(count, strict, salt)
        asked: object = choice
        if choice == "named":
            asked = {"type": "function", "function": {"name": declared[-1]["function"]["name"]}}
        request: Any = chat_request(declared, tool_choice=asked)
        prompt = encode(tokenizer, TURN)
        start = time.process_time()
        parser = composed(tokenizer, request.tools, chat_template_kwargs={}, model_config=None)
        if hasattr(parser, "set_prompt_token_ids"):
            parser.set_prompt_token_ids(prompt)
        parser.adjust_request(request)
        took = time.process_time() - start
        params = request.extract_structured_outputs()
        return took, 0 if params is None else len(params.structural_tag or "") or len(str(params.json or ""))


def main(said: Sequence[str] | None = None) -> None:
    parser = arguments(__doc__, FAMILIES)
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    asked = parser.parse_args(said)
    lines = table("vLLM", asked, sides_of)
    if asked.write:
        write_table(PAGE, BEGIN, END, lines)


def sides_of(family: str) -> tuple[str, dict[str, Side]]:
    """A family's label and its sides; vLLM's own is the nearest family's if it has no grammar for this one."""
    beside = NEAREST.get(family, family)
    label = family if beside == family else f"{family} (vLLM's: {beside})"
    return label, {"ours": Side(family, "ours"), "own": Side(beside, "own")}


if __name__ == "__main__":
    main()
