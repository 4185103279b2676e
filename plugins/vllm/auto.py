"""Parsers in vLLM that the tokenizer decides, when the server starts.

- `dynamo_auto`: those that the tokenizer and its chat template show.
- `dynamo_response_template`: those that are made of the template which the tokenizer's config declares.

Each class makes an object of the class that was chosen, so vLLM works with that one. vLLM makes one at start-up (since
0.32), and refuses to start where that raises; older versions refuse the request.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from dynamo_parsers.auto import Chosen, choose, reasoning_of
from dynamo_parsers.registry import PREFIX, REASONING_ROWS, TOOL_ROWS
from dynamo_parsers.response_templates import declared
from dynamo_parsers.token_ids import once
from dynamo_parsers.warm import start

from .parsers import DynamoReasoningParser, DynamoToolParser, reasoning_class, tool_class

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
        return tool_class(_chosen(tokenizer).tool)(tokenizer, tools)


class AutoReasoningParser(DynamoReasoningParser):
    """`--reasoning-parser dynamo_auto`. Raises NotConclusive where the model shows no reasoning that is known."""

    row: ClassVar = REASONING_ROWS[0]
    is_chosen_later = True

    def __new__(cls, tokenizer: TokenizerLike, *args: object, **kwargs: object) -> DynamoReasoningParser:  # type: ignore[misc]
        return reasoning_class(reasoning_of(_chosen(tokenizer)))(tokenizer, *args, **kwargs)


class DeclaredToolParser(DynamoToolParser):
    """`--tool-call-parser dynamo_response_template`. Raises Refused where the template cannot be served, or is none."""

    row = TOOL_ROWS[0]
    is_chosen_later = True

    def __new__(cls, tokenizer: TokenizerLike, tools: list[Tool] | None = None) -> DynamoToolParser:  # type: ignore[misc]
        return tool_class(declared.tool_of(_declared(tokenizer)))(tokenizer, tools)


class DeclaredReasoningParser(DynamoReasoningParser):
    """`--reasoning-parser dynamo_response_template`. Raises Refused, too, where the template has no reasoning."""

    row: ClassVar = REASONING_ROWS[0]
    is_chosen_later = True

    def __new__(cls, tokenizer: TokenizerLike, *args: object, **kwargs: object) -> DynamoReasoningParser:  # type: ignore[misc]
        return reasoning_class(declared.reasoning_of(_declared(tokenizer)))(tokenizer, *args, **kwargs)


@once
def _chosen(tokenizer: Any) -> Chosen:
    chosen = choose(tokenizer)
    start(chosen.tool.name, None if chosen.reasoning is None else chosen.reasoning.name, tokenizer)
    _say_once(f"dynamo_auto chose {chosen.why}")
    return chosen


@once
def _declared(tokenizer: Any) -> declared.Declared:
    name = PREFIX + declared.NAME
    made = declared.parsers_of(declared.template_for(tokenizer, name))
    tool, reasoning = made.tool, made.reasoning
    start(None if tool is None else tool.name, None if reasoning is None else reasoning.name, tokenizer)
    _say_once(f"{name} is made of {made.why}")
    return made


def _say_once(line: str) -> None:
    if line not in _said:
        _said.add(line)
        logger.info("%s", line)
