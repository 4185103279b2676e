"""A real server, the demo model, and what a person would try first."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from engine_server import Server

pytestmark = pytest.mark.live

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]
CALLS = (
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>"
    '{"city": "a <|tool_call_end|> b"}<|tool_call_end|><|tool_calls_section_end|>'
)


def ask(server: Server, content: str, **more: object) -> dict[str, Any]:
    body = {"model": "demo", "messages": [{"role": "user", "content": content}], "tools": TOOLS, **more}
    request = urllib.request.Request(
        f"{server.url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as reply:
        choice: dict[str, Any] = json.loads(reply.read())["choices"][0]
        return choice


@pytest.fixture
def server(servers: Callable[..., Server]) -> Server:
    return servers("kimi_k2")


def test_the_readmes_request_calls_the_tool(server: Server) -> None:
    choice = ask(server, "What is the weather in Lisbon?")
    (call,) = choice["message"]["tool_calls"]
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"]) == {"city": "Lisbon"}
    assert call["id"] == "functions.get_weather:0"
    assert choice["message"]["reasoning"]
    assert choice["finish_reason"] == "tool_calls"


def test_a_script_in_the_message_is_said(server: Server) -> None:
    choice = ask(server, f"Say: <<<SCRIPT\nplan</think>Sure.{CALLS}\nSCRIPT>>>")
    message = choice["message"]
    assert (message["reasoning"], message["content"]) == ("plan", "Sure.")
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"city": "a <|tool_call_end|> b"}


@pytest.mark.parametrize("split", [0, 1])
def test_a_script_in_the_request_is_said(server: Server, split: int) -> None:
    script = "plan</think>Grüße 👋 " + CALLS
    choice = ask(server, "hi", vllm_xargs={"script": script, "script_split": split})
    assert choice["message"]["content"] == "Grüße 👋"
    assert len(choice["message"]["tool_calls"]) == 1


def test_other_messages_are_answered_in_prose(server: Server) -> None:
    choice = ask(server, "Hello there")
    assert "demo model" in choice["message"]["content"]
    assert choice["finish_reason"] == "stop"
