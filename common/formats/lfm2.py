"""LFM2, LFM2.5 (Liquid AI).

<|tool_call_start|>[get_weather(city="Paris")]<|tool_call_end|>

A list of calls in Python; JSON in the same markers where the system prompt asks for it. Without a marker nothing is a
call: a reply may hold a list.
"""

from __future__ import annotations

from ..format import Span
from .json_calls import JsonCalls
from .pythonic import Pythonic
from .tagged import sample_of

LFM2 = Pythonic(
    sample=sample_of(__doc__),
    as_json=JsonCalls(sample="", spans=(Span("<|tool_call_start|>", "<|tool_call_end|>"),)),
    bare="",
)
