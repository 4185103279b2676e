"""Kimi K2, K2.5, K2.6 (Moonshot AI).

<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Paris"}<|tool_call_end|><|tool_calls_section_end|>

The name carries the call's id; sections are also written in the singular.
"""  # noqa: E501

from __future__ import annotations

import re

from ..arguments.json_object import JsonObject
from ..format import Span
from ..recovery import drift, recovering, rule
from .tagged import Head, Tagged, sample_of

_ARGUMENTS = "<|tool_call_argument_begin|>"
_ID = recovering(
    "an id without its prefix",
    re.compile(r"(?:functions\.)?(.+):[0-9]+"),
    off=re.compile(r"functions\.(.+):[0-9]+"),
    contract="Names",
)
_WITHOUT_NUMBER = rule("an id without its number", contract="Names")


def head(written: str) -> Head:
    """`functions.NAME:INDEX` is the call's id."""
    found = _ID.fullmatch(written)
    return (
        Head(found[1], written) if found else Head((_WITHOUT_NUMBER and written.removeprefix("functions.")) or written)
    )


KIMI_K2 = Tagged(
    sample=sample_of(__doc__),
    sections=(
        Span("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"),
        *drift(
            "the section in the singular",
            Span("<|tool_call_section_begin|>", "<|tool_call_section_end|>"),
            contract="Section names",
        ),
    ),
    call=Span("<|tool_call_begin|>", "<|tool_call_end|>"),
    before_name=drift("what opens the arguments, before the name", _ARGUMENTS),
    name_end=(_ARGUMENTS,),
    head=head,
    arguments=JsonObject(fenced=rule("a code fence around the arguments")),
)
