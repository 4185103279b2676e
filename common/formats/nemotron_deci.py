"""Llama-Nemotron (NVIDIA).

<TOOLCALL>[{"name": "get_weather", "arguments": {"city": "Paris"}}]</TOOLCALL>

One array per tag, or a single call.
"""

from ..format import THINK, Span
from ..rows import LLAMA_ENDS, OUTSIDE, THINK_TOKENS, ToolRow, family
from ..shapes.json_calls import JsonCalls
from ..shapes.tagged import sample_of

SPAN = Span("<TOOLCALL>", "</TOOLCALL>")

NEMOTRON_DECI = JsonCalls(
    sample=sample_of(__doc__),
    spans=(SPAN,),
)

ROWS = family(
    ToolRow(
        "nemotron_deci",
        NEMOTRON_DECI,
        "Llama-Nemotron Super and Ultra",
        turn_end="<|eot_id|>",
        turn_ends=LLAMA_ENDS,
        model_types=("nemotron-nas",),
    ),
    THINK,
    OUTSIDE,
    added_tokens=THINK_TOKENS,
)
