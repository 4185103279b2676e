"""gpt-oss in vLLM, in process: a gpt-oss model's tokens, and Responses through vLLM's `HarmonyContext`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

from vllm.entrypoints.openai.parser.harmony_utils import get_encoding
from vllm.entrypoints.openai.responses.context import HarmonyContext
from vllm.entrypoints.openai.responses.harmony import harmony_to_response_output
from vllm_harness import TOOLS, Answer, Exchange, chat_request, compose, responses_request

TOOL, THINK = "dynamo_harmony", "dynamo_gpt_oss"
PARIS = '{"city": "Paris"}'
CALL = f"to=functions.get_weather <|constrain|>json<|message|>{PARIS}"


class GptOssTokens:
    """A gpt-oss model's tokenizer, as far as a parser asks for it."""

    def encode(self, text: str, *, add_special_tokens: bool = False) -> list[int]:
        return list(get_encoding().encode(text, allowed_special="all"))

    def decode(self, ids: Iterable[int], *, skip_special_tokens: bool = False) -> str:
        assert not skip_special_tokens
        return str(get_encoding().decode(list(ids)))

    def get_vocab(self) -> dict[str, int]:
        markers = (*compose(TOOL, THINK, True).tool_parser_cls.row.special_tokens, "<|endoftext|>")
        return {marker: self.encode(marker)[0] for marker in markers}


@cache
def tokens() -> GptOssTokens:
    return GptOssTokens()


def exchange(request: Any = None, tool: str | None = TOOL, reasoning: str | None = THINK) -> Exchange:
    return Exchange(tool, reasoning, request=chat_request() if request is None else request, is_harmony=True)


def responses(
    reply: str, step: int | None, tools: Sequence[Any] | None = None, end: str = "stop"
) -> tuple[Any, list[Any]]:
    """The items that a client of Responses gets, and the segments that a stream is made of."""
    request = responses_request(TOOLS) if tools is None else responses_request(None)
    parser = compose(TOOL, THINK, True)(tokens(), request.tools if tools is None else list(tools), model_config=None)
    names = frozenset(tool["function"]["name"] for tool in TOOLS)  # type: ignore[index]
    context = HarmonyContext([], [], names, response_parser=parser)
    ids = tokens().encode(reply)
    size = step or max(len(ids), 1)
    steps = [ids[at : at + size] for at in range(0, len(ids), size)] or [[]]
    segments: list[Any] = []
    for number, chunk in enumerate(steps):
        finished = number == len(steps) - 1
        output = SimpleNamespace(token_ids=chunk, finish_reason=end if finished else None)
        context.append_output(
            SimpleNamespace(
                outputs=[output],
                finished=finished,
                prompt_token_ids=[1],
                num_cached_tokens=0,
                num_cache_creation_tokens=0,
                kv_transfer_params=None,
                ec_transfer_params=None,
            )  # type: ignore[arg-type]
        )
        segments += context.last_append_segments
    last = len(context.messages) - 1
    items = [
        item
        for number, message in enumerate(context.messages)
        for item in harmony_to_response_output(
            message, names, incomplete=number == last and context.last_append_flush_status
        )
    ]
    return SimpleNamespace(items=items, reasoning_tokens=context.num_reasoning_tokens), segments


def of_items(items: Sequence[Any]) -> Answer:
    reasoning = content = ""
    calls: list[tuple[str, str]] = []
    for item in items:
        if item.type == "reasoning":
            reasoning += "".join(part.text for part in item.content)
        elif item.type == "message":
            content += "".join(part.text for part in item.content)
        else:
            calls.append((item.name, item.arguments))
    return Answer(reasoning or None, content or None, tuple(calls))


def of_segments(segments: Sequence[Any]) -> Answer:
    """The same of a stream's deltas; each message is complete when it is reported so."""
    reasoning = content = arguments = ""
    calls: list[tuple[str, str]] = []
    for segment in segments:
        if segment.completed_message is not None:
            if segment.recipient:
                calls.append((segment.recipient.removeprefix("functions."), arguments))
                assert segment.completed_message.content[0].text == arguments
                arguments = ""
        elif segment.recipient:
            arguments += segment.delta
        elif segment.channel == "analysis":
            reasoning += segment.delta
        else:
            content += segment.delta
    assert not arguments
    return Answer(reasoning or None, content or None, tuple(calls))
