"""GigaChat 3 (Sber).

<|function_call|>{"name": "get_weather", "arguments": {"city": "Paris"}}

This is GigaChat 3.1; the turn's end ends the call. GigaChat 3.0 writes the call as a message of its own: after the
separator of the message before, `function call<|role_sep|>` and a line break.
"""

from ..format import Span
from ..recovery import drift
from ..rows import Native, ToolRow
from ..shapes.json_calls import JsonCalls
from ..shapes.tagged import sample_of

_SEPARATOR = "<|message_sep|>"
_MESSAGE = "function call<|role_sep|>"

GIGACHAT3 = JsonCalls(
    sample=sample_of(__doc__),
    spans=(Span("<|function_call|>", ""), Span(f"{_SEPARATOR}\n\n{_MESSAGE}", ""), Span(_MESSAGE, "")),
    words=frozenset({_MESSAGE}),
)

GIGACHAT_ENDS = (_SEPARATOR, *drift("what may end a reply of GigaChat", "</s>", contract="Turn ends"))

ROWS = (
    ToolRow(
        "gigachat3",
        GIGACHAT3,
        "GigaChat 3, 3.1",
        special_tokens=("<|function_call|>",),
        turn_end=_SEPARATOR,
        turn_ends=GIGACHAT_ENDS,
        engines=Native(vllm=("gigachat3",), sglang=("gigachat3",)),
    ),
)
