"""Milliseconds of CPU that setting a request up costs the API server: our parsers and vLLM's own, in turn.

    make bench-requests [ARGS="--families qwen3_coder,hermes --tools 1,20,128,512 --choices auto,required,named"]

A cell makes a parser for a request, tells it the prompt, and has it adjust the request: what vLLM does before it
schedules one. First: tools that no request had before, as the names and descriptions of all are new. Again: the same
tools as objects of their own. The fastest of several counts, of both; what takes longer than vLLM's own is bold, and
listed at the end. KB: what the request's grammar is as text. vLLM has no grammar of markup for families in
`WITHOUT_TAG`: there it makes the JSON of forced calls, and nothing for `auto`.
"""

from __future__ import annotations

import argparse
import gc
import logging
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count as counter
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "support")]

from declared_tools import tools  # noqa: E402
from dynamo_parsers.registry import tool_row  # noqa: E402
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
_SALTS = counter()


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


@dataclass(frozen=True)
class Cell:
    """Milliseconds of the first time and of later times, and KB; of ours and of vLLM's own."""

    ours: tuple[float, float, float]
    own: tuple[float, float, float]

    @classmethod
    def of(cls, sides: Mapping[str, Side], what: tuple[int, bool, str], rounds: int) -> Cell:
        found: dict[str, list[tuple[float, float, int]]] = {kind: [] for kind in sides}
        for _ in range(rounds):
            salt = str(next(_SALTS))
            for kind, side in sides.items():
                first, size = side.measure(*what, salt)
                found[kind].append((first, min(side.measure(*what, salt)[0] for _ in range(2)), size))
        ours, own = (
            (1000 * min(each[0] for each in every), 1000 * min(each[1] for each in every), every[0][2] / 1000)
            for every in (found["ours"], found["own"])
        )
        return cls(ours, own)

    @property
    def is_over(self) -> tuple[bool, bool]:
        return self.ours[0] > self.own[0], self.ours[1] > self.own[1]

    def __str__(self) -> str:
        times = (
            f"{mark}{_short(ours)} ({_short(own)}){mark}"
            for ours, own, over in zip(self.ours[:2], self.own[:2], self.is_over, strict=True)
            for mark in ["**" if over else ""]
        )
        return ", ".join(times)


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.2f}" if milliseconds < 1 else f"{milliseconds:.1f}"


def rows(asked: argparse.Namespace, over: list[str]) -> Iterator[str]:
    counts = [int(each) for each in asked.tools.split(",")]
    kinds = [(count, strict) for count in counts for strict in (False, True)]
    yield f"| ms: first, again (vLLM's own) | {' | '.join(f'{n} {_word(strict)}' for n, strict in kinds)} |"
    yield "|---" * (1 + len(kinds)) + "|"
    for family in asked.families.split(","):
        beside = NEAREST.get(family, family)
        sides = {"ours": Side(family, "ours"), "own": Side(beside, "own")}
        gc.collect()
        gc.freeze()  # as vLLM's server does once it has started
        mark = "" if beside == family else f" (vLLM's: {beside})"
        for choice in asked.choices.split(","):
            cells = [Cell.of(sides, (count, strict, choice), asked.rounds) for count, strict in kinds]
            for (count, strict), cell in zip(kinds, cells, strict=True):
                for when, is_over in zip(("first", "again"), cell.is_over, strict=True):
                    if is_over:
                        over.append(f"{family}{mark}, {choice}, {count} {_word(strict)}, {when}")
            sizes = f"; KB: {cells[-1].ours[2]:.0f} ({cells[-1].own[2]:.0f})"
            yield f"| {family}{mark}, `{choice}`{sizes} | {' | '.join(map(str, cells))} |"


def _word(strict: bool) -> str:
    return "strict" if strict else "plain"


def main(said: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--tools", default="1,20,128,512")
    parser.add_argument("--choices", default="auto,required,named")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    asked = parser.parse_args(said)
    logging.disable()  # what is not enforced of some tool
    over: list[str] = []
    lines: list[str] = []
    for line in rows(asked, over):
        lines.append(line)
        print(line, flush=True)
    print("slower than vLLM's own: " + ("; ".join(over) or "nothing"))
    if asked.write:
        write_table(PAGE, BEGIN, END, lines)


if __name__ == "__main__":
    main()
