"""Step-3 (StepFun).

<｜tool_calls_begin｜>
<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="get_weather">
<steptml:parameter name="city">Paris</steptml:parameter>
</steptml:invoke><｜tool_call_end｜>
<｜tool_calls_end｜>

`function` is the call's type; there is no other, and models may leave it out. Values are typed by the tool's schema.
The prompt opens reasoning.
"""

from ..arguments.tags import Spelling, Tags
from ..format import THINK, Span
from ..recovery import drift
from ..rows import NEVER_CHANGED, QWEN_ENDS, THINK_TOKENS, Native, ReasoningRow, ToolRow
from ..shapes.tagged import Tagged, sample_of
from .minimax_m2 import PLAIN_SECTIONS

_SECTION = Span("<｜tool_calls_begin｜>", "<｜tool_calls_end｜>")
_CALL = Span("<｜tool_call_begin｜>", "<｜tool_call_end｜>")
_SEPARATOR = "<｜tool_sep｜>"

STEP3 = Tagged(
    sample=sample_of(__doc__),
    sections=(_SECTION, *drift("a call's tokens apart from its tags", _CALL), *PLAIN_SECTIONS),
    call=Span(f"{_CALL.open}function{_SEPARATOR}<steptml:invoke name=", f"</steptml:invoke>{_CALL.close}"),
    spellings=(
        *drift("a call without its tokens", Span("<steptml:invoke name=", "</steptml:invoke>")),
        *drift(
            "a call's tag without its namespace",
            Span(f"{_CALL.open}function{_SEPARATOR}<invoke name=", f"</invoke>{_CALL.close}"),
            contract="Bare invokes",
        ),
    ),
    loose=drift("a call without its tokens and namespace", Span("<invoke name=", "</invoke>"), contract="Bare invokes"),
    arguments=Tags(
        open="<steptml:parameter name=",
        close="</steptml:parameter>",
        spellings=drift(
            "a parameter without its namespace",
            Spelling("<parameter name=", "</parameter>", drift=True),
            contract="Bare invokes",
        ),
    ),
)

_STEP_END = "<|EOT|>"

ROWS = (
    ToolRow(
        "step3",
        STEP3,
        "Step-3",
        pairs=("step3",),
        special_tokens=(_SECTION.open, _SECTION.close, _CALL.open, _CALL.close, _SEPARATOR),
        turn_end=_STEP_END,
        model_types=("step3_vl", "step3_text"),
        engines=Native(vllm=("step3",), sglang=("step3",)),
    ),
    ReasoningRow(
        "step3",
        THINK,
        "Step-3, Step-3.5, Step 5",
        NEVER_CHANGED,
        added_tokens=THINK_TOKENS,
        turn_ends=(_STEP_END, *QWEN_ENDS),
        engines=Native(vllm=("step3", "step3p5", "step5"), sglang=("step3", "step3p5")),
    ),
)
