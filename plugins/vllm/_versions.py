"""Parts of vLLM that differ between its versions, looked up when this module is imported, at vLLM's start-up.

Nothing here imports anything of vLLM inside a request. If a version lacks a part, the function for it has a fallback;
`places` says what is lost with it.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dynamo_parsers.write.tag_text import Tag
from xgrammar import Grammar, StructuralTag

from vllm import envs
from vllm.sampling_params import StructuredOutputsParams

if TYPE_CHECKING:
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.entrypoints.openai.responses.protocol import ResponsesRequest

    Request = ChatCompletionRequest | ResponsesRequest


def _optional(name: str, *modules: str) -> Any:
    """Return `name` from the first of `modules` that has it; None if none of them has."""
    for module in modules:
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError):
            continue
    return None


_make_id = _optional("make_tool_call_id", "vllm.renderers.chat_utils", "vllm.entrypoints.chat_utils")
_flatten = _optional("get_function_tools", "vllm.tool_parsers.utils")
_count_calls = _optional("count_history_tool_calls", "vllm.parser.utils")
_to_format = _optional("structured_outputs_to_format", "vllm.parser.abstract_parser")
_check_nesting = _optional("check_json_nesting", "vllm.sampling_params")
_ClientError: type[Exception] = _optional("VLLMValidationError", "vllm.exceptions") or ValueError


def function_tools(tools: Sequence[object]) -> Sequence[object]:
    """Return `tools` as the model sees them: functions in namespaces and custom tools become plain functions."""
    return tools if _flatten is None else list(_flatten(tools))


def new_call_id() -> str:
    """Return a new call id in vLLM's own style."""
    return f"{MADE_ID}{uuid.uuid4().hex[:16]}" if _make_id is None else str(_make_id(id_type="random"))


MADE_ID = "chatcmpl-tool-"
"""The prefix of vLLM's own call ids."""


def calls_before(request: Request) -> int:
    """Return the number of tool calls in the request's conversation; 0 if this vLLM cannot count them."""
    return 0 if _count_calls is None else int(_count_calls(request))


# --- grammars


def enforces_tags() -> bool:
    """Return whether vLLM is configured to constrain calls to the model's own markup."""
    return bool(getattr(envs, "VLLM_ENFORCE_STRICT_TOOL_CALLING", True))


class Refused(_ClientError):  # type: ignore[misc, valid-type]
    """A request that cannot be served: vLLM answers HTTP 400. The message says what to change."""


class MadeTag(StructuralTag):
    """One of our tags in the type that vLLM expects. It is never validated by pydantic; vLLM only serializes it."""

    def model_dump(self, **_: Any) -> dict[str, Any]:
        """Return the tag itself, not a copy, which would cost each request."""
        return {"type": "structural_tag", "format": self.format}

    def model_dump_json(self, **_: Any) -> str:
        return json.dumps(self.model_dump())


def as_structural_tag(tag: Tag) -> StructuralTag:
    """Return `tag` as an xgrammar object, for the paths of vLLM that do not accept its text."""
    return MadeTag.model_construct(type="structural_tag", format=tag.format)


def check_tag(tag: Tag) -> None:
    """Check the parts of a tag that a backend may refuse, once per tag.

    Raises:
        Refused: a tool's schema cannot be made into a grammar, or it nests deeper than vLLM allows. vLLM itself would
            report that only after a stream has begun.
    """
    if tag.engine is not None:
        return
    try:
        if tag.doubtful and _check_nesting is not None:
            _check_nesting(tag.text, structural_tag=True)
        for call in tag.doubtful:
            _compiles(call)
    except Exception as error:
        said = _PLACE.sub("", str(error).strip().splitlines()[-1])
        raise Refused(
            "the parameters of a strict tool are not a JSON Schema that can be enforced: correct them, or remove "
            f"strict from the tool ({said})"
        ) from error
    tag.engine = _CHECKED


_CHECKED = "checked"


def is_grammar(tag: Tag) -> bool:
    """Return whether xgrammar can make a grammar of `tag`."""
    try:
        _compiles(tag.text)
    except Exception:
        return False
    return True


_PLACE = re.compile(r"^\[[^]]*\] \S+:[0-9]+: ")
"""The source location that xgrammar puts before its messages."""


@lru_cache(maxsize=1024)
def _compiles(tag: str) -> None:
    Grammar.from_structural_tag(tag)


FROM_START = "_dynamo_parsers_grammar_from_start"
"""A template argument that tells the reasoning parser in the engine's process: the grammar begins with the reply."""


def constrain_from_start(request: Request) -> bool:
    """Make the grammar begin with the reply, its reasoning included.

    Returns:
        True if that was set; False if this vLLM has no way to set it, so that the grammar begins after reasoning.
    """
    if hasattr(request, "_grammar_from_parser"):
        request._grammar_from_parser = True
        return True
    if type(request).__name__ != "ResponsesRequest":
        return False
    # Before 0.33 nothing else is passed from a Responses request to the code that starts its grammar.
    request.chat_template_kwargs = {**(request.chat_template_kwargs or {}), FROM_START: True}
    return True


def output_format_of(request: Request) -> Mapping[str, object] | None:
    """Return the constraint of `request` on its answer, as a format of structural tags.

    Returns:
        None if the answer is not constrained, or if the request has a structural tag of its own, which constrains the
        whole reply.
    """
    if _to_format is None or not hasattr(request, "extract_structured_outputs"):
        return None
    params = request.extract_structured_outputs()
    if params is None or params.structural_tag is not None:
        return None
    found = _to_format(params)
    return None if found is None else dict(found.model_dump())


def has_grammar(request: Request) -> bool:
    """Return whether the reply to `request` is constrained, so that vLLM asks where the grammar begins."""
    extract = getattr(request, "extract_structured_outputs", None)
    if extract is None or extract() is not None:
        return True
    said = getattr(request, "model_extra", None) or {}
    return any(name.startswith("guided_") and value is not None for name, value in said.items())


def set_structural_tag(request: Request, tag: Tag) -> None:
    """Constrain the whole reply to `tag`, instead of the request's own constraint on its answer."""
    request.structured_outputs = StructuredOutputsParams(structural_tag=tag.text)
    if hasattr(request, "response_format"):
        request.response_format = None
    else:
        request.text = None
