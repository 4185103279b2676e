"""Apertus (Swiss AI Initiative).

<|tools_prefix|>[{"get_weather": {"city": "Paris"}}]<|tools_suffix|>

One array; the name of a call is the key of its arguments. The model deliberates between `<|inner_prefix|>` and
`<|inner_suffix|>`, and may call tools there.
"""

from ..format import Span, Think
from ..rows import OUTSIDE, Native, ToolRow, family
from ..shapes.json_calls import JsonCalls
from ..shapes.tagged import sample_of

APERTUS = JsonCalls(
    sample=sample_of(__doc__),
    spans=(Span("<|tools_prefix|>", "<|tools_suffix|>"),),
    keyed=True,
)


ROWS = family(
    ToolRow(
        "apertus",
        APERTUS,
        "Apertus",
        special_tokens=("<|tools_prefix|>", "<|tools_suffix|>"),
        turn_end="<|assistant_end|>",
        model_types=("apertus",),
        engines=Native(vllm=("apertus",), sglang=("apertus2509",)),
    ),
    Think(("<|inner_prefix|>",), ("<|inner_suffix|>",)),
    OUTSIDE,
    special_tokens=("<|inner_prefix|>", "<|inner_suffix|>"),
    engines=Native(sglang=("apertus2509",)),
)
