"""GLM-4.5, 4.6, 4.7 and 5 (Z.ai).

<tool_call>get_weather<arg_key>city</arg_key><arg_value>Paris</arg_value></tool_call>

Newlines may stand between the parts; values are typed by the tool's schema.
"""

from __future__ import annotations

from ..arguments.tags import Spelling, Tags
from ..format import Span
from ..recovery import drift
from .tagged import Tagged, sample_of

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
