"""DeepSeek V3 and R1.

<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather
```json
{"city": "Paris"}
```<｜tool▁call▁end｜><｜tool▁calls▁end｜>

`function` is the call's type, the only one there is.
"""

from __future__ import annotations

from ..arguments.json_object import JsonObject
from ..format import Span
from ..recovery import drift
from .tagged import Tagged, sample_of

SECTION = Span("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>")
SECTIONS = (
    SECTION,
    *drift(
        "the section as distilled models write it",
        Span("<｜tool_calls_begin｜>", "<｜tool_calls_end｜>"),
        Span("<｜tool calls begin｜>", "<｜tool calls end｜>"),
        Span("<｜tool\\_calls\\_begin｜>", "<｜tool\\_calls\\_end｜>"),
        Span("<｜tool▁calls｜>", "<｜/tool▁calls｜>"),
        contract="Section names",
    ),
)
CALL = Span("<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>")
SEPARATOR = "<｜tool▁sep｜>"

TOKENS = (SECTION.open, SECTION.close, CALL.open, CALL.close, SEPARATOR)
"""Those that are tokens."""

TYPE = f"function{SEPARATOR}"

DEEPSEEK_V3 = Tagged(
    sample=sample_of(__doc__),
    sections=SECTIONS,
    call=CALL,
    before_name=(TYPE,),
    name_end=(SEPARATOR,),
    arguments=JsonObject(fenced=True),
)
