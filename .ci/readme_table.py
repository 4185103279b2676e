"""The tables of parsers, from the registry: prints them, or writes them into their pages with `--write`.

- The tool-call parsers go into README.md, the reasoning parsers into docs/parsers.md, the models into docs/models.md.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from dynamo_parsers.registry import PREFIX, REASONING_ROWS, TOOL_ROWS, reasoning_row
from dynamo_parsers.rows import ReasoningRow, ToolRow

ROOT = Path(__file__).parent.parent
BEGIN = "<!-- table of parsers: made by `make readme` -->"
END = "<!-- end of the table -->"


def names(row_names: tuple[str, ...]) -> str:
    return ", ".join(f"`{PREFIX}{name}`" for name in row_names)


def tool_table() -> str:
    """The tool-call parsers as a Markdown table."""
    lines = ["| `--tool-call-parser` | models | usual `--reasoning-parser` |", "|---|---|---|"]
    rows = sorted(TOOL_ROWS, key=lambda row: row.name)
    lines += [f"| {names(row.names)} | {row.models} | {names(row.pairs[:1])} |" for row in rows]
    return "\n".join(lines)


def reasoning_table() -> str:
    """The reasoning parsers as a Markdown table."""
    lines = ["| `--reasoning-parser` | models | markers | a reply starts |", "|---|---|---|---|"]
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


def models(row: ToolRow | ReasoningRow) -> Iterator[str]:
    """The models of a row, each with its whole name: "GLM-4.5, 4.6" are GLM-4.5 and GLM-4.6."""
    brand = ""
    for item in row.models.split(", "):
        if re.match(r"[A-Z]?\d", item):
            yield brand + item
            continue
        brand = re.sub(r"[A-Z]?\d.*", "", item)
        yield item


def model_table() -> str:
    """Every model with its parsers, by name."""
    lines = {}
    for tool in TOOL_ROWS:
        pairs = [reasoning_row(name) for name in tool.pairs]
        for model in models(tool):
            own = next((row for row in pairs if model in models(row)), pairs[0])
            native = sorted({f"`{name}`" for name in (*tool.engines.vllm, *tool.engines.sglang)})
            cells = (model, f"`{PREFIX}{tool.name}`", f"`{PREFIX}{own.name}`", ", ".join(native) or "none")
            lines[model.lower(), tool.name] = f"| {' | '.join(cells)} |"
    for row in REASONING_ROWS:
        for model in models(row):
            if not any(model in models(tool) for tool in TOOL_ROWS) and row.name != "basic":
                native = sorted({f"`{name}`" for name in (*row.engines.vllm, *row.engines.sglang)})
                tools = [tool for tool in TOOL_ROWS if tool.pairs[0] in row.names]
                calls = f"`{PREFIX}{tools[0].name}`" if len(tools) == 1 else "none"
                cells = (model, calls, f"`{PREFIX}{row.name}`", ", ".join(native) or "none")
                lines[model.lower(), row.name] = f"| {' | '.join(cells)} |"
    head = [
        "| model | `--tool-call-parser` | `--reasoning-parser` | in place of the engines' own |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *(lines[key] for key in sorted(lines))])


PAGES: dict[Path, Callable[[], str]] = {
    ROOT / "README.md": tool_table,
    ROOT / "docs" / "parsers.md": reasoning_table,
    ROOT / "docs" / "models.md": model_table,
}


def with_table(page: str, table: str) -> str:
    """`page` with `table` between its two markers."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


if __name__ == "__main__":
    for path, table in PAGES.items():
        if "--write" in sys.argv:
            path.write_text(with_table(path.read_text(encoding="utf-8"), table()), encoding="utf-8")
        else:
            print(table(), end="\n\n")
