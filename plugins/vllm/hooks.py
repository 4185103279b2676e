"""Hooks around methods of vLLM's serving: they tell parsers the prompt, and correct the handling of cut calls.

- `OnlineRenderer.preprocess_chat`: before 0.33 the parser that adjusts a request is not told the prompt that was just
  rendered, which decides where a grammar has to begin; and before 0.32 a tool parser without a reasoning parser is not
  called for a request without tools, whose special tokens are then lost.
- `OpenAIServingChat.chat_completion_full_generator`: before 0.32 a parser is not told the prompt of a whole reply, and
  before 0.33 a whole reply that was cut after a call began has the finish reason `tool_calls`; with the hook it has
  `length`, as in a stream and in newer versions.
- `OpenAIServingResponses.responses_full_generator`: before 0.32 a parser is not told the prompt of a whole reply.
- `AnthropicServingMessages.messages_full_converter`: arguments that are not valid JSON give HTTP 500 there. With the
  hook a call has the part of its arguments that is complete, as the official client makes it of a stream.
- `AnthropicServingMessages.create_messages`: vLLM logs an error with its message, which contains the name of a
  function of the client. With the hook a request that we refuse gets the same answer and is not logged.

A hook changes nothing for other parsers. `places` lists the methods.
"""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from functools import wraps
from typing import Any

from dynamo_parsers.engines.whole import as_unicode, whole_part

from .parser import tell_prompt

logger = logging.getLogger("dynamo_parsers")

RENDERER = "vllm.renderers.online_renderer"
CHAT = "vllm.entrypoints.openai.chat_completion.serving"
RESPONSES = "vllm.entrypoints.openai.responses.serving"
MESSAGES = "vllm.entrypoints.anthropic.serving"
_MARK = "_dynamo_parsers_hook"


def install(tools: type, composed: tuple[type, ...], refusal: type[Exception]) -> None:
    """Install the hooks in the modules that this process has imported. Installing twice changes nothing.

    Args:
        tools: the base class of our tool parsers.
        composed: the base classes of our composed parsers.
        refusal: the error that they raise for a request that cannot be served.
    """
    renderer = getattr(sys.modules.get(RENDERER), "OnlineRenderer", None)
    theirs = getattr(renderer, "preprocess_chat", None)
    if theirs is not None and not _tells_prompt(theirs):  # since 0.33
        _hook(renderer, "preprocess_chat", _with_prompt, composed)
    chat = sys.modules.get(CHAT)
    serving = getattr(chat, "OpenAIServingChat", None)
    full = getattr(serving, "chat_completion_full_generator", None)
    if not hasattr(chat, "resolve_finish_reason"):  # since 0.33
        _hook(serving, "chat_completion_full_generator", _with_finish_reason, tools)
    if full is not None and not _tells_prompt(full):  # since 0.32
        _hook(serving, "chat_completion_full_generator", _with_prompt_of_chat, composed)
        responses = getattr(sys.modules.get(RESPONSES), "OpenAIServingResponses", None)
        _hook(responses, "responses_full_generator", _with_prompt_of_response, composed)
    messages = getattr(sys.modules.get(MESSAGES), "AnthropicServingMessages", None)
    _hook(messages, "messages_full_converter", _with_whole_input, tools)
    if hasattr(messages, "create_error_response"):
        _hook(messages, "create_messages", _with_refusals, refusal)


def _hook(owner: Any, name: str, around: Callable[..., Callable[..., Any]], ours: object) -> None:
    theirs = getattr(owner, name, None)
    there = getattr(theirs, _MARK, ())
    if theirs is not None and around.__name__ not in there:
        hook = around(theirs, ours)
        setattr(hook, _MARK, (*there, around.__name__))
        setattr(owner, name, hook)


# --- the prompt of a request


def _tells_prompt(theirs: Any) -> bool:
    """Return whether this method of vLLM's passes the prompt to a parser."""
    return "set_prompt_token_ids" in getattr(getattr(inspect.unwrap(theirs), "__code__", None), "co_names", ())


def _with_prompt(theirs: Callable[..., Any], ours: tuple[type, ...]) -> Callable[..., Any]:
    signature = inspect.signature(theirs)

    @wraps(theirs)
    async def preprocess_chat(*args: Any, **kwargs: Any) -> Any:
        asked = signature.bind(*args, **kwargs)
        parser = asked.arguments.get("parser")
        if not (isinstance(parser, type) and issubclass(parser, ours)):
            return await theirs(*args, **kwargs)
        later = _Later(parser)
        asked.arguments["parser"] = later
        result = await theirs(*asked.args, **asked.kwargs)
        later.adjust(result)
        return result

    return preprocess_chat


class _Later:
    """Given to vLLM in place of a class of ours, so that a request is adjusted only when its prompt is known."""

    always_adjust_request = True

    def __init__(self, parser: type) -> None:
        self._parser: Any = parser
        self.tool_parser_cls = parser.tool_parser_cls  # type: ignore[attr-defined]
        # Without a reasoning parser, vLLM does not adjust a request that has no tools.
        self.reasoning_parser_cls = parser.reasoning_parser_cls or parser  # type: ignore[attr-defined]
        self._made: Any = None
        self._request: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> _Later:
        self._made = self._parser(*args, **kwargs)
        return self

    def adjust_request(self, request: Any) -> Any:
        self._request = request
        return request

    def adjust(self, rendered: Any) -> None:
        """Adjust the request now. `rendered`: the conversation, and the engine inputs made from its prompt."""
        if self._made is None or self._request is None:
            return
        try:
            ids = _prompt_of(rendered)
            if ids is not None:
                self._made.set_prompt_token_ids(ids)
        except Exception as error:
            _report("the prompt", error)
        self._made.adjust_request(self._request)  # changes the request in place, on which vLLM relies too


def _prompt_of(rendered: Any) -> Sequence[int] | None:
    """Return the token ids of a rendered prompt; None if it has none."""
    ids = rendered[1][0].get("prompt_token_ids")
    return ids if isinstance(ids, Sequence) else None


# --- the prompt of a whole reply


def _with_prompt_of_chat(theirs: Callable[..., Any], ours: tuple[type, ...]) -> Callable[..., Any]:
    @wraps(theirs)
    async def full_generator(self: Any, request: Any, results: AsyncIterator[Any], *args: Any, **kwargs: Any) -> Any:
        if not issubclass(getattr(self, "parser_cls", None) or object, ours):
            return await theirs(self, request, results, *args, **kwargs)
        return await theirs(self, request, _telling(results, lambda result: result), *args, **kwargs)

    return full_generator


def _with_prompt_of_response(theirs: Callable[..., Any], ours: tuple[type, ...]) -> Callable[..., Any]:
    signature = inspect.signature(theirs)

    @wraps(theirs)
    async def full_generator(self: Any, *args: Any, **kwargs: Any) -> Any:
        asked = signature.bind(self, *args, **kwargs)
        contexts = asked.arguments.get("result_generator")
        if contexts is not None and issubclass(_parser_of(self), ours):
            asked.arguments["result_generator"] = _telling(contexts, lambda each: getattr(each, "last_output", None))
        return await theirs(*asked.args, **asked.kwargs)

    return full_generator


def _parser_of(serving: Any) -> type:
    return getattr(serving, "parser", None) or getattr(serving, "parser_cls", None) or object


async def _telling(results: AsyncIterator[Any], output: Callable[[Any], Any]) -> AsyncIterator[Any]:
    """Yield `results`, and tell the parsers of this task the prompt of each."""
    tell_prompt(None)
    async for result in results:
        try:
            tell_prompt(getattr(output(result), "prompt_token_ids", None))
        except Exception as error:
            _report("the prompt of a whole reply", error)
        yield result


# --- replies that were cut


def _reads(serving: Any, ours: type) -> bool:
    """Return whether the tool parser of `serving` is a subclass of `ours`."""
    return issubclass(getattr(getattr(serving, "parser_cls", None), "tool_parser_cls", None) or object, ours)


def _with_finish_reason(theirs: Callable[..., Any], ours: type) -> Callable[..., Any]:
    @wraps(theirs)
    async def full_generator(self: Any, request: Any, results: AsyncIterator[Any], *args: Any, **kwargs: Any) -> Any:
        if not _reads(self, ours):
            return await theirs(self, request, results, *args, **kwargs)
        reasons: dict[int, str | None] = {}

        async def watched() -> AsyncIterator[Any]:
            async for result in results:
                reasons.update((output.index, output.finish_reason) for output in result.outputs)
                yield result

        response = await theirs(self, request, watched(), *args, **kwargs)
        try:
            _settle_reasons(response, reasons)
        except Exception as error:
            _report("finish_reason", error)
        return response

    return full_generator


def _settle_reasons(response: Any, reasons: dict[int, str | None]) -> None:
    for choice in getattr(response, "choices", ()):
        reason = reasons.get(choice.index) or "stop"
        if choice.finish_reason == "tool_calls" and (reason != "stop" or not choice.message.tool_calls):
            choice.finish_reason = reason


def _with_whole_input(theirs: Callable[..., Any], ours: type) -> Callable[..., Any]:
    @wraps(theirs)
    def converter(self: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        cut = False
        try:
            cut = _reads(self, ours) and _make_whole(response)
        except Exception as error:
            _report("messages", error)
        message = theirs(self, response, *args, **kwargs)
        stop = response.choices[0].stop_reason
        if cut and message.stop_reason == "tool_use" and isinstance(stop, str):
            # As in a stream: a call that a stop string cut short must not be run.
            message.stop_reason, message.stop_sequence = "stop_sequence", stop
        return message

    return converter


def _make_whole(response: Any) -> bool:
    """Reduce each call's arguments to the part that is complete and can be encoded; return whether any was cut."""
    cut = False
    for call in response.choices[0].message.tool_calls or ():
        whole = whole_part(call.function.arguments)
        cut = cut or whole is not call.function.arguments
        call.function.arguments = as_unicode(whole)
    return cut


# --- requests that are refused


def _with_refusals(theirs: Callable[..., Any], refusal: type[Exception]) -> Callable[..., Any]:
    @wraps(theirs)
    async def create_messages(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await theirs(self, *args, **kwargs)
        except refusal as error:
            return self.create_error_response(error)

    return create_messages


def _report(hook: str, error: Exception) -> None:
    logger.warning(
        "a defect in dynamo-parsers' hook for %s (%s); the reply goes on without it", hook, type(error).__name__
    )
    logger.debug("the defect", exc_info=error)
