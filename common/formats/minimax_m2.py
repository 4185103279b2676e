"""MiniMax M2, M2.5, M2.7.

<minimax:tool_call>
<invoke name="get_weather">
<parameter name="city">Paris</parameter>
</invoke>
</minimax:tool_call>

Values are typed by the tool's schema; every character between the tags is the value's.
"""

from ..arguments.tags import Tags
from ..format import THINK, Span
from ..recovery import drift
from ..rows import MINIMAX_END, NEVER_CHANGED, ON_UNLESS_OFF, THINK_TOKENS, Native, ReasoningRow, ToolRow, family
from ..shapes.tagged import Tagged, sample_of

PLAIN_SECTIONS = drift(
    "a section without its family's marks",
    *(Span(f"<{name}>", f"</{name}>") for name in ("tool_calls", "function_calls", "tool_call")),
    contract="Bare invokes",
)
"""Tags that models write around `<invoke name=` instead of the section of their family."""
SECTIONS = (
    Span("<minimax:tool_call>", "</minimax:tool_call>"),
    *drift(
        "the section's name in the plural",
        Span("<minimax:tool_calls>", "</minimax:tool_calls>"),
        contract="Section names",
    ),
    *PLAIN_SECTIONS,
)

MINIMAX_M2 = Tagged(
    sample=sample_of(__doc__),
    sections=SECTIONS,
    call=Span("<invoke name=", "</invoke>"),
    arguments=Tags(open="<parameter name=", close="</parameter>"),
)

ROWS = (
    *family(
        ToolRow(
            "minimax_m2",
            MINIMAX_M2,
            "MiniMax M2, M2.5, M2.7",
            pairs=("minimax_m2", "minimax_append_think"),
            added_tokens=("<minimax:tool_call>", "</minimax:tool_call>"),
            turn_end=MINIMAX_END,
            model_types=("minimax_m2",),
            engines=Native(vllm=("minimax_m2",), sglang=("minimax-m2",), trtllm=("minimax_m2",)),
        ),
        THINK,
        ON_UNLESS_OFF,
        added_tokens=THINK_TOKENS,
        engines=Native(vllm=("minimax_m2",), sglang=("minimax",), trtllm=("minimax_m2",)),
    ),
    ReasoningRow(
        "minimax_append_think",
        THINK,
        "MiniMax M2, for clients that read `<think>` themselves",
        NEVER_CHANGED,
        added_tokens=THINK_TOKENS,
        turn_ends=(MINIMAX_END,),
        splits=False,
        engines=Native(
            vllm=("minimax_m2_append_think",), sglang=("minimax-append-think",), trtllm=("minimax_m2_append_think",)
        ),
    ),
)
