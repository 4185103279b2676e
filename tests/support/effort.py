"""How much a test run tries: all of it at night, what differs most in `make test`.

`NIGHTLY=1` in the environment asks for all. The numbers of random texts have variables of their own (`FUZZ_TEXTS`,
`PROPERTY_EXAMPLES`); this is for tests that are many.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

NIGHTLY = os.environ.get("NIGHTLY") == "1"


def some(items: Sequence[T], every: int) -> Sequence[T]:
    """One in `every` of the items, evenly spread; all of them at night."""
    return items if NIGHTLY else items[::every]
