"""Sends a request again: whole with logprobs, whole without, and streamed with logprobs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .exchange import Json

if TYPE_CHECKING:
    import httpx


class Unreachable(Exception):
    """The endpoint cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Repro:
    """The texts of the three responses. `streamed`: the lines of the stream."""

    whole: str
    without_logprobs: str
    streamed: str


def repro(base_url: str, request: Json, api_key: str, timeout: float = 600.0) -> Repro:
    """Send a request three ways. Raises Unreachable."""
    try:
        import httpx
    except ImportError:
        raise Unreachable("--repro needs httpx: pip install 'dynamo-parsers[probe]'") from None
    url = base_url.rstrip("/")
    url = url if url.endswith("/v1") else f"{url}/v1"
    bare = {key: value for key, value in request.items() if key not in ("stream", "stream_options", "logprobs")}
    bare.pop("top_logprobs", None)
    with httpx.Client(timeout=timeout, headers={"authorization": f"Bearer {api_key}"}) as client:
        return Repro(
            whole=_sent(client, url, {**bare, "logprobs": True}),
            without_logprobs=_sent(client, url, bare),
            streamed=_sent(
                client,
                url,
                {**bare, "logprobs": True, "stream": True, "stream_options": {"include_usage": True}},
            ),
        )


def _sent(client: httpx.Client, url: str, body: Json) -> str:
    import httpx

    try:
        reply = client.post(f"{url}/chat/completions", json=body)
    except httpx.HTTPError as error:
        raise Unreachable(f"{url}: {type(error).__name__}: {error}") from None
    if reply.status_code != 200:
        raise Unreachable(f"{url} answers HTTP {reply.status_code}: {_why(reply.text)}")
    return reply.text


def _why(text: str) -> str:
    try:
        said = json.loads(text)
        error = said.get("error", said) if isinstance(said, dict) else said
        return str(error.get("message", error) if isinstance(error, dict) else error)[:400]
    except ValueError:
        return text[:400]
