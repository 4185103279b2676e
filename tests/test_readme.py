"""The README and the pages under docs/ are up to date: their tables, and their links."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("script", "how"), [("readme_table", "make readme"), ("probe_table", "python .ci/probe_table.py --write")]
)
def test_the_tables_are_up_to_date(script: str, how: str) -> None:
    module = _script(script)
    for path, table in module.PAGES.items():
        page = path.read_text(encoding="utf-8")
        assert page == module.with_table(page, table()), f"{path.name}: run `{how}`"


def test_every_linked_page_is_there() -> None:
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md")]
    missing = [
        f"{page.name}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert not missing
