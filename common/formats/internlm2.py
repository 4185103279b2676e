"""InternLM2, InternLM2.5 (Shanghai AI Laboratory).

<|action_start|><|plugin|>
{"name": "get_weather", "parameters": {"city": "Paris"}}<|action_end|>

One call in each pair of markers. A detokenizer may write a space between the two tokens of the opener. Code for an
interpreter, after `<|action_start|><|interpreter|>`, is text.
"""

from ..format import Span
from ..recovery import drift
from ..rows import Native, ToolRow
from ..shapes.json_calls import JsonCalls
from ..shapes.tagged import sample_of

INTERNLM2 = JsonCalls(
    sample=sample_of(__doc__),
    spans=(
        Span("<|action_start|><|plugin|>", "<|action_end|>"),
        Span("<|action_start|> <|plugin|>", "<|action_end|>"),
    ),
)


ROWS = (
    ToolRow(
        "internlm2",
        INTERNLM2,
        "InternLM2, InternLM2.5, Intern-S1",
        special_tokens=("<|action_start|>", "<|plugin|>", "<|action_end|>"),
        turn_ends=drift("what may end a reply of InternLM2", "</s>", contract="Turn ends"),
        model_types=("internlm2", "interns1"),
        engines=Native(vllm=("internlm",), sglang=("interns1",)),
    ),
)
