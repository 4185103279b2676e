"""xLAM 2 (Salesforce).

[{"name": "get_weather", "arguments": {"city": "Paris"}}]

One array without a marker, perhaps in a code fence, directly after reasoning or on a line of its own after text. xLAM
may also write the tags of Hermes around it, or `[TOOL_CALLS]` before it.
"""

from ..format import Span
from ..recovery import recovering
from ..rows import LLAMA_ENDS, Native, ToolRow
from ..shapes.json_calls import JsonCalls
from ..shapes.tagged import sample_of

XLAM = JsonCalls(
    sample=sample_of(__doc__),
    spans=(Span("<tool_call>", "</tool_call>"), Span("[TOOL_CALLS]", "")),
    bare=recovering("calls without any marker", "line", off="", contract="Unmarked calls"),
)

ROWS = (
    ToolRow(
        "xlam",
        XLAM,
        "xLAM 2",
        turn_ends=LLAMA_ENDS,
        engines=Native(vllm=("xlam",)),
    ),
)
