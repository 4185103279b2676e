"""Gemma 4 (Google).

<|tool_call>call:get_weather{city:<|"|>Paris<|"|>}<tool_call|>

Several calls follow each other without a separator; results stand in the same turn, behind `<|tool_response>`.
"""

from __future__ import annotations

from ..arguments.gemma import Marks
from ..format import Think
from ..recovery import drift
from ..rows import OUTSIDE, Native, ReasoningRow, ToolRow
from ..shapes.gemma import GemmaCalls
from ..shapes.tagged import sample_of

GEMMA4 = GemmaCalls(
    sample=sample_of(__doc__),
    marks=Marks(
        openers=("<|tool_call>", *drift("another opener of a call", "<|tool_call|>")),
        end="<tool_call|>",
        delimiter='<|"|>',
        behind=("<turn|>", "<|tool_response>", "<|channel>"),
    ),
)

_GEMMA_ENDS = drift("what may end a reply of Gemma", "<|tool_response>", "<eos>", contract="Turn ends")

ROWS = (
    ToolRow(
        "gemma4",
        GEMMA4,
        "Gemma 4",
        pairs=("gemma4",),
        aliases=("gemma-4",),
        special_tokens=("<|tool_call>", "<tool_call|>", '<|"|>'),
        turn_end="<turn|>",
        turn_ends=_GEMMA_ENDS,
        model_types=("gemma4", "gemma4_text"),
        engines=Native(vllm=("gemma4",), sglang=("gemma4",), trtllm=("gemma4",)),
    ),
    ReasoningRow(
        "gemma4",
        Think(("<|channel>",), ("<channel|>",), label="thought\n"),
        "Gemma 4",
        OUTSIDE,
        aliases=("gemma-4",),
        special_tokens=("<|channel>", "<channel|>"),
        turn_ends=("<turn|>", *_GEMMA_ENDS),
        engines=Native(vllm=("gemma4",), sglang=("gemma4",), trtllm=("gemma4",)),
    ),
)
