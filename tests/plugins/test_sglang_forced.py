"""What SGLang constrains a reply to with our detectors: strict tools to their schemas, a forced choice to JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("sglang")

from dynamo_parsers.markup import RENDERERS, Call
from dynamo_parsers.registry import TOOL_ROWS, ToolRow
from dynamo_parsers.sglang.detectors import tool_detector
from dynamo_parsers.structural_tags import frames_reply
from sglang.srt.entrypoints.openai.protocol import Tool
from sglang.srt.function_call.function_call_parser import FunctionCallParser

if not hasattr(FunctionCallParser, "owns_tool_format"):
    pytest.skip("an older SGLang", allow_module_level=True)

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PARIS = ("get_weather", {"city": "Paris"})

rows = pytest.mark.parametrize("row", [row for row in TOOL_ROWS if not frames_reply(row)], ids=lambda row: row.name)


def constraint(row: ToolRow, choice: Any = "auto", *, strict: bool, parallel: bool = True) -> Any:
    tools = [Tool(function={"name": "get_weather", "parameters": PARAMETERS, "strict": strict})]  # type: ignore[arg-type]
    FunctionCallParser.ToolCallParserEnum.setdefault(f"dynamo_{row.name}", tool_detector(row.name))
    parser = FunctionCallParser(tools, f"dynamo_{row.name}")
    return parser.get_structure_constraint(choice, parallel_tool_calls=parallel)


def accepts(tag: Any, text: str) -> bool:
    xgrammar = pytest.importorskip("xgrammar")
    testing = pytest.importorskip("xgrammar.testing")
    grammar = xgrammar.Grammar.from_structural_tag(json.dumps(tag.model_dump()))
    return bool(testing._is_grammar_accept_string(grammar, text))


def written(row: ToolRow, *calls: tuple[str, dict[str, object]]) -> str:
    return RENDERERS[row.name].calls([Call.of(*call) for call in calls])


@rows
def test_strict_tools_are_constrained(row: ToolRow) -> None:
    kind, tag = constraint(row, strict=True)
    assert kind == "structural_tag"
    assert accepts(tag, "Hello.")
    assert accepts(tag, written(row, PARIS, PARIS))
    assert not accepts(tag, written(row, ("get_time", {})))
    assert not accepts(tag, written(row, ("get_weather", {"town": "Paris"})))
    _, one = constraint(row, strict=True, parallel=False)
    assert accepts(one, written(row, PARIS))
    assert not accepts(one, written(row, PARIS, PARIS))


@rows
def test_others_are_free(row: ToolRow) -> None:
    assert constraint(row, strict=False) is None


@pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)
def test_a_forced_choice_is_json(row: ToolRow) -> None:
    for strict in (False, True):
        kind, schema = constraint(row, "required", strict=strict)
        assert kind == "json_schema"
        assert schema["type"] == "array"
