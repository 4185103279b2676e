"""How much a test run tries: all of it at night, what differs most in `make test`.

`NIGHTLY=1` in the environment asks for all. The numbers of random texts have variables of their own (`FUZZ_TEXTS`,
`PROPERTY_EXAMPLES`); this is for tests that are many.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Sequence
from typing import TypeVar

import pytest

T = TypeVar("T")

NIGHTLY = os.environ.get("NIGHTLY") == "1"
night = pytest.mark.skipif(not NIGHTLY, reason="for its time only at night: NIGHTLY=1")


QUICK = os.environ.get("QUICK") == "1"
"""`make test-quick`: replies are cut at every place, but not at each by itself."""
SHARE = int(os.environ.get("SHARE", "2"))
"""By day a case is asked in one of so many ways."""


def some(items: Sequence[T], every: int) -> Sequence[T]:
    """One in `every` of the items, evenly spread; all of them at night."""
    return items if NIGHTLY else items[::every]


def share(case: object, ways: Iterable[T]) -> Sequence[T]:
    """One in `SHARE` of the ways to ask `case`, at least one, other ones for other cases; all of them at night."""
    ways = list(ways)
    return ways if NIGHTLY or not ways else ways[zlib.crc32(str(case).encode()) % min(SHARE, len(ways)) :: SHARE]
