"""LongCat-Flash (Meituan).

<longcat_tool_call>
{"name": "get_weather", "arguments": {"city": "Paris"}}
</longcat_tool_call>

Hermes's markup in other tags, one call per tag. From LongCat-Flash-Thinking-2601 on, and in Lite, the tag holds a name
and keys, `<longcat_arg_key>city</longcat_arg_key><longcat_arg_value>Paris</longcat_arg_value>`: see `longcat2.py`.
"""

from ..format import Span, Think
from ..rows import OFF_UNLESS_ON, Native, ToolRow, family
from ..shapes.json_calls import JsonCalls
from ..shapes.tagged import sample_of

LONGCAT = JsonCalls(
    sample=sample_of(__doc__),
    spans=(Span("<longcat_tool_call>", "</longcat_tool_call>"),),
)

LONGCAT_END = "</longcat_s>"

ROWS = family(
    ToolRow(
        "longcat",
        LONGCAT,
        "LongCat-Flash",
        pairs=("longcat", "basic"),
        added_tokens=("<longcat_tool_call>", "</longcat_tool_call>"),
        turn_end=LONGCAT_END,
        model_types=("longcat_flash",),
        engines=Native(vllm=("longcat",)),
    ),
    Think(("<longcat_think>",), ("</longcat_think>",)),
    OFF_UNLESS_ON,
    models="LongCat-Flash-Thinking, LongCat 2.0",
    added_tokens=("<longcat_think>", "</longcat_think>"),
    engines=Native(),
)
