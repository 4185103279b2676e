"""LFM2, LFM2.5 (Liquid AI).

<|tool_call_start|>[get_weather(city="Paris")]<|tool_call_end|>

A list of calls in Python, or JSON in the same markers if the system prompt asks for it. Without a marker nothing is a
call: a reply may hold a list.
"""

from ..format import Span
from ..recovery import drift
from ..rows import Native, ToolRow
from ..shapes.json_calls import JsonCalls
from ..shapes.pythonic import Pythonic
from ..shapes.tagged import sample_of

LFM2 = Pythonic(
    sample=sample_of(__doc__),
    as_json=JsonCalls(sample="", spans=(Span("<|tool_call_start|>", "<|tool_call_end|>"),)),
)


ROWS = (
    ToolRow(
        "lfm2",
        LFM2,
        "LFM2, LFM2.5",
        special_tokens=("<|tool_call_start|>", "<|tool_call_end|>"),
        turn_ends=drift("what may end a reply of LFM2", "<|endoftext|>", contract="Turn ends"),
        model_types=("lfm2", "lfm2_moe", "lfm2_vl"),
        engines=Native(vllm=("lfm2",), sglang=("lfm2",)),
    ),
)
