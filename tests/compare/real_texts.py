"""Questions of what real models said: each text that the tests of them wrote to `REAL_MODEL_TEXTS`, once for a request.

    PYTHONPATH=tests:tests/support python tests/compare/real_texts.py TEXTS.jsonl QUESTIONS.jsonl

- Both models that `tests/live/real_model.py` has write the markup of `PAIR`, and no prompt of theirs opens reasoning.
- What a grammar of ours forced is asked as if the model had chosen it: an engine of its own forces other markup.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from questions import pieces
from records import Question, write

PAIR = ("hermes", "qwen3")


def of_line(line: str, number: int) -> Question:
    said: dict[str, Any] = json.loads(line)
    if said.get("tool_choice") != "none":
        said["tool_choice"] = "auto"
    tool, reasoning = PAIR
    text = said["text"]
    return Question(
        id=f"{tool}/real model/{number}",
        format=tool,
        pieces=pieces(text, tool, reasoning),
        tool_parser=tool,
        reasoning_parser=reasoning,
        reasons="think>" in text,
        in_reasoning=False,
        **said,
    )


def questions(path: Path) -> list[Question]:
    lines = dict.fromkeys(path.read_text(encoding="utf-8").splitlines())
    return [of_line(line, number) for number, line in enumerate(lines)]


if __name__ == "__main__":
    write(Path(sys.argv[2]), questions(Path(sys.argv[1])))
