"""LongCat-Flash-Lite and LongCat 2.0 (Meituan).

<longcat_tool_call>get_weather
<longcat_arg_key>city</longcat_arg_key>
<longcat_arg_value>Paris</longcat_arg_value>
</longcat_tool_call>

GLM's keys and values under other names, in the tags that hold JSON in LongCat-Flash; each reads the other's calls.
Values are typed by the tool's schema.
"""

from ..arguments.tags import Tags
from ..rows import ToolRow
from ..shapes.tagged import Tagged, sample_of
from .longcat import LONGCAT, LONGCAT_END

LONGCAT2 = Tagged(
    sample=sample_of(__doc__),
    call=LONGCAT.spans[0],
    name_end=(),
    arguments=Tags(
        open="<longcat_arg_key>",
        name_end=("</longcat_arg_key>", "<longcat_arg_value>"),
        close="</longcat_arg_value>",
    ),
)

ROWS = (
    ToolRow(
        "longcat2",
        LONGCAT2,
        "LongCat-Flash-Lite, LongCat 2.0",
        pairs=("longcat", "basic"),
        added_tokens=tuple(sorted(LONGCAT2.markers)),
        turn_end=LONGCAT_END,
        model_types=("longcat_flash_ngram", "longcat2"),
        kin="longcat",
    ),
)
