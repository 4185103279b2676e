"""Granite (IBM)."""

from __future__ import annotations

from ..format import Think
from ..rows import OUTSIDE, Native, ReasoningRow

ROWS = (
    ReasoningRow(
        "granite",
        Think(
            ("Here's my thought process:", "Here is my thought process:"),
            ("Here's my response:", "Here is my response:"),
            words=frozenset({"Here's my thought process:", "Here is my thought process:"}),
        ),
        "Granite 3.2",
        OUTSIDE,
        turn_ends=("<|end_of_text|>",),
        engines=Native(vllm=("granite",)),
    ),
)
