"""Llama 3.1, 3.2, 3.3 (Meta).

<|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris"}}

The tag may be missing if the call starts the reply or a line; several calls are separated by `;`. The template of
Llama 4 writes calls after `<|python_start|><|python_end|>`, and text between the two.
"""

from ..format import Span
from ..recovery import recovering
from ..rows import LLAMA_ENDS, Native, ToolRow
from ..shapes.json_calls import JsonCalls
from ..shapes.tagged import sample_of

LLAMA3_JSON = JsonCalls(
    sample=sample_of(__doc__),
    spans=(
        Span("<|python_tag|>", ""),
        Span("<|python_start|>", "<|python_end|>"),
        Span("<|python_start|><|python_end|>", ""),
        Span("<|python_end|>", ""),
    ),
    bare=recovering("calls without any marker", "line", off="", contract="Unmarked calls"),
)

ROWS = (
    ToolRow(
        "llama3_json",
        LLAMA3_JSON,
        "Llama 3.1, 3.2, 3.3",
        special_tokens=("<|python_tag|>",),
        turn_end="<|eot_id|>",
        turn_ends=LLAMA_ENDS,
        between="; ",
        model_types=("llama4",),
        engines=Native(vllm=("llama3_json", "llama4_json"), sglang=("llama3",)),
    ),
)
