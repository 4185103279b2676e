"""The oldest supported version of each engine, as docs/versions.md shows."""

from __future__ import annotations

from collections.abc import Mapping

from .places import Version, numbers

FLOORS: Mapping[str, Version] = {"vllm": (0, 31), "sglang": (0, 5, 21), "trtllm": (1, 2)}


def floor(engine: str) -> str:
    """Return the oldest supported version of an engine, for messages."""
    return ".".join(map(str, FLOORS[engine]))


def is_too_old(engine: str, version: str | None) -> bool:
    """Return whether `version` is older than the floor; False for a development build, whose number says nothing."""
    found = () if "dev" in (version or "") else numbers(version)
    return any(found) and found < FLOORS[engine]
