"""Structural tags for the tools of `tool_shapes`: what a family, its official template and ours write is accepted and
read, and what a request does not allow is refused.

By day each family is asked about a share of the tools, other ones than the next family; `NIGHTLY=1` asks about all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import pytest
from dynamo_parsers import parse
from dynamo_parsers.registry import TOOL_ROWS
from dynamo_parsers.rows import ToolRow
from dynamo_parsers.write import values
from dynamo_parsers.write.markup import RENDERERS, Call
from dynamo_parsers.write.structural_tags import structural_tag
from effort import NIGHTLY, some
from grammars import Accepts
from templates import FIRST_USER, OURS, Subject, assistant, call
from tool_shapes import SHAPES, Arguments, Shape

Writer: TypeAlias = Callable[[Sequence[tuple[str, Arguments]]], str]
"""Calls, as a family spells them."""

EVERY = 6
"""By day one in so many tools for each family."""
OTHER = Shape("other_tool", {"type": "object", "properties": {"n": {"type": "integer"}}}, [{"n": 1}, {}])
ROWS = [pytest.param(row, number, id=row.name) for number, row in enumerate(TOOL_ROWS)]


def shapes_of(number: int) -> Sequence[Shape]:
    """The tools that the family of this number is asked about."""
    return some(SHAPES[0 if NIGHTLY else number % EVERY :], EVERY)


@cache
def accepted(
    row: str,
    shape: str,
    strict: bool,
    choice: str,
    single: bool = False,
    think: tuple[str | None, bool] = (None, False),
) -> Accepts:
    """What the tag of a request accepts that declares the tool `shape` and another one. `think`: reasoning in front."""
    declared = [one.tool(strict) for one in (*SHAPES, OTHER) if one.name in (shape, OTHER.name)]
    asked: object = {"type": "function", "function": {"name": shape}} if choice == "named" else choice
    return Accepts(structural_tag(row, declared, asked, not single, reasoning_parser=think[0], in_reasoning=think[1]))


def renderer(row: ToolRow, text_of: Callable[[object], str] | None = None) -> Writer:
    def write(calls: Sequence[tuple[str, Arguments]]) -> str:
        return RENDERERS[row.name].calls(
            [Call(name, said, (text_of or json_of)(said)) if text_of else Call.of(name, said) for name, said in calls]
        )

    return write


def json_of(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def is_read_as(row: ToolRow, shape: Shape, text: str, calls: Sequence[tuple[str, Arguments]]) -> bool:
    """Whether our parser reads these calls in `text`, and nothing else."""
    said = parse(
        text,
        tool_parser=row.name,
        reasoning_parser=row.pairs[0],
        tools=[shape.tool(True), OTHER.tool(True)],
        tool_choice="required",
    )
    read = [(each.name, json.loads(each.arguments)) for each in said.tool_calls]
    return read == [(name, dict(arguments)) for name, arguments in calls] and not (said.content or "").strip()


# --- as our renderer writes it


@pytest.mark.parametrize(("row", "number"), ROWS)
def test_right_arguments_are_accepted_and_read(row: ToolRow, number: int) -> None:
    write = renderer(row)
    for shape in shapes_of(number):
        for arguments in shape.right:
            calls = [(shape.name, arguments)]
            text = write(calls)
            assert is_read_as(row, shape, text, calls), text
            for strict in (True, False):
                assert accepted(row.name, shape.name, strict, "required")(text), (strict, text)
            assert accepted(row.name, shape.name, True, "named")(text), text
            assert accepted(row.name, shape.name, True, "auto")(text), text


@pytest.mark.parametrize(("row", "number"), ROWS)
def test_wrong_arguments_are_refused_if_the_tool_is_strict(row: ToolRow, number: int) -> None:
    write = renderer(row)
    for shape in shapes_of(number):
        wrong = [*shape.wrong, *shape.wrong_inside]
        if row.name != "minimax_m3":  # members of maps are elements with any names
            wrong += shape.wrong_in_maps
        for arguments in wrong:
            text = write([(shape.name, arguments)])
            for choice in ("required", "named", "auto"):
                assert not accepted(row.name, shape.name, True, choice)(text), text
            assert accepted(row.name, shape.name, False, "required")(text), text


@pytest.mark.costly(every=3)
@pytest.mark.parametrize(("row", "number"), ROWS)
def test_other_functions_and_second_calls(row: ToolRow, number: int) -> None:
    write = renderer(row)
    for shape in shapes_of(number):
        one = (shape.name, shape.right[-1])
        other = (OTHER.name, OTHER.right[0])
        for strict in (True, False):
            required = accepted(row.name, shape.name, strict, "required")
            named = accepted(row.name, shape.name, strict, "named")
            for undeclared in (f"{shape.name}x", shape.name[:-1], "get_time"):
                assert not required(write([(undeclared, one[1])])), undeclared
                assert not required(write([one, (undeclared, one[1])])), undeclared
            for calls in ([one, other], [other, one], [one, one]):
                text = write(calls)
                assert required(text), text
                assert not named(text), text
                assert not accepted(row.name, shape.name, strict, "required", single=True)(text), text
            assert not named(write([other]))
        assert is_read_as(row, shape, write([one, other]), [one, other])


# --- as our chat template writes it


@pytest.mark.parametrize("subject", OURS, ids=lambda subject: subject.name)
def test_what_our_template_writes_of_tools(subject: Subject) -> None:
    declared: Any
    for shape in shapes_of(OURS.index(subject)):
        declared = [shape.tool(True), OTHER.tool(True)]
        end = subject.said([FIRST_USER], assistant("Hello."), declared, {}).text.partition("Hello.")[2]
        for arguments in shape.right:
            if subject.tool_parser == "pythonic" and not all(map(str.isidentifier, arguments)):
                continue  # the template puts them into a mapping, and the tag writes the name as it is
            calls = [call(shape.name, arguments, "aaaaaaaa1")]
            for more in ([], [call(OTHER.name, {"n": 3}, "aaaaaaaa2")]):
                said = subject.said([FIRST_USER], assistant(None, [*calls, *more]), declared, {})
                text = said.text.removesuffix(end)
                row, think = subject.tool_parser, (subject.reasoning_parser, subject.reasoning_open(said.prompt))
                assert accepted(row, shape.name, True, "required", think=think)(text), text
                assert accepted(row, shape.name, True, "auto")(text), text


# --- as official templates spell it, and in other white space

JSON_TEXTS: Mapping[str, Callable[[object], str]] = {
    "compact": lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")),
    "indented": lambda value: json.dumps(value, ensure_ascii=False, indent=2),
    "in ASCII": json.dumps,
}


@pytest.mark.parametrize("spelled", JSON_TEXTS)
@pytest.mark.parametrize(("row", "number"), ROWS)
def test_json_in_other_white_space_and_escapes(
    row: ToolRow, number: int, spelled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arguments that are JSON, or values that are."""
    text_of = JSON_TEXTS[spelled]
    monkeypatch.setattr(values, "as_template_text", lambda value: value if isinstance(value, str) else text_of(value))
    for shape in shapes_of(number + 1):
        for arguments in shape.right:
            if "größe" in arguments.values() and spelled == "in ASCII":
                continue  # what a schema lists is written as it is
            calls = [(shape.name, arguments)]
            text = renderer(row, text_of)(calls)
            assert accepted(row.name, shape.name, True, "required")(text), text
            assert is_read_as(row, shape, text, calls), text


TYPED_BY_SCHEMA = [
    each for each in ROWS if RENDERERS[each.values[0].name].schema_types and each.values[0].name != "minimax_m3"
]
"""Families with a tag a value."""


@pytest.mark.parametrize(("row", "number"), TYPED_BY_SCHEMA)
def test_words_of_python_where_the_schema_types(row: ToolRow, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Official templates of Qwen and Nemotron write `True` for true, so their models do."""
    scalar = (bool, type(None))
    monkeypatch.setattr(
        values,
        "as_template_text",
        lambda value: value if isinstance(value, str) else str(value) if isinstance(value, scalar) else json_of(value),
    )
    schema = {"a": {"type": "boolean"}, "b": {"type": ["boolean", "null"]}, "c": {"type": ["integer", "null"]}}
    shape = Shape("words", {"type": "object", "properties": schema, "required": list(schema)}, [])
    accepts = Accepts(structural_tag(row.name, [shape.tool(True)], "required"))
    for arguments in ({"a": True, "b": False, "c": 3}, {"a": False, "b": None, "c": None}):
        text = renderer(row)([("words", arguments)])
        assert accepts(text), text
        assert is_read_as(row, shape, text, [("words", arguments)]), text
    for arguments in ({"a": None, "b": None, "c": None}, {"a": "true-ish", "b": True, "c": 1}):
        assert not accepts(renderer(row)([("words", arguments)]))


def arrays(before: str, after: str, between: str = ", ", **more: str) -> Writer:
    """Calls as an array of objects."""
    keys = "".join(f', "{key}": {json.dumps(value)}' for key, value in more.items())
    return lambda calls: (
        before
        + between.join(f'{{"name": "{name}", "arguments": {json_of(said)}{keys}}}' for name, said in calls)
        + after
    )


def each_call(write: Callable[[str, str], str], between: str = "") -> Writer:
    """Calls that are JSON bodies, one after the other."""
    return lambda calls: between.join(write(name, json_of(said)) for name, said in calls)


def rewritten(row: str, *rules: tuple[str, str]) -> Writer:
    """What the renderer writes, with other white space: patterns, and what they become."""

    def write(calls: Sequence[tuple[str, Arguments]]) -> str:
        text = RENDERERS[row].calls([Call.of(name, said) for name, said in calls])
        for pattern, by in rules:
            text = re.sub(pattern, by, text)
        return text

    return write


def sorted_members(value: object) -> object:
    """Members by name, without regard to case, as Jinja's `dictsort` has them."""
    if isinstance(value, Mapping):
        return {key: sorted_members(value[key]) for key in sorted(value, key=str.lower)}
    return [sorted_members(each) for each in value] if isinstance(value, list) else value


def gemma_sorted(calls: Sequence[tuple[str, Arguments]]) -> str:
    said: Any = [(name, sorted_members(arguments)) for name, arguments in calls]
    return renderer(next(row for row in TOOL_ROWS if row.name == "gemma4"))(said)


def in_double_quotes(value: object) -> str:
    """A value in Python, strings and keys in double quotes."""
    if isinstance(value, str):
        inner = repr("\"'" + value)[len("'\"\\'") : -1].replace("\\'", "'").replace('"', '\\"')
        return f'"{inner}"'
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{in_double_quotes(key)}: {in_double_quotes(each)}" for key, each in value.items()) + "}"
        )
    return f"[{', '.join(map(in_double_quotes, value))}]" if isinstance(value, list) else repr(value)


def in_python(before: str, after: str) -> Writer:
    return lambda calls: (
        before
        + ", ".join(
            f"{name}({', '.join(f'{key}={in_double_quotes(value)}' for key, value in said.items())})"
            for name, said in calls
        )
        + after
    )


_KIND = "<|content_invoke_tool_json|>"
_M3_TAG = re.escape("]<]minimax[>[<")
OFFICIAL: Mapping[str, Mapping[str, Writer]] = {
    "hermes": {
        "on one line": rewritten("hermes", (r"<tool_call>\n", "<tool_call>"), (r"\n</tool_call>\n?", "</tool_call>")),
    },
    "nemotron_deci": {"on lines": arrays("<TOOLCALL>[\n", "\n]</TOOLCALL>", ",\n")},
    "default": {"on lines": arrays("<TOOLCALL>[\n", "\n]</TOOLCALL>", ",\n")},
    "jamba": {"on one line": arrays("<tool_calls>[", "]</tool_calls>")},
    "phi4": {
        "tokens": arrays("<|tool_call|>[", "]<|/tool_call|>"),
        "the word": arrays("functools[", "]"),
        "spaced": arrays("functools[ ", " ]", " , "),
    },
    "llama3_json": {
        "no marker": each_call(lambda name, body: f'{{"name": "{name}", "parameters": {body}}}', "; "),
        "close together": each_call(lambda name, body: f'{{"name": "{name}", "parameters": {body}}}', ";"),
    },
    "mistral": {
        "v3 to v7, an array": arrays("[TOOL_CALLS][", "]"),
        "v3 to v7, as Mistral writes history": arrays("[TOOL_CALLS] [", "]", id="aaaaaaaa1"),
        "v11": each_call(lambda name, body: f"[TOOL_CALLS]{name}{body}"),
        "v11 of HF": each_call(lambda name, body: f"[TOOL_CALLS]{name}[ARGS]{body}"),
        "v13": each_call(lambda name, body: f"[TOOL_CALLS]{name}[CALL_ID]aaaaaaaa1[ARGS]{body}"),
    },
    "deepseek_v3": {
        "no line between calls": rewritten("deepseek_v3", (r"(<｜tool▁call▁end｜>)\n", r"\1")),
    },
    "glm47": {
        "GLM-4.5, on lines": rewritten(
            "glm47",
            (r"(</arg_key>|</arg_value>)", r"\1\n"),
            (r"(<tool_call>[^<\n]*)<", r"\1\n<"),
            ("(</tool_call>)", r"\1\n"),
        ),
    },
    "qwen3_coder": {
        "calls close together": rewritten("qwen3_coder", (r"</tool_call>\n<tool_call>", "</tool_call><tool_call>")),
    },
    "harmony": {
        "history, the recipient first": each_call(
            lambda name, body: f" to=functions.{name}<|channel|>commentary json<|message|>{body}",
            "<|call|><|start|>assistant",
        ),
        "analysis": each_call(
            lambda name, body: f"<|channel|>analysis to=functions.{name} <|constrain|>json<|message|>{body}",
            "<|call|><|start|>assistant",
        ),
        "no constraint": each_call(
            lambda name, body: f"<|channel|>commentary to=functions.{name}<|message|>{body}",
            "<|call|><|start|>assistant",
        ),
    },
    "inkling": {
        "no name before the kind": each_call(
            lambda name, body: f'{_KIND}{{"name": "{name}", "args": {body}}}<|end_message|>', "<|message_model|>"
        ),
    },
    "gemma4": {"sorted": gemma_sorted},
    "pythonic": {
        "Meta's": in_python("[", "]"),
        "in markers": in_python("<|python_start|>[", "]<|python_end|>"),
    },
    "minimax_m3": {
        "values as JSON": lambda calls: renderer(next(row for row in TOOL_ROWS if row.name == "minimax_m3"))(
            [
                (name, {key: value if isinstance(value, str) else json_of(value) for key, value in said.items()})
                for name, said in calls
            ]
        ),
    },
}
SPELLINGS = [
    pytest.param(row, number, how, id=f"{row.name}-{how}")
    for number, row in enumerate(TOOL_ROWS)
    for how in OFFICIAL.get(row.name, ())
]


@pytest.mark.parametrize(("row", "number", "how"), SPELLINGS)
def test_official_spellings(row: ToolRow, number: int, how: str) -> None:
    write = OFFICIAL[row.name][how]
    for shape in shapes_of(number + len(how)):
        for arguments in shape.right:
            if how == "sorted" and not arguments.keys() <= shape.declared:
                continue  # members that are not declared follow those that are
            one, other = (shape.name, arguments), (OTHER.name, OTHER.right[0])
            for calls in ([one], [one, other]):
                text = write(calls)
                for strict in (True, False):
                    assert accepted(row.name, shape.name, strict, "required")(text), (strict, text)
                assert accepted(row.name, shape.name, True, "named")(text) is (calls == [one]), text
                assert is_read_as(row, shape, text, calls), text
            assert not accepted(row.name, shape.name, True, "required")(write([(f"{shape.name}x", arguments)]))
        for arguments in shape.wrong:
            assert not accepted(row.name, shape.name, True, "required")(write([(shape.name, arguments)]))
