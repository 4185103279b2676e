"""Whether a row of the registry is one family: its sample is read as the call that it is, its structural tag allows the
sample, and what the tag allows is read as well.

What is wrong is said with the row's name and the character at which reading stopped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from dynamo_parsers import ContentDelta, Parser, ReasoningDelta, ToolArgumentsDelta, ToolCallEnd, ToolCallStart, parse
from dynamo_parsers.registry import PREFIX, reasoning_row
from dynamo_parsers.rows import ToolRow
from dynamo_parsers.write.structural_tags import frames_reply, structural_tag
from grammars import Accepts, allowed_reply

CALLED: tuple[str, dict[str, Any]] = ("get_weather", {"city": "Paris"})
"""What every sample calls."""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer"},
        "unit": {"enum": ["c", "f"]},
        "at": {"type": "object", "properties": {"x": {"type": "integer"}}, "additionalProperties": False},
        "tags": {"type": "array", "items": {"enum": ["Paris", "7"]}},
    },
    "required": ["city"],
    "additionalProperties": False,
}
_TEXTS = ("pairs", "aliases", "special_tokens", "added_tokens", "turn_ends", "model_types")
"""The fields of a row that are tuples of texts."""
NEAR = 30
"""Characters that are shown on each side of a place."""


def declared() -> list[dict[str, Any]]:
    nothing = {"type": "object", "properties": {}}
    return [
        {"type": "function", "function": {"name": name, "parameters": parameters, "strict": True}}
        for name, parameters in (("get_weather", SCHEMA), ("ping", nothing))
    ]


def wrong_with_row(row: ToolRow, walks: int) -> Iterator[str]:
    """What is wrong with a row, a sentence each. `walks`: replies that are tried of each tag."""
    for each in _TEXTS:
        if not _are_texts(value := getattr(row, each)):
            yield f"{_the(row)}: `{each}` is not a tuple of texts: {value!r} (`drift` returns a tuple itself)"
            return
    at, why = stopped(row, row.sample)
    if why:
        yield f"{_the(row)}: its sample is not read as {_said(CALLED)}: {why} {_near(row.sample, at)}"
    try:
        tag = structural_tag(row.name, declared(), "required")
    except ValueError as error:
        yield f"{_the(row)}: {error}"
        return
    sample = row.sample.removeprefix("<|message_model|>")  # the prompt wrote it
    if not Accepts(tag)(sample):
        at = Accepts(tag).stops(sample)
        yield f"{_the(row)}: its structural tag does not allow its sample: it stops {_near(sample, at)}"
    for text, wrong in misread(row, walks)[0]:
        yield f"{_the(row)}: its structural tag allows {text!r}, which is not read as such a call: {wrong}"


def _are_texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(each, str) for each in value)


def misread(row: ToolRow, walks: int) -> tuple[list[tuple[str, str]], int]:
    """Replies that the row's tags allow and its reader reads as something else, with what; and how many were tried."""
    think = reasoning_row(row.pairs[0])
    markers = sorted({*row.format.markers, think.open, think.close, think.open + think.think.label} - {""})
    found: list[tuple[str, str]] = []
    walked = 0
    for in_front in (None, think.name) if not frames_reply(row) else (None,):
        tag = structural_tag(row.name, declared(), "required", reasoning_parser=in_front)
        assert tag is not None
        for seed in range(walks):
            text = allowed_reply(tag, markers, seed)
            walked += text is not None
            if text is not None and (wrong := _wrong_reading(row, text)):
                found.append((text, wrong))
    return found, walked


def _wrong_reading(row: ToolRow, text: str) -> str:
    said = parse(text, tool_parser=row.name, reasoning_parser=row.pairs[0], tools=declared(), tool_choice="required")
    if not said.tool_calls:
        at, why = stopped(row, text)
        return f"no call; {why} {_near(text, at)}"
    if (said.content or "").strip():
        return f"the text {said.content!r} is left"
    for call in said.tool_calls:
        if call.name not in ("get_weather", "ping"):
            return f"a call of {call.name!r}"
        if wrong := wrong_with(call.name, json.loads(call.arguments)):
            return f"wrong {wrong} in {call.arguments}"
    return ""


def wrong_with(name: str, arguments: dict[str, Any]) -> str:
    """What of a call is not as its schema says; "" if all is."""
    if name == "ping":
        return "arguments" if arguments else ""
    kinds: dict[str, type] = {"city": str, "days": int, "unit": str, "at": dict, "tags": list}
    if set(arguments) - set(kinds) or "city" not in arguments:
        return "keys"
    if any(type(value) is not kinds[key] for key, value in arguments.items()):
        return "types"
    if arguments.get("unit", "c") not in ("c", "f") or set(arguments.get("tags", ())) - {"Paris", "7"}:
        return "values"
    return "" if all(key == "x" and type(value) is int for key, value in arguments.get("at", {}).items()) else "members"


def stopped(row: ToolRow, text: str) -> tuple[int, str]:
    """At which character of `text` it is clear that it is not the call of the samples, and why; "" if it is."""
    parser = Parser(row.name, row.pairs[0], declared(), in_reasoning=False)
    arguments = ""
    names: list[str] = []
    for at in range(len(text) + 1):
        for event in parser.feed(text[at]) if at < len(text) else parser.finish():
            match event:
                case ContentDelta(text=said) | ReasoningDelta(text=said) if said.strip():
                    return at, f"{said!r} was taken for text"
                case ToolCallStart(name=name):
                    names.append(name)
                    if names != [CALLED[0]]:
                        return at, f"a call of {name!r} was read"
                case ToolArgumentsDelta(text=said):
                    arguments += said
                case ToolCallEnd(complete=complete) if not complete or json.loads(arguments) != CALLED[1]:
                    return at, f"the call ended with {arguments}" + ("" if complete else ", incomplete")
    return (len(text), "") if names else (len(text), "no call was read")


def _the(row: ToolRow) -> str:
    return f"the row {row.name!r} ({PREFIX}{row.name})"


def _said(call: tuple[str, dict[str, Any]]) -> str:
    return f"{call[0]}({json.dumps(call[1])})"


def _near(text: str, at: int) -> str:
    return f"at character {at}, {text[max(0, at - NEAR) : at]!r} before it and {text[at : at + NEAR]!r} after it"


def rows_of(family: str, rows: Sequence[ToolRow]) -> list[ToolRow]:
    """The rows that a run is about: those of one family, or all."""
    return [row for row in rows if not family or family in row.names]
