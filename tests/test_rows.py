"""Each row of tool parsers against itself: sample, reader and structural tag. `make case` runs it for one."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from dynamo_parsers import parse, registry
from dynamo_parsers.arguments.gemma import Marks
from dynamo_parsers.arguments.json_object import JsonObject
from dynamo_parsers.arguments.tags import Tags
from dynamo_parsers.format import Span, ToolFormat
from dynamo_parsers.kept import Kept
from dynamo_parsers.registry import TOOL_ROWS, tool_row
from dynamo_parsers.rows import ToolRow
from dynamo_parsers.shapes.gemma import GemmaCalls
from dynamo_parsers.shapes.json_calls import JsonCalls
from dynamo_parsers.shapes.pythonic import Pythonic
from dynamo_parsers.shapes.tagged import Head, Tagged
from dynamo_parsers.write import functions, structural_tags
from dynamo_parsers.write.markup import Call, renderer_of
from dynamo_parsers.write.values import PARIS
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


def newcomer(monkeypatch: pytest.MonkeyPatch, sample: str, opener: str = "<call>") -> ToolRow:
    """A row of JSON as somebody writes a new one."""
    return known(monkeypatch, JsonCalls(sample=sample, spans=(Span(opener, "</call>"),)))


def known(monkeypatch: pytest.MonkeyPatch, format: ToolFormat) -> ToolRow:
    """A new row of a format, known by its name while a test runs."""
    row = replace(tool_row("hermes"), name="newcomer", aliases=(), format=format)
    monkeypatch.setitem(registry._TOOLS, "newcomer", row)
    # What is kept goes by the names of rows, of which a process has one each.
    monkeypatch.setattr(structural_tags, "_TAGS", Kept(0))
    monkeypatch.setattr(functions, "_FUNCTIONS", Kept(0))
    return row


SAMPLE = '<call>{"name": "get_weather", "arguments": {"city": "Paris"}}</call>'


CALL, CALLS = Span("<call>", "</call>"), Span("<calls>", "</calls>")
PARAMETER = Tags(open="<arg of=", name_end=(">",), close="</arg>")
KEYS_AND_VALUES = Tags(open="<k>", name_end=("</k>", "<v>"), close="</v>")
NEWCOMERS: dict[str, ToolFormat] = {
    "an object": JsonCalls(sample=SAMPLE, spans=(CALL,)),
    "an object with other keys": JsonCalls(
        sample='<call>\n{"id": "0", "tool": "get_weather", "input": {"city": "Paris"}}\n</call>',
        spans=(CALL,),
        names=("tool",),
        keys=("input",),
    ),
    "an array": JsonCalls(
        sample='<calls>[\n  {"tool": "get_weather", "input": {"city": "Paris"}}\n]</calls>',
        spans=(CALLS,),
        names=("tool",),
        keys=("input",),
    ),
    "objects with a separator": JsonCalls(
        sample='<call>{"name": "get_weather", "parameters": {"city": "Paris"}}',
        spans=(Span("<call>", ""),),
        separator=";",
    ),
    "a name before JSON": Tagged(
        sample='<calls>\n<call>get_weather:0<args>{"city": "Paris"}</call>\n</calls>',
        sections=(CALLS,),
        call=CALL,
        name_end=("<args>",),
        head=lambda written: Head(written.partition(":")[0]),
        arguments=JsonObject(),
    ),
    "a tag a parameter": Tagged(
        sample='<call>\n<do name="get_weather">\n<arg of="city">Paris</arg>\n</do>\n</call>',
        wrapper=CALL,
        call=Span("<do name=", "</do>"),
        name_end=(">",),
        arguments=PARAMETER,
    ),
    "a key and a value": Tagged(
        sample="<call>get_weather\n<k>city</k>\n<v>Paris</v>\n</call>",
        call=CALL,
        name_end=(),
        arguments=KEYS_AND_VALUES,
    ),
    "a tag that types its value": Tagged(
        sample='<calls>\n<call>get_weather>\n<arg of="city" text="true">Paris</arg>\n</call>\n</calls>',
        sections=(CALLS,),
        call=CALL,
        name_end=(">",),
        arguments=replace(PARAMETER, typed_by="text"),
    ),
    "a value between line breaks": Tagged(
        sample="<call>get_weather\n<k>city</k><v>\nParis\n</v>\n</call>",
        call=CALL,
        name_end=(),
        arguments=replace(KEYS_AND_VALUES, framed=True),
    ),
    "Python": Pythonic(
        sample='<calls>[get_weather(city="Paris")]</calls>', as_json=JsonCalls(sample="", spans=(CALLS,)), bare=""
    ),
    "Gemma's literals": GemmaCalls(
        sample="<call>call:get_weather{city:<quote>Paris<quote>}</call>",
        marks=Marks(openers=("<call>",), end="</call>", delimiter="<quote>"),
    ),
}
"""Families that nobody has, of each kind that docs/add-a-format.md names."""


@pytest.mark.parametrize("name", NEWCOMERS)
def test_a_right_row(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the format has to know it: the tag, the renderer and the reader agree."""
    row = known(monkeypatch, NEWCOMERS[name])
    assert list(wrong_with_row(row, 3)) == []
    write = renderer_of(row).calls
    assert write([PARIS]).replace("'", '"') == row.sample
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
