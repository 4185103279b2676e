"""DeepSeek V3.2, in DSML.

<｜DSML｜function_calls>
<｜DSML｜invoke name="get_weather">
<｜DSML｜parameter name="city" string="true">Paris</｜DSML｜parameter>
</｜DSML｜invoke>
</｜DSML｜function_calls>

The attribute `string` says whether a value is text or JSON; without it the tool's schema does.
"""

from __future__ import annotations

from ..arguments.tagged_values import TaggedValues
from ..format import Span
from ..recovery import drift, rule
from .tagged import Tagged, sample_of

_BLOCKS = (
    *("function_calls", "tool_calls", "calls"),
    *drift(
        "another name of the section",
        "function_call",
        "tool_call",
        "call",
        "toolcalls",
        "tool_use",
        contract="Sections",
    ),
)
"""Names of the section in V3.2, V4 and V4.1, the singular, and what V4 writes in their place at times."""
_BARS = (
    *("｜DSML｜", "｜DSML｜ "),
    *drift("other bars", "|DSML|", "｜｜DSML｜｜", "｜｜DSML｜｜ ", "||DSML||", "‖DSML‖"),
)
"""What stands before a tag's name: V4.1 writes a space behind it, and models write other bars at times."""
# Quantized models cut the closer's name.
_CALL_CLOSERS = ("invoke", *drift("the closer's name cut", "inv"))
_OTHER_NAME = rule("a value's closer of another name", contract="What ends a value that lacks its closer")
_GARBLED = (
    *(f"</{each}" for each in _BARS if _OTHER_NAME),
    *drift("a value's closer without bars", "</parameter", contract="What ends a value that lacks its closer"),
)
_INSTEAD = drift("a parameter's opener without bars", "<parameter name=", contract="Siblings")


def dsml(sample: str, bar: str = "｜DSML｜") -> Tagged:
    """DSML, whose template writes `bar` before a tag's name; the other ones are read too."""
    others = [each for each in _BARS if each != bar]
    return Tagged(
        sample=sample,
        sections=tuple(Span(f"<{each}{block}>", f"</{each}{block}>") for block in _BLOCKS for each in _BARS),
        call=Span(f"<{bar}invoke name=", f"</{bar}invoke>"),
        spellings=tuple(Span(f"<{each}invoke name=", f"</{each}{name}>") for each in _BARS for name in _CALL_CLOSERS),
        name_end=(">",),
        arguments=TaggedValues(
            open=f"<{bar}parameter name=",
            name_end=(">",),
            close=f"</{bar}parameter>",
            spellings=tuple(Span(f"<{each}parameter name=", f"</{each}parameter>") for each in others),
            typed_by="string",
            garbled=_GARBLED,
            instead=_INSTEAD,
        ),
    )


DEEPSEEK_V3_2 = dsml(sample_of(__doc__))
