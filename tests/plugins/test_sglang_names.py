"""Every parser of SGLang reads a markup that a row here names it for, or a sentence says what serves its models."""

from __future__ import annotations

import pytest

pytest.importorskip("sglang")

import sglang_harness  # noqa: F401  (it makes SGLang importable here, and loads its plugins)
from sglang.srt.function_call.function_call_parser import FunctionCallParser
from sglang.srt.parser.reasoning_parser import ReasoningParser
from unserved import holes, stale


def test_every_parser_of_sglang_is_named() -> None:
    assert holes("tool", "sglang", FunctionCallParser.ToolCallParserEnum) == []
    assert holes("reasoning", "sglang", ReasoningParser.DetectorMap) == []


def test_sglang_has_the_names_of_the_rows() -> None:
    assert stale("tool", "sglang", FunctionCallParser.ToolCallParserEnum) == []
    assert stale("reasoning", "sglang", ReasoningParser.DetectorMap) == []
