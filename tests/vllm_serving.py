"""vLLM's own serving of Chat Completions and Messages over our classes, in process: its engine says a given reply."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextvars import ContextVar
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

from vllm.config import ModelConfig
from vllm.entrypoints.anthropic.protocol import AnthropicMessagesRequest
from vllm.entrypoints.anthropic.serving import AnthropicServingMessages
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.entrypoints.openai.chat_completion.serving import OpenAIServingChat
from vllm.entrypoints.openai.models.protocol import BaseModelPath
from vllm.entrypoints.openai.models.serving import OpenAIServingModels
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.renderers.hf import HfRenderer
from vllm.renderers.online_renderer import OnlineRenderer
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.detokenizer import IncrementalDetokenizer
from vllm_harness import TOOLS, demo_model, encode, tokenizer_for

_reply: ContextVar[tuple[str, str]] = ContextVar("reply")
"""What the engine says in answer to the request of this task, and why it ends."""


class Replay:
    """What vLLM's serving asks of its engine. It says one token at a time, with vLLM's own detokenizer."""

    errored = False

    def __init__(self, tool: str | None, reasoning: str | None) -> None:
        self.seen = ""
        """The text of the last reply, as the detokenizer left it."""
        self.tokenizer = tokenizer_for(tool, reasoning)
        self.model_config = ModelConfig(model=str(demo_model(tool, reasoning)[1]), max_model_len=4096, dtype="float32")
        parallel = SimpleNamespace(_api_process_rank=0)
        self.vllm_config = SimpleNamespace(model_config=self.model_config, parallel_config=parallel)
        self.renderer = HfRenderer(self.vllm_config, self.tokenizer)  # type: ignore[arg-type]
        self.input_processor = MagicMock()

    def check_admission(self, _: int) -> None:
        pass

    async def is_tracing_enabled(self) -> bool:
        return False

    async def generate(self, prompt: Any, params: Any, request_id: str, **_: object) -> AsyncIterator[RequestOutput]:
        reply, reason = _reply.get()
        streams = params.output_kind == RequestOutputKind.DELTA
        asked = SimpleNamespace(
            request_id="r", sampling_params=params, prompt_token_ids=prompt["prompt_token_ids"], prompt_embeds=None
        )
        detokenizer = IncrementalDetokenizer.from_new_request(self.tokenizer, asked)  # type: ignore[arg-type]
        ids = encode(self.tokenizer, reply) + ([self.tokenizer.eos_token_id] if reason == "stop" else [])
        text = ""
        for number, each in enumerate(ids):
            last = number == len(ids) - 1
            stop = detokenizer.update([each], stop_terminated=last and reason == "stop")
            last = last or stop is not None
            new = detokenizer.get_next_output_text(finished=last, delta=True)
            text += new
            self.seen = text
            if streams or last:
                output = CompletionOutput(
                    index=0,
                    text=new if streams else text,
                    token_ids=[each] if streams else ids[: number + 1],
                    cumulative_logprob=None,
                    logprobs=None,
                    finish_reason=("stop" if stop else reason) if last else None,
                    stop_reason=stop,
                )
                yield RequestOutput(request_id, None, prompt["prompt_token_ids"], None, [output], last)
                await asyncio.sleep(0)
            if last:
                return


def say(reply: str, reason: str = "stop") -> None:
    """What the engine says in answer to the requests of this task, and why it ends."""
    _reply.set((reply, reason))


@cache
def serving(kind: type, tool: str | None, reasoning: str | None, template: str | None = None) -> Any:
    """vLLM's serving of an API for a pair of our parsers; `template`: a chat template in place of the model's."""
    engine: Any = Replay(tool, reasoning)
    models = OpenAIServingModels(engine, [BaseModelPath(name="m", model_path="m")])
    flags = {
        "enable_auto_tools": tool is not None,
        "tool_parser": f"dynamo_{tool}" if tool else None,
        "reasoning_parser": f"dynamo_{reasoning}" if reasoning else "",
    }
    templates: Any = {"chat_template": template, "chat_template_content_format": "auto", "request_logger": None}
    renderer = OnlineRenderer(model_config=engine.model_config, renderer=engine.renderer, **templates, **flags)
    return kind(engine, models, "assistant", online_renderer=renderer, **templates, **flags)


async def chat(tool: str, reasoning: str | None, reply: str, reason: str = "stop", **said: object) -> Any:
    """The answer, as (reasoning, content, calls, finish_reason); a stream folded as a client does it."""
    say(reply, reason)
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "tools": TOOLS, "max_tokens": 2000, **said}
    made = await serving(OpenAIServingChat, tool, reasoning).create_chat_completion(
        ChatCompletionRequest.model_validate(body)
    )
    if not body.get("stream"):
        (choice,) = made.choices
        calls = [(call.function.name, call.function.arguments) for call in choice.message.tool_calls]
        return choice.message.reasoning or None, choice.message.content or None, calls, choice.finish_reason
    reasoned = content = ""
    pieces: list[list[str]] = []
    finish = None
    async for line in made:
        for choice in _data(line).get("choices", ()):
            delta = choice["delta"]
            reasoned += delta.get("reasoning") or ""
            content += delta.get("content") or ""
            finish = choice.get("finish_reason") or finish
            for call in delta.get("tool_calls") or ():
                if call["index"] == len(pieces):
                    pieces.append([call["function"]["name"], ""])
                pieces[call["index"]][1] += call["function"].get("arguments") or ""
    return reasoned or None, content or None, [tuple(each) for each in pieces], finish


async def messages(tool: str, reasoning: str | None, reply: str, reason: str = "stop", **said: object) -> Any:
    say(reply, reason)
    tools = [{"name": each["function"]["name"], "input_schema": each["function"]["parameters"]} for each in TOOLS]  # type: ignore[index]
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "tools": tools, "max_tokens": 2000, **said}
    asked = AnthropicMessagesRequest.model_validate(body)
    return await serving(AnthropicServingMessages, tool, reasoning).create_messages(asked)


def _data(line: str) -> Any:
    text = line.removeprefix("data: ").strip()
    return {} if text == "[DONE]" else json.loads(text)


CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Zürich", "days": 3}}\n</tool_call>'
WEATHER = ("get_weather", '{"city": "Zürich", "days": 3}')
