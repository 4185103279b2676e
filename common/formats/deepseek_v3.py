"""DeepSeek V3 and R1.

<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather
```json
{"city": "Paris"}
```<｜tool▁call▁end｜><｜tool▁calls▁end｜>

`function` is the call's type; there is no other.
"""

from ..arguments.json_object import JsonObject
from ..format import THINK, Span
from ..recovery import drift
from ..rows import DEEPSEEK_END, OFF_UNLESS_ON, ON_UNLESS_OFF, THINK_TOKENS, Native, ReasoningRow, ToolRow
from ..shapes.tagged import Tagged, sample_of

SECTION = Span("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>")
SECTIONS = (
    SECTION,
    *drift(
        "the section as distilled models write it",
        Span("<｜tool_calls_begin｜>", "<｜tool_calls_end｜>"),
        Span("<｜tool calls begin｜>", "<｜tool calls end｜>"),
        Span("<｜tool\\_calls\\_begin｜>", "<｜tool\\_calls\\_end｜>"),
        Span("<｜tool▁calls｜>", "<｜/tool▁calls｜>"),
        contract="Section names",
    ),
)
CALL = Span("<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>")
SEPARATOR = "<｜tool▁sep｜>"

TOKENS = (SECTION.open, SECTION.close, CALL.open, CALL.close, SEPARATOR)
"""Those of the markers that are tokens."""

TYPE = f"function{SEPARATOR}"

DEEPSEEK_V3 = Tagged(
    sample=sample_of(__doc__),
    sections=SECTIONS,
    call=CALL,
    before_name=(TYPE,),
    name_end=(SEPARATOR,),
    arguments=JsonObject(fenced=True),
)

ROWS = (
    ToolRow(
        "deepseek_v3",
        DEEPSEEK_V3,
        "DeepSeek V3, V3-0324, R1",
        pairs=("deepseek_v3", "deepseek_r1"),
        added_tokens=TOKENS,
        turn_end=DEEPSEEK_END,
        between="\n",
        model_types=("deepseek_v3",),
        engines=Native(vllm=("deepseek_v3",), sglang=("deepseekv3",), trtllm=("deepseek_v3",)),
    ),
    ReasoningRow(
        "deepseek_r1",
        THINK,
        "DeepSeek R1",
        ON_UNLESS_OFF,
        added_tokens=THINK_TOKENS,
        turn_ends=(DEEPSEEK_END,),
        engines=Native(vllm=("deepseek_r1",), sglang=("deepseek-r1",), trtllm=("deepseek-r1",)),
    ),
    ReasoningRow(
        "deepseek_v3",
        THINK,
        "DeepSeek V3, V3.1",
        OFF_UNLESS_ON,
        aliases=("deepseek_v3_1",),
        added_tokens=THINK_TOKENS,
        turn_ends=(DEEPSEEK_END,),
        engines=Native(vllm=("deepseek_v3",), sglang=("deepseek-v3",)),
    ),
)
