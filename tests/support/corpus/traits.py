"""What a shape says of the families that it is for: words that are read off the registry's rows and the renderers."""

from __future__ import annotations

from functools import cache

from dynamo_parsers.cursor import CUT
from dynamo_parsers.format import ToolFormat
from dynamo_parsers.registry import reasoning_row, tool_row
from dynamo_parsers.rows import ReasoningRow
from dynamo_parsers.shapes.json_calls import JsonCalls
from dynamo_parsers.shapes.pythonic import Pythonic
from dynamo_parsers.write.markup import RENDERERS

from .pieces import pieces_of
from .templates import Family

WORDS = {
    "tools": "the file of a tool parser",
    "reasoning": "the file of a reasoning parser",
    "framed": "the markup frames the whole reply (Harmony, Inkling, Kimi K3, Muse)",
    "json": "the arguments are JSON text",
    "values": "each value is written by itself",
    "python": "a call is written in Python",
    "schema": "the tool's schema says a value's type",
    "tags": "a value stands between two tags",
    "elements": "a parameter's name is its tag, and its closer's",
    "parts": "a call comes apart: its head, its closer",
    "heads": "a call's name stands in a head of its own before the arguments",
    "objects": "a JSON object is the call, its name in it",
    "named": "the name is the value of a key, and the arguments are another's (not so in Apertus)",
    "closed": "a call has a closer",
    "marked": "a marker closes calls, not only a bracket",
    "section": "calls stand in a section",
    "wrapper": "each call has a wrapper",
    "alone": "a call has neither section nor wrapper",
    "opens long": "the opener of a section or wrapper is known without its last character",
    "closes long": "so is a value's closer",
    "lines": "the template writes line breaks between the tags, and a parameter's name in its tag",
    "parameters": "a parameter's tag is `<parameter`",
    "attributes": "the markup says a value's type",
    "numbered": "a call's id is its name and its number",
    "ids": "a call's id stands before its name",
    "inside": "the reply starts in reasoning unless the request turns it off",
    "off": "the request can turn thinking off",
    "on": "the request can turn thinking on",
    "effort": "`reasoning_effort` turns thinking on",
    "mode": "`thinking_mode` turns thinking on",
    "splits": "reasoning is split off",
    "phrases": "the reasoning markers are ordinary phrases (Granite)",
    "label": "a word stands after the opener (Gemma)",
    "long": "the reasoning's closer without its last character has 8 characters or more",
    "calls": "tool calls are read in the file of the reasoning parser",
    "ends": "more than one token may end a reply",
}
"""The words of `for:`."""


_OF_VALUES = frozenset({"Typing", "Framing", "Limits"})
"""Groups about values in markup: JSON types its values, and its strings say where they end."""

_ABOUT = {"Framed replies": "framed", "Sections": "section"}
"""Groups, and the trait that they are about."""


def groups_without(traits: frozenset[str]) -> frozenset[str]:
    """The groups of the contract that are about nothing in a family with these traits."""
    found = _OF_VALUES if "json" in traits else frozenset()
    found |= {group for group, word in _ABOUT.items() if word not in traits}
    return found


@cache
def traits_of(family: Family, kind: str) -> frozenset[str]:
    """The words that hold for a family; `kind` is "tools" or "reasoning"."""
    found = {kind}
    if family.tool is not None:
        found |= {"calls"} | _of_calls(tool_row(family.tool).name)
        row = tool_row(family.tool)
        if row.numbered_id is not None:
            found.add("numbered")
        if isinstance(row.format, JsonCalls) and f'"{row.format.id_key}": ' in row.sample:
            found.add("ids")
    if family.reasoning is not None:
        found |= _of_reasoning(reasoning_row(family.reasoning))
    if len(family.turn_ends) > 1:
        found.add("ends")
    return frozenset(found)


def _of_calls(name: str) -> set[str]:
    renderer, pieces = RENDERERS[name], pieces_of(name)
    found = {"json" if renderer.json_bodies else "values"}
    if renderer.framed is not None:
        found.add("framed")
    if renderer.schema_types:
        found.add("schema")
    if isinstance(tool_row(name).format, Pythonic):
        found.add("python")
    if pieces is None:
        return found
    found |= {"parts", "section" if pieces.calls and pieces.section else "wrapper" if pieces.calls else "alone"}
    if pieces.call_close or pieces.calls_close:
        found.add("closed")
    if any(closer in pieces.call_close + pieces.calls_close for closer in _closers(name)):
        found.add("marked")
    found.add("objects" if pieces.call.startswith("{") else "heads")
    if "name" in pieces.call:
        found.add("named")
    family = Family(name, None)
    if _is_long(family.write("{mark calls}").text) and family.write("{mark calls}").text not in _words(name):
        found.add("opens long")
    if pieces.arg:
        if _is_long(family.write("{mark /arg}").text):
            found.add("closes long")
        found |= {"elements" if pieces.arg_end("") != pieces.arg_end("x") else "tags"}
        if pieces.arg_close.endswith("\n") and "<" not in pieces.key_end:
            found.add("lines")
        if pieces.arg.strip().startswith("<parameter"):
            found.add("parameters")
        if not renderer.schema_types:
            found.add("attributes")
    return found


def _closers(name: str) -> frozenset[str]:
    format = tool_row(name).format
    return format.closers.all - {""} if isinstance(format, ToolFormat) else frozenset()


def _words(name: str) -> frozenset[str]:
    format = tool_row(name).format
    return format.words if isinstance(format, ToolFormat) else frozenset()


def _is_long(marker: str) -> bool:
    """Whether a marker is known for one at the end of a reply that lacks its last character."""
    return len(marker) > CUT


def _of_reasoning(row: ReasoningRow) -> set[str]:
    found = {"framed"} if row.frame is not None else set()
    if row.starts.inside:
        found.add("inside")
    if row.starts.switch:
        found.add(row.starts.switch)
    if row.splits:
        found.add("splits")
    if row.think.words:
        found.add("phrases")
    if row.think.label:
        found.add("label")
    if _is_long(row.close) and not row.think.words:
        found.add("long")
    return found


def holds(expression: str, traits: frozenset[str]) -> bool:
    """Whether all words of a `for:` hold, separated by commas; `not` before a word turns it round.

    Raises ValueError for a word that is not known.
    """
    for each in filter(None, (part.strip() for part in expression.split(","))):
        word = each.removeprefix("not ")
        if word not in WORDS:
            raise ValueError(f"{word!r} is no word of `for:`; known are {', '.join(WORDS)}")
        if (word in traits) == each.startswith("not "):
            return False
    return True
