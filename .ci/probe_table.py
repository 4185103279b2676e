"""The tables of the probe, from docs/probe.json: prints them, or writes them into their pages with `--write`.

- The sums go into README.md, the table of every family into docs/probe.md.
- `make probe` measures, keeps the numbers in docs/probe.json, and calls this.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dynamo_parsers.registry import TOOL_ROWS, tool_row
from dynamo_parsers.triage.engines import EngineName, native_tool_names

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "probe.json"
BEGIN, END = "<!-- table of the probe: made by `make probe` -->", "<!-- end of the probe's table -->"
ENGINES: tuple[EngineName, ...] = ("vllm", "sglang")
TITLES = {"vllm": "vLLM", "sglang": "SGLang"}
PUBLISHED = {
    "kimi_k2": "Kimi K2.6",
    "deepseek_v4": "DeepSeek V4",
    "glm47": "GLM 5.1",
    "minimax_m2": "MiniMax 2.7",
    "gemma4": "Gemma 4",
    "qwen3_coder": "Qwen3.6",
    "harmony": "GPT-OSS",
}
"""The families of Dynamo's own table, which come first."""

Numbers = dict[str, Any]
"""One server's numbers, as docs/probe.json has them (`Row` in tests/live/probe_servers.py)."""


def numbers() -> list[Numbers]:
    """Every server's numbers. Empty if nothing was probed."""
    found: list[Numbers] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else []
    order = [*PUBLISHED, *(row.name for row in TOOL_ROWS)]
    return sorted(
        found, key=lambda each: (order.index(each["family"]), ENGINES.index(each["engine"]), not each["ours"])
    )


def sums() -> str:
    """The sums over all families, an engine a line, as a Markdown table."""
    lines = ["| failed probes | with `dynamo_*` | with the engine's own parsers |", "|---|---|---|"]
    for engine in ENGINES:
        cells = []
        for ours in (True, False):
            of = [
                each for each in numbers() if (each["engine"], each["ours"]) == (engine, ours) and not each["why_not"]
            ]
            failed, asked = sum(each["failed"] for each in of), sum(each["probes"] for each in of)
            cells.append(f"{failed} of {asked:,} ({len(of)} families)")
        lines.append(f"| {TITLES[engine]} {_version(engine)} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def table() -> str:
    """The numbers of every family as a Markdown table, with a line above it that says what and when."""
    found = {(each["family"], each["engine"], each["ours"]): each for each in numbers()}
    versions = ", ".join(f"{TITLES[engine]} {_version(engine)}" for engine in ENGINES)
    day = max((each["date"][:10] for each in found.values()), default="never")
    lines = [
        f"Probes that failed, and in brackets those that are the parser's fault; {versions}, {day}.",
        "",
        "| family | engine | with `dynamo_*` | with the engine's own |",
        "|---|---|---|---|",
    ]
    for family in dict.fromkeys(family for family, _, _ in found):
        for engine in ENGINES:
            ours, own = found.get((family, engine, True)), found.get((family, engine, False))
            if ours is None and own is None:
                continue
            title = PUBLISHED.get(family, tool_row(family).models.split(",")[0])
            its = _cell(own) if native_tool_names(tool_row(family)).of(engine) else "has none"
            lines.append(f"| {title} (`{family}`) | {TITLES[engine]} | {_cell(ours)} | {its} |")
    return "\n".join(lines)


def _version(engine: str) -> str:
    return str(next((each["version"] for each in numbers() if each["engine"] == engine), "not probed"))


def _cell(row: Numbers | None) -> str:
    if row is None:
        return "-"
    if row["why_not"]:
        return "does not run here"
    return f"{row['failed']} / {row['probes']} ({row['parser_errors']})"


PAGES: dict[Path, Callable[[], str]] = {ROOT / "README.md": sums, ROOT / "docs" / "probe.md": table}


def with_table(page: str, table: str) -> str:
    """`page` with `table` between its two markers."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def write() -> None:
    """Write both tables into their pages."""
    for path, made in PAGES.items():
        path.write_text(with_table(path.read_text(encoding="utf-8"), made()), encoding="utf-8")


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    else:
        for made in PAGES.values():
            print(made(), end="\n\n")
