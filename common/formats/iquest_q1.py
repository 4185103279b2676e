"""IQuest Q1.

<iquest_tool_call>get_weather
<arg_key>city</arg_key><arg_value>Paris</arg_value>
</iquest_tool_call>

GLM's keys between other markers. Newlines may come between the parts; values are typed by the tool's schema.
"""

from ..arguments.tags import Tags
from ..format import Span
from ..rows import QWEN_ENDS, Native, ToolRow
from ..shapes.tagged import Tagged, sample_of

IQUEST_Q1 = Tagged(
    sample=sample_of(__doc__),
    call=Span("<iquest_tool_call>", "</iquest_tool_call>"),
    name_end=(),
    arguments=Tags(open="<arg_key>", name_end=("</arg_key>", "<arg_value>"), close="</arg_value>"),
)

ROWS = (
    ToolRow(
        "iquest_q1",
        IQUEST_Q1,
        "IQuest Q1",
        pairs=("iquest_q1",),
        added_tokens=("<iquest_tool_call>", "</iquest_tool_call>"),
        turn_end="<|iquest_end|>",
        turn_ends=QWEN_ENDS,
        model_types=("iquest_q1",),
        engines=Native(sglang=("iquest_q1",)),
    ),
)
