"""The TensorRT-LLM plugin: every Dynamo parser as `dynamo_<name>` for `--tool_parser` and `--reasoning_parser`.

TensorRT-LLM has no plug-in mechanism, so something has to fill its two registries: `register`, the command
`dynamo-trtllm-serve`, or the hook that `dynamo-parsers trtllm enable` installs.

- Existing names are never replaced, and registering twice changes nothing.
- Importing this module imports nothing of TensorRT-LLM, and none of the parsers.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from functools import wraps
from importlib import import_module
from types import ModuleType
from typing import Any

from dynamo_parsers.engines.floors import floor, is_too_old

FACTORY = "tensorrt_llm.serve.tool_parser.tool_parser_factory"
REASONING = "tensorrt_llm.llmapi.reasoning_parser"
HANDLERS = "tensorrt_llm.serve.postprocess_handlers"
COMMANDS = "tensorrt_llm.commands.serve"
SERVER = "tensorrt_llm.serve.openai_server"

logger = logging.getLogger("dynamo_parsers")


class UnknownInterface(Exception):
    """The installed TensorRT-LLM has an interface that these classes do not fit."""


def register() -> None:
    """Make the parsers known to TensorRT-LLM in this process; this imports TensorRT-LLM. Never raises."""
    try:
        check_version()
        for module in (FACTORY, REASONING):
            import_module(module)
    except (ImportError, UnknownInterface) as error:
        logger.error("dynamo-parsers needs TensorRT-LLM %s; its parsers are not registered (%s)", wanted(), error)
        return
    for module in AFTER:
        after_import(module)
    if HANDLERS not in sys.modules:
        from . import hook

        hook.install()
    check_places()


def check_places() -> None:
    """Check the places in TensorRT-LLM that the plugin needs, and log what is missing."""
    from dynamo_parsers.engines.places import self_check

    from .places import NEWEST, PLACES

    self_check("TensorRT-LLM", version(), PLACES, NEWEST)


def after_import(name: str) -> None:
    """Do what is due when TensorRT-LLM's module `name` has been imported. Never raises: that would stop the server."""
    module = sys.modules.get(name)
    due = AFTER.get(name)
    if module is None or due is None:
        return
    try:
        check_version()
        due(module)
    except UnknownInterface as error:
        logger.error("dynamo-parsers needs TensorRT-LLM %s; %s", wanted(), error)
    except Exception:
        logger.exception("dynamo-parsers could not register its parsers in TensorRT-LLM")


def wanted() -> str:
    """Return the supported versions, for messages."""
    return f"{floor('trtllm')} or newer"


def version() -> str | None:
    """Return the version of the TensorRT-LLM in this environment; None if there is none or it does not tell."""
    try:
        found = getattr(import_module("tensorrt_llm.version"), "__version__", None)
    except ImportError:
        return None
    return found if isinstance(found, str) else None


def check_version() -> None:
    """Raise UnknownInterface if TensorRT-LLM is older than the oldest supported version."""
    said = version()
    if is_too_old("trtllm", said):
        raise UnknownInterface(f"this is {said}")


def _register_tool_parsers(module: ModuleType) -> None:
    parsers = getattr(getattr(module, "ToolParserFactory", None), "parsers", None)
    if not isinstance(parsers, dict):
        raise UnknownInterface("this version keeps its tool parsers elsewhere; none of ours is registered")
    from .tool_parsers import CLASSES

    for name, parser in CLASSES.items():
        parsers.setdefault(name, parser)


def _register_reasoning_parsers(module: ModuleType) -> None:
    factory = getattr(module, "ReasoningParserFactory", None)
    decorator = getattr(module, "register_reasoning_parser", None)
    known = getattr(factory, "_parsers" if decorator is not None else "parsers", None)
    if not isinstance(known, dict):
        raise UnknownInterface("this version keeps its reasoning parsers elsewhere; none of ours is registered")
    from .reasoning_parsers import CLASSES

    for name, parser in CLASSES.items():
        if name in known:
            continue
        if decorator is not None:
            decorator(name)(parser)
        else:
            known[name] = parser


def _tell_requests(module: ModuleType) -> None:
    """Make the chat post-processors tell parsers the request."""
    from . import requests

    requests.install(module)


def _widen_choices(module: ModuleType) -> None:
    """Add the names to the command line's choices, as click may have copied the registries before."""
    from dynamo_parsers.command_line import hint_at_close_names
    from dynamo_parsers.registry import reasoning_parser_names, tool_parser_names

    from .names import reasoning_names, tool_names

    hint_at_close_names("--tool_parser", tool_parser_names())
    hint_at_close_names("--reasoning_parser", reasoning_parser_names())
    check_places()  # the command line is imported last, so no other module is half imported
    for command in _commands(vars(module).values()):
        for parameter in getattr(command, "params", ()):
            choice = getattr(parameter, "type", None)
            said = getattr(choice, "choices", None)
            ours = {"tool_parser": tool_names, "reasoning_parser": reasoning_names}.get(parameter.name)
            if choice is None or said is None or ours is None:
                continue
            missing = [name for name in ours() if name not in said]
            if missing:
                choice.choices = (*said, *missing)


def _prepare_at_start(module: ModuleType) -> None:
    """Compile a server's parsers when it starts, so that its first reply costs no more than the second."""
    server = getattr(module, "OpenAIServer", None)
    theirs = getattr(server, "__init__", None)
    if server is None or theirs is None or hasattr(theirs, "_dynamo_parsers_hook"):
        return

    @wraps(theirs)
    def made(self: Any, *args: Any, **kwargs: Any) -> None:
        theirs(self, *args, **kwargs)
        _prepare(self)

    setattr(made, "_dynamo_parsers_hook", True)  # noqa: B010
    server.__init__ = made


def _prepare(server: Any) -> None:
    from dynamo_parsers.registry import PREFIX, reasoning_parser_names, tool_parser_names
    from dynamo_parsers.warm import start

    engine = getattr(server, "generator", None) or getattr(server, "llm", None)
    said = getattr(server, "tool_parser", None), getattr(getattr(engine, "args", None), "reasoning_parser", None)
    named: list[str | None] = []
    for name, known in zip(said, (tool_parser_names(), reasoning_parser_names()), strict=True):
        ours = {PREFIX + each.lower(): each for each in known}
        named.append(ours.get(name.lower()) if isinstance(name, str) else None)
    if any(named):
        start(named[0], named[1])


def _commands(values: Iterable[object]) -> list[object]:
    """Return the click commands among `values`, and their subcommands."""
    found: list[object] = []
    for value in values:
        if isinstance(getattr(value, "params", None), list):
            found.append(value)
            inner = getattr(value, "commands", None)
            if isinstance(inner, dict):
                found += _commands(inner.values())
    return found


AFTER: dict[str, Callable[[ModuleType], None]] = {
    FACTORY: _register_tool_parsers,
    REASONING: _register_reasoning_parsers,
    HANDLERS: _tell_requests,
    COMMANDS: _widen_choices,
    SERVER: _prepare_at_start,
}
"""What is due when a module of TensorRT-LLM has been imported."""
