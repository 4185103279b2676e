"""Llama-Nemotron (NVIDIA).

<TOOLCALL>[{"name": "get_weather", "arguments": {"city": "Paris"}}]</TOOLCALL>

One array a tag, or a single call.
"""

from __future__ import annotations

from ..format import Span
from ..recovery import recovering
from .json_calls import JsonCalls
from .tagged import sample_of

SPAN = Span("<TOOLCALL>", "</TOOLCALL>")

NEMOTRON_DECI = JsonCalls(
    sample=sample_of(__doc__),
    spans=(SPAN,),
    bare=recovering("calls without any marker", "start", off="", contract="Unmarked JSON"),
)
