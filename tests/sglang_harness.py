"""Drive SGLang's own chat serving in process: no scheduler, no HTTP, no weights.

What is SGLang's own: the plugin loader, `OpenAIServingChat` from the request to the stream's lines, its reasoning and
tool parsers, the chat template, the tokenizer. The engine behind it is `Replay`, which says a given reply some tokens
at a time, and leaves special tokens out if the request did not ask for them.
"""

# ruff: noqa: E402  (the environment must be set before SGLang is imported)

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# There is no GPU, and nothing may be downloaded.
os.environ.setdefault("SGLANG_USE_CPU_ENGINE", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).parent / "live" / "stand_ins"))

import sglang
from sglang.srt.plugins import load_plugins

load_plugins()

from dynamo_parsers import Parser, fold
from dynamo_parsers.demo import checkpoint
from dynamo_parsers.demo.model import DemoModel
from dynamo_parsers.registry import partners, reasoning_row, tool_row
from dynamo_parsers.rows import ReasoningRow, ToolRow
from parity import TURN, Answer, Refused
from sglang.srt.entrypoints.openai import serving_chat
from sglang.srt.entrypoints.openai.protocol import ChatCompletionRequest
from sglang.srt.entrypoints.openai.serving_chat import OpenAIServingChat
from sglang.srt.parser.template_manager import TemplateManager
from sglang.srt.server_args import ServerArgs
from transformers import AutoConfig, AutoTokenizer

VERSION: tuple[int, ...] = tuple(int(part) for part in sglang.__version__.split(".")[:3])

Ids = list[int]
Pair = tuple[str | None, str | None]
"""A tool parser and a reasoning parser."""


TOOLS: list[dict[str, object]] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "get_time",
            "parameters": {"type": "object", "properties": {"timezone": {"type": "string"}}},
        },
    },
]


class _Schemas:
    """Looks at each tool's schema once. SGLang does so for each request, which is most of what a request costs here."""

    def __init__(self, validator: Any) -> None:
        self._validator = validator
        self._fine: set[str] = set()

    def check_schema(self, schema: object) -> None:
        text = json.dumps(schema)
        if text not in self._fine:
            self._validator.check_schema(schema)
            self._fine.add(text)


serving_chat.Draft202012Validator = _Schemas(serving_chat.Draft202012Validator)  # type: ignore[assignment]


# --- models


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="dynamo-parsers-")


def partner(row: ReasoningRow) -> ToolRow:
    """A tool parser to use with a reasoning parser; most name one."""
    return next(iter(partners(row)), tool_row("hermes"))


@cache
def model_folder(tool: str | None, reasoning: str | None) -> Path:
    """The demo model for a pair of parsers; without a tool parser, of a family that the reasoning goes with."""
    if tool is None:
        assert reasoning is not None
        tool = partner(reasoning_row(reasoning)).name
    folder = Path(_folder().name, f"{tool}-{reasoning}")
    checkpoint.write(folder, DemoModel.of(tool, reasoning))
    return folder


@cache
def tokenizer_for(tool: str | None, reasoning: str | None) -> Any:
    """The tokenizer of that demo model: its markers are single tokens, as in the family's real tokenizers."""
    return AutoTokenizer.from_pretrained(model_folder(tool, reasoning))


def encode(tokenizer: Any, text: str) -> Ids:
    return list(tokenizer.encode(text, add_special_tokens=False))


# --- the engine


class _With:
    """The server's arguments with some of them said otherwise; older versions read the parsers' names there."""

    def __init__(self, arguments: Any, said: Mapping[str, object]) -> None:
        self._arguments = arguments
        self.__dict__.update(said)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._arguments, name)


class Replay:
    """What SGLang's serving asks of its tokenizer manager. It says `reply`, `tokens` at a time (None: all at once)."""

    def __init__(self, tool: str | None, reasoning: str | None, speaks: Pair | None = None) -> None:
        bare = speaks or (_bare(tool), _bare(reasoning))
        self.folder = model_folder(*bare)
        self.tokenizer = tokenizer_for(*bare)
        parsers = {"tool_call_parser": tool, "reasoning_parser": reasoning}
        self.server_args = _With(_server_args(), parsers)
        self.served_model_name = self.model_path = "m"
        self.model_config = SimpleNamespace(
            hf_config=AutoConfig.from_pretrained(self.folder),
            is_multimodal=False,
            get_default_sampling_params=dict,
        )
        self.request_logger = SimpleNamespace(log_requests=False, log_requests_level=0)
        self.lora_registry = self.processor = None
        self.reply = ""
        self.tokens: int | None = 1
        self.finish = "stop"
        self.asked: Any = None

    def config_value(self, name: str) -> Any:
        return getattr(self.server_args, name)

    def create_abort_task(self, asked: Any) -> None:
        return None

    def texts(self, skip_special_tokens: bool) -> Iterator[str]:
        """The text so far after each step; an incomplete character waits."""
        ids = encode(self.tokenizer, self.reply)
        size = self.tokens or max(len(ids), 1)
        said, start = "", 0
        for end in range(size, len(ids) + size, size):
            # Only what is new: a byte-level tokenizer decodes each part by itself.
            text = self.tokenizer.decode(ids[start:end], skip_special_tokens=skip_special_tokens)
            if end >= len(ids) or not text.endswith("\ufffd"):
                said, start = said + text, end
            yield said
        if not ids:
            yield ""

    async def generate_request(self, asked: Any, request: Any = None) -> AsyncIterator[dict[str, Any]]:
        self.asked = asked
        skips = bool(asked.sampling_params.get("skip_special_tokens", True))
        texts = list(self.texts(skips))
        meta = {"prompt_tokens": 1, "cached_tokens": 0, "reasoning_tokens": 0, "weight_version": ""}
        meta_info = {**meta, "id": uuid.uuid4().hex, "completion_tokens": 1}
        ended = {"type": self.finish, "matched": None}
        if self.finish == "length":
            ended = {"type": "length", "length": 1}
        for number, text in enumerate(texts if asked.stream else texts[-1:]):
            last = not asked.stream or number == len(texts) - 1
            finish = dict(ended) if last else None
            yield {"text": text, "index": 0, "output_ids": [], "meta_info": {**meta_info, "finish_reason": finish}}


@cache
def _server_args() -> Any:
    made = ServerArgs(model_path=str(model_folder("hermes", "qwen3")), device="cpu", attention_backend="torch_native")
    if hasattr(made, "resolve_once"):
        from sglang.srt.runtime_context import publish

        made.resolve_once()
        publish(made, role="tokenizer")
    return made


def _bare(name: str | None) -> str | None:
    return name and name.removeprefix("dynamo_")


def serving(tool: str | None, reasoning: str | None, speaks: Pair | None = None) -> tuple[Any, Replay]:
    """SGLang's chat serving for a pair of parsers, and the engine behind it, made once.

    `speaks`: our names of the pair whose demo model's tokens it says; None: the names are ours.
    """
    return _serving(tool, reasoning, speaks)


@cache
def _serving(tool: str | None, reasoning: str | None, speaks: Pair | None) -> tuple[Any, Replay]:
    engine = Replay(tool, reasoning, speaks)
    templates = TemplateManager()
    templates.initialize_templates(
        tokenizer_manager=engine, model_path=str(engine.folder), chat_template=None, completion_template=None
    )
    return OpenAIServingChat(engine, templates), engine


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def run(task: Coroutine[Any, Any, Any]) -> Any:
    return _loop().run_until_complete(task)


def launched(folder: Path, **flags: str | None) -> tuple[str | None, str | None]:
    """The names of both parsers that SGLang's processes get, with `flags` instead of `dynamo_auto`."""
    from dynamo_parsers.sglang import auto

    said = {"tool_call_parser": auto.AUTO, "reasoning_parser": auto.AUTO, **flags}
    made = ServerArgs(model_path=str(folder), device="cpu", attention_backend="torch_native", **said)  # type: ignore[arg-type]
    if hasattr(made, "resolve_once"):
        made.resolve_once()
    made.check_server_args()
    names = auto._resolving(made)  # type: ignore[arg-type]
    return names.tool_call_parser, names.reasoning_parser


# --- what comes out


def of_response(response: Any) -> Answer:
    if not hasattr(response, "choices"):
        raise Refused(getattr(response, "body", response))
    (choice,) = response.choices
    calls = choice.message.tool_calls or []
    assert [call.index for call in calls] == list(range(len(calls)))
    return Answer(
        choice.message.reasoning_content or None,
        choice.message.content or None,
        tuple((call.function.name, call.function.arguments) for call in calls),
        choice.finish_reason,
        tuple(call.id for call in calls),
    )


def of_lines(lines: Sequence[str]) -> Answer:
    """Lines of a stream, folded as the OpenAI clients do it. Raises AssertionError if they could not be."""
    reasoning = content = ""
    names: list[str] = []
    ids: list[str] = []
    arguments: list[str] = []
    finish: str | None = None
    for line in "".join(lines).split("\n\n"):
        data = line.removeprefix("data: ").strip()
        if not data or data == "[DONE]":
            continue
        chunk = json.loads(data)
        if "error" in chunk:
            raise Refused(chunk)
        for choice in chunk["choices"]:
            delta = choice["delta"]
            reasoning += delta.get("reasoning_content") or ""
            content += delta.get("content") or ""
            for call in delta.get("tool_calls") or ():
                function = call["function"]
                if call["index"] == len(names):
                    assert call["id"], "the first delta of a call has its id"
                    assert function["name"], "the first delta of a call has its whole name"
                    names.append(function["name"])
                    ids.append(call["id"])
                    arguments.append(function["arguments"] or "")
                else:
                    assert call["index"] == len(names) - 1, f"a delta of call {call['index']} out of order"
                    assert call.get("id") is None
                    assert function.get("name") is None
                    arguments[call["index"]] += function["arguments"] or ""
            if choice.get("finish_reason"):
                assert finish is None, "two finish reasons"
                finish = choice["finish_reason"]
    assert len(set(ids)) == len(ids), "an id is given twice"
    return Answer(reasoning or None, content or None, tuple(zip(names, arguments, strict=True)), finish, tuple(ids))


# --- a reply, as the server handles it


def chat_request(tools: Sequence[Mapping[str, object]] | None = TOOLS, **said: object) -> dict[str, object]:
    """The body of a chat request; without tools, one that says nothing of a choice between them."""
    body: dict[str, object] = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **said}
    if tools:
        body["tools"] = list(tools)
    else:
        body.pop("tool_choice", None)
    return body


@dataclass
class Exchange:
    """One request and how SGLang answers it."""

    tool: str | None = None
    """A name for --tool-call-parser, and --reasoning-parser below; ours are `dynamo_...`."""
    reasoning: str | None = None
    body: Mapping[str, object] = field(default_factory=chat_request)
    prompt: str | None = TURN
    """The end of the prompt; None: what the chat template makes of the messages."""
    finish: str = "stop"
    speaks: Pair | None = None
    """Our names of the pair whose demo model speaks, if parsers of SGLang's own are named."""

    def one_shot(self, reply: str) -> Answer:
        return of_response(self._answered(reply, None, stream=False))

    def stream(self, reply: str, tokens: int | None = 1) -> Answer:
        """The answer to a request that streams, `tokens` tokens a delta (None: all at once)."""
        return of_lines(self.lines(reply, tokens))

    def lines(self, reply: str, tokens: int | None = 1) -> list[str]:
        return list(self._answered(reply, tokens, stream=True))

    def answer(self, mode: str, reply: str) -> Answer:
        """`mode`: "one-shot", or how many tokens a delta has ("all": one delta)."""
        return self.one_shot(reply) if mode == "one-shot" else self.stream(reply, None if mode == "all" else int(mode))

    def seen(self, reply: str) -> str:
        """What SGLang's detokenizer leaves of a reply. Asked after an answer."""
        _, engine = serving(self.tool, self.reasoning, self.speaks)
        ids = encode(engine.tokenizer, reply)
        return str(engine.tokenizer.decode(ids, skip_special_tokens=self.skips_special_tokens))

    @property
    def skips_special_tokens(self) -> bool:
        """Whether the last request let the detokenizer leave special tokens out."""
        _, engine = serving(self.tool, self.reasoning, self.speaks)
        return bool(engine.asked.sampling_params.get("skip_special_tokens", True))

    def _answered(self, reply: str, tokens: int | None, *, stream: bool) -> Any:
        chat, engine = serving(self.tool, self.reasoning, self.speaks)
        engine.reply, engine.tokens, engine.finish = reply, tokens, self.finish
        said: dict[str, object] = dict(self.body)
        if self.prompt is not None:
            said["input_ids"] = encode(engine.tokenizer, self.prompt)
        request = ChatCompletionRequest.model_validate({**said, "stream": stream})

        async def answered() -> Any:
            response = await chat.handle_request(request, None)
            if not stream:
                return response
            if not hasattr(response, "body_iterator"):
                raise Refused(getattr(response, "body", response))
            # As Starlette does it: the stream is written by a task of its own.
            return await asyncio.create_task(_lines(response))

        return run(answered())


async def _lines(response: Any) -> list[str]:
    return [line async for line in response.body_iterator]


def core_answer(text: str, engine_finish: str = "stop", **request: object) -> Answer:
    """What the core says of the same text."""
    parser = Parser(**request)  # type: ignore[arg-type]
    return Answer.of(fold([*parser.feed(text), *parser.finish()], engine_finish))
