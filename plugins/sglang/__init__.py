"""The SGLang plugin: every Dynamo parser as `dynamo_<name>` for `--tool-call-parser` and `--reasoning-parser`.

`register` is the entry point of group `sglang.srt.plugins`. SGLang calls it once in each of its processes, before it
reads its command line, and swallows what it raises.

- Existing names are never replaced, and registering twice changes nothing.
- HTTP workers (`--tokenizer-worker-num`) load no plugins: they are pointed at `dynamo_parsers.sglang.app`.
- Importing this module imports nothing of SGLang.
"""

from __future__ import annotations

import logging
from importlib import import_module

from dynamo_parsers import counters
from dynamo_parsers.auto import NAME as AUTO
from dynamo_parsers.command_line import hint_at_close_names
from dynamo_parsers.engines.floors import floor, is_too_old
from dynamo_parsers.engines.places import self_check
from dynamo_parsers.registry import PREFIX, reasoning_parser_names, tool_parser_names
from dynamo_parsers.response_templates.declared import NAME as DECLARED

from .places import NEWEST, PLACES

_TOO_OLD = "dynamo-parsers needs SGLang %s or newer; its parsers are not registered (%s)"

logger = logging.getLogger("dynamo_parsers")


def register() -> None:
    """Make the parsers known to SGLang in this process. Never raises: SGLang would hide the reason."""
    try:
        _register()
    except Exception:
        logger.exception("dynamo-parsers could not register its parsers in SGLang")


def _register() -> None:
    version = _version()
    if is_too_old("sglang", version):
        logger.error(_TOO_OLD, floor("sglang"), f"this is {version}")
        return
    try:
        from sglang.srt.function_call.function_call_parser import FunctionCallParser
        from sglang.srt.parser.reasoning_parser import ReasoningParser
        from sglang.srt.plugins.hook_registry import HookRegistry, HookType
    except ImportError as error:
        logger.error(_TOO_OLD, floor("sglang"), error)
        return
    self_check("SGLang", version, PLACES, NEWEST)
    from . import auto, detectors, hooks

    for name in tool_parser_names():
        FunctionCallParser.ToolCallParserEnum.setdefault(PREFIX + name, detectors.tool_detector(name))
    for name in reasoning_parser_names():
        ReasoningParser.DetectorMap.setdefault(PREFIX + name.lower(), detectors.reasoning_detector(name))
    for name in (AUTO, DECLARED):
        FunctionCallParser.ToolCallParserEnum.setdefault(PREFIX + name, auto.AutoToolDetector)
        ReasoningParser.DetectorMap.setdefault(PREFIX + name, auto.AutoReasoningDetector)
    hint_at_close_names("--tool-call-parser", [AUTO, DECLARED, *tool_parser_names()])
    hint_at_close_names("--reasoning-parser", [AUTO, DECLARED, *reasoning_parser_names()])
    counters.install()
    try:
        hooks.point_workers_at_app(HookRegistry, HookType)
        if hooks.may_serve_http():
            auto.install(HookRegistry, HookType)
            hooks.install(HookRegistry, HookType)
    except Exception:
        logger.exception("dynamo-parsers' hooks into SGLang are not installed: parsers are not told the request")
    auto.register_published()


def _version() -> str | None:
    try:
        return str(import_module("sglang.version").__version__)
    except (ImportError, AttributeError):
        return None
