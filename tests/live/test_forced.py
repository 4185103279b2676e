"""What constrains a reply, on a real vLLM: a script that fits the request is written, others are refused.

A script stands against the grammar (`dynamo_parsers.vllm.scripted`): if it breaks it, vLLM fails the request, so a
refusal shows that the constraint is there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import openai
import pytest
from effort import night, some
from engine_client import CHAT_TOOLS, PARAMETERS, RESPONSES_TOOLS, Reply, chat, hermes, kimi_k2, qwen3_coder
from engine_server import Server
from test_responses import respond
from test_tagged_families import FLAGS

pytestmark = [pytest.mark.live, pytest.mark.own_server, pytest.mark.timeout(600)]

PARIS = ("get_weather", '{"city": "Paris", "days": 3}')
ROME = ("get_time", '{"timezone": "Europe/Rome"}')
UNKNOWN = ("get_price", "{}")
WRONG = ("get_weather", '{"days": "three"}')
NAMED: dict[str, Any] = {"type": "function", "function": {"name": "get_weather"}}
STRICT = [{"type": "function", "function": {**tool["function"], "strict": True}} for tool in CHAT_TOOLS]  # type: ignore[dict-item]
ANSWER = {"type": "json_schema", "json_schema": {"name": "answer", "schema": PARAMETERS["get_weather"]}}

streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
FAMILIES: Mapping[str, Callable[..., str]] = {"kimi_k2": kimi_k2, "hermes": hermes, "qwen3_coder": qwen3_coder}


@pytest.fixture(params=some([*FAMILIES], 2), scope="module")
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(servers: Callable[..., Server], family: str) -> Server:
    return servers(family, *FLAGS.get(family, ()))


@pytest.fixture
def write(family: str) -> Callable[..., str]:
    return FAMILIES[family]


def refused(server: Server, script: str, *, stream: bool, **said: Any) -> bool:
    """Whether the grammar does not let the model say `script`: the request fails, or its stream has no end."""
    try:
        reply = chat(server, script, stream=stream, **said)
    except openai.APIError:
        return True
    return reply.finish is None


@streams
def test_required(server: Server, write: Callable[..., str], stream: bool) -> None:
    for calls in ((PARIS,), (PARIS, ROME)):
        reply = chat(server, write(*calls), stream=stream, tool_choice="required")
        assert [(name, json.loads(text)) for name, text in reply.calls] == [
            (name, json.loads(text)) for name, text in calls
        ]
        assert (reply.content, reply.finish) == ("", "tool_calls")
    for script in ("Hello.", write(UNKNOWN), write(PARIS, UNKNOWN)):
        assert refused(server, script, stream=stream, tool_choice="required"), script


@streams
def test_a_named_function(server: Server, write: Callable[..., str], stream: bool) -> None:
    reply = chat(server, write(PARIS), stream=stream, tool_choice=NAMED)
    assert [name for name, _ in reply.calls] == ["get_weather"]
    for script in ("Hello.", write(ROME), write(PARIS, PARIS)):
        assert refused(server, script, stream=stream, tool_choice=NAMED), script


@streams
def test_arguments_follow_the_schema_of_strict_tools(server: Server, write: Callable[..., str], stream: bool) -> None:
    for choice in ("required", "auto"):
        assert chat(server, write(PARIS), stream=stream, tools=STRICT, tool_choice=choice).calls[0][0] == "get_weather"
        assert refused(server, write(WRONG), stream=stream, tools=STRICT, tool_choice=choice)
        assert not refused(server, write(WRONG), stream=stream, tools=CHAT_TOOLS, tool_choice=choice)
    reply = chat(server, f"Hello. {write(PARIS)}", stream=stream, tools=STRICT)
    # Kimi starts in reasoning.
    assert ((reply.reasoning or reply.content).strip(), len(reply.calls)) == ("Hello.", 1)
    assert not refused(server, "Hello.", stream=stream, tools=STRICT)


@streams
def test_one_call_only(server: Server, write: Callable[..., str], stream: bool) -> None:
    for choice in ("auto", "required"):
        said: dict[str, Any] = {"tool_choice": choice, "parallel_tool_calls": False}
        assert len(chat(server, write(PARIS), stream=stream, **said).calls) == 1
        assert refused(server, write(PARIS, ROME), stream=stream, **said)


@streams
@pytest.mark.parametrize("thinking", [None, True])
def test_reasoning_before_a_forced_call(
    server: Server, write: Callable[..., str], thinking: bool | None, stream: bool
) -> None:
    body = {} if thinking is None else {"chat_template_kwargs": {"enable_thinking": thinking}}
    said: dict[str, Any] = {"stream": stream, "tool_choice": "required", "body": body}
    opener = "" if thinking else "<think>"
    reply = chat(server, f"{opener}I plan.</think>\n\n{write(PARIS)}", **said)
    assert (reply.reasoning, reply.content, len(reply.calls)) == ("I plan.", "", 1)
    # A call ends reasoning: its marker is the grammar's, and so is what follows.
    reply = chat(server, f"{opener}I plan.{write(PARIS)}", **said)
    assert (reply.reasoning, reply.content, len(reply.calls)) == ("I plan.", "", 1)
    for script in (f"{opener}I plan.</think>Hello.", f"{opener}I plan.", f"{opener}I plan.{write(UNKNOWN)}"):
        assert refused(server, script, **said), script


@streams
def test_no_reasoning_where_thinking_is_off(server: Server, write: Callable[..., str], stream: bool) -> None:
    said: dict[str, Any] = {
        "stream": stream,
        "tool_choice": "required",
        "body": {"chat_template_kwargs": {"enable_thinking": False}},
    }
    assert len(chat(server, write(PARIS), **said).calls) == 1
    assert refused(server, "Hello.", **said)


@streams
def test_an_answer_of_a_schema_behind_reasoning(server: Server, stream: bool) -> None:
    said: dict[str, Any] = {
        "stream": stream,
        "tools": None,
        "body": {"response_format": ANSWER, "chat_template_kwargs": {"enable_thinking": True}},
    }
    reply = chat(server, 'I plan.</think>{"city": "Paris"}', **said)
    assert (reply.reasoning, reply.content, reply.calls) == ("I plan.", '{"city": "Paris"}', [])
    assert refused(server, "I plan.</think>Hello.", **said)


@streams
def test_responses(server: Server, write: Callable[..., str], stream: bool) -> None:
    reply = respond(server, write(PARIS), stream=stream, tool_choice="required")
    assert [name for name, _ in reply.calls] == ["get_weather"]
    named = respond(server, write(ROME), stream=stream, tool_choice={"type": "function", "name": "get_time"})
    assert [name for name, _ in named.calls] == ["get_time"]
    strict = [{**tool, "strict": True} for tool in RESPONSES_TOOLS]
    assert respond(server, write(PARIS), stream=stream, tools=strict).calls


def test_what_a_client_is_told(server: Server, family: str) -> None:
    broken = [{"type": "function", "function": {"name": "f", "parameters": {"type": "nothing"}, "strict": True}}]
    beyond: dict[str, Any] = {"type": "function", "function": {"name": "get_price"}}
    wrong: list[dict[str, Any]] = [{"tool_choice": beyond}]
    if family != "qwen3_coder":  # whose markup needs of a schema only the parameters
        wrong += [{"tools": broken}, {"tools": broken, "tool_choice": "required"}]
    for said in wrong:
        for stream in (False, True):
            with pytest.raises(openai.BadRequestError) as caught:
                chat(server, "Hello.", stream=stream, **said)
            assert len(str(caught.value)) > 40


@night
def test_the_level_of_a_server(servers: Callable[..., Server]) -> None:
    server = servers("hermes", "--tool-strict-level", "parameter")
    assert refused(server, hermes(WRONG), stream=False)
    assert refused(server, hermes(UNKNOWN), stream=False)
    assert chat(server, hermes(PARIS), stream=False).calls == [PARIS]
    assert isinstance(chat(server, "Hello.", stream=False), Reply)
