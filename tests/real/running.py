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
from .strings import PLAIN

OUT = ROOT / ".run" / "real"
OURS, ITS_OWN = "ours", "its own"
WAYS = ("whole", "pieces")
TURNS = {"core": 39, "vLLM": 13, "SGLang": 13}
"""By environment, if `REAL` says nothing: each kind of string at least once, in minutes."""
DECIDES = ("outcome.py", "questions.py", "strings.py")
"""The files that decide what is asked, and how an answer is judged."""


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


def turns(environment: str, source: str) -> int | None:
    """How many turns of a source are drawn in each family; None: all. Of those of 64 KB few are enough."""
    said = os.environ.get("REAL", "")
    size = TURNS[environment.partition(" ")[0]]
    if source == "long":
        return 20 if said == "all" else max(1, int(said or size) // len(PLAIN))
    return None if said == "all" else int(said or size)


def run(askers: Sequence[Asker], only: Iterable[str] = ()) -> None:
    """Ask everything of everyone, a file for each source and family; what a file holds of the same code stays."""
    families = [row.name for row in TOOL_ROWS if not list(only) or row.name in list(only)]
    for source in SOURCES:
        for number, family in enumerate(families, 1):
            for asker in askers:
                if asker.knows(family):
                    _ask(asker, source, family, f"{source}, {family} ({number} of {len(families)})")


def _ask(asker: Asker, source: str, family: str, title: str) -> None:
    count = turns(asker.environment, source)
    named = (asker.environment, asker.parser, source, family)
    file = OUT / f"{'.'.join(each.replace(' ', '-') for each in named)}.jsonl"
    mark = f"# {digest(asker.environment, asker.parser)} {count}\n"
    if file.exists() and file.read_text(encoding="utf-8").startswith(mark):
        return
    started = time.monotonic()
    results = [result(asker, question, way) for question in questions(family, source, count) for way in WAYS]
    file.parent.mkdir(parents=True, exist_ok=True)
    written = file.with_suffix(".tmp")
    written.write_text(mark + "".join(f"{each.line()}\n" for each in results), encoding="utf-8")
    written.replace(file)
    exact = sum(each.outcome == "exact" for each in results)
    took = time.monotonic() - started
    print(f"   {asker.environment}, {asker.parser}: {title}: {exact} of {len(results)} exact, {took:.0f} s", flush=True)


def results() -> list[Result]:
    """All that was asked of this code."""
    found: list[Result] = []
    for file in sorted(OUT.glob("*.jsonl")):
        mark, *lines = file.read_text(encoding="utf-8").splitlines()
        read = [Result(**json.loads(line)) for line in lines]
        if read and mark.split()[1] == digest(read[0].environment, read[0].parser):
            found += read
    return found


@cache
def digest(environment: str, parser: str) -> str:
    """Of the code and the data that decide an answer; our parsers do not decide that of an engine's own."""
    found = hashlib.sha256()
    asks = {
        "core": ("in_core.py",),
        "vLLM": ("in_vllm.py", "vllm_harness.py"),
        "SGLang": ("in_sglang.py", "sglang_harness.py"),
    }
    names = {*DECIDES, *asks.get(environment.partition(" ")[0], ())}
    code = [file for file in (ROOT / "tests").rglob("*.py") if file.name in names]
    code.append(ROOT / "common" / "write" / "markup.py")
    if parser == OURS:
        code += [file for folder in ("common", "plugins") for file in (ROOT / folder).rglob("*.py")]
    for file in sorted(code):
        found.update(file.read_bytes())
    for data in ("calls.jsonl", "tools.json"):
        found.update((CACHE / data).read_bytes())
    return found.hexdigest()[:16]


def families_said() -> list[str]:
    """The families that the command line names; none: all."""
    return sys.argv[1:]
