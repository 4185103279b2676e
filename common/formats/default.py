"""What Dynamo reads if no parser is named: Llama-Nemotron's tags, or Llama 3's.

<TOOLCALL>[{"name": "get_weather", "arguments": {"city": "Paris"}}]</TOOLCALL>

Or `<|python_tag|>` before the calls.
"""

from ..format import THINK, Span
from ..rows import LLAMA_ENDS, OUTSIDE, THINK_TOKENS, ReasoningRow, ToolRow
from ..shapes.json_calls import JsonCalls
from ..shapes.tagged import sample_of
from .nemotron_deci import SPAN

DEFAULT = JsonCalls(
    sample=sample_of(__doc__),
    spans=(SPAN, Span("<|python_tag|>", "")),
)

ROWS = (
    ToolRow(
        "default",
        DEFAULT,
        "models without a parser of their own",
        special_tokens=("<|python_tag|>",),
        turn_end="<|eot_id|>",
        turn_ends=LLAMA_ENDS,
    ),
    ReasoningRow("basic", THINK, "any model that writes `<think>`", OUTSIDE, added_tokens=THINK_TOKENS),
)
