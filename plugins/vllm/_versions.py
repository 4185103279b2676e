"""What vLLM keeps in different places in different versions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from xgrammar import Grammar, StructuralTag

from vllm import envs
from vllm.sampling_params import StructuredOutputsParams

if TYPE_CHECKING:
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.entrypoints.openai.responses.protocol import ResponsesRequest

    Request = ChatCompletionRequest | ResponsesRequest


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


def calls_before(request: Request) -> int:
    """How many calls the conversation has had."""
    count = getattr(import_module("vllm.parser.utils"), "count_history_tool_calls", None)
    return 0 if count is None else int(count(request))


# --- grammars


def enforces_tags() -> bool:
    """Whether vLLM is to constrain calls to the model's own markup."""
    return bool(getattr(envs, "VLLM_ENFORCE_STRICT_TOOL_CALLING", True))


def as_structural_tag(tag: Mapping[str, object]) -> StructuralTag:
    """`tag` as vLLM wants it. Raises what becomes HTTP 400 where a grammar cannot follow the schema of a tool."""
    try:
        _compiles(json.dumps(tag))
    except Exception as error:
        said = _PLACE.sub("", str(error).strip().splitlines()[-1])
        raise refusal(
            "the parameters of a strict tool are no JSON Schema that can be enforced: correct them, or leave strict "
            f"out of the tool ({said})"
        ) from error
    return StructuralTag.model_validate(tag)


_PLACE = re.compile(r"^\[[^]]*\] \S+:[0-9]+: ")
"""Where in its own sources xgrammar says that it is."""


@lru_cache(maxsize=64)
def _compiles(tag: str) -> None:
    Grammar.from_structural_tag(tag)


def constrain_from_start(request: Request) -> bool:
    """Have the grammar begin with the reply, its reasoning included; False where this vLLM cannot be told."""
    if not hasattr(request, "_grammar_from_parser"):
        return False
    request._grammar_from_parser = True
    return True


def has_output_format(request: Request) -> bool:
    """Whether the request says how the answer has to look."""
    return _output_params(request) is not None


def _output_params(request: Request) -> StructuredOutputsParams | None:
    # An older vLLM does not bring `response_format` and `structured_outputs` together.
    return request.extract_structured_outputs() if hasattr(request, "extract_structured_outputs") else None


def output_format_of(request: Request) -> Mapping[str, object] | None:
    """How the answer of `request` has to look, as a format of structural tags; None where it may be anything.

    A structural tag of the client's own, or of vLLM's, says how the whole reply has to look: None.
    """
    params = _output_params(request)
    translate = getattr(import_module("vllm.parser.abstract_parser"), "structured_outputs_to_format", None)
    if params is None or params.structural_tag is not None or translate is None:
        return None
    found = translate(params)
    return None if found is None else dict(found.model_dump())


def set_structural_tag(request: Request, tag: Mapping[str, object]) -> None:
    """Constrain the reply to `tag`, in place of what the request said of the answer."""
    request.structured_outputs = StructuredOutputsParams(structural_tag=json.dumps(tag))
    if hasattr(request, "response_format"):
        request.response_format = None
    else:
        request.text = None


def refusal(text: str) -> Exception:
    """An error that becomes HTTP 400."""
    try:
        kind: type[Exception] = import_module("vllm.exceptions").VLLMValidationError
    except (ImportError, AttributeError):
        kind = ValueError
    return kind(text)
