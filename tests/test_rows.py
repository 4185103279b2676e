"""Each row of tool parsers against itself: sample, reader and structural tag. `make case` runs it for one."""

from __future__ import annotations

import json
import re

import pytest
from dynamo_parsers import parse
from dynamo_parsers.arguments.lines import Lines
from dynamo_parsers.format import Span
from dynamo_parsers.registry import TOOL_ROWS
from dynamo_parsers.rows import ToolRow
from dynamo_parsers.shapes.json_calls import JsonCalls
from dynamo_parsers.shapes.tagged import Tagged, sample_of
from dynamo_parsers.write import structural_tags
from dynamo_parsers.write.markup import Call, renderer_of
from dynamo_parsers.write.template import start_of
from dynamo_parsers.write.values import PARIS
from newcomers import CALL, FORMATS, SAMPLE, known, newcomer
from rows import declared, rows_of, wrong_with_row

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


def json_row(monkeypatch: pytest.MonkeyPatch, sample: str, opener: str = "<call>") -> ToolRow:
    """A row of JSON as somebody writes a new one."""
    return known(JsonCalls(sample=sample, spans=(Span(opener, "</call>"),)), monkeypatch)


@pytest.mark.parametrize("name", FORMATS)
def test_a_right_row(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the format has to know it: the tag, the renderer and the reader agree."""
    row = newcomer(name, monkeypatch)
    assert list(wrong_with_row(row, 3)) == []
    write = renderer_of(row).calls
    assert write([PARIS]).replace("'", '"') == row.sample.removeprefix(start_of(row.format))
    calls = [Call.of("get_weather", {"city": "Oslo", "days": 2}), Call.of("ping", {})]
    read = parse(write(calls), tool_parser=row.name, tools=declared()).tool_calls
    assert [(each.name, json.loads(each.arguments)) for each in read] == [(each.name, each.arguments) for each in calls]


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
            r"newcomer.*its sample, from character 6, is not a call with the keys",
        ),
    ],
)
def test_a_sample_that_is_not_its_call(sample: str, opener: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = next(wrong_with_row(json_row(monkeypatch, sample, opener), 2))
    assert re.search(said, wrong, re.DOTALL), wrong


def test_a_tag_that_does_not_fit_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    row = json_row(monkeypatch, SAMPLE)
    tag = structural_tags.structural_tag
    monkeypatch.setattr(
        "rows.structural_tag",
        lambda *args, **said: tag("kimi_k2", *args[1:], **said),
    )
    wrong = list(wrong_with_row(row, 2))
    assert "its structural tag does not allow its sample: it stops at character 1," in wrong[0]
    assert "its structural tag allows " in wrong[1]
    assert "was taken for text" in wrong[1]


def test_a_docstring_without_a_sample_is_refused() -> None:
    assert sample_of("Models.\n\n<call>\n\n</call>\n\nNotes.\n") == "<call>\n\n</call>"
    for docstring in (None, "Models.", "Models.\n\n<call></call>\n"):
        with pytest.raises(ValueError, match="the models, the sample and a paragraph"):
            sample_of(docstring)


def test_white_space_ends_no_name() -> None:
    with pytest.raises(ValueError, match=r"name_end=\(\)"):
        Tagged(sample="", call=CALL, name_end=("\n",), arguments=Lines())
