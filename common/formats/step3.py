"""Step-3 (StepFun)."""

from __future__ import annotations

from ..format import THINK
from ..rows import NEVER_CHANGED, THINK_TOKENS, Native, ReasoningRow

ROWS = (
    ReasoningRow(
        "step3",
        THINK,
        "Step-3",
        NEVER_CHANGED,
        added_tokens=THINK_TOKENS,
        turn_ends=("<|EOT|>",),
        engines=Native(vllm=("step3",), sglang=("step3",)),
    ),
)
