"""Unwraps arguments that a model wrapped in a parameter of their own: `{"arguments": {"city": "Paris"}}`.

A wrapper is named `arguments`, `parameters` or `input`, is not declared, is the only parameter, and holds an object or
a string with one. If the first parameter may be a wrapper, the text is held until it shows whether it is the only one.
"""

from __future__ import annotations

import json
import re

from ..held import Held
from ..recovery import recovers
from ..schema import MAX_DEPTH, Parameters
from .json_text import compact

_NAMES = ("arguments", "parameters", "input")
_LONGEST = 256
_SPACE = r"(?:\s|\\[nrt])*"  # in a string
_WRAPPER = re.compile(rf'\s*\{{\s*"(\w+)"\s*:\s*(?=\{{|"{_SPACE}\{{)')
_BEGINNING = re.compile(rf'\s*(?:\{{\s*(?:"(?P<name>\w*)(?P<end>"\s*(?::\s*(?:"{_SPACE}\\?)?)?)?)?)?')
_END = re.compile(r"\s*\}\s*")
_VALUE = json.JSONDecoder(parse_int=str, parse_float=str)


class Wrapped:
    """Holds the text of a call's arguments as long as they may be wrapped."""

    __slots__ = ("_held", "_known", "_names")

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._held = Held()
        self._known = False

    def add(self, text: str) -> str | None:
        """Take more text. Returns None as long as the text is held, and all of it when it cannot be wrapped."""
        self._held.append(text)
        if self._known:
            return None
        text = self._held.text()
        if len(text) < _LONGEST and self._may_begin(text):
            return None
        found = _WRAPPER.match(text)
        self._known = found is not None and found[1] in self._names
        return None if self._known else self._held.take()

    def _may_begin(self, text: str) -> bool:
        found = _BEGINNING.fullmatch(text)
        if found is None:
            return False
        name = found["name"] or ""
        return name in self._names or (not found["end"] and any(each.startswith(name) for each in self._names))

    def end(self, complete: bool) -> str:
        """End the arguments, and return them unwrapped if they are wrapped; `complete`: they are whole JSON."""
        text = self._held.take()
        found = _WRAPPER.match(text) if self._known and complete else None
        if found is None:
            return text
        try:
            value, end = _VALUE.raw_decode(text, found.end())
        except (ValueError, RecursionError):
            return text
        inner = compact(value.strip(), MAX_DEPTH) if isinstance(value, str) else (text[found.end() : end],)
        return "".join(inner) if inner is not None and _END.fullmatch(text, end) else text


@recovers("arguments in a parameter of their own", off=None, contract="A parameter that holds the arguments")
def wrapped(parameters: Parameters) -> Wrapped | None:
    """Return the unwrapper for a tool with these parameters; None if the tool is unknown or declares all the names."""
    names = frozenset(name for name in _NAMES if not parameters.declares(name))
    return Wrapped(names) if names and parameters.root is not None else None
