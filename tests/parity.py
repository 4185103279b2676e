"""What the tests of every engine's plugin share: the compositions of parsers that can read a case, and its outcome."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

from corpus import Case
from dynamo_parsers.registry import reasoning_row, tool_row

RESULTS = "PARITY_RESULTS"
"""The environment variable that names the file that `record` writes to."""

TURN = "<|im_start|>assistant\n"
"""What a demo model's prompt ends with where it says nothing of reasoning."""


def prompt_for(reasoning: str | None, inside: bool | None) -> str:
    """The end of a prompt that leaves reasoning open, closes it, or says nothing of it."""
    if reasoning is None or inside is None:
        return TURN
    row = reasoning_row(reasoning)
    return TURN + (row.open + "\n" if inside else f"{row.open}\n\n{row.close}\n\n")


def compositions(case: Case) -> Iterator[tuple[str, str | None, str | None]]:
    """The compositions that can read a case, with the names of their tool and reasoning parsers."""
    tool, reasoning = case.request.tool_parser, case.request.reasoning_parser
    if tool is not None:
        beside = reasoning or next(iter(tool_row(tool).pairs), None)
        if beside is not None:
            yield "both", tool, beside
        yield "tool", tool, None
    if reasoning is not None:
        yield "reasoning", None, reasoning


def markers(tool: str | None, reasoning: str | None) -> set[str]:
    """What a composition has to see."""
    found: set[str] = set()
    if tool is not None:
        found |= tool_row(tool).format.markers
    if reasoning is not None:
        row = reasoning_row(reasoning)
        found |= {row.open, row.close} if row.frame is None else row.frame.markers
    return found


def record(engine: str, case: Case, outcome: str) -> None:
    """Put down what became of a case in an engine, as a line of JSON; nothing where no file is named for it.

    `outcome` is "same", "differs", or "refused: " and why.
    """
    if file := os.environ.get(RESULTS):
        said = {"engine": engine, "file": case.file, "group": case.group, "title": case.title, "outcome": outcome}
        with open(file, "a", encoding="utf-8") as results:
            results.write(json.dumps(said, ensure_ascii=False) + "\n")
