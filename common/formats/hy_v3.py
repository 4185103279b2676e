"""Hunyuan 3, Hy3 (Tencent).

<tool_calls:opensource>
<tool_call:opensource>get_weather<tool_sep:opensource>
<arg_key:opensource>city</arg_key:opensource>
<arg_value:opensource>Paris</arg_value:opensource>
</tool_call:opensource>
</tool_calls:opensource>

A checkpoint has one suffix on all its tokens, `token_suffix` in its tokenizer's config: the preview has none, the open
weights have `:opensource`. Values are typed by the tool's schema.
"""

from __future__ import annotations

from ..arguments.tags import Spelling, Tags
from ..cursor import Markers
from ..format import Span, Think
from ..recovery import drift
from ..rows import Native, Starts, ToolRow, family
from ..shapes.tagged import Tagged, sample_of

SUFFIXES = (":opensource", "", ":6124c78e")
"""The suffixes of the known checkpoints."""


_SEPARATORS = drift("the token after a name, as in Hunyuan 3", *(f"<tool_sep{each}>" for each in SUFFIXES))


def hunyuan(sample: str, suffix: str, name_end: str = "") -> Tagged:
    """Return the markup with this suffix; the other suffixes are read too.

    `name_end` names the token after a call's name; "" if there is none.
    """
    suffixes = sorted(SUFFIXES, key=lambda each: each != suffix)
    calls = [Span(f"<tool_call{each}>", f"</tool_call{each}>") for each in suffixes]
    key_ends = [(f"</arg_key{each}>", f"<arg_value{each}>") for each in suffixes]
    return Tagged(
        sample=sample,
        sections=tuple(Span(f"<tool_calls{each}>", f"</tool_calls{each}>") for each in suffixes),
        call=calls[0],
        spellings=tuple(calls[1:]),
        name_end=tuple(f"<{name_end}{each}>" for each in suffixes if name_end),
        after_name=Markers(_SEPARATORS if not name_end else ()),
        arguments=Tags(
            open=f"<arg_key{suffix}>",
            name_end=key_ends[0],
            further_ends=tuple(key_ends[1:]),
            close=f"</arg_value{suffix}>",
            spellings=tuple(Spelling(f"<arg_key{each}>", f"</arg_value{each}>") for each in suffixes[1:]),
        ),
    )


HY_V3 = hunyuan(sample_of(__doc__), ":opensource", "tool_sep")
ENDS = tuple(f"<eos{each}>" for each in SUFFIXES)


def thoughts(suffix: str) -> Think:
    """Return the markers of reasoning with this suffix; the other suffixes are read too."""
    suffixes = sorted(SUFFIXES, key=lambda each: each != suffix)
    return Think(tuple(f"<think{each}>" for each in suffixes), tuple(f"</think{each}>" for each in suffixes))


ROWS = family(
    ToolRow(
        "hy_v3",
        HY_V3,
        "Hunyuan 3 (Hy3)",
        aliases=("hunyuan",),
        added_tokens=tuple(sorted(each for each in HY_V3.markers if each.endswith(":opensource>"))),
        turn_end=ENDS[0],
        turn_ends=ENDS[1:],
        model_types=("hy_v3",),
        engines=Native(vllm=("hy_v3",), sglang=("hunyuan",)),
    ),
    thoughts(":opensource"),
    Starts(inside=False, switch="effort"),
    added_tokens=("<think:opensource>", "</think:opensource>"),
)
