"""Writes the markup of a family of this package as a template in Hugging Face's language.

It is made from the row and its sample: the texts before, between and after the name and the arguments. Markup that the
language cannot express is refused (`Unsayable`), or listed in docs/response-templates.md.
"""

from __future__ import annotations

import re

from ..arguments.json_object import JsonObject
from ..arguments.tags import Tags
from ..format import Span, ToolFormat
from ..registry import reasoning_row
from ..render import render
from ..rows import ReasoningRow, ToolRow
from ..shapes.gemma import GemmaCalls
from ..shapes.json_calls import JsonCalls
from ..shapes.pythonic import Pythonic
from ..shapes.tagged import Tagged

_NAME, _KEY, _VALUE = "get_weather", "city", "Paris"
_ARGUMENTS = '{"city": "Paris"}'
_CAPTURED = {"name": "{name}", "arguments": "{content}"}
_DIGITS = re.compile(r"[0-9]+")


class Unsayable(ValueError):
    """The language cannot express a markup. The message says why, in one sentence."""


def template_of_family(tool: ToolRow, reasoning: ReasoningRow | None, start_anchor: str) -> dict[str, object]:
    """Return the template of a family.

    Args:
        tool: its tool-call parser.
        reasoning: its reasoning parser; None: the template has no field of reasoning.
        start_anchor: the text with which the prompt opens the assistant's message.

    Raises:
        Unsayable: the language cannot express its calls.
    """
    fields: dict[str, object] = {}
    if reasoning is not None:
        think = reasoning.think
        fields["thinking"] = {"open": think.opens[0] + think.label, "close": think.closes[0]}
    ends = list(dict.fromkeys((tool.turn_end, *tool.turn_ends, *(reasoning.turn_ends if reasoning else ()))))
    fields["tool_calls"] = _calls(tool, ends)
    fields["content"] = {"close_pattern": _any_of(ends)}
    return {"version": 1, "defaults": {"role": "assistant"}, "start_anchor": start_anchor, "fields": fields}


def _calls(tool: ToolRow, ends: list[str]) -> dict[str, object]:
    format = tool.format
    if not isinstance(format, ToolFormat):
        raise Unsayable("each text is in a message, whose header says what it is, in any order of its parts")
    if isinstance(format, JsonCalls):
        return _json(format, ends)
    if isinstance(format, GemmaCalls):
        before, _, _ = format.sample.partition(_NAME)
        return _field(
            f"{_literal(before)}{_group('name', '[{]')}(?={{)",
            _literal(format.sample.rpartition("}")[2]),
            content="json",
            content_args={"unquoted_keys": True, "string_delims": [[format.marks.delimiter, format.marks.delimiter]]},
            transform=_call(_CAPTURED),
        )
    if isinstance(format, Pythonic):
        return _python(format)
    assert isinstance(format, Tagged)
    if format.written:
        raise Unsayable("its calls are written in several ways, and one field of calls has one")
    return _tagged(format)


def _json(format: JsonCalls, ends: list[str]) -> dict[str, object]:
    span, head = format.spans[0], format.sample.partition("{")[0].rstrip()
    if not span.open or not format.sample.startswith(span.open):
        raise Unsayable("no marker is around its calls")
    if format.keyed:
        raise Unsayable("a call's name is the key of its arguments")
    if "[" not in head and not span.close:
        raise Unsayable("what separates its calls is not JSON, and no marker is around each")
    key, name = (next(key for key in keys if f'"{key}"' in format.sample) for keys in (format.keys, format.names))
    field = {"open": span.open, "close_pattern": _any_of([span.close] if span.close else ends), "content": "json"}
    if "[" in head:
        return {**field, "transform_each": True, "transform": _call({"name": f"{{{name}}}", "arguments": f"{{{key}}}"})}
    function: object = "{content}"
    if (key, name) != ("arguments", "name"):
        function = {"name": f"{{content.{name}}}", "arguments": f"{{content.{key}}}"}
    return {**field, "repeats": True, "transform": _call(function)}


def _python(format: Pythonic) -> dict[str, object]:
    span = format.as_json.spans[0]
    if not format.sample.startswith(span.open):
        raise Unsayable("no marker is around its calls")
    if "[" not in format.sample:
        raise Unsayable("its calls are lines, and the language has a list of them")
    return {
        "open": span.open,
        "close_pattern": _any_of([span.close]),
        "content": "python-call-list",
        "transform_each": True,
        "transform": _call({"name": "{name}", "arguments": "{arguments}"}),
    }


def _tagged(format: Tagged) -> dict[str, object]:
    """Return the field of calls: the name is in the opener; a section's markers belong to the first and last call."""
    section = next((span for span in format.sections if format.sample.startswith(span.open)), Span("", ""))
    one = format.sample.removeprefix(section.open).removesuffix(section.close).strip()
    before, _, rest = one.partition(_NAME)
    arguments = format.arguments
    args: dict[str, object] = {}
    if isinstance(arguments, JsonObject):
        between, _, after = rest.partition(_ARGUMENTS)
    elif type(arguments) is Tags:
        between, after = (
            rest[: rest.index(arguments.open)],
            rest[rest.rindex(arguments.close) + len(arguments.close) :],
        )
        args["tag_pattern"] = _tag(arguments, rest[len(between) : len(rest) - len(after)])
    else:
        raise Unsayable("a value may be elements in elements, and the language knows one level")
    # The last closer ends the region; no parameter's pattern matches the closers before it.
    closers = after.split()
    if not closers:
        raise Unsayable("nothing closes a call")
    closer = _literal(after.strip()) if isinstance(arguments, JsonObject) else _literal(closers[-1])
    return _field(
        _optional(section.open, r"{}\s*")
        + _literal(before)
        + _group("name", _stop(between or after))
        + _literal(between),
        closer + _optional(section.close, r"\s*{}"),
        content="json" if isinstance(arguments, JsonObject) else "xml-inline",
        **({"content_args": args} if args else {}),
        transform=_call(_CAPTURED),
    )


def _tag(arguments: Tags, written: str) -> str:
    if arguments.typed_by:
        raise Unsayable(f"the attribute {arguments.typed_by!r} says each value's type, and all values are parsed alike")
    before, _, rest = written.partition(_KEY)
    between, _, after = rest.partition(_VALUE)
    key = f"{_literal(before)}{_group('key', _stop(between))}"
    if len(arguments.name_end) > 1:
        between = "\n".join(arguments.name_end)
    # One line break on each side of a value is not part of it.
    ends = (between.removesuffix("\n"), after.removeprefix("\n"))
    breaks = [r"\n?" if written != text else "" for written, text in zip((between, after), ends, strict=True)]
    return f"{key}{_literal(ends[0])}{breaks[0]}(?P<value>.*?){breaks[1]}{_literal(ends[1])}"


def _field(opener: str, closer: str, **said: object) -> dict[str, object]:
    return {"open_pattern": opener, "close_pattern": rf"{closer}\s*", "repeats": True, **said}


def _any_of(texts: list[str]) -> str:
    """Return a pattern for a closer and white space after it, which would replace the content before it otherwise."""
    found = "|".join(map(re.escape, texts))
    return rf"(?:{found})\s*" if len(texts) > 1 else rf"{found}\s*"


def start_anchor_of(tool: ToolRow) -> str:
    """Return the text with which this package's chat template opens the assistant's message; "" if it has none.

    Raises:
        Unrenderable: jinja2 is missing.
    """
    from ..chat_templates import TEMPLATES

    for each in TEMPLATES:
        if each.tool_parser in tool.names:
            question: list[dict[str, object]] = [{"role": "user", "content": "What is the weather?"}]
            opened = render(each.text, question).removeprefix(render(each.text, question, prompt=False))
            thinks = [reasoning_row(name).think for name in tool.pairs]
            marks = [opened.find(mark) for think in thinks for mark in (*think.opens, *think.closes) if mark in opened]
            return opened[: min(marks, default=len(opened))]
    return ""


def _call(function: object) -> dict[str, object]:
    return {"type": "function", "function": function}


def _literal(text: str) -> str:
    """Return a pattern for a text of the sample: line breaks may be missing, and numbers may differ."""
    pieces = [r"\s*" if piece.isspace() else re.escape(piece) for piece in re.split(r"(\n+)", text) if piece]
    return _DIGITS.sub(r"\\d+", "".join(pieces).replace(r"\ ", " "))


def _stop(between: str) -> str:
    """Return a class for the characters that end a name: the first one after it in the sample."""
    char = between.strip().lstrip(":0123456789")[:1]  # a call's number is not part of its name, but a colon may be
    ends_line = "\n" in between or (char and char not in '"')
    return f"[{re.escape(char) or '<'}\n]" if ends_line else f"[{char or '<'}]"


def _group(name: str, stop: str) -> str:
    return f"(?P<{name}>[^{stop[1:-1]}]+)".replace("\n", r"\n")


def _optional(text: str, written: str) -> str:
    return f"(?:{written.format(re.escape(text))})?" if text else ""
