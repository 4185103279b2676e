"""DeepSeek V3.1.

<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{"city": "Paris"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>

The markers are V3's, without the call's type and the code fence; these are read if a model writes them.
"""  # noqa: E501

from ..arguments.json_object import JsonObject
from ..recovery import drift, rule
from ..rows import DEEPSEEK_END, Native, ToolRow
from ..shapes.tagged import Tagged, sample_of
from .deepseek_v3 import CALL, SECTIONS, SEPARATOR, TOKENS, TYPE

DEEPSEEK_V3_1 = Tagged(
    sample=sample_of(__doc__),
    sections=SECTIONS,
    call=CALL,
    before_name=drift("V3's type of a call", TYPE),
    name_end=(SEPARATOR,),
    arguments=JsonObject(fenced=rule("V3's code fence around the arguments")),
)

ROWS = (
    ToolRow(
        "deepseek_v3_1",
        DEEPSEEK_V3_1,
        "DeepSeek V3.1",
        pairs=("deepseek_v3_1", "deepseek_v3"),
        added_tokens=TOKENS,
        turn_end=DEEPSEEK_END,
        model_types=("deepseek_v3",),
        engines=Native(vllm=("deepseek_v31",), sglang=("deepseekv31",), trtllm=("deepseek_v31",)),
    ),
)
