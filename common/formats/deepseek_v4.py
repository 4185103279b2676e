"""DeepSeek V4, in DSML.

<｜DSML｜tool_calls>
<｜DSML｜invoke name="get_weather">
<｜DSML｜parameter name="city" string="true">Paris</｜DSML｜parameter>
</｜DSML｜invoke>
</｜DSML｜tool_calls>

As V3.2, with another name for the section.
"""

from ..format import THINK
from ..rows import DEEPSEEK_END, OFF_UNLESS_ON, THINK_TOKENS, Native, ToolRow, family
from ..shapes.tagged import sample_of
from .deepseek_v3_2 import dsml

DEEPSEEK_V4 = dsml(sample_of(__doc__))

ROWS = family(
    ToolRow(
        "deepseek_v4",
        DEEPSEEK_V4,
        "DeepSeek V4",
        aliases=("deepseek-v4", "deepseekv4"),
        added_tokens=("｜DSML｜",),
        turn_end=DEEPSEEK_END,
        model_types=("deepseek_v4",),
        engines=Native(vllm=("deepseek_v4",), sglang=("deepseekv4",), trtllm=("deepseek_v4",)),
    ),
    THINK,
    OFF_UNLESS_ON,
    added_tokens=THINK_TOKENS,
    engines=Native(vllm=("deepseek_v4",), sglang=("deepseek-v4",), trtllm=("deepseek_v4",)),
)
