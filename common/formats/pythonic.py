"""Llama 4, Llama 3.2: calls in Python.

[get_weather(city="Paris")]

A list of calls, alone at the start of the reply or of a line, or between `<|python_start|>` and `<|python_end|>`.
Olmo 3's calls, one per line between `<function_calls>` and `</function_calls>` (`olmo3.py`), are read as well. Llama
also writes JSON.
"""

from ..format import Span
from ..recovery import drift
from ..rows import LLAMA_ENDS, QWEN_ENDS, Native, ToolRow
from ..shapes.json_calls import JsonCalls
from ..shapes.pythonic import Pythonic
from ..shapes.tagged import sample_of

PYTHONIC = Pythonic(
    sample=sample_of(__doc__),
    as_json=JsonCalls(
        sample="",
        spans=(Span("<|python_start|>", "<|python_end|>"), Span("<function_calls>", "</function_calls>")),
    ),
    bare="line",
)

_LLAMA_4_ENDS = drift("what may end a reply of Llama 4", "<|eom|>", *LLAMA_ENDS, contract="Turn ends")
_OLMO_ENDS = drift("what may end a reply of Olmo 3", *QWEN_ENDS, contract="Turn ends of Olmo 3")

ROWS = (
    ToolRow(
        "pythonic",
        PYTHONIC,
        "Llama 4, Llama 3.2",
        special_tokens=("<|python_start|>", "<|python_end|>"),
        turn_end="<|eot|>",
        turn_ends=(*_LLAMA_4_ENDS, *_OLMO_ENDS),
        model_types=("llama4",),
        engines=Native(vllm=("pythonic", "llama4_pythonic"), sglang=("pythonic",)),
    ),
)
