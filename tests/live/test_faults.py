"""Broken, huge and deep requests on real servers: no error of ours, the right answer beside them, and no memory kept.

By day a few of them; at night each one streamed and whole, by every choice, strict and not. What a server answers with
HTTP 500 is asked again without our parsers: it has to be the engine's own.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from dynamo_parsers import parse
from dynamo_parsers.demo.conversation import chat_template
from dynamo_parsers.demo.model import DemoModel
from effort import NIGHTLY, night
from engine_client import body_for, kimi_k2
from engine_server import MODEL_NAME, Server

pytestmark = [pytest.mark.live, pytest.mark.timeout(1800)]

SENTINEL = "Xanthippe"
"""Is in every message, tool and reply, and must not be in a log."""
REQUESTS = 600
"""Of a load after which memory is looked at, and as many before it."""


# --- faults


def _tool(name: str, parameters: object, **said: object) -> dict[str, Any]:
    return {"name": name, "description": SENTINEL, "parameters": parameters, **said}


def _object(**properties: object) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = _object(a=schema)
    return schema


SOUND = _tool("f", _object(city={"type": "string"}))
Tools = Sequence[Mapping[str, Any]]
TOOLS: dict[str, Callable[[], Tools]] = {
    "sound": lambda: [SOUND],
    "a schema that is itself": lambda: [_tool("f", {"$ref": "#"})],
    "a reference to itself": lambda: [_tool("f", {"$ref": "#/$defs/x", "$defs": {"x": {"$ref": "#/$defs/x"}}})],
    "a recursive tree": lambda: [_tool("f", _object(city={"$ref": "#"}, b={"type": "array", "items": {"$ref": "#"}}))],
    "a reference to nothing": lambda: [_tool("f", _object(city={"$ref": "#/$defs/none"}))],
    "a remote reference": lambda: [_tool("f", _object(city={"$ref": "http://127.0.0.1:9/x.json"}))],
    "a schema of nonsense": lambda: [_tool("f", {"type": 7, "properties": ["city"], "required": {"a": 1}})],
    "no schema": lambda: [_tool("f", None)],
    "types that are no types": lambda: [_tool("f", _object(city={"type": ["string", 3, None]}, b={"enum": "x"}))],
    "a pattern that backtracks": lambda: [_tool("f", _object(city={"type": "string", "pattern": "^(a+)+$"}))],
    "500 tools": lambda: [SOUND, *(_tool(f"g{number}", _object(a={"type": "string"})) for number in range(499))],
    "5 MB of tools": lambda: [
        SOUND,
        *(_tool(f"g{number}", _object(a={"type": "string", "description": SENTINEL * 2700})) for number in range(200)),
    ],
    "a name of 300 characters": lambda: [SOUND, _tool("n" * 300, _object())],
    "two tools of a name": lambda: [SOUND, *[_tool(SENTINEL, _object())] * 2],
    "an empty name": lambda: [SOUND, _tool("", _object())],
    "a name with markup": lambda: [SOUND, _tool(f"<|tool_call_end|>{SENTINEL}", _object())],
    "a schema 60 deep": lambda: [_tool("f", _object(city={"type": "string"}, deep=_nested(60)))],
    "a schema 400 deep": lambda: [_tool("f", _object(city={"type": "string"}, deep=_nested(400)))],
    "a lone surrogate in a name": lambda: [SOUND, _tool("s\ud800", _object())],
    "a lone surrogate in a parameter": lambda: [_tool("f", _object(**{"city": {"type": "string"}, "s\udc00": {}}))],
    "NUL in a name": lambda: [SOUND, _tool("z\0z", _object())],
    "NUL in a description": lambda: [{**SOUND, "description": f"\0{SENTINEL}\0"}],
    "an enum of 20,000": lambda: [_tool("f", _object(city={"enum": [f"{SENTINEL}{n}" for n in range(20000)]}))],
}
CITY = json.dumps({"city": SENTINEL})
ARGUMENTS: dict[str, str] = {
    "sound": CITY,
    "300 deep": '{"city": ' + "[" * 300 + "]" * 300 + "}",
    "900 open": '{"city": ' + "[" * 900,
    "NUL": json.dumps({"city": f"{SENTINEL}\0"}),
    "a raw NUL": f'{{"city": "{SENTINEL}\0"}}',
    "a lone surrogate escaped": '{"city": "' + SENTINEL + '\\ud800"}',
    "a number of 4,301 digits": f'{{"city": {"9" * 4301}}}',
    "100 keys": json.dumps({f"k{number}": number for number in range(100)}),
}
THEIRS = {
    ("sglang", "responses", "a schema 400 deep"),
    ("vllm", "responses", "a schema 400 deep"),
    ("vllm", "responses", "a lone surrogate in a name"),
    ("vllm", "responses", "a lone surrogate in a parameter"),
}
"""What an engine fails at without us too: a response has the tools of its request, and pydantic writes 255 levels."""
BY_DAY = {
    *("sound", "a schema that is itself", "a schema of nonsense", "a recursive tree", "two tools of a name"),
    *("a lone surrogate in a name", "a lone surrogate escaped"),
}
MESSAGES: dict[str, str] = {"sound": SENTINEL, "a lone surrogate": f"{SENTINEL} \ud800", "NUL": f"{SENTINEL} \0"}
APIS = ("chat", "responses", "messages")


@dataclass(frozen=True)
class Fault:
    """One request, and what the model says to it."""

    tools: str = "sound"
    arguments: str = "sound"
    message: str = "sound"
    api: str = "chat"
    choice: str = "auto"
    strict: bool = False
    stream: bool = True

    def __str__(self) -> str:
        strict, stream = "strict" if self.strict else "plain", "stream" if self.stream else "whole"
        odd = [each for each in (self.tools, self.arguments, self.message) if each != "sound"]
        return f"{self.api} {' '.join(odd) or 'sound'} {self.choice} {strict} {stream}"

    @property
    def is_scripted(self) -> bool:
        """A script that a grammar forbids is an error: if there may be one, the model writes what it likes."""
        return self.choice == "auto" and not self.strict

    @property
    def script(self) -> str:
        return f"<think>{SENTINEL}</think>{kimi_k2(('f', ARGUMENTS[self.arguments]))}"

    def body(self, server: Server) -> dict[str, Any]:
        said = [{"role": "user", "content": MESSAGES[self.message]}]
        body: dict[str, Any] = {"model": MODEL_NAME, "stream": self.stream}
        tokens = 40
        if self.is_scripted:
            tokens = 8000
            body |= body_for(server, self.script, said)
            if server.engine == "sglang":
                said[0]["content"] = f"{MESSAGES[self.message]}\n{said[0]['content']}"
        tools = [dict(tool) for tool in TOOLS[self.tools]()]
        if self.api == "messages":
            shown = [
                {"name": t["name"], "description": t["description"], "input_schema": t["parameters"]} for t in tools
            ]
            choice = {"type": {"required": "any"}.get(self.choice, self.choice)}
            return {**body, "messages": said, "tools": shown, "tool_choice": choice, "max_tokens": tokens}
        if self.strict:
            tools = [{**tool, "strict": True} for tool in tools]
        body["tool_choice"] = self.choice
        if self.api == "responses":
            flat = [{"type": "function", **tool} for tool in tools]
            return {**body, "input": said[0]["content"], "tools": flat, "max_output_tokens": tokens}
        wrapped = [{"type": "function", "function": tool} for tool in tools]
        return {**body, "messages": said, "tools": wrapped, "max_tokens": tokens}


PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}


def asked(server: Server, fault: Fault) -> tuple[int, str]:
    """The status, a stream's later error included, and all that was answered."""
    # JSON with escapes: a lone surrogate is valid there.
    body = json.dumps(fault.body(server)).encode("ascii")
    headers = {"content-type": "application/json", "anthropic-version": "2023-06-01"}
    try:
        reply = httpx.post(f"{server.url}{PATHS[fault.api]}", content=body, headers=headers, timeout=300)
    except httpx.RemoteProtocolError:
        return 599, "the connection was closed"
    text = reply.content.decode("utf-8", errors="replace")
    if reply.status_code == 200 and any(mark in text for mark in ('"code":500', '"code": 500', "InternalServerError")):
        return 500, text
    return reply.status_code, text


def faults() -> Iterator[Fault]:
    for name in TOOLS:
        if NIGHTLY:
            for api, choice, strict, stream in product(APIS, ("auto", "required"), (False, True), (False, True)):
                yield Fault(tools=name, api=api, choice=choice, strict=strict, stream=stream)
        elif name in BY_DAY:
            yield Fault(tools=name)
            yield Fault(tools=name, choice="required", strict=True, stream=False)
    for name in ARGUMENTS:
        if NIGHTLY or name in BY_DAY:
            for api, stream in product(APIS, (False, True)):
                # A long reply is the model's time: once by each API.
                if len(ARGUMENTS[name]) < 500 or stream is (api == "chat"):
                    yield Fault(arguments=name, api=api, stream=stream)
    for name in MESSAGES if NIGHTLY else ():
        for api, stream in product(APIS, (False, True)):
            yield Fault(message=name, api=api, stream=stream)


# --- tests


@pytest.fixture(params=["vllm", "sglang"])
def engine(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(request.param)
    return str(request.param)


Servers = Callable[..., Server]


def hides_tools(folder: Path) -> tuple[str, str]:
    """Flags for a chat template that shows no tools: else those of 5 MB were too long for any prompt."""
    model = DemoModel.of("kimi_k2")
    template = folder / "no-tools.jinja"
    shown = chat_template(model.turn_end, model.think_open, model.think_close, model.call)
    template.write_text("{%- set tools = none -%}\n" + shown, encoding="utf-8")
    return "--chat-template", str(template)


@pytest.fixture(scope="session")
def flags(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return hides_tools(tmp_path_factory.mktemp("templates")) if NIGHTLY else ()


def all_answers(server: Server, what: Sequence[Fault]) -> dict[Fault, tuple[int, str]]:
    with ThreadPoolExecutor(8) as pool:
        return dict(zip(what, pool.map(lambda fault: asked(server, fault), what), strict=True))


def arguments_of(fault: Fault, text: str) -> str:
    """The arguments of a chat's first call."""
    if not fault.stream:
        calls = json.loads(text)["choices"][0]["message"].get("tool_calls") or [{"function": {"arguments": ""}}]
        return str(calls[0]["function"]["arguments"])
    chunks = (json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: {"))
    calls = (call for chunk in chunks for each in chunk["choices"] for call in each["delta"].get("tool_calls") or ())
    return "".join(call["function"].get("arguments") or "" for call in calls)


def core_arguments(fault: Fault) -> str:
    """What the core says of the same reply."""
    tools = [{"type": "function", "function": tool} for tool in TOOLS[fault.tools]()]
    (call,) = parse(fault.script, tool_parser="kimi_k2", reasoning_parser="kimi_k25", tools=tools).tool_calls
    return call.arguments


def test_faults(engine: str, engine_servers: Servers, flags: tuple[str, ...]) -> None:
    server = engine_servers(engine, "kimi_k2", *flags)
    log = Path(server.log)
    before = log.stat().st_size
    answers = all_answers(server, list(faults()))
    print(engine, Counter(status for status, _ in answers.values()))
    for fault, (status, text) in answers.items():
        if fault.api == "chat" and fault.is_scripted and status == 200 and '"tool_calls"' in text:
            assert arguments_of(fault, text) == core_arguments(fault), str(fault)
    sound = answers.get(Fault()) or asked(server, Fault())
    assert sound[0] == 200
    written = log.read_bytes()[before:].decode(errors="replace")
    ours = [line for line in written.splitlines() if "dynamo" in line and "WARN" in line]
    assert len(ours) <= len(answers)
    assert not any("a defect" in line for line in ours), ours[:3]
    assert not [line for line in written.splitlines() if SENTINEL in line]
    failed = [fault for fault, (status, _) in answers.items() if status >= 500]
    if not failed:
        return
    theirs = all_answers(engine_servers(engine, "kimi_k2", *flags, own=True), failed)
    print("HTTP 500 of the engine:", *failed, sep="\n  ")
    assert not [str(fault) for fault in failed if theirs[fault][0] < 500], "the engine without us serves these"
    assert {(engine, fault.api, fault.tools) for fault in failed} <= THEIRS, "new ones"


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def loaded(server: Server, requests: int) -> int:
    """The server's memory after many requests, of which a third is broken off. Long ones take too long for many."""
    short = (each for each in faults() if each.tools != "5 MB of tools" and len(each.script) < 500)
    what = [fault for fault in short if fault.is_scripted]

    def one(number: int) -> None:
        fault = what[number % len(what)]
        if number % 3:
            asked(server, fault)
            return
        body = json.dumps(fault.body(server)).encode("ascii")
        with httpx.stream("POST", f"{server.url}{PATHS[fault.api]}", content=body, timeout=300) as reply:
            next(reply.iter_raw(), None)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(requests)))
    asked(server, Fault())  # what was broken off is over
    return resident(server.pid)


@night
def test_memory_is_given_back(
    engine: str, engine_servers: Servers, flags: tuple[str, ...], record_property: Callable[[str, object], None]
) -> None:
    """The same load twice: what it needs the first time may stay, as caches do; the second adds nothing."""
    server = engine_servers(engine, "kimi_k2", *flags)
    warm = loaded(server, REQUESTS)
    after = loaded(server, REQUESTS)
    record_property("megabytes", f"{warm / 1e6:.0f}, then {after / 1e6:.0f}")
    assert after < 1.1 * warm, f"{warm / 1e6:.0f} MB became {after / 1e6:.0f} MB"
