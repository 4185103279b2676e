"""ERNIE 4.5 (Baidu): reasoning, and tags around the answer. The calls are those of Hermes."""

from ..format import Span, Think
from ..rows import ON_UNLESS_OFF, THINK_TOKENS, Native, ReasoningRow

ROWS = (
    ReasoningRow(
        "ernie45",
        Think(("<think>",), ("</think>",), answers=(Span("<response>", "</response>"),)),
        "ERNIE 4.5",
        ON_UNLESS_OFF,
        added_tokens=THINK_TOKENS,
        turn_ends=("</s>",),
        engines=Native(vllm=("ernie45",)),
    ),
)
