"""Jamba (AI21).

<tool_calls>[
    {"name": "get_weather", "arguments": {"city": "Paris"}}
]</tool_calls>

One array.
"""

from __future__ import annotations

from ..format import Span
from ..recovery import recovering
from .json_calls import JsonCalls
from .tagged import sample_of

JAMBA = JsonCalls(
    sample=sample_of(__doc__),
    spans=(Span("<tool_calls>", "</tool_calls>"),),
    bare=recovering("calls without any marker", "start", off="", contract="Unmarked JSON"),
)
