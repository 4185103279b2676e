"""What vLLM keeps in different places in different versions, looked up when this module is imported, as vLLM starts.

Nothing here imports anything of vLLM in a request. What a version lacks has an answer of its own; `places` says what
that costs.
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
    """What the first of `modules` that has it calls `name`; None if none of them does."""
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
    """`tools` as the model is shown them: functions of namespaces and custom tools as functions of their own."""
    return tools if _flatten is None else list(_flatten(tools))


def new_call_id() -> str:
    """An id in vLLM's own style."""
    return f"{MADE_ID}{uuid.uuid4().hex[:16]}" if _make_id is None else str(_make_id(id_type="random"))


MADE_ID = "chatcmpl-tool-"
"""What vLLM's own ids begin with."""


def calls_before(request: Request) -> int:
    """How many calls the conversation has had."""
    return 0 if _count_calls is None else int(_count_calls(request))


# --- grammars


def enforces_tags() -> bool:
    """Whether vLLM is to constrain calls to the model's own markup."""
    return bool(getattr(envs, "VLLM_ENFORCE_STRICT_TOOL_CALLING", True))


class Refused(_ClientError):  # type: ignore[misc, valid-type]
    """A request that cannot be served, which becomes HTTP 400. The text says what to change."""


class MadeTag(StructuralTag):
    """A tag of ours as vLLM asks for one. vLLM writes it as JSON, and pydantic has nothing to find out about it."""

    def model_dump(self, **_: Any) -> dict[str, Any]:
        """The tag as it was made: a request does not pay for a copy."""
        return {"type": "structural_tag", "format": self.format}

    def model_dump_json(self, **_: Any) -> str:
        return json.dumps(self.model_dump())


def as_structural_tag(tag: Tag) -> StructuralTag:
    """`tag` as vLLM wants it, if it does not take text."""
    return MadeTag.model_construct(type="structural_tag", format=tag.format)


def check_tag(tag: Tag) -> None:
    """Try what of a tag may be refused, once.

    Raises:
        Refused: no grammar can follow the schema of a tool, or it nests deeper than vLLM takes, which would say so
            only after a stream has begun.
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
            "the parameters of a strict tool are no JSON Schema that can be enforced: correct them, or leave strict "
            f"out of the tool ({said})"
        ) from error
    tag.engine = _CHECKED


_CHECKED = "checked"


def is_grammar(tag: Tag) -> bool:
    """Whether xgrammar makes a grammar of `tag`."""
    try:
        _compiles(tag.text)
    except Exception:
        return False
    return True


_PLACE = re.compile(r"^\[[^]]*\] \S+:[0-9]+: ")
"""Where in its own sources xgrammar says that it is."""


@lru_cache(maxsize=1024)
def _compiles(tag: str) -> None:
    Grammar.from_structural_tag(tag)


FROM_START = "_dynamo_parsers_grammar_from_start"
"""A template argument for the reasoning parser in the engine's process: the grammar begins with the reply."""


def constrain_from_start(request: Request) -> bool:
    """Have the grammar begin with the reply, its reasoning included.

    Returns:
        False if this vLLM cannot be told: then the grammar begins after reasoning.
    """
    if hasattr(request, "_grammar_from_parser"):
        request._grammar_from_parser = True
        return True
    if type(request).__name__ != "ResponsesRequest":
        return False
    # Before 0.33 nothing else gets from a Responses request to where its grammar is begun.
    request.chat_template_kwargs = {**(request.chat_template_kwargs or {}), FROM_START: True}
    return True


def output_format_of(request: Request) -> Mapping[str, object] | None:
    """How the answer of `request` has to look, as a format of structural tags; None if it may be anything.

    A structural tag of the client's own, or of vLLM's, says how the whole reply has to look: None.
    """
    if _to_format is None or not hasattr(request, "extract_structured_outputs"):
        return None
    params = request.extract_structured_outputs()
    if params is None or params.structural_tag is not None:
        return None
    found = _to_format(params)
    return None if found is None else dict(found.model_dump())


def has_grammar(request: Request) -> bool:
    """Whether the reply to `request` is constrained, so that somebody asks where a grammar begins."""
    extract = getattr(request, "extract_structured_outputs", None)
    if extract is None or extract() is not None:
        return True
    said = getattr(request, "model_extra", None) or {}
    return any(name.startswith("guided_") and value is not None for name, value in said.items())


def set_structural_tag(request: Request, tag: Tag) -> None:
    """Constrain the reply to `tag`, in place of what the request said of the answer."""
    request.structured_outputs = StructuredOutputsParams(structural_tag=tag.text)
    if hasattr(request, "response_format"):
        request.response_format = None
    else:
        request.text = None
