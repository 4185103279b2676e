"""The markup of every tool format, written from its grammar and independent of the parser: calls -> text.

- One renderer a registered name, in `RENDERERS`: written here, or read off the sample of a format in a usual shape.
- `json_bodies`: the arguments stand in the markup as JSON text and come back byte for byte. Else the renderer writes
  each value as the family's template does, and it comes back equal.
- `quotable` are texts that hold the family's own markers and are data inside a string value, however they are combined.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from ..arguments.tags import Tags
from ..registry import TOOL_ROWS
from ..rows import ToolRow
from ..shapes.tagged import Tagged

Value = object
"""What `json.loads` gives."""


@dataclass(frozen=True)
class Call:
    """A call to write. `text` is the JSON text of its arguments, where the markup holds JSON."""

    name: str
    arguments: Mapping[str, Value]
    text: str

    @classmethod
    def of(cls, name: str, arguments: Mapping[str, Value]) -> Call:
        return cls(name, arguments, json.dumps(arguments, ensure_ascii=False))


@dataclass(frozen=True)
class Part:
    """A part of a reply: "content", "reasoning", or "calls" that follow each other."""

    kind: str
    text: str = ""
    calls: tuple[Call, ...] = ()


Calls: TypeAlias = Callable[[Sequence[Call]], str]
Framed: TypeAlias = Callable[[Sequence[Part]], list[str]]


@dataclass(frozen=True)
class Renderer:
    """How a family writes a reply."""

    calls: Callable[[Sequence[Call]], str]
    """Calls that follow each other."""
    json_bodies: bool
    quotable: tuple[str, ...]
    schema_types: bool = False
    """Whether the schema, not the markup, says a value's type."""
    framed: Callable[[Sequence[Part]], list[str]] | None = None
    """Where the markup frames the whole reply: the text of each part."""
    plain_keys: bool = False
    """Whether the keys of nested objects are written as they are, so that they are plain names."""

    def write(self, parts: Sequence[Part], think: tuple[str, str]) -> list[str]:
        """The text of each part of a reply; `think` opens and closes reasoning where nothing is framed."""
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


def as_call_object(call: Call, key: str = "arguments") -> str:
    return f'{{"name": {json.dumps(call.name)}, "{key}": {call.text}}}'


def as_call_array(calls: Sequence[Call]) -> str:
    return f"[{', '.join(as_call_object(call) for call in calls)}]"


def as_template_text(value: Value) -> str:
    """A value as Jinja's `tojson` writes it; a string as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# --- JSON bodies


def hermes(calls: Sequence[Call]) -> str:
    return "\n".join(f"<tool_call>\n{as_call_object(call)}\n</tool_call>" for call in calls)


def nemotron_deci(calls: Sequence[Call]) -> str:
    return f"<TOOLCALL>{as_call_array(calls)}</TOOLCALL>"


def jamba(calls: Sequence[Call]) -> str:
    bodies = ",\n    ".join(map(as_call_object, calls))
    return f"<tool_calls>[\n    {bodies}\n]</tool_calls>"


def phi4(calls: Sequence[Call]) -> str:
    return f"functools{as_call_array(calls)}"


def xlam(calls: Sequence[Call]) -> str:
    return f"<tool_call>{as_call_array(calls)}</tool_call>"


def llama3_json(calls: Sequence[Call]) -> str:
    return "<|python_tag|>" + "; ".join(as_call_object(call, "parameters") for call in calls)


def mistral(calls: Sequence[Call]) -> str:
    return "".join(f"[TOOL_CALLS]{call.name}[ARGS]{call.text}" for call in calls)


def kimi_k2(calls: Sequence[Call]) -> str:
    bodies = (
        f"<|tool_call_begin|>functions.{call.name}:{index}<|tool_call_argument_begin|>{call.text}<|tool_call_end|>"
        for index, call in enumerate(calls)
    )
    return f"<|tool_calls_section_begin|>{''.join(bodies)}<|tool_calls_section_end|>"


def deepseek_v3(calls: Sequence[Call]) -> str:
    bodies = (
        f"<｜tool▁call▁begin｜>function<｜tool▁sep｜>{call.name}\n```json\n{call.text}\n```<｜tool▁call▁end｜>"
        for call in calls
    )
    return "<｜tool▁calls▁begin｜>" + "\n".join(bodies) + "<｜tool▁calls▁end｜>"


def deepseek_v3_1(calls: Sequence[Call]) -> str:
    bodies = (f"<｜tool▁call▁begin｜>{call.name}<｜tool▁sep｜>{call.text}<｜tool▁call▁end｜>" for call in calls)
    return f"<｜tool▁calls▁begin｜>{''.join(bodies)}<｜tool▁calls▁end｜>"


# --- a tag a value


def qwen3_coder(calls: Sequence[Call]) -> str:
    return "\n".join(
        f"<tool_call>\n<function={call.name}>\n"
        + "".join(
            f"<parameter={key}>\n{as_template_text(value)}\n</parameter>\n" for key, value in call.arguments.items()
        )
        + "</function>\n</tool_call>"
        for call in calls
    )


def glm47(calls: Sequence[Call]) -> str:
    return "".join(
        f"<tool_call>{call.name}"
        + "".join(
            f"<arg_key>{key}</arg_key><arg_value>{as_template_text(value)}</arg_value>"
            for key, value in call.arguments.items()
        )
        + "</tool_call>"
        for call in calls
    )


def minimax_m2(calls: Sequence[Call]) -> str:
    bodies = (
        f'<invoke name="{call.name}">\n'
        + "".join(
            f'<parameter name="{key}">{as_template_text(value)}</parameter>\n' for key, value in call.arguments.items()
        )
        + "</invoke>\n"
        for call in calls
    )
    return f"<minimax:tool_call>\n{''.join(bodies)}</minimax:tool_call>"


def dsml(block: str, gap: str = "") -> Callable[[Sequence[Call]], str]:
    bar = f"｜DSML｜{gap}"

    def calls_of(calls: Sequence[Call]) -> str:
        bodies = (
            f'<{bar}invoke name="{call.name}">\n'
            + "".join(
                f'<{bar}parameter name="{key}" string="{"true" if isinstance(value, str) else "false"}">'
                f"{as_template_text(value)}</{bar}parameter>\n"
                for key, value in call.arguments.items()
            )
            + f"</{bar}invoke>\n"
            for call in calls
        )
        return f"<{bar}{block}>\n{''.join(bodies)}</{bar}{block}>"

    return calls_of


# --- frames


def in_messages(message: Callable[[str, str, Call | None], str], start: str) -> Callable[[Sequence[Part]], list[str]]:
    """Each text and each call is a message of its own; the prompt wrote the first one's start."""

    def write(parts: Sequence[Part]) -> list[str]:
        texts: list[str] = []
        for part in parts:
            bodies = [message(part.kind, part.text, call) for call in part.calls or (None,)]
            texts.append("".join(f"{start}{body}" for body in bodies))
        return [texts[0].removeprefix(start), *texts[1:]] if texts else []

    return write


def harmony_message(kind: str, text: str, call: Call | None) -> str:
    if call is not None:
        to = f"to=functions.{call.name}"
        return f"<|channel|>commentary {to} <|constrain|>json<|message|>{call.text}<|call|>"
    return f"<|channel|>{'analysis' if kind == 'reasoning' else 'final'}<|message|>{text}<|end|>"


def inkling_message(kind: str, text: str, call: Call | None) -> str:
    if call is not None:
        return f"{call.name}<|content_invoke_tool_json|>{as_call_object(call, 'args')}<|end_message|>"
    return f"<|content_{'thinking' if kind == 'reasoning' else 'text'}|>{text}<|end_message|>"


def muse_message(kind: str, text: str, call: Call | None) -> str:
    if call is None:
        return f" to={'self' if kind == 'reasoning' else 'user'}<|message|>{text}<|eom|>"
    parameters = "".join(
        f'<atem:parameter name="{key}">{as_template_text(value)}</atem:parameter>\n'
        for key, value in call.arguments.items()
    )
    return (
        f' to={call.name}<|message|>\n<atem:function_calls>\n<atem:invoke name="{call.name}">\n{parameters}'
        "</atem:invoke>\n</atem:function_calls><|eom|>"
    )


_XTML_TYPES = {bool: "boolean", int: "number", float: "number", list: "array", dict: "object", str: "string"}


def kimi_k3(calls: Sequence[Call]) -> str:
    bodies = (
        f'<|open|>call tool="{call.name}" index="{index}"<|sep|>'
        + "".join(
            f'<|open|>argument key="{key}" type="{_XTML_TYPES.get(type(value), "null")}"<|sep|>'
            f"{as_template_text(value)}<|close|>argument<|sep|>"
            for key, value in call.arguments.items()
        )
        + "<|close|>call<|sep|>"
        for index, call in enumerate(calls, 1)
    )
    return f"<|open|>tools<|sep|>{''.join(bodies)}<|close|>tools<|sep|>"


def kimi_k3_reply(parts: Sequence[Part]) -> list[str]:
    tags = {"reasoning": "think", "content": "response"}
    return [
        kimi_k3(part.calls)
        if part.calls
        else f"<|open|>{tags[part.kind]}<|sep|>{part.text}<|close|>{tags[part.kind]}<|sep|>"
        for part in parts
    ]


# --- typed by the markup, or by elements


def gemma(opener: str, delimiter: str, closer: str) -> Calls:
    def written(value: Value) -> str:
        if isinstance(value, str):
            return f"{delimiter}{value}{delimiter}"
        if isinstance(value, list):
            return f"[{','.join(map(written, value))}]"
        if isinstance(value, Mapping):
            return "{" + ",".join(f"{key}:{written(each)}" for key, each in value.items()) + "}"
        return json.dumps(value)

    return lambda calls: "".join(f"{opener}call:{call.name}{written(call.arguments)}{closer}" for call in calls)


def as_python(call: Call) -> str:
    return f"{call.name}({', '.join(f'{key}={value!r}' for key, value in call.arguments.items())})"


def pythonic(calls: Sequence[Call]) -> str:
    return f"<|python_start|>[{', '.join(map(as_python, calls))}]<|python_end|>"


_M3 = "]<]minimax[>["


def minimax_m3(calls: Sequence[Call]) -> str:
    bodies = (f'{_M3}<invoke name="{call.name}">{_as_elements(call.arguments)}{_M3}</invoke>\n' for call in calls)
    return f"{_M3}<tool_call>\n{''.join(bodies)}{_M3}</tool_call>"


def _as_elements(value: Value) -> str:
    if isinstance(value, Mapping):
        return "".join(
            f"{_M3}<{key}>{_as_elements(each) if _comes_back(each) else as_template_text(each)}{_M3}</{key}>"
            for key, each in value.items()
        )
    if isinstance(value, list):
        return "".join(f"{_M3}<item>{_as_elements(each)}{_M3}</item>" for each in value)
    return as_template_text(value)


def _comes_back(value: Value) -> bool:
    """Whether elements without a schema say all of a value; else JSON text does."""
    if isinstance(value, str):
        return re.fullmatch(r"[A-Za-z][A-Za-z ]*[A-Za-z]", value) is not None and value not in ("null", "true", "false")
    if isinstance(value, list | dict):
        each = value.values() if isinstance(value, dict) else value
        return bool(value) and (isinstance(value, list) or set(value) != {"item"}) and all(map(_comes_back, each))
    return value is not None


# --- read off a sample

_SAMPLE_NAME, _SAMPLE_ARGUMENTS = "get_weather", '{"city": "Paris"}'
_SAMPLE_PYTHON = 'get_weather(city="Paris")'
_SAMPLE_ID = '"0"'
"""The id of a sample's call: those of a reply are numbered."""


def of_sample(row: ToolRow) -> Renderer:
    """The renderer of a format whose sample says it all: calls or arguments as JSON, Python, a tag for each parameter.

    Several calls stand in the sample's array or section, or are written like the sample, a line break between them; in
    Python the markers stand around the lines.
    Raises ValueError for a sample that is of none of these shapes.
    """
    sample = row.sample
    markers = (*sorted(row.format.markers), row.turn_end)
    if sample.count(_SAMPLE_PYTHON) == 1:
        before, _, behind = sample.partition(_SAMPLE_PYTHON)
        return in_tags(_like(before, _each(as_python), behind, lines=True), *markers, "[ping()]", schema_types=False)
    written = _object_in(sample)
    if written and sample.count(_SAMPLE_NAME) == 1:
        before, _, behind = sample.partition(written)
        return in_json(_like(before, partial(_objects, written), behind), *markers)
    section, body, end = _section_of(row)
    gap = section[len(section.rstrip()) :] if section else "\n"
    values = row.format.arguments if isinstance(row.format, Tagged) else None
    if sample.count(_SAMPLE_NAME) == sample.count(_SAMPLE_ARGUMENTS) == 1:
        one = _with_json(body)
    elif isinstance(values, Tags) and sample.count(_SAMPLE_NAME) == 1:
        one = _with_tags(body, values)
    else:
        raise ValueError(f"{row.name}: its sample does not say how calls are written; add a renderer to RENDERERS")

    def calls_of(calls: Sequence[Call]) -> str:
        return section + gap.join(map(one, calls)) + end

    if isinstance(values, Tags):
        return in_tags(calls_of, *markers, schema_types=not values.typed_by)
    return in_json(calls_of, *markers)


def _with_json(body: str) -> Callable[[Call], str]:
    return lambda call: body.replace(_SAMPLE_NAME, call.name).replace(_SAMPLE_ARGUMENTS, call.text)


def _with_tags(body: str, values: Tags) -> Callable[[Call], str]:
    """A call like the one in `body`, with as many parameters, the white space behind each as in the sample."""
    start = body.index(values.open)
    behind = body.index(values.close, start) + len(values.close)
    behind += len(body[behind:]) - len(body[behind:].lstrip())
    head, (tag, _, close), tail = body[:start], body[start:behind].partition("Paris"), body[behind:]

    def parameter(key: str, value: Value) -> str:
        opened = tag.replace("city", key)
        if values.typed_by and not isinstance(value, str):
            opened = opened.replace('"true"', '"false"')
        return opened + as_template_text(value) + close

    def written(call: Call) -> str:
        arguments = "".join(parameter(key, value) for key, value in call.arguments.items())
        return head.replace(_SAMPLE_NAME, call.name) + arguments + tail

    return written


def _section_of(row: ToolRow) -> tuple[str, str, str]:
    """What a sample has around all calls, and the call in it."""
    sample = row.sample
    for span in row.format.sections if isinstance(row.format, Tagged) else ():
        if sample.startswith(span.open) and sample.endswith(span.close):
            inner = sample.removeprefix(span.open).removesuffix(span.close)
            at = sample.index(inner.strip())
            return sample[:at], inner.strip(), sample[at + len(inner.strip()) :]
    return "", sample, ""


def _object_in(sample: str) -> str:
    """The call as a JSON object that a sample holds; "" if it holds none."""
    at = sample.find("{")
    try:
        _, end = json.JSONDecoder().raw_decode(sample, max(at, 0))
    except ValueError:
        return ""
    parts = (json.dumps(_SAMPLE_NAME), _SAMPLE_ARGUMENTS)
    return sample[at:end] if all(sample[at:end].count(part) == 1 for part in parts) else ""


def _objects(sample: str, calls: Sequence[Call]) -> list[str]:
    return [
        sample.replace(_SAMPLE_ID, f'"{index}"')
        .replace(json.dumps(_SAMPLE_NAME), json.dumps(call.name), 1)
        .replace(_SAMPLE_ARGUMENTS, call.text, 1)
        for index, call in enumerate(calls)
    ]


def _each(one: Callable[[Call], str]) -> Callable[[Sequence[Call]], list[str]]:
    return lambda calls: list(map(one, calls))


def _like(before: str, written: Callable[[Sequence[Call]], list[str]], behind: str, *, lines: bool = False) -> Calls:
    head = before.rstrip()
    if head.endswith("["):
        between = f",{before[len(head) :] or ' '}"
        return lambda calls: before + between.join(written(calls)) + behind
    if lines:
        return lambda calls: before + "\n".join(written(calls)) + behind
    return lambda calls: "\n".join(before + call + behind for call in written(calls))


# --- renderers

_PARIS = [Call.of("get_weather", {"city": "Paris"})]


def in_json(calls: Calls, *markers: str, framed: Framed | None = None) -> Renderer:
    """In JSON strings nothing is a marker."""
    return Renderer(calls, True, (calls(_PARIS), *markers, "<think>", "</think>"), framed=framed)


def in_tags(
    calls: Calls,
    *markers: str,
    schema_types: bool = True,
    framed: Framed | None = None,
    plain_keys: bool = False,
) -> Renderer:
    """A whole call, and markers with a bracket behind them, which cannot follow a closer or be a call's name."""
    quotable = (f" {calls(_PARIS)} x", *(f" {marker} (x)" for marker in (*markers, "<think>", "</think>", "&lt;")))
    return Renderer(calls, False, quotable, schema_types, framed, plain_keys)


def _of_messages(framed: Framed) -> Calls:
    return lambda calls: "".join(framed([Part("calls", calls=tuple(calls))]))


def _in_dsml(block: str, gap: str = "") -> Renderer:
    bar = f"｜DSML｜{gap}"
    return in_tags(
        dsml(block, gap),
        f"<{bar}{block}>",
        f"</{bar}{block}>",
        f"<{bar}invoke name=",
        f'<{bar}invoke name="f">',
        f"</{bar}invoke>",
        f'<{bar}parameter name="u" string="true">',
        f"</{bar}parameter>",
        "<｜end▁of▁sentence｜>",
        schema_types=False,
    )


_HARMONY = in_messages(harmony_message, "<|start|>assistant")
_INKLING = in_messages(inkling_message, "<|message_model|>")
_MUSE = in_messages(muse_message, "<|start|>assistant")

RENDERERS: dict[str, Renderer] = {
    "hermes": in_json(hermes, "</tool_call>", "<tool_call>", "<|im_end|>", "<|endoftext|>"),
    "nemotron_deci": in_json(nemotron_deci, "<TOOLCALL>", "</TOOLCALL>", "]</TOOLCALL>", "<|eot_id|>"),
    "default": in_json(nemotron_deci, "<TOOLCALL>", "</TOOLCALL>", "<|python_tag|>"),
    "jamba": in_json(jamba, "<tool_calls>", "</tool_calls>", "]</tool_calls>", "<|eom|>"),
    "phi4": in_json(phi4, "functools", "functools[", "<|tool_call|>", "<|/tool_call|>", "<|end|>"),
    "llama3_json": in_json(llama3_json, "<|python_tag|>", '; {"name": "f", "parameters": {}}', "<|eom_id|>"),
    "xlam": in_json(xlam, "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "<|eot_id|>"),
    "mistral": in_json(mistral, "[TOOL_CALLS]", "[/TOOL_CALLS]", "[ARGS]", "[CALL_ID]", "</s>", "[THINK]"),
    "kimi_k2": in_json(
        kimi_k2,
        "<|tool_call_end|>",
        "<|tool_calls_section_end|>",
        "<|tool_call_begin|>",
        "<|tool_call_argument_begin|>",
        "<|im_end|>",
        "[EOS]",
    ),
    "deepseek_v3": in_json(
        deepseek_v3,
        "<｜tool▁call▁end｜>",
        "<｜tool▁calls▁end｜>",
        "<｜tool▁call▁begin｜>",
        "<｜tool▁sep｜>",
        "```",
        "\n```\n",
    ),
    "deepseek_v3_1": in_json(
        deepseek_v3_1, "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "```"
    ),
    "qwen3_coder": in_tags(
        qwen3_coder,
        "</parameter>",
        "<parameter=",
        "<parameter=u>",
        "</function>",
        "</tool_call>",
        "<tool_call>",
        "<function=",
        "<function=f>",
        "<|im_end|>",
    ),
    "glm47": in_tags(
        glm47, "<tool_call>", "</tool_call>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>", "<|user|>"
    ),
    "minimax_m2": in_tags(
        minimax_m2,
        "<minimax:tool_call>",
        "</minimax:tool_call>",
        "<invoke name=",
        '<invoke name="f">',
        "</invoke>",
        '<parameter name="u">',
        "</parameter>",
        "[e~[",
    ),
    "deepseek_v3_2": _in_dsml("function_calls"),
    "deepseek_v4": _in_dsml("tool_calls"),
    "deepseek_v41": _in_dsml("calls", " "),
    "harmony": in_json(
        _of_messages(_HARMONY),
        "<|call|>",
        "<|end|>",
        "<|start|>assistant",
        "<|channel|>",
        "<|message|>",
        framed=_HARMONY,
    ),
    "inkling": in_json(
        _of_messages(_INKLING), "<|end_message|>", "<|message_model|>", "<|content_text|>", framed=_INKLING
    ),
    "muse": in_tags(
        _of_messages(_MUSE),
        "<atem:function_calls>",
        "</atem:function_calls>",
        "<atem:invoke name=",
        "</atem:invoke>",
        "</atem:parameter>",
        "<|eom|>",
        "<|start|>assistant to=f<|message|>",
        framed=_MUSE,
    ),
    "kimi_k3": in_tags(
        kimi_k3,
        "<|open|>tools<|sep|>",
        "<|close|>tools<|sep|>",
        "<|close|>call<|sep|>",
        "<|close|>argument<|sep|>",
        "<|open|>think<|sep|>",
        "<|close|>message<|sep|>",
        "<|sep|>",
        schema_types=False,
        framed=kimi_k3_reply,
    ),
    "gemma4": in_tags(
        gemma("<|tool_call>", '<|"|>', "<tool_call|>"),
        "<|tool_call>",
        "<tool_call|>",
        '<|"|>',
        "<|channel>",
        "<channel|>",
        "<turn|>",
        schema_types=False,
        plain_keys=True,
    ),
    "functiongemma": in_tags(
        gemma("<start_function_call>", "<escape>", "<end_function_call>"),
        *("<start_function_call>", "<end_function_call>", "<end_of_turn>", "call:", "{", "}", "[", "]"),
        schema_types=False,
        plain_keys=True,
    ),
    "pythonic": in_tags(pythonic, "<|python_start|>", "<|python_end|>", "[ping()]", "<|eot|>", schema_types=False),
    "minimax_m3": in_tags(
        minimax_m3,
        f"{_M3}<tool_call>",
        f"{_M3}</tool_call>",
        f"{_M3}<invoke name=",
        f'{_M3}<invoke name="f">',
        f"{_M3}</invoke>",
        f"{_M3}<city>",
        f"{_M3}</city>",
        _M3,
        "</invoke>",
        "[e~[",
        plain_keys=True,
    ),
}
"""By the name of the registry's row; those that are not written here are read off the row's sample."""
RENDERERS.update({row.name: of_sample(row) for row in TOOL_ROWS if row.name not in RENDERERS})
