"""What tests of the core and of the plugins share."""

from __future__ import annotations

import gc

import corpus
import pytest
from dynamo_parsers import guarded


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
    """Of one family or a few cases, some tests have none to look at."""
    if config.getoption("--family") or config.getoption("--case"):
        items[:] = [item for item in items if not item.name.endswith("[NOTSET]")]


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
