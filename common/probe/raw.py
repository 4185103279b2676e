"""The model's raw text in a whole response with logprobs."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError


class Unknown(ValueError):
    """The response does not hold the raw text."""


class _Token(BaseModel):
    bytes: list[int] | None = None


class _Logprobs(BaseModel):
    content: list[_Token] | None = None


class _Choice(BaseModel):
    logprobs: _Logprobs | None = None


class _Response(BaseModel):
    choices: list[_Choice]


def raw_text(body: str) -> str:
    """The text of all tokens, rebuilt from their bytes. Raises Unknown where one is missing."""
    try:
        choices = _Response.model_validate_json(body).choices
    except ValidationError:
        raise Unknown("no chat completion") from None
    tokens = choices[0].logprobs.content if choices and choices[0].logprobs else None
    if not tokens:
        raise Unknown("the response has no logprobs")
    text = bytearray()
    for token in tokens:
        if token.bytes is None:
            raise Unknown("a token has no bytes")
        text += bytes(token.bytes)
    return text.decode(errors="replace")
