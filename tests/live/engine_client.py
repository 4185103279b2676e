"""What the live tests share: clients as their vendors make them, and a reply folded the same from every API.

A script is what the model says, so a test knows what has to come out: `body_for` tells it to vLLM's
`dynamo_parsers.vllm.scripted` in a field of its own, and to SGLang's stand-in model in the message.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import engine_server
from anthropic import Anthropic
from engine_server import MODEL_NAME, Server
from openai import OpenAI
from tokenizers import Tokenizer

PARAMETERS: dict[str, object] = {
    "get_weather": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
    "get_time": {"type": "object", "properties": {"timezone": {"type": "string"}}, "required": ["timezone"]},
}

CHAT_TOOLS = [{"type": "function", "function": {"name": name, "parameters": each}} for name, each in PARAMETERS.items()]
RESPONSES_TOOLS = [{"type": "function", "name": name, "parameters": each} for name, each in PARAMETERS.items()]
MESSAGES_TOOLS = [{"name": name, "input_schema": each} for name, each in PARAMETERS.items()]


def kimi_k2(*calls: tuple[str, str]) -> str:
    """A section of calls, each a name and the JSON text of its arguments."""
    written = "".join(
        f"<|tool_call_begin|>functions.{name}:{number}<|tool_call_argument_begin|>{arguments}<|tool_call_end|>"
        for number, (name, arguments) in enumerate(calls)
    )
    return f"<|tool_calls_section_begin|>{written}<|tool_calls_section_end|>"


def hermes(*calls: tuple[str, str]) -> str:
    return "\n".join(
        f'<tool_call>\n{{"name": "{name}", "arguments": {arguments}}}\n</tool_call>' for name, arguments in calls
    )


def qwen3_coder(*calls: tuple[str, str]) -> str:
    return "\n".join(
        f"<tool_call>\n<function={name}>\n"
        + "".join(f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in json.loads(arguments).items())
        + "</function>\n</tool_call>"
        for name, arguments in calls
    )


@dataclass
class Reply:
    """What a client got of one choice."""

    reasoning: str = ""
    content: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    finish: str | None = None
    reasoning_tokens: int | None = None
    chunks: int = 0
    token_ids: list[int] = field(default_factory=list)
    """Where the request has `return_token_ids` and the engine gives them."""

    @property
    def said(self) -> tuple[str, str, list[tuple[str, str]]]:
        return self.reasoning, self.content, self.calls


def openai_client(server: Server) -> OpenAI:
    return OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=300)


def anthropic_client(server: Server) -> Anthropic:
    return Anthropic(base_url=server.url, api_key="none", max_retries=0, timeout=300)


def chat(
    server: Server,
    script: str,
    *,
    stream: bool,
    tools: object = CHAT_TOOLS,
    body: Mapping[str, object] | None = None,
    xargs: Mapping[str, object] | None = None,
    **said: Any,
) -> Reply:
    """The first choice of a chat completion in which the model says `script`."""
    return chats(server, script, stream=stream, tools=tools, body=body, xargs=xargs, **said)[0]


def chats(
    server: Server,
    script: str,
    *,
    stream: bool,
    tools: object = CHAT_TOOLS,
    body: Mapping[str, object] | None = None,
    xargs: Mapping[str, object] | None = None,
    **said: Any,
) -> list[Reply]:
    """Every choice."""
    given: dict[str, Any] = {
        "model": MODEL_NAME,
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 1000,
        **said,
    }
    given["extra_body"] = {**body_for(server, script, given["messages"], xargs), **(body or {})}
    if tools:
        given["tools"] = tools
    return completions(server, given, stream=stream)


def completions(server: Server, given: Mapping[str, Any], *, stream: bool) -> list[Reply]:
    """Every choice of a chat completion."""
    client = openai_client(server)
    if stream:
        chunks = client.chat.completions.create(**given, stream=True, stream_options={"include_usage": True})
        return _folded(chunks, given.get("n") or 1)
    whole = client.chat.completions.create(**given)
    replies = []
    for choice in whole.choices:
        message = choice.message
        calls = message.tool_calls or []
        replies.append(
            Reply(
                _reasoning(message),
                message.content or "",
                [(call.function.name, call.function.arguments) for call in calls],
                [call.id for call in calls],
                choice.finish_reason,
                _reasoning_tokens(whole.usage),
                token_ids=_token_ids(choice),
            )
        )
    return replies


def body_for(
    server: Server, script: str, messages: list[Any], xargs: Mapping[str, object] | None = None
) -> dict[str, object]:
    """What makes the model say `script`: fields of the request. Of `messages` the last is the user's."""
    if server.engine == "vllm":
        return {"vllm_xargs": {"script": script, **(xargs or {})}}
    assert not xargs, "only vLLM's scripts have options"
    messages[-1] = {**messages[-1], "content": in_message(script)}
    return {}


def in_message(script: str) -> str:
    """A message that has the model say `script`."""
    return f"<<<SCRIPT\n{script}\nSCRIPT>>>"


def _reasoning(said: Any) -> str:
    """The reasoning of a message or a delta, which two engines name differently."""
    return getattr(said, "reasoning", None) or getattr(said, "reasoning_content", None) or ""


def _folded(chunks: Iterable[Any], choices: int) -> list[Reply]:
    replies = [Reply() for _ in range(choices)]
    for chunk in chunks:
        if chunk.usage is not None:
            for reply in replies:
                reply.reasoning_tokens = _reasoning_tokens(chunk.usage)
        for choice in chunk.choices:
            reply = replies[choice.index]
            reply.chunks += 1
            reply.token_ids += _token_ids(choice)
            reply.reasoning += _reasoning(choice.delta)
            reply.content += choice.delta.content or ""
            for call in choice.delta.tool_calls or []:
                if call.index == len(reply.calls):
                    assert call.type == "function"
                    assert call.id
                    reply.ids.append(call.id)
                    reply.calls.append((call.function.name, ""))
                name, arguments = reply.calls[call.index]
                assert call.index == len(reply.calls) - 1
                reply.calls[call.index] = name, arguments + (call.function.arguments or "")
            if choice.finish_reason is not None:
                assert reply.finish is None, "two finish reasons"
                reply.finish = choice.finish_reason
    return replies


def _token_ids(choice: Any) -> list[int]:
    return getattr(choice, "token_ids", None) or getattr(choice, "response_token_ids", None) or []


def _reasoning_tokens(usage: Any) -> int | None:
    details = usage.completion_tokens_details
    return getattr(usage, "reasoning_tokens", None) if details is None else details.reasoning_tokens


def version(server: Server) -> tuple[int, ...]:
    """The server's version, without what follows the numbers."""
    with urllib.request.urlopen(f"{server.url}/version", timeout=30) as reply:
        said = json.loads(reply.read())["version"]
    return tuple(int(part) for part in said.split("+")[0].split(".")[:3])


@cache
def _tokenizer(family: str) -> Tokenizer:
    return Tokenizer.from_file(str(Path(engine_server.ROOT, ".cache", f"demo-{family}", "tokenizer.json")))


def tokens(family: str, text: str) -> int:
    """How many tokens a text has for the demo model of a family."""
    return len(_tokenizer(family).encode(text, add_special_tokens=False).ids)
