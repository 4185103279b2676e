"""Jamba (AI21), and Hunyuan-A13B (Tencent).

<tool_calls>[
    {"name": "get_weather", "arguments": {"city": "Paris"}}
]</tool_calls>

One array.
"""

from ..format import Span
from ..recovery import drift
from ..rows import Native, ToolRow
from ..shapes.json_calls import JsonCalls
from ..shapes.tagged import sample_of

JAMBA = JsonCalls(
    sample=sample_of(__doc__),
    spans=(Span("<tool_calls>", "</tool_calls>"),),
)

_JAMBA_ENDS = drift("what may end a reply of Jamba or Hunyuan-A13B", "<|endoftext|>", "<|eos|>", contract="Turn ends")

ROWS = (
    ToolRow(
        "jamba",
        JAMBA,
        "Jamba 1.5, 1.6, 1.7, Hunyuan-A13B",
        pairs=("basic", "hunyuan_a13b"),
        added_tokens=("<tool_calls>", "</tool_calls>"),
        turn_end="<|eom|>",
        turn_ends=_JAMBA_ENDS,
        model_types=("jamba", "hunyuan_v1_moe"),
        engines=Native(vllm=("jamba", "hunyuan_a13b")),
    ),
)
