"""GLM-4.5, 4.6, 4.7 and 5 (Z.ai).

<tool_call>get_weather<arg_key>city</arg_key><arg_value>Paris</arg_value></tool_call>

Newlines may stand between the parts; values are typed by the tool's schema.
"""

from __future__ import annotations

from ..arguments.tagged_values import TaggedValues
from ..format import Span
from ..recovery import drift
from .tagged import Tagged, sample_of

GLM47 = Tagged(
    sample=sample_of(__doc__),
    call=Span("<tool_call>", "</tool_call>"),
    name_end=(),
    arguments=TaggedValues(
        open="<arg_key>",
        name_end=("</arg_key>", "<arg_value>"),
        close="</arg_value>",
        instead=drift("in place of a parameter's opener", "<tool_call>", "<arg_value>", "arg_key>"),
    ),
)
