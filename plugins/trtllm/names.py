"""The names that the parsers have in TensorRT-LLM, which looks all names up in lower case."""

from __future__ import annotations

from dynamo_parsers.registry import PREFIX, reasoning_parser_names, tool_parser_names


def tool_names() -> list[str]:
    """For `--tool_parser`."""
    return [PREFIX + name.lower() for name in tool_parser_names()]


def reasoning_names() -> list[str]:
    """For `--reasoning_parser`."""
    return [PREFIX + name.lower() for name in reasoning_parser_names()]
