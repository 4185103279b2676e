"""Every parser of vLLM reads a markup that a row here names it for, or a sentence says what serves its models."""

from __future__ import annotations

import pytest

pytest.importorskip("vllm")

from unserved import holes, stale
from vllm.reasoning import ReasoningParserManager
from vllm.tool_parsers import ToolParserManager

TOOLS = ToolParserManager.list_registered()
REASONING = ReasoningParserManager.list_registered()


def test_every_parser_of_vllm_is_named() -> None:
    assert holes("tool", "vllm", TOOLS) == []
    assert holes("reasoning", "vllm", REASONING) == []


def test_the_newest_vllm_has_the_names_of_the_rows() -> None:
    if "beam" not in TOOLS:
        pytest.skip("an older vLLM: it lacks the newest families")
    assert stale("tool", "vllm", TOOLS) == []
    assert stale("reasoning", "vllm", REASONING) == []
