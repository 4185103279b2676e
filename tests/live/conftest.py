"""A real vLLM server for the live tests: one a family, started when first asked for, ended with the run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import vllm_server
from vllm_server import Server


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[Callable[..., Server]]:
    """`servers("kimi_k2", "--stream-interval", "8")`: that server, the same one for the same arguments."""
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    started: dict[tuple[str, ...], Server] = {}

    def say(text: str) -> None:
        if reporter is not None:
            reporter.write_line(text)

    def server(family: str, *flags: str) -> Server:
        key = (family, *flags)
        if key not in started:
            # Two cores: one server at a time, so that none is starved.
            for other in started.values():
                other.stop()
            started.clear()
            made = vllm_server.start(family, vllm_server.free_port(), say=say, flags=flags)
            started[key] = made
            made.wait(say)
        return started[key]

    try:
        yield server
    finally:
        for each in started.values():
            each.stop()
