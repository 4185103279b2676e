"""What tests of the core and of the plugins share."""

from __future__ import annotations

import gc
import zlib

import corpus
import pytest
from dynamo_parsers import guarded
from dynamo_parsers.registry import TOOL_ROWS
from dynamo_parsers.rows import ToolRow
from effort import NIGHTLY
from readers import follows


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--family", default="", help="of the case corpus, look at this parser's cases only: seed_oss")
    parser.addoption(
        "--case", default="", help="of the case corpus, look at cases with these words in their names only"
    )


def pytest_configure(config: pytest.Config) -> None:
    try:
        corpus.choose(config.getoption("--family"), config.getoption("--case"))
    except ValueError as wrong:
        raise pytest.UsageError(str(wrong)) from wrong


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of one family or a few cases, some tests have none to look at; by day families share some tests.

    Who asks for tests by name (`-k`) gets them all.
    """
    if config.getoption("--family") or config.getoption("--case"):
        items[:] = [item for item in items if not item.name.endswith("[NOTSET]")]
    if not NIGHTLY and not config.option.keyword:
        config.hook.pytest_deselected(items=[item for item in items if not _by_day(item)])
        items[:] = [item for item in items if _by_day(item)]


def _by_day(item: pytest.Item) -> bool:
    """Whether a test is run by day: one in six (or `every`) of the costly, one in three of the shared for a follower.

    Shared are those of the engines, too: what differs between families is tested in the core.
    """
    costly = item.get_closest_marker("costly")
    if costly is not None:
        return zlib.crc32(item.nodeid.encode()) % int(costly.kwargs.get("every", 6)) == 0
    row = item.callspec.params.get("row") if hasattr(item, "callspec") else None
    shared = item.get_closest_marker("shared") is not None or "plugins" in item.path.parts
    if not isinstance(row, ToolRow) or not shared or not follows(row):
        return True
    return (zlib.crc32(item.name.replace(row.name, "").encode()) + TOOL_ROWS.index(row)) % 3 == 0


def pytest_collection_finish() -> None:
    """Some ten thousand tests are not to be looked through at every garbage collection."""
    gc.freeze()


def pytest_sessionfinish() -> None:
    gc.unfreeze()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What is odd in the replies of a test: the parser's label, and the kind."""
    seen: list[tuple[str, str]] = []
    monkeypatch.setattr(guarded, "_watchers", [])
    guarded.watch(lambda label, kind: seen.append((label, kind)))
    return seen
