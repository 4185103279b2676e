"""Hooks for what SGLang does only for its own parser names, and for what it does not tell a parser.

- The detectors that are made for a request's answer get the request: `requests`.
- Markers that are special tokens stay in the text, even without tools in the request.
- A call has the id from its markup; ids that have to be made are in SGLang's own style.
- A grammar starts at the place that fits the prompt: with the reply if reasoning is closed, after reasoning if it is
  open. The grammar of a forced call always starts with the reply: it allows a call, or closed reasoning and a call.
- The parsers are compiled when the serving object is made, at start-up.
- In a message of Anthropic's API a call that was cut has the part of its arguments that is complete.
- With `tool_choice` "none" the reply is parsed too, so that the markup of calls is not content.

A hook changes nothing for other parsers.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

from dynamo_parsers.engines.whole import as_unicode, whole_part
from dynamo_parsers.registry import (
    PREFIX,
    declared_names,
    reasoning_parser_names,
    reasoning_row,
    tool_parser_names,
    tool_row,
)
from dynamo_parsers.request import plain_tool_choice, plain_tools
from dynamo_parsers.rows import thinking_asked_for
from dynamo_parsers.token_ids import Tokenizer, needs_special_tokens, opens_thoughts, reasoning_ids
from dynamo_parsers.warm import start
from dynamo_parsers.write.structural_tags import answer_tag, structural_tag

from .detectors import MadeTag
from .requests import takes_tags, tell, tell_grammars, template_kwargs_of, told

logger = logging.getLogger("dynamo_parsers")

SERVER = "sglang.srt.entrypoints.http_server"
CHAT = "sglang.srt.entrypoints.openai.serving_chat"
MESSAGES = "sglang.srt.entrypoints.anthropic.serving"
RESPONSES = "sglang.srt.entrypoints.openai.serving_responses"
RESPONSES_SERVING = "OpenAIServingResponses"
_SCHEMAS = ("json_schema", "json_object")
"""The kinds of `response_format` that SGLang forces."""
APP = "dynamo_parsers.sglang.app:app"
_WITHOUT_HTTP = (
    "sglang.srt.managers.scheduler",
    "sglang.srt.managers.detokenizer_manager",
    "sglang.srt.managers.data_parallel_controller",
)
_PROMPT_END = 4096
"""How many characters at the end of a prompt given as text are tokenized to see how it ends."""

Original = Callable[..., object]
Hook = Callable[..., object]


class Registry(Protocol):
    """SGLang's `HookRegistry`."""

    def register(self, target: str, hook: Hook, hook_type: object) -> None: ...


class HookTypes(Protocol):
    """SGLang's `HookType`."""

    AROUND: object


class TokenizerManager(Protocol):
    tokenizer: Tokenizer

    def config_value(self, name: str) -> object: ...


class Serving(Protocol):
    """SGLang's serving of an API."""

    tool_call_parser: str | None
    reasoning_parser: str | None
    tokenizer_manager: TokenizerManager


class ChatRequest(Protocol):
    tools: Sequence[object] | None
    tool_choice: object
    skip_special_tokens: bool
    response_format: object


class Prepared(Protocol):
    """What SGLang makes of a chat request. The attributes for grammars are those of newer versions."""

    prompt_ids: object
    require_reasoning: bool
    tool_call_constraint: Any


class EngineRequest(Protocol):
    """A request to SGLang's engine."""

    input_ids: Sequence[int] | None
    text: object


def may_serve_http() -> bool:
    """Return whether this process serves requests or may do so later; the others need not import the parsers."""
    return CHAT in sys.modules or not any(name in sys.modules for name in _WITHOUT_HTTP)


def install(registry: Registry, hook_types: HookTypes) -> None:
    """Register the hooks for the methods that this SGLang has. SGLang applies them."""
    for module, owner, name, hook in HOOKS:
        if hasattr(getattr(import_module(module), owner, None), name):
            registry.register(f"{module}.{owner}.{name}", hook, hook_types.AROUND)


def point_workers_at_app(registry: Registry, hook_types: HookTypes) -> None:
    """Make HTTP workers load plugins."""
    from sglang.srt.environ import envs

    if hasattr(envs, "SGLANG_HTTP_SERVER_APP_PATH"):  # since 0.5.23
        os.environ.setdefault("SGLANG_HTTP_SERVER_APP_PATH", APP)
    elif may_serve_http():
        registry.register("uvicorn.run", _run_with_app, hook_types.AROUND)


def _run_with_app(original: Original, app: object, *args: object, **kwargs: object) -> object:
    return original(APP if app == f"{SERVER}:app" else app, *args, **kwargs)


def _our_name(name: str | None, names: Sequence[str]) -> str | None:
    """Return the name without its prefix if it is one of ours, else None."""
    if name is None or not name.startswith(PREFIX):
        return None
    bare = name.removeprefix(PREFIX)
    return bare if bare in names else None


def _our_tool(serving: Serving) -> str | None:
    return _our_name(serving.tool_call_parser, [*tool_parser_names(), *declared_names()])


def _our_reasoning(serving: Serving) -> str | None:
    return _our_name(serving.reasoning_parser, [*reasoning_parser_names(), *declared_names()])


def _tools_of(serving: Serving, request: ChatRequest) -> Sequence[object]:
    """Return the tools of a request, including those that a newer SGLang finds in its messages."""
    effective: Callable[[ChatRequest], Sequence[object]] | None = getattr(serving, "_effective_tools", None)
    return (request.tools or ()) if effective is None else effective(request)


def _ids_of(serving: Serving, prompt: object) -> object:
    if isinstance(prompt, str):
        return serving.tokenizer_manager.tokenizer.encode(prompt[-_PROMPT_END:], add_special_tokens=False)
    return prompt


def _tell(serving: Serving, request: ChatRequest, prompt: object) -> None:
    tell(request, _tools_of(serving, request), _ids_of(serving, prompt), _our_tool(serving))


def _settle_grammar(serving: Serving, request: ChatRequest, result: Prepared, reasoning: str) -> None:
    """Make a grammar wait for the end of reasoning only if there is reasoning, and a forced call start the reply."""
    prompt = _ids_of(serving, result.prompt_ids)
    if not isinstance(prompt, Sequence):
        return
    tokenizer = serving.tokenizer_manager.tokenizer
    row, kwargs = reasoning_row(reasoning), template_kwargs_of(request)
    inside = reasoning_ids(row, tokenizer).prompt_ends_inside(prompt)
    if inside is None and (not opens_thoughts(row, tokenizer, kwargs) or thinking_asked_for(kwargs) is False):
        inside = False  # the reply opens no reasoning, so a grammar must not wait for its end
    begins = inside is not False and _force_from_start(serving, request, result, reasoning, inside is True)
    if not begins and inside is None and row.frame is None:
        begins = _answer_from_start(serving, request, result, reasoning)
    if begins:
        inside = False
    if inside is not None:
        result.require_reasoning = inside


def _force_from_start(
    serving: Serving, request: ChatRequest, result: Prepared, reasoning: str, in_reasoning: bool
) -> bool:
    """Make the grammar of a forced call begin with the reply and allow reasoning; SGLang would wait for its closer.

    Returns:
        False if no call is forced, or if it is not forced by the grammar of our markup.
    """
    tool, choice = _our_tool(serving), plain_tool_choice(request.tool_choice)
    constraint = getattr(result, "tool_call_constraint", None)
    forced = choice == "required" or isinstance(choice, Mapping)
    if not (forced and tool and constraint and constraint[0] == "structural_tag"):
        return False
    tag = structural_tag(
        tool,
        plain_tools(_tools_of(serving, request)),
        choice,
        getattr(request, "parallel_tool_calls", True) is not False,
        level="function",
        reasoning_parser=reasoning,
        in_reasoning=in_reasoning,
    )
    if tag is None:
        return False
    result.tool_call_constraint = "structural_tag", MadeTag.of(tag)
    return True


def _answer_from_start(serving: Serving, request: ChatRequest, result: Prepared, reasoning: str) -> bool:
    """Make the grammar of an answer begin with the reply and allow reasoning, if the prompt does not show its state.

    Returns:
        False if the answer is not constrained or may be a call instead, or if this is not a chat request: other APIs
        have the constraint elsewhere.
    """
    form = getattr(request, "response_format", None)
    kind = getattr(form, "type", None)
    if kind not in _SCHEMAS or _tools_of(serving, request) or type(serving).__name__ == RESPONSES_SERVING:
        return False
    if getattr(result, "tool_call_constraint", True) is not None or not takes_tags():
        return False
    said = getattr(form, "json_schema", None)
    schema = getattr(said, "schema_", None) if kind == "json_schema" else {"type": "object"}
    if not isinstance(schema, Mapping) or getattr(said, "strict", None) is False:
        return False
    tag = answer_tag(reasoning, {"type": "json_schema", "json_schema": schema})
    result.tool_call_constraint = "structural_tag", MadeTag.of(tag)
    request.response_format = None
    return True


def _ours(what: Callable[..., None], *arguments: object) -> None:
    """Run our part of a hook. If it raises, the request goes on without it, and one line is logged."""
    try:
        what(*arguments)
    except Exception as error:
        logger.warning("a defect in dynamo-parsers' hook %s (%s)", what.__name__, type(error).__name__)
        logger.debug("the defect", exc_info=error)


def _made(original: Original, serving: Serving, *args: object, **kwargs: object) -> object:
    """Hook around the constructor of a serving object, at start-up."""
    result = original(serving, *args, **kwargs)
    _ours(_prepare, serving)
    return result


def _prepare(serving: Serving) -> None:
    tool, reasoning = _our_tool(serving), _our_reasoning(serving)
    if tool or reasoning:
        start(tool, reasoning, serving.tokenizer_manager.tokenizer)


def _process_messages(
    original: Original, serving: Serving, request: ChatRequest, *args: object, **kwargs: object
) -> object:
    """Hook around the method that makes the prompt of a chat request."""
    _ours(_before_prompt, serving, request)
    result = original(serving, request, *args, **kwargs)
    _ours(_after_prompt, serving, request, result)
    return result


def _before_prompt(serving: Serving, request: ChatRequest) -> None:
    tool, reasoning = _our_tool(serving), _our_reasoning(serving)
    if needs_special_tokens(
        tool_row(tool) if tool else None,
        reasoning_row(reasoning) if reasoning else None,
        serving.tokenizer_manager.tokenizer,
    ):
        request.skip_special_tokens = False
    if tool or reasoning:
        tell_grammars(serving.tokenizer_manager.config_value("grammar_backend"))


def _after_prompt(serving: Serving, request: ChatRequest, result: object) -> None:
    tool, reasoning = _our_tool(serving), _our_reasoning(serving)
    if reasoning and hasattr(result, "require_reasoning"):
        _settle_grammar(serving, request, cast(Prepared, result), reasoning)
    # The Responses API answers in this task; other APIs may be in a thread here, and tell later (`_answer`).
    if (tool or reasoning) and _in_a_task():
        _tell(serving, request, getattr(result, "prompt_ids", None))


def _in_a_task() -> bool:
    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False


def _answer(
    original: Original, serving: Serving, asked: EngineRequest, request: ChatRequest, *args: object, **kwargs: object
) -> object:
    """Hook around the methods that answer a chat request."""
    _ours(_tell_asked, serving, asked, request)
    return original(serving, asked, request, *args, **kwargs)


def _tell_asked(serving: Serving, asked: EngineRequest, request: ChatRequest) -> None:
    if _our_tool(serving) or _our_reasoning(serving):
        _tell(serving, request, asked.text if asked.input_ids is None else asked.input_ids)


def _call_id(original: Original, serving: Serving, item: object, *args: object, **kwargs: object) -> object:
    """Hook around the method that gives a call its id."""
    return getattr(item, "id", None) or original(serving, item, *args, **kwargs)


def _message(original: Original, serving: object, response: object, *args: object, **kwargs: object) -> object:
    """Hook around the conversion to an Anthropic message, which logs and drops arguments that were cut."""
    now = told()
    if now is not None and now.tool_parser is not None:
        _ours(_make_whole, response)
    return original(serving, response, *args, **kwargs)


def _make_whole(response: Any) -> None:
    for call in response.choices[0].message.tool_calls or ():
        call.function.arguments = as_unicode(whole_part(call.function.arguments))


def _reads_calls(
    original: Original, serving: Serving, request: ChatRequest, *args: Sequence[object], **kwargs: object
) -> object:
    """Hook around the check whether a reply goes through the tool parser."""
    if original(serving, request, *args, **kwargs):
        return True
    try:
        return _our_tool(serving) is not None and _refuses(request, args[0] if args else _tools_of(serving, request))
    except Exception as error:
        logger.warning("a defect in dynamo-parsers' hook _reads_calls (%s)", type(error).__name__)
        return False


def _reads_calls_of_a_response(
    original: Original, request: ChatRequest, tools: Sequence[object], *args: object, **kwargs: object
) -> object:
    """Do the same for a whole reply in the Responses API, whose check does not know the parser."""
    if original(request, tools, *args, **kwargs):
        return True
    now = told()
    return now is not None and now.tool_parser is not None and _refuses(request, tools)


def _refuses(request: ChatRequest, tools: Sequence[object]) -> bool:
    """Return whether a request has tools and forbids calls."""
    as_json = bool(getattr(request, "_response_parser_json_response_format", False))
    return bool(tools) and request.tool_choice == "none" and not as_json


HOOKS: tuple[tuple[str, str, str, Hook], ...] = (
    (CHAT, "OpenAIServingChat", "__init__", _made),
    (CHAT, "OpenAIServingChat", "_process_messages", _process_messages),
    (CHAT, "OpenAIServingChat", "_generate_chat_stream", _answer),
    (CHAT, "OpenAIServingChat", "_handle_non_streaming_request", _answer),
    (CHAT, "OpenAIServingChat", "_process_tool_call_id", _call_id),
    (CHAT, "OpenAIServingChat", "_tool_call_parsing_active", _reads_calls),
    (MESSAGES, "AnthropicServing", "_convert_response", _message),
    (RESPONSES, RESPONSES_SERVING, "_tool_call_parsing_enabled", _reads_calls),
    (RESPONSES, RESPONSES_SERVING, "_tool_parsing_active", _reads_calls_of_a_response),
)
"""Module, class, method, and the hook around it."""
