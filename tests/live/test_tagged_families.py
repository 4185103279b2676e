"""The families whose calls are between tags, each through all three APIs: what is different from Kimi K2 there.

Their markers are ordinary tokens, values are typed by the schema (Qwen3-Coder) and ids are made. One of the two
servers streams every eighth token only, as busy servers are told to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from effort import some
from engine_client import (
    MESSAGES_TOOLS,
    RESPONSES_TOOLS,
    anthropic_client,
    chat,
    hermes,
    openai_client,
    qwen3_coder,
    tokens,
)
from engine_server import MODEL_NAME, Server

pytestmark = [pytest.mark.live, pytest.mark.own_server, pytest.mark.timeout(600)]

PARIS = ("get_weather", '{"city": "Paris", "days": 3}')
TIME = ("get_time", '{"timezone": "12"}')

WRITTEN: dict[str, Callable[..., str]] = {"qwen3_coder": qwen3_coder, "hermes": hermes}
"""By day the first: a real model speaks the other one's markup (test_real_model)."""
FLAGS = {"hermes": (), "qwen3_coder": ("--stream-interval", "8")}

streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture(params=some([*WRITTEN], 2), scope="module")
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(servers: Callable[..., Server], family: str) -> Server:
    return servers(family, *FLAGS[family])


def read(calls: list[tuple[str, str]]) -> list[tuple[str, object]]:
    return [(name, json.loads(arguments)) for name, arguments in calls]


@streams
def test_chat(server: Server, family: str, stream: bool) -> None:
    script = f"<think>I should look it up.</think>\n\nOne moment.\n{WRITTEN[family](PARIS, TIME)}"
    reply = chat(server, script, stream=stream)
    assert (reply.reasoning, reply.content.strip()) == ("I should look it up.", "One moment.")
    assert read(reply.calls) == read([PARIS, TIME])
    assert all(re.fullmatch(r"chatcmpl-tool-[0-9a-f]+", each) for each in reply.ids)
    assert reply.finish == "tool_calls"
    assert reply.reasoning_tokens == tokens(family, "I should look it up.")


@streams
@pytest.mark.parametrize("thinking", [True, False, None])
def test_the_prompt_says_how_the_reply_starts(server: Server, family: str, stream: bool, thinking: bool | None) -> None:
    body = {} if thinking is None else {"chat_template_kwargs": {"enable_thinking": thinking}}
    script = ("Why?</think>" if thinking else "") + f"Sure.{WRITTEN[family](PARIS)}"
    reply = chat(server, script, stream=stream, body=body)
    assert (reply.reasoning, reply.content) == ("Why?" if thinking else "", "Sure.")
    assert read(reply.calls) == read([PARIS])


@streams
def test_no_tools(server: Server, family: str, stream: bool) -> None:
    call = WRITTEN[family](PARIS)
    reply = chat(server, f"Sure.\n{call}", stream=stream, tools=None)
    assert reply.said == ("", f"Sure.\n{call}", [])


@streams
def test_tool_choice_none(server: Server, family: str, stream: bool) -> None:
    reply = chat(server, f"Sure. {WRITTEN[family](PARIS)} Done.", stream=stream, tool_choice="none")
    assert reply.said == ("", "Sure.  Done.", [])


@streams
def test_required(server: Server, family: str, stream: bool) -> None:
    body = {"chat_template_kwargs": {"enable_thinking": False}}
    reply = chat(server, WRITTEN[family](PARIS, TIME), stream=stream, tool_choice="required", body=body)
    assert (reply.reasoning, reply.content, read(reply.calls)) == ("", "", read([PARIS, TIME]))


@streams
def test_cut_off_before_a_call_fits(server: Server, family: str, stream: bool) -> None:
    begin = f"Sure.{WRITTEN[family](PARIS)[:14]}"
    reply = chat(server, begin + "x" * 100, stream=stream, max_tokens=tokens(family, begin))
    assert reply.said == ("", "Sure.", [])
    assert reply.finish == "length"


@streams
def test_markers_in_a_value(server: Server, family: str, stream: bool) -> None:
    value = "a </think> <tool_call> & &lt; 日本 b"
    call = ("get_weather", json.dumps({"city": value}, ensure_ascii=False))
    reply = chat(server, WRITTEN[family](call), stream=stream, xargs={"script_split": 1})
    assert read(reply.calls) == read([call])


@streams
def test_responses(server: Server, family: str, stream: bool) -> None:
    given: dict[str, Any] = {
        "model": MODEL_NAME,
        "input": "hi",
        "tools": RESPONSES_TOOLS,
        "extra_body": {"vllm_xargs": {"script": f"<think>Why?</think>Sure.{WRITTEN[family](PARIS, TIME)}"}},
    }
    client = openai_client(server)
    if stream:
        events = list(client.responses.create(**given, stream=True))
        response = next(event.response for event in events if event.type == "response.completed")
    else:
        response = client.responses.create(**given)
    thought, message, *calls = response.output
    assert thought.content[0].text == "Why?"
    assert message.content[0].text == "Sure."
    assert read([(call.name, call.arguments) for call in calls]) == read([PARIS, TIME])


@streams
def test_messages(server: Server, family: str, stream: bool) -> None:
    given: dict[str, Any] = {
        "model": MODEL_NAME,
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": "hi"}],
        "tools": MESSAGES_TOOLS,
        "extra_body": {"vllm_xargs": {"script": f"<think>Why?</think>Sure.{WRITTEN[family](PARIS, TIME)}"}},
    }
    client = anthropic_client(server)
    if stream:
        with client.messages.stream(**given) as events:
            message = events.get_final_message()
    else:
        message = client.messages.create(**given)
    thought, text, *calls = message.content
    assert (thought.thinking, text.text) == ("Why?", "Sure.")
    assert [(call.name, call.input) for call in calls] == read([PARIS, TIME])
    assert message.stop_reason == "tool_use"
