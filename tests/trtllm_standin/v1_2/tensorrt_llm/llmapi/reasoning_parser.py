from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar


@dataclass
class ReasoningParserResult:
    content: str = ""
    reasoning_content: str = ""


class BaseReasoningParser(ABC):
    @abstractmethod
    def parse(self, text):
        raise NotImplementedError

    @abstractmethod
    def parse_delta(self, delta_text):
        raise NotImplementedError


class PlainReasoningParser(BaseReasoningParser):
    """Stands for the parsers that TensorRT-LLM brings: every text is content."""

    def parse(self, text):
        return ReasoningParserResult(content=text)

    def parse_delta(self, delta_text):
        return ReasoningParserResult(content=delta_text)


class ReasoningParserFactory:
    parsers: ClassVar = {"deepseek-r1": PlainReasoningParser, "qwen3": PlainReasoningParser}

    @staticmethod
    def create_reasoning_parser(reasoning_parser):
        try:
            return ReasoningParserFactory.parsers[reasoning_parser.lower()]()
        except KeyError:
            raise ValueError(f"no reasoning parser {reasoning_parser}") from None
