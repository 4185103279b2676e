"""Make of what was fetched the calls to measure with: calls.jsonl, one turn a line, and tools.json, what they declare.

    PYTHONPATH=tests .venv-real/bin/python -m real.calls FOLDER

A turn names a set of tools and answers with calls. Of an MCP server all tools are declared, up to `DECLARED`, and each
is called `TIMES` times, alone; its free strings are marked as slots.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import referencing.exceptions

from . import bfcl, values
from .sources import SERVERS

Json = dict[str, Any]

TIMES = 3
TRIES = 20
DECLARED = 40
SEED = 20261130


def turns(cache: Path) -> Iterator[Json]:
    yield from of_leaderboard(list(bfcl.turns(next(cache.glob("bfcl_eval-*.whl")))))
    for server in SERVERS:
        file = cache / "mcp" / f"{server.name}.json"
        said = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        made = list(of_server(said))
        yield from made
        if "tools" in said:
            print(f"   {server.package}: {len(said['tools'])} tools, {len(made)} calls")


def of_leaderboard(found: Sequence[bfcl.Turn]) -> Iterator[Json]:
    """The answers that fit their own schemas: no parser could give back another by that schema."""
    fitting = [turn for turn in found if all(fits(turn.tools, *call) for call in turn.calls)]
    for turn in fitting:
        calls = [{"name": name, "arguments": arguments, "slots": []} for name, arguments in turn.calls]
        yield {"source": "bfcl", "id": turn.id, "tools": list(turn.tools), "calls": calls}
    print(f"   bfcl: {len(fitting)} answers; {len(found) - len(fitting)} do not fit their own schemas and are left out")


def fits(tools: Sequence[Json], name: str, arguments: Json) -> bool:
    schema = next((tool["parameters"] for tool in tools if tool["name"] == name), False)
    return bool(jsonschema.Draft202012Validator(schema).is_valid(arguments))


def of_server(server: Json) -> Iterator[Json]:
    tools = server.get("tools", ())
    for number, tool in enumerate(tools):
        start = min(number, max(0, len(tools) - DECLARED))
        declared = tools[start : start + DECLARED]
        for time in range(TIMES):
            rng = random.Random(f"{SEED} {server['package']} {tool['name']} {time}")
            drawn = arguments_for(tool["parameters"], rng)
            if drawn is not None:
                arguments, slots = drawn
                call = {"name": tool["name"], "arguments": arguments, "slots": slots}
                name = f"{server['package']}/{tool['name']}/{time}"
                yield {"source": "mcp", "id": name, "tools": declared, "calls": [call]}


def arguments_for(schema: Json, rng: random.Random) -> tuple[Json, Sequence[values.Path]] | None:
    """Arguments that fit `schema`, and the paths of the strings that are free; None if none were found."""
    try:
        validator = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)(schema)
        for _ in range(TRIES):
            drawer = values.Drawer(schema, rng)
            made = drawer.value({"type": "object", **schema}, ())
            if isinstance(made, dict) and validator.is_valid(made):
                return made, drawer.slots
    except (jsonschema.SchemaError, referencing.exceptions.Unresolvable):
        return None
    return None


def main(cache: Path) -> None:
    declared: dict[str, object] = {}
    with (cache / "calls.jsonl").open("w", encoding="utf-8") as out:
        for turn in turns(cache):
            written = json.dumps(turn["tools"])
            name = hashlib.sha256(written.encode()).hexdigest()[:12]
            declared.setdefault(name, turn["tools"])
            out.write(json.dumps({**turn, "tools": name}, ensure_ascii=False) + "\n")
    (cache / "tools.json").write_text(json.dumps(declared, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
