"""`explain`: what each part of a reply became, checked against the message over the whole corpus."""

from __future__ import annotations

import json
from collections.abc import Iterator

from case_report import check_all, groups
from corpus import Case, all_cases
from dynamo_parsers.explain import Explanation, Kind, explain
from dynamo_parsers.registry import reasoning_row
from effort import some


def explained(case: Case) -> Explanation:
    request = case.request
    return explain(
        case.reply,
        request.tool_parser,
        request.reasoning_parser,
        case.tools,
        request.tool_choice,
        request.parallel_tool_calls,
        request.chat_template_kwargs,
        request.in_reasoning,
    )


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


@groups(some(all_cases(), 6))
def test_the_spans_are_the_message(cases: list[Case]) -> None:
    check_all(cases, check_spans)


def check_spans(case: Case) -> None:
    told = explained(case)
    assert "".join(span.text for span in told.spans) == case.reply
    assert all(span.text == case.reply[span.start : span.end] and span.text for span in told.spans)
    content = told.message.content or ""
    row = reasoning_row(case.request.reasoning_parser) if case.request.reasoning_parser else None
    if row is not None and not row.splits and not told.joined(Kind.CONTENT).startswith(row.open):
        content = content.removeprefix(row.open)  # what the prompt ended with, given back
    assert told.joined(Kind.CONTENT) == content
    assert told.joined(Kind.REASONING) == (told.message.reasoning or "")
    for index, call in enumerate(told.message.tool_calls):
        if call.name in case.reply:
            assert told.joined(Kind.NAME, index) == call.name
        arguments = told.joined(Kind.ARGUMENTS, index)
        try:
            values = list(_strings(json.loads(call.arguments)))
        except ValueError:
            continue
        for value in values:
            if value in case.reply:
                assert value.strip() in arguments or json.dumps(value)[1:-1].strip() in arguments


def _told(text: str, tool: str, reasoning: str, **more: bool) -> list[tuple[str, str]]:
    tools = [{"name": "get_weather"}]
    return [(span.kind.value, span.text) for span in explain(text, tool, reasoning, tools, **more).spans]


def test_the_spans_of_json_in_tags() -> None:
    text = (
        "<think>plan</think>\n\nSure.\n"
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "</think>"}}\n</tool_call>'
    )
    assert _told(text, "hermes", "qwen3") == [
        ("marker", "<think>"),
        ("reasoning", "plan"),
        ("marker", "</think>"),
        ("space", "\n\n"),
        ("content", "Sure."),
        ("space", "\n"),
        ("marker", "<tool_call>"),
        ("space", "\n"),
        ("marker", '{"name": "'),
        ("name", "get_weather"),
        ("marker", '", "arguments":'),
        ("space", " "),
        ("arguments", '{"city": "</think>"}'),
        ("marker", "}"),
        ("space", "\n"),
        ("marker", "</tool_call>"),
    ]


def test_the_spans_of_one_tag_a_parameter() -> None:
    text = (
        '<｜DSML｜function_calls>\n<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="city" string="true">'
        "a </｜DSML｜parameter> b</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>"
    )
    assert _told(text, "deepseek_v3_2", "deepseek_v3_2", in_reasoning=False) == [
        ("marker", "<｜DSML｜function_calls>"),
        ("space", "\n"),
        ("marker", '<｜DSML｜invoke name="'),
        ("name", "get_weather"),
        ("marker", '">'),
        ("space", "\n"),
        ("marker", '<｜DSML｜parameter name="'),
        ("arguments", "city"),
        ("marker", '" string="true">'),
        ("arguments", "a </｜DSML｜parameter> b"),
        ("marker", "</｜DSML｜parameter>"),
        ("space", "\n"),
        ("marker", "</｜DSML｜invoke>"),
        ("space", "\n"),
        ("marker", "</｜DSML｜function_calls>"),
    ]


def test_text_that_is_dropped() -> None:
    text = (
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{}<|tool_call_end|>"
        " and <|tool_call_begin|>functions.f:1<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>"
    )
    assert ("dropped", "and") in [(kind, piece.strip()) for kind, piece in _told(text, "kimi_k2", "kimi_k2")]
