"""Tools as a request declares them, for benchmarks: any number of them, no two alike."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

WORDS = ("path", "query", "limit", "cursor", "owner", "repo", "title", "body", "labels", "state", "since", "filter")
PARTS: Sequence[Mapping[str, object]] = (
    {"type": "string", "description": "What is looked for, in the words of the one who asks."},
    {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
    {"type": "string", "enum": ["open", "closed", "all"], "description": "Which of them."},
    {"type": "array", "items": {"type": "string"}, "description": "Names, at most a hundred."},
    {"type": "boolean", "default": False},
    {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "Since"},
    {
        "type": "object",
        "properties": {"field": {"type": "string"}, "op": {"enum": ["lt", "gt"]}, "value": {"type": "number"}},
        "required": ["field", "op"],
        "additionalProperties": False,
    },
)


def _part(number: int, salt: str) -> dict[str, object]:
    part = copy.deepcopy(dict(PARTS[number % len(PARTS)]))
    if salt and "description" in part:
        part["description"] = f"{part['description']} {salt}"
    return part


def tools(count: int, strict: bool, salt: str = "") -> list[dict[str, Any]]:
    """Tools as servers of agents declare them: up to ten parameters, some of them nested, some required.

    `salt` is in every name and every description.
    """
    return [
        {
            "type": "function",
            "function": {
                "name": f"server_{number % 7}_tool_{number}{salt}",
                "description": "Looks for things and says which there are. " * 3 + salt,
                "parameters": {
                    "type": "object",
                    "properties": {
                        WORDS[(number + at) % len(WORDS)]: _part(number + at * 3, salt) for at in range(number % 11)
                    },
                    "required": [WORDS[(number + at) % len(WORDS)] for at in range(min(number % 11, 2))],
                    "additionalProperties": False,
                },
                "strict": strict,
            },
        }
        for number in range(count)
    ]
