"""Strict tools on a real SGLang: a script that follows their schemas is said, another one gives way to the grammar."""

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
UNKNOWN = ("get_price", "{}")
STRICT: list[dict[str, Any]] = [
    {"type": "function", "function": {**tool["function"], "strict": True}}  # type: ignore[dict-item]
    for tool in CHAT_TOOLS
]


@pytest.fixture
def server(sglang_servers: Callable[..., Server]) -> Server:
    return sglang_servers("kimi_k2")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_strict_tools(server: Server, stream: bool) -> None:
    reply = chat(server, f"Plan.</think>Look. {kimi_k2(PARIS)}", stream=stream, tools=STRICT)
    assert (reply.reasoning, reply.content.strip(), reply.calls) == ("Plan.", "Look.", [PARIS])
    for wrong in (WRONG, UNKNOWN):
        script = f"Plan.</think>{kimi_k2(wrong)}"
        assert chat(server, script, stream=stream, max_tokens=120).calls == [wrong]
        assert chat(server, script, stream=stream, tools=STRICT, max_tokens=120).calls != [wrong]
