"""Kimi K2, K2.5, K2.6 (Moonshot AI).

<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Paris"}<|tool_call_end|><|tool_calls_section_end|>

The name includes the call's id; sections are also written in the singular.
"""  # noqa: E501

from __future__ import annotations

import re

from ..arguments.json_object import JsonObject
from ..format import THINK, Span, Think
from ..recovery import drift, recovering, rule
from ..rows import ON_UNLESS_OFF, OUTSIDE, THINK_TOKENS, Native, ReasoningRow, ToolRow
from ..shapes.tagged import Head, Tagged, sample_of

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

_KIMI_ENDS = ("<|im_end|>", *drift("what may end a reply of Kimi", "[EOS]", "[EOT]", contract="Turn ends"))

ROWS = (
    ToolRow(
        "kimi_k2",
        KIMI_K2,
        "Kimi K2, K2-Thinking, K2.5, K2.6",
        pairs=("kimi_k25", "kimi_k2"),
        aliases=("kimi_k25",),
        special_tokens=tuple(sorted(KIMI_K2.markers)),
        turn_ends=_KIMI_ENDS,
        native_ids=True,
        numbered_id="functions.{}:{}".format,
        model_types=("kimi_k2", "kimi_k25", "deepseek_v3"),
        engines=Native(vllm=("kimi_k2",), sglang=("kimi_k2",), trtllm=("kimi_k2",)),
    ),
    ReasoningRow(
        "kimi_k25",
        THINK,
        "Kimi K2-Thinking, K2.5, K2.6",
        ON_UNLESS_OFF,
        added_tokens=THINK_TOKENS,
        turn_ends=_KIMI_ENDS,
        engines=Native(vllm=("kimi_k2",), sglang=("kimi_k2",), trtllm=("kimi_k25", "kimi_k2")),
    ),
    ReasoningRow(
        "kimi_k2",
        THINK,
        "Kimi K2",
        OUTSIDE,
        added_tokens=THINK_TOKENS,
        turn_ends=_KIMI_ENDS,
        engines=Native(vllm=("kimi_k2",), sglang=("kimi_k2",), trtllm=("kimi_k2",)),
    ),
    ReasoningRow(
        "kimi",
        Think(("◁think▷",), ("◁/think▷",)),
        "Kimi-VL, Kimi K1.5",
        OUTSIDE,
        added_tokens=("◁think▷", "◁/think▷"),
        turn_ends=_KIMI_ENDS,
        engines=Native(sglang=("kimi",)),
    ),
)
