"""What the scripts of all environments share: families, progress, and files of results, with which a run goes on."""

from __future__ import annotations

import hashlib
import json
import os
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

from .outcome import SECONDS, Answer, Result, compared, policy
from .questions import CACHE, ROOT, SOURCES, Question, questions

OUT = ROOT / ".run" / "real"
OURS, ITS_OWN = "ours", "its own"
WAYS = ("whole", "pieces")
TURNS = {"core": 100, "vLLM": 20, "SGLang": 20}
"""By environment, if `REAL` says nothing: minutes each."""
NOT_ASKED = ("ambiguous.py", "collect.py", "report.py", "sources.py")
"""What changes no answer."""


class TookTooLong(BaseException):
    """Not an Exception, so that the code it interrupts does not catch it."""


@contextmanager
def limit(seconds: int) -> Iterator[None]:
    """Raises TookTooLong after so many seconds of this process, whatever else the machine does."""

    def over(*_: object) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@dataclass(frozen=True)
class Asker:
    """A parser to ask: `ask` answers a question in one of `WAYS`."""

    environment: str
    """With its version."""
    parser: str
    """`OURS` or `ITS_OWN`."""
    ask: Callable[[Question, str], Answer]
    knows: Callable[[str], bool] = lambda family: True
    """Whether it has a parser of a family."""


def result(asker: Asker, question: Question, way: str) -> Result:
    reason = ""
    try:
        with limit(SECONDS):
            answer = asker.ask(question, way)
        outcome, why = compared(question, answer)
        reason = policy(question, answer) if outcome == "wrong" else ""
    except TookTooLong:
        outcome, why = "slow", f"more than {SECONDS} s of CPU"
    except Exception as error:  # whatever a parser raises is an outcome
        where = traceback.extract_tb(error.__traceback__)[-1]
        outcome, why = "raised", f"{type(error).__name__}: {str(error)[:100]} ({Path(where.filename).name})"
    about = (asker.environment, asker.parser, question.family, question.source, question.kind, way, question.id)
    return Result(*about, outcome, why, reason)


def sizes() -> dict[str, int | None]:
    """How many turns of each source are drawn in each family: `REAL=all` (None), or a number, or the environment's."""
    said = os.environ.get("REAL", "")
    return {name: None if said == "all" else int(said or size) for name, size in TURNS.items()}


def run(askers: Sequence[Asker], only: Iterable[str] = ()) -> None:
    """Ask everything of everyone, a file for each family; what a file holds of the same code is not asked again."""
    families = [row.name for row in TOOL_ROWS if not list(only) or row.name in list(only)]
    for number, family in enumerate(families, 1):
        for asker in askers:
            if not asker.knows(family):
                continue
            count = sizes()[asker.environment.partition(" ")[0]]
            file = OUT / f"{asker.environment.replace(' ', '-')}.{asker.parser.replace(' ', '-')}.{family}.jsonl"
            mark = f"# {digest(asker.parser)} {count}"
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
        read = [Result(**json.loads(line)) for line in lines]
        if read and mark.split()[1] == digest(read[0].parser):
            found += read
    return found


@cache
def digest(parser: str) -> str:
    """Of the code and the data that decide an answer; ours do not decide that of an engine's own parser."""
    found = hashlib.sha256()
    folders = ("tests/real", "common", "plugins") if parser == OURS else ("tests/real",)
    code = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
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
