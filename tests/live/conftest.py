"""Real servers for the live tests: one of an engine at a time, started when first asked for, ended with the run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import engine_server
from engine_server import Server

WITHOUT_US = {"VLLM_PLUGINS": "", "SGLANG_PLUGINS": "none"}
"""No plugin is loaded. To SGLang an empty list means all."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that share the demo's server come first, then those of a family: each other server would end theirs."""

    def key(item: pytest.Item) -> tuple[bool, bool, bool, str]:
        asked = getattr(item, "callspec", None)
        family = str(asked.params.get("family", "")) if asked is not None else ""
        return item.get_closest_marker("own_server") is not None, not family, family != "kimi_k2", family

    items.sort(key=key)


@pytest.fixture(scope="session")
def engine_servers(request: pytest.FixtureRequest) -> Iterator[Callable[..., Server]]:
    """`engine_servers("sglang", "kimi_k2", "--stream-interval", "8")`: that server, the same for the same arguments.

    With `own=True` the engine runs without this package: its own parsers for a family that it knows by the same names.
    """
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    started: dict[str, tuple[tuple[str | bool, ...], Server]] = {}

    def say(text: str) -> None:
        if reporter is not None:
            reporter.write_line(text)

    def server(engine: str, family: str, *flags: str, own: bool = False) -> Server:
        asked = (family, own, *flags)
        running, made = started.get(engine, (None, None))
        if made is None or running != asked:
            # Two cores: one server of an engine at a time, so that none is starved.
            if made is not None:
                made.stop()
            parsers = [*engine_server.ENGINES[engine].tool_flags, family, "--reasoning-parser", family] if own else None
            made = engine_server.start(
                family,
                engine_server.free_port(),
                say=say,
                flags=flags,
                engine=engine,
                environment=WITHOUT_US if own else None,
                parsers=parsers,
            )
            started[engine] = (asked, made)
            made.wait(say)
        return made

    try:
        yield server
    finally:
        for _, each in started.values():
            each.stop()


@pytest.fixture(scope="session")
def servers(engine_servers: Callable[..., Server]) -> Callable[..., Server]:
    """The same for vLLM: `servers("kimi_k2", "--stream-interval", "8")`."""
    return partial(engine_servers, "vllm")


@pytest.fixture(scope="session")
def sglang_servers(engine_servers: Callable[..., Server]) -> Callable[..., Server]:
    """The same for SGLang."""
    return partial(engine_servers, "sglang")
