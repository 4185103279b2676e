"""The README says what is so."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_table_of_parsers_is_the_registrys() -> None:
    spec = importlib.util.spec_from_file_location("readme_table", ROOT / ".ci" / "readme_table.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme == made.with_table(readme), "run `make readme`"


def test_every_linked_page_is_there() -> None:
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md")]
    missing = [
        f"{page.name}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert not missing
