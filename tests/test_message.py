"""The folded message is what an OpenAI client gets."""

from __future__ import annotations

import json

import pytest
from dynamo_parsers import (
    ContentDelta,
    Message,
    ReasoningDelta,
    ToolArgumentsDelta,
    ToolCall,
    ToolCallEnd,
    ToolCallStart,
    fold,
    parse,
)
from openai.types import chat
from pydantic import TypeAdapter, ValidationError
from replies import tool

CALL = [
    ToolCallStart(0, "call_1", "get_weather"),
    ToolArgumentsDelta(0, '{"city": '),
    ToolArgumentsDelta(0, '"Paris"}'),
    ToolCallEnd(0, True),
]


def test_nothing_said() -> None:
    message = fold([])
    assert message.model_dump() == {"role": "assistant", "content": None}
    assert (message.content, message.reasoning, message.tool_calls, message.finish_reason) == (None, None, [], "stop")


def test_deltas_are_joined() -> None:
    message = fold(
        [ReasoningDelta("a"), ReasoningDelta("b"), ContentDelta("c"), ReasoningDelta("d"), ContentDelta("e")]
    )
    assert (message.reasoning, message.content) == ("abd", "ce")
    assert message.model_dump() == {"role": "assistant", "content": "ce", "reasoning": "abd"}


def test_a_call() -> None:
    message = fold([ContentDelta("Sure."), *CALL])
    assert message.tool_calls == [ToolCall(id="call_1", name="get_weather", arguments='{"city": "Paris"}')]
    assert message.model_dump() == {
        "role": "assistant",
        "content": "Sure.",
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
            }
        ],
    }
    assert json.loads(message.model_dump_json()) == message.model_dump()


def test_calls_keep_their_order_and_their_arguments() -> None:
    events = [ToolCallStart(0, "a", "f"), ToolCallEnd(0, True), ToolCallStart(1, "b", "g"), ToolArgumentsDelta(1, "{}")]
    calls = fold(events).tool_calls
    assert [(call.id, call.name, call.arguments, call.complete) for call in calls] == [
        ("a", "f", "", True),
        ("b", "g", "{}", False),
    ]


@pytest.mark.parametrize(
    ("events", "complete"), [(CALL, True), (CALL[:3], False), ([*CALL[:3], ToolCallEnd(0, False)], False)]
)
def test_complete(events: list[ToolCallStart], complete: bool) -> None:
    assert fold(events).tool_calls[0].complete == complete


@pytest.mark.parametrize(
    ("calls", "engine", "expected"),
    [
        (True, "stop", "tool_calls"),
        (True, "length", "length"),
        (True, "content_filter", "content_filter"),
        (True, None, None),
        (True, "abort", "abort"),
        (False, "stop", "stop"),
        (False, "length", "length"),
        (False, None, None),
    ],
)
def test_finish_reason(calls: bool, engine: str | None, expected: str | None) -> None:
    assert fold(CALL if calls else [ContentDelta("x")], engine).finish_reason == expected


def test_a_cut_call_is_a_call() -> None:
    tools = [tool("f", a={"type": "string"})]
    message = parse('<tool_call>{"name": "f", "arguments": {"a": "x', "hermes", tools=tools, engine_finish="length")
    assert message.finish_reason == "length"
    assert [(call.arguments, call.complete) for call in message.tool_calls] == [('{"a": "x', False)]


def test_messages_are_values() -> None:
    message = fold(CALL)
    assert message == fold(CALL)
    with pytest.raises(ValidationError):
        message.content = "x"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        message.tool_calls[0].name = "x"  # type: ignore[misc]
    assert Message().tool_calls is not Message().tool_calls


@pytest.mark.parametrize(
    "events",
    [
        [],
        [ContentDelta("x")],
        [ReasoningDelta("plan"), ContentDelta("x")],
        CALL,
        [ReasoningDelta("plan"), ContentDelta("x"), *CALL, ToolCallStart(1, "call_2", "f"), ToolCallEnd(1, False)],
    ],
)
def test_openai_reads_it(events: list[ContentDelta]) -> None:
    message = fold(events)
    read = chat.ChatCompletionMessage.model_validate(message.model_dump(), strict=True)
    assert (read.role, read.content) == ("assistant", message.content)
    assert [(call.id, call.type, call.function.name, call.function.arguments) for call in read.tool_calls or []] == [
        (call.id, "function", call.name, call.arguments) for call in message.tool_calls
    ]
    choice = {"index": 0, "finish_reason": message.finish_reason, "message": message.model_dump(), "logprobs": None}
    completion = {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
    again = chat.ChatCompletion.model_validate(completion, strict=True)
    assert again.choices[0].finish_reason == message.finish_reason


def test_openai_takes_it_back() -> None:
    """As a message of the next turn."""
    adapter: TypeAdapter[object] = TypeAdapter(chat.ChatCompletionAssistantMessageParam)
    adapter.validate_python(fold([ContentDelta("x"), *CALL]).model_dump())
