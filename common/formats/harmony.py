"""Harmony (OpenAI gpt-oss).

<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Paris"}<|call|>

A message names its channel: `analysis` is reasoning, `commentary` and `final` are content. In any channel, a message
that has a recipient and whose text is JSON is a call. The prompt ends with `<|start|>assistant`.
"""

from ..cursor import Markers
from ..format import Think
from ..rows import OUTSIDE, Native, ReasoningRow, ToolRow
from ..shapes.messages import Messages
from ..shapes.tagged import sample_of

HARMONY = Messages(
    sample=sample_of(__doc__),
    reasoning_sample="<|channel|>analysis<|message|>plan<|end|>",
    closers=Markers(("<|end|>", "<|return|>", "<|call|>")),
    channels=("analysis", "commentary", "final"),
    thinks=("analysis",),
    prefix="functions.",
)

# The beginning of the next message ends this one.
_HARMONY_ENDS = ("<|end|>", "<|call|>", "<|start|>")

ROWS = (
    ToolRow(
        "harmony",
        HARMONY,
        "gpt-oss",
        pairs=("gpt_oss",),
        special_tokens=tuple(sorted(HARMONY.markers)),
        turn_end="<|return|>",
        turn_ends=_HARMONY_ENDS,
        model_types=("gpt_oss",),
        engines=Native(vllm=("openai",), sglang=("gpt-oss",)),
    ),
    ReasoningRow(
        "gpt_oss",
        Think(("<|channel|>analysis<|message|>",), ("<|channel|>final<|message|>",)),
        "gpt-oss",
        OUTSIDE,
        special_tokens=tuple(sorted(HARMONY.markers)),
        turn_ends=("<|return|>", *_HARMONY_ENDS),
        frame=HARMONY,
        engines=Native(vllm=("openai_gptoss",), sglang=("gpt-oss",)),
    ),
)
