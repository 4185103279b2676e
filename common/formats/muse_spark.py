"""Muse Spark (Meta): Muse Glimmer's messages, but one without a recipient is reasoning."""

from dataclasses import replace

from ..format import Think
from ..rows import OUTSIDE, Native, ReasoningRow
from .muse import MUSE, MUSE_ENDS, MUSE_TOKENS

MUSE_SPARK = replace(MUSE, thinks=("self", ""))

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
