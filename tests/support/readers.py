"""Which formats are read by the same code as another: by day they are asked a share of what the others are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from functools import cache

from corpus import Case
from dynamo_parsers.registry import TOOL_ROWS, tool_row
from dynamo_parsers.rows import ToolRow
from effort import NIGHTLY, some


def features(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """What a format has beside its markers: each field that is set, with its words and switches."""
    if is_dataclass(value):
        yield path, type(value).__name__
        for each in fields(value):
            if each.init:
                yield from features(getattr(value, each.name), f"{path}.{each.name}")
    elif value is None or isinstance(value, bool) or (isinstance(value, str) and value.isalpha()):
        yield path, value
    elif isinstance(value, str | tuple | frozenset):
        yield path, bool(value)
    else:
        yield path, getattr(value, "__name__", type(value).__name__)


@cache
def _features(row: ToolRow) -> dict[str, object]:
    return {**dict(features(row.format)), "array": "[" in row.sample}


@cache
def follows(row: ToolRow) -> bool:
    """Whether another format has all features of this one's, so that only the markers are its own.

    One that all three engines read has many users, and follows none.
    """
    if row.engines.trtllm:
        return False
    own = _features(row)
    for other in TOOL_ROWS:
        has = _features(other)
        if other is row or has[""] != own[""] or (has == own and TOOL_ROWS.index(other) > TOOL_ROWS.index(row)):
            continue
        if all(not value or has.get(path) == value for path, value in own.items()):
            return True
    return False


def of_follower(case: Case) -> bool:
    """Whether a case is of a format that follows another."""
    name = case.request.tool_parser
    return name is not None and follows(tool_row(name))


def by_day(cases: Sequence[Case], every: int = 1) -> Sequence[Case]:
    """One in `every` of the cases, of formats that follow another one in three of these; all of them at night."""
    if NIGHTLY:
        return cases
    followers = [case for case in cases if of_follower(case)]
    return [*some([case for case in cases if not of_follower(case)], every), *some(followers, 3 * every)]
