from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar


@dataclass
class ReasoningParserResult:
    content: str = ""
    reasoning_content: str = ""


def register_reasoning_parser(*names, **defaults):
    def put(parser):
        if parser.resolves_thinking_from_prompt and not (
            isinstance(getattr(parser, "reasoning_start", None), str)
            and isinstance(getattr(parser, "reasoning_end", None), str)
        ):
            raise TypeError("the markers have to be attributes of the class")
        for name in names:
            ReasoningParserFactory._parsers[name] = (parser, defaults)
        return parser

    return put


class ReasoningParserFactory:
    _parsers: ClassVar = {}

    @classmethod
    def create_reasoning_parser(cls, reasoning_parser, chat_template_kwargs=None):
        try:
            parser, defaults = cls._parsers[reasoning_parser.lower()]
        except KeyError:
            raise ValueError(f"no reasoning parser {reasoning_parser}") from None
        return parser(chat_template_kwargs=chat_template_kwargs, **defaults)

    @classmethod
    def resolve_prefilled_thinking(cls, reasoning_parser, prompt):
        parser, _ = cls._parsers[reasoning_parser.lower()]
        if not parser.resolves_thinking_from_prompt:
            return None
        tail = prompt[-64:].rstrip()
        if tail.endswith(parser.reasoning_end):
            return False
        return True if tail.endswith(parser.reasoning_start) else None

    @classmethod
    def keys(cls):
        return cls._parsers.keys()


class BaseReasoningParser(ABC):
    needs_raw_special_tokens = False
    resolves_thinking_from_prompt = False

    def __init__(self, *, chat_template_kwargs=None):
        self._told = chat_template_kwargs

    @abstractmethod
    def parse(self, text):
        raise NotImplementedError

    @abstractmethod
    def parse_delta(self, delta_text):
        raise NotImplementedError

    def finish(self):
        return ReasoningParserResult()


@register_reasoning_parser("deepseek-r1", "qwen3")
class PlainReasoningParser(BaseReasoningParser):
    """Stands for the parsers that TensorRT-LLM brings: every text is content."""

    def parse(self, text):
        return ReasoningParserResult(content=text)

    def parse_delta(self, delta_text):
        return ReasoningParserResult(content=delta_text)
