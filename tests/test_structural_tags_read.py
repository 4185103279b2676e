"""What a structural tag allows is read as the call that it is: tags and readers have to agree, for every row.

The replies are walked out of the tags by xgrammar; nothing here knows how a family writes.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest
from dynamo_parsers.format import Span
from dynamo_parsers.kept import Kept
from dynamo_parsers.registry import TOOL_ROWS, tool_row
from dynamo_parsers.rows import ToolRow
from dynamo_parsers.shapes.json_calls import JsonCalls
from dynamo_parsers.write import functions, structural_tags
from dynamo_parsers.write.structural_tags import structural_tag
from grammars import accepts
from rows import declared, misread

WALKS = int(os.environ.get("TAG_WALKS", "12"))
rows = pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)


@pytest.mark.costly
@rows
@pytest.mark.slow
def test_what_a_tag_allows_is_read_as_the_call_that_it_is(row: ToolRow) -> None:
    wrong, walked = misread(row, WALKS)
    assert not wrong
    assert walked >= WALKS // 2, "too few walks came to an end"


def row_of_json(sample: str, **said: Any) -> ToolRow:
    """A family as a newcomer writes one: its sample, its markers, its keys."""
    made = JsonCalls(sample=sample, spans=(Span("<call>", "</call>"),), **said)
    return replace(tool_row("hermes"), name="newcomer", format=made)


@pytest.fixture
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept goes by the names of rows, of which a process has one each."""
    monkeypatch.setattr(structural_tags, "_TAGS", Kept(0))
    monkeypatch.setattr(functions, "_FUNCTIONS", Kept(0))


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
    with pytest.raises(ValueError, match=r"dynamo_newcomer .* character 6\b.* 'name', then 'arguments'"):
        structural_tag("newcomer", declared(), "required")
