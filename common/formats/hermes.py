"""Hermes (Nous Research), and Qwen2.5 / Qwen3 without a coder template.

<tool_call>
{"name": "get_weather", "arguments": {"city": "Paris"}}
</tool_call>

One call a tag, or an array of them. Qwen2.5-Coder writes a call without the tags, alone or in a code fence.
"""

from __future__ import annotations

from ..format import THINK, Span
from ..rows import OUTSIDE, QWEN_ENDS, THINK_TOKENS, Native, ReasoningRow, ToolRow
from ..shapes.json_calls import JsonCalls
from ..shapes.tagged import sample_of

HERMES = JsonCalls(sample=sample_of(__doc__), spans=(Span("<tool_call>", "</tool_call>"),), bare="start")

ROWS = (
    ToolRow(
        "hermes",
        HERMES,
        "Hermes 2/3/4, Qwen2.5, Qwen3",
        pairs=("qwen3", "basic"),
        aliases=("qwen25",),
        added_tokens=("<tool_call>", "</tool_call>"),
        turn_ends=QWEN_ENDS,
        model_types=("qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "qwen3_next"),
        engines=Native(vllm=("hermes", "qwen3_json"), sglang=("hermes", "qwen25", "qwen"), trtllm=("qwen3",)),
    ),
    ReasoningRow(
        "qwen3",
        THINK,
        "Qwen3, Qwen3.5, Qwen3.6, QwQ",
        OUTSIDE,
        aliases=("qwen3_coder",),
        added_tokens=THINK_TOKENS,
        turn_ends=QWEN_ENDS,
        engines=Native(vllm=("qwen3",), sglang=("qwen3",), trtllm=("qwen3",)),
    ),
)
