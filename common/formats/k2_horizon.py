"""K2 Horizon (MBZUAI IFM).

<ifm|tool_calls>
<ifm|tool_call>get_weather
<ifm|arg_key>city</ifm|arg_key><ifm|arg_value>Paris</ifm|arg_value>
</ifm|tool_call>
</ifm|tool_calls>

Values are typed by the tool's schema, or by `<ifm|arg_type>integer</ifm|arg_type>` before them if a request's template
arguments say `tool_call_format: xml_typed`. With `json` a call is `{"name": ..., "arguments": {...}}` between the tags.
Each effort has reasoning markers of its own.
"""

from ..arguments.tags import Tags
from ..format import Span, Think
from ..rows import NEVER_CHANGED, Native, ToolRow, family
from ..shapes.tagged import Tagged, sample_of

_CALL = Span("<ifm|tool_call>", "</ifm|tool_call>")

K2_HORIZON = Tagged(
    sample=sample_of(__doc__),
    sections=(Span("<ifm|tool_calls>", "</ifm|tool_calls>"),),
    call=_CALL,
    name_end=(),
    arguments=Tags(
        open="<ifm|arg_key>",
        name_end=("</ifm|arg_key>", "<ifm|arg_value>"),
        close="</ifm|arg_value>",
        typed_in=("<ifm|arg_type>", "</ifm|arg_type>"),
    ),
)

_EFFORTS = ("think", "think_fast", "think_faster")

ROWS = family(
    ToolRow(
        "k2_horizon",
        K2_HORIZON,
        "K2 Horizon",
        added_tokens=tuple(sorted(K2_HORIZON.markers)),
        turn_ends=("<|endoftext|>",),
        model_types=("k2_horizon",),
        engines=Native(vllm=("k2_horizon",), sglang=("k2_horizon",)),
    ),
    Think(tuple(f"<ifm|{each}>" for each in _EFFORTS), tuple(f"</ifm|{each}>" for each in _EFFORTS)),
    NEVER_CHANGED,
    added_tokens=tuple(f"<{end}ifm|{each}>" for each in _EFFORTS for end in ("", "/")),
)
