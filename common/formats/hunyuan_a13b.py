"""Hunyuan-A13B (Tencent): reasoning, and tags around the answer. The calls are those of Jamba.

If a request has tools, its chat template tells the model to begin each answer with the word for an assistant and a
colon.
"""

from ..format import Span, Think
from ..rows import OUTSIDE, Native, ReasoningRow

ROWS = (
    ReasoningRow(
        "hunyuan_a13b",
        Think(("<think>",), ("</think>",), answers=(Span("<answer>", "</answer>"), Span("助手：", ""))),
        "Hunyuan-A13B",
        OUTSIDE,
        turn_ends=("<|eos|>",),
        engines=Native(vllm=("hunyuan_a13b",)),
    ),
)
