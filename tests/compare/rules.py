"""A rule: a reason of the contract, and the predicate that says whether it applies.

A predicate sees the question and the two answers, never which case it is or who the peer is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from difference import Difference


@dataclass(frozen=True)
class Reason:
    """A bullet of the contract, and what of it decides."""

    bullet: str
    says: str

    def __str__(self) -> str:
        return f"{self.bullet}: {self.says}"


@dataclass(frozen=True)
class Rule:
    reason: Reason
    applies: Callable[[Difference], bool]
