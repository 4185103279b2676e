"""Cohere Command A, R7B and later, in their own templates.

<|START_ACTION|>[
    {"tool_call_id": "0", "tool_name": "get_weather", "parameters": {"city": "Paris"}}
]<|END_ACTION|>

One array. The answer is between `<|START_RESPONSE|>` and `<|END_RESPONSE|>`, from Command A+ on between
`<|START_TEXT|>` and `<|END_TEXT|>`: its opener ends reasoning, its closer ends the turn. A passage with a source is
between `<co>` and `</co: 0:[1]>`.
"""

from ..format import Span, Think
from ..rows import ON_UNLESS_OFF, Native, ToolRow, family
from ..shapes.json_calls import JsonCalls
from ..shapes.tagged import sample_of

_ACTION = Span("<|START_ACTION|>", "<|END_ACTION|>")
_ANSWERS = (Span("<|START_RESPONSE|>", "<|END_RESPONSE|>"), Span("<|START_TEXT|>", "<|END_TEXT|>"))
_THINK = ("<|START_THINKING|>", "<|END_THINKING|>")
_ENDS = tuple(each.close for each in _ANSWERS)

COHERE_COMMAND = JsonCalls(
    sample=sample_of(__doc__),
    spans=(_ACTION,),
    names=("tool_name",),
    id_key="tool_call_id",
)

ROWS = family(
    ToolRow(
        "cohere_command",
        COHERE_COMMAND,
        "Command A, Command R7B, Command A+",
        special_tokens=(_ACTION.open, _ACTION.close),
        turn_end="<|END_OF_TURN_TOKEN|>",
        turn_ends=_ENDS,
        native_ids=True,
        model_types=("cohere2", "cohere2_moe", "cohere2_vision"),
        engines=Native(vllm=("cohere_command3", "cohere_command4"), sglang=("cohere_command4",)),
    ),
    Think((_THINK[0],), (_THINK[1], *(each.open for each in _ANSWERS)), cited=Span("<co>", "</co:"), answers=_ANSWERS),
    ON_UNLESS_OFF,
    models="Command A Reasoning, Command A+",
    special_tokens=(*_THINK, *(each.open for each in _ANSWERS), *_ENDS),
)
