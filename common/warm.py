"""Compiles the parsers of a server when it starts, before the first reply."""

from __future__ import annotations

import logging
from functools import cache

from . import counters
from .parser import Parser
from .registry import reasoning_row, tool_row
from .token_ids import Tokenizer, needs_special_tokens, reasoning_ids

logger = logging.getLogger("dynamo_parsers")

_TOOLS = (
    {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "places": {"type": "array"}},
        },
    },
)
_PROSE = "If a < b [as in c] then {d}, (e).\n\nYes: "
_CUTS = 8


def prepare(tool_parser: str | None = None, reasoning_parser: str | None = None) -> None:
    """Compile the patterns that the named parsers need, by reading replies with them.

    Args:
        tool_parser: name of the tool-call parser, as for `Parser`; None: there is none.
        reasoning_parser: name of the reasoning parser; None: there is none.

    Raises:
        ValueError: an unknown parser name.
    """
    call = "" if tool_parser is None else tool_row(tool_parser).sample
    thought = "" if reasoning_parser is None else reasoning_row(reasoning_parser).sample
    replies = [f"{thought}{_PROSE}{call}{call}\n{_PROSE}", f"{thought}{call}", f"{_PROSE}{call}{thought}"]
    replies += [call[: len(call) * size // _CUTS] for size in range(1, _CUTS)]
    # Missing markup, and another call in place of a value or closer.
    replies += [f"{each} {call}" for each in replies[3:]]
    for tools in (_TOOLS, ()):
        for inside in (False, True):
            for reply in replies:
                for pieces in ((reply,), tuple(reply)):
                    parser = Parser(tool_parser, reasoning_parser, tools, in_reasoning=inside)
                    for piece in pieces:
                        parser.feed(piece)
                    parser.finish()


def start(
    tool_parser: str | None = None, reasoning_parser: str | None = None, tokenizer: Tokenizer | None = None
) -> None:
    """Prepare a server's parsers when it starts, so that its first reply costs no more than the second.

    Each pair is prepared once per process. Never raises: a failure is logged, and only makes the first reply slower.

    Args:
        tool_parser: as for `prepare`.
        reasoning_parser: as for `prepare`.
        tokenizer: the model's, if it is available: the ids of the markers are looked up.
    """
    try:
        counters.prepare()
        _prepare_once(tool_parser, reasoning_parser)
        if tokenizer is not None:
            reasoning = None if reasoning_parser is None else reasoning_row(reasoning_parser)
            needs_special_tokens(None if tool_parser is None else tool_row(tool_parser), reasoning, tokenizer)
            if reasoning is not None:
                reasoning_ids(reasoning, tokenizer)
    except Exception as error:
        logger.warning(
            "dynamo-parsers could not prepare its parsers (%s): the first reply will do it", type(error).__name__
        )
        logger.debug("the defect", exc_info=error)


_prepare_once = cache(prepare)
