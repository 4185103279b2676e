"""Phi-4-mini (Microsoft).

functools[{"name": "get_weather", "arguments": {"city": "Paris"}}]

The opener is an ordinary word. Phi-4-mini also writes the array between `<|tool_call|>` and `<|/tool_call|>`, or, as
some templates tell it to, between `<|tool_calls|>` and `<|/tool_calls|>`.
"""

from ..format import Span
from ..recovery import drift
from ..rows import Native, ToolRow
from ..shapes.json_calls import JsonCalls
from ..shapes.tagged import sample_of

PHI4 = JsonCalls(
    sample=sample_of(__doc__),
    spans=(
        Span("functools", ""),
        *drift(
            "tags around the array",
            Span("<|tool_call|>", "<|/tool_call|>"),
            Span("<|tool_calls|>", "<|/tool_calls|>"),
        ),
    ),
)


ROWS = (
    ToolRow(
        "phi4",
        PHI4,
        "Phi-4-mini",
        special_tokens=("<|tool_call|>", "<|/tool_call|>"),
        turn_end="<|end|>",
        turn_ends=drift("what may end a reply of Phi", "<|endoftext|>", contract="Turn ends"),
        model_types=("phi3", "phi4mm"),
        engines=Native(vllm=("phi4_mini_json",)),
    ),
)
