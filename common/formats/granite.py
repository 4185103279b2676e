"""Granite 3.0 to 3.3 (IBM).

<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Paris"}}]

One array, which nothing closes. Granite 3.1 writes `<tool_call>` before it, in plain text. Granite 3.2
thinks between two sentences, 3.3 in tags. Granite 4 writes the calls of Hermes, and Granite 4.2 those of Qwen3-Coder.
"""

from ..format import Span, Think
from ..rows import OUTSIDE, Native, ToolRow, family
from ..shapes.json_calls import JsonCalls
from ..shapes.tagged import sample_of

GRANITE = JsonCalls(
    sample=sample_of(__doc__),
    spans=(Span("<|tool_call|>", ""), Span("<tool_call>", "</tool_call>")),
)

GRANITE_END = "<|end_of_text|>"

ROWS = family(
    ToolRow(
        "granite",
        GRANITE,
        "Granite 3.0 to 3.3",
        special_tokens=("<|tool_call|>",),
        turn_end=GRANITE_END,
        model_types=("granite", "granitemoe"),
        engines=Native(vllm=("granite",)),
    ),
    Think(
        ("Here's my thought process:", "Here is my thought process:", "<think>"),
        ("Here's my response:", "Here is my response:", "</think>"),
        words=frozenset({"Here's my thought process:", "Here is my thought process:"}),
        answers=(Span("<response>", "</response>"),),
    ),
    OUTSIDE,
    models="Granite 3.2, 3.3",
)
