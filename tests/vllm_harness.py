"""Drive vLLM's own parser composition as its server does, in process: no engine, no HTTP, no weights.

What the OpenAI and Anthropic layers of vLLM do to a reply is `ParserManager.get_parser(...)`, then one parser for
the adjusted request and one per choice for `parse` or `parse_delta`. The tokenizer and the detokenizer are vLLM's
own too, over the demo model of a family, so deltas hold back incomplete UTF-8 and leave out special tokens as in a
server.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import vllm
from dynamo_parsers import Message, Parser, fold
from dynamo_parsers.demo import checkpoint
from dynamo_parsers.demo.model import DemoModel
from dynamo_parsers.registry import partners, reasoning_row, tool_row
from dynamo_parsers.rows import ReasoningRow, ToolRow
from parity import TURN
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.entrypoints.openai.responses.protocol import ResponsesRequest
from vllm.parser import ParserManager
from vllm.plugins import load_general_plugins
from vllm.reasoning import ReasoningParser
from vllm.sampling_params import SamplingParams
from vllm.tokenizers import get_tokenizer
from vllm.v1.engine.detokenizer import IncrementalDetokenizer

load_general_plugins()

TELLS_PROMPT = hasattr(ReasoningParser, "set_prompt_token_ids")
"""Whether this vLLM tells a parser the prompt of a one-shot reply (since 0.33)."""

VERSION = vllm.__version__

Ids = list[int]


# --- tokenizers


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="dynamo-parsers-")


def partner(row: ReasoningRow) -> ToolRow:
    """A tool parser to use with a reasoning parser; most name one."""
    return next(iter(partners(row)), tool_row("hermes"))


@cache
def demo_model(tool: str | None, reasoning: str | None) -> tuple[DemoModel, Path]:
    """The demo model for a pair of parsers; without a tool parser, of a family that the reasoning goes with."""
    if tool is None:
        assert reasoning is not None
        tool = partner(reasoning_row(reasoning)).name
    model = DemoModel.of(tool, reasoning)
    folder = Path(_folder().name, f"{tool}-{reasoning}")
    checkpoint.write(folder, model)
    return model, folder


@cache
def tokenizer_for(tool: str | None, reasoning: str | None) -> Any:
    """The tokenizer of that demo model: its markers are single tokens, as in the family's real tokenizers."""
    return get_tokenizer(str(demo_model(tool, reasoning)[1]))


@cache
def plain_tokenizer(tool: str | None, reasoning: str | None) -> Any:
    """The same without any added token: every marker is text of several tokens."""
    return _changed_tokenizer(tool, reasoning, "plain", lambda tokens: [])


@cache
def special_tokenizer(tool: str | None, reasoning: str | None) -> Any:
    """The same with every added token a special one, which decoding leaves out unless told not to."""
    return _changed_tokenizer(tool, reasoning, "special", lambda tokens: [{**each, "special": True} for each in tokens])


def _changed_tokenizer(
    tool: str | None, reasoning: str | None, name: str, change: Callable[[list[dict[str, object]]], list[object]]
) -> Any:
    folder = demo_model(tool, reasoning)[1]
    changed = folder.with_name(f"{folder.name}-{name}")
    changed.mkdir(exist_ok=True)
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["added_tokens"] = change(tokenizer["added_tokens"])
    (changed / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    (changed / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}', encoding="utf-8")
    (changed / "config.json").write_text((folder / "config.json").read_text(encoding="utf-8"), encoding="utf-8")
    return get_tokenizer(str(changed))


def encode(tokenizer: Any, text: str) -> Ids:
    return list(tokenizer.encode(text, add_special_tokens=False))


# --- requests

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


def chat_request(tools: Sequence[Mapping[str, object]] | None = TOOLS, **said: object) -> ChatCompletionRequest:
    """A chat request; without tools, one that says nothing of a choice between them."""
    body: dict[str, object] = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **said}
    if tools:
        body["tools"] = list(tools)
    else:
        body.pop("tool_choice", None)
    return ChatCompletionRequest.model_validate(body)


def responses_request(tools: Sequence[Mapping[str, object]] | None = TOOLS, **said: object) -> ResponsesRequest:
    """The same as a Responses request: tools are flat there."""
    body: dict[str, object] = {"model": "m", "input": "hi", **said}
    if tools:
        body["tools"] = [{"type": "function", **_function(tool)} for tool in tools]
    return ResponsesRequest.model_validate(body)


def _function(tool: Mapping[str, object]) -> Mapping[str, object]:
    function = tool["function"]
    assert isinstance(function, Mapping)
    return function


# --- what comes out


@dataclass(frozen=True)
class Answer:
    """What a client gets of one choice. Ids are not compared: most are random."""

    reasoning: str | None
    content: str | None
    calls: tuple[tuple[str, str], ...]
    ids: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, message: Message) -> Answer:
        return cls(
            message.reasoning,
            message.content,
            tuple((call.name, call.arguments) for call in message.tool_calls),
            tuple(call.id for call in message.tool_calls),
        )

    @classmethod
    def of_deltas(cls, deltas: Sequence[Any]) -> Answer:
        """Deltas folded as the OpenAI clients do it. Raises AssertionError if they could not be."""
        reasoning = content = ""
        names: list[str] = []
        ids: list[str] = []
        arguments: list[str] = []
        for delta in deltas:
            reasoning += delta.reasoning or ""
            content += delta.content or ""
            assert delta.reasoning or delta.content or delta.tool_calls, "a delta that says nothing"
            for call in delta.tool_calls:
                if call.index == len(names):
                    assert call.id, "the first delta of a call has its id"
                    assert call.type == "function"
                    assert call.function.name, "the first delta of a call has its whole name"
                    names.append(call.function.name)
                    ids.append(call.id)
                    arguments.append(call.function.arguments or "")
                else:
                    assert call.index == len(names) - 1, f"a delta of call {call.index} out of order"
                    assert call.id is None
                    assert call.type is None
                    assert call.function.name is None
                    arguments[call.index] += call.function.arguments
        assert len(set(ids)) == len(ids), "an id is given twice"
        return cls(reasoning or None, content or None, tuple(zip(names, arguments, strict=True)), tuple(ids))


# --- a reply, as the server handles it


@dataclass
class Exchange:
    """One request and how its reply is parsed by a composition of vLLM."""

    tool: str | None = None
    """A name for --tool-call-parser, and --reasoning-parser below; ours are `dynamo_...`."""
    reasoning: str | None = None
    request: ChatCompletionRequest | ResponsesRequest = field(default_factory=chat_request)
    prompt: str = TURN
    tokenizer: Any = None
    is_harmony: bool = False
    """Whether the model is of type gpt_oss."""

    def __post_init__(self) -> None:
        if self.tokenizer is None:
            self.tokenizer = tokenizer_for(_bare(self.tool), _bare(self.reasoning))
        self.composed = compose(self.tool, self.reasoning, self.is_harmony)
        # What the request says, and what vLLM makes of its `reasoning_effort`.
        self._template_kwargs = self.request.build_chat_params(None, "auto").chat_template_kwargs
        # The server makes one parser when a request comes in, which parses a one-shot reply (its first choice).
        self._first = self.parser()
        # vLLM asks the parsers about a request only if they can have something to say.
        self.adjusted = (
            self.composed.reasoning_parser_cls is not None
            or self.request.tool_choice != "none"
            or getattr(self.composed, "always_adjust_request", False)
        )
        self.prompt_ids = encode(self.tokenizer, self.prompt)
        if self.adjusted:
            adjusting = self.parser()
            adjusting.set_prompt_token_ids(self.prompt_ids)  # vLLM itself, or our hook before 0.33
            self.request = adjusting.adjust_request(self.request)
        # Asked for a chat request only, to tell the engine core where a grammar starts.
        self.reasoning_ended = (
            self.request.resolve_reasoning_ended(self._first, self.prompt_ids)
            if hasattr(self.request, "resolve_reasoning_ended")  # of a chat request, since 0.32
            else None
        )

    def parser(self) -> Any:
        """A parser of this composition, made as vLLM makes it for a request."""
        return self.composed(
            self.tokenizer,
            self.request.tools,
            chat_template_kwargs=self._template_kwargs,
            model_config=None,
        )

    @property
    def skips_special_tokens(self) -> bool:
        skips = self.request.skip_special_tokens
        return skips is None or skips

    def text(self, ids: Ids) -> str:
        """The text of a whole reply."""
        detokenizer = self._detokenizer()
        detokenizer.update(ids, stop_terminated=False)
        return str(detokenizer.get_next_output_text(finished=True, delta=False))

    def one_shot(self, reply: str, *, choice: int = 0) -> Answer:
        """A choice of the answer to a request that does not stream."""
        return self.one_shot_text(self.text(encode(self.tokenizer, reply)), choice=choice)

    def one_shot_text(self, text: str, *, choice: int = 0) -> Answer:
        parser = self._first if choice == 0 else self.parser()
        parser.set_prompt_token_ids(self.prompt_ids)
        reasoning, content, calls = parser.parse(text, self.request, enable_auto_tools=True)
        calls = calls or []
        if not self.request.include_reasoning:
            reasoning = None
        if self.request.parallel_tool_calls is False:
            calls = calls[:1]
        return Answer(
            reasoning or None,
            content or None,
            tuple((call.name, call.arguments) for call in calls),
            tuple(call.id for call in calls),
        )

    def deltas(self, reply: str, tokens: int | None = 1, *, stop: Sequence[str] = ()) -> Iterator[tuple[str, Ids]]:
        """Text and ids of every step of `tokens` tokens (None: all); the last one has the end-of-turn id too."""
        ids = encode(self.tokenizer, reply)
        detokenizer = self._detokenizer(stop)
        size = tokens or max(len(ids), 1)
        steps = [ids[at : at + size] for at in range(0, len(ids), size)] or [[]]
        ended = self.tokenizer.eos_token_id
        if ended is not None:
            steps[-1] = [*steps[-1], ended]
        for number, step in enumerate(steps):
            finished = number == len(steps) - 1
            detokenizer.update(step, stop_terminated=finished and ended is not None)
            yield detokenizer.get_next_output_text(finished=finished, delta=True), step

    def stream(self, reply: str, tokens: int | None = 1, *, stop: Sequence[str] = ()) -> Answer:
        """The answer to a request that streams, `tokens` tokens a delta."""
        return self.stream_of(list(self.deltas(reply, tokens, stop=stop)))

    def stream_of(self, deltas: Sequence[tuple[str, Ids]]) -> Answer:
        """The answer to these deltas; the last one finishes."""
        return Answer.of_deltas([delta for delta in self.said(deltas) if delta is not None])

    def said(self, deltas: Sequence[tuple[str, Ids]]) -> Iterator[Any]:
        """What vLLM's parser gives out for each delta."""
        parser = self.parser()
        for number, (text, ids) in enumerate(deltas):
            delta = parser.parse_delta(text, ids, self.request, self.prompt_ids, finished=number == len(deltas) - 1)
            if delta is not None and self.request.parallel_tool_calls is False:
                delta.tool_calls = [call for call in delta.tool_calls if call.index == 0]
                if not (delta.tool_calls or delta.content or delta.reasoning):
                    delta = None
            yield delta

    def _detokenizer(self, stop: Sequence[str] = ()) -> Any:
        sampling = SamplingParams(skip_special_tokens=self.skips_special_tokens, stop=list(stop) or None)
        made = SimpleNamespace(
            request_id="r", sampling_params=sampling, prompt_token_ids=self.prompt_ids, prompt_embeds=None
        )
        return IncrementalDetokenizer.from_new_request(self.tokenizer, made)  # type: ignore[arg-type]


@cache
def compose(tool: str | None, reasoning: str | None, is_harmony: bool = False) -> Any:
    """vLLM's parser class for these two flags."""
    composed = ParserManager.get_parser(
        tool_parser_name=tool,
        reasoning_parser_name=reasoning,
        enable_auto_tools=True,
        model_name="m",
        is_harmony=is_harmony,
    )
    assert composed is not None
    return composed


def _bare(name: str | None) -> str | None:
    return None if name is None else name.removeprefix("dynamo_")


def core_answer(text: str, **request: object) -> Answer:
    """What the core says of the same text."""
    parser = Parser(**request)  # type: ignore[arg-type]
    return Answer.of(fold([*parser.feed(text), *parser.finish()]))
