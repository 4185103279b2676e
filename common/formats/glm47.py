"""GLM-4.5, 4.6, 4.7 and 5 (Z.ai).

<tool_call>get_weather<arg_key>city</arg_key><arg_value>Paris</arg_value></tool_call>

Newlines may come between the parts; values are typed by the tool's schema.
"""

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
        "GLM-4.5, 4.6, 4.7, 5, 5.1, Ling 3, Spark 2.5, Laguna",
        pairs=("glm45", "glm47"),
        aliases=("glm45",),
        added_tokens=tuple(sorted(GLM47.markers)),
        turn_end="<|user|>",
        turn_ends=_GLM_ENDS,
        between="",
        model_types=("glm4_moe", "glm_moe_dsa", "bailing_hybrid", "bailing_moe_v3_vl", "spark2_5", "laguna"),
        engines=Native(
            vllm=("glm47", "glm45", "ling3", "poolside_v1"),
            sglang=("glm47", "glm45", "glm", "ling3", "spark25", "poolside_v1"),
            trtllm=("glm47", "glm4"),
        ),
    ),
    ReasoningRow(
        "glm45",
        THINK,
        "GLM-4.5, 4.6, 4.7, 5, 5.1, Ling 3, Laguna",
        OUTSIDE,
        aliases=("glm47",),
        added_tokens=THINK_TOKENS,
        turn_ends=_GLM_ENDS,
        engines=Native(
            vllm=("glm45", "glm47", "ling3", "poolside_v1"),
            sglang=("glm45", "ling3", "poolside_v1"),
            trtllm=("glm45", "glm47", "glm"),
        ),
    ),
)
