"""Granite-20B-FunctionCalling (IBM).

<function_call> {"name": "get_weather", "arguments": {"city": "Paris"}}

Each call has an opener of its own, which nothing closes. A model that has no function to call may write a call of
`no_function`.
"""

from ..format import Span
from ..rows import Native, ToolRow
from ..shapes.json_calls import JsonCalls
from ..shapes.tagged import sample_of

GRANITE_20B_FC = JsonCalls(
    sample=sample_of(__doc__),
    spans=(Span("<function_call>", ""),),
)

ROWS = (
    ToolRow(
        "granite_20b_fc",
        GRANITE_20B_FC,
        "Granite-20B-FunctionCalling",
        turn_end="<|endoftext|>",
        model_types=("gpt_bigcode",),
        engines=Native(vllm=("granite-20b-fc",)),
    ),
)
