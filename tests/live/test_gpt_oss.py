"""A real vLLM that takes its model for a gpt-oss one: its own prompts, its own Harmony contexts, our parser.

The demo model is Harmony's; its type is overridden, and with it the size of its vocabulary, because vLLM writes the
prompt in a real gpt-oss model's token ids. The weights are then made up, which a script does not mind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from effort import night
from engine_client import chat
from engine_server import Server
from test_forced import ANSWER, refused
from test_responses import respond

pytestmark = [pytest.mark.live, pytest.mark.own_server, night, pytest.mark.timeout(600)]

FLAGS = ("--hf-overrides", '{"model_type": "gpt_oss", "vocab_size": 201088}', "--load-format", "dummy")
PARIS = '{"city": "Paris"}'
NEXT = "<|start|>assistant"
CALL = f"to=functions.get_weather <|constrain|>json<|message|>{PARIS}"

REPLIES: dict[str, tuple[str, tuple[str, str, list[tuple[str, str]]]]] = {
    "reasoning and an answer": (
        f"<|channel|>analysis<|message|>Hm.<|end|>{NEXT}<|channel|>final<|message|>Hi.",
        ("Hm.", "Hi.", []),
    ),
    "a call on the analysis channel": (
        f"<|channel|>analysis<|message|>Hm.<|end|>{NEXT}<|channel|>analysis {CALL}<|call|>",
        ("Hm.", "", [("get_weather", PARIS)]),
    ),
    "a header that drifted": (
        f" to=functions.get_weather<|channel|>commentary to=functions.get_weather json<|message|>{PARIS}<|call|>",
        ("", "", [("get_weather", PARIS)]),
    ),
    "a header of nonsense": (
        f"<|channel|>??<|end|>{NEXT}<|channel|>final<|message|>Hi.",
        ("", "Hi.", []),
    ),
    "no end of the call": (f"<|channel|>commentary {CALL}", ("", "", [("get_weather", PARIS)])),
    "several calls": (
        f"<|channel|>commentary {CALL}<|call|>{NEXT}<|channel|>commentary {CALL}<|call|>",
        ("", "", [("get_weather", PARIS)] * 2),
    ),
    "a built-in tool's code": (
        f"<|channel|>analysis to=python code<|message|>print(1)<|call|>{NEXT}<|channel|>final<|message|>1",
        ("print(1)", "1", []),
    ),
}


@pytest.fixture
def server(servers: Callable[..., Server]) -> Server:
    return servers("harmony", *FLAGS)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", REPLIES)
def test_chat(server: Server, name: str, stream: bool) -> None:
    script, right = REPLIES[name]
    reply = chat(server, script, stream=stream)
    assert reply.said == right
    assert reply.finish == ("tool_calls" if right[2] else "stop")
    assert len(set(reply.ids)) == len(right[2])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", REPLIES)
def test_responses(server: Server, name: str, stream: bool) -> None:
    script, right = REPLIES[name]
    reply = respond(server, script, stream=stream)
    assert reply.said == right
    assert reply.finish == "completed"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_call_cut_off(server: Server, stream: bool) -> None:
    script = '<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Par'
    reply = chat(server, script, stream=stream)
    assert reply.said == ("", "", [("get_weather", '{"city": "Par')])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_forced_call(server: Server, stream: bool) -> None:
    """The grammar speaks of the whole reply, its reasoning included."""
    plan = f"<|channel|>analysis<|message|>Hm.<|end|>{NEXT}"
    for script in (f"<|channel|>commentary {CALL}", f"{plan} {CALL.replace(' <', '<|channel|>commentary <', 1)}"):
        reply = chat(server, script, stream=stream, tool_choice="required")
        assert (reply.content, reply.calls) == ("", [("get_weather", PARIS)])
    for script in (
        f"{plan}<|channel|>final<|message|>Hi.",
        "Hi.",
        f"<|channel|>commentary {CALL}".replace("weather", "x"),
    ):
        assert refused(server, script, stream=stream, tool_choice="required"), script


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_answer_of_a_schema(server: Server, stream: bool) -> None:
    said: dict[str, Any] = {"stream": stream, "tools": None, "body": {"response_format": ANSWER}}
    plan = f"<|channel|>analysis<|message|>Hm.<|end|>{NEXT}"
    reply = chat(server, f"{plan}<|channel|>final <|constrain|>json<|message|>{PARIS}", **said)
    assert (reply.reasoning, reply.content) == ("Hm.", PARIS)
    assert refused(server, f"{plan}<|channel|>final <|constrain|>json<|message|>Hi.", **said)
