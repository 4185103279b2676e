"""Each row of tool parsers against itself: sample, reader and structural tag. `make case` runs it for one."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from dynamo_parsers import registry
from dynamo_parsers.format import Span
from dynamo_parsers.kept import Kept
from dynamo_parsers.registry import TOOL_ROWS, tool_row
from dynamo_parsers.rows import ToolRow
from dynamo_parsers.shapes.json_calls import JsonCalls
from dynamo_parsers.write import functions, structural_tags
from rows import rows_of, wrong_with_row

WALKS = 6
"""Replies that are tried of each tag, for one family; of all rows `test_structural_tags_read.py` tries more."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "row" in metafunc.fixturenames:
        found = rows_of(metafunc.config.getoption("--family"), TOOL_ROWS)
        metafunc.parametrize("row", found, ids=lambda row: row.name)


def test_a_row_is_one_family(row: ToolRow, request: pytest.FixtureRequest) -> None:
    wrong = list(wrong_with_row(row, WALKS if request.config.getoption("--family") else 1))
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def newcomer(monkeypatch: pytest.MonkeyPatch, sample: str, opener: str = "<call>") -> ToolRow:
    """A row as somebody writes a new one, known by its name while a test runs."""
    made = JsonCalls(sample=sample, spans=(Span(opener, "</call>"),))
    row = replace(tool_row("hermes"), name="newcomer", aliases=(), format=made)
    monkeypatch.setitem(registry._TOOLS, "newcomer", row)
    # What is kept goes by the names of rows, of which a process has one each.
    monkeypatch.setattr(structural_tags, "_TAGS", Kept(0))
    monkeypatch.setattr(functions, "_FUNCTIONS", Kept(0))
    return row


SAMPLE = '<call>{"name": "get_weather", "arguments": {"city": "Paris"}}</call>'


def test_a_right_row(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(wrong_with_row(newcomer(monkeypatch, SAMPLE), 2)) == []


@pytest.mark.parametrize(
    ("sample", "opener", "said"),
    [
        (SAMPLE, "<tool>", r"newcomer.*sample is not read as get_weather.*was taken for text at character \d+"),
        (
            SAMPLE.replace("Paris", "Rome"),
            "<call>",
            r"newcomer.*the call ended with \{\"city\": ?\"Rome\"\} at character \d+",
        ),
        (SAMPLE.replace("get_w", "get-w"), "<call>", r"newcomer.*a call of 'get-weather' was read at character"),
        (
            SAMPLE.removesuffix("}}</call>"),
            "<call>",
            r"newcomer.*its sample, from character 6 on, is no call with the keys",
        ),
    ],
)
def test_a_sample_that_is_not_its_call(sample: str, opener: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = next(wrong_with_row(newcomer(monkeypatch, sample, opener), 2))
    assert re.search(said, wrong, re.DOTALL), wrong


def test_a_tag_that_does_not_fit_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    row = newcomer(monkeypatch, SAMPLE)
    tag = structural_tags.structural_tag
    monkeypatch.setattr(
        "rows.structural_tag",
        lambda *args, **said: tag("kimi_k2", *args[1:], **said),
    )
    wrong = list(wrong_with_row(row, 2))
    assert "its structural tag does not allow its sample: it stops at character 1," in wrong[0]
    assert "its structural tag allows " in wrong[1]
    assert "was taken for text" in wrong[1]
