"""GigaChat 3.5 (Sber).

<｜GCML｜tool_calls>
<｜GCML｜invoke name="get_weather">
<｜GCML｜parameter name="city" string="true">Paris</｜GCML｜parameter>
</｜GCML｜invoke>
</｜GCML｜tool_calls>

DeepSeek's DSML under another name: the attribute `string` says whether a value is text or JSON.
"""

from __future__ import annotations

from ..arguments.tags import Tags
from ..format import THINK, Span
from ..rows import ON_UNLESS_OFF, THINK_TOKENS, Native, ReasoningRow, ToolRow
from ..shapes.tagged import Tagged, sample_of
from .gigachat3 import GIGACHAT_ENDS

GIGACHAT35 = Tagged(
    sample=sample_of(__doc__),
    sections=(Span("<｜GCML｜tool_calls>", "</｜GCML｜tool_calls>"),),
    call=Span("<｜GCML｜invoke name=", "</｜GCML｜invoke>"),
    arguments=Tags(
        open="<｜GCML｜parameter name=",
        close="</｜GCML｜parameter>",
        typed_by="string",
        closes=("</", "</｜GCML｜"),
    ),
)

ROWS = (
    ToolRow(
        "gigachat35",
        GIGACHAT35,
        "GigaChat 3.5",
        pairs=("gigachat35",),
        added_tokens=("｜GCML｜",),
        turn_end=GIGACHAT_ENDS[0],
        turn_ends=GIGACHAT_ENDS,
        model_types=("gigachat3_5",),
        engines=Native(sglang=("gigachat35",)),
    ),
    ReasoningRow(
        "gigachat35",
        THINK,
        "GigaChat 3.5",
        ON_UNLESS_OFF,
        added_tokens=THINK_TOKENS,
        turn_ends=GIGACHAT_ENDS,
        engines=Native(sglang=("gigachat35",)),
    ),
)
