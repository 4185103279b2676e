"""Many clients at once on a real vLLM and a real SGLang: every answer is its own, whoever hangs up beside it.

By day 64 requests, at night 256. All three APIs, streamed and not, every choice, two choices of a reply, broken calls.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from effort import NIGHTLY
from engine_client import CHAT_TOOLS, Reply, body_for, chats, kimi_k2
from engine_server import MODEL_NAME, Server

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

REQUESTS = 256 if NIGHTLY else 64
CLIENTS = 64
HANG_UPS = 200 if NIGHTLY else 16
NAMED: dict[str, Any] = {"type": "function", "function": {"name": "get_weather"}}
CHOICES: dict[str, tuple[Any, Any, Any]] = {
    "auto": ("auto", "auto", {"type": "auto"}),
    "none": ("none", "none", {"type": "none"}),
    "required": ("required", "required", {"type": "any"}),
    "named": (NAMED, {"type": "function", "name": "get_weather"}, {"type": "tool", "name": "get_weather"}),
}
"""How the three APIs say it."""
APIS = ("chat", "responses", "messages")


@pytest.fixture(params=["vllm", "sglang"])
def server(request: pytest.FixtureRequest, engine_servers: Callable[..., Server]) -> Server:
    pytest.importorskip(request.param)
    return engine_servers(request.param, "kimi_k2")


@dataclass(frozen=True)
class Asked:
    """One request of many."""

    number: int

    @property
    def api(self) -> str:
        return APIS[self.number % 3]

    @property
    def choice(self) -> str:
        return list(CHOICES)[self.number // 3 % 4]

    @property
    def stream(self) -> bool:
        return self.number // 12 % 2 == 0

    @property
    def choices(self) -> int:
        return 2 if self.api == "chat" and self.number % 5 == 0 else 1

    @property
    def broken(self) -> bool:
        return self.choice == "auto" and self.number % 7 == 0

    @property
    def city(self) -> str:
        return f"Xanadu{self.number}"

    @property
    def script(self) -> str:
        arguments = json.dumps({"city": self.city})
        call = kimi_k2(("get_weather", arguments.replace(":", "") if self.broken else arguments))
        said = f"Xylem {self.number}. " if self.choice in ("auto", "none") else ""
        return f"<think>Xenon {self.number}?</think>{said}{call}"

    def right(self, reply: Reply) -> bool:
        content = f"Xylem {self.number}." if self.choice in ("auto", "none") else ""
        if (reply.reasoning, reply.content.strip()) != (f"Xenon {self.number}?", content):
            return False
        if self.choice == "none":
            return not reply.calls
        ((name, arguments),) = reply.calls
        return name == "get_weather" and (self.broken or json.loads(arguments) == {"city": self.city})

    def ask(self, server: Server) -> list[Reply]:
        chat, responses, messages = CHOICES[self.choice]
        if self.api == "chat":
            return chats(server, self.script, stream=self.stream, tool_choice=chat, n=self.choices)
        if server.engine == "vllm":
            from test_messages import ask
            from test_responses import respond
        else:
            from test_sglang_apis import ask, respond  # type: ignore[assignment]
        if self.api == "responses":
            return [respond(server, self.script, stream=self.stream, tool_choice=responses)]
        return [ask(server, self.script, stream=self.stream, tool_choice=messages)]


def hang_up(server: Server, number: int) -> None:
    """Ask for a stream, and leave after its first lines."""
    messages = [{"role": "user", "content": "hi"}]
    script = Asked(3 * number).script * 20
    body = {"model": MODEL_NAME, "stream": True, "max_tokens": 2000, "tools": CHAT_TOOLS}
    body |= body_for(server, script, messages)
    body["messages"] = messages
    with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=body, timeout=120) as reply:
        assert reply.status_code == 200
        for number, _ in enumerate(reply.iter_lines()):
            if number > 4:
                return


def test_every_answer_is_its_own(server: Server) -> None:
    log = Path(server.log)
    before = len(log.read_bytes())
    asked = [Asked(number) for number in range(REQUESTS)]
    with ThreadPoolExecutor(CLIENTS + 4) as pool:
        gone = [pool.submit(hang_up, server, number) for number in range(HANG_UPS)]
        answers = list(pool.map(lambda each: each.ask(server), asked))
        for each in gone:
            each.result()
    wrong = [
        (each, reply.said)
        for each, replies in zip(asked, answers, strict=True)
        for reply in replies
        if len(replies) != each.choices or not each.right(reply)
    ]
    assert not wrong, wrong[:3]
    written = log.read_bytes()[before:].decode(errors="replace")
    assert '" 500' not in written
    warned = [line for line in written.splitlines() if "dynamo" in line and ("WARN" in line or "malformed" in line)]
    assert len(warned) <= sum(each.broken for each in asked) * 2
    assert not any(word in written for word in ("Xanadu", "Xylem", "Xenon"))
