"""MiniMax M3.

]<]minimax[>[<tool_call>
]<]minimax[>[<invoke name="get_weather">]<]minimax[>[<city>Paris]<]minimax[>[</city>]<]minimax[>[</invoke>
]<]minimax[>[</tool_call>

The namespace token comes before every tag, and a parameter's name is its tag. The tags of the calls are also read
without the token, which the model sometimes leaves out or doubles.
"""

from ..arguments.elements import NAMESPACE
from ..arguments.minimax_m3 import MinimaxM3Values
from ..format import Span, Think
from ..recovery import drift
from ..rows import MINIMAX_END, Native, Starts, ToolRow, family
from ..shapes.tagged import Tagged, sample_of
from .minimax_m2 import SECTIONS

MINIMAX_M3 = Tagged(
    sample=sample_of(__doc__),
    sections=(
        Span(f"{NAMESPACE}<tool_call>", f"{NAMESPACE}</tool_call>"),
        *drift(
            "the section's tags with the token twice, without it, or as M2 has them",
            Span(f"{NAMESPACE * 2}<tool_call>", f"{NAMESPACE * 2}</tool_call>"),
            *SECTIONS,
            # Not the plain tags: after the token, such a tag may be a parameter's name.
            *(Span(f"{NAMESPACE}{each.open}", f"{NAMESPACE}{each.close}") for each in SECTIONS if ":" in each.open),
            contract="Section names",
        ),
    ),
    call=Span(f"{NAMESPACE}<invoke name=", f"{NAMESPACE}</invoke>"),
    spellings=drift(
        "a call's tags with the token twice, without it, or without their bracket",
        Span(f"{NAMESPACE * 2}<invoke name=", f"{NAMESPACE * 2}</invoke>"),
        Span("<invoke name=", "</invoke>"),
        Span(f"{NAMESPACE}invoke name=", f"{NAMESPACE}/invoke>"),
    ),
    arguments=MinimaxM3Values(),
)

ROWS = family(
    ToolRow(
        "minimax_m3",
        MINIMAX_M3,
        "MiniMax M3",
        aliases=("minimax-m3", "minimax_m3_nom", "minimax-m3-nom"),
        added_tokens=("]<]minimax[>[",),
        turn_end=MINIMAX_END,
        model_types=("minimax_m3",),
        engines=Native(vllm=("minimax_m3",), sglang=("minimax-m3",), trtllm=("minimax_m3",)),
    ),
    Think(
        (
            "<mm:think>",
            *drift("the token before a tag of reasoning", f"{NAMESPACE}<mm:think>", contract="No markers in text"),
        ),
        (
            "</mm:think>",
            *drift("the token before a tag of reasoning", f"{NAMESPACE}</mm:think>", contract="No markers in text"),
        ),
    ),
    Starts(inside=False, switch="mode"),
    aliases=("minimax-m3",),
    added_tokens=("<mm:think>", "</mm:think>"),
)
