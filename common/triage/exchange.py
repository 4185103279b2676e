"""One request to an OpenAI-compatible endpoint and its response, read from JSON or from the lines of a stream.

Only the fields that triage needs are read; all others are ignored here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

Json = dict[str, object]
_OBJECT = TypeAdapter(Json)


class NotAnExchange(ValueError):
    """A file is not a chat completion request or response; the message says why."""


class Request(BaseModel):
    """A chat completion request."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str = ""
    messages: list[Json] = []
    tools: list[Json] | None = None
    tool_choice: str | Json | None = None
    parallel_tool_calls: bool | None = None
    chat_template_kwargs: Json | None = None
    reasoning_effort: str | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    logprobs: bool | None = None

    @property
    def template_kwargs(self) -> Json:
        kwargs = dict(self.chat_template_kwargs or {})
        if self.reasoning_effort is not None:
            kwargs.setdefault("reasoning_effort", self.reasoning_effort)
        return kwargs

    @property
    def choice(self) -> object:
        return self.tool_choice or "auto"


class Token(BaseModel):
    """One entry of `logprobs.content`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    token: str = ""
    bytes: list[int] | None = None


class Function(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str | None = None
    arguments: str | None = None


class Call(BaseModel):
    """A tool call of a response: `arguments` is JSON text."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    function: Function = Function()

    @property
    def name(self) -> str:
        return self.function.name or ""

    @property
    def arguments(self) -> str:
        return self.function.arguments or ""


class Response(BaseModel):
    """The first choice of a response. `tokens`: None if it has no logprobs."""

    model_config = ConfigDict(frozen=True)

    content: str = ""
    reasoning: str = ""
    calls: list[Call] = []
    finish_reason: str | None = None
    tokens: list[Token] | None = None
    completion_tokens: int | None = None
    streamed: bool = False


def read_request(text: str) -> Request:
    """Return the request in a JSON text. Raises NotAnExchange."""
    body = _object(text, "the request")
    if "messages" not in body:
        what = "a Responses request" if "input" in body else "not a chat completion request: it has no `messages`"
        raise NotAnExchange(f"the request is {what}; send it to /v1/chat/completions")
    try:
        return Request.model_validate(body)
    except ValidationError as error:
        raise NotAnExchange(f"the request: {_first(error)}") from None


def read_response(text: str) -> Response:
    """Return the response in a JSON text or in the `data:` lines of a stream. Raises NotAnExchange."""
    if text.lstrip().startswith(("data:", "event:", ":")):
        return _streamed(text)
    body = _object(text, "the response")
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        said = body.get("error") or body.get("message") or body.get("detail")
        why = f"it says: {json.dumps(said, ensure_ascii=False)[:300]}" if said else "it has no `choices`"
        raise NotAnExchange(f"the response is not a chat completion: {why}")
    choice = choices[0]
    return _response(
        _mapping(choice.get("message")), choice.get("finish_reason"), _tokens(choice), _completion_tokens(body), False
    )


def _response(
    message: Mapping[str, object], finish: object, tokens: list[Token] | None, used: int | None, streamed: bool
) -> Response:
    calls = message.get("tool_calls")
    try:
        return Response(
            content=_text(message.get("content")),
            reasoning=_text(message.get("reasoning")) or _text(message.get("reasoning_content")),
            calls=TypeAdapter(list[Call]).validate_python(calls or []),
            finish_reason=finish if isinstance(finish, str) else None,
            tokens=tokens,
            completion_tokens=used,
            streamed=streamed,
        )
    except ValidationError as error:
        raise NotAnExchange(f"the response: {_first(error)}") from None


def _streamed(text: str) -> Response:
    """Join the chunks of a stream as a client does."""
    message: dict[str, list[str]] = {"content": [], "reasoning": [], "reasoning_content": []}
    calls: dict[int, dict[str, list[str]]] = {}
    tokens: list[Token] = []
    logged = False
    finish: object = None
    used: int | None = None
    for chunk in _chunks(text.splitlines()):
        used = _completion_tokens(chunk) or used
        choices = chunk.get("choices")
        choice = next((each for each in choices if isinstance(each, dict)), None) if isinstance(choices, list) else None
        if choice is None or choice.get("index", 0) != 0:
            continue
        delta = _mapping(choice.get("delta"))
        for name, pieces in message.items():
            pieces.append(_text(delta.get(name)))
        listed = delta.get("tool_calls")
        for each in listed if isinstance(listed, list) else ():
            index = each.get("index", 0) if isinstance(each, dict) else 0
            function = _mapping(_mapping(each).get("function"))
            call = calls.setdefault(index, {"name": [], "arguments": []})
            for name, pieces in call.items():
                pieces.append(_text(function.get(name)))
        new = _tokens(choice)
        logged = logged or new is not None
        tokens += new or []
        finish = choice.get("finish_reason") or finish
    whole: dict[str, object] = {name: "".join(pieces) for name, pieces in message.items()}
    whole["tool_calls"] = [
        {"function": {name: "".join(pieces) for name, pieces in calls[index].items()}} for index in sorted(calls)
    ]
    return _response(whole, finish, tokens if logged else None, used, True)


def _chunks(lines: Iterable[str]) -> Iterable[Json]:
    for line in lines:
        data = line.removeprefix("data:").strip()
        if line.startswith("data:") and data and data != "[DONE]":
            yield _object(data, "a line of the stream")


def _tokens(choice: Mapping[str, object]) -> list[Token] | None:
    content = _mapping(choice.get("logprobs")).get("content")
    if not isinstance(content, list):
        return None
    try:
        return TypeAdapter(list[Token]).validate_python(content)
    except ValidationError as error:
        raise NotAnExchange(f"the response's logprobs: {_first(error)}") from None


def _completion_tokens(body: Mapping[str, object]) -> int | None:
    used = _mapping(body.get("usage")).get("completion_tokens")
    return used if isinstance(used, int) else None


def _object(text: str, what: str) -> Json:
    try:
        return _OBJECT.validate_json(text)
    except ValidationError as error:
        raise NotAnExchange(f"{what} is not a JSON object: {_first(error)}") from None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    if isinstance(value, list):  # content parts
        return "".join(_text(_mapping(part).get("text")) for part in value)
    return value if isinstance(value, str) else ""


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]
