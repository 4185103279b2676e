"""Many clients at once on a real vLLM and a real SGLang: every answer is its own, whoever hangs up beside it.

By day 64 requests at once, at night 256, and as many as hang up. All three APIs, streamed and not, every choice, two
choices of a reply, broken calls. What is right is what the core says of the same script.
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
from dynamo_parsers import parse
from dynamo_parsers.engines.whole import whole_part
from effort import NIGHTLY
from engine_client import CHAT_TOOLS, MESSAGES_TOOLS, RESPONSES_TOOLS, Reply, body_for, chats, kimi_k2
from engine_server import MODEL_NAME, Server

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

REQUESTS = 256 if NIGHTLY else 64
HANG_UPS = 200 if NIGHTLY else 8
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
        # Anthropic's client raises on a streamed call whose arguments are not JSON.
        return self.choice == "auto" and self.number % 7 == 0 and not (self.api == "messages" and self.stream)

    @property
    def script(self) -> str:
        """Short and long, with one to three calls. A forced reply says no text, and a named choice is one call."""
        texts, calls = 1 + self.number % 3, 1 if self.broken or self.choice == "named" else 1 + self.number % 3
        arguments = [json.dumps({"city": f"Xanadu{self.number}", "days": day}) for day in range(calls)]
        if self.broken:
            arguments[0] = arguments[0].replace(":", "")
        said = f"Xylem {self.number}. " * texts if self.choice in ("auto", "none") else ""
        section = kimi_k2(*(("get_weather", each) for each in arguments))
        return f"<think>Xenon {self.number}? {'Xerox. ' * texts}</think>{said}{section}"

    def right(self) -> tuple[str, str, list[tuple[str, str]]]:
        """What the core says of the script, with the arguments that the API carries."""
        said = parse(
            self.script,
            tool_parser="kimi_k2",
            reasoning_parser="kimi_k25",
            tools=CHAT_TOOLS,
            tool_choice=CHOICES[self.choice][0],
        )
        calls = [(call.name, call.arguments) for call in said.tool_calls]
        if self.api == "messages":  # a call's arguments are an object there
            calls = [(name, json.dumps(json.loads(whole_part(arguments)))) for name, arguments in calls]
        return said.reasoning or "", said.content or "", calls

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
    said = [{"role": "user", "content": "hi"}]
    script = Asked(12 * number + 3).script * 10  # of those that are not broken
    body: dict[str, Any] = {"model": MODEL_NAME, "stream": True, **body_for(server, script, said)}
    path, more = (
        ("chat/completions", {"messages": said, "tools": CHAT_TOOLS, "max_tokens": 2000}),
        ("responses", {"input": said[0]["content"], "tools": RESPONSES_TOOLS, "max_output_tokens": 2000}),
        ("messages", {"messages": said, "tools": MESSAGES_TOOLS, "max_tokens": 2000}),
    )[number % 3]
    with httpx.stream("POST", f"{server.url}/v1/{path}", json=body | more, timeout=300) as reply:
        assert reply.status_code == 200
        for line, _ in enumerate(reply.iter_lines()):
            if line > 4:
                return


def test_every_answer_is_its_own(server: Server) -> None:
    log = Path(server.log)
    before = log.stat().st_size
    asked = [Asked(number) for number in range(REQUESTS)]
    right = [each.right() for each in asked]
    assert len({str(each) for each in right}) == REQUESTS, "no two are alike"
    with ThreadPoolExecutor(REQUESTS + HANG_UPS) as pool:
        gone = [pool.submit(hang_up, server, number) for number in range(HANG_UPS)]
        answers = list(pool.map(lambda each: each.ask(server), asked))
        for each in gone:
            each.result()
    wrong = [
        (each, reply.said, due)
        for each, replies, due in zip(asked, answers, right, strict=True)
        for reply in replies
        if len(replies) != each.choices or reply.said != due
    ]
    assert not wrong, (len(wrong), wrong[:3])
    written = log.read_bytes()[before:].decode(errors="replace")
    assert '" 500' not in written
    warned = [line for line in written.splitlines() if "dynamo" in line and ("WARN" in line or "malformed" in line)]
    assert len(warned) == sum(each.choices for each in asked if each.broken), "one of each broken reply"
    assert not any(word in written for word in ("Xanadu", "Xylem", "Xenon", "Xerox"))
