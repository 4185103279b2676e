"""The marks of recovery rules, and what `make ablate` makes of them."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import dynamo_parsers
import pytest
from dynamo_parsers import recovery
from support.ablate import Asked, Marked, find_rules, need, processes, read_cases, report, write_cases

PACKAGE = Path(dynamo_parsers.__file__).parent
MARKS = {"recovers", "rule", "drift", "recovering"}

TOY = """
@recovery.recovers("a doubled closer", off=False)
def closes():
    return True

@recovery.recovers("a part of a name", off=lambda name: name)
def named(name):
    return name[:-1]

@recovery.recovers("a missing closer", off=0)
def reads():
    yield
    return 1

ON = recovery.rule("a trailing comma")
ROWS = ("own", *recovery.drift("spellings", "one", "other"))
QUOTES = recovery.recovering("quotes", "\\"'", off='"')
"""


def toy(off: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module with each kind of mark, imported with a rule switched off."""
    spec = importlib.util.spec_from_file_location("marks", PACKAGE / "recovery.py")
    assert spec is not None
    assert spec.loader is not None
    marks = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "marks", marks)  # dataclasses look their module up
    spec.loader.exec_module(marks)
    marks.OFF = off
    module = ModuleType("toy")
    module.__dict__["recovery"] = marks
    exec(TOY, module.__dict__)
    return module


def answers(module: ModuleType) -> dict[str, object]:
    reading = module.reads()
    try:
        next(reading)
        reads = next(reading, "no end")
    except StopIteration as stop:
        reads = stop.value
    return {
        "a doubled closer": module.closes(),
        "a part of a name": module.named("name"),
        "a missing closer": reads,
        "a trailing comma": module.ON,
        "spellings: one": module.ROWS,
        "quotes": module.QUOTES,
    }


OFF = {
    "a doubled closer": False,
    "a part of a name": "name",
    "a missing closer": 0,
    "a trailing comma": False,
    "spellings: one": ("own", "other"),
    "quotes": '"',
}


@pytest.mark.parametrize("what", OFF)
def test_a_rule_is_off_alone(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    on = answers(toy("", monkeypatch))
    assert on[what] != OFF[what]
    assert answers(toy(f"toy: {what}", monkeypatch)) == {**on, what: OFF[what]}


def test_marks_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = toy("", monkeypatch).recovery.RULES
    assert set(rules) == {f"toy: {what}" for what in OFF} | {"toy: spellings: other"}
    lines = TOY.split("\n")
    assert "QUOTES" in lines[rules["toy: quotes"].line - 1]
    assert "closer" in lines[rules["toy: a doubled closer"].line - 1]


def marks_in(path: Path) -> set[str]:
    """The marks in a source file: the places where `recovery`'s functions are called."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "recovery")
    names = {alias.asname or alias.name for node in imports for alias in node.names}
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    return {f"{path.relative_to(PACKAGE)}:{call.lineno}" for call in calls if ast.unparse(call.func) in names}


def test_every_mark_is_found() -> None:
    """One in a function that is not called on import would be a rule that nobody can switch off."""
    assert {rule.where for rule in find_rules()} == set().union(*map(marks_in, PACKAGE.rglob("*.py")))


CONTRACT = Path(__file__).parents[1] / "docs" / "contract.md"


def test_the_contract_has_the_rules_that_name_it() -> None:
    text = CONTRACT.read_text(encoding="utf-8")
    known = {*re.findall(r"^\*\*(.+?)\.\*\*", text, re.MULTILINE), *re.findall(r"^#+ (.+)", text, re.MULTILINE)}
    assert {rule.contract for rule in find_rules()} - {""} <= known


def test_what_needs_a_rule() -> None:
    with_it = [
        Asked("a", "a", "t", ("x",), "kimi"),
        Asked("b", "b", "u", ("x",), "qwen"),
        Asked("c", "b", "u", ("x",), "qwen"),
    ]

    def without(*changed: str) -> list[Asked]:
        return [replace(each, lines=("y",)) if each.name in changed else each for each in with_it]

    rule = Marked("module: rule", "module", "module.py:1", "")
    none, one, two = (need(rule, with_it, without(*changed)) for changed in ("", "bc", "ab"))
    assert (none.unneeded, none.to_remove) == (True, False)
    assert (one.unneeded, one.to_remove) == (False, True)
    assert (two.unneeded, two.to_remove) == (False, False)
    assert one.cases == ("b", "c")
    assert "1 needed by no case" in report([none, one, two])
    of_the_contract = need(replace(rule, contract="Arguments"), with_it, without("b"))
    assert (of_the_contract.unneeded, of_the_contract.to_remove) == (False, False)


def test_cases_are_read_without_a_rule(tmp_path: Path) -> None:
    """In a process of its own: what is imported here stays whole."""
    off = "arguments.strays: closing braces that nothing opened"
    with processes(1) as pool:
        with_it = pool.apply(write_cases, (tmp_path, ["phi4"]))
        without = pool.apply(read_cases, (off, tmp_path, ["phi4"]))
    lost = need(Marked(off, "arguments.strays", "", ""), with_it, without)
    assert lost.families == ("phi4",)
    assert len(lost.cases) < len(with_it)
    assert recovery.OFF == ""


def test_a_rule_is_read_where_it_can_be_needed(tmp_path: Path) -> None:
    """A format does not use what only other formats import."""
    with processes(1) as pool:
        gemma, hermes = (pool.apply(write_cases, (tmp_path, [name]))[0].modules for name in ("gemma4", "hermes"))
    assert {"arguments.gemma", "formats.gemma4", "machine", "arguments.strays"} <= gemma
    assert "arguments.gemma" not in hermes
    assert {"shapes.json_calls", "formats.qwen3_coder"} <= hermes
