"""MiMo V2 (Xiaomi).

<tool_call>
<function=get_weather>
<parameter=city>Paris</parameter>
</function>
</tool_call>

Seed-OSS's tags in Qwen3-Coder's wrapper: every character between the tags is the value's.
"""

from ..recovery import recovering
from ..rows import QWEN_ENDS, Native, ToolRow
from ..shapes.tagged import Tagged, sample_of
from .qwen3_coder import WRAPPER, attributed
from .seed_oss import SEED_OSS

MIMO = Tagged(
    sample=sample_of(__doc__),
    wrapper=WRAPPER,
    call=SEED_OSS.call,
    name_end=SEED_OSS.name_end,
    arguments=SEED_OSS.arguments,
    others=recovering("names as attributes", (attributed(WRAPPER, framed=False),), off=()),
)

ROWS = (
    ToolRow(
        "mimo",
        MIMO,
        "MiMo V2",
        pairs=("qwen3", "basic"),
        added_tokens=("<tool_call>", "</tool_call>"),
        turn_ends=QWEN_ENDS,
        model_types=("mimo_v2_flash", "mimo_v2", "mimo"),
        engines=Native(vllm=("mimo",), sglang=("mimo",)),
        kin="qwen3_coder",
    ),
)
