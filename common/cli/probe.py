"""`dynamo-parsers probe`: asks an endpoint 24 scenarios in two modes, and says what is at fault in each failure."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import AsJson, Exit, console, fail, note, write_json

if TYPE_CHECKING:
    from ..probe.run import Report


def probe(  # noqa: PLR0913
    base_url: Annotated[str, typer.Option(help="The endpoint's URL, including /v1.")] = "",
    model: Annotated[str, typer.Option(help="The served model; by default the endpoint's first one.")] = "",
    family: Annotated[
        str, typer.Option(help="The tool-call parser whose markup the model writes, for exact proof.")
    ] = "",
    replay: Annotated[
        str, typer.Option(metavar="FAMILY", help="Let a scripted demo model play a perfect model of this family.")
    ] = "",
    scenario: Annotated[list[str] | None, typer.Option(help="Only this scenario; may be given again.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the reports and all requests and responses.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Probes at once.")] = 4,
    timeout: Annotated[float, typer.Option(help="Seconds for one request.")] = 120.0,
    api_key: Annotated[str, typer.Option(envvar="OPENAI_API_KEY", help="Sent as bearer token.")] = "none",
    parsers: Annotated[str, typer.Option(help="What the server parses with, for the report.")] = "",
    compare: Annotated[
        tuple[Path, Path] | None, typer.Option(metavar="BEFORE AFTER", help="Compare two report.json instead.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Probe the tool calling of an endpoint. Exit status 0: no parser error; 1: at least one; 2: it cannot be used."""
    if compare is not None:
        _compare(*compare, as_json=as_json)
        return
    if not base_url:
        fail("--base-url is missing")
    try:
        import openai
    except ImportError:
        fail("the probe needs its client: pip install 'dynamo-parsers[probe]'")
    client = openai.AsyncOpenAI(base_url=base_url, api_key=api_key, timeout=timeout, max_retries=0)
    report = asyncio.run(_run(client, base_url, model, replay or family, bool(replay), scenario or [], concurrency))
    report.parsers = parsers
    if out is not None:
        from ..probe.report import write

        for path in write(report, out):
            note(f"wrote {path}")
    if as_json:
        write_json(report)
    else:
        _show(report)
    if report.count("endpoint") == len(report.results):
        fail(f"{base_url} cannot be used: {report.results[0].faults[0]}")
    raise typer.Exit(int(Exit.FOUND if report.count("parser") else Exit.OK))


async def _run(  # noqa: PLR0913
    client: object, base_url: str, model: str, family: str, replay: bool, names: list[str], concurrency: int
) -> Report:
    import openai
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from ..probe.run import Probe, Report, Result, now
    from ..probe.scenarios import MODES
    from ..registry import tool_row

    assert isinstance(client, openai.AsyncOpenAI)
    if not model:
        try:
            model = (await client.models.list()).data[0].id
        except (openai.OpenAIError, IndexError) as error:
            fail(f"{base_url} names no model: {error}")
    try:
        family = tool_row(family).name if family else ""
        probe = Probe(client, model, family or None, replay=replay)
        chosen = probe.scenarios(names)
    except ValueError as error:
        fail(str(error))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("probing", total=len(chosen) * len(MODES))

        def done(result: Result) -> None:
            progress.update(task, advance=1, description=f"{result.scenario}: {result.outcome}")

        results = await probe.run(chosen, concurrency, done)
    return Report(base_url=base_url, model=model, family=family or None, replay=replay, date=now(), results=results)


def _show(report: Report) -> None:
    from rich.table import Table

    from ..probe.report import verdict

    colours = {"pass": "green", "parser": "red", "model": "yellow", "endpoint": "magenta", "inspect": "cyan"}
    out = console()
    table = Table(show_edge=False, pad_edge=False)
    for column in ("scenario", "whole", "stream"):
        table.add_column(column)
    for whole, stream in zip(report.results[::2], report.results[1::2], strict=True):
        from rich.text import Text

        cells = [Text(verdict(each), style=colours[each.outcome]) for each in (whole, stream)]
        table.add_row(whole.scenario, *cells)
    out.print(table)
    for each in report.results:
        if each.outcome != "pass":
            out.print(f"\n{each.scenario}, {each.mode}: {verdict(each)}. {each.why}.")
            for fault in each.faults:
                out.print(f"  - {fault}")
    others = report.count("model", "endpoint", "inspect")
    out.print(f"\n{report.total} probes failed: {report.count('parser')} parser errors, {others} others")


def _compare(before: Path, after: Path, *, as_json: bool) -> None:
    from pydantic import ValidationError
    from rich.table import Table

    from ..probe.report import compared, read

    try:
        changes = compared(read(before), read(after))
    except (OSError, ValidationError) as error:
        fail(f"not a report: {error}")
    if as_json:
        write_json([{"probe": name, "before": old, "after": new} for name, old, new in changes])
        return
    table = Table(show_edge=False, pad_edge=False)
    for column in ("probe", before.name, after.name):
        table.add_column(column)
    for row in changes:
        table.add_row(*row)
    console().print(table if changes else "nothing changed")
