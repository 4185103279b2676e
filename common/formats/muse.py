"""Muse Glimmer (Meta).

 to=get_weather<|message|>
<atem:function_calls>
<atem:invoke name="get_weather">
<atem:parameter name="city">Paris</atem:parameter>
</atem:invoke>
</atem:function_calls><|eom|>

The recipient says what a message is: to `self` it is reasoning, to `user` or without one it is content (in Muse Spark,
without one it is reasoning); any other recipient is the function that the message calls. The prompt ends with
`<|start|>assistant`. Values are typed by the tool's schema.
"""

from dataclasses import replace

from ..arguments.tags import Tags
from ..cursor import Markers
from ..format import Span, Think
from ..recovery import drift
from ..rows import OUTSIDE, Native, ToolRow, family
from ..shapes.messages import Messages, Words
from ..shapes.tagged import Tagged, sample_of

WORDS = Words(channel="", constrain="")

MUSE = Messages(
    sample=sample_of(__doc__),
    reasoning_sample=" to=self<|message|>plan<|eom|>",
    closers=Markers(("<|eom|>", "<|eot|>", "<|end_of_text|>")),
    words=WORDS,
    thinks=("self",),
    inner=Tagged(
        sample="",
        sections=(Span("<atem:function_calls>", "</atem:function_calls>"),),
        call=Span("<atem:invoke name=", "</atem:invoke>"),
        after_name=Markers(drift("a marker after a call's name, as after a recipient", WORDS.message)),
        arguments=Tags(open="<atem:parameter name=", close="</atem:parameter>"),
    ),
)

_ENDS = ("<|eom|>", "<|end_of_text|>", "<|start|>")
_TOKENS = ("<|message|>", "<|eot|>", *_ENDS)

_CALLS, _REASONING = family(
    ToolRow(
        "muse",
        MUSE,
        "Muse Glimmer, Muse Spark",
        pairs=("muse", "muse_spark"),
        special_tokens=_TOKENS,
        turn_end="<|eot|>",
        turn_ends=_ENDS,
        model_types=("muse_glimmer", "muse_spark"),
        engines=Native(vllm=("muse_glimmer", "muse", "musespark1x"), sglang=("muse",)),
    ),
    Think((" to=self<|message|>",), (" to=user<|message|>",)),
    OUTSIDE,
    models="Muse Glimmer",
    special_tokens=_TOKENS,
    frame=MUSE,
    engines=Native(vllm=("muse_glimmer",), sglang=("muse",)),
)
_SPARK = replace(
    _REASONING,
    name="muse_spark",
    models="Muse Spark",
    frame=replace(MUSE, thinks=("self", "")),
    engines=Native(vllm=("muse", "musespark1x")),
)

ROWS = (_CALLS, _REASONING, _SPARK)
