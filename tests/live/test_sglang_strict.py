"""What constrains a reply, on a real SGLang: a script that fits the request is written, others are replaced.

The grammar decides there: the model writes something else instead of what it may not write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("sglang")

from engine_client import CHAT_TOOLS, chat, kimi_k2
from engine_server import Server

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

PARIS = ("get_weather", '{"city": "Paris", "days": 3}')
WRONG = ("get_weather", '{"days": "three"}')
ROME = ("get_time", '{"timezone": "Europe/Rome"}')
UNKNOWN = ("get_price", "{}")
NAMED: dict[str, Any] = {"type": "function", "function": {"name": "get_weather"}}
STRICT: list[dict[str, Any]] = [
    {"type": "function", "function": {**tool["function"], "strict": True}}  # type: ignore[dict-item]
    for tool in CHAT_TOOLS
]


@pytest.fixture
def server(sglang_servers: Callable[..., Server]) -> Server:
    return sglang_servers("kimi_k2")


streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@streams
def test_strict_tools(server: Server, stream: bool) -> None:
    reply = chat(server, f"Plan.</think>Look. {kimi_k2(PARIS)}", stream=stream, tools=STRICT)
    assert (reply.reasoning, reply.content.strip(), reply.calls) == ("Plan.", "Look.", [PARIS])
    for wrong in (WRONG, UNKNOWN):
        script = f"Plan.</think>{kimi_k2(wrong)}"
        assert chat(server, script, stream=stream, max_tokens=120).calls == [wrong]
        assert chat(server, script, stream=stream, tools=STRICT, max_tokens=120).calls != [wrong]


@streams
def test_required(server: Server, stream: bool) -> None:
    said: dict[str, Any] = {"stream": stream, "tool_choice": "required"}
    for calls in ([PARIS], [PARIS, ROME], [WRONG]):
        reply = chat(server, f"<think>Plan.</think>\n\n{kimi_k2(*calls)}", **said)
        assert (*reply.said, reply.finish) == ("Plan.", "", calls, "tool_calls")
    for script in ("Hello.", f"Look. {kimi_k2(PARIS)}", '[{"name": "get_time", "parameters": {}}]'):
        reply = chat(server, f"<think>Plan.</think>{script}", max_tokens=120, **said)
        assert reply.reasoning.startswith("Plan.")
        # What is said in the forbidden words' place is left to chance: a call's string may hold any marker, and the
        # script's own call may fit again after it.
        assert reply.calls, "nothing but a call"
        assert not {"Hello", "Look"} & set(reply.content.split())
    reply = chat(server, f"<think>Plan.</think>{kimi_k2(UNKNOWN)}", max_tokens=120, **said)
    assert UNKNOWN[0] not in [name for name, _ in reply.calls]
    reply = chat(server, f"<think>Plan.</think>{kimi_k2(WRONG)}", tools=STRICT, max_tokens=120, **said)
    assert reply.calls != [WRONG]


@streams
def test_a_named_function(server: Server, stream: bool) -> None:
    said: dict[str, Any] = {
        "stream": stream,
        "tool_choice": NAMED,
        "body": {"chat_template_kwargs": {"thinking": False}},
    }
    assert chat(server, kimi_k2(PARIS), **said).said == ("", "", [PARIS])
    assert chat(server, kimi_k2(PARIS, ROME), max_tokens=200, **said).said == ("", "", [PARIS])
    reply = chat(server, kimi_k2(ROME), max_tokens=120, **said)
    assert ROME[0] not in [name for name, _ in reply.calls]
    reply = chat(server, "Hello.", max_tokens=120, **said)
    assert [name for name, _ in reply.calls] == ["get_weather"]
    assert not reply.content.startswith("Hello")


@streams
def test_one_call_only(server: Server, stream: bool) -> None:
    """The model may write no second one: what the script has after the first is not generated."""
    script = f"<think>Plan.</think>{kimi_k2(PARIS, ROME)}"
    for choice in ("auto", "required"):
        reply = chat(server, script, stream=stream, tool_choice=choice, parallel_tool_calls=False, max_tokens=300)
        assert (*reply.said, reply.finish) == ("Plan.", "", [PARIS], "tool_calls")
