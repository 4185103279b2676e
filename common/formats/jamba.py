"""Jamba (AI21).

<tool_calls>[
    {"name": "get_weather", "arguments": {"city": "Paris"}}
]</tool_calls>

One array.
"""

from __future__ import annotations

from ..format import Span
from ..recovery import drift, recovering
from ..rows import Native, ToolRow
from ..shapes.json_calls import JsonCalls
from ..shapes.tagged import sample_of

JAMBA = JsonCalls(
    sample=sample_of(__doc__),
    spans=(Span("<tool_calls>", "</tool_calls>"),),
    bare=recovering("calls without any marker", "start", off="", contract="Unmarked JSON"),
)

_JAMBA_ENDS = drift("what may end a reply of Jamba", "<|endoftext|>", contract="Turn ends")

ROWS = (
    ToolRow(
        "jamba",
        JAMBA,
        "Jamba 1.5, 1.6, 1.7",
        pairs=("basic",),
        added_tokens=("<tool_calls>", "</tool_calls>"),
        turn_end="<|eom|>",
        turn_ends=_JAMBA_ENDS,
        model_types=("jamba",),
        engines=Native(vllm=("jamba",)),
    ),
)
