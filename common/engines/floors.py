"""The oldest version of each engine that takes the parsers, as docs/versions.md shows it."""

from __future__ import annotations

from collections.abc import Mapping

from .places import Version, numbers

FLOORS: Mapping[str, Version] = {"vllm": (0, 31), "sglang": (0, 5, 21), "trtllm": (1, 2)}


def floor(engine: str) -> str:
    """The floor of an engine, for messages."""
    return ".".join(map(str, FLOORS[engine]))


def is_too_old(engine: str, version: str | None) -> bool:
    """Whether `version` is a release below the floor. What a build from source calls itself may say nothing."""
    found = () if "dev" in (version or "") else numbers(version)
    return any(found) and found < FLOORS[engine]
