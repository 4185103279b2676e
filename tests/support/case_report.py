"""A test for each group of cases, and a report of those that fail.

It shows where a case is written, the reply as the family writes it, and the events that differ.
"""

from __future__ import annotations

import difflib
import itertools
import traceback
from collections.abc import Callable, Iterable, Sequence

import pytest
from corpus import Case

SHOWN = 5
"""Cases of a failing group that are shown whole."""


def groups(cases: list[Case], holds: Callable[[Case], bool] = lambda case: True) -> pytest.MarkDecorator:
    """Parametrize `cases` with each parser's group of cases of which this holds."""

    def name(case: Case) -> str:
        return f"{case.file}/{case.group}"

    chosen = sorted(filter(holds, cases), key=name)
    batches = {key: list(batch) for key, batch in itertools.groupby(chosen, name)}
    return pytest.mark.parametrize("cases", list(batches.values()), ids=list(batches))


class Wrong(Exception):
    """What is wrong with a case: what it looked at, and lines that are not as they should be."""

    def __init__(self, what: str, wanted: Sequence[str] = (), got: Sequence[str] = ()) -> None:
        super().__init__(what)
        self.what, self.wanted, self.got = what, wanted, got

    def __str__(self) -> str:
        changes = difflib.ndiff(list(self.wanted), list(self.got))
        return "\n".join([self.what, *(f"    {line}" for line in changes if not line.startswith("?"))])


def check_all(cases: Iterable[Case], check: Callable[[Case], None]) -> None:
    """Fail with a report of every case that `check` raises for."""
    reports = []
    for case in cases:
        try:
            check(case)
        except (Wrong, AssertionError) as wrong:
            reports.append(report(case, str(wrong)))
        except Exception:  # whatever a parser raised: the report says for which case
            reports.append(report(case, traceback.format_exc(limit=-4)))
    if reports:
        more = f"\n... and {len(reports) - SHOWN} more cases" if len(reports) > SHOWN else ""
        pytest.fail("\n\n".join(reports[:SHOWN]) + more, pytrace=False)


def report(case: Case, wrong: str) -> str:
    said = case.request.model_dump(exclude_unset=True, exclude={"tool_parser", "reasoning_parser"})
    asked = f"    request: {said}\n" if said else ""
    reply = "\n".join(f"    | {line}" for line in case.reply.split("\n"))
    return f"{case.group}: {case.title}  ({case.place})\n{asked}{reply}\n  {wrong}"
