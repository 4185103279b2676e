"""`dynamo_auto` in vLLM: the parsers that the tokenizer and its chat template show, chosen when the server starts.

Each of the two classes makes an object of the class that was chosen, so vLLM works with that one. vLLM makes one at
start-up (since 0.32), and refuses to start where that raises; older versions refuse the request.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from dynamo_parsers.auto import Chosen, choose, reasoning_of
from dynamo_parsers.registry import REASONING_ROWS, TOOL_ROWS
from dynamo_parsers.token_ids import once
from dynamo_parsers.warm import start

from . import parsers, reasoning_class_name, tool_class_name
from .parsers import DynamoReasoningParser, DynamoToolParser

if TYPE_CHECKING:
    from vllm.tokenizers import TokenizerLike
    from vllm.tool_parsers.abstract_tool_parser import Tool

# Below vLLM's own logger: others show no line of this level.
logger = logging.getLogger("vllm.dynamo_parsers")

_said: set[str] = set()


class AutoToolParser(DynamoToolParser):
    """`--tool-call-parser dynamo_auto`. Raises NotConclusive where the evidence does not name one parser."""

    row = TOOL_ROWS[0]
    """vLLM asks an object, which is of the chosen class, and never this one."""
    is_chosen_later = True

    def __new__(cls, tokenizer: TokenizerLike, tools: list[Tool] | None = None) -> DynamoToolParser:  # type: ignore[misc]
        row = _chosen(tokenizer).tool
        made: type[DynamoToolParser] = getattr(parsers, tool_class_name(row.name))
        return made(tokenizer, tools)


class AutoReasoningParser(DynamoReasoningParser):
    """`--reasoning-parser dynamo_auto`. Raises NotConclusive where the model shows no reasoning that is known."""

    row: ClassVar = REASONING_ROWS[0]
    is_chosen_later = True

    def __new__(cls, tokenizer: TokenizerLike, *args: object, **kwargs: object) -> DynamoReasoningParser:  # type: ignore[misc]
        row = reasoning_of(_chosen(tokenizer))
        made: type[DynamoReasoningParser] = getattr(parsers, reasoning_class_name(row.name))
        return made(tokenizer, *args, **kwargs)


@once
def _chosen(tokenizer: Any) -> Chosen:
    chosen = choose(tokenizer)
    start(chosen.tool.name, None if chosen.reasoning is None else chosen.reasoning.name, tokenizer)
    if chosen.why not in _said:
        _said.add(chosen.why)
        logger.info("dynamo_auto chose %s", chosen.why)
    return chosen
