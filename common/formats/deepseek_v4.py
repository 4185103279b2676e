"""DeepSeek V4, in DSML.

<｜DSML｜tool_calls>
<｜DSML｜invoke name="get_weather">
<｜DSML｜parameter name="city" string="true">Paris</｜DSML｜parameter>
</｜DSML｜invoke>
</｜DSML｜tool_calls>

As V3.2, with another name for the section.
"""

from __future__ import annotations

from .deepseek_v3_2 import dsml
from .tagged import sample_of

DEEPSEEK_V4 = dsml(sample_of(__doc__))
