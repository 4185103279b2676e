"""MiniMax M2, M2.5, M2.7.

<minimax:tool_call>
<invoke name="get_weather">
<parameter name="city">Paris</parameter>
</invoke>
</minimax:tool_call>

Values are typed by the tool's schema; every character between the tags is the value's.
"""

from __future__ import annotations

from ..arguments.tags import Tags
from ..format import Span
from ..recovery import drift
from .tagged import Tagged, sample_of

_NAMES = (
    "minimax:tool_call",
    *drift(
        "the section's name in the plural, or as M1 has it",
        "minimax:tool_calls",
        "tool_calls",
        contract="Section names",
    ),
)
SECTIONS = tuple(Span(f"<{name}>", f"</{name}>") for name in _NAMES)

MINIMAX_M2 = Tagged(
    sample=sample_of(__doc__),
    sections=SECTIONS,
    call=Span("<invoke name=", "</invoke>"),
    name_end=(">",),
    arguments=Tags(open="<parameter name=", name_end=(">",), close="</parameter>"),
)
