"""The structural tags, by xgrammar itself: they accept what a family writes for any schema, and nothing that a request
forbids.

`markup` writes the replies; nothing there knows the tags.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from dynamo_parsers import parse
from dynamo_parsers.kept import Kept
from dynamo_parsers.registry import TOOL_ROWS, reasoning_row, tool_row
from dynamo_parsers.rows import ToolRow
from dynamo_parsers.shapes.frames import Frames
from dynamo_parsers.write import structural_tags
from dynamo_parsers.write.markup import RENDERERS, Call, Part
from dynamo_parsers.write.schemas import is_plain
from dynamo_parsers.write.structural_tags import (
    NoStructuralTag,
    ToolChoiceError,
    answer_tag,
    frames_reply,
    has_structural_tag,
    structural_tag,
)
from dynamo_parsers.write.tag_text import Tag
from grammars import accepts, xgrammar
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from templates import FIRST_USER, OURS, Subject, assistant, call

EXAMPLES = int(os.environ.get("TAG_EXAMPLES", "12"))
PARIS: dict[str, object] = {"city": "Paris"}
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}
NAMED = {"type": "function", "function": {"name": "get_weather"}}

EXPRESSED = [row for row in TOOL_ROWS if has_structural_tag(row.name)]
rows = pytest.mark.parametrize("row", EXPRESSED, ids=lambda row: row.name)
stricts = pytest.mark.parametrize("strict", [False, True], ids=["free", "strict"])


def tool(name: str, parameters: Mapping[str, object], strict: bool) -> dict[str, object]:
    return {"type": "function", "function": {"name": name, "parameters": dict(parameters), "strict": strict}}


def tools(strict: bool) -> list[dict[str, object]]:
    return [tool("get_weather", SCHEMA, strict), tool("ping", {"type": "object", "properties": {}}, strict)]


def written(row: ToolRow, *calls: tuple[str, Mapping[str, object]]) -> str:
    return RENDERERS[row.name].calls([Call.of(name, arguments) for name, arguments in calls])


def reply(row: ToolRow, *parts: Part) -> str:
    think = reasoning_row(row.pairs[0])
    return "".join(RENDERERS[row.name].write(parts, (think.open + think.think.label, think.close)))


WEATHER, PING = ("get_weather", PARIS), ("ping", dict[str, object]())


# --- what a request allows


@stricts
@rows
def test_required(row: ToolRow, strict: bool) -> None:
    tag = structural_tag(row.name, tools(strict), "required")
    assert accepts(tag, written(row, WEATHER))
    assert accepts(tag, written(row, WEATHER, PING, WEATHER))
    assert accepts(tag, row.sample.removeprefix("<|message_model|>"))
    # Between reasoning, which an engine may keep from the grammar, and a call.
    assert accepts(tag, "\n\n" + written(row, WEATHER)) is not frames_reply(row)
    assert not accepts(tag, "")
    assert not accepts(tag, "Hello.")
    assert not accepts(tag, reply(row, Part("content", "Hello."), Part("calls", calls=(Call.of(*WEATHER),))))
    assert not accepts(tag, written(row, ("get_time", {})))
    assert not accepts(tag, written(row, WEATHER, ("get_time", {})))
    assert not accepts(tag, written(row, WEATHER)[:-20])


@stricts
@rows
def test_a_named_function(row: ToolRow, strict: bool) -> None:
    for named in (NAMED, {"type": "function", "name": "get_weather"}):
        tag = structural_tag(row.name, tools(strict), named)
        assert accepts(tag, written(row, WEATHER))
        assert not accepts(tag, written(row, PING))
        assert not accepts(tag, written(row, WEATHER, WEATHER))
        assert not accepts(tag, "Hello.")


@stricts
@pytest.mark.parametrize("choice", ["required", "auto"])
@rows
def test_one_call_only(row: ToolRow, choice: str, strict: bool) -> None:
    tag = structural_tag(row.name, tools(strict), choice, parallel_tool_calls=False)
    assert accepts(tag, written(row, WEATHER))
    assert not accepts(tag, written(row, WEATHER, PING))


@rows
def test_strict_with_auto(row: ToolRow) -> None:
    tag = structural_tag(row.name, tools(strict=True))
    calls = Part("calls", calls=(Call.of(*WEATHER), Call.of(*PING)))
    assert accepts(tag, reply(row, Part("content", "Hello.")))
    assert accepts(tag, reply(row, calls))
    assert not accepts(tag, written(row, ("get_time", {})))
    assert not accepts(tag, written(row, ("get_weather", {"city": "Paris", "days": "three"})))
    if not frames_reply(row):
        assert accepts(tag, f"Hello. {written(row, WEATHER, PING)}")
        assert not accepts(tag, f"Hello. {written(row, ('get_time', {}))}")


@rows
def test_the_schema_of_strict_tools_only(row: ToolRow) -> None:
    wrong: list[dict[str, object]] = [{"city": "Paris", "days": "three"}, {"days": 3}, {"city": "Paris", "nope": "x"}]
    for arguments in wrong:
        call = written(row, ("get_weather", arguments))
        assert accepts(structural_tag(row.name, tools(strict=False), "required"), call), arguments
        assert not accepts(structural_tag(row.name, tools(strict=True), "required"), call), arguments
        assert not accepts(structural_tag(row.name, tools(strict=False), "required", level="parameter"), call), (
            arguments
        )


@rows
def test_levels_of_a_server(row: ToolRow) -> None:
    assert structural_tag(row.name, tools(strict=False)) is None
    framing = structural_tag(row.name, tools(strict=False), level="function")
    assert accepts(framing, written(row, ("get_weather", {"days": "three"})))
    assert not accepts(framing, written(row, ("get_time", {})))


@stricts
@rows
def test_reasoning_in_front(row: ToolRow, strict: bool) -> None:
    call = Part("calls", calls=(Call.of(*WEATHER),))
    if frames_reply(row):
        tag = structural_tag(row.name, tools(strict), "required")
        assert accepts(tag, reply(row, Part("reasoning", "I plan."), call))
        return
    think = reasoning_row(row.pairs[0])
    inside, outside = (
        structural_tag(row.name, tools(strict), "required", reasoning_parser=think.name, in_reasoning=state)
        for state in (True, False)
    )
    closed = f"I plan.{think.close}\n\n{written(row, WEATHER)}"
    # A call ends reasoning, and its marker is the grammar's.
    by_call, no_call = f"I plan.{written(row, WEATHER)}", f"I plan.{written(row, ('get_time', {}))}"
    for tag, right, wrong in (
        (inside, (closed, by_call, written(row, WEATHER)), (no_call,)),
        (outside, (think.open + closed, think.open + by_call, written(row, WEATHER)), (closed, by_call, no_call)),
    ):
        assert [accepts(tag, text) for text in right] == [True] * len(right)
        for text in (*wrong, "Hello.", f"I plan.{think.close}Hello.", f"{think.open}I plan.", think.open + no_call):
            assert not accepts(tag, text), text
    # If no call is forced, one after reasoning or in it is constrained all the same.
    free = structural_tag(row.name, tools(True), reasoning_parser=think.name, in_reasoning=True)
    for text in (closed, by_call, f"I plan.{think.close}Hello.", "I plan."):
        assert accepts(free, text)
    for text in (no_call, f"I plan.{think.close}\n\n{written(row, ('get_time', {}))}", written(row, ("get_time", {}))):
        assert not accepts(free, text), text


@pytest.mark.parametrize("row", [row for row in TOOL_ROWS if frames_reply(row)], ids=lambda row: row.name)
def test_an_answer_in_a_frame(row: ToolRow) -> None:
    tag = answer_tag(row.pairs[0], {"type": "json_schema", "json_schema": SCHEMA})
    assert accepts(tag, reply(row, Part("reasoning", "I plan."), Part("content", '{"city": "Paris"}')))
    assert accepts(tag, reply(row, Part("content", '{"city": "Paris"}')))
    assert not accepts(tag, reply(row, Part("content", "Hello.")))
    assert not accepts(tag, '{"city": "Paris"}')


# --- what our chat templates write

VALUES: list[dict[str, object]] = [
    {"city": "Zürich", "days": 2},
    {"city": 'a "quoted" word,\nand  two lines: 3 < 4 & {5}'},
    {"city": ""},
]


@stricts
@pytest.mark.parametrize("subject", OURS, ids=lambda subject: subject.name)
def test_what_a_template_writes_is_allowed(subject: Subject, strict: bool) -> None:
    """With thinking at its default, on and off; with one call and two; and with no more than the request allows."""
    declared = tools(strict)
    for kwargs in subject.modes:
        thought = {"reasoning_content": "I plan."} if subject.reasons(kwargs) else {}
        end = subject.said([FIRST_USER], assistant("Hello.", **thought), declared, kwargs).text.partition("Hello.")[2]

        def tag(choice: object, open_reasoning: bool) -> dict[str, object] | None:
            return structural_tag(
                subject.tool_parser,
                declared,
                choice,
                reasoning_parser=subject.reasoning_parser,
                in_reasoning=open_reasoning,
            )

        for values in VALUES:
            one = [call("get_weather", values, "aaaaaaaa1")]
            two = [*one, call("ping", {}, "aaaaaaaa2")]
            for calls in (one, two):
                said = subject.said([FIRST_USER], assistant(None, calls, **thought), declared, kwargs)
                text, inside = said.text.removesuffix(end), subject.reasoning_open(said.prompt)
                assert accepts(tag("required", inside), text), (kwargs, text)
                assert accepts(tag(NAMED, inside), text) is (calls == one), (kwargs, text)
                if strict:
                    assert accepts(tag("auto", inside), text), (kwargs, text)


# --- random schemas, and values for them

_PLAIN = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="<>[]{}|｜`\"'\\=:;"), max_size=12)
STRINGS = st.lists(st.one_of(_PLAIN, st.sampled_from(("\n", " <b> ", "a = {1: [2]}", "</p>", '"q"'))), max_size=4).map(
    "".join
)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_\-]{0,20}", fullmatch=True).filter(lambda name: name != "functions")
KEYS = st.from_regex(r"[a-z_][a-z0-9_]{0,12}", fullmatch=True)


@st.composite
def typed(draw: st.DrawFn, depth: int = 0) -> tuple[dict[str, Any], Any]:
    """A schema, and a value that it allows."""
    kinds = ["string", "integer", "number", "boolean", "enum", "nullable"] + ["array", "object"] * (depth < 2)
    match draw(st.sampled_from(kinds)):
        case "string":
            return {"type": "string"}, draw(STRINGS)
        case "integer":
            return {"type": "integer"}, draw(st.integers(-(10**9), 10**9))
        case "number":
            return {"type": "number"}, draw(st.integers(-999, 999)) / 8
        case "boolean":
            return {"type": "boolean"}, draw(st.booleans())
        case "nullable":
            return {"type": ["string", "null"]}, draw(_PLAIN.filter(lambda text: text.strip() not in ("null", "None")))
        case "enum":
            choices = draw(st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), min_size=1, max_size=3, unique=True))
            return {"enum": choices}, draw(st.sampled_from(choices))
        case "array":
            schema, value = draw(typed(depth + 1))
            return {"type": "array", "items": schema}, [value] * draw(st.integers(0, 2))
    return draw(objects(depth + 1))


@st.composite
def objects(draw: st.DrawFn, depth: int = 0) -> tuple[dict[str, Any], Any]:
    properties: dict[str, Any] = {}
    values: dict[str, Any] = {}
    required: list[str] = []
    for key in draw(st.lists(KEYS, max_size=4, unique=True)):
        properties[key], value = draw(typed(depth))
        if draw(st.integers(0, 3)):
            values[key] = value
            if draw(st.booleans()):
                required.append(key)
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return schema, values


@rows
def test_what_a_family_writes_is_allowed(row: ToolRow) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(st.lists(st.tuples(NAMES, objects(), st.booleans()), min_size=1, max_size=3, unique_by=lambda each: each[0]))
    def check(made: Sequence[tuple[str, tuple[dict[str, Any], Any], bool]]) -> None:
        declared = [tool(name, schema, strict) for name, (schema, _), strict in made]
        text = written(row, *((name, values) for name, (_, values), _ in made))
        tag = structural_tag(row.name, declared, "required")
        assert accepts(tag, text)
        read = parse(text, tool_parser=row.name, reasoning_parser=row.pairs[0], tools=declared, tool_choice="required")
        assert [(call.name, json.loads(call.arguments)) for call in read.tool_calls] == [
            (name, values) for name, (_, values), _ in made
        ]
        first, (_, values), _ = made[0]
        one = written(row, (first, values))
        assert accepts(structural_tag(row.name, declared, {"function": {"name": first}}), one)
        assert accepts(structural_tag(row.name, declared, level="parameter"), text)
        assert not accepts(structural_tag(row.name, [tool("other_one", {}, False)], "required"), one)

    check()


NODE: dict[str, object] = {
    "type": "object",
    "properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
}
WIDE: dict[str, tuple[dict[str, object], object]] = {
    "an array of anything": ({"type": "array"}, [1, "x y", [True, None], {"k": [2]}]),
    "anything": ({}, {"k": [1, {"m": "x"}]}),
    "no string": ({"not": {"type": "string"}}, [1.5]),
    "a list of two kinds": ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}, [1, "x"]),
    "what refers to itself": ({"$ref": "#/$defs/Node"}, {"v": 1, "next": {"v": 2, "next": {"v": 3, "next": None}}}),
}
NESTED = 80
"""How deep vLLM lets a tag be nested."""


@pytest.mark.parametrize("name", WIDE)
@rows
def test_values_that_a_schema_leaves_open(row: ToolRow, name: str) -> None:
    """They are allowed, by a tag that an engine accepts: the schema is not unrolled."""
    part, value = WIDE[name]
    schema = {"type": "object", "$defs": {"Node": NODE}, "properties": {"a": part}, "required": ["a"]}
    declared = [tool("get_weather", schema, True)]
    tag = structural_tag(row.name, declared, "required", reasoning_parser=row.pairs[0], in_reasoning=None)
    assert nesting(tag.format) + 1 < NESTED
    assert len(tag.text) < 100_000
    assert accepts(tag, written(row, ("get_weather", {"a": value})))


def nesting(part: object) -> int:
    inner = part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else None
    return 0 if inner is None else 1 + max(map(nesting, inner), default=0)


@rows
def test_a_plain_schema_is_never_nested_too_deep(row: ToolRow) -> None:
    """An engine that is not asked about it has to take it, with what it puts around the tag."""
    for within in (lambda part: {"type": "object", "properties": {"x": part}}, lambda part: {"anyOf": [part]}):
        schema: dict[str, object] = {"type": "string"}
        for _ in range(12):
            schema = within(schema)
            declared = [tool("f", {"type": "object", "properties": {"x": schema}}, True), tool("g", {}, False)]
            think = None if frames_reply(row) else row.pairs[0]
            tag = structural_tag(row.name, declared, "required", reasoning_parser=think)
            assert tag is not None
            assert tag.doubtful or nesting(tag.format) + 1 < NESTED - 5


# --- requests that ask for nothing, or for too much


def test_nothing_to_constrain() -> None:
    assert structural_tag("hermes", tools(strict=False)) is None
    assert structural_tag("hermes", tools(strict=True), "none") is None
    assert structural_tag("hermes", [], "auto", level="parameter") is None


def test_a_function_that_is_not_there() -> None:
    with pytest.raises(ToolChoiceError, match=r"'get_time'.*not in tools.*get_weather, ping"):
        structural_tag("hermes", tools(strict=False), {"type": "function", "function": {"name": "get_time"}})


def test_required_without_tools() -> None:
    with pytest.raises(ToolChoiceError, match="no function to call"):
        structural_tag("hermes", [], "required")


def test_every_format_can_be_expressed() -> None:
    assert [row.name for row in TOOL_ROWS if row not in EXPRESSED] == []


def test_a_format_that_cannot_be_expressed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        """A format of a shape that nothing here knows."""

    row = replace(TOOL_ROWS[0], name="other", format=Other())  # type: ignore[arg-type]
    monkeypatch.setattr(structural_tags, "tool_row", lambda name: row)
    assert not has_structural_tag("other")
    for choice in ("required", NAMED):
        with pytest.raises(NoStructuralTag, match="dynamo_other"):
            structural_tag("other", tools(strict=False), choice)
    with pytest.raises(NoStructuralTag, match="leave strict out"):
        structural_tag("other", tools(strict=True))
    assert structural_tag("other", tools(strict=False), parallel_tool_calls=False) is None


def test_tags_are_json() -> None:
    for row in EXPRESSED:
        tag = structural_tag(row.name, tools(strict=True), "required")
        assert tag is not None
        assert json.loads(tag.text) == {"type": "structural_tag", "format": tag.format}


# --- size, and what is kept

LIMITED: dict[str, object] = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "maxLength": 50_000, "description": "A patch."},
        "at": {"type": "object", "properties": {"minLength": {"type": "string", "minLength": 2}}},
    },
    "required": ["text"],
}


def optionals(count: int) -> dict[str, object]:
    names = [f"p{number:02}" for number in reversed(range(count))]
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": ["p00"]}


def size(tag: Tag | None) -> int:
    assert tag is not None
    return len(tag.text)


@rows
def test_a_call_is_written_once(row: ToolRow) -> None:
    """Mistral has two kinds of calls, phi4 two openers of calls in text, and a header two ways to say who is called."""
    declared = [tool("one_of_them", SCHEMA, True)]
    think = None if frames_reply(row) else row.pairs[0]
    most = 2 if row.name == "mistral" or isinstance(row.format, Frames) else 1
    for choice in ("required", {"function": {"name": "one_of_them"}}):
        tag = structural_tag(row.name, declared, choice, reasoning_parser=think)
        assert tag.text.count("one_of_them") <= most
    free = structural_tag(row.name, declared)
    assert free.text.count("one_of_them") <= (2 if row.name == "phi4" else most)


@stricts
@rows
def test_the_size_is_linear_in_the_parameters_and_the_tools(row: ToolRow, strict: bool) -> None:
    sizes = [size(structural_tag(row.name, [tool("f", optionals(n), strict)], "required")) for n in (20, 40, 60)]
    assert sizes[2] - sizes[1] <= 1.1 * (sizes[1] - sizes[0]) + 10
    assert sizes[2] < (40_000 if row.name == "mistral" else 25_000)  # it has two kinds of calls
    many = [
        size(structural_tag(row.name, [tool(f"f{number}", SCHEMA, strict) for number in range(count)], "required"))
        for count in (100, 200, 300)
    ]
    assert many[2] - many[1] <= 1.1 * (many[1] - many[0])


MEMBERS: dict[str, object] = {
    "type": "object",
    "properties": {name: {"enum": [1]} for name in "abcde"},
    "required": ["b", "d"],
}
"""Members that need not be there before, between and after those that have to."""


@pytest.mark.parametrize("name", ["hermes", "kimi_k2", "mistral", "harmony"])
def test_members_of_a_json_object(name: str) -> None:
    """The commas are between those that are there, which come in order."""
    row = tool_row(name)
    tag = structural_tag(name, [tool("f", MEMBERS, True)], "required")
    around = written(row, ("f", {"a": 1})).split('{"a": 1}')
    for kept in range(2**5):
        keys = [key for at, key in enumerate("abcde") if kept >> at & 1]
        said = json.dumps(dict.fromkeys(keys, 1)).join(around)
        assert accepts(tag, said) is {"b", "d"}.issubset(keys), said
    for body, right in (
        ('{\n  "b" : 1 ,\r\n\t"d":1\n}', True),
        ('{"b":1,"d":1,"e":1}', True),
        ('{"d": 1, "b": 1}', False),
        ('{"b": 1, "d": 1, }', False),
        ('{, "b": 1, "d": 1}', False),
        ('{"b": 1,, "d": 1}', False),
        ('{"b": 1 "d": 1}', False),
        ('{"b": 1, "d": 1, "f": 1}', False),
        ('{"b": 1, "b": 1, "d": 1}', False),
        ('{"b": 1, "d": 2}', False),
    ):
        assert accepts(tag, body.join(around)) is right, body


@pytest.mark.parametrize("name", ["hermes", "mistral"])
def test_members_of_which_none_is_required(name: str) -> None:
    """Beyond some number they are the schema's; the commas are right in both."""
    row = tool_row(name)
    for count in (1, 2, 3, 5, 16, 17):
        keys = [f"k{at}" for at in range(count)]
        schema = {"type": "object", "properties": {key: {"enum": [1]} for key in keys}}
        tag = structural_tag(name, [tool("f", schema, True)], "required")
        assert tag is not None
        assert nesting(tag.format) < NESTED // 2
        around = written(row, ("f", {"a": 1})).split('{"a": 1}')
        chosen = range(2**count) if count < 6 else [3 * at**5 % 2**count for at in range(40)]
        for kept in chosen:
            said = [key for at, key in enumerate(keys) if kept >> at & 1]
            text = json.dumps(dict.fromkeys(said, 1))
            assert accepts(tag, text.join(around)), text
            for wrong in (text[:-1] + ",}", "{," + text[1:], text.replace("1}", '1, "k0": 1}'), text.replace("1", "2")):
                assert wrong == text or not accepts(tag, wrong.join(around)), wrong


@pytest.mark.parametrize("key", ['a"b', "a\\b", "é", "a\nb", ""])
def test_a_key_that_json_escapes(key: str) -> None:
    schema = {"type": "object", "properties": {key: {"enum": [1]}}, "required": [key], "additionalProperties": False}
    tag = structural_tag("hermes", [tool("f", schema, True)], "required")
    assert accepts(tag, written(tool_row("hermes"), ("f", {key: 1})))
    assert not accepts(tag, written(tool_row("hermes"), ("f", {key: 2})))


@pytest.mark.parametrize("name", ["hermes", "kimi_k2", "mistral", "harmony", "inkling"])
def test_equal_parameters_of_json_are_compiled_once(name: str) -> None:
    """xgrammar has a rule for each schema, however many tools have it; in what it makes of whole tools it has not."""
    schemas: list[object] = [
        {"type": "object", "properties": {f"key{at}": {"type": "array", "items": {"enum": ["x"]}}}, "required": needed}
        for at in range(9)
        for needed in ([f"key{at}"],)
    ]
    tag = structural_tag(name, [tool(f"f{at}", each, True) for at, each in enumerate(schemas)], "required")
    assert tag is not None
    made = str(xgrammar().Grammar.from_structural_tag(tag.text))
    assert made.count(r'"\"x\""') == 1


@rows
def test_the_same_tools_are_not_looked_at_again(row: ToolRow) -> None:
    first, again = (structural_tag(row.name, tools(strict=True), "required") for _ in range(2))
    assert first is again
    changed = [*tools(strict=True), tool("another", SCHEMA, True)]
    added = structural_tag(row.name, changed, "required")
    assert added is not None
    assert first is not None
    assert added.text != first.text
    for other in (structural_tag(row.name, changed), structural_tag(row.name, tools(strict=False), "required")):
        assert other is not first
    assert structural_tag(row.name, tools(strict=True), "required", reasoning_parser=row.pairs[0]) is not first


def test_what_is_kept_does_not_change_with_a_request() -> None:
    """The objects of a request are its own, also after a tag was made of them."""

    def made() -> dict[str, object]:
        return {"type": "object", "properties": {"unit": {"type": "string", "enum": ["c", "f"]}}, "required": ["unit"]}

    for first, later in (("hermes", "qwen3_coder"), ("qwen3_coder", "gemma4"), ("gemma4", "minimax_m3")):
        asked: Any = made()
        assert structural_tag(first, [tool(f"kept_{first}", asked, True)], "required") is not None
        asked["properties"]["unit"]["enum"].append("other")
        asked["required"].clear()
        row = tool_row(later)
        tag = structural_tag(later, [tool(f"kept_{first}", made(), True)], "required")
        assert accepts(tag, written(row, (f"kept_{first}", {"unit": "c"})))
        assert not accepts(tag, written(row, (f"kept_{first}", {"unit": "other"})))
        assert not accepts(tag, written(row, (f"kept_{first}", {})))


@pytest.mark.parametrize("name", ["gemma4", "pythonic"])
def test_values_of_one_schema_are_one_rule(name: str) -> None:
    part = {"type": "array", "items": {"enum": ["a", "b"]}}
    sizes = []
    for parts in ([part] * 8, [{**part, "items": {"enum": ["a", f"b{number}"]}} for number in range(8)]):
        declared = [
            tool(f"f{number}", {"type": "object", "properties": {"x": each}}, True) for number, each in enumerate(parts)
        ]
        tag = structural_tag(name, declared, "required")
        assert accepts(tag, written(tool_row(name), ("f7", {"x": ["a", parts[7]["items"]["enum"][1]]})))
        assert not accepts(tag, written(tool_row(name), ("f7", {"x": ["c"]})))
        sizes.append(size(tag))
    assert sizes[0] < sizes[1] - 7 * 40


def test_what_is_kept_is_bounded() -> None:
    kept: Kept[str] = Kept(10)
    for key in "abc":
        kept.put(key, key, 4)
    assert [kept.get(key) for key in "abc"] == [None, "b", "c"]
    kept.get("b")
    kept.put("d", "d", 4)
    assert [kept.get(key) for key in "bcd"] == ["b", None, "d"]
    kept.put("e", "e", 11)
    assert [kept.get(key) for key in "bde"] == ["b", "d", None]


@rows
def test_lengths_are_left_out_and_said_once(row: ToolRow, caplog: pytest.LogCaptureFixture) -> None:
    """xgrammar would make a string without a quote and without a line break, and compile it for seconds."""
    name = f"write_for_{row.name}"
    with caplog.at_level("WARNING", "dynamo_parsers"):
        tags = [structural_tag(row.name, [tool(name, LIMITED, True)], choice) for choice in ("required", "auto")]
    assert caplog.text.count(f"'{name}'") == 1
    assert "text: maxLength, at.minLength: minLength" in caplog.text
    assert all('"maxLength"' not in tag.text for tag in tags)
    text = written(row, (name, {"text": 'It said "x",\n3 < 4 \\ 5.', "at": {"minLength": "a"}}))
    assert accepts(tags[0], text)


@rows
def test_a_pattern_is_enforced_or_said_not_to_be(row: ToolRow, caplog: pytest.LogCaptureFixture) -> None:
    name = f"code_for_{row.name}"
    schema = {"type": "object", "properties": {"code": {"type": "string", "pattern": "^[A-Z]{3}$"}}}
    with caplog.at_level("WARNING", "dynamo_parsers"):
        tags = [structural_tag(row.name, [tool(name, schema, True)], choice) for choice in ("required", "auto")]
    assert accepts(tags[0], written(row, (name, {"code": "ABC"})))
    enforced = not accepts(tags[0], written(row, (name, {"code": "abc"})))
    assert caplog.text.count("code: pattern") == (0 if enforced else 1)


TEXT: dict[str, object] = {"type": "string"}
LEFT_OUT: list[tuple[dict[str, object], str, object]] = [
    ({**TEXT, "pattern": "[0-9]"}, "pattern", "no digit"),
    ({**TEXT, "pattern": "^a|b$"}, "pattern", "c"),
    ({**TEXT, "pattern": "^.+$"}, "pattern", 'say "x"'),
    ({**TEXT, "pattern": "^[^,]+$"}, "pattern", 'say "x"'),
    ({**TEXT, "pattern": "^(?=.*[A-Z])[a-z]+$"}, "pattern", "Ab"),
    ({**TEXT, "pattern": r"^\p{L}+$"}, "pattern", "ä"),
    ({"pattern": "^[a-z]+$"}, "pattern", 3),
    ({**TEXT, "format": "color"}, "format", "red"),
    ({"not": TEXT}, "not", 3),
    ({"type": "object", "not": {"required": ["a"]}}, "not", {"b": 1}),
    ({"type": "object", "if": {"required": ["a"]}, "then": {"required": ["b"]}}, "if", {"c": 1}),
    ({"type": "object", "dependentRequired": {"a": ["b"]}}, "dependentRequired", {"a": 1}),
    ({"type": "object", "properties": {"x": {}}, "anyOf": [{"required": ["x"]}]}, "anyOf", {}),
    ({"allOf": [{"minimum": 1}, {"minimum": 2}], "type": "integer"}, "minimum in allOf", 3),
    ({"$ref": "https://example.com/schema"}, "$ref", "x"),
]
"""A part of a schema, the word of it that no grammar enforces, and a value that has to be allowed."""


@pytest.mark.parametrize(("part", "word", "value"), LEFT_OUT)
def test_what_no_grammar_enforces_is_left_out_and_said_once(
    part: dict[str, object], word: str, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"f{LEFT_OUT.index((part, word, value))}"
    schema = {"type": "object", "properties": {"at": {"type": "object", "properties": {"x": part}}}}
    with caplog.at_level("WARNING", "dynamo_parsers"):
        tags = [structural_tag("hermes", [tool(name, schema, True)], choice) for choice in ("required", "auto")]
    assert caplog.text.count(f"'{name}'") == 1
    assert f"left out: at.x: {word}" in caplog.text
    assert accepts(tags[0], written(tool_row("hermes"), (name, {"at": {"x": value}})))


def test_a_request_with_many_such_tools_gives_one_line(caplog: pytest.LogCaptureFixture) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "array", "minItems": 2, "items": {"type": "integer"}}}}
    tools = [tool(f"many_{number}", schema, True) for number in range(40)]
    with caplog.at_level("WARNING", "dynamo_parsers"):
        structural_tag("gemma4", tools, "required")
    assert len(caplog.records) == 1
    assert "'many_0'" in caplog.text
    assert "and so for 39 other tools" in caplog.text


ROUND: list[tuple[dict[str, object], dict[str, object]]] = [
    ({"$ref": "#"}, {}),
    ({"$ref": "#/$defs/x", "$defs": {"x": {"$ref": "#/$defs/y"}, "y": {"$ref": "#/$defs/x"}}}, {}),
    ({"type": "object", "properties": {"x": {"$ref": "#/properties/x"}}}, {"x": "y"}),
]


@pytest.mark.parametrize(("schema", "arguments"), ROUND)
@pytest.mark.parametrize("name", ["hermes", "qwen3_coder", "gemma4", "kimi_k3"])
def test_references_that_go_round_say_nothing(
    name: str, schema: dict[str, object], arguments: dict[str, object]
) -> None:
    """A grammar that followed them would allow no call at all."""
    tag = structural_tag(name, [tool("f", schema, True)], "required")
    assert accepts(tag, written(tool_row(name), ("f", arguments)))


@pytest.mark.parametrize("name", ["gemma4", "pythonic"])
def test_what_literals_do_not_enforce_is_said(name: str, caplog: pytest.LogCaptureFixture) -> None:
    part = {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "integer", "minimum": 3}, {"type": "null"}]}}
    schema = {"type": "object", "properties": {"x": part, "y": {"type": "integer"}}}
    with caplog.at_level("WARNING", "dynamo_parsers"):
        structural_tag(name, [tool(f"limits_{name}", schema, True)], "required")
    assert "not enforced: x: minItems, x: minimum" in caplog.text
    assert " y:" not in caplog.text


def test_notes_for_the_model_are_no_part_of_a_tag() -> None:
    schema = {
        "type": "object",
        "properties": {"title": {"type": "string", "title": "x" * 999, "examples": ["y" * 999]}},
    }
    tag = structural_tag("hermes", [tool("f", schema, True)], "required")
    assert tag is not None
    assert "xxx" not in tag.text
    assert "yyy" not in tag.text
    assert accepts(tag, written(tool_row("hermes"), ("f", {"title": "a"})))
    assert not accepts(tag, written(tool_row("hermes"), ("f", {"title": 1})))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(objects())
def test_a_schema_that_counts_as_plain_is_one_that_xgrammar_takes(made: tuple[dict[str, Any], Any]) -> None:
    schema, _ = made
    for part in (schema, {**schema, "required": ["nope"]}, {**schema, "minimum": 3}):
        if is_plain(part):
            xgrammar().Grammar.from_json_schema(json.dumps(part))


@pytest.mark.parametrize(
    "part",
    [
        {"type": "nothing"},
        {"type": ["string", "nothing"]},
        {"type": []},
        {"enum": []},
        {"anyOf": []},
        {"anyOf": [{"type": "nothing"}]},
        {"properties": {"a": False}},
        {"properties": {"a": {"items": {"type": "nothing"}}}},
        {"$ref": "#/$defs/nope"},
        {"type": "string", "pattern": "^($"},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "array", "minItems": 3, "maxItems": 2},
        {"required": ["a"]},
        "string",
        None,
    ],
)
def test_what_xgrammar_may_refuse_does_not_count_as_plain(part: object) -> None:
    assert not is_plain(part)
    tag = structural_tag("hermes", [tool("f", {"type": "object", "properties": {"a": part}}, True)], "required")
    assert tag is not None
    assert len(tag.doubtful) == 1


@rows
def test_half_a_character_is_tried(row: ToolRow) -> None:
    """xgrammar refuses it, and an engine has to be able to say so; whole ones are as good as others."""
    for text, doubtful in (("\ud83d", 1), ("\U0001f600", 0)):
        schema = {"type": "object", "properties": {"a": {"enum": [text]}}}
        tag = structural_tag(row.name, [tool("f", schema, True)], "required")
        assert tag is not None
        assert bool(tag.doubtful) is bool(doubtful)


def test_only_the_definitions_that_are_referred_to_are_written() -> None:
    defs = {name: {"type": "object", "properties": {"x": {"$ref": f"#/$defs/{after}"}}} for name, after in ("ab", "ba")}
    defs |= {f"unused{number}": {"type": "string"} for number in range(50)}
    schema = {"type": "object", "$defs": defs, "properties": {"p": {"$ref": "#/$defs/a"}, "q": {"type": "integer"}}}
    tag = structural_tag("qwen3_coder", [tool("f", schema, True)], "required")
    assert "unused" not in tag.text
    assert accepts(tag, written(tool_row("qwen3_coder"), ("f", {"p": {"x": {"x": {}}}, "q": 1})))
    assert not accepts(tag, written(tool_row("qwen3_coder"), ("f", {"p": {"x": {"x": 1}}})))


# --- one family's own


@pytest.mark.parametrize("name", ["gemma4", "pythonic"])
def test_literals_in_the_order_of_the_schema_or_sorted(name: str) -> None:
    """Gemma's template sorts by name, without regard to case, and so does the model. Required ones have to be there."""
    inner = {"type": "object", "properties": {"z": {"type": "integer"}, "y": {"type": "integer"}}, "required": ["y"]}
    properties = {"b": {"type": "string"}, "C": inner, "a": {"type": "integer"}, "d": {"type": "boolean"}}
    schema = {"type": "object", "properties": properties, "required": ["C", "b"], "additionalProperties": False}
    tag = structural_tag(name, [tool("f", schema, True)], "required")
    row = tool_row(name)
    both = {"z": 1, "y": 2}
    right: list[dict[str, object]] = [
        {"b": "x", "C": both, "a": 1, "d": True},
        {"b": "x", "C": both},
        {"a": 1, "b": "x", "C": dict(sorted(both.items())), "d": True},
        {"a": 1, "b": "x", "C": {"y": 2}},
        {"b": "x", "C": {"y": 2}, "d": False},
    ]
    wrong: list[dict[str, object]] = [
        {},
        {"b": "x"},
        {"a": 1, "C": both},
        {"b": "x", "C": {"z": 1}},
        {"b": 1, "C": both},
        {"b": "x", "C": both, "C2": 1},
        {"b": "x", "C": both, "a": "one"},
    ]
    assert [accepts(tag, written(row, ("f", each))) for each in right] == [True] * len(right)
    assert [accepts(tag, written(row, ("f", each))) for each in wrong] == [False] * len(wrong)


@pytest.mark.parametrize("name", ["gemma4", "pythonic"])
def test_literals_of_a_schema_that_refers_to_itself(name: str) -> None:
    schema = {"type": "object", "$defs": {"Node": NODE}, "properties": {"a": {"$ref": "#/$defs/Node"}}}
    tag = structural_tag(name, [tool("f", schema, True)], "required")
    row = tool_row(name)
    assert accepts(tag, written(row, ("f", {"a": {"v": 1, "next": {"v": 2, "next": {"v": 3, "next": None}}}})))
    assert not accepts(tag, written(row, ("f", {"a": {"v": 1, "next": {"v": 2, "next": {"v": "x"}}}})))


@pytest.mark.parametrize("name", ["gemma4", "pythonic"])
def test_literals_that_a_schema_lists(name: str) -> None:
    part = {"enum": ["a b", 1, 2.5, None, True, "it's", 'say "x"', "\\"]}
    tag = structural_tag(name, [tool("f", {"type": "object", "properties": {"a": part}}, True)], "required")
    row = tool_row(name)
    for value in part["enum"]:
        assert accepts(tag, written(row, ("f", {"a": value}))), value
    for value in ("b", 3, False, [1]):
        assert not accepts(tag, written(row, ("f", {"a": value}))), value


def test_gemma_strings_may_hold_anything_but_the_delimiter() -> None:
    tag = structural_tag("gemma4", [tool("f", SCHEMA, True)], "required")
    free = structural_tag("gemma4", [tool("f", SCHEMA, False)], "required")
    for text in ("a <b> c", "<|im_end|>", "x <| y", "<<|<|<<", "a|>b", "<", "<|", "<|tool_call>call:g{}<tool_call|>"):
        assert accepts(tag, written(tool_row("gemma4"), ("f", {"city": text}))), text
        assert accepts(free, written(tool_row("gemma4"), ("f", {"city": text}))), text


def test_python_keys_in_either_quote() -> None:
    schema = {"type": "object", "properties": {"at": {"type": "object", "properties": {"x": {"type": "integer"}}}}}
    for strict in (True, False):
        tag = structural_tag("pythonic", [tool("f", schema, strict)], "required")
        for text in ("[f(at={'x': 1})]", '[f(at={"x": 1})]', '[f(at={"x":1})]', "[ f( at={ 'x': 1 } ) ]"):
            assert accepts(tag, text), text
    assert not accepts(structural_tag("pythonic", [tool("f", schema, True)], "required"), "[f(at={x: 1})]")


@stricts
@pytest.mark.parametrize("choice", ["required", "auto"])
def test_phi_4_in_its_word_and_in_its_tokens(choice: str, strict: bool) -> None:
    tag = structural_tag("phi4", tools(strict), choice, level="function")
    array = '[{"name": "get_weather", "arguments": {"city": "Paris"}}, {"name": "ping", "arguments": {}}]'
    for text in (f"functools{array}", f"<|tool_call|>{array}<|/tool_call|>"):
        assert accepts(tag, text), text
        assert not accepts(tag, text.replace("ping", "pong")), text
        read = parse(text, tool_parser="phi4", reasoning_parser="basic", tools=tools(strict), tool_choice=choice)
        assert [call.name for call in read.tool_calls] == ["get_weather", "ping"]
        assert not read.content
