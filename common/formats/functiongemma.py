"""FunctionGemma (Google).

<start_function_call>call:get_weather{city:<escape>Paris<escape>}<end_function_call>

Gemma 4's arguments between other markers. Results follow in the same turn, after `<start_function_response>`.
"""

from ..arguments.gemma import Marks
from ..recovery import drift
from ..rows import Native, ToolRow
from ..shapes.gemma import GemmaCalls
from ..shapes.tagged import sample_of

FUNCTIONGEMMA = GemmaCalls(
    sample=sample_of(__doc__),
    marks=Marks(
        openers=("<start_function_call>",),
        end="<end_function_call>",
        delimiter="<escape>",
        behind=("<end_of_turn>", "<start_function_response>"),
    ),
)


ROWS = (
    ToolRow(
        "functiongemma",
        FUNCTIONGEMMA,
        "FunctionGemma",
        special_tokens=("<start_function_call>", "<end_function_call>", "<escape>"),
        turn_end="<end_of_turn>",
        turn_ends=drift("what may end a reply of Gemma", "<start_function_response>", "<eos>", contract="Turn ends"),
        model_types=("gemma3_text",),
        engines=Native(vllm=("functiongemma",)),
    ),
)
