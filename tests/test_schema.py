"""A schema is read for the types a value may have, and any schema is survived, fast."""

from __future__ import annotations

import json
import time
from collections import UserDict
from types import MappingProxyType

import pytest
from dynamo_parsers.schema import ANY, STRING, Parameters, Tools, read, types
from replies import Request, check_protocol, events_of, message_of, tool

NUMBERS = frozenset({"integer", "number"})


def of(*names: str) -> frozenset[str]:
    return frozenset(names)


# --- types


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, STRING),
        ({"type": "integer"}, of("integer")),
        ({"type": ["string", "null"]}, of("string", "null")),
        ({"type": ["integer", "null"]}, of("integer", "null")),
        ({"type": "integer", "nullable": True}, of("integer", "null")),
        ({"type": "integer", "nullable": False}, of("integer")),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, of("string", "null")),
        ({"oneOf": [{"type": "array"}, {"type": "object"}]}, of("array", "object")),
        ({"allOf": [{"type": ["string", "integer"]}, {"type": ["integer", "null"]}]}, of("integer")),
        ({"type": ["string", "integer"], "anyOf": [{"type": "integer"}]}, of("integer")),
        ({"anyOf": [{"anyOf": [{"type": "boolean"}]}, {"type": "null"}]}, of("boolean", "null")),
        ({"enum": ["a", "b"]}, STRING),
        ({"enum": [1, 2]}, of("integer")),
        ({"enum": [1, "a", None, True, 1.5]}, of("integer", "string", "null", "boolean", "number")),
        ({"enum": [[1], {"a": 1}]}, of("array", "object")),
        ({"type": "string", "enum": ["1", "2"]}, STRING),
        ({"type": ["number", "null"], "enum": [1, 2, None]}, of("integer", "null")),
        ({"type": ["number", "string"], "enum": [1, "auto"]}, of("integer", "string")),
        ({"type": ["number", "integer"], "enum": ["a", None]}, of("string", "null")),
        ({"const": 5}, of("integer")),
        ({"const": None}, of("null")),
        ({"type": "string", "default": None}, of("string", "null")),
        ({"type": "integer", "default": 3}, of("integer")),
        ({"type": "HashMap"}, ANY),
        ({"type": ["long", "null"]}, ANY),
        ({"type": "Boolean", "enum": ["a", "b"]}, of("string")),
        ({"const": "5"}, STRING),
        ({"$ref": "#/$defs/Day"}, of("integer")),
        ({"$ref": "#/definitions/City"}, STRING),
        ({"$ref": "#/$defs/Alias"}, of("integer")),
        ({"anyOf": [{"$ref": "#/$defs/Day"}, {"type": "null"}]}, of("integer", "null")),
        ({"$ref": "#/$defs/a~1b~0c"}, of("boolean")),
        ({"$ref": "#/$defs/List/anyOf/1"}, of("null")),
        ({"properties": {"a": {}}}, of("object")),
        ({"additionalProperties": {"type": "string"}}, of("object")),
        ({"items": {"type": "string"}}, of("array")),
        ({"prefixItems": [{"type": "string"}]}, of("array")),
        ({}, ANY),
        ({"description": "nothing said of types"}, ANY),
        (True, ANY),
    ],
)
def test_types(schema: object, expected: frozenset[str]) -> None:
    root = {
        "$defs": {
            "Day": {"type": "integer"},
            "Alias": {"$ref": "#/$defs/Day"},
            "a/b~c": {"type": "boolean"},
            "List": {"anyOf": [{"type": "array"}, {"type": "null"}]},
        },
        "definitions": {"City": {"type": "string"}},
    }
    assert types(schema, root) == expected


@pytest.mark.parametrize(
    "schema",
    [
        None,
        False,
        5,
        "string",
        [],
        {"type": None, "anyOf": None, "enum": None},
        {"type": 5},
        {"type": {}},
        {"type": []},
        {"type": [["string"], None, {}]},
        {"type": "str"},
        {"type": "varchar"},
        {"anyOf": {}},
        {"anyOf": "string"},
        {"anyOf": [None, 5, "x"]},
        {"allOf": []},
        {"enum": "abc"},
        {"enum": []},
        {"enum": {}},
        {"$ref": None},
        {"$ref": 5},
        {"$ref": "https://example.com/schema.json"},
        {"$ref": "other.json#/a"},
        {"$ref": "#/nowhere"},
        {"$ref": "#/properties/a/anyOf/99999999999999999999"},
        {"$ref": "#/properties/a/anyOf/-1"},
        {"$ref": "#anchor"},
        {"$ref": "#/%24defs/x"},
        {"$ref": "#" + "/a" * 10_000},
        {"properties": None},
        {"properties": []},
        {"nullable": "yes"},
        {"not": {"type": "string"}},
        {"if": {}, "then": {}},
        {"patternProperties": {"(": {}}},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {5: 6, None: 7},
        UserDict({"type": UserDict({"a": 1})}),
    ],
    ids=lambda schema: str(schema)[:30],
)
def test_any_schema_is_survived(schema: object) -> None:
    """As a parameter's, as the parameters', and as the whole tool, in a parse and alone."""
    root = {"properties": {"a": schema}}
    found = Parameters(root).types("a")
    assert found
    assert found <= ANY
    for text in ("", "x", "5", "null", "true", "{}", "[1]", '"x"'):
        json.loads(read(text, found))
    text = "<tool_call>\n<function=f>\n<parameter=a>\nx\n</parameter>\n</function>\n</tool_call>"
    for tools in (
        [{"type": "function", "function": {"name": "f", "parameters": root}}],
        [{"type": "function", "function": {"name": "f", "parameters": schema}}],
        [{"type": "function", "function": schema}],
        [schema, {"name": "f", "parameters": schema}],
    ):
        call = message_of(Request("qwen3_coder", tools=tools), text).tool_calls[0]
        assert call.complete
        assert json.loads(call.arguments) == {"a": "x"}


@pytest.mark.parametrize("tools", [None, [], [None], [{}], ["f"], [{"function": None}], [{"function": {"name": 5}}]])
def test_tools_of_any_shape(tools: list[object] | None) -> None:
    found = Tools(tools)
    assert bool(found) == bool(tools)
    assert not found.declares("f")
    assert found.parameters("f").types("a") == ANY


def test_functions_may_be_bare() -> None:
    """The Responses API has no `function` around one."""
    parameters = {"properties": {"a": {"type": "integer"}}}
    for each in ({"type": "function", "name": "f", "parameters": parameters}, tool("f", a={"type": "integer"})):
        tools = Tools([each])
        assert tools.declares("f")
        assert tools.parameters("f").types("a") == of("integer")


def test_mappings_need_not_be_dicts() -> None:
    schema = MappingProxyType({"properties": MappingProxyType({"a": MappingProxyType({"type": ("integer", "null")})})})
    tools = Tools((MappingProxyType({"function": MappingProxyType({"name": "f", "parameters": schema})}),))
    assert tools.parameters("f").types("a") == of("integer", "null")


@pytest.mark.parametrize(
    "schema",
    [
        {"additionalProperties": {"type": "integer"}},
        {"properties": {"b": {}}, "additionalProperties": {"type": "integer"}},
        {"allOf": [{"properties": {"a": {"type": "integer"}}}]},
        {"anyOf": [{"properties": {"b": {}}}, {"properties": {"a": {"type": "integer"}}}]},
        {"$ref": "#/$defs/P", "$defs": {"P": {"properties": {"a": {"type": "integer"}}}}},
        {"properties": {"a": {"$ref": "#/$defs/Int"}}, "$defs": {"Int": {"type": "integer"}}},
    ],
)
def test_parameters_are_found(schema: object) -> None:
    assert Parameters(schema).types("a") == of("integer")


@pytest.mark.parametrize("schema", [{"additionalProperties": False}, {"additionalProperties": True}, {}, None, 5])
def test_undeclared_parameters(schema: object) -> None:
    assert Parameters(schema).types("a") == ANY
    assert not Parameters(schema).declares("a")


# --- schemas made to hurt


def self_reference() -> object:
    return {"properties": {"a": {"$ref": "#/properties/a"}}}


def mutual_references() -> object:
    return {
        "properties": {"a": {"$ref": "#/$defs/x"}},
        "$defs": {
            "x": {"anyOf": [{"$ref": "#/$defs/y"}, {"type": "string"}]},
            "y": {"allOf": [{"$ref": "#/$defs/x"}, {"$ref": "#/$defs/y"}]},
        },
    }


def root_reference() -> object:
    return {"properties": {"a": {"anyOf": [{"$ref": "#"}, {"type": "string"}]}}, "allOf": [{"$ref": "#"}]}


def object_cycle() -> object:
    schema: dict[str, object] = {"type": ["string", "object"]}
    schema["anyOf"] = [schema, {"anyOf": [schema]}]
    schema["properties"] = {"a": schema}
    schema["additionalProperties"] = schema
    return schema


def exponential_dag(keyword: str = "anyOf", shared: bool = True) -> object:
    part: dict[str, object] = {"type": "string"}
    for _ in range(200 if shared else 16):
        part = {keyword: [part, part] if shared else [part, dict(part)]}
    return {"properties": {"a": part}}


def exponential_references() -> object:
    defs: dict[str, object] = {"n0": {"type": "string"}}
    for level in range(1, 200):
        below = {"$ref": f"#/$defs/n{level - 1}"}
        defs[f"n{level}"] = {"anyOf": [below, dict(below)], "oneOf": [dict(below)], "allOf": [dict(below)]}
    return {"properties": {"a": {"$ref": "#/$defs/n199"}}, "$defs": defs}


def deep_nesting() -> object:
    part: dict[str, object] = {"type": "string"}
    for _ in range(100_000):
        part = {"anyOf": [part]}
    return {"properties": {"a": part}}


def deep_properties() -> object:
    part: dict[str, object] = {"type": "string"}
    for _ in range(100_000):
        part = {"type": "object", "properties": {"a": part}}
    return {"properties": {"a": {"anyOf": [{"type": "string"}, part]}}}


def wide() -> object:
    return {
        "properties": {"a": {"anyOf": [{"type": "string", "maxLength": n} for n in range(50_000)]}},
        "anyOf": [{"properties": {f"p{n}": {}}} for n in range(50_000)],
    }


def many_values() -> object:
    return {"properties": {"a": {"enum": [f"v{n}" for n in range(200_000)]}}}


def long_chain() -> object:
    defs = {f"n{n}": {"$ref": f"#/$defs/n{n + 1}"} for n in range(10_000)}
    return {"properties": {"a": {"$ref": "#/$defs/n0"}}, "$defs": defs}


MEAN = [
    self_reference,
    mutual_references,
    root_reference,
    object_cycle,
    exponential_dag,
    lambda: exponential_dag("allOf"),
    lambda: exponential_dag("oneOf", shared=False),
    exponential_references,
    deep_nesting,
    deep_properties,
    wide,
    many_values,
    long_chain,
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", MEAN, ids=lambda make: make.__name__)
def test_mean_schemas_end_fast(make: object) -> None:
    assert callable(make)
    schema = make()
    started = time.process_time()
    for _ in range(3):
        assert "string" in Parameters(schema).types("a")
        Parameters(schema).declares("b")
    assert time.process_time() - started < 3
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    started = time.process_time()
    text = "<tool_call>\n<function=f>\n" + "<parameter=a>\nx\n</parameter>\n" * 200 + "</function>\n</tool_call>"
    events = events_of(Request("qwen3_coder", tools=tools), [text])
    check_protocol(events)
    assert time.process_time() - started < 3, "each parameter of the reply reads the whole schema again"


# --- values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # a declared string is verbatim, always
        ("null", '"null"'),
        ("None", '"None"'),
        ("007", '"007"'),
        ("true", '"true"'),
        ('{"a": 1}', '"{\\"a\\": 1}"'),
        (" x ", '" x "'),
        ("", '""'),
        ("&lt;b&gt;", '"&lt;b&gt;"'),
        ("a\nb\t\x00", '"a\\nb\\t\\u0000"'),
        ("é😀\u2028", '"é😀\u2028"'),
        ('"\\', '"\\"\\\\"'),
    ],
)
def test_strings(text: str, expected: str) -> None:
    assert read(text, STRING) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", "5"),
        (" 5\n", "5"),
        ("-5", "-5"),
        ("+1", "1"),
        ("007", "7"),
        ("-007", "-7"),
        ("0", "0"),
        ("-0", "-0"),
        ("9" * 5000, "9" * 5000),
        ("3.0", "3.0"),
        ("1.5", '"1.5"'),
        ("abc", '"abc"'),
        ("", '""'),
        ("5 days", '"5 days"'),
        ("0x10", '"0x10"'),
        ("1_000", '"1_000"'),
        ("٣", '"٣"'),
        ("2024-01-01", '"2024-01-01"'),
        ("null", "null"),
        ("True", '"True"'),
        ("-", '"-"'),
        ("[5]", '"[5]"'),
        ('"5"', '"\\"5\\""'),
    ],
)
def test_integers(text: str, expected: str) -> None:
    assert read(text, of("integer")) == expected
    json.loads(expected, parse_int=str)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.50", "1.50"),
        ("108.", "108.0"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("+.5e3", "0.5e3"),
        ("1E5", "1E5"),
        ("1e-7", "1e-7"),
        ("5", "5"),
        ("5.e3", "5.0e3"),
        (".", '"."'),
        ("e5", '"e5"'),
        ("1e", '"1e"'),
        ("NaN", '"NaN"'),
        ("inf", '"inf"'),
        ("Infinity", '"Infinity"'),
        ("1,5", '"1,5"'),
        ("--1", '"--1"'),
    ],
)
def test_numbers(text: str, expected: str) -> None:
    assert read(text, of("number")) == expected
    json.loads(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", "true"),
        ("True", "true"),
        (" false\n", "false"),
        ("False", "false"),
        ("TRUE", '"TRUE"'),
        ("yes", '"yes"'),
        ("1", '"1"'),
        ("0", '"0"'),
        ("", '""'),
    ],
)
def test_booleans(text: str, expected: str) -> None:
    assert read(text, of("boolean")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("null", "null"), ("None", "null"), (" null ", "null"), ("nil", '"nil"'), ("", '""'), ("NULL", '"NULL"')],
)
def test_nulls(text: str, expected: str) -> None:
    assert read(text, of("null")) == expected


@pytest.mark.parametrize(
    ("text", "kinds", "expected"),
    [
        ('{"a": 1}', of("object"), '{"a":1}'),
        (' {"a": 1} ', of("object"), '{"a":1}'),
        ("{'a': True}", of("object"), '{"a":true}'),
        ("[1, 2]", of("object"), '"[1, 2]"'),
        ("x", of("object"), '"x"'),
        ("{x}", of("object"), '"{x}"'),
        ('{"a": 1} x', of("object"), '"{\\"a\\": 1} x"'),
        ("[1, 2.50]", of("array"), "[1,2.50]"),
        ('["é", "\\u00e9"]', of("array"), '["é","\\u00e9"]'),
        ("a,b", of("array"), '"a,b"'),
        ("", of("array"), '""'),
        ("[" * 300 + "]" * 300, of("array"), json.dumps("[" * 300 + "]" * 300)),
        ("[NaN]", of("array"), '"[NaN]"'),
    ],
    ids=lambda value: str(value)[:20],
)
def test_objects_and_arrays(text: str, kinds: frozenset[str], expected: str) -> None:
    assert read(text, kinds) == expected


@pytest.mark.parametrize(
    ("text", "kinds", "expected"),
    [
        # a union with string reads as the other type only if the text is exactly that
        ("null", of("string", "null"), "null"),
        ("nullable", of("string", "null"), '"nullable"'),
        ("5", of("string", "integer"), "5"),
        ("5 days", of("string", "integer"), '"5 days"'),
        ("007", of("string", "integer"), '"007"'),
        ("+1", of("string", "integer"), '"+1"'),
        ("1.5", of("string", "integer"), '"1.5"'),
        ("1.5", of("string", "number"), "1.5"),
        ("true", of("string", "boolean"), "true"),
        ('{"a": 1}', of("string", "object"), '{"a":1}'),
        ("{a}", of("string", "object"), '"{a}"'),
        ("[1]", of("string", "object"), '"[1]"'),
        ("", of("string", "null"), '""'),
        # unions without string
        ("None", of("integer", "null"), "null"),
        ("5", of("integer", "null"), "5"),
        ("[1]", of("array", "object"), "[1]"),
        ("x", of("integer", "null"), '"x"'),
        # undeclared
        ("null", ANY, "null"),
        ("1.50", ANY, "1.50"),
        ("007", ANY, '"007"'),
        (".5", ANY, '".5"'),
        ("true", ANY, "true"),
        ('{"a": [1, 2]}', ANY, '{"a":[1,2]}'),
        ("[1, ", ANY, '"[1, "'),
        ("Paris", ANY, '"Paris"'),
        ('"Paris"', ANY, '"\\"Paris\\""'),
        ("", ANY, '""'),
    ],
)
def test_unions_and_undeclared(text: str, kinds: frozenset[str], expected: str) -> None:
    assert read(text, kinds) == expected


# --- a value as it streams


TYPED = [
    ({"type": "string"}, ["Paris", "null", "007", '{"a": 1}', " x \n y ", ""]),
    ({"type": ["string", "null"]}, ["null", "nul", "nulls", "None", "no", " null", "x"]),
    ({"type": ["string", "integer"]}, ["5", "5 days", "-", "007", "1.5", "x5", " 5 "]),
    ({"type": ["string", "boolean"]}, ["true", "truely", "True", "t"]),
    ({"type": ["string", "object"]}, ['{"a": 1}', "{a}", "x{}", "[1]"]),
    ({"type": ["number", "null"]}, ["1.5", "108.", "null", "x"]),
    ({}, ["Paris", "5", "5x", "[1, 2]", "[1", "{}", "null", "-", "true", "1e5", "1e5x"]),
]


@pytest.mark.parametrize(("schema", "texts"), TYPED)
def test_values_stream_as_they_are_read(schema: object, texts: list[str]) -> None:
    """The output in pieces is the value of the whole text."""
    request = Request("qwen3_coder", tools=[tool("f", a=schema)])
    allowed = types(schema, {})
    for text in texts:
        reply = f"<tool_call>\n<function=f>\n<parameter=a>\n{text}\n</parameter>\n</function>\n</tool_call>"
        expected = f'{{"a":{read(text, allowed)}}}'
        assert message_of(request, reply).tool_calls[0].arguments == expected
        events = events_of(request, list(reply))
        assert "".join(getattr(event, "text", "") for event in events) == expected


def test_strings_stream_and_unions_stream_as_soon_as_they_can() -> None:
    def sent_before_the_last(schema: object, text: str) -> str:
        request = Request("qwen3_coder", tools=[tool("f", a=schema)])
        parser = request.parser()
        events = parser.feed(f"<tool_call>\n<function=f>\n<parameter=a>\n{text}")
        return "".join(getattr(event, "text", "") for event in events)

    assert sent_before_the_last({"type": "string"}, "Par") == '{"a":"Par'
    assert sent_before_the_last({"type": "string"}, "5") == '{"a":"5'
    assert sent_before_the_last({"type": ["string", "null"]}, "nu") == '{"a":'
    assert sent_before_the_last({"type": ["string", "null"]}, "no") == '{"a":"no'
    assert sent_before_the_last({"type": ["string", "integer"]}, "5") == '{"a":'
    assert sent_before_the_last({"type": ["string", "integer"]}, "5 d") == '{"a":"5 d'
    assert sent_before_the_last({"type": "integer"}, "5 d") == '{"a":'
    assert sent_before_the_last({"type": ["string", "array"]}, "{x") == '{"a":"{x'
    assert sent_before_the_last({"type": ["string", "array"]}, "[x") == '{"a":'
    assert sent_before_the_last({}, "Par") == '{"a":"Par'
    assert sent_before_the_last({}, "[Par") == '{"a":'
