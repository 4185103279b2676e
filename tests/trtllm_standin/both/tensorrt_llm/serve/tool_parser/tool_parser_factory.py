from typing import ClassVar

from .plain_tool_parser import PlainToolParser

MODEL_TYPE_TO_TOOL_PARSER = {"qwen3": "qwen3", "kimi_k2": "kimi_k2"}


class ToolParserFactory:
    parsers: ClassVar = {"qwen3": PlainToolParser, "kimi_k2": PlainToolParser}

    @staticmethod
    def create_tool_parser(tool_parser):
        try:
            return ToolParserFactory.parsers[tool_parser.lower()]()
        except KeyError:
            raise ValueError(f"no tool parser {tool_parser}") from None
