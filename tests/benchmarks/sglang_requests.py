"""Milliseconds of CPU that a request's grammar costs SGLang's server: our detectors and its own, in turn.

    .venv-sglang/bin/python tests/benchmarks/sglang_requests.py [--families hermes,kimi_k2] [--tools 1,20,128,512]

A cell makes the `FunctionCallParser` of a request, asks it for the constraint, and makes the text of it that SGLang's
scheduler is sent. First: tools with names and descriptions that no request had before. Again: the same tools as objects
of their own. SGLang has no grammar for plain tools and `auto`, so that is not asked.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "support")]

import sglang_harness  # noqa: E402, F401
from declared_tools import tools  # noqa: E402
from dynamo_parsers.registry import tool_row  # noqa: E402
from dynamo_parsers.sglang.detectors import tool_detector  # noqa: E402
from in_turn import arguments, table  # noqa: E402
from sglang.srt.entrypoints.openai.protocol import Tool, ToolChoice  # noqa: E402
from sglang.srt.function_call.function_call_parser import FunctionCallParser  # noqa: E402
from sglang.utils import convert_json_schema_to_str  # noqa: E402

FAMILIES = ("qwen3_coder", "kimi_k2", "deepseek_v3_2", "deepseek_v4", "hermes", "llama3_json")
"""Of the first four SGLang has tags by xgrammar, of the others older ones of its own."""


@dataclass(frozen=True)
class Side:
    """Ours, or SGLang's own, for one family."""

    family: str
    kind: str

    def __post_init__(self) -> None:
        row = tool_row(self.family)
        FunctionCallParser.ToolCallParserEnum.setdefault(f"dynamo_{row.name}", tool_detector(row.name))
        self.measure(1, True, "required", "-")  # what is imported and made once

    def measure(self, count: int, strict: bool, choice: str, salt: str) -> tuple[float, int]:
        row = tool_row(self.family)
        name = f"dynamo_{row.name}" if self.kind == "ours" else row.engines.sglang[0]
        declared = [Tool.model_validate(each) for each in tools(count, strict, salt)]
        asked: Any = choice
        if choice == "named":
            named = {"type": "function", "function": {"name": declared[-1].function.name}}
            asked = ToolChoice.model_validate(named)
        start = time.process_time()
        found = FunctionCallParser(declared, name).get_structure_constraint(asked)
        text = ""
        if found is not None:
            said = found[1]
            text = convert_json_schema_to_str(said.model_dump(by_alias=True) if hasattr(said, "model_dump") else said)
        return time.process_time() - start, len(text)


def main(said: Sequence[str] | None = None) -> None:
    asked = arguments(__doc__, FAMILIES).parse_args(said)
    table("SGLang", asked, lambda family: (family, {kind: Side(family, kind) for kind in ("ours", "own")}))


if __name__ == "__main__":
    main()
