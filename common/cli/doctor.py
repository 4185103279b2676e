"""`dynamo-parsers doctor`: checks a launch line before it is run, or shows what is installed here."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from .output import AsJson, Exit, checked, console, fail, write_json

if TYPE_CHECKING:
    from ..triage.doctor import Environment, Finding

_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


def doctor(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- COMMAND...]", help="The launch command, after --.")
    ] = None,
    engine: Annotated[str, typer.Option(metavar="vllm|sglang|trtllm", help="If the line does not show it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Check a launch line before it is run; without one, show what is installed and registered in this environment.

    Exit status 1: there is an error that prevents correct calls. Nothing is started, and nothing of an engine imported.
    """
    from dataclasses import replace

    from ..triage.doctor import check, installed
    from ..triage.engines import ENGINES
    from ..triage.launch import launch_of, read_launch

    if engine and engine not in ENGINES:
        fail(f"no engine is called {engine!r}: vllm, sglang or trtllm")
    if not command:
        here = installed()
        write_json(here) if as_json else _show_environment(here)
        return
    launch = checked(lambda: read_launch(command[0]) if len(command) == 1 else launch_of(list(command)))
    if engine:
        again = launch if launch.engine else launch_of([*_start_of(engine), *launch.words])
        launch = replace(again, engine=engine)
    findings = check(launch, dict(os.environ))
    if as_json:
        write_json({"engine": launch.engine, "findings": [each.model_dump() for each in findings]})
    else:
        _show(shlex.join(command), findings)
    if any(each.level == "error" for each in findings):
        raise typer.Exit(int(Exit.FOUND))


def _start_of(engine: str) -> list[str]:
    return {"vllm": ["vllm", "serve"], "sglang": ["sglang", "serve"], "trtllm": ["trtllm-serve"]}[engine]


def _show(line: str, findings: list[Finding]) -> None:
    from rich.text import Text

    out = console()
    for each in findings:
        out.print(Text.assemble((f"{each.level:<8}", _STYLES[each.level]), each.text))
        if each.fix:
            out.print(f"{'':8}-> {each.fix}")
    if not any(each.level != "note" for each in findings):
        out.print("nothing wrong was found")


def _show_environment(here: Environment) -> None:
    from rich.text import Text

    from ..registry import reasoning_parser_names, tool_parser_names
    from ..triage.engines import TITLES

    out = console()
    names = f"{len(tool_parser_names())} tool-call and {len(reasoning_parser_names())} reasoning parser names"
    out.print(f"dynamo-parsers {here.dynamo_parsers}: {names}")
    for each in here.engines:
        said = {True: "registered", False: "NOT registered", None: "needs its hook: dynamo-parsers trtllm"}
        title = TITLES[each.engine]  # type: ignore[index]
        out.print(f"{title} {each.version} ({each.distribution}): {said[each.registered]}")
        for place in each.places:
            state = Text("there", "dim") if place.present else Text("missing", "bold red")
            out.print(Text.assemble("  ", state, f"{'':{8 - len(state)}}{place.name}"))
            if not place.present:
                out.print(f"{'':10}-> {place.lost}")
    if not here.engines:
        out.print("no engine is installed in this environment")
