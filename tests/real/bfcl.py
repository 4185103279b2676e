"""The functions and answers of the Berkeley Function Calling Leaderboard, as OpenAI tools and calls.

Rules:
- Its type names (`dict`, `float`, `ArrayList`) become those of JSON Schema, and dots in names of functions underscores,
  as its own harness does it for APIs that take no dots.
- Of the values that it accepts for a parameter the first is taken; `""` says that the parameter may be left out.
- Answers of many turns are Python calls; their arguments are literals, by position in the order of the documentation.
"""

from __future__ import annotations

import ast
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = "bfcl_eval/data/"
SINGLE = (
    "simple_python",
    "simple_java",
    "simple_javascript",
    "multiple",
    "parallel",
    "parallel_multiple",
    "live_simple",
    "live_multiple",
    "live_parallel",
    "live_parallel_multiple",
)
TURNS = ("multi_turn_base", "multi_turn_miss_func", "multi_turn_miss_param", "multi_turn_long_context")
DOCUMENTED = {
    "GorillaFileSystem": "gorilla_file_system",
    "MathAPI": "math_api",
    "MessageAPI": "message_api",
    "TwitterAPI": "posting_api",
    "TicketAPI": "ticket_api",
    "TradingBot": "trading_bot",
    "TravelAPI": "travel_booking",
    "VehicleControlAPI": "vehicle_control",
}
"""The file that documents a class of functions."""

TYPES = {
    "dict": "object",
    "hashmap": "object",
    "float": "number",
    "double": "number",
    "tuple": "array",
    "arraylist": "array",
    "long": "integer",
    "char": "string",
    "any": "string",
}
"""By its type names in small letters; the others are those of JSON Schema."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """The calls that answer one request, and the tools that it declares."""

    id: str
    tools: Sequence[Json]
    calls: Sequence[tuple[str, Json]]


def turns(wheel: Path) -> Iterator[Turn]:
    """All answers."""
    with zipfile.ZipFile(wheel) as archive:
        yield from _single(archive)
        yield from _many(archive)


def schema(said: Any) -> Any:
    """A schema of the leaderboard as JSON Schema."""
    if not isinstance(said, dict):
        return said
    made = {key: value for key, value in said.items() if key != "optional"}
    if isinstance(said.get("type"), str):
        made["type"] = TYPES.get(said["type"].lower(), said["type"].lower())
        if not made["type"]:
            del made["type"]
    if isinstance(said.get("properties"), dict):
        made["properties"] = {name: schema(each) for name, each in said["properties"].items()}
    for key in ("items", "additionalProperties"):
        if key in said:
            made[key] = schema(said[key])
    return made


def tool(function: Json) -> Json:
    return {"name": plain(function["name"]), "parameters": schema(function["parameters"])}


def plain(name: str) -> str:
    return name.replace(".", "_")


def chosen(accepted: Any) -> Any:
    """The first of the values that an answer accepts; Ellipsis if the parameter may be left out first of all."""
    if not accepted or accepted[0] == "":
        return accepted[0] if accepted and len(accepted) == 1 else ...
    return _inner(accepted[0])


def _inner(value: Any) -> Any:
    """Values in an object are lists of what is accepted, too."""
    if isinstance(value, dict):
        made = {key: chosen(each) if isinstance(each, list) else each for key, each in value.items()}
        return {key: each for key, each in made.items() if each is not ...}
    if isinstance(value, list):
        return [_inner(each) for each in value]
    return value


def _lines(archive: zipfile.ZipFile, name: str) -> Iterator[Json]:
    for line in archive.read(DATA + name).decode("utf-8").splitlines():
        if line.strip():
            yield json.loads(line)


def _single(archive: zipfile.ZipFile) -> Iterator[Turn]:
    for kind in SINGLE:
        answers = {each["id"]: each for each in _lines(archive, f"possible_answer/BFCL_v4_{kind}.json")}
        for question in _lines(archive, f"BFCL_v4_{kind}.json"):
            if question["id"] in answers:
                truth: Sequence[Mapping[str, Json]] = answers[question["id"]]["ground_truth"]
                calls = [(plain(name), _arguments(said)) for call in truth for name, said in call.items()]
                yield Turn(question["id"], [tool(each) for each in question["function"]], calls)


def _arguments(accepted: Json) -> Json:
    made = {name: chosen(values) for name, values in accepted.items()}
    return {name: value for name, value in made.items() if value is not ...}


def _many(archive: zipfile.ZipFile) -> Iterator[Turn]:
    documented = {
        name: [tool(each) for each in _lines(archive, f"multi_turn_func_doc/{file}.json")]
        for name, file in DOCUMENTED.items()
    }
    for kind in TURNS:
        answers = {each["id"]: each for each in _lines(archive, f"possible_answer/BFCL_v4_{kind}.json")}
        for question in _lines(archive, f"BFCL_v4_{kind}.json"):
            tools = [each for name in question["involved_classes"] for each in documented[name]]
            for number, written in enumerate(answers[question["id"]]["ground_truth"]):
                if written:
                    yield Turn(f"{question['id']}.{number}", tools, [_of_python(call, tools) for call in written])


def _of_python(written: str, tools: Sequence[Json]) -> tuple[str, Json]:
    call = ast.parse(written, mode="eval").body
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Name)
    name = call.func.id
    parameters = next((each["parameters"]["properties"] for each in tools if each["name"] == name), {})
    by_position = zip(parameters, call.args, strict=False)
    by_name = ((each.arg or "", each.value) for each in call.keywords)
    return name, {key: ast.literal_eval(value) for key, value in (*by_position, *by_name)}
