"""`dynamo-parsers triage` against a real vLLM, `dynamo_auto` as its parsers, and the counters of what was odd."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from effort import night
from engine_server import Server
from triage_checks import (  # noqa: F401
    CALL,
    test_a_bundle,
    test_a_call_that_was_cut_off,
    test_a_good_call,
    test_a_mistake_of_the_model,
    test_the_wrong_parser,
    verdict,
)

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]


@pytest.fixture
def server(servers: Callable[..., Server]) -> Server:
    return servers("kimi_k2")


@night
@pytest.mark.own_server
def test_the_server_counts_what_is_odd(servers: Callable[..., Server], tmp_path: Path) -> None:
    server = servers("kimi_k2", "--tool-call-parser", "dynamo_auto", "--reasoning-parser", "dynamo_auto")
    log = Path(server.log).read_text(errors="replace")
    assert "dynamo_auto chose dynamo_kimi_k2 with dynamo_kimi_k2" in log
    assert verdict(server, CALL, tmp_path).fault == "ok"
    broken = CALL.replace('{"city": "Zürich 🎌"}', '{"city" "secret"}')
    verdict(server, broken, tmp_path)
    verdict(server, "Use <|tool_call_begin|> with care.", tmp_path)
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=30) as reply:
        lines = [
            line for line in reply.read().decode().splitlines() if line.startswith("dynamo_parsers_oddities_total")
        ]
    for kind in ("malformed", "marker in prose"):
        (line,) = [line for line in lines if f'kind="{kind}"' in line]
        assert 'parser="dynamo_kimi_k2"' in line
        assert float(line.split()[-1]) >= 3
    warned = [line for line in Path(server.log).read_text(errors="replace").splitlines() if "malformed" in line]
    assert len(warned) == 3  # one a request
    assert not any("secret" in line for line in warned)
