"""Seed-OSS (ByteDance).

<seed:tool_call>
<function=get_weather>
<parameter=city>Paris</parameter>
</function>
</seed:tool_call>

Qwen3-Coder's tags in a wrapper of its own; every character between the tags is the value's.
"""

from __future__ import annotations

from ..arguments.tagged_values import TaggedValues
from ..format import Span
from .tagged import Tagged, sample_of

SEED_OSS = Tagged(
    sample=sample_of(__doc__),
    wrapper=Span("<seed:tool_call>", "</seed:tool_call>"),
    call=Span("<function=", "</function>"),
    name_end=(">",),
    arguments=TaggedValues(open="<parameter=", name_end=(">",), close="</parameter>"),
)
