"""Hermes (Nous Research), and Qwen2.5 / Qwen3 without a coder template.

<tool_call>
{"name": "get_weather", "arguments": {"city": "Paris"}}
</tool_call>

One call a tag, or an array of them. Qwen2.5-Coder writes a call without the tags, alone or in a code fence.
"""

from __future__ import annotations

from ..format import Span
from .json_calls import JsonCalls
from .tagged import sample_of

HERMES = JsonCalls(sample=sample_of(__doc__), spans=(Span("<tool_call>", "</tool_call>"),), bare="start")
