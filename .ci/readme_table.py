"""The README's table of parsers, from the registry: prints it, or writes it into the README with `--write`."""

from __future__ import annotations

import sys
from pathlib import Path

from dynamo_parsers.registry import PREFIX, REASONING_ROWS, TOOL_ROWS

README = Path(__file__).parent.parent / "README.md"
BEGIN = "<!-- table of parsers: made by `make readme` -->"
END = "<!-- end of the table -->"


def names(row_names: tuple[str, ...]) -> str:
    return ", ".join(f"`{PREFIX}{name}`" for name in row_names)


def table() -> str:
    """Both tables as Markdown."""
    lines = ["| `--tool-call-parser` | models | usual `--reasoning-parser` |", "|---|---|---|"]
    lines += [f"| {names(row.names)} | {row.models} | {names(row.pairs[:1])} |" for row in TOOL_ROWS]
    lines += ["", "| `--reasoning-parser` | models | markers | a reply starts |", "|---|---|---|---|"]
    for row in REASONING_ROWS:
        markers = f"`{row.open}` `{row.close}`".replace("|", r"\|") if row.open else "none"
        starts = "inside reasoning" if row.starts.inside else "outside"
        switch = {
            "off": ", outside when thinking is off" if row.starts.inside else "",
            "on": ", inside when thinking is on",
            "effort": ", inside when `reasoning_effort` is set",
            "mode": ", outside when `thinking_mode` is disabled" if row.starts.inside else "",
            "": "",
        }.get(row.starts.switch, "")
        lines.append(f"| {names(row.names)} | {row.models} | {markers} | {starts}{switch} |")
    return "\n".join(lines)


def with_table(readme: str) -> str:
    """`readme` with today's table between its two markers."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    if "--write" in sys.argv:
        README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(table())
