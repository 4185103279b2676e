"""Where the benchmarks put their tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def write_table(page: Path, begin: str, end: str, lines: Sequence[str]) -> None:
    """Put `lines` between the two marks of a page, in place of what is there."""
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    page.write_text("\n".join([before + begin, "", *lines, "", end + after]), encoding="utf-8")
