"""DeepSeek V4.1, in DSML.

<｜DSML｜ calls>
<｜DSML｜ invoke name="get_weather">
<｜DSML｜ parameter name="city" string="true">Paris</｜DSML｜ parameter>
</｜DSML｜ invoke>
</｜DSML｜ calls>

A space stands before each tag's name; the body of a call may also be one JSON object.
"""

from __future__ import annotations

from .deepseek_v3_2 import dsml
from .tagged import sample_of

DEEPSEEK_V41 = dsml(sample_of(__doc__), bar="｜DSML｜ ")
