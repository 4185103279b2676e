"""Dynamo's tool-call and reasoning parsers, for vLLM, SGLang and TensorRT-LLM, over one core.

>>> message = parse(text, tool_parser="kimi_k2", reasoning_parser="kimi_k25", tools=tools)
>>> message.content, message.reasoning, message.tool_calls
"""

from .events import ContentDelta, Event, ReasoningDelta, ToolArgumentsDelta, ToolCallEnd, ToolCallStart
from .message import Message, ToolCall, fold, parse
from .parser import Parser
from .registry import reasoning_parser_names, tool_parser_names

__version__ = "0.2.0.dev0"

__all__ = [
    "ContentDelta",
    "Event",
    "Message",
    "Parser",
    "ReasoningDelta",
    "ToolArgumentsDelta",
    "ToolCall",
    "ToolCallEnd",
    "ToolCallStart",
    "__version__",
    "fold",
    "parse",
    "reasoning_parser_names",
    "tool_parser_names",
]
