"""Real servers for the live tests: one at a time, started when first asked for, ended with the run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import engine_server
from engine_server import Server


@pytest.fixture(scope="session")
def engine_servers(request: pytest.FixtureRequest) -> Iterator[Callable[..., Server]]:
    """`engine_servers("sglang", "kimi_k2", "--stream-interval", "8")`: that server, the same for the same arguments."""
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    started: dict[tuple[str, ...], Server] = {}

    def say(text: str) -> None:
        if reporter is not None:
            reporter.write_line(text)

    def server(engine: str, family: str, *flags: str) -> Server:
        key = (engine, family, *flags)
        if key not in started:
            # Two cores: one server at a time, so that none is starved.
            for other in started.values():
                other.stop()
            started.clear()
            made = engine_server.start(family, engine_server.free_port(), say=say, flags=flags, engine=engine)
            started[key] = made
            made.wait(say)
        return started[key]

    try:
        yield server
    finally:
        for each in started.values():
            each.stop()


@pytest.fixture(scope="session")
def servers(engine_servers: Callable[..., Server]) -> Callable[..., Server]:
    """The same for vLLM: `servers("kimi_k2", "--stream-interval", "8")`."""
    return partial(engine_servers, "vllm")


@pytest.fixture(scope="session")
def sglang_servers(engine_servers: Callable[..., Server]) -> Callable[..., Server]:
    """The same for SGLang."""
    return partial(engine_servers, "sglang")
