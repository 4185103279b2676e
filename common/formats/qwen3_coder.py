"""Qwen3-Coder, Qwen3.5, Qwen3.6, and Nemotron Nano (NVIDIA).

<tool_call>
<function=get_weather>
<parameter=city>
Paris
</parameter>
</function>
</tool_call>

Values are typed by the tool's schema; the template writes a newline on each side of a value. Between `<tool_call>` and
its closer the models also write `<function name="get_weather">` and `<parameter name="city">`.
"""

from __future__ import annotations

from ..arguments.tags import Spelling, Tags
from ..cursor import Markers
from ..format import THINK, Span
from ..recovery import drift, recovering
from ..rows import ON_UNLESS_OFF, QWEN_ENDS, THINK_TOKENS, Native, ReasoningRow, ToolRow
from ..shapes.sibling import Sibling
from ..shapes.tagged import Tagged, sample_of

WRAPPER = Span("<tool_call>", "</tool_call>")


def attributed(wrapper: Span, *, framed: bool) -> Sibling:
    """Return the variant with names as attributes: `<function name="f">` or `<function f>`, `<parameter name="p">`."""
    calls = Tagged(
        sample="",
        wrapper=wrapper,
        call=Span("<function name=", "</function>"),
        loose=drift("a call's tag without its equals sign", Span("<function ", "</function>")),
        arguments=Tags(
            open="<parameter name=",
            close="</parameter>",
            framed=framed,
            spellings=drift("a parameter's tag without its equals sign", Spelling("<parameter ", drift=True)),
        ),
    )
    return Sibling(calls, Markers((wrapper.open,)), calls.call_openers)


QWEN3_CODER = Tagged(
    sample=sample_of(__doc__),
    # Not in the template, but the models remember it.
    sections=drift("a section", Span("<function_invocation>", "</function_invocation>")),
    wrapper=WRAPPER,
    call=Span("<function=", "</function>"),
    arguments=Tags(open="<parameter=", close="</parameter>", framed=True),
    others=recovering("names as attributes", (attributed(WRAPPER, framed=True),), off=()),
)

ROWS = (
    ToolRow(
        "qwen3_coder",
        QWEN3_CODER,
        "Qwen3-Coder, Qwen3.5, Qwen3.6, Nemotron Nano, Nemotron 3, Granite 4.2, Step-3.5, Step 5, Nanbeige",
        pairs=("qwen3", "qwen3_coder", "nemotron_nano"),
        aliases=("qwen3", "nemotron_nano"),
        added_tokens=("<tool_call>", "</tool_call>"),
        turn_ends=QWEN_ENDS,
        model_types=(
            *("qwen3", "qwen3_moe", "qwen3_next", "qwen3_5", "qwen3_5_moe", "nemotron_h"),
            *("step3p5", "step3p7", "step5", "nanbeige"),
        ),
        engines=Native(
            vllm=("qwen3_coder", "qwen3_xml", "step3p5", "step5"),
            sglang=("qwen3_coder", "step3p5", "nanbeige"),
            trtllm=("qwen3_coder",),
        ),
    ),
    ReasoningRow(
        "nemotron_nano",
        THINK,
        "Nemotron Nano, Nemotron 3, Granite 4.2, Holo2, MiniCPM-V, IQuest Q1",
        ON_UNLESS_OFF,
        aliases=("nemotron3", "nemotron_v3"),
        added_tokens=THINK_TOKENS,
        turn_ends=QWEN_ENDS,
        engines=Native(
            vllm=("nemotron_v3", "granite_thinking_parser", "holo2", "minicpmv"),
            sglang=("nemotron_3", "granite_thinking_parser", "iquest_q1"),
            trtllm=("nano-v3", "nemotron-v3"),
        ),
    ),
)
