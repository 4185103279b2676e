"""What the scripts of all environments share: families, progress, and files of results, with which a run goes on."""

from __future__ import annotations

import hashlib
import json
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dynamo_parsers.registry import TOOL_ROWS

from .outcome import Answer, Result, compared
from .questions import CACHE, ROOT, SOURCES, Question, questions, size

OUT = ROOT / ".run" / "real"
WAYS = ("whole", "pieces")
NOT_ASKED = ("ambiguous.py", "collect.py", "report.py", "sources.py")
"""What changes no answer."""
SECONDS = 20
"""A reply that takes longer is "slow"."""


class TookTooLong(BaseException):
    """Not an Exception, so that the code it interrupts does not catch it."""


@contextmanager
def limit(seconds: int) -> Iterator[None]:
    def over(*_: object) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@dataclass(frozen=True)
class Asker:
    """A parser to ask: `ask` answers a question in one of `WAYS`."""

    environment: str
    """With its version."""
    parser: str
    """"ours" or "its own"."""
    ask: Callable[[Question, str], Answer]
    knows: Callable[[str], bool] = lambda family: True
    """Whether it has a parser of a family."""


def result(asker: Asker, question: Question, way: str) -> Result:
    try:
        with limit(SECONDS):
            outcome, why = compared(question, asker.ask(question, way))
    except TookTooLong:
        outcome, why = "slow", f"more than {SECONDS} s"
    except Exception as error:  # whatever a parser raises is an outcome
        where = traceback.extract_tb(error.__traceback__)[-1]
        outcome, why = "raised", f"{type(error).__name__}: {str(error)[:100]} ({Path(where.filename).name})"
    about = (asker.environment, asker.parser, question.family, question.source, question.kind, way, question.id)
    return Result(*about, outcome, why)


def run(askers: Sequence[Asker], per_source: int, only: Iterable[str] = ()) -> None:
    """Ask everything of everyone, a file for each family; what a file holds of the same code is not asked again."""
    families = [row.name for row in TOOL_ROWS if not list(only) or row.name in list(only)]
    count = size(per_source)
    for number, family in enumerate(families, 1):
        for asker in askers:
            if not asker.knows(family):
                continue
            file = OUT / f"{asker.environment.replace(' ', '-')}.{asker.parser.replace(' ', '-')}.{family}.jsonl"
            mark = f"# {digest()} {count}"
            if file.exists() and file.read_text(encoding="utf-8").startswith(mark + "\n"):
                continue
            started = time.monotonic()
            results = [
                result(asker, question, way)
                for source in SOURCES
                for question in questions(family, source, count)
                for way in WAYS
            ]
            file.parent.mkdir(parents=True, exist_ok=True)
            written = file.with_suffix(".tmp")
            written.write_text("\n".join([mark, *(each.line() for each in results)]) + "\n", encoding="utf-8")
            written.replace(file)
            exact = sum(each.outcome == "exact" for each in results)
            took = time.monotonic() - started
            what = f"{asker.environment}, {asker.parser}: {family} ({number} of {len(families)})"
            print(f"   {what}: {exact} of {len(results)} exact, {took:.0f} s", flush=True)


def results() -> list[Result]:
    """All that was asked of this code."""
    found: list[Result] = []
    for file in sorted(OUT.glob("*.jsonl")):
        mark, *lines = file.read_text(encoding="utf-8").splitlines()
        if mark.split()[1] == digest():
            found += (Result(**json.loads(line)) for line in lines)
    return found


@cache
def digest() -> str:
    """Of the code and the data that decide an answer."""
    found = hashlib.sha256()
    code = [file for folder in ("common", "plugins", "tests/real") for file in (ROOT / folder).rglob("*.py")]
    harnesses = list((ROOT / "tests").glob("*_harness.py"))
    for file in sorted([*code, *harnesses]):
        if file.name not in NOT_ASKED:
            found.update(file.read_bytes())
    for data in ("calls.jsonl", "tools.json"):
        found.update((CACHE / data).read_bytes())
    return found.hexdigest()[:16]


def families_said() -> list[str]:
    """The families that the command line names; none: all."""
    return sys.argv[1:]
