"""Dots (rednote-hilab).

<dots_function_call>
<invoke name="get_weather">
<parameter name="city">Paris</parameter>
</invoke>
</dots_function_call>

MiniMax M2's tags in a section of its own, which may also hold a call as JSON. Values are typed by the tool's schema;
every character between the tags is the value's.
"""

from ..format import Span
from ..rows import Native, ToolRow
from ..shapes.tagged import Tagged, sample_of
from .minimax_m2 import MINIMAX_M2, PLAIN_SECTIONS

_SECTION = Span("<dots_function_call>", "</dots_function_call>")

DOTS = Tagged(
    sample=sample_of(__doc__),
    # Not <tool_call>: `qwen3` without a tool parser reads the calls of all its partners, and would hold Hermes' in it.
    sections=(_SECTION, *PLAIN_SECTIONS[:2]),
    call=MINIMAX_M2.call,
    arguments=MINIMAX_M2.arguments,
)

ROWS = (
    ToolRow(
        "dots",
        DOTS,
        "Dots 3",
        pairs=("qwen3", "basic"),
        added_tokens=(_SECTION.open, _SECTION.close),
        turn_end="<|endofassistant|>",
        model_types=("dots3_note", "dots1"),
        engines=Native(vllm=("dots",), sglang=("dots",)),
    ),
)
