"""Converts an engine's request objects to plain ones: each engine has classes of its own for OpenAI's request."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable


def plain_tools(tools: Iterable[object] | None) -> list[dict[str, object]]:
    """Return `tools` of either API as `{"name", "parameters", "strict"}`."""
    return [_plain_tool(tool) for tool in tools or ()]


def any_strict(tools: Iterable[object]) -> bool:
    """Return whether one of `tools`, of either API, is strict."""
    return True in [getattr(getattr(tool, "function", tool), "strict", None) for tool in tools]


def _plain_tool(tool: object) -> dict[str, object]:
    function = getattr(tool, "function", tool)
    return {
        "name": getattr(function, "name", None),
        "parameters": getattr(function, "parameters", None),
        "strict": getattr(function, "strict", None),
    }


def plain_tool_choice(choice: object) -> object:
    """Return a `tool_choice` of either API: its word, "auto" if there is none, or `{"name"}` of a function."""
    if choice is None or isinstance(choice, str):
        return choice or "auto"
    function = getattr(choice, "function", choice)
    return {"name": getattr(function, "name", None)}


def free_id(number: Callable[[str, int], str], name: str, at: int, taken: Container[str]) -> str:
    """Return the id that `number` makes for call `at` of a conversation, or the next one that is not `taken`."""
    while (call_id := number(name, at)) in taken:
        at += 1
    return call_id
