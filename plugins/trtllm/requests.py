"""Passes a chat request to the parsers that TensorRT-LLM makes while it answers it.

TensorRT-LLM tells a parser only the tools, and only the tool parser. Its chat post-processors know the rest, so
`install` wraps three of their functions, which every version has:

- `apply_reasoning_parser` and `apply_tool_parser` make a choice's parsers when its first text comes. While they do,
  `told` returns the request.
- For a named choice TensorRT-LLM takes the text, or the first call, as the call's arguments. If our tool parser reads
  the reply, TensorRT-LLM sees no choice from the first text on, and our parser returns only the named function.
- `ChatPostprocArgs.from_request` drops `parallel_tool_calls`. A server that inspects the end of the prompt overwrites
  the request's `thinking` and `enable_thinking` with the result, as if a client had sent them. If a client did send
  them, the copy made here has `FROM_CLIENT`, which the server's own version lacks.

Nothing changes for other tool parsers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import wraps
from types import ModuleType
from typing import Any

from dynamo_parsers.handover import Beside
from dynamo_parsers.request import plain_tool_choice, plain_tools

_CHOICE = "_dynamo_parsers_tool_choice"
_PARALLEL = "_dynamo_parsers_parallel_tool_calls"
"""Attributes that are set on the post-processing arguments. They may go to another process, so they are plain types."""
_MARK = "_dynamo_parsers_hook"

FROM_CLIENT = "_dynamo_parsers_from_client"
"""A template argument that marks `thinking` and `enable_thinking` as the client's own."""

_told: ContextVar[Beside | None] = ContextVar("dynamo_parsers_told", default=None)


def told() -> Beside | None:
    """Return the request for which a parser is being made; None if it is unknown or not read by our tool parser."""
    return _told.get()


_end_is_told: ContextVar[bool] = ContextVar("dynamo_parsers_end_is_told", default=True)


def end_is_told() -> bool:
    """Return whether this TensorRT-LLM tells parsers that a stream has ended; 1.2 does not."""
    return _end_is_told.get()


def install(handlers: ModuleType) -> None:
    """Wrap the functions of the chat post-processors. Installing twice changes nothing."""
    from .tool_parsers import CLASSES

    ours = {name: parser.row.name for name, parser in CLASSES.items()}
    finishes = "finished" in inspect.signature(getattr(handlers, "apply_reasoning_parser", install)).parameters
    for name, made in (("apply_reasoning_parser", "reasoning_parser_dict"), ("apply_tool_parser", "tool_parser_dict")):
        theirs = getattr(handlers, name, None)
        if theirs is not None and not hasattr(theirs, _MARK) and _takes(theirs, "args", "output_index"):
            setattr(handlers, name, _telling(theirs, made, ours, finishes=finishes))
    arguments = getattr(handlers, "ChatPostprocArgs", None)
    theirs = getattr(arguments, "from_request", None)
    if inspect.ismethod(theirs) and not hasattr(theirs, _MARK):
        setattr(arguments, "from_request", classmethod(_keeping(theirs.__func__)))  # noqa: B010


def _takes(theirs: Callable[..., Any], *names: str) -> bool:
    return tuple(inspect.signature(theirs).parameters)[: len(names)] == names


def _telling(theirs: Callable[..., Any], made: str, ours: Mapping[str, str], *, finishes: bool) -> Callable[..., Any]:
    """Wrap `theirs`, which makes the parser of a choice if the dict `made` of its arguments has none."""

    @wraps(theirs)
    def apply(args: Any, output_index: int, *rest: Any, **kwargs: Any) -> Any:
        if output_index in getattr(args, made, ()):
            return theirs(args, output_index, *rest, **kwargs)
        now, ends = _told.set(_beside(args, ours)), _end_is_told.set(finishes)
        try:
            return theirs(args, output_index, *rest, **kwargs)
        finally:
            _told.reset(now)
            _end_is_told.reset(ends)

    setattr(apply, _MARK, True)
    return apply


def _beside(args: Any, ours: Mapping[str, str]) -> Beside | None:
    """Return the settings of our tool parser for these arguments; None if it is not called."""
    name, tools = getattr(args, "tool_parser", None), getattr(args, "tools", None)
    parser = ours.get(name.lower()) if isinstance(name, str) else None
    if parser is None or tools is None:
        return None
    choice = getattr(args, _CHOICE, None) or plain_tool_choice(getattr(args, "tool_choice", None))
    if isinstance(choice, dict):
        setattr(args, _CHOICE, choice)
        args.tool_choice = "auto"
    return Beside(parser, plain_tools(tools), choice, getattr(args, _PARALLEL, True))


def _keeping(theirs: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(theirs)
    def from_request(cls: type, request: Any, *rest: Any, **kwargs: Any) -> Any:
        args = theirs(cls, request, *rest, **kwargs)
        # A default is not something that the client asked for.
        told_so = "parallel_tool_calls" in getattr(request, "model_fields_set", ())
        if told_so and getattr(request, "parallel_tool_calls", None) is False:
            setattr(args, _PARALLEL, False)
        asked = getattr(args, "chat_template_kwargs", None)
        if isinstance(asked, Mapping) and isinstance(asked.get("thinking"), bool):
            args.chat_template_kwargs = {**asked, FROM_CLIENT: True}
        return args

    setattr(from_request, _MARK, True)
    return from_request
