"""What `ParserManager.get_parser` returns if a parser of ours is named: a class whose objects each read one reply.

- If both parsers are ours, or only one is named: `DynamoParser`, for gpt-oss `DynamoHarmonyParser`.
- If one is vLLM's own: vLLM's composition, in which each parser reads its share. A pair for which that does not work
  stops the server at start-up.
- If neither is ours: vLLM's own answer.

Every supported version of vLLM composes its parsers in this method.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence
from functools import wraps
from typing import TYPE_CHECKING

from dynamo_parsers.format import ToolFormat
from dynamo_parsers.registry import PREFIX
from dynamo_parsers.warm import start

from vllm.parser import ParserManager
from vllm.parser.abstract_parser import DelegatingParser

if TYPE_CHECKING:
    from vllm.parser.abstract_parser import Parser

logger = logging.getLogger("dynamo_parsers")

_NAMES = ("tool_parser_name", "reasoning_parser_name")
_CHOSEN = ("tool_parser_cls", "reasoning_parser_cls", "tool_strict_level")
"""Attributes that vLLM sets on the class that it composes; not every version has all of them."""


class CannotCompose(TypeError):
    """The two named parsers cannot read a reply together. The message says which to name instead."""


def install() -> None:
    """Replace `ParserManager.get_parser`. Installing twice changes nothing."""
    if isinstance(ParserManager.__dict__["get_parser"], _Answer):
        return
    theirs = ParserManager.__dict__["get_parser"].__func__
    signature = inspect.signature(theirs)
    if not signature.parameters.keys() >= set(_NAMES):
        return  # the self-check logs what is lost

    @wraps(theirs)
    def get_parser(cls: type[ParserManager], *args: object, **kwargs: object) -> type[Parser] | None:
        asked = signature.bind(cls, *args, **kwargs)
        asked.apply_defaults()
        named = [asked.arguments[name] for name in _NAMES]
        if not any(_is_ours(name) for name in named):
            return theirs(*asked.args, **asked.kwargs)  # type: ignore[no-any-return]
        is_harmony = bool(asked.arguments.get("is_harmony"))
        if is_harmony:
            asked.arguments["is_harmony"] = False
        composed: type[Parser] | None = theirs(*asked.args, **asked.kwargs)
        if composed is None:
            return None
        tool, reasoning = _row_name(composed.tool_parser_cls), _row_name(composed.reasoning_parser_cls)
        start(tool, reasoning, asked.arguments.get("tokenizer"))
        return _composed(composed, named, is_harmony=is_harmony)

    setattr(ParserManager, "get_parser", _Answer(get_parser))  # noqa: B010


class _Answer(classmethod):  # type: ignore[type-arg]
    """Marks the method that `install` has put in place."""


def _is_ours(name: object) -> bool:
    return isinstance(name, str) and name.startswith(PREFIX)


def _composed(composed: type[Parser], named: Sequence[object], *, is_harmony: bool) -> type[Parser]:
    """Return our class for the two parsers that vLLM composed; vLLM's own composition if making ours fails.

    Args:
        composed: the class that vLLM composed.
        named: the names of the two parsers, for messages.
        is_harmony: the model is a gpt-oss.

    Raises:
        CannotCompose: the two parsers cannot read a reply together.
    """
    try:
        return _answer(composed, named, is_harmony=is_harmony)
    except CannotCompose:
        raise
    except Exception:
        logger.exception("dynamo-parsers could not compose a parser; vLLM's own composition of its classes is used")
        return composed


def _answer(composed: type[Parser], named: Sequence[object], *, is_harmony: bool) -> type[Parser]:
    from . import hooks
    from ._versions import Refused
    from .parser import Beside, DynamoParser
    from .parsers import DynamoReasoningParser, DynamoToolParser

    tools, reasoning = composed.tool_parser_cls, composed.reasoning_parser_cls
    hooks.install(DynamoToolParser, (DynamoParser, Beside), Refused)
    base: type[DelegatingParser] = DynamoParser
    if is_harmony:
        from .harmony_parser import DynamoHarmonyParser, check

        check(tools, reasoning, named)
        base = DynamoHarmonyParser
    elif not (
        (tools is None or issubclass(tools, DynamoToolParser))
        and (reasoning is None or issubclass(reasoning, DynamoReasoningParser))
    ):
        _check_mixed(composed, named)
        return type("DynamoBesideParser", (Beside, composed), {})
    chosen = {name: getattr(composed, name) for name in _CHOSEN if hasattr(composed, name)}
    return type(base.__name__, (base,), chosen)


def _row_name(half: type | None) -> str | None:
    """Return the row name of one of our parsers; None for vLLM's own, and if `dynamo_auto` has not chosen yet."""
    row = getattr(half, "row", None)
    return None if row is None or getattr(half, "is_chosen_later", False) else row.name


def _check_mixed(composed: type[Parser], named: Sequence[object]) -> None:
    """Raise CannotCompose if one of the two parsers has to see the whole reply."""
    from .parsers import DynamoReasoningParser, DynamoToolParser

    tools, reasoning = composed.tool_parser_cls, composed.reasoning_parser_cls
    framed = (
        isinstance(tools, type) and issubclass(tools, DynamoToolParser) and not isinstance(tools.row.format, ToolFormat)
    ) or (
        isinstance(reasoning, type) and issubclass(reasoning, DynamoReasoningParser) and reasoning.row.frame is not None
    )
    if framed or DelegatingParser not in composed.__bases__:
        both = " and ".join(str(name) for name in named if name)
        raise CannotCompose(
            f"{both} cannot read a reply together: one of them has to see all of it. Name one of our parsers for both "
            f"--tool-call-parser and --reasoning-parser ({PREFIX}...), or one of vLLM's for both"
        )
