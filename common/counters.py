"""Counts oddities in replies in prometheus_client's registry: `dynamo_parsers_oddities_total{parser, kind}`.

The counter is made when a server has started (`prepare`), or with the first oddity: prometheus_client decides at its
import how processes share values, and engines prepare that after their plugins were loaded.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from .guarded import watch

if TYPE_CHECKING:
    from prometheus_client import Counter

NAME = "dynamo_parsers_oddities"


def install() -> None:
    """Start counting in this process."""
    watch(_count)


def prepare() -> None:
    """Make the counter now, so that no request has to import prometheus_client."""
    _counter()


def _count(label: str, kind: str) -> None:
    counter = _counter()
    if counter is not None:
        counter.labels(parser=label.rpartition(" ")[2], kind=kind).inc()


@cache
def _counter() -> Counter | None:
    """Return the counter; None without prometheus_client."""
    try:
        from prometheus_client import Counter
    except ImportError:
        return None
    return Counter(
        NAME,
        "Replies in which a parser of dynamo-parsers met something odd, by its flag's name and the kind of oddity.",
        ["parser", "kind"],
    )
