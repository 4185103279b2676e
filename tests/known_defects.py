"""Cases of the corpus that the parsers do not meet yet, each with the reason. They run, and are reported as xfailed."""

from __future__ import annotations

FOREIGN_CLOSER = (
    "all spellings of DSML's tags are read under every version, so one version's closer in another's value, directly "
    "followed by what can follow a value, ends it: the first of the contract's two limits"
)

KNOWN_DEFECTS = {
    "deepseek_v3_2/Own markers/the other versions' markup is data in a string": FOREIGN_CLOSER,
    "deepseek_v4/Own markers/the other versions' markup is data in a string": FOREIGN_CLOSER,
}
