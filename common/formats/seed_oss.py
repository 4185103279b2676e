"""Seed-OSS (ByteDance).

<seed:tool_call>
<function=get_weather>
<parameter=city>Paris</parameter>
</function>
</seed:tool_call>

Qwen3-Coder's tags in another wrapper; every character between the tags is part of the value. Later Seed models also
write `<function name="get_weather">` and `<parameter name="city">`.
"""

from ..arguments.tags import Tags
from ..format import Span, Think
from ..recovery import recovering
from ..rows import OUTSIDE, Native, ToolRow, family
from ..shapes.tagged import Tagged, sample_of
from .qwen3_coder import attributed

WRAPPER = Span("<seed:tool_call>", "</seed:tool_call>")

SEED_OSS = Tagged(
    sample=sample_of(__doc__),
    wrapper=WRAPPER,
    call=Span("<function=", "</function>"),
    arguments=Tags(open="<parameter=", close="</parameter>"),
    others=recovering("names as attributes", (attributed(WRAPPER, framed=False),), off=()),
)

ROWS = family(
    ToolRow(
        "seed_oss",
        SEED_OSS,
        "Seed-OSS",
        added_tokens=("<seed:tool_call>", "</seed:tool_call>"),
        turn_end="<seed:eos>",
        model_types=("seed_oss",),
        engines=Native(vllm=("seed_oss",)),
    ),
    Think(("<seed:think>",), ("</seed:think>",)),
    OUTSIDE,
    added_tokens=("<seed:think>", "</seed:think>"),
)
