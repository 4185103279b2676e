"""gpt-oss in vLLM: the object that reads a reply, as vLLM's Responses API asks for it.

vLLM composes its own `HarmonyParser` for models of type `gpt_oss`, whatever parsers are named, and that refuses all
classes but its own. This one is a `HarmonyParser` because Responses read its segments and messages.

- Chat Completions hand over text, as for every other model (`parser`). Responses hand over token ids, which become text
  one by one.
- Responses get a segment for each event, and a message as soon as its end is known: for a call its last bracket,
  for text the token that ends a message. What the reply leaves open ends with `flush`, which vLLM reads as incomplete.
- A Responses request for tools that vLLM runs itself (`code_interpreter`, `web_search_preview`, `container`, `mcp`)
  is read by vLLM's parser: what is sent to those tools need not be JSON, and is nothing that a client gets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dynamo_parsers.engines.boundary import guarded
from dynamo_parsers.events import ContentDelta, Event, ReasoningDelta, ToolArgumentsDelta, ToolCallEnd, ToolCallStart
from dynamo_parsers.formats.harmony import HARMONY
from dynamo_parsers.guarded import GuardedParser
from dynamo_parsers.registry import PREFIX
from openai_harmony import Message, Role  # type: ignore[import-untyped]

from vllm.parser.harmony import ChunkResult, HarmonyParser, Segment

from .compose import CannotCompose
from .parser import DynamoParser
from .parsers import DynamoReasoningParser, DynamoToolParser

if TYPE_CHECKING:
    from vllm.tokenizers import TokenizerLike
    from vllm.tool_parsers.abstract_tool_parser import Tool

_CHANNELS = {"reasoning": "analysis", "content": "final", "call": "commentary"}
_CLIENTS_TOOLS = ("function", "custom", "namespace")


def check(tools: type | None, reasoning: type | None, named: Sequence[object]) -> None:
    """Raises CannotCompose if one of the two classes, `named` so, does not read Harmony."""
    reads = (tools is None or (issubclass(tools, DynamoToolParser) and tools.row.format is HARMONY)) and (
        reasoning is None or (issubclass(reasoning, DynamoReasoningParser) and reasoning.row.frame is HARMONY)
    )
    if not reads:
        raise CannotCompose(
            f"{' and '.join(str(name) for name in named if name)} cannot read a gpt-oss model: "
            f"name --tool-call-parser {PREFIX}harmony and --reasoning-parser {PREFIX}gpt_oss"
        )


class DynamoHarmonyParser(DynamoParser, HarmonyParser):
    """One reply of a gpt-oss model."""

    def __init__(
        self, tokenizer: TokenizerLike, tools: list[Tool] | None = None, *args: object, **kwargs: object
    ) -> None:
        super().__init__(tokenizer, tools, *args, **kwargs)
        self._segments: _Segments | None = None
        self._counted: _Counted | None = None
        self._plain: list[str] = []  # content since a defect
        runs_tools = any(getattr(tool, "type", None) not in _CLIENTS_TOOLS for tool in tools or ())
        self._theirs: HarmonyParser | None = None
        if runs_tools:
            self._theirs = HarmonyParser(tokenizer, tools)  # type: ignore[no-untyped-call]

    @guarded(lambda *_: True)
    def is_reasoning_end(self, input_ids: list[int]) -> bool:
        return True  # a grammar speaks of the whole reply, its reasoning included

    @guarded(lambda *_: 0)
    def count_reasoning_tokens(self, token_ids: Sequence[int]) -> int:
        counted = self._counted
        if counted is None or not counted.continues(token_ids):
            counted = self._counted = _Counted(_Segments(self._begin(None, None).machine, self.model_tokenizer))
        return counted.count(token_ids)

    # --- Responses

    @guarded(lambda self, token_ids: self._plain_chunk(token_ids))
    def process_chunk(self, token_ids: Sequence[int]) -> ChunkResult:
        if self._theirs is not None:
            return self._theirs.process_chunk(token_ids)
        if self._gave_up:
            return self._plain_chunk(token_ids)
        if self._segments is None:
            self._segments = _Segments(self._begin(None, None).machine, self.model_tokenizer)
        segments = self._segments
        reasoning = sum(segments.take([token]) for token in token_ids)
        return ChunkResult(segments=segments.given(), reasoning_token_count=reasoning)

    @guarded(lambda self: self._plain_message())
    def flush(self) -> list[Segment]:
        if self._theirs is not None:
            return self._theirs.flush()
        if self._gave_up:
            return self._plain_message()
        segments, self._segments = self._segments, None
        return segments.end() if segments is not None else []

    def _plain_chunk(self, token_ids: Sequence[int]) -> ChunkResult:
        """After a defect: the text of the tokens, as content."""
        self._gave_up = True
        text = self.model_tokenizer.decode(list(token_ids), skip_special_tokens=False)
        self._plain.append(text)
        return ChunkResult(segments=[Segment(_CHANNELS["content"], None, text)], reasoning_token_count=0)

    def _plain_message(self) -> list[Segment]:
        """After a defect: the message that the content since then is."""
        text, self._plain = "".join(self._plain), []
        if not text:
            return []
        message = Message.from_role_and_content(Role.ASSISTANT, text).with_channel(_CHANNELS["content"])
        return [Segment(message.channel, None, "", message)]


class _Segments:
    """A reply as vLLM's Responses read it: segments of text, and the messages they are parts of."""

    def __init__(self, machine: GuardedParser, tokenizer: TokenizerLike) -> None:
        self._machine = machine
        self._text = _Text(tokenizer)
        self._markers, known = _single_tokens(tokenizer, HARMONY.markers)
        self._closers, _ = _single_tokens(tokenizer, HARMONY.closers.all)
        self._by_runs = known  # a marker of several tokens is in no run by itself
        self._done: list[Segment] = []
        self._unsaid = 0  # tokens whose text has not been given
        self._kind = ""  # of the open message: "reasoning", "content" or "call"
        self._recipient: str | None = None
        self._pieces: list[str] = []

    def runs(self, tokens: Sequence[int]) -> Iterator[Sequence[int]]:
        """`tokens` in pieces for `take`: each marker by itself, and what is between them."""
        run: list[int] = []
        for token in tokens:
            marker = token in self._markers
            if run and (marker or not self._by_runs):
                yield run
                run = []
            run.append(token)
            if marker:
                yield run
                run = []
        if run:
            yield run

    def take(self, run: Sequence[int]) -> int:
        """Read tokens, either one or several without a marker; how many are known to be reasoning now.

        What a token says may be held back: it is counted when its text is given, and a header's tokens never are.
        """
        events = self._machine.feed(self._text.of(run))
        self._say(events)
        if run[0] in self._closers and not events and self._kind != "call":
            self._complete()
        marker = run[0] in self._markers
        if not marker:
            self._unsaid += len(run)
        if not events:
            if marker:
                self._unsaid = 0  # the words of a header
            return 0
        said, self._unsaid = self._unsaid, 0
        return said if isinstance(events[0], ReasoningDelta) else 0

    def given(self) -> list[Segment]:
        """The segments since the last call."""
        done, self._done = self._done, []
        return done

    def end(self) -> list[Segment]:
        """What is left, where the reply ended before a message did."""
        self._say([*self._machine.feed(self._text.rest()), *self._machine.finish()])
        self._complete()
        return self.given()

    def _say(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, ReasoningDelta):
                self._add("reasoning", event.text)
            elif isinstance(event, ContentDelta):
                self._add("content", event.text)
            elif isinstance(event, ToolArgumentsDelta):
                self._add("call", event.text)
            elif isinstance(event, ToolCallStart):
                self._complete()
                self._kind, self._recipient = "call", f"functions.{event.name}"
            elif isinstance(event, ToolCallEnd) and event.complete:
                self._complete()

    def _add(self, kind: str, text: str) -> None:
        if kind != self._kind:
            self._complete()
            self._kind = kind
        self._pieces.append(text)
        self._done.append(Segment(_CHANNELS[kind], self._recipient, text))

    def _complete(self) -> None:
        if not self._kind:
            return
        message = Message.from_role_and_content(Role.ASSISTANT, "".join(self._pieces))
        message = message.with_channel(_CHANNELS[self._kind])
        if self._recipient is not None:
            message = message.with_recipient(self._recipient).with_content_type("<|constrain|>json")
        self._done.append(Segment(message.channel, message.recipient, "", message))
        self._kind, self._recipient, self._pieces = "", None, []


class _Counted:
    """How many of a reply's tokens are reasoning. vLLM may ask again with each token that is new."""

    def __init__(self, segments: _Segments) -> None:
        self._segments = segments
        self._tokens: list[int] = []
        self._reasoning = 0

    def continues(self, tokens: Sequence[int]) -> bool:
        """Whether `tokens` are those that were counted, and perhaps more."""
        return list(tokens[: len(self._tokens)]) == self._tokens

    def count(self, tokens: Sequence[int]) -> int:
        new = tokens[len(self._tokens) :]
        self._tokens += new
        self._reasoning += sum(self._segments.take(run) for run in self._segments.runs(new))
        self._segments.given()  # nobody asks for them
        return self._reasoning


def _single_tokens(tokenizer: TokenizerLike, markers: Iterable[str]) -> tuple[frozenset[int], bool]:
    """The ids of those markers that are one token each, and whether all of them are."""
    encoded = [tokenizer.encode(marker, add_special_tokens=False) for marker in markers if marker]
    return frozenset(ids[0] for ids in encoded if len(ids) == 1), all(len(ids) == 1 for ids in encoded)


class _Text:
    """The text of token ids, given in runs; characters of several tokens come with their last one."""

    def __init__(self, tokenizer: TokenizerLike) -> None:
        self._decode: Callable[..., str] = tokenizer.decode
        self._before: list[int] = []  # what a tokenizer may need to see of the text before
        self._held: list[int] = []

    def of(self, run: Sequence[int]) -> str:
        self._held += run
        text = self._behind()
        return "" if text.endswith("\ufffd") and len(self._held) < 8 else self._given(text)

    def rest(self) -> str:
        return self._given(self._behind())

    def _given(self, text: str) -> str:
        self._before, self._held = self._held[-8:], []
        return text

    def _behind(self) -> str:
        before = self._decode(self._before, skip_special_tokens=False) if self._before else ""
        return (
            self._decode([*self._before, *self._held], skip_special_tokens=False)[len(before) :] if self._held else ""
        )
