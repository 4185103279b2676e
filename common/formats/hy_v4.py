"""Hunyuan 4, Hy4 (Tencent).

<tool_calls>
<tool_call>get_weather
<arg_key>city</arg_key>
<arg_value>Paris</arg_value>
</tool_call>
</tool_calls>

As Hunyuan 3, without a token after the name. A checkpoint has one suffix on all its tokens.
"""

from ..rows import ON_UNLESS_OFF, Native, ToolRow, family
from ..shapes.tagged import sample_of
from .hy_v3 import ENDS, hunyuan, thoughts

HY_V4 = hunyuan(sample_of(__doc__), "")

ROWS = family(
    ToolRow(
        "hy_v4",
        HY_V4,
        "Hunyuan 4 (Hy4)",
        added_tokens=tuple(sorted(each for each in HY_V4.markers if ":" not in each)),
        turn_end=ENDS[1],
        turn_ends=ENDS,
        model_types=("hy_v4",),
        engines=Native(vllm=("hy_v4",), sglang=("hunyuan",)),
    ),
    thoughts(""),
    ON_UNLESS_OFF,
    added_tokens=("<think>", "</think>"),
)
