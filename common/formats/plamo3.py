"""PLaMo 3 (Preferred Networks).

<|plamo:begin_tool_requests:plamo|><|plamo:begin_tool_request:plamo|><|plamo:begin_tool_name:plamo|>get_weather<|plamo:end_tool_name:plamo|><|plamo:begin_tool_arguments:plamo|><|plamo:constrain|>json<|plamo:msg|>{"city": "Paris"}<|plamo:end_tool_arguments:plamo|><|plamo:end_tool_request:plamo|><|plamo:end_tool_requests:plamo|>

A marker is several tokens: its beginning, its name and its end.
"""  # noqa: E501

from __future__ import annotations

from ..arguments.json_object import JsonObject
from ..format import Span, Think
from ..rows import ON_UNLESS_OFF, Native, ToolRow, family
from ..shapes.tagged import Tagged, sample_of


def _span(name: str) -> Span:
    return Span(f"<|plamo:begin_{name}:plamo|>", f"<|plamo:end_{name}:plamo|>")


_CALL, _NAME, _ARGUMENTS = _span("tool_request"), _span("tool_name"), _span("tool_arguments")
_THINK = _span("think")
_TOKENS = ("<|plamo:begin_", "<|plamo:end_", ":plamo|>", "<|plamo:constrain|>", "<|plamo:msg|>")

PLAMO3 = Tagged(
    sample=sample_of(__doc__),
    sections=(_span("tool_requests"),),
    call=Span(_CALL.open, f"{_ARGUMENTS.close}{_CALL.close}"),
    before_name=(_NAME.open,),
    name_end=(f"{_NAME.close}{_ARGUMENTS.open}<|plamo:constrain|>json<|plamo:msg|>",),
    arguments=JsonObject(),
)

ROWS = family(
    ToolRow(
        "plamo3",
        PLAMO3,
        "PLaMo 3",
        special_tokens=_TOKENS,
        turn_end="<|plamo:tag|>",
        model_types=("plamo3",),
        engines=Native(vllm=("plamo3",)),
    ),
    Think((_THINK.open,), (_THINK.close,)),
    ON_UNLESS_OFF,
    special_tokens=_TOKENS[:3],
)
