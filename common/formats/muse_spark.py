"""Muse Spark (Meta): Muse Glimmer's messages, but one without a recipient is reasoning."""

from __future__ import annotations

from ..format import Think
from ..rows import OUTSIDE, Native, ReasoningRow
from ..shapes.messages import Header
from .muse import MUSE_ENDS, MUSE_TOKENS, Muse, muse


class MuseSpark(Muse):
    """What is for nobody is reasoning."""

    def is_reasoning(self, header: Header) -> bool:
        return header.recipient in ("self", "")


MUSE_SPARK = muse(MuseSpark)

ROWS = (
    ReasoningRow(
        "muse_spark",
        Think((" to=self<|message|>",), (" to=user<|message|>",)),
        "Muse Spark",
        OUTSIDE,
        special_tokens=MUSE_TOKENS,
        turn_ends=("<|eot|>", *MUSE_ENDS),
        frame=MUSE_SPARK,
        engines=Native(vllm=("muse", "musespark1x")),
    ),
)
