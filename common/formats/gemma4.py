"""Gemma 4 (Google).

<|tool_call>call:get_weather{city:<|"|>Paris<|"|>}<tool_call|>

Several calls follow each other without a separator; results are in the same turn, after `<|tool_response>`.
"""

from ..arguments.gemma import Marks
from ..format import Think
from ..recovery import drift
from ..rows import OUTSIDE, Native, ToolRow, family
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


ROWS = family(
    ToolRow(
        "gemma4",
        GEMMA4,
        "Gemma 4",
        aliases=("gemma-4",),
        special_tokens=("<|tool_call>", "<tool_call|>", '<|"|>'),
        turn_end="<turn|>",
        turn_ends=drift("what may end a reply of Gemma", "<|tool_response>", "<eos>", contract="Turn ends"),
        model_types=("gemma4", "gemma4_text"),
        engines=Native(vllm=("gemma4",), sglang=("gemma4",), trtllm=("gemma4",)),
    ),
    Think(("<|channel>",), ("<channel|>",), label="thought\n"),
    OUTSIDE,
    special_tokens=("<|channel>", "<channel|>"),
)
