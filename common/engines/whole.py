"""The arguments of a call that was cut, for APIs that give them as an object and not as text."""

from __future__ import annotations

import json
import re

from pydantic_core import from_json

_SURROGATE = re.compile("[\ud800-\udfff]")


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


def as_unicode(arguments: str) -> str:
    """`arguments`, a JSON object, without half characters (`"\\ud800"`): no engine can encode an object with one."""
    if "\\ud" not in arguments.lower():
        return arguments
    text = json.dumps(json.loads(arguments), ensure_ascii=False)
    return _SURROGATE.sub("\ufffd", text) if _SURROGATE.search(text) else arguments
