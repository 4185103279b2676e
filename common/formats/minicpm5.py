"""MiniCPM 5 (OpenBMB).

<function name="get_weather"><param name="city">Paris</param></function>

Values are typed by the tool's schema. A value that holds tags or line breaks is between `<![CDATA[` and `]]>`. The
tags' beginnings are tokens, and a detokenizer may leave out the space after them. The config's model type is `llama`.
"""

from ..arguments.tags import Spelling, Tags
from ..format import Span
from ..recovery import drift
from ..rows import QWEN_ENDS, Native, ToolRow
from ..shapes.tagged import Tagged, sample_of

MINICPM5 = Tagged(
    sample=sample_of(__doc__),
    sections=drift("the wrapper of other families", Span("<tool_call>", "</tool_call>")),
    call=Span("<function name=", "</function>"),
    spellings=drift("a tag without its space", Span("<functionname=", "</function>")),
    arguments=Tags(
        open="<param name=",
        brackets=Spelling("><![CDATA[", "]]>"),
        close="</param>",
        spellings=drift("a tag without its space", Spelling("<paramname=")),
    ),
)

ROWS = (
    ToolRow(
        "minicpm5",
        MINICPM5,
        "MiniCPM 5",
        pairs=("qwen3", "basic"),
        special_tokens=("<function", "</function>", "<param", "</param>"),
        turn_ends=QWEN_ENDS,
        engines=Native(vllm=("minicpm5",), sglang=("minicpm5",)),
    ),
)
