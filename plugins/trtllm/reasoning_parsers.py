"""TensorRT-LLM's reasoning parser over the core; one class is made for each row of the registry.

TensorRT-LLM makes a parser for each choice: 1.2 without arguments, 1.3 with the request's template arguments. The rest
of the request comes from `requests.told`. TensorRT-LLM reads the class attributes without making an instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from dynamo_parsers.engines.boundary import guarded
from dynamo_parsers.handover import ReasoningHalf
from dynamo_parsers.registry import PREFIX, partners, reasoning_parser_names, reasoning_row
from dynamo_parsers.rows import ReasoningRow

from .requests import FROM_CLIENT, end_is_told, told

if TYPE_CHECKING:

    class BaseReasoningParser:
        pass

    class ReasoningParserFactory:
        pass

    class ReasoningParserResult:
        def __init__(self, *, content: str, reasoning_content: str) -> None: ...

else:
    from tensorrt_llm.llmapi.reasoning_parser import (
        BaseReasoningParser,
        ReasoningParserFactory,
        ReasoningParserResult,
    )

_TELLS_PROMPT = hasattr(ReasoningParserFactory, "resolve_prefilled_thinking")
"""Whether this TensorRT-LLM inspects the end of the prompt for parsers that ask for it."""


class DynamoReasoningParser(BaseReasoningParser):
    """A reasoning parser. Each subclass sets a row of the registry."""

    row: ClassVar[ReasoningRow]
    reasoning_start: ClassVar[str] = ""
    reasoning_end: ClassVar[str] = ""
    """The markers around reasoning: TensorRT-LLM starts a grammar after the closer."""
    needs_raw_special_tokens: ClassVar[bool] = False
    resolves_thinking_from_prompt: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """The name shown in log lines."""
        return f"reasoning parser {PREFIX}{self.row.name}"

    def __init__(self, *, chat_template_kwargs: Mapping[str, object] | None = None, **_: object) -> None:
        asked = chat_template_kwargs or {}
        self._half = ReasoningHalf(
            self.row.name, asked, _prompt_ends_inside(asked), beside=told(), end_is_told=end_is_told()
        )

    @guarded(lambda _, text: _result(("", text)))
    def parse(self, text: str) -> ReasoningParserResult:
        """Return the reasoning and the content of a whole reply."""
        return _result(self._half.whole(text))

    @guarded(lambda _, text: _result(("", text)))
    def parse_delta(self, delta_text: str) -> ReasoningParserResult:
        """Read the next piece and return its reasoning and content."""
        return _result(self._half.feed(delta_text))

    @guarded(lambda *_: _result(("", "")))
    def finish(self) -> ReasoningParserResult:
        """End the stream and return the last reasoning and content. TensorRT-LLM 1.2 does not call it."""
        return _result(self._half.finish())


def _prompt_ends_inside(kwargs: Mapping[str, object]) -> bool | None:
    """Return whether the prompt ends in open reasoning; None if it is not known.

    A TensorRT-LLM that inspects the prompt overwrites both of these arguments with the result.
    """
    thinking, enabled = kwargs.get("thinking"), kwargs.get("enable_thinking")
    told = _TELLS_PROMPT and FROM_CLIENT not in kwargs
    return thinking if told and isinstance(thinking, bool) and thinking is enabled else None


def _result(said: tuple[str, str]) -> ReasoningParserResult:
    reasoning, content = said
    return ReasoningParserResult(content=content, reasoning_content=reasoning)


def _class_for(name: str) -> type[DynamoReasoningParser]:
    row = reasoning_row(name)
    return type(
        f"DynamoReasoningParser_{name.replace('-', '__')}",
        (DynamoReasoningParser,),
        {
            "__module__": __name__,
            "row": row,
            "reasoning_start": row.open,
            "reasoning_end": row.close,
            # A call ends reasoning, with or without tools in the request, so its markers have to stay too.
            "needs_raw_special_tokens": bool(row.special_tokens or any(tool.special_tokens for tool in partners(row))),
        },
    )


CLASSES = {PREFIX + name.lower(): _class_for(name) for name in reasoning_parser_names()}
"""The class of each name."""
