"""Hermes (Nous Research), Qwen2.5 / Qwen3 without a coder template, Granite 4 and ERNIE 4.5.

<tool_call>
{"name": "get_weather", "arguments": {"city": "Paris"}}
</tool_call>

One call per tag, or an array of them. Qwen2.5-Coder writes a call without the tags, alone or in a code fence.
"""

from ..format import THINK, Span
from ..recovery import drift
from ..rows import OUTSIDE, QWEN_ENDS, THINK_TOKENS, Native, ReasoningRow, ToolRow
from ..shapes.json_calls import JsonCalls
from ..shapes.tagged import sample_of

HERMES = JsonCalls(sample=sample_of(__doc__), spans=(Span("<tool_call>", "</tool_call>"),))

_GRANITE_ENDS = drift("what may end a reply of Granite 4", "<|end_of_text|>", contract="Turn ends")

ROWS = (
    ToolRow(
        "hermes",
        HERMES,
        "Hermes 2/3/4, Qwen2.5, Qwen3, QwQ, Granite 4, ERNIE 4.5, Trinity, Ling 2",
        pairs=("qwen3", "basic", "ernie45"),
        added_tokens=("<tool_call>", "</tool_call>"),
        turn_ends=(*QWEN_ENDS, *_GRANITE_ENDS),
        model_types=(
            *("qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "qwen3_next"),
            *("granitemoehybrid", "ernie4_5", "ernie4_5_moe", "afmoe", "bailing_moe", "bailing_moe_v2"),
        ),
        engines=Native(
            vllm=("hermes", "qwen3_json", "granite4", "ernie45"),
            sglang=("hermes", "qwen25", "qwen", "trinity"),
            trtllm=("qwen3",),
        ),
    ),
    ReasoningRow(
        "qwen3",
        THINK,
        "Qwen3, Qwen3.5, Qwen3.6, QwQ, MiMo, Intern-S1, Nanbeige, Dots",
        OUTSIDE,
        aliases=("qwen3_coder",),
        added_tokens=THINK_TOKENS,
        turn_ends=QWEN_ENDS,
        engines=Native(
            vllm=("qwen3", "mimo"), sglang=("qwen3", "mimo", "interns1", "nanbeige", "dots"), trtllm=("qwen3",)
        ),
    ),
)
