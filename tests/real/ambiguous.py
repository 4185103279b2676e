"""Which rule of the contract makes a reply ambiguous: the name of the rule, found in the text of its values alone.

Rules:
- A predicate sees the values as the renderer wrote them, never an answer, so it cannot excuse a particular parser.
- Whole quoted calls are data by the contract, so they are taken out before anything is looked for.
- JSON and Python have no ambiguous strings: they end at their quote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from dynamo_parsers.registry import tool_row
from dynamo_parsers.shapes.frames import Frames
from dynamo_parsers.write.markup import RENDERERS
from dynamo_parsers.write.values import as_template_text

from .questions import Question

TWO_READINGS = "Two readings"
QUOTED_CALLS = "Quoted calls"
FRAMES_END = "A frame's end"
HAD_ENDED = "It had ended"
UNDECLARED = "Undeclared values"
UNIONS = "Unions with string"

SAYS_TYPE = {"type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"}
SPACE = r"\s{0,256}"
NAME = r"[^<>{(\",\s\\]{1,256}"


@dataclass(frozen=True)
class Tags:
    """How a family writes a call whose values are between tags; `name_end` is a pattern, the others are texts."""

    call: str
    """Up to the name."""
    name_end: str
    parameter: str
    """The start of a parameter."""
    closer: str
    """The end of a value."""
    end: str
    """The end of a call."""
    followers: tuple[str, ...] = ()
    """What can follow a value, if it is not a parameter or the end of a call."""

    @property
    def readings(self) -> re.Pattern[str]:
        """The closer of a value, directly followed by what can follow a value."""
        followers = "|".join(map(re.escape, (self.parameter, self.end, self.call, *self.followers)))
        return re.compile(rf"{re.escape(self.closer)}{SPACE}(?:{followers})")

    @property
    def opener(self) -> re.Pattern[str]:
        """The start of a call that fits, up to its first parameter or its end."""
        return re.compile(rf"{self._header}(?={re.escape(self.parameter)}|{re.escape(self.end)})")

    @property
    def quoted(self) -> re.Pattern[str]:
        """A whole call."""
        body = rf"(?:{re.escape(self.parameter)}.*?)?{re.escape(self.end)}"
        return re.compile(self._header + body, re.DOTALL)

    @property
    def _header(self) -> str:
        return rf"{re.escape(self.call)}{NAME}{self.name_end}{SPACE}"


def _invoke(bar: str) -> Tags:
    return Tags(f'<{bar}invoke name="', '">', f'<{bar}parameter name="', f"</{bar}parameter>", f"</{bar}invoke>")


_FUNCTION = Tags("<function=", ">", "<parameter=", "</parameter>", "</function>")
TAGS = {
    "qwen3_coder": _FUNCTION,
    "seed_oss": _FUNCTION,
    "glm47": Tags("<tool_call>", "", "<arg_key>", "</arg_value>", "</tool_call>"),
    "minimax_m2": _invoke(""),
    "deepseek_v3_2": _invoke("｜DSML｜"),
    "deepseek_v4": _invoke("｜DSML｜"),
    "deepseek_v41": _invoke("｜DSML｜ "),
    "muse": _invoke("atem:"),
    "dots": _invoke(""),
    "step3": _invoke("steptml:"),
    "gigachat35": _invoke("｜GCML｜"),
    "mimo": _FUNCTION,
    "minicpm5": Tags('<function name="', '">', '<param name="', "</param>", "</function>"),
    "longcat2": Tags("<longcat_tool_call>", "", "<longcat_arg_key>", "</longcat_arg_value>", "</longcat_tool_call>"),
    "iquest_q1": Tags("<iquest_tool_call>", "", "<arg_key>", "</arg_value>", "</iquest_tool_call>"),
    "k2_horizon": Tags("<ifm|tool_call>", "", "<ifm|arg_key>", "</ifm|arg_value>", "</ifm|tool_call>"),
    "hy_v3": Tags(
        "<tool_call:opensource>",
        "<tool_sep:opensource>",
        "<arg_key:opensource>",
        "</arg_value:opensource>",
        "</tool_call:opensource>",
    ),
    "hy_v4": Tags("<tool_call>", "", "<arg_key>", "</arg_value>", "</tool_call>"),
    "functiongemma": Tags("<start_function_call>call:", r"\{", "", "<escape>", "}<end_function_call>", (",", "}", "]")),
    "kimi_k3": Tags(
        '<|open|>call tool="',
        r'"[^<>]*<\|sep\|>',
        '<|open|>argument key="',
        "<|close|>argument<|sep|>",
        "<|close|>call<|sep|>",
    ),
    "gemma4": Tags("<|tool_call>call:", r"\{", "", '<|"|>', "}<tool_call|>", (",", "}", "]")),
}
"""By family. What is not here has strings that end at a quote, or tags with the parameter's own name."""


def rule_of(question: Question) -> str | None:
    """The rule of the contract by which the reply has more than one reading; None if it has one."""
    typed = _typed(question) if RENDERERS[question.family].schema_types else None
    if typed is not None:
        return typed
    tags, seam = TAGS.get(question.family), seam_of(question.family)
    for text in (text for _, arguments in question.calls for text in _texts(arguments)):
        if seam is not None and seam.search(text):
            return FRAMES_END
        if tags is None:
            continue
        left = tags.quoted.sub("", text)
        if ended_of(question.family, tags.end).search(left):
            return HAD_ENDED
        if tags.readings.search(left):
            return TWO_READINGS
        if tags.opener.search(left):
            return QUOTED_CALLS
    return None


def _typed(question: Question) -> str | None:
    """A string that reads as another type, if the markup gives no types and the schema allows both."""
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in question.tools}
    for name, arguments in question.calls:
        declared = schemas[name].get("properties") or {} if name in schemas else {}
        for key, value in arguments.items():
            schema = declared.get(key, {})
            if isinstance(value, str) and isinstance(schema, dict) and _reads_otherwise(value):
                if not schema.keys() & SAYS_TYPE:
                    return UNDECLARED
                if schema.get("type") != "string":
                    return UNIONS
    return None


def _reads_otherwise(text: str) -> bool:
    try:
        return not isinstance(json.loads(text), str)
    except ValueError:
        return False


def _texts(arguments: Mapping[str, Any]) -> Iterator[str]:
    """Each value as text, and each string inside it."""
    for value in arguments.values():
        yield as_template_text(value)
        yield from _strings(value)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _strings(each)


@cache
def seam_of(family: str) -> re.Pattern[str] | None:
    """The end of a message and the start of the next, in a markup of frames whose values are between tags."""
    frames = tool_row(family).format
    if not isinstance(frames, Frames) or RENDERERS[family].json_bodies:
        return None
    start = re.match(r"<\|\w+\|>", frames.start)
    assert start is not None
    return re.compile(rf"(?:{'|'.join(map(re.escape, frames.closers.all))})\s*{re.escape(start.group())}")


@cache
def ended_of(family: str, end: str) -> re.Pattern[str]:
    """A closer of the call or of what is around it, and after it the end of the turn."""
    row = tool_row(family)
    closers = {row.turn_end, *(row.format.closers.all if isinstance(row.format, Frames) else ())}
    return re.compile(rf"(?:</[^<>]*>|{re.escape(end)}){SPACE}(?:{'|'.join(map(re.escape, closers))})")
