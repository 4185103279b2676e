"""`dynamo_auto` in vLLM's own composition: the chosen pair parses, and what is not conclusive is refused."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from dynamo_parsers.demo import checkpoint
from dynamo_parsers.demo.model import DemoModel
from dynamo_parsers.detect import NotConclusive
from dynamo_parsers.registry import TOOL_ROWS, tool_row
from dynamo_parsers.vllm import register
from dynamo_parsers.vllm.parsers import DynamoReasoningParser, DynamoToolParser
from transformers import AutoTokenizer

register()


def tokenizer(folder: Path, family: str) -> object:
    checkpoint.write(folder, DemoModel.of(family))
    return AutoTokenizer.from_pretrained(str(folder))


@pytest.mark.parametrize("name", [row.name for row in TOOL_ROWS if row.name != "default"])
def test_the_pair_is_the_models(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from vllm.reasoning import ReasoningParserManager
    from vllm.tool_parsers import ToolParserManager

    given = tokenizer(tmp_path, name)
    logger = logging.getLogger("vllm")
    logger.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.INFO, "vllm"):
            tools = ToolParserManager.get_tool_parser("dynamo_auto")
            reasoning = ReasoningParserManager.get_reasoning_parser("dynamo_auto")
            made = [reasoning(given), tools(given, []), reasoning(given), tools(given)]
    finally:
        logger.removeHandler(caplog.handler)
    assert isinstance(made[0], DynamoReasoningParser)
    assert isinstance(made[1], DynamoToolParser)
    row = tool_row(name)
    assert made[1].row is row
    assert {*made[0].row.names} & {*row.pairs}
    lines = {each.getMessage() for each in caplog.records if "dynamo_auto chose" in each.getMessage()}
    assert len(lines) <= 1
    assert all(f"dynamo_{name} with dynamo_" in line for line in lines)


def test_what_is_not_conclusive_is_refused(tmp_path: Path) -> None:
    from vllm.tool_parsers import ToolParserManager

    given = tokenizer(tmp_path, "default")
    with pytest.raises(NotConclusive, match="no parser can be chosen"):
        ToolParserManager.get_tool_parser("dynamo_auto")(given)


def test_a_model_without_reasoning_is_refused(tmp_path: Path) -> None:
    from vllm.reasoning import ReasoningParserManager

    model = DemoModel.of("mistral").model_copy(update={"reasoning_parser": None, "think_open": "", "think_close": ""})
    checkpoint.write(tmp_path, model)
    given = AutoTokenizer.from_pretrained(str(tmp_path))
    with pytest.raises(NotConclusive, match="leave the flag out"):
        ReasoningParserManager.get_reasoning_parser("dynamo_auto")(given)
