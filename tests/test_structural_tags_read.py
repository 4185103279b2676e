"""What a structural tag allows is read as the call that it is: tags and readers have to agree, for every row.

The replies are walked out of the tags by xgrammar; nothing here knows how a family writes.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

import pytest
from dynamo_parsers import parse, structural_tags
from dynamo_parsers.format import Span
from dynamo_parsers.formats.json_calls import JsonCalls
from dynamo_parsers.kept import Kept
from dynamo_parsers.registry import TOOL_ROWS, ToolRow, reasoning_row, tool_row
from dynamo_parsers.structural_tags import frames_reply, structural_tag
from grammars import accepts, allowed_reply

WALKS = int(os.environ.get("TAG_WALKS", "12"))
rows = pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer"},
        "unit": {"enum": ["c", "f"]},
        "at": {"type": "object", "properties": {"x": {"type": "integer"}}, "additionalProperties": False},
        "tags": {"type": "array", "items": {"enum": ["Paris", "7"]}},
    },
    "required": ["city"],
    "additionalProperties": False,
}


def declared() -> list[dict[str, Any]]:
    return [
        {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA, "strict": True}},
        {
            "type": "function",
            "function": {"name": "ping", "parameters": {"type": "object", "properties": {}}, "strict": True},
        },
    ]


def wrong_with(name: str, arguments: dict[str, Any]) -> str:
    """What of a call is not as its schema says; "" if all is."""
    if name == "ping":
        return "arguments" if arguments else ""
    kinds: dict[str, type] = {"city": str, "days": int, "unit": str, "at": dict, "tags": list}
    if set(arguments) - set(kinds) or "city" not in arguments:
        return "keys"
    if any(type(value) is not kinds[key] for key, value in arguments.items()):
        return "types"
    if arguments.get("unit", "c") not in ("c", "f") or set(arguments.get("tags", ())) - {"Paris", "7"}:
        return "values"
    return "" if all(key == "x" and type(value) is int for key, value in arguments.get("at", {}).items()) else "members"


@rows
@pytest.mark.slow
def test_what_a_tag_allows_is_read_as_the_call_that_it_is(row: ToolRow) -> None:
    think = reasoning_row(row.pairs[0])
    markers = sorted({*row.format.markers, think.open, think.close, think.open + think.think.label} - {""})
    walked = 0
    for in_front in (None, think.name) if not frames_reply(row) else (None,):
        tag = structural_tag(row.name, declared(), "required", reasoning_parser=in_front)
        assert tag is not None
        for seed in range(WALKS):
            text = allowed_reply(tag, markers, seed)
            if text is None:
                continue
            walked += 1
            said = parse(
                text, tool_parser=row.name, reasoning_parser=think.name, tools=declared(), tool_choice="required"
            )
            assert said.tool_calls, text
            assert not (said.content or "").strip(), text
            for call in said.tool_calls:
                assert call.name in ("get_weather", "ping"), text
                assert not (wrong := wrong_with(call.name, json.loads(call.arguments))), (wrong, text)
    assert walked >= WALKS // 2, "too few walks came to an end"


def row_of_json(sample: str, **said: Any) -> ToolRow:
    """A family as a newcomer writes one: its sample, its markers, its keys."""
    made = JsonCalls(sample=sample, spans=(Span("<call>", "</call>"),), **said)
    return replace(tool_row("hermes"), name="newcomer", format=made)


@pytest.fixture
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept goes by the names of rows, of which a process has one each."""
    monkeypatch.setattr(structural_tags, "_TAGS", Kept(0))
    monkeypatch.setattr(structural_tags, "_FUNCTIONS", Kept(0))


@pytest.mark.usefixtures("nothing_kept")
def test_the_keys_of_a_json_family_are_its_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    row = row_of_json('<call>{"name": "get_weather", "input": {"city": "Paris"}}</call>', keys=("input",))
    monkeypatch.setattr(structural_tags, "tool_row", lambda name: row)
    tag = structural_tag("newcomer", declared(), "required")
    assert accepts(tag, row.format.sample)
    assert not accepts(tag, row.format.sample.replace("input", "arguments"))


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize(
    "sample",
    [
        '<call>{"name": "get_weather", "input": {"city": "Paris"}}</call>',
        '<call>{"tool": "get_weather", "arguments": {"city": "Paris"}}</call>',
        '<call>{"arguments": {"city": "Paris"}, "name": "get_weather"}</call>',
    ],
)
def test_a_sample_whose_keys_the_reader_does_not_know_is_refused(sample: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structural_tags, "tool_row", lambda name: row_of_json(sample))
    with pytest.raises(ValueError, match=r"dynamo_newcomer .* character 6 .* 'name', then 'arguments'"):
        structural_tag("newcomer", declared(), "required")
