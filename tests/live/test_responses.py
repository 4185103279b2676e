"""/v1/responses of a real vLLM with our parsers, through the official `openai` client, streamed and not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from engine_client import RESPONSES_TOOLS, Reply, kimi_k2, openai_client, tokens
from engine_server import MODEL_NAME, Server

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

PARIS = ("get_weather", '{"city": "Paris", "days": 3}')
TIME = ("get_time", '{"timezone": "Europe/Rome"}')

streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture
def server(servers: Callable[..., Server]) -> Server:
    return servers("kimi_k2")


def respond(server: Server, script: str, *, stream: bool, body: dict[str, object] | None = None, **said: Any) -> Reply:
    """The response in which the model says `script`; of a stream, what the last event and the deltas both say."""
    given: dict[str, Any] = {
        "model": MODEL_NAME,
        "input": "hi",
        "max_output_tokens": 1000,
        "tools": RESPONSES_TOOLS,
        **said,
        "extra_body": {"vllm_xargs": {"script": script}, **(body or {})},
    }
    client = openai_client(server)
    if not stream:
        return of_response(client.responses.create(**given))
    events = list(client.responses.create(**given, stream=True))
    final = of_response(next(event.response for event in events if event.type.startswith("response.completed")))
    assert of_deltas(events) == final.said
    opened = Counter(event.item.id for event in events if event.type == "response.output_item.added")
    closed = Counter(event.item.id for event in events if event.type == "response.output_item.done")
    assert opened == closed
    assert set(opened.values()) <= {1}, "an item is opened once"
    return final


def of_response(response: Any) -> Reply:
    reply = Reply(finish=response.status, reasoning_tokens=response.usage.output_tokens_details.reasoning_tokens)
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


def of_deltas(events: list[Any]) -> tuple[str, str, list[tuple[str, str]]]:
    reply = Reply()
    names: dict[str, str] = {}
    arguments: dict[str, str] = {}
    for event in events:
        if event.type == "response.reasoning_text.delta":
            reply.reasoning += event.delta
        elif event.type == "response.output_text.delta":
            reply.content += event.delta
        elif event.type == "response.output_item.added" and event.item.type == "function_call":
            names[event.item.id] = event.item.name
            arguments[event.item.id] = ""
        elif event.type == "response.function_call_arguments.delta":
            arguments[event.item_id] += event.delta
        elif event.type == "response.function_call_arguments.done":
            assert event.arguments == arguments[event.item_id]
    return reply.reasoning, reply.content, [(names[item], arguments[item]) for item in names]


@streams
def test_reasoning_then_content_then_call(server: Server, stream: bool) -> None:
    reply = respond(server, f"I should look it up.</think>One moment.{kimi_k2(PARIS)}", stream=stream)
    assert reply.said == ("I should look it up.", "One moment.", [PARIS])
    assert reply.ids == ["functions.get_weather:0"]
    assert reply.finish == "completed"


@streams
def test_parallel_calls(server: Server, stream: bool) -> None:
    reply = respond(server, f"Two.</think>{kimi_k2(PARIS, TIME)}", stream=stream)
    assert reply.said == ("Two.", "", [PARIS, TIME])
    assert reply.ids == ["functions.get_weather:0", "functions.get_time:1"]


@streams
def test_content_only(server: Server, stream: bool) -> None:
    reply = respond(server, "Nothing to do.</think>\n\nHello, you. 👋", stream=stream)
    assert reply.said == ("Nothing to do.", "Hello, you. 👋", [])


@streams
def test_a_call_ends_reasoning(server: Server, stream: bool) -> None:
    reply = respond(server, f"I should look it up.{kimi_k2(PARIS)}", stream=stream)
    assert reply.said == ("I should look it up.", "", [PARIS])


@streams
def test_one_call_only(server: Server, stream: bool) -> None:
    reply = respond(server, f"</think>{kimi_k2(PARIS)}", stream=stream, parallel_tool_calls=False)
    assert reply.said == ("", "", [PARIS])


@streams
def test_no_tools(server: Server, stream: bool) -> None:
    reply = respond(server, f"Why?</think>Sure. {kimi_k2(PARIS)}", stream=stream, tools=[])
    assert reply.said == ("Why?", f"Sure. {kimi_k2(PARIS)}", [])


@streams
def test_tool_choice_none(server: Server, stream: bool) -> None:
    reply = respond(server, f"Why?</think>Sure. {kimi_k2(PARIS)} Done.", stream=stream, tool_choice="none")
    assert reply.said == ("Why?", "Sure.  Done.", [])


@streams
def test_required(server: Server, stream: bool) -> None:
    reply = respond(server, f"<think>Why?</think>{kimi_k2(PARIS, TIME)}", stream=stream, tool_choice="required")
    assert reply.said == ("Why?", "", [PARIS, TIME])


@streams
def test_named(server: Server, stream: bool) -> None:
    choice = {"type": "function", "name": "get_weather"}
    reply = respond(server, f"<think>Why?</think>{kimi_k2(PARIS)}", stream=stream, tool_choice=choice)
    assert reply.said == ("Why?", "", [PARIS])


@streams
@pytest.mark.parametrize("thinking", [True, False])
def test_the_prompt_says_how_the_reply_starts(server: Server, stream: bool, thinking: bool) -> None:
    body: dict[str, object] = {"chat_template_kwargs": {"thinking": thinking}}
    reply = respond(server, "Why?</think>Sure." if thinking else "Sure.", stream=stream, body=body)
    assert reply.said == ("Why?" if thinking else "", "Sure.", [])


@streams
def test_reasoning_tokens(server: Server, stream: bool) -> None:
    thought = "I should look up the weather in Paris."
    reply = respond(server, f"{thought}</think>Sure.", stream=stream)
    assert reply.reasoning_tokens == tokens("kimi_k2", thought)


def test_a_tool_loop(server: Server) -> None:
    client = openai_client(server)
    asked = "Look: <<<SCRIPT\nWhy?</think>" + kimi_k2(PARIS) + "\nSCRIPT>>> <<<SCRIPT\n</think>Done.\nSCRIPT>>>"
    history: list[Any] = [{"role": "user", "content": asked}]
    first = client.responses.create(model=MODEL_NAME, input=history, tools=RESPONSES_TOOLS)  # type: ignore[arg-type]
    (call,) = [item for item in first.output if item.type == "function_call"]
    history += [
        call.model_dump(exclude_none=True),
        {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"},
    ]
    second = client.responses.create(model=MODEL_NAME, input=history, tools=RESPONSES_TOOLS)  # type: ignore[arg-type]
    assert of_response(second).content == "Done."
