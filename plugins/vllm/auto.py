"""Parsers in vLLM that are chosen by the tokenizer when the server starts.

- `dynamo_auto`: the parsers that fit the tokenizer and its chat template.
- `dynamo_response_template`: parsers made from the template that the tokenizer's config declares.

Calling one of these classes returns an object of the chosen class. vLLM calls it at start-up (since 0.32), and refuses
to start if that raises; older versions refuse the request.
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

# A child of vLLM's logger, as other loggers do not show lines of this level.
logger = logging.getLogger("vllm.dynamo_parsers")

_said: set[str] = set()


class AutoToolParser(DynamoToolParser):
    """`--tool-call-parser dynamo_auto`. Raises NotConclusive if the evidence does not point to one parser."""

    row = TOOL_ROWS[0]
    """A placeholder: objects are always of the chosen class, never of this one."""
    is_chosen_later = True

    def __new__(cls, tokenizer: TokenizerLike, tools: list[Tool] | None = None) -> DynamoToolParser:  # type: ignore[misc]
        return tool_class(_chosen(tokenizer).tool)(tokenizer, tools)


class AutoReasoningParser(DynamoReasoningParser):
    """`--reasoning-parser dynamo_auto`. Raises NotConclusive if no known kind of reasoning fits the model."""

    row: ClassVar = REASONING_ROWS[0]
    is_chosen_later = True

    def __new__(cls, tokenizer: TokenizerLike, *args: object, **kwargs: object) -> DynamoReasoningParser:  # type: ignore[misc]
        return reasoning_class(reasoning_of(_chosen(tokenizer)))(tokenizer, *args, **kwargs)


class DeclaredToolParser(DynamoToolParser):
    """`--tool-call-parser dynamo_response_template`. Raises Refused if there is no template or it cannot be served."""

    row = TOOL_ROWS[0]
    is_chosen_later = True

    def __new__(cls, tokenizer: TokenizerLike, tools: list[Tool] | None = None) -> DynamoToolParser:  # type: ignore[misc]
        return tool_class(declared.tool_of(_declared(tokenizer)))(tokenizer, tools)


class DeclaredReasoningParser(DynamoReasoningParser):
    """`--reasoning-parser dynamo_response_template`. Also raises Refused if the template has no reasoning."""

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
    _say_once(f"{name} was made from {made.why}")
    return made


def _say_once(line: str) -> None:
    if line not in _said:
        _said.add(line)
        logger.info("%s", line)
