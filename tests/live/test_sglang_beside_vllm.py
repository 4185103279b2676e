"""The same replies through a live vLLM and a live SGLang: what a client gets is the same, streamed and not.

Put aside are ids that the engines make, and requests that the engines constrain with different grammars (forced
choices, one call only): a script fits one of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

pytest.importorskip("sglang")

from effort import night
from engine_client import CHAT_TOOLS, Reply, chat, kimi_k2, qwen3_coder, tokens
from engine_server import ROOT, Server

pytestmark = [
    pytest.mark.live,
    pytest.mark.own_server,
    night,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not (ROOT / ".venv-vllm/bin/vllm").exists(), reason="no vLLM here: make vllm-env"),
]

PARIS = ("get_weather", '{"city": "Paris", "days": 3}')
ODD = ("get_weather", json.dumps({"city": 'a <tool_call> & </think> "日本" 👋 \\ {b'}, ensure_ascii=False))
TIME = ("get_time", '{"timezone": "Europe/Rome"}')


@dataclass(frozen=True)
class Said:
    """A script and the request that it answers."""

    script: str
    request: dict[str, object] = field(default_factory=dict)


def scripts(call: Callable[..., str], thinks: str) -> dict[str, Said]:
    """`call` writes calls, `thinks` opens reasoning if the prompt does not."""
    off = {"body": {"chat_template_kwargs": {"thinking": False, "enable_thinking": False}}}
    on = {"body": {"chat_template_kwargs": {"thinking": True, "enable_thinking": True}}}
    cut = f"{thinks}Why?</think>Sure.\n{call(PARIS)}"
    return {
        "reasoning, content, call": Said(f"{thinks}Why?</think>\n\nOne moment.\n{call(PARIS)}"),
        "a call ends reasoning": Said(f"{thinks}Why?{call(PARIS)}"),
        "parallel calls": Said(f"{thinks}Two.</think>{call(PARIS, ODD, TIME)}"),
        "text around calls": Said(f"{thinks}a</think>First.\n\n{call(PARIS)}\nThen.\n{call(TIME)}\nThat is all."),
        "no call": Said(f"{thinks}Nothing.</think>\n\n  Hello.\n\nUse <tool_call> and <|tool_call_begin|>.\n"),
        "only reasoning": Said(f"{thinks}I wonder"),
        "two blocks of reasoning": Said(f"{thinks}a</think>b <think>c</think> d"),
        "thinking on": Said("Why?</think>Sure.", on),
        "thinking off": Said(f"Sure.{call(PARIS)}", off),
        "no tools": Said(f"{thinks}Why?</think>Sure. {call(PARIS)} Done.", {"tools": None}),
        "no call wanted": Said(f"{thinks}Why?</think>Sure. {call(PARIS)} Done.", {"tool_choice": "none"}),
        "a stop string": Said(f"{thinks}Why?</think>Sure.{call(PARIS)} ENOUGH of that.", {"stop": ["ENOUGH"]}),
        "cut in reasoning": Said(f"{thinks}Why is it so?</think>Sure.", {"max_tokens": 6}),
        "cut in a call's head": Said(cut, {"max_tokens": "in the head"}),
        "cut in an argument": Said(cut, {"max_tokens": "in the value"}),
    }


FAMILIES = {"kimi_k2": scripts(kimi_k2, ""), "qwen3_coder": scripts(qwen3_coder, "<think>")}
CASES = [
    pytest.param(family, name, stream, id=f"{family}-{name}-{'stream' if stream else 'whole'}")
    for family in FAMILIES
    for name in FAMILIES[family]
    for stream in (False, True)
]

Replies = dict[tuple[str, bool], Reply]


def limit(family: str, said: Said) -> dict[str, object]:
    """The request of a script, with a number for the place where the reply is to be cut."""
    request = {"tools": CHAT_TOOLS, **said.request}
    places = {"in the head": "get_wea", "in the value": "Par"}
    place = places.get(str(request.get("max_tokens")))
    if place is not None:
        request["max_tokens"] = tokens(family, said.script[: said.script.index(place) + len(place)])
    return request


@pytest.fixture(scope="session")
def replies(engine_servers: Callable[..., Server]) -> Callable[[str, str], Replies]:
    """`replies("sglang", "kimi_k2")`: what an engine answers to every script of a family, streamed and not."""
    known: dict[tuple[str, str], Replies] = {}

    def ask(engine: str, family: str) -> Replies:
        if (engine, family) not in known:
            server = engine_servers(engine, family)
            known[engine, family] = {
                (name, stream): chat(server, said.script, stream=stream, **limit(family, said))  # type: ignore[arg-type]
                for name, said in FAMILIES[family].items()
                for stream in (False, True)
            }
        return known[engine, family]

    return ask


@pytest.mark.parametrize(("family", "name", "stream"), CASES)
def test_both_engines_say_the_same(
    replies: Callable[[str, str], Replies], family: str, name: str, stream: bool
) -> None:
    theirs, ours = replies("vllm", family)[name, stream], replies("sglang", family)[name, stream]
    assert ours.said == theirs.said
    assert len(ours.ids) == len(theirs.ids) == len(ours.calls)
    native = [id.startswith("functions.") for id in theirs.ids]
    assert [id for id, kept in zip(ours.ids, native, strict=True) if kept] == [
        id for id, kept in zip(theirs.ids, native, strict=True) if kept
    ]
    assert ours.finish == theirs.finish


@pytest.mark.parametrize("family", FAMILIES)
def test_streamed_and_whole_are_the_same(replies: Callable[[str, str], Replies], family: str) -> None:
    for engine in ("vllm", "sglang"):
        said = replies(engine, family)
        for name in FAMILIES[family]:
            assert said[name, True].said == said[name, False].said, f"{engine}: {name}"
