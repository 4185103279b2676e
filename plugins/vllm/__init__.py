"""The vLLM plugin: every Dynamo parser as `dynamo_<name>` for `--tool-call-parser` and `--reasoning-parser`.

`register` is the entry point of group `vllm.general_plugins`. vLLM calls it once in each of its processes, before it
reads its command line. It adds the names to vLLM's two tables, replaces `ParserManager.get_parser`, and checks the list
of places that the plugin needs. The classes are made when vLLM looks one up.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Sequence

from dynamo_parsers import counters
from dynamo_parsers.command_line import hint_at_close_names
from dynamo_parsers.engines.floors import floor, is_too_old
from dynamo_parsers.engines.places import self_check
from dynamo_parsers.registry import PREFIX, reasoning_parser_names, tool_parser_names

from .places import NEWEST, PLACES

_TOO_OLD = "dynamo-parsers needs vLLM %s or newer; its parsers are not registered (%s)"
_PARSERS = "dynamo_parsers.vllm.parsers"
_AUTO = "dynamo_parsers.vllm.auto"
_LATER = {"auto": "Auto", "response_template": "Declared"}
"""The parsers that are chosen by the tokenizer, and the prefix of their class names."""

logger = logging.getLogger("dynamo_parsers")


def register() -> None:
    """Make the parsers known to vLLM. Never raises: an exception here would stop vLLM for everybody."""
    try:
        _register()
    except Exception:
        logger.exception("dynamo-parsers could not register its parsers in vLLM")


def _register() -> None:
    show_lines()
    version = _version()
    if is_too_old("vllm", version):
        logger.error(_TOO_OLD, floor("vllm"), f"this is {version}")
        return
    try:
        from vllm.reasoning import ReasoningParserManager
        from vllm.tool_parsers import ToolParserManager
    except ImportError as error:
        logger.error(_TOO_OLD, floor("vllm"), error)
        return
    self_check("vLLM", version, PLACES, NEWEST)
    if os.environ.get("VLLM_USE_RUST_FRONTEND", "0").lower() not in ("", "0", "false") and _names_ours(sys.argv):
        logger.error("vLLM's Rust front end loads no Python parsers: unset VLLM_USE_RUST_FRONTEND to use %s...", PREFIX)
    for name in tool_parser_names():
        ToolParserManager.register_lazy_module(PREFIX + name, _PARSERS, tool_class_name(name))
    for name in reasoning_parser_names():
        ReasoningParserManager.register_lazy_module(PREFIX + name, _PARSERS, reasoning_class_name(name))
    for name, kind in _LATER.items():
        ToolParserManager.register_lazy_module(PREFIX + name, _AUTO, f"{kind}ToolParser")
        ReasoningParserManager.register_lazy_module(PREFIX + name, _AUTO, f"{kind}ReasoningParser")
    for flag, names in (
        ("--tool-call-parser", [*_LATER, *tool_parser_names()]),
        ("--reasoning-parser", [*_LATER, *reasoning_parser_names()]),
    ):
        hint_at_close_names(flag, names)
    counters.install()
    try:
        from . import compose
    except ImportError:  # the self-check has logged what is missing
        return
    compose.install()


def _names_ours(words: Sequence[str]) -> bool:
    """Return whether a command line names a parser of ours."""
    return any(word.rpartition("=")[2].startswith(PREFIX) for word in words)


def show_lines() -> None:
    """Pass our log lines to vLLM's handlers, unless our logger has a handler already."""
    if not logger.hasHandlers():
        logger.addHandler(_AsVllms())
        if logger.level == logging.NOTSET:  # do not inherit the root's level, which vLLM changes at start-up
            logger.setLevel(logging.getLogger("vllm").level or logging.INFO)


class _AsVllms(logging.Handler):
    """Passes log records to the handlers of vLLM's logger."""

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger("vllm").handle(record)


def _version() -> str | None:
    try:
        return importlib.import_module("vllm.version").__version__  # type: ignore[no-any-return]
    except (ImportError, AttributeError):
        return None


def tool_class_name(name: str) -> str:
    """Return the name of the class for tool parser `name` in `dynamo_parsers.vllm.parsers`."""
    return f"ToolParser_{name.replace('-', '__')}"


def reasoning_class_name(name: str) -> str:
    """Return the name of the class for reasoning parser `name` in `dynamo_parsers.vllm.parsers`."""
    return f"ReasoningParser_{name.replace('-', '__')}"
