"""Families that nobody has, one of each kind that docs/add-a-format.md names, and known while a test runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dynamo_parsers import registry
from dynamo_parsers.arguments.gemma import Marks
from dynamo_parsers.arguments.json_object import JsonObject
from dynamo_parsers.arguments.lines import Lines
from dynamo_parsers.arguments.tags import Tags
from dynamo_parsers.cursor import Markers
from dynamo_parsers.format import Span, Think, ToolFormat
from dynamo_parsers.kept import Kept
from dynamo_parsers.registry import reasoning_row, tool_row
from dynamo_parsers.rows import ToolRow
from dynamo_parsers.shapes.gemma import GemmaCalls
from dynamo_parsers.shapes.json_calls import JsonCalls
from dynamo_parsers.shapes.messages import Messages, Words
from dynamo_parsers.shapes.pythonic import Pythonic
from dynamo_parsers.shapes.tagged import Head, Tagged
from dynamo_parsers.write import functions, structural_tags
from dynamo_parsers.write.markup import RENDERERS, renderer_of

SAMPLE = '<call>{"name": "get_weather", "arguments": {"city": "Paris"}}</call>'
CALL, CALLS = Span("<call>", "</call>"), Span("<calls>", "</calls>")
PARAMETER = Tags(open="<arg of=", name_end=(">",), close="</arg>")
KEYS_AND_VALUES = Tags(open="<k>", name_end=("</k>", "<v>"), close="</v>")
FORMATS: dict[str, ToolFormat | Messages] = {
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
    "a tag that says the type of its value": Tagged(
        sample='<calls>\n<call>get_weather>\n<arg of="city" kind="string">Paris</arg>\n</call>\n</calls>',
        sections=(CALLS,),
        call=CALL,
        arguments=replace(PARAMETER, typed_by="kind"),
    ),
    "a tag that says it in words of its own": Tagged(
        sample='<call><do name="get_weather"><arg of="city" kind="str">Paris</arg></do></call>',
        wrapper=CALL,
        call=Span("<do name=", "</do>"),
        arguments=replace(
            PARAMETER,
            typed_by="kind",
            type_words=(("string", "str"), ("integer", "int"), ("number", "float"), ("boolean", "bool")),
        ),
    ),
    "a value between line breaks": Tagged(
        sample="<call>get_weather\n<k>city</k><v>\nParis\n</v>\n</call>",
        call=CALL,
        name_end=(),
        arguments=replace(KEYS_AND_VALUES, framed=True),
    ),
    "Python": Pythonic(
        sample='<calls>[get_weather(city="Paris")]</calls>', as_json=JsonCalls(sample="", spans=(CALLS,))
    ),
    "Python without a list": Pythonic(
        sample='<py>get_weather(city="Paris")</py>', as_json=JsonCalls(sample="", spans=(Span("<py>", "</py>"),))
    ),
    "a line a parameter": Tagged(
        sample="CALL get_weather\ncity: Paris\nEND", call=Span("CALL ", "END"), name_end=(), arguments=Lines()
    ),
    "messages in other words": Messages(
        sample='[CH]call >tools/get_weather[BODY]{"city": "Paris"}[END]',
        reasoning_sample="[CH]think[BODY]plan[END]",
        words=Words(start="[MSG]", role="model", channel="[CH]", to=">", constrain="", message="[BODY]"),
        closers=Markers(("[END]", "[DONE]")),
        channels=("think", "call", "say"),
        thinks=("think",),
        prefix="tools/",
    ),
    "messages whose calls have tags": Messages(
        sample='#for get_weather]\n<do name="get_weather">\n<arg of="city">Paris</arg>\n</do>[END]',
        reasoning_sample="#for self]plan[END]",
        words=Words(start="[MSG]", role="model", channel="", to="#for ", constrain="", message="]"),
        closers=Markers(("[END]", "[DONE]")),
        thinks=("self",),
        inner=Tagged(sample="", call=Span("<do name=", "</do>"), arguments=PARAMETER),
    ),
    "Gemma's literals": GemmaCalls(
        sample="<call>call:get_weather{city:<quote>Paris<quote>}</call>",
        marks=Marks(openers=("<call>",), end="</call>", delimiter="<quote>"),
    ),
}
"""Families that nobody has, of each kind that docs/add-a-format.md names."""
_BETWEEN = {"objects with a separator": "; ", "Python without a list": "; "}


def newcomer(name: str, monkeypatch: pytest.MonkeyPatch) -> ToolRow:
    """The row of one of these families, known while a test runs."""
    format = FORMATS[name]
    row = known(format, monkeypatch, between=_BETWEEN.get(name))
    monkeypatch.setitem(RENDERERS, row.name, renderer_of(row))
    return row


def known(format: ToolFormat | Messages, monkeypatch: pytest.MonkeyPatch, *, between: str | None = None) -> ToolRow:
    """A new row of a format, known by its name while a test runs."""
    row = replace(tool_row("hermes"), name="newcomer", aliases=(), format=format, between=between)
    if isinstance(format, Messages):
        row = replace(row, pairs=("newcomer",), turn_end=max(format.closers.all))
        opener = format.reasoning_sample.partition("plan")[0]
        closer = opener.replace(format.thinks[0], format.channels[-1] if format.channels else "user")
        think = replace(
            reasoning_row("gpt_oss"), name="newcomer", aliases=(), think=Think((opener,), (closer,)), frame=format
        )
        monkeypatch.setitem(registry._REASONING, "newcomer", think)
    monkeypatch.setitem(registry._TOOLS, "newcomer", row)
    # What is kept goes by the names of rows, of which a process has one each.
    monkeypatch.setattr(structural_tags, "_TAGS", Kept(0))
    monkeypatch.setattr(functions, "_FUNCTIONS", Kept(0))
    return row
