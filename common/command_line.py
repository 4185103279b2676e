"""Messages of a plugin on the command line of its engine."""

from __future__ import annotations

import difflib
import logging
import sys
from itertools import pairwise

from .registry import PREFIX

logger = logging.getLogger("dynamo_parsers")


def hint_at_close_names(flag: str, names: list[str]) -> None:
    """Log what was probably meant by an unknown name of ours. The engine itself lists all names that it knows."""
    arguments = sys.argv[1:]
    values = [value for name, value in pairwise(arguments) if name == flag]
    for said in values + [each.split("=", 1)[1] for each in arguments if each.startswith(f"{flag}=")]:
        if said.startswith(PREFIX) and said.removeprefix(PREFIX) not in names:
            close = difflib.get_close_matches(said.removeprefix(PREFIX), names, n=3)
            meant = " or ".join(PREFIX + name for name in close) or ", ".join(PREFIX + name for name in names)
            logger.error("%s %s is unknown; did you mean %s?", flag, said, meant)
