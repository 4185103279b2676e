"""/v1/messages of a real vLLM with our parsers, through the official `anthropic` client, streamed and not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from engine_client import MESSAGES_TOOLS, Reply, anthropic_client, kimi_k2, tokens
from engine_server import MODEL_NAME, Server

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

PARIS = ("get_weather", '{"city": "Paris", "days": 3}')
TIME = ("get_time", '{"timezone": "Europe/Rome"}')

streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture
def server(servers: Callable[..., Server]) -> Server:
    return servers("kimi_k2")


def ask(server: Server, script: str, *, stream: bool, body: dict[str, object] | None = None, **said: Any) -> Reply:
    """The message in which the model says `script`; a stream is put together by the client."""
    given: dict[str, Any] = {
        "model": MODEL_NAME,
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": "hi"}],
        "tools": MESSAGES_TOOLS,
        **said,
        "extra_body": {"vllm_xargs": {"script": script}, **(body or {})},
    }
    client = anthropic_client(server)
    if not stream:
        return of_message(client.messages.create(**given))
    with client.messages.stream(**given) as events:
        return of_message(events.get_final_message())


def of_message(message: Any) -> Reply:
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
def test_reasoning_then_content_then_call(server: Server, stream: bool) -> None:
    reply = ask(server, f"I should look it up.</think>One moment.{kimi_k2(PARIS)}", stream=stream)
    assert reply.said == ("I should look it up.", "One moment.", [PARIS])
    assert reply.ids == ["functions.get_weather:0"]
    assert reply.finish == "tool_use"


@streams
def test_parallel_calls(server: Server, stream: bool) -> None:
    reply = ask(server, f"Two.</think>{kimi_k2(PARIS, TIME)}", stream=stream)
    assert reply.said == ("Two.", "", [PARIS, TIME])
    assert len(set(reply.ids)) == 2


@streams
def test_content_only(server: Server, stream: bool) -> None:
    reply = ask(server, "Nothing to do.</think>\n\nHello, you. 👋", stream=stream)
    assert reply.said == ("Nothing to do.", "Hello, you. 👋", [])
    assert reply.finish == "end_turn"


@streams
def test_a_call_ends_reasoning(server: Server, stream: bool) -> None:
    reply = ask(server, f"I should look it up.{kimi_k2(PARIS)}", stream=stream)
    assert reply.said == ("I should look it up.", "", [PARIS])


@streams
def test_content_around_calls(server: Server, stream: bool) -> None:
    reply = ask(server, f"</think>First.\n{kimi_k2(PARIS)}\nThen.\n{kimi_k2(TIME)}", stream=stream)
    assert (reply.reasoning, reply.calls) == ("", [PARIS, TIME])
    assert reply.content.split() == ["First.", "Then."]


@streams
def test_no_tools(server: Server, stream: bool) -> None:
    reply = ask(server, f"Why?</think>Sure. {kimi_k2(PARIS)}", stream=stream, tools=[])
    assert reply.said == ("Why?", f"Sure. {kimi_k2(PARIS)}", [])


@streams
def test_tool_choice_none(server: Server, stream: bool) -> None:
    reply = ask(server, f"Why?</think>Sure. {kimi_k2(PARIS)} Done.", stream=stream, tool_choice={"type": "none"})
    assert reply.said == ("Why?", "Sure.  Done.", [])


@streams
def test_any_and_a_named_tool(server: Server, stream: bool) -> None:
    for choice in ({"type": "any"}, {"type": "tool", "name": "get_weather"}):
        reply = ask(server, f"<think>Why?</think>{kimi_k2(PARIS)}", stream=stream, tool_choice=choice)
        assert reply.said == ("Why?", "", [PARIS])


@streams
def test_cut_off_in_reasoning(server: Server, stream: bool) -> None:
    begin = "I am thinking about it."
    reply = ask(server, begin + "x" * 100, stream=stream, max_tokens=tokens("kimi_k2", begin))
    assert reply.said == (begin, "", [])
    assert reply.finish == "max_tokens"


def test_a_tool_loop(server: Server) -> None:
    client = anthropic_client(server)
    asked = "Look: <<<SCRIPT\nWhy?</think>" + kimi_k2(PARIS) + "\nSCRIPT>>> <<<SCRIPT\n</think>Done.\nSCRIPT>>>"
    messages: list[Any] = [{"role": "user", "content": asked}]
    first = client.messages.create(model=MODEL_NAME, max_tokens=1000, messages=messages, tools=MESSAGES_TOOLS)  # type: ignore[arg-type]
    (call,) = [block for block in first.content if block.type == "tool_use"]
    messages += [
        {"role": "assistant", "content": [block.model_dump() for block in first.content]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]},
    ]
    second = client.messages.create(model=MODEL_NAME, max_tokens=1000, messages=messages, tools=MESSAGES_TOOLS)  # type: ignore[arg-type]
    assert of_message(second).content == "Done."
