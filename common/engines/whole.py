"""The arguments of a call that was cut, for APIs that return them as an object, not as text."""

from __future__ import annotations

import json
import re

from pydantic_core import from_json

_SURROGATE = re.compile("[\ud800-\udfff]")


def whole_part(arguments: str) -> str:
    """Return `arguments` if they are a JSON object, else the JSON text of an object with those that are complete."""
    try:
        found = json.loads(arguments)
        if isinstance(found, dict):
            return arguments
    except (ValueError, RecursionError) as error:
        end = error.pos if isinstance(error, json.JSONDecodeError) else 0
        # For an unfinished string, the error's position is the start of the string.
        try:
            found = from_json(arguments[:end], allow_partial=True)
        except ValueError:
            found = None
    return json.dumps(found if isinstance(found, dict) else {}, ensure_ascii=False)


def as_unicode(arguments: str) -> str:
    """Return `arguments`, a JSON object, with lone surrogates (`"\\ud800"`) replaced: no engine can encode them."""
    if "\\ud" not in arguments.lower():
        return arguments
    text = json.dumps(json.loads(arguments), ensure_ascii=False)
    return _SURROGATE.sub("\ufffd", text) if _SURROGATE.search(text) else arguments
