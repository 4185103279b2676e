"""The one table is consistent: names, pairs, samples, tokens and markers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from dynamo_parsers import parse, reasoning_parser_names, tool_parser_names
from dynamo_parsers.format import ToolFormat
from dynamo_parsers.registry import PREFIX, REASONING_ROWS, TOOL_ROWS, grammar_for, partners, reasoning_row, tool_row
from dynamo_parsers.rows import ReasoningRow, ToolRow
from replies import Request, check_protocol, events_of, merged, tool

ROOT = Path(__file__).resolve().parent.parent
TOOLS = [tool("get_weather", city={"type": "string"})]

tool_rows = pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)
reasoning_rows = pytest.mark.parametrize("row", REASONING_ROWS, ids=lambda row: row.name)


@pytest.mark.parametrize("rows", [TOOL_ROWS, REASONING_ROWS], ids=["tools", "reasoning"])
def test_names_are_unique(rows: tuple[ToolRow | ReasoningRow, ...]) -> None:
    names = [name for row in rows for name in row.names]
    assert len(names) == len(set(names))
    for name in names:
        assert re.fullmatch(r"[a-z0-9_-]+", name)
        assert not name.startswith(PREFIX)


def test_names_find_their_rows() -> None:
    for row in TOOL_ROWS:
        for name in row.names:
            assert tool_row(name) is tool_row(PREFIX + name) is row
    for reasoning in REASONING_ROWS:
        for name in reasoning.names:
            assert reasoning_row(name) is reasoning_row(PREFIX + name) is reasoning
    assert tool_parser_names() == sorted(name for row in TOOL_ROWS for name in row.names)
    assert reasoning_parser_names() == sorted(name for row in REASONING_ROWS for name in row.names)


@tool_rows
def test_every_pair_exists(row: ToolRow) -> None:
    assert row.pairs
    assert len(set(row.pairs)) == len(row.pairs)
    for name in row.pairs:
        assert row in partners(reasoning_row(name))
        grammar_for(row, reasoning_row(name))


@reasoning_rows
def test_partners_say_so_themselves(row: ReasoningRow) -> None:
    for partner in partners(row):
        assert set(partner.pairs) & set(row.names)


@tool_rows
def test_models_are_named(row: ToolRow) -> None:
    assert row.models.strip() == row.models != ""


@tool_rows
@pytest.mark.parametrize("with_reasoning", [True, False], ids=["pair", "alone"])
def test_the_sample_is_the_call(row: ToolRow, with_reasoning: bool) -> None:
    reasoning = row.pairs[0] if with_reasoning else None
    for name in row.names:
        message = parse(row.sample, name, reasoning, TOOLS, in_reasoning=False)
        (call,) = message.tool_calls
        assert (call.name, json.loads(call.arguments), call.complete) == ("get_weather", {"city": "Paris"}, True)
        assert (message.content, message.reasoning, message.finish_reason) == (None, None, "tool_calls")
    request = Request(row.name, reasoning, TOOLS, in_reasoning=False)
    whole = merged(events_of(request, [row.sample]))
    check_protocol(whole)
    for at in range(1, len(row.sample)):
        assert merged(events_of(request, [row.sample[:at], row.sample[at:]])) == whole


@tool_rows
def test_the_sample_between_text(row: ToolRow) -> None:
    """Reasoning and content come before the call; the turn's end comes after it."""
    for pair in row.pairs:
        reasoning = reasoning_row(pair)
        if reasoning.frame is not None:
            continue
        text = f"{reasoning.sample}\n\nSure.\n{row.sample}{row.turn_end}"
        message = parse(text, row.name, pair, TOOLS, in_reasoning=False)
        assert message.content is not None
        assert message.content.rstrip().endswith("Sure.")
        if pair != "minimax_append_think":
            assert message.reasoning == "plan"
            assert message.content.rstrip() == "Sure."
        assert [call.name for call in message.tool_calls] == ["get_weather"]


@reasoning_rows
def test_the_reasoning_sample(row: ReasoningRow) -> None:
    for name in row.names:
        message = parse(row.sample, None, name, in_reasoning=False)
        if not row.splits:
            continue
        assert message.reasoning == "plan"
        assert message.content is None


@tool_rows
def test_markers_stand_in_the_sample(row: ToolRow) -> None:
    # Pythonic calls need no marker.
    assert getattr(row.format, "bare", "") == "line" or any(marker in row.sample for marker in row.format.markers)
    assert "" not in row.format.markers
    assert row.call_openers <= row.format.markers


@tool_rows
def test_tokens_are_pieces_of_the_markup(row: ToolRow) -> None:
    """Each special or added token is a marker, or a part of one, or ends a turn."""
    known = [*row.format.markers, row.turn_end, *row.turn_ends]
    for token in (*row.special_tokens, *row.added_tokens):
        assert any(token in marker for marker in known), token
    assert not set(row.special_tokens) & set(row.added_tokens)
    if isinstance(row.format, ToolFormat):
        assert row.turn_end not in row.format.markers


@reasoning_rows
def test_reasoning_tokens_are_its_markers(row: ReasoningRow) -> None:
    known = [*row.think.opens, *row.think.closes, *row.turn_ends]
    if row.frame is not None:
        known += row.frame.markers
    for token in (*row.special_tokens, *row.added_tokens):
        assert any(token in marker for marker in known), token


@tool_rows
def test_pairs_agree_on_the_ends_of_a_turn(row: ToolRow) -> None:
    for pair in row.pairs:
        grammar = grammar_for(row, reasoning_row(pair))
        assert {row.turn_end, *row.turn_ends} <= grammar.turn_ends.all
        message = parse(f"Hello.{row.turn_end}", row.name, pair, TOOLS, in_reasoning=False)
        if reasoning_row(pair).frame is None and pair != "minimax_append_think":
            assert message.content == "Hello."


def test_the_pages_list_every_parser() -> None:
    text = "".join((ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "docs/parsers.md"))
    for row in (*TOOL_ROWS, *REASONING_ROWS):
        for name in row.names:
            assert re.search(rf"`(?:dynamo_)?{re.escape(name)}`", text), name
