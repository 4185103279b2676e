"""docs/add-a-format.md is true: the family that it adds is added as it says, and `make case` passes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import dynamo_parsers
import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "add-a-format.md"
MOST_LINES = 40
"""Lines of a family's file: what the design says of a format."""


def blocks() -> list[str]:
    return re.findall(r"^```[a-z]*\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def block(start: str) -> str:
    (found,) = [each for each in blocks() if each.startswith(start)]
    return found


def linked(folder: Path, entries: Iterable[Path], *, but: str) -> Path:
    """A folder with links to all entries but one; that one's folder is there and has links to its own entries."""
    folder.mkdir(parents=True)
    for entry in entries:
        if entry.name == but:
            linked(folder / but, entry.iterdir(), but="")
        elif entry.name != "__pycache__":
            (folder / entry.name).symlink_to(entry)
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The package and its tests, with the files that the page says are written."""
    package = linked(tmp_path / "dynamo_parsers", Path(dynamo_parsers.__file__).parent.iterdir(), but="formats")
    tests = linked(tmp_path / "tests", (ROOT / "tests").iterdir(), but="cases")
    (tmp_path / "pyproject.toml").symlink_to(ROOT / "pyproject.toml")
    cases = block("# vesper\n") + "\n" + block("## Own markers")
    (package / "formats" / "vesper.py").write_text(block('"""Vesper'), encoding="utf-8")
    (tests / "cases" / "vesper.md").write_text(cases, encoding="utf-8")
    (tests / "cases" / "vesper.reasoning.md").write_text(block("# vesper, reasoning\n"), encoding="utf-8")
    return tmp_path


def run(tree: Path, *command: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": f"{tree}{os.pathsep}{tree / 'tests'}", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([sys.executable, *command], cwd=tree, env=env, capture_output=True, text=True, check=False)


def test_the_family_of_the_page(tree: Path) -> None:
    tests = ("tests/test_corpus.py", "tests/test_rows.py", "tests/test_corpus_files.py::test_file")
    plugins = ("-p", "no:hypothesispytest", "-p", "no:cacheprovider")
    done = run(tree, "-m", "pytest", *tests, "--family", "vesper", "-q", *plugins)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert re.search(r"^[1-9]\d\d passed", done.stdout, re.MULTILINE), done.stdout[-300:]


def test_nothing_else_lists_it(tree: Path) -> None:
    asked = """
from dynamo_parsers import parse, reasoning_parser_names, tool_parser_names
from dynamo_parsers.write.structural_tags import structural_tag
from dynamo_parsers.registry import tool_row
assert "vesper" in tool_parser_names() and "vesper" in reasoning_parser_names()
tools = [{"type": "function", "function": {"name": "get_weather"}}]
said = parse("[THINK]plan[/THINK]" + tool_row("vesper").sample, "dynamo_vesper", "dynamo_vesper", tools)
print(said.reasoning, said.content, [(call.name, call.arguments) for call in said.tool_calls])
print("<calls>" in structural_tag("vesper", tools, "required").text)
"""
    done = run(tree, "-c", asked)
    assert done.stdout.splitlines() == ["plan None [('get_weather', '{\"city\":\"Paris\"}')]", "True"], done.stderr


def test_the_file_is_short() -> None:
    lines = [line for line in block('"""Vesper').splitlines() if line.strip()]
    assert len(lines) <= MOST_LINES
