"""Switch off each rule that recovers from broken markup, and count the cases that need it.

`make ablate` reads every case whole, once as it is and once for each rule. A case needs a rule if its events differ
without it. Rules are found by their marks (`dynamo_parsers.recovery`).

- A rule that no case needs fails: write its case, or remove it.
- A rule that one report of one family needs is listed for removal, unless the contract itself has it (docs/contract.md,
  "Drift").

Only the cases that can need a rule are read: those of parsers whose format imports, itself or by what it imports, the
module that the rule is in. They are rendered once, with all rules on: the markup of a shape is the same without one.

A case that the parser does not answer as it is written counts all the same: what is compared is what is read.

A report is a case's title: the same title for several parsers is one report. Parsers whose formats have the same
markers are one family.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.util
import json
import multiprocessing
import pickle
import pkgutil
import signal
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from multiprocessing.pool import Pool
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

PACKAGE = "dynamo_parsers"
PROCESSES = 2
SECONDS = 2
"""CPU time that one case may take: without a rule a reader may go round in circles."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A case, and what is read of it."""

    name: str
    file: str
    report: str
    lines: tuple[str, ...]
    family: str = ""
    modules: frozenset[str] = frozenset()
    """What its parsers are made of."""


@dataclass(frozen=True, slots=True)
class Need:
    """A rule, and what is lost without it."""

    rule: str
    where: str
    contract: str
    cases: tuple[str, ...]
    families: tuple[str, ...]
    reports: tuple[str, ...]

    @property
    def unneeded(self) -> bool:
        return not self.cases

    @property
    def to_remove(self) -> bool:
        return not self.contract and len(self.families) == 1 and len(self.reports) == 1


# --- in a process of its own


@dataclass(frozen=True, slots=True)
class Marked:
    """A rule, as its mark says."""

    key: str
    module: str
    where: str
    contract: str


def marked() -> list[Marked]:
    """Every rule of the package."""
    package = importlib.import_module(PACKAGE)
    for module in pkgutil.walk_packages(package.__path__, f"{PACKAGE}."):
        if not module.name.startswith(_WITHOUT_RULES):
            importlib.import_module(module.name)
    rules = sys.modules[f"{PACKAGE}.recovery"].RULES
    return [
        Marked(key, rule.module, f"{rule.module.replace('.', '/')}.py:{rule.line}", rule.contract)
        for key, rule in rules.items()
    ]


# They need an engine, or the packages of the command line.
_WITHOUT_RULES = tuple(f"{PACKAGE}.{each}" for each in ("cli", "demo", "probe", "triage", "vllm", "sglang", "trtllm"))


def write_cases(folder: Path, files: Collection[str] | None = None) -> list[Asked]:
    """Load the cases of some files (None: of all) and read them; each file's are left in a folder for `read_cases`."""
    _switch_off("")
    corpus = importlib.import_module("corpus")
    parsers = _Parsers()
    found = []
    for path in corpus.case_files():
        if files is not None and path.stem not in files:
            continue
        cases = corpus.load(path).cases
        (folder / path.stem).write_bytes(pickle.dumps(cases))
        for case in cases:
            named = (case.request.tool_parser, case.request.reasoning_parser)
            asked = _read(case, corpus)
            found.append(replace(asked, family=parsers.family(*named), modules=parsers.modules(*named)))
    return found


def read_cases(off: str, folder: Path, files: Collection[str]) -> list[Asked]:
    """Read the cases that `write_cases` left, of some files, with the rule `off` switched off."""
    _switch_off(off)
    corpus = importlib.import_module("corpus")
    return [_read(case, corpus) for file in sorted(files) for case in pickle.loads((folder / file).read_bytes())]


def _read(case: Any, corpus: Any) -> Asked:
    return Asked(str(case), case.file, case.title, tuple(_lines(case, corpus)))


def _switch_off(key: str) -> None:
    """Import the package with a rule switched off; it must not have been imported before."""
    assert PACKAGE not in sys.modules
    name = f"{PACKAGE}.recovery"
    package = importlib.util.find_spec(PACKAGE)
    assert package is not None
    assert package.submodule_search_locations
    path = Path(package.submodule_search_locations[0]) / "recovery.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    recovery = importlib.util.module_from_spec(spec)
    sys.modules[name] = recovery
    spec.loader.exec_module(recovery)
    recovery.__dict__["OFF"] = key
    importlib.import_module(PACKAGE)
    assert not key or key in recovery.RULES, f"no rule {key!r}"


class _Parsers:
    """The families of the parsers, and the modules that they are made of."""

    def __init__(self) -> None:
        self._registry = importlib.import_module(f"{PACKAGE}.registry")
        self._siblings = importlib.import_module(f"{PACKAGE}.formats.siblings")
        self._modules: dict[tuple[str | None, str | None], frozenset[str]] = {}
        self._first: dict[frozenset[str], str] = {}
        for row in self._registry.TOOL_ROWS:
            self._first.setdefault(frozenset(row.format.markers), row.name)
        self._imports = {name: _imports_of(name) for name in sys.modules if name.startswith(f"{PACKAGE}.")}
        # Which formats there are does not make one use the others.
        self._imports[self._registry.__name__] = set()
        self._of_all = self._with_imports(f"{PACKAGE}.parser")

    def _rows(self, tool: str | None, reasoning: str | None) -> list[Any]:
        """The rows of tool-call parsers that a request with these parsers uses: of its own, or of the partners."""
        if tool is not None:
            return [self._registry.tool_row(tool)]
        return list(self._registry.partners(self._registry.reasoning_row(reasoning))) if reasoning is not None else []

    def family(self, tool: str | None, reasoning: str | None) -> str:
        """The first parser whose format has the same markers."""
        rows = self._rows(tool, reasoning)
        return self._first[frozenset(rows[0].format.markers)] if rows else str(reasoning)

    def modules(self, tool: str | None, reasoning: str | None) -> frozenset[str]:
        """The modules whose code or constants a request with these parsers can come to."""
        if (tool, reasoning) not in self._modules:
            self._modules[tool, reasoning] = self._modules_of(tool, reasoning)
        return self._modules[tool, reasoning]

    def _modules_of(self, tool: str | None, reasoning: str | None) -> frozenset[str]:
        formats = [row.format for row in self._rows(tool, reasoning)]
        # What is in the wrapper of one is read by another.
        formats += [getattr(each, "format", each) for each in self._siblings.siblings_of(formats)]
        if reasoning is not None:
            formats.append(self._registry.reasoning_row(reasoning).frame)
        found = set(self._of_all)
        for name in self._imports:
            if name != self._registry.__name__ and any(
                value is each for value in vars(sys.modules[name]).values() for each in formats if each is not None
            ):
                found |= self._with_imports(name)
        return frozenset(name.removeprefix(f"{PACKAGE}.") for name in found)

    def _with_imports(self, name: str) -> set[str]:
        found: set[str] = set()
        due = [name]
        while due:
            each = due.pop()
            if each in self._imports and each not in found:
                found.add(each)
                due += self._imports[each]
        return found


def _imports_of(name: str) -> set[str]:
    """What a module of the package imports of it."""
    module = sys.modules[name]
    found: set[str] = set()
    for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            source = importlib.util.resolve_name("." * node.level + (node.module or ""), module.__package__)
            found |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
    return found


def _lines(case: Any, corpus: Any) -> Iterator[str]:
    """What is read of a case's reply, and of each start of it that it gives."""
    starts = [start.text for start in getattr(case, "starts", ())]
    for text, finish in ((case.reply, True), *((start, False) for start in starts)):
        signal.signal(signal.SIGVTALRM, _give_up)
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        try:
            events = corpus.feed(case, [text] if text else [], finish=finish)
            records = corpus.merge(events, finished=finish)
            yield from corpus.lines_of(records, records)
        except Exception as wrong:
            yield f"raised {type(wrong).__name__}"
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _give_up(*_: object) -> None:
    raise TimeoutError


# --- comparing


def processes(count: int = PROCESSES) -> Pool:
    """Processes in which the package has not been imported, a new one for each task."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pydantic"])
    return context.Pool(count, maxtasksperchild=1)


def needs(rules: Iterable[Marked], files: Collection[str] | None = None) -> Iterator[Need]:
    """Each of the rules with what needs it."""
    with TemporaryDirectory() as name, processes() as pool:
        folder = Path(name)
        as_it_is = pool.apply(write_cases, (folder, files))
        readings = []
        for rule in rules:
            can_need = {case.file for case in as_it_is if rule.module in case.modules}
            before = [case for case in as_it_is if case.file in can_need]
            readings.append((rule, before, pool.apply_async(read_cases, (rule.key, folder, can_need))))
        for rule, before, reading in readings:
            yield need(rule, before, reading.get())


def need(rule: Marked, as_it_is: Iterable[Asked], without: Iterable[Asked]) -> Need:
    """What needs a rule: the cases that are read otherwise without it."""
    lost = [case for case, other in zip(as_it_is, without, strict=True) if case.lines != other.lines]
    return Need(
        rule.key,
        rule.where,
        rule.contract,
        tuple(case.name for case in lost),
        tuple(sorted({case.family for case in lost})),
        tuple(sorted({case.report for case in lost})),
    )


def find_rules() -> list[Marked]:
    """`marked`, of a process of its own."""
    with processes(1) as pool:
        return pool.apply(marked)


# --- the report


def report(found: Sequence[Need]) -> str:
    """The table, the rules that nothing needs, and those listed for removal."""
    lines = ["cases  families  reports  rule"]
    for each in sorted(found, key=lambda each: (len(each.cases), each.rule)):
        what = each.rule.partition(": ")[2]
        lines.append(
            f"{len(each.cases):>5}  {len(each.families):>8}  {len(each.reports):>7}  {each.where}  {what}"
            f"  [{', '.join(each.families)}]"
        )
    lines += _listed("needed by no case: write its case or remove it", [each for each in found if each.unneeded])
    lines += _listed("needed by one report of one family: to be removed", [each for each in found if each.to_remove])
    return "\n".join(lines)


def _listed(title: str, rules: Sequence[Need]) -> list[str]:
    lines = ["", f"{len(rules)} {title}"]
    for each in rules:
        lines.append(f"  {each.where}  {each.rule.partition(': ')[2]}")
        lines += [f"      {case}" for case in each.cases[:1]]
    return lines


def show(rule: Marked, files: Collection[str] | None) -> None:
    """Print what is read of each case that needs a rule, with and without it."""
    with TemporaryDirectory() as name, processes(1) as pool:
        with_it = pool.apply(write_cases, (Path(name), files))
        without = pool.apply(read_cases, (rule.key, Path(name), {case.file for case in with_it}))
    for case, other in zip(with_it, without, strict=True):
        if case.lines != other.lines:
            print(case.name, *(f"  with     {line}" for line in case.lines), sep="\n")
            print(*(f"  without  {line}" for line in other.lines), sep="\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 1 if there is a rule that no case needs."""
    parser = argparse.ArgumentParser(prog="make ablate", description=__doc__.partition("\n")[0])
    parser.add_argument("--rule", metavar="TEXT", help="only the rules whose names hold this text")
    parser.add_argument("--family", metavar="NAME", action="append", help="only this file of cases")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--show", action="store_true", help="print what is read with and without each rule")
    said = parser.parse_args(arguments)
    rules = [rule for rule in find_rules() if (said.rule or "") in rule.key]
    if said.show:
        for rule in rules:
            print(f"== {rule.key}  ({rule.where})")
            show(rule, said.family)
        return 0
    found = []
    for each in needs(rules, said.family):
        found.append(each)
        print(f"{len(found)}/{len(rules)} {each.rule}: {len(each.cases)}", file=sys.stderr, flush=True)
    print(json.dumps([asdict(each) for each in found], indent=1) if said.json else report(found))
    return int(any(each.unneeded for each in found) and not said.family)


if __name__ == "__main__":
    sys.exit(main())
