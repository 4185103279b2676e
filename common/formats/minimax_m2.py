"""MiniMax M2, M2.5, M2.7.

<minimax:tool_call>
<invoke name="get_weather">
<parameter name="city">Paris</parameter>
</invoke>
</minimax:tool_call>

Values are typed by the tool's schema; every character between the tags is the value's.
"""

from __future__ import annotations

from ..arguments.tagged_values import TaggedValues
from ..format import Span
from .tagged import Tagged, sample_of

MINIMAX_M2 = Tagged(
    sample=sample_of(__doc__),
    sections=(Span("<minimax:tool_call>", "</minimax:tool_call>"),),
    call=Span("<invoke name=", "</invoke>"),
    name_end=(">",),
    arguments=TaggedValues(open="<parameter name=", name_end=(">",), close="</parameter>"),
)
