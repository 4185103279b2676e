"""What tests of the core and of the plugins share."""

from __future__ import annotations

import gc

import pytest
from dynamo_parsers import guarded


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
