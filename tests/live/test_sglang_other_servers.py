"""A real SGLang that was started otherwise: several tokens a delta, several HTTP workers, `dynamo_auto`."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("sglang")

from effort import night
from engine_client import chat, kimi_k2
from engine_server import DidNotStart, Server

pytestmark = [pytest.mark.live, pytest.mark.own_server, pytest.mark.timeout(900)]

AUTO = ("--tool-call-parser", "dynamo_auto", "--reasoning-parser", "dynamo_auto")
WORKERS = (*AUTO, "--tokenizer-worker-num", "2", "--enable-metrics")
PARIS = ("get_weather", '{"city": "Paris"}')
TIME = ("get_time", '{"timezone": "Europe/Rome"}')
BROKEN = "<think>I look.</think>" + kimi_k2(PARIS).replace('{"city": "Paris"}', '{"city" "secret"}')


@night
@pytest.mark.parametrize("flags", [WORKERS, ("--stream-interval", "8")], ids=len)
def test_many_at_once(sglang_servers: Callable[..., Server], flags: tuple[str, ...]) -> None:
    """Eight tokens per delta, as busy servers are configured, and HTTP workers that load no plugins by themselves."""
    server = sglang_servers("kimi_k2", *flags)
    script = f"<think>Why?</think>Sure.\n{kimi_k2(PARIS, PARIS, TIME)}\nDone."
    # Enough requests for both workers to have some.
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda number: chat(server, script, stream=number % 2 == 0), range(12)))
    assert [reply.said for reply in replies] == [("Why?", "Sure.\n\nDone.", [PARIS, PARIS, TIME])] * 12
    assert {tuple(reply.ids) for reply in replies} == {
        ("functions.get_weather:0", "functions.get_weather:1", "functions.get_time:2")
    }
    assert {reply.finish for reply in replies} == {"tool_calls"}


@night
def test_workers_choose_and_count(sglang_servers: Callable[..., Server]) -> None:
    server = sglang_servers("kimi_k2", *WORKERS)
    log = Path(server.log)
    assert log.read_text(errors="replace").count("dynamo_auto chose dynamo_kimi_k2 with dynamo_kimi_k2") == 1
    for stream in (False, True):
        for _ in range(3):  # one worker or the other
            reply = chat(server, f"<think>I look.</think>Sure. {kimi_k2(PARIS)}", stream=stream)
            assert (reply.reasoning, reply.content.strip(), reply.calls) == ("I look.", "Sure.", [PARIS])
            chat(server, BROKEN, stream=stream)
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=30) as reply:
        found = [
            line for line in reply.read().decode().splitlines() if line.startswith("dynamo_parsers_oddities_total{")
        ]
    assert found == ['dynamo_parsers_oddities_total{kind="malformed",parser="dynamo_kimi_k2"} 6.0']
    warned = [line for line in log.read_text(errors="replace").splitlines() if "malformed" in line]
    assert len(warned) == 6  # one a request
    assert not any("secret" in line for line in warned)


@night
def test_what_is_not_conclusive_stops_the_launch(sglang_servers: Callable[..., Server]) -> None:
    with pytest.raises(DidNotStart, match="no parser can be chosen by the tokenizer and its chat template"):
        sglang_servers("default", *AUTO)
