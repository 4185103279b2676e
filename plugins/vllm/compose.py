"""What `ParserManager.get_parser` answers if a parser of ours is named: one object a reply.

- Both named parsers are ours, or only one is named: `DynamoParser`, for gpt-oss `DynamoHarmonyParser`.
- One is vLLM's own: vLLM's composition, in which each half reads its share. A pair that cannot work so does not start.
- None is ours: vLLM's answer.

Every version of vLLM that is supported composes there.
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
"""What vLLM sets on the class that it composes, as far as a version has it."""


class CannotCompose(TypeError):
    """Two parsers that cannot read a reply together. The message says what to name."""


def install() -> None:
    """Answer for `ParserManager.get_parser`. Installing twice changes nothing."""
    if isinstance(ParserManager.__dict__["get_parser"], _Answer):
        return
    theirs = ParserManager.__dict__["get_parser"].__func__
    signature = inspect.signature(theirs)
    if not signature.parameters.keys() >= set(_NAMES):
        return  # the self-check says what that costs

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
    """What `install` puts in place, to know it by."""


def _is_ours(name: object) -> bool:
    return isinstance(name, str) and name.startswith(PREFIX)


def _composed(composed: type[Parser], named: Sequence[object], *, is_harmony: bool) -> type[Parser]:
    """Our class for the halves that vLLM composed, `named` so.

    Raises CannotCompose for a pair that cannot read a reply. Any other error here leaves vLLM's composition as it is.
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
    """The name of a half's row; None for vLLM's own half, and if `dynamo_auto` has yet to choose."""
    row = getattr(half, "row", None)
    return None if row is None or getattr(half, "is_chosen_later", False) else row.name


def _check_mixed(composed: type[Parser], named: Sequence[object]) -> None:
    """Raises CannotCompose if one of the two halves has to see the whole reply."""
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
            f"{both} cannot read a reply together: one of them has to see all of it. Name a parser of ours for both "
            f"--tool-call-parser and --reasoning-parser ({PREFIX}...), or one of vLLM's for both"
        )
