"""The vLLM plugin: every Dynamo parser as `dynamo_<name>` for `--tool-call-parser` and `--reasoning-parser`.

`register` is the entry point of group `vllm.general_plugins`. vLLM calls it once in each of its processes,
before it reads its command line. It only writes names into vLLM's two tables; the classes are made when one
is asked for.
"""

from __future__ import annotations

import difflib
import logging
import sys
from itertools import pairwise

from dynamo_parsers.registry import PREFIX, reasoning_parser_names, tool_parser_names

FLOOR = "0.24"
"""The oldest vLLM whose streaming gives a parser an end of the stream."""

_PARSERS = "dynamo_parsers.vllm.parsers"

logger = logging.getLogger("dynamo_parsers")


def register() -> None:
    """Make the parsers known to vLLM. Never raises: an exception here would stop vLLM for everybody."""
    try:
        _register()
    except Exception:
        logger.exception("dynamo-parsers could not register its parsers in vLLM")


def _register() -> None:
    try:
        from vllm.reasoning import ReasoningParserManager
        from vllm.tool_parsers import ToolParser, ToolParserManager
    except ImportError as error:
        logger.error("dynamo-parsers needs vLLM %s or newer; its parsers are not registered (%s)", FLOOR, error)
        return
    if not hasattr(ToolParser, "engine_based_streaming"):
        logger.error("dynamo-parsers needs vLLM %s or newer; its parsers are not registered", FLOOR)
        return
    for name in tool_parser_names():
        ToolParserManager.register_lazy_module(PREFIX + name, _PARSERS, tool_class_name(name))
    for name in reasoning_parser_names():
        ReasoningParserManager.register_lazy_module(PREFIX + name, _PARSERS, reasoning_class_name(name))
    for flag, names in (
        ("--tool-call-parser", tool_parser_names()),
        ("--reasoning-parser", reasoning_parser_names()),
    ):
        _hint_at_close_names(flag, names)


def tool_class_name(name: str) -> str:
    """The class of tool parser `name` in `dynamo_parsers.vllm.parsers`."""
    return f"ToolParser_{name.replace('-', '__')}"


def reasoning_class_name(name: str) -> str:
    """The class of reasoning parser `name` in `dynamo_parsers.vllm.parsers`."""
    return f"ReasoningParser_{name.replace('-', '__')}"


def _hint_at_close_names(flag: str, names: list[str]) -> None:
    """Say what was probably meant by an unknown name of ours; vLLM itself lists all of its names."""
    for said in _values_of(flag, sys.argv[1:]):
        if said.startswith(PREFIX) and said.removeprefix(PREFIX) not in names:
            close = difflib.get_close_matches(said.removeprefix(PREFIX), names, n=3)
            meant = " or ".join(PREFIX + name for name in close) or ", ".join(PREFIX + name for name in names)
            logger.error("%s %s is unknown; did you mean %s?", flag, said, meant)


def _values_of(flag: str, arguments: list[str]) -> list[str]:
    values = [value for name, value in pairwise(arguments) if name == flag]
    return values + [each.split("=", 1)[1] for each in arguments if each.startswith(f"{flag}=")]
