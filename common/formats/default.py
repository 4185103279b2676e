"""What Dynamo reads where no parser is named: Llama-Nemotron's tags, or Llama 3's.

<TOOLCALL>[{"name": "get_weather", "arguments": {"city": "Paris"}}]</TOOLCALL>

Or `<|python_tag|>` before the calls.
"""

from __future__ import annotations

from ..format import Span
from ..recovery import recovering
from .json_calls import JsonCalls
from .nemotron_deci import SPAN
from .tagged import sample_of

DEFAULT = JsonCalls(
    sample=sample_of(__doc__),
    spans=(SPAN, Span("<|python_tag|>", "")),
    bare=recovering("calls without any marker", "start", off="", contract="Unmarked JSON"),
)
