"""What vLLM keeps in different places in different versions."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from types import ModuleType


def _first_with(name: str, *modules: str) -> ModuleType:
    """The first of `modules` that has `name`. Raises ImportError where none has."""
    for module in modules:
        try:
            found = import_module(module)
        except ImportError:
            continue
        if hasattr(found, name):
            return found
    raise ImportError(f"{name} is in none of {', '.join(modules)}: this vLLM is not known to dynamo-parsers")


_protocol = _first_with(
    "DeltaMessage",
    "vllm.entrypoints.generate.base.protocol",  # since 0.29
    "vllm.entrypoints.openai.engine.protocol",
)
_ids = _first_with("make_tool_call_id", "vllm.renderers.chat_utils", "vllm.entrypoints.chat_utils")

DeltaFunctionCall = _protocol.DeltaFunctionCall
DeltaMessage = _protocol.DeltaMessage
DeltaToolCall = _protocol.DeltaToolCall
ExtractedToolCallInformation = _protocol.ExtractedToolCallInformation
FunctionCall = _protocol.FunctionCall
ToolCall = _protocol.ToolCall


def function_tools(tools: Sequence[object]) -> Sequence[object]:
    """`tools` as the model is shown them: functions of namespaces and custom tools as functions of their own."""
    flatten = getattr(import_module("vllm.tool_parsers.utils"), "get_function_tools", None)
    return tools if flatten is None else list(flatten(tools))


def new_call_id() -> str:
    """An id in vLLM's own style."""
    return str(_ids.make_tool_call_id(id_type="random"))
