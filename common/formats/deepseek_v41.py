"""DeepSeek V4.1, in DSML.

<｜DSML｜ calls>
<｜DSML｜ invoke name="get_weather">
<｜DSML｜ parameter name="city" string="true">Paris</｜DSML｜ parameter>
</｜DSML｜ invoke>
</｜DSML｜ calls>

A space comes before each tag's name; the body of a call may also be one JSON object.
"""

from ..format import THINK
from ..rows import DEEPSEEK_END, OFF_UNLESS_ON, THINK_TOKENS, Native, ToolRow, family
from ..shapes.tagged import sample_of
from .deepseek_v3_2 import dsml

DEEPSEEK_V41 = dsml(sample_of(__doc__), bar="｜DSML｜ ")

ROWS = family(
    ToolRow(
        "deepseek_v41",
        DEEPSEEK_V41,
        "DeepSeek V4.1",
        added_tokens=("｜DSML｜",),
        turn_end=DEEPSEEK_END,
        model_types=("deepseek_v4",),
        engines=Native(vllm=("deepseek_v41",), sglang=("deepseekv41",)),
    ),
    THINK,
    OFF_UNLESS_ON,
    added_tokens=THINK_TOKENS,
    engines=Native(vllm=("deepseek_v41",), sglang=("deepseek-v41",)),
)
