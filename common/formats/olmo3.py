"""Olmo 3 (Ai2).

<function_calls>
get_weather(city="Paris")
</function_calls>

A call in Python on each line; values may be JSON's words (`true`, `false`, `null`).
"""

from ..format import THINK, Span
from ..rows import NEVER_CHANGED, QWEN_ENDS, Native, ReasoningRow, ToolRow
from ..shapes.json_calls import JsonCalls
from ..shapes.pythonic import Pythonic
from ..shapes.tagged import sample_of

OLMO3 = Pythonic(
    sample=sample_of(__doc__),
    as_json=JsonCalls(sample="", spans=(Span("<function_calls>", "</function_calls>"),)),
    bare="line",
)

ROWS = (
    ToolRow(
        "olmo3",
        OLMO3,
        "Olmo 3",
        pairs=("basic", "olmo3"),
        turn_ends=QWEN_ENDS,
        model_types=("olmo3",),
        engines=Native(vllm=("olmo3",)),
    ),
    ReasoningRow(
        "olmo3",
        THINK,
        "Olmo 3 Think",
        NEVER_CHANGED,
        turn_ends=QWEN_ENDS,
        engines=Native(vllm=("olmo3",)),
    ),
)
