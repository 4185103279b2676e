"""DeepSeek V3.2, in DSML.

<｜DSML｜function_calls>
<｜DSML｜invoke name="get_weather">
<｜DSML｜parameter name="city" string="true">Paris</｜DSML｜parameter>
</｜DSML｜invoke>
</｜DSML｜function_calls>

The attribute `string` says whether a value is text or JSON; without it, the tool's schema types the value.
"""

from __future__ import annotations

from ..arguments.tags import Spelling, Tags
from ..format import THINK, Span
from ..recovery import drift
from ..rows import DEEPSEEK_END, ON_UNLESS_OFF, THINK_TOKENS, Native, ToolRow, family
from ..shapes.tagged import Tagged, sample_of
from .minimax_m2 import PLAIN_SECTIONS

_BLOCKS = (
    *("function_calls", "tool_calls", "calls"),
    *drift(
        "another name of the section",
        "function_call",
        "tool_call",
        "call",
        "toolcalls",
        "tool_use",
        contract="Section names",
    ),
)
"""The section's names in V3.2, V4 and V4.1, the singular, and other names that V4 sometimes writes."""
_BARS = (
    *("｜DSML｜", "｜DSML｜ "),
    *drift("other bars", "|DSML|", "｜｜DSML｜｜", "｜｜DSML｜｜ ", "||DSML||", "‖DSML‖"),
)
"""What comes before a tag's name: V4.1 writes a space after it, and models sometimes write other bars."""
_LOOSE = drift("a call without bars", Span("<invoke name=", "</invoke>"), contract="Bare invokes")
_PARAMETER = drift(
    "a parameter without bars", Spelling("<parameter name=", "</parameter>", drift=True), contract="Bare invokes"
)


def dsml(sample: str, bar: str = "｜DSML｜", bars: tuple[str, ...] = _BARS) -> Tagged:
    """Return DSML whose template writes `bar` before a tag's name; the other `bars`, and tags without, are read too."""
    others = [each for each in bars if each != bar]
    return Tagged(
        sample=sample,
        sections=(
            *(Span(f"<{each}{block}>", f"</{each}{block}>") for block in _BLOCKS for each in (bar, *others)),
            *PLAIN_SECTIONS,
        ),
        call=Span(f"<{bar}invoke name=", f"</{bar}invoke>"),
        spellings=tuple(Span(f"<{each}invoke name=", f"</{each}invoke>") for each in bars),
        loose=_LOOSE,
        arguments=Tags(
            open=f"<{bar}parameter name=",
            close=f"</{bar}parameter>",
            spellings=(
                *(Spelling(f"<{each}parameter name=", f"</{each}parameter>") for each in others),
                *_PARAMETER,
            ),
            typed_by="string",
            closes=("</", *(f"</{each}" for each in bars)),
        ),
    )


DEEPSEEK_V3_2 = dsml(sample_of(__doc__))

ROWS = family(
    ToolRow(
        "deepseek_v3_2",
        DEEPSEEK_V3_2,
        "DeepSeek V3.2",
        added_tokens=("｜DSML｜",),
        turn_end=DEEPSEEK_END,
        model_types=("deepseek_v32",),
        engines=Native(vllm=("deepseek_v32",), sglang=("deepseekv32",), trtllm=("deepseek_v32",)),
    ),
    THINK,
    ON_UNLESS_OFF,
    added_tokens=THINK_TOKENS,
    engines=Native(vllm=("deepseek_v3",), sglang=("deepseek-v3",)),
)
