"""What vLLM does not tell a reasoning parser, and what becomes of a call that was cut: hooks around methods.

- `DelegatingParser.parse_delta`: a reasoning parser of ours is told the request of a stream, its prompt, and what reads
  calls beside it, before it is asked anything. vLLM shows a reasoning parser no request, and before 0.33 passes the
  whole stream by one that stands alone where the prompt has closed reasoning.
- `DelegatingParser.set_prompt_token_ids`: 0.32 has it, and tells nobody. Newer ones have the same method.
- `OpenAIServingChat.chat_completion_full_generator`: before 0.33, a reply that was cut after a call began says
  `tool_calls` where it is sent whole; as in a stream, and in newer versions, it says `length`.
- `AnthropicServingMessages.messages_full_converter`: what is no whole JSON becomes HTTP 500 there. A call gets what it
  was given whole, as the official client makes it of a stream.

A hook passes everything on that is not about our parsers, and is installed where vLLM has what it stands around.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from functools import wraps
from typing import Any, Protocol

from pydantic_core import from_json

from vllm.parser.abstract_parser import DelegatingParser, Parser

_CHAT = "vllm.entrypoints.openai.chat_completion.serving"
_MESSAGES = "vllm.entrypoints.anthropic.serving"
_MARK = "_dynamo_parsers_hook"


class StreamReader(Protocol):
    """A reasoning parser of ours."""

    stream_told: bool

    def stream_begins(self, request: Any, prompt_token_ids: Sequence[int] | None, tool_parser: object) -> None: ...

    def set_prompt_token_ids(self, prompt_token_ids: Sequence[int]) -> None: ...


def install(ours: type[StreamReader]) -> None:
    """Tell reasoning parsers of the kind `ours` what a stream is about. Installing twice changes nothing."""
    theirs = DelegatingParser.parse_delta
    signature = inspect.signature(theirs)
    if hasattr(theirs, _MARK) or not {"request", "prompt_token_ids"} <= signature.parameters.keys():
        return

    @wraps(theirs)
    def parse_delta(self: DelegatingParser, *args: object, **kwargs: object) -> object:
        reasoning = self._reasoning_parser
        if isinstance(reasoning, ours) and not reasoning.stream_told:
            said = signature.bind(self, *args, **kwargs).arguments
            reasoning.stream_begins(said["request"], said.get("prompt_token_ids"), self._tool_parser)
        return theirs(self, *args, **kwargs)  # type: ignore[arg-type]

    _put(DelegatingParser, "parse_delta", parse_delta)
    passed_by = getattr(Parser, "set_prompt_token_ids", None)
    if passed_by is None or DelegatingParser.set_prompt_token_ids is not passed_by:
        return

    @wraps(passed_by)
    def set_prompt_token_ids(self: DelegatingParser, prompt_token_ids: Sequence[int]) -> None:
        if isinstance(self._reasoning_parser, ours):
            self._reasoning_parser.set_prompt_token_ids(prompt_token_ids)
        passed_by(self, prompt_token_ids)

    _put(DelegatingParser, "set_prompt_token_ids", set_prompt_token_ids)


def install_in_serving(ours: type) -> None:
    """Have replies with tool parsers of the kind `ours` survive that they were cut, where this process serves them."""
    chat = sys.modules.get(_CHAT)
    if not hasattr(chat, "resolve_finish_reason"):  # since 0.33
        _hook(getattr(chat, "OpenAIServingChat", None), "chat_completion_full_generator", _with_finish_reason, ours)
    messages = sys.modules.get(_MESSAGES)
    _hook(getattr(messages, "AnthropicServingMessages", None), "messages_full_converter", _with_whole_input, ours)


def _hook(owner: Any, name: str, around: Callable[..., Callable[..., Any]], ours: type) -> None:
    theirs = getattr(owner, name, None)
    if theirs is not None and not hasattr(theirs, _MARK):
        _put(owner, name, around(theirs, ours))


def _reads(serving: Any, ours: type) -> bool:
    """Whether the tool parser of `serving` is of the kind `ours`."""
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
        for choice in getattr(response, "choices", ()):
            reason = reasons.get(choice.index) or "stop"
            if choice.finish_reason == "tool_calls" and (reason != "stop" or not choice.message.tool_calls):
                choice.finish_reason = reason
        return response

    return full_generator


def _with_whole_input(theirs: Callable[..., Any], ours: type) -> Callable[..., Any]:
    @wraps(theirs)
    def converter(self: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        cut = False
        if _reads(self, ours):
            for call in response.choices[0].message.tool_calls or ():
                whole = whole_part(call.function.arguments)
                cut = cut or whole is not call.function.arguments
                call.function.arguments = whole
        message = theirs(self, response, *args, **kwargs)
        stop = response.choices[0].stop_reason
        if cut and message.stop_reason == "tool_use" and isinstance(stop, str):
            # As in a stream: what a stop string cut short is not to be run.
            message.stop_reason, message.stop_sequence = "stop_sequence", stop
        return message

    return converter


def whole_part(arguments: str) -> str:
    """`arguments` where they are a JSON object, else the object of those that are whole."""
    try:
        found = json.loads(arguments)
        if isinstance(found, dict):
            return arguments
    except (ValueError, RecursionError) as error:
        end = error.pos if isinstance(error, json.JSONDecodeError) else 0
        # An unfinished string is said to go wrong where it begins.
        try:
            found = from_json(arguments[:end], allow_partial=True)
        except ValueError:
            found = None
    return json.dumps(found if isinstance(found, dict) else {}, ensure_ascii=False)


def _put(owner: Any, name: str, hook: Callable[..., object]) -> None:
    setattr(hook, _MARK, True)
    setattr(owner, name, hook)
