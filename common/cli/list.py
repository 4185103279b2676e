"""`dynamo-parsers list`: the table of parsers, with the names of each engine's own parsers."""

from __future__ import annotations

from typing import Annotated

import typer

from .output import AsJson, console, write_json


def list_parsers(
    kind: Annotated[str, typer.Argument(metavar="[tool|reasoning]", help="Only parsers of this kind.")] = "",
    as_json: AsJson = False,
) -> None:
    """List every parser: its names, its models, and the names of vLLM's, SGLang's and TensorRT-LLM's own parsers."""
    from rich.table import Table

    from ..triage.catalog import reasoning_entries, tool_entries
    from .output import fail

    if kind not in ("", "tool", "reasoning"):
        fail(f"{kind!r} is not a kind of parser: tool or reasoning")
    tools = tool_entries() if kind != "reasoning" else []
    reasoning = reasoning_entries() if kind != "tool" else []
    if as_json:
        write_json({"tool": [each.model_dump() for each in tools], "reasoning": [r.model_dump() for r in reasoning]})
        return
    out = console()
    for title, entries in (("--tool-call-parser", tools), ("--reasoning-parser", reasoning)):
        if not entries:
            continue
        table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
        for column in ("name", "models", "goes with" if title.startswith("--tool") else "markers", "starts"):
            if column != "starts" or title.startswith("--reasoning"):
                table.add_column(column, overflow="fold", no_wrap=column == "name")
        for column in ("vLLM", "SGLang", "TensorRT-LLM"):
            table.add_column(column, overflow="fold", style="dim")
        for entry in entries:
            table.add_row(*entry.cells())
        out.print(table)
        out.print()
