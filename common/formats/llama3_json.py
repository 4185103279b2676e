"""Llama 3.1, 3.2, 3.3 (Meta).

<|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris"}}

The tag may be missing where the call starts the reply or a line; several calls are separated by `;`.
"""

from __future__ import annotations

from ..format import Span
from ..recovery import recovering
from .json_calls import JsonCalls
from .tagged import sample_of

LLAMA3_JSON = JsonCalls(
    sample=sample_of(__doc__),
    spans=(Span("<|python_tag|>", ""),),
    bare=recovering("calls without any marker", "line", off="", contract="Unmarked calls"),
)
