"""GLM-4.5, 4.6, 4.7 and 5 (Z.ai).

<tool_call>get_weather<arg_key>city</arg_key><arg_value>Paris</arg_value></tool_call>

Newlines may stand between the parts; values are typed by the tool's schema.
"""

from __future__ import annotations

from ..arguments.tags import Spelling, Tags
from ..format import THINK, Span
from ..recovery import drift
from ..rows import OUTSIDE, THINK_TOKENS, Native, ReasoningRow, ToolRow
from ..shapes.tagged import Tagged, sample_of

_INSTEAD = drift(
    "in place of a parameter's opener",
    Spelling("<tool_call>", drift=True),
    Spelling("<arg_value>", drift=True),
    Spelling("arg_key>", drift=True),
)

GLM47 = Tagged(
    sample=sample_of(__doc__),
    call=Span("<tool_call>", "</tool_call>"),
    name_end=(),
    arguments=Tags(
        open="<arg_key>",
        name_end=("</arg_key>", "<arg_value>"),
        close="</arg_value>",
        spellings=_INSTEAD,
    ),
)

_GLM_ENDS = (
    "<|user|>",
    *drift("what may end a reply of GLM", "<|observation|>", "<|endoftext|>", contract="Turn ends"),
)

ROWS = (
    ToolRow(
        "glm47",
        GLM47,
        "GLM-4.5, 4.6, 4.7, 5, 5.1",
        pairs=("glm45", "glm47"),
        aliases=("glm45",),
        added_tokens=tuple(sorted(GLM47.markers)),
        turn_end="<|user|>",
        turn_ends=_GLM_ENDS,
        model_types=("glm4_moe", "glm_moe_dsa"),
        engines=Native(vllm=("glm47", "glm45"), sglang=("glm47", "glm45", "glm"), trtllm=("glm47", "glm4")),
    ),
    ReasoningRow(
        "glm45",
        THINK,
        "GLM-4.5, 4.6, 4.7, 5, 5.1",
        OUTSIDE,
        aliases=("glm47",),
        added_tokens=THINK_TOKENS,
        turn_ends=_GLM_ENDS,
        engines=Native(vllm=("glm45", "glm47"), sglang=("glm45",), trtllm=("glm45", "glm47", "glm")),
    ),
)
