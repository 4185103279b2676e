"""The parser as a client of the package uses it: its arguments, its misuse, its start and its policies."""

from __future__ import annotations

import json
import re

import dynamo_parsers
import pytest
from dynamo_parsers import (
    ContentDelta,
    Parser,
    ReasoningDelta,
    ToolArgumentsDelta,
    ToolCallEnd,
    ToolCallStart,
    fold,
    parse,
    reasoning_parser_names,
    tool_parser_names,
)
from dynamo_parsers.registry import reasoning_row
from replies import Request, events_of, merged, message_of, tool

TOOLS = [tool("get_weather", city={"type": "string"}), tool("f", a={"type": "integer"})]


def hermes(name: str, arguments: str) -> str:
    return f'<tool_call>\n{{"name": "{name}", "arguments": {arguments}}}\n</tool_call>'


PARIS = hermes("get_weather", '{"city": "Paris"}')
FIVE = hermes("f", '{"a": 5}')
KIMI = (
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>"
    '{"a": 5}<|tool_call_end|><|tool_calls_section_end|>'
)
CODER = "<tool_call>\n<function=f>\n<parameter=a>\n5\n</parameter>\n</function>\n</tool_call>"
QWEN = Request("hermes", "qwen3", TOOLS)


# --- names


@pytest.mark.parametrize("prefix", ["", "dynamo_"])
def test_every_name_is_known_with_and_without_the_prefix(prefix: str) -> None:
    for name in tool_parser_names():
        assert Parser(prefix + name).finish() == []
    for name in reasoning_parser_names():
        assert Parser(None, prefix + name).finish() == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [("kimi_k3x", "kimi_k2"), ("herms", "hermes"), ("dynamo_herms", "hermes"), ("qwen3coder", "qwen3_coder")],
)
def test_an_unknown_tool_parser_lists_close_matches(name: str, hint: str) -> None:
    with pytest.raises(ValueError, match=f"unknown tool-call parser '{name}'.*{hint}"):
        Parser(name)
    with pytest.raises(ValueError, match=hint):
        parse("x", tool_parser=name)


def test_an_unknown_reasoning_parser_lists_close_matches() -> None:
    with pytest.raises(ValueError, match=r"unknown reasoning parser 'quen3'.*qwen3"):
        Parser(reasoning_parser="quen3")


@pytest.mark.parametrize("name", ["", "zzzzzzzzzz", "HERMES ", "\n", "[" * 50])
def test_a_name_like_no_other_lists_what_is_known(name: str) -> None:
    with pytest.raises(ValueError, match="unknown") as raised:
        Parser(name)
    assert "hermes" in str(raised.value)


# --- misuse


def test_feed_after_finish() -> None:
    parser = Parser("hermes")
    parser.finish()
    with pytest.raises(RuntimeError, match=r"feed\(\) after finish\(\)"):
        parser.feed("x")


def test_finish_twice() -> None:
    parser = Parser("hermes")
    parser.finish()
    with pytest.raises(RuntimeError, match=r"finish\(\)"):
        parser.finish()


def test_an_empty_feed_is_nothing() -> None:
    parser = Parser("hermes", "qwen3", TOOLS)
    assert parser.feed("") == []
    assert parser.feed("<tool_") == []
    assert parser.feed("") == []
    assert parser.feed("x") == [ContentDelta("<tool_x")]
    assert parser.finish() == []


def test_an_empty_reply() -> None:
    assert Parser("hermes", "qwen3", TOOLS).finish() == []
    message = parse("", "hermes", "qwen3", TOOLS)
    assert (message.content, message.reasoning, message.tool_calls) == (None, None, [])
    assert message.finish_reason == "stop"


def test_no_parsers_at_all() -> None:
    message = parse(f"<think>plan</think>{PARIS}", tools=TOOLS)
    assert message.content == f"<think>plan</think>{PARIS}"
    assert message.reasoning is None
    assert message.tool_calls == []


def test_parsers_do_not_share_anything() -> None:
    first, second = QWEN.parser(), QWEN.parser()
    assert first.feed("<think>pl") == [ReasoningDelta("pl")]
    assert second.feed("pl") == [ContentDelta("pl")]
    assert first.feed("an</think>") == [ReasoningDelta("an")]
    assert first.feed("x") == [ContentDelta("x")]
    assert second.feed("x") == [ContentDelta("x")]


# --- events


def test_the_events_of_a_reply_as_they_come() -> None:
    parser = QWEN.parser()
    assert parser.feed("<think>") == []
    assert parser.feed("plan") == [ReasoningDelta("plan")]
    assert parser.feed("</think>\n\n") == []
    assert parser.feed("Sure.\n") == [ContentDelta("Sure.")]
    assert parser.feed("<tool_call>\n") == []
    assert parser.feed('{"name": "get_wea') == []
    assert parser.feed('ther", "arguments": ') == []
    assert parser.feed('{"ci') == [ToolCallStart(0, "id0", "get_weather"), ToolArgumentsDelta(0, '{"ci')]
    assert parser.feed('ty": "Par') == [ToolArgumentsDelta(0, 'ty": "Par')]
    assert parser.feed('is"') == [ToolArgumentsDelta(0, 'is"')]
    last = parser.feed("}}\n</tool_call>")
    assert last == [ToolArgumentsDelta(0, "}"), ToolCallEnd(0, True)]
    assert parser.finish() == []


def test_a_whole_call_is_out_before_finish() -> None:
    """TensorRT-LLM up to 1.2 never calls finish."""
    for name, text in [("hermes", PARIS), ("qwen3_coder", CODER), ("kimi_k2", KIMI)]:
        parser = QWEN.but(tool_parser=name).parser()
        fed = parser.feed(text)
        assert isinstance(fed[-1], ToolCallEnd)
        assert fed[-1].complete
        assert parser.finish() == []


def test_one_delta_may_hold_everything() -> None:
    text = f"<think>plan</think>Both: {PARIS}\n{FIVE} Done."
    assert merged(events_of(QWEN, [text])) == [
        ReasoningDelta("plan"),
        ContentDelta("Both:"),
        ToolCallStart(0, "id0", "get_weather"),
        ToolArgumentsDelta(0, '{"city": "Paris"}'),
        ToolCallEnd(0, True),
        ToolCallStart(1, "id1", "f"),
        ToolArgumentsDelta(1, '{"a": 5}'),
        ToolCallEnd(1, True),
        ContentDelta("  Done."),
    ]


def test_ids_are_random_unless_given() -> None:
    ids = {parse(PARIS, "hermes", tools=TOOLS).tool_calls[0].id for _ in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch(r"call_[0-9a-f]{24}", each) for each in ids)
    parser = Parser("hermes", tools=TOOLS, new_id=lambda: "mine")
    assert parser.feed(PARIS)[0] == ToolCallStart(0, "mine", "get_weather")


def test_a_repeated_native_id_is_renumbered() -> None:
    call = "<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{}<|tool_call_end|>"
    text = f"<|tool_calls_section_begin|>{call * 3}<|tool_calls_section_end|>"
    calls = parse(text, "kimi_k2", tools=TOOLS).tool_calls
    assert calls[0].id == "functions.f:0"
    assert len({each.id for each in calls}) == 3


# --- where a reply starts

INSIDE = "plan</think>answer"


@pytest.mark.parametrize(
    ("name", "kwargs", "inside"),
    [
        ("qwen3", {}, False),
        ("kimi_k25", {}, True),
        ("kimi_k25", {"thinking": False}, False),
        ("kimi_k25", {"enable_thinking": False}, False),
        ("kimi_k25", {"thinking": True}, True),
        ("kimi_k25", {"thinking_mode": "chat"}, False),
        ("kimi_k25", {"thinking_mode": "thinking"}, True),
        ("kimi_k25", {"reasoning_effort": "none"}, False),
        ("kimi_k25", {"reasoning_effort": "high"}, True),
        ("kimi_k25", {"unknown": 1}, True),
        ("kimi_k25", {"thinking": "no"}, True),
        ("kimi_k25", {"thinking": None}, True),
    ],
)
def test_the_start(name: str, kwargs: dict[str, object], inside: bool) -> None:
    assert message_of(Request(None, name, chat_template_kwargs=kwargs), "plan").reasoning == (
        "plan" if inside else None
    )
    for known in (True, False):
        request = Request(None, name, chat_template_kwargs=kwargs, in_reasoning=known)
        message = message_of(request, INSIDE)
        assert message.reasoning == ("plan" if known else None)
        assert message.content == ("answer" if known else "plananswer")


@pytest.mark.parametrize("name", reasoning_parser_names())
def test_what_the_caller_knows_decides(name: str) -> None:
    """`in_reasoning` goes before every gate."""
    for kwargs in ({}, {"enable_thinking": False}, {"thinking": True}, {"reasoning_effort": "high"}):
        for known in (True, False):
            message = parse("text", None, name, chat_template_kwargs=kwargs, in_reasoning=known)
            assert message.content is None or "text" in message.content
            assert (message.reasoning or message.content or "").endswith("text")
            assert (message.reasoning is not None) == (known and reasoning_row(name).splits)


def test_without_a_reasoning_parser_nothing_is_reasoning() -> None:
    for known in (None, True, False):
        message = parse("<think>plan</think>x", "hermes", tools=TOOLS, in_reasoning=known)
        assert (message.reasoning, message.content) == (None, "<think>plan</think>x")


def test_markers_are_read_whether_thinking_is_on_or_off() -> None:
    for kwargs in ({}, {"enable_thinking": False}, {"enable_thinking": True}):
        message = parse("<think>plan</think>x", None, "qwen3", chat_template_kwargs=kwargs)
        assert (message.reasoning, message.content) == ("plan", "x")


# --- force_nonempty_content

FORCE = QWEN.but(chat_template_kwargs={"force_nonempty_content": True})


def test_reasoning_alone_becomes_content_where_that_is_asked_for() -> None:
    parser = FORCE.but(in_reasoning=True).parser()
    assert parser.feed("all of it") == []
    assert parser.finish() == [ContentDelta("all of it")]
    assert message_of(FORCE, "<think>all of it</think>").content == "all of it"
    assert message_of(FORCE, "<think>all of it").content == "all of it"


def test_reasoning_before_content_or_a_call_stays_reasoning() -> None:
    parser = FORCE.parser()
    assert parser.feed("<think>plan</think>\n\n") == []
    assert parser.feed("x") == [ReasoningDelta("plan"), ContentDelta("x")]
    assert parser.finish() == []
    message = message_of(FORCE, f"<think>plan</think>{PARIS}")
    assert (message.reasoning, message.content, len(message.tool_calls)) == ("plan", None, 1)
    message = message_of(FORCE, "a<think>b</think>c<think>d")
    assert (message.reasoning, message.content) == ("bd", "ac")


@pytest.mark.parametrize("said", [False, None, "true", 1])
def test_only_true_asks_for_it(said: object) -> None:
    request = QWEN.but(chat_template_kwargs={"force_nonempty_content": said})
    assert message_of(request, "<think>plan").reasoning == "plan"


# --- tools and choices

BOTH = f"Both: {PARIS}\n{FIVE}\nDone."


@pytest.mark.parametrize("tools", [None, [], ()])
def test_without_tools_the_markup_is_content(tools: object) -> None:
    message = message_of(QWEN.but(tools=tools), BOTH)
    assert (message.content, message.tool_calls, message.finish_reason) == (BOTH, [], "stop")


def test_choice_none_takes_calls_out() -> None:
    message = message_of(QWEN.but(tool_choice="none"), BOTH)
    assert (message.content, message.tool_calls, message.finish_reason) == ("Both: \nDone.", [], "stop")


def test_choice_none_counts_no_calls() -> None:
    assert [type(event) for event in events_of(QWEN.but(tool_choice="none"), list(PARIS))] == []


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "function", "function": {"name": "f"}},
        {"type": "function", "name": "f"},
        {"function": {"name": "f"}},
    ],
)
def test_a_named_choice(choice: object) -> None:
    message = message_of(QWEN.but(tool_choice=choice), BOTH)
    assert [(call.name, call.arguments) for call in message.tool_calls] == [("f", '{"a": 5}')]
    assert message.content == "Both: \nDone."
    events = events_of(QWEN.but(tool_choice=choice), [BOTH])
    assert [event.index for event in events if isinstance(event, ToolCallStart)] == [0]


@pytest.mark.parametrize(
    "choice", ["auto", None, "unknown", 5, {}, {"type": "function"}, {"function": None}, {"function": {"name": 5}}, []]
)
def test_any_other_choice_is_auto(choice: object) -> None:
    assert len(message_of(QWEN.but(tool_choice=choice), BOTH).tool_calls) == 2


def test_one_call_where_calls_may_not_be_parallel() -> None:
    message = message_of(QWEN.but(parallel_tool_calls=False), BOTH)
    assert [call.name for call in message.tool_calls] == ["get_weather"]
    assert message.content == "Both: \nDone."


def test_parallel_none_is_the_default() -> None:
    parser = Parser("hermes", tools=TOOLS, parallel_tool_calls=None)  # type: ignore[arg-type]
    assert len(fold(parser.feed(BOTH)).tool_calls) == 2


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "f"}}])
def test_forced_json(choice: object) -> None:
    """Where the engine forces JSON instead of the markup, that JSON is parsed."""
    request = QWEN.but(tool_choice=choice)
    text = '[{"name": "f", "parameters": {"a": 5}}, {"name": "f", "parameters": {"a": 6}}]'
    for pieces in ([text], list(text)):
        message = fold(events_of(request, pieces))
        assert [(call.name, json.loads(call.arguments)) for call in message.tool_calls] == [
            ("f", {"a": 5}),
            ("f", {"a": 6}),
        ]
        assert message.content is None


def test_forced_arguments_of_the_named_function() -> None:
    request = QWEN.but(tool_choice={"type": "function", "function": {"name": "f"}})
    for text in ('{"a": 5}', '\n{"a": 5}\n'):
        for pieces in ([text], list(text)):
            message = fold(events_of(request, pieces))
            assert [(call.name, call.arguments, call.complete) for call in message.tool_calls] == [
                ("f", '{"a": 5}', True)
            ]
            assert message.content is None


def test_forced_calls_in_their_own_markup() -> None:
    assert len(message_of(QWEN.but(tool_choice="required"), BOTH).tool_calls) == 2
    named = QWEN.but(tool_choice={"function": {"name": "get_weather"}})
    assert [call.name for call in message_of(named, BOTH).tool_calls] == ["get_weather"]


def test_forced_json_behind_reasoning() -> None:
    text = '<think>plan</think>\n[{"name": "f", "parameters": {"a": 5}}]'
    message = message_of(QWEN.but(tool_choice="required"), text)
    assert message.reasoning == "plan"
    assert [call.name for call in message.tool_calls] == ["f"]
    inside = QWEN.but(tool_choice="required", in_reasoning=True)
    assert [call.name for call in message_of(inside, text[text.index("[") :]).tool_calls] == ["f"]


def test_json_in_reasoning_is_no_call_where_none_is_forced() -> None:
    text = '[{"name": "f", "parameters": {"a": 5}}]'
    assert message_of(QWEN, f"So: {text}").content == f"So: {text}"
    assert message_of(QWEN.but(in_reasoning=True), text).reasoning == text


# --- robustness of the arguments


def test_nothing_that_was_given_is_changed() -> None:
    tools = json.loads(json.dumps(TOOLS))
    kwargs = {"enable_thinking": True}
    parse(BOTH, "qwen3_coder", "qwen3", tools, chat_template_kwargs=kwargs)
    assert tools == TOOLS
    assert kwargs == {"enable_thinking": True}


def test_the_public_names() -> None:
    for name in dynamo_parsers.__all__:
        assert hasattr(dynamo_parsers, name)
    assert tool_parser_names() == sorted(set(tool_parser_names()))
    assert reasoning_parser_names() == sorted(set(reasoning_parser_names()))
    assert not any(name.startswith("dynamo_") for name in tool_parser_names() + reasoning_parser_names())
