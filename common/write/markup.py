"""Writes a whole reply in a family's markup from its parts: for tests, the probe, the replay and the demo.

- `RENDERERS` has one renderer for each row, made from its sample (`template.py`). It does not use the parsers.
- `json_bodies`: the arguments are JSON text in the markup and come back byte for byte. Otherwise the renderer writes
  each value as the family's template does, and it comes back equal.
- `quotable` are texts with the family's own markers that are data inside a string value, however they are combined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..format import ToolFormat
from ..registry import TOOL_ROWS, reasoning_row
from ..rows import ToolRow
from .lines import LineValues
from .literals import PYTHON, Literals
from .template import Block, Frame, markup_of, start_of, texts_of, written
from .values import PARIS, Call, Elements, JsonText, ParameterTags

__all__ = ["RENDERERS", "Call", "Part", "Renderer", "renderer_of"]


@dataclass(frozen=True)
class Part:
    """A part of a reply: "content", "reasoning", or "calls" (one after the other)."""

    kind: str
    text: str = ""
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True)
class Renderer:
    """Writes replies of one family."""

    calls: Callable[[Sequence[Call]], str]
    """Writes calls that follow each other."""
    json_bodies: bool
    quotable: tuple[str, ...]
    schema_types: bool = False
    """Whether the schema, not the markup, gives a value's type."""
    framed: Callable[[Sequence[Part]], list[str]] | None = None
    """Returns the text of each part, if the markup frames the whole reply."""
    plain_keys: bool = False
    """Whether the keys of nested objects are written unquoted, so that they have to be plain names."""
    one_line: bool = False
    """Whether a string has to be one line, without white space around it and without a closer."""

    def write(self, parts: Sequence[Part], think: tuple[str, str]) -> list[str]:
        """Return the text of each part of a reply. `think`: opener and closer of reasoning in unframed replies."""
        if self.framed is not None:
            return self.framed(parts)
        return [
            part.text
            if part.kind == "content"
            else f"{think[0]}{part.text}{think[1]}"
            if part.kind == "reasoning"
            else self.calls(part.calls)
            for part in parts
        ]


def renderer_of(row: ToolRow) -> Renderer:
    """Return the renderer of a row. Raises ValueError if its sample does not show how calls are written."""
    markup = markup_of(row)
    values = markup.forms[0].values

    def calls_of(calls: Sequence[Call]) -> str:
        return markup.write(calls).removeprefix(start_of(row.format))

    return Renderer(
        calls_of,
        isinstance(values, JsonText),
        _quotable(row, markup, calls_of([PARIS])),
        isinstance(values, Elements | LineValues) or (isinstance(values, ParameterTags) and not values.values.typed_by),
        _framed(row, markup.write),
        isinstance(values, Elements) or (isinstance(values, Literals) and values is not PYTHON),
        isinstance(values, LineValues),
    )


def _framed(row: ToolRow, calls: Callable[[Sequence[Call]], str]) -> Callable[[Sequence[Part]], list[str]] | None:
    if isinstance(row.format, ToolFormat):
        return None
    start, texts = start_of(row.format), texts_of(row.format, reasoning_row(row.pairs[0]).close)
    around = dict(zip(("reasoning", "content"), texts, strict=True))

    def write(parts: Sequence[Part]) -> list[str]:
        found = [
            calls(part.calls) if part.calls else f"{start}{around[part.kind].open}{part.text}{around[part.kind].close}"
            for part in parts
        ]
        return [found[0].removeprefix(start), *found[1:]] if found else []  # the prompt ends with the first start

    return write


def _quotable(row: ToolRow, markup: Block | Frame, call: str) -> tuple[str, ...]:
    """Return the texts of `quotable`.

    In JSON strings nothing is a marker. For tags: a whole call, and markers followed by a bracket, which can neither
    follow a closer nor be a call's name.
    """
    form = markup.forms[0]
    heads = [written(form.before, "f").strip()]
    if isinstance(form.values, ParameterTags):
        heads.append(f"{form.values.opened}u{form.values.between}".strip())
    markers = dict.fromkeys((*heads, *sorted(row.format.markers), row.turn_end, "<think>", "</think>"))
    if isinstance(form.values, JsonText):
        return (call, *markers)
    return (f" {call} x", *(f" {marker} (x)" for marker in (*markers, "&lt;")))


RENDERERS: dict[str, Renderer] = {row.name: renderer_of(row) for row in TOOL_ROWS}
"""The renderers by the names of the registry's rows."""
