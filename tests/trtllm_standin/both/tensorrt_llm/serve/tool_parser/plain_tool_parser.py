from .base_tool_parser import BaseToolParser
from .core_types import StreamingParseResult, StructureInfo


class PlainToolParser(BaseToolParser):
    """Stands for the parsers that TensorRT-LLM brings: every text is content."""

    def detect_and_parse(self, text, tools):
        return StreamingParseResult(normal_text=text)

    def parse_streaming_increment(self, new_text, tools):
        return StreamingParseResult(normal_text=new_text)

    def has_tool_call(self, text):
        return False

    def structure_info(self):
        return lambda name: StructureInfo(begin=name, end="", trigger="")
