"""The arguments of a call that was cut, for APIs that give them as an object and not as text."""

from __future__ import annotations

import json

from pydantic_core import from_json


def whole_part(arguments: str) -> str:
    """`arguments` where they are a JSON object, else the object of those that are whole."""
    try:
        found = json.loads(arguments)
        if isinstance(found, dict):
            return arguments
    except (ValueError, RecursionError) as error:
        end = error.pos if isinstance(error, json.JSONDecodeError) else 0
        # An unfinished string is said to go wrong where it begins.
        try:
            found = from_json(arguments[:end], allow_partial=True)
        except ValueError:
            found = None
    return json.dumps(found if isinstance(found, dict) else {}, ensure_ascii=False)
