"""GigaChat 3.5 (Sber).

<｜GCML｜tool_calls>
<｜GCML｜invoke name="get_weather">
<｜GCML｜parameter name="city" string="true">Paris</｜GCML｜parameter>
</｜GCML｜invoke>
</｜GCML｜tool_calls>

DeepSeek's DSML under another name: the attribute `string` says whether a value is text or JSON.
"""

from ..format import THINK
from ..rows import ON_UNLESS_OFF, THINK_TOKENS, Native, ToolRow, family
from ..shapes.tagged import sample_of
from .deepseek_v3_2 import dsml
from .gigachat3 import GIGACHAT_ENDS

_BAR = "｜GCML｜"

GIGACHAT35 = dsml(sample_of(__doc__), _BAR, (_BAR,))

ROWS = family(
    ToolRow(
        "gigachat35",
        GIGACHAT35,
        "GigaChat 3.5",
        added_tokens=(_BAR,),
        turn_end=GIGACHAT_ENDS[0],
        turn_ends=GIGACHAT_ENDS,
        model_types=("gigachat3_5",),
        engines=Native(sglang=("gigachat35",)),
    ),
    THINK,
    ON_UNLESS_OFF,
    added_tokens=THINK_TOKENS,
)
