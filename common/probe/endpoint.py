"""Sends requests to an OpenAI-compatible endpoint, and keeps what was sent and received.

Nothing that an endpoint does raises: a refused connection, a time-out, an HTTP error, half a stream or a body that is
not JSON is a `Failure` in the exchange.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from .answer import Answer, BadBody, read_body, read_stream
from .scenarios import Mode

if TYPE_CHECKING:
    from openai import AsyncOpenAI


class Failure(BaseModel):
    """Why there is no answer. `status`: the HTTP status, if there was one."""

    model_config = ConfigDict(frozen=True)

    what: str
    status: int | None = None


class Exchange(BaseModel):
    """One request and its `answer`, or its `failure`."""

    model_config = ConfigDict(frozen=True)

    mode: Mode
    request: dict[str, object]
    received: str = ""
    """The body, or the stream's lines."""
    answer: Answer | None = None
    failure: Failure | None = None


async def ask(client: AsyncOpenAI, request: Mapping[str, object], mode: Mode) -> Exchange:
    """Send a chat completion request. `request` is its whole JSON body, except `stream`.

    The client's timeout limits the whole exchange here; the client itself would apply it to each line of a stream.
    """
    import anyio
    import openai

    seconds = client.timeout if isinstance(client.timeout, int | float) else None
    body = {**request, "stream": True} if mode == "stream" else dict(request)
    received = ""
    try:
        with anyio.fail_after(seconds):
            async with client.chat.completions.with_streaming_response.create(
                model=str(request["model"]),
                messages=[],
                stream=mode == "stream",
                extra_body=body,  # the whole body, so that fields that the client does not know are sent too
            ) as response:
                if mode == "whole":
                    received = await response.text()
                    answer = read_body(_loaded(received))
                else:
                    lines: list[str] = []
                    try:
                        async for line in response.iter_lines():
                            lines.append(line)
                    finally:
                        received = "\n".join(lines)
                    answer = read_stream(received)
        return Exchange(mode=mode, request=body, received=received, answer=answer)
    except openai.APIStatusError as error:
        failure = Failure(what=f"HTTP {error.status_code}: {_shortened(error.response.text)}", status=error.status_code)
    except (openai.APITimeoutError, TimeoutError):
        failure = Failure(what="no answer within the time-out")
    except openai.APIConnectionError as error:
        failure = Failure(what=f"no connection: {error.__cause__ or error}")
    except BadBody as error:
        failure = Failure(what=str(error), status=200)
    except Exception as error:  # half a stream, a broken encoding: whatever the transport raises
        failure = Failure(what=f"{type(error).__name__}: {error}")
    return Exchange(mode=mode, request=body, received=received, failure=failure)


def _loaded(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        raise BadBody(f"the body is not JSON: {_shortened(text)}") from None


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 300 else f"{text[:300]}…"
