"""gpt-oss in vLLM: our parsers where they are named, instead of the Harmony parser that vLLM hard-wires.

For models of type `gpt_oss` vLLM composes its own `HarmonyParser`, whatever parsers are named, and that refuses all
classes but its own. `install` puts itself before `ParserManager.get_parser` and answers only where a parser of ours
is named for such a model; everything else goes to vLLM unchanged.

- The answer is one object over one machine: it needs no hand-over between a reasoning half and a tool half.
- It is a `HarmonyParser`, because the Responses API asks for one and reads its segments and messages.
- A Responses request for tools that vLLM runs itself (`code_interpreter`, `web_search_preview`, `container`, `mcp`)
  is read by vLLM's parser: what is sent to those tools need not be JSON, and is nothing that a client gets.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import wraps
from typing import TYPE_CHECKING

from dynamo_parsers.registry import PREFIX

from vllm import version
from vllm.parser import ParserManager

if TYPE_CHECKING:
    from vllm.parser.abstract_parser import Parser

KNOWN = ((0, 32), (0, 33))
"""The versions of vLLM whose composition is known."""


def install() -> None:
    """Answer for `ParserManager.get_parser` where a parser of ours is named for a gpt-oss model."""
    if isinstance(ParserManager.__dict__["get_parser"], _Answer):
        return
    theirs = ParserManager.__dict__["get_parser"].__func__
    signature = inspect.signature(theirs)
    if getattr(version, "__version_tuple__", ())[:2] not in KNOWN or "is_harmony" not in signature.parameters:
        return

    @wraps(theirs)
    def get_parser(cls: type[ParserManager], *args: object, **kwargs: object) -> type[Parser] | None:
        asked = signature.bind(cls, *args, **kwargs)
        asked.apply_defaults()
        named = [asked.arguments[name] for name in ("tool_parser_name", "reasoning_parser_name")]
        if not asked.arguments["is_harmony"] or not _ours(named):
            return theirs(*asked.args, **asked.kwargs)  # type: ignore[no-any-return]
        asked.arguments["is_harmony"] = False
        composed: type[Parser] | None = theirs(*asked.args, **asked.kwargs)
        if composed is None:
            return None
        from .harmony_parser import over

        return over(composed, named)

    setattr(ParserManager, "get_parser", _Answer(get_parser))  # noqa: B010


class _Answer(classmethod):  # type: ignore[type-arg]
    """What `install` puts in place, to know it by."""


def _ours(named: Sequence[object]) -> bool:
    return any(isinstance(name, str) and name.startswith(PREFIX) for name in named)
