"""SGLang's other endpoints with our parsers: /v1/responses, /v1/messages, and those that only parse a text."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("sglang")

from engine_client import (
    CHAT_TOOLS,
    MESSAGES_TOOLS,
    RESPONSES_TOOLS,
    Reply,
    anthropic_client,
    in_message,
    kimi_k2,
    openai_client,
    tokens,
)
from engine_server import MODEL_NAME, Server

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

PARIS = ("get_weather", '{"city": "Paris", "days": 3}')
TIME = ("get_time", '{"timezone": "Europe/Rome"}')

streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture
def server(sglang_servers: Callable[..., Server]) -> Server:
    return sglang_servers("kimi_k2")


# --- /v1/responses


def respond(server: Server, script: str, *, stream: bool, **said: Any) -> Reply:
    given: dict[str, Any] = {
        "model": MODEL_NAME,
        "input": in_message(script),
        "max_output_tokens": 1000,
        "tools": RESPONSES_TOOLS,
        **said,
    }
    client = openai_client(server)
    if stream:
        events = list(client.responses.create(**given, stream=True))
        response = next(event.response for event in events if event.type == "response.completed")
    else:
        response = client.responses.create(**given)
    reply = Reply(finish=response.status)
    for item in response.output:
        if item.type == "reasoning":
            reply.reasoning += "".join(part.text for part in item.content or [])
        elif item.type == "message":
            reply.content += "".join(part.text for part in item.content)
        else:
            assert item.type == "function_call"
            reply.calls.append((item.name, item.arguments))
            reply.ids.append(item.call_id)
    return reply


@streams
def test_response(server: Server, stream: bool) -> None:
    reply = respond(server, f"I should look it up.</think>One moment.{kimi_k2(PARIS, TIME)}", stream=stream)
    assert reply.said == ("I should look it up.", "One moment.", [PARIS, TIME])
    assert len(set(reply.ids)) == 2
    assert reply.finish == "completed"


@streams
def test_response_where_a_call_ends_reasoning(server: Server, stream: bool) -> None:
    reply = respond(server, f"I should look it up.{kimi_k2(PARIS)}", stream=stream)
    assert reply.said == ("I should look it up.", "", [PARIS])


@streams
def test_response_without_tools(server: Server, stream: bool) -> None:
    reply = respond(server, f"Why?</think>Sure. {kimi_k2(PARIS)}", stream=stream, tools=[])
    assert reply.said == ("Why?", f"Sure. {kimi_k2(PARIS)}", [])


@streams
def test_response_with_choices(server: Server, stream: bool) -> None:
    reply = respond(server, f"Why?</think>Sure. {kimi_k2(PARIS)} Done.", stream=stream, tool_choice="none")
    assert reply.said == ("Why?", "Sure.  Done.", [])
    reply = respond(server, f"</think>{kimi_k2(PARIS, TIME)}", stream=stream, parallel_tool_calls=False)
    assert reply.said == ("", "", [PARIS])
    reply = respond(
        server,
        kimi_k2(PARIS),
        stream=stream,
        tool_choice="required",
        extra_body={"chat_template_kwargs": {"thinking": False}},
    )
    assert reply.said == ("", "", [PARIS])


@streams
def test_cut_off_response(server: Server, stream: bool) -> None:
    """Somewhere in the head of a call: SGLang counts the limit in its own way here."""
    client = openai_client(server)
    body: dict[str, Any] = {
        "model": MODEL_NAME,
        "input": in_message(f"Why?</think>Sure.{kimi_k2(PARIS)}"),
        "tools": RESPONSES_TOOLS,
        "max_output_tokens": tokens("kimi_k2", "Why?</think>Sure.") + 6,
    }
    if stream:
        events = list(client.responses.create(**body, stream=True))
        response = next(event.response for event in events if event.type == "response.incomplete")
    else:
        response = client.responses.create(**body)
    assert response.status == "incomplete"
    assert response.output_text == "Sure."


# --- /v1/messages


def ask(server: Server, script: str, *, stream: bool, **said: Any) -> Reply:
    given: dict[str, Any] = {
        "model": MODEL_NAME,
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": in_message(script)}],
        "tools": MESSAGES_TOOLS,
        **said,
    }
    client = anthropic_client(server)
    if stream:
        with client.messages.stream(**given) as events:
            message = events.get_final_message()
    else:
        message = client.messages.create(**given)
    reply = Reply(finish=message.stop_reason)
    for block in message.content:
        if block.type == "thinking":
            reply.reasoning += block.thinking
        elif block.type == "text":
            reply.content += block.text
        else:
            assert block.type == "tool_use"
            reply.calls.append((block.name, json.dumps(block.input)))
            reply.ids.append(block.id)
    return reply


@streams
def test_message(server: Server, stream: bool) -> None:
    reply = ask(server, f"I should look it up.</think>One moment.{kimi_k2(PARIS, TIME)}", stream=stream)
    assert reply.said == ("I should look it up.", "One moment.", [PARIS, TIME])
    assert reply.ids == ["functions.get_weather:0", "functions.get_time:1"]
    assert reply.finish == "tool_use"


@streams
def test_message_without_a_call(server: Server, stream: bool) -> None:
    reply = ask(server, "Nothing to do.</think>\n\nHello, you. 👋", stream=stream)
    assert reply.said == ("Nothing to do.", "Hello, you. 👋", [])
    assert reply.finish == "end_turn"


@streams
def test_message_with_choices(server: Server, stream: bool) -> None:
    reply = ask(server, f"Why?</think>Sure. {kimi_k2(PARIS)} Done.", stream=stream, tool_choice={"type": "none"})
    assert reply.said == ("Why?", "Sure.  Done.", [])
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    reply = ask(server, f"</think>{kimi_k2(PARIS, TIME)}", stream=stream, tool_choice=choice)
    assert reply.said == ("", "", [PARIS])


@streams
def test_cut_off_message(server: Server, stream: bool) -> None:
    begin = f"Why?</think>Sure.{kimi_k2(PARIS)}<|tool_calls_section_begin|>"
    reply = ask(server, begin + "x" * 100, stream=stream, max_tokens=tokens("kimi_k2", begin))
    assert reply.said == ("Why?", "Sure.", [PARIS])
    assert reply.finish == "max_tokens"


# --- a text alone


def post(server: Server, path: str, body: dict[str, object]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{server.url}{path}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as reply:
        answer: dict[str, Any] = json.loads(reply.read())
        return answer


def test_parse_function_call(server: Server) -> None:
    """Any of the names, whatever the server was started with."""
    said = f"Sure.\n{kimi_k2(PARIS, TIME)}\nDone."
    for name, text in (
        ("dynamo_kimi_k2", said),
        ("dynamo_qwen3_coder", "Sure.\n<tool_call>\n<function=get_weather>\n</function>\n</tool_call>\nDone."),
    ):
        answer = post(server, "/parse_function_call", {"text": text, "tools": CHAT_TOOLS, "tool_call_parser": name})
        assert answer["normal_text"] == "Sure.\n\nDone."
        calls = [(call["name"], call["parameters"]) for call in answer["calls"]]
        assert calls == ([PARIS, TIME] if name == "dynamo_kimi_k2" else [("get_weather", "{}")])
        assert [call["tool_index"] for call in answer["calls"]] == list(range(len(calls)))


def test_separate_reasoning(server: Server) -> None:
    answer = post(server, "/separate_reasoning", {"text": "Why?</think>Sure.", "reasoning_parser": "dynamo_kimi_k25"})
    assert (answer["reasoning_text"], answer["text"]) == ("Why?", "Sure.")
