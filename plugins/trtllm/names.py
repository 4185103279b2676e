"""The names of the parsers in TensorRT-LLM, which looks up all names in lower case."""

from __future__ import annotations

from dynamo_parsers.registry import PREFIX, reasoning_parser_names, tool_parser_names


def tool_names() -> list[str]:
    """Return the names for `--tool_parser`."""
    return [PREFIX + name.lower() for name in tool_parser_names()]


def reasoning_names() -> list[str]:
    """Return the names for `--reasoning_parser`."""
    return [PREFIX + name.lower() for name in reasoning_parser_names()]
