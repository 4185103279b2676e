"""Kimi K2, K2.5, K2.6 (Moonshot AI).

<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Paris"}<|tool_call_end|><|tool_calls_section_end|>

The name carries the call's id; sections are also written in the singular. A model that was shown ids in another spelling
(`functions_get_weather_0`) copies it: the name is then what of it is declared.
"""  # noqa: E501

from __future__ import annotations

import re

from ..arguments.json_object import JsonObject
from ..format import Span
from ..schema import Tools
from .tagged import Head, Tagged, sample_of

_ID = re.compile(r"(?:functions\.)?(.+):[0-9]+")
_PREFIX = re.compile(r"functions[._:]?")
_INDEX = re.compile(r"[._:]?[0-9]*")


def head(written: str, tools: Tools | None) -> Head:
    """`functions.NAME:INDEX` is the call's id."""
    found = _ID.fullmatch(written)
    plain = Head(found[1], written) if found else Head(written.removeprefix("functions.") or written)
    prefix = _PREFIX.match(written)
    if prefix is None or not tools or tools.declares(plain.name):
        return plain
    # Such an id is not passed on: the template would show it to the model again.
    rest = written[prefix.end() :]
    name = rest if tools.declares(rest) else tools.longest_prefix_of(rest)
    return Head(name) if name and _INDEX.fullmatch(rest, len(name)) else plain


KIMI_K2 = Tagged(
    sample=sample_of(__doc__),
    sections=(
        Span("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"),
        Span("<|tool_call_section_begin|>", "<|tool_call_section_end|>"),
    ),
    call=Span("<|tool_call_begin|>", "<|tool_call_end|>"),
    name_end=("<|tool_call_argument_begin|>",),
    head=head,
    arguments=JsonObject(fenced=True),
)
