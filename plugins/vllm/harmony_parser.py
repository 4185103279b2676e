"""gpt-oss in vLLM: one object that reads a reply, also through the interface that vLLM's Responses API needs.

For models of type `gpt_oss` vLLM composes its own `HarmonyParser`, whatever parsers are named, and that accepts only
classes of its own. Ours is a subclass of `HarmonyParser`, because Responses use its segments and messages.

- Chat Completions pass text, as for every other model (`parser`). Responses pass token ids, which are decoded one by
  one.
- Responses get a segment for each event, and a message as soon as its end is known: for a call its last bracket,
  for text the token that ends a message. `flush` ends what the reply left open; vLLM reads that as incomplete.
- A Responses request for tools that vLLM runs itself (`code_interpreter`, `web_search_preview`, `container`, `mcp`)
  is read by vLLM's parser: the input of those tools need not be JSON, and a client does not get it.
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
    """Raise CannotCompose if one of the two classes does not read Harmony. `named`: their names, for the message."""
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
        return True  # a grammar covers the whole reply, its reasoning included

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
        """After a defect: return the text of the tokens as content."""
        self._gave_up = True
        text = self.model_tokenizer.decode(list(token_ids), skip_special_tokens=False)
        self._plain.append(text)
        return ChunkResult(segments=[Segment(_CHANNELS["content"], None, text)], reasoning_token_count=0)

    def _plain_message(self) -> list[Segment]:
        """After a defect: return the content since then as one message; nothing if there is none."""
        text, self._plain = "".join(self._plain), []
        if not text:
            return []
        message = Message.from_role_and_content(Role.ASSISTANT, text).with_channel(_CHANNELS["content"])
        return [Segment(message.channel, None, "", message)]


class _Segments:
    """A reply in the form that vLLM's Responses need: segments of text, and the messages that they are parts of."""

    def __init__(self, machine: GuardedParser, tokenizer: TokenizerLike) -> None:
        self._machine = machine
        self._text = _Text(tokenizer)
        self._markers, known = _single_tokens(tokenizer, HARMONY.markers)
        self._closers, _ = _single_tokens(tokenizer, HARMONY.closers.all)
        self._by_runs = known  # False: some marker is several tokens, so tokens are read one by one
        self._done: list[Segment] = []
        self._unsaid = 0  # tokens whose text has not been returned
        self._kind = ""  # of the open message: "reasoning", "content" or "call"
        self._recipient: str | None = None
        self._pieces: list[str] = []

    def runs(self, tokens: Sequence[int]) -> Iterator[Sequence[int]]:
        """Split `tokens` into runs for `take`: each marker alone, and the tokens between markers."""
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
        """Read a run: one token, or several without a marker.

        Returns:
            How many further tokens are known to be reasoning. A token whose text is held back is counted when the text
            comes out; tokens of a header are never counted.
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
                self._unsaid = 0  # they were a header
            return 0
        said, self._unsaid = self._unsaid, 0
        return said if isinstance(events[0], ReasoningDelta) else 0

    def given(self) -> list[Segment]:
        """Return the segments since the last call of this method."""
        done, self._done = self._done, []
        return done

    def end(self) -> list[Segment]:
        """Return the last segments. A message that is still open ends here."""
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
    """Counts the reasoning tokens of a reply. vLLM may ask again after each new token."""

    def __init__(self, segments: _Segments) -> None:
        self._segments = segments
        self._tokens: list[int] = []
        self._reasoning = 0

    def continues(self, tokens: Sequence[int]) -> bool:
        """Return whether `tokens` begin with the tokens that were counted."""
        return list(tokens[: len(self._tokens)]) == self._tokens

    def count(self, tokens: Sequence[int]) -> int:
        new = tokens[len(self._tokens) :]
        self._tokens += new
        self._reasoning += sum(self._segments.take(run) for run in self._segments.runs(new))
        self._segments.given()  # discard them
        return self._reasoning


def _single_tokens(tokenizer: TokenizerLike, markers: Iterable[str]) -> tuple[frozenset[int], bool]:
    """Return the ids of the markers that are one token each, and whether all markers are."""
    encoded = [tokenizer.encode(marker, add_special_tokens=False) for marker in markers if marker]
    return frozenset(ids[0] for ids in encoded if len(ids) == 1), all(len(ids) == 1 for ids in encoded)


class _Text:
    """Decodes token ids run by run; a character of several tokens comes out with its last token."""

    def __init__(self, tokenizer: TokenizerLike) -> None:
        self._decode: Callable[..., str] = tokenizer.decode
        self._before: list[int] = []  # the last tokens before, as decoding may depend on them
        self._held: list[int] = []

    def of(self, run: Sequence[int]) -> str:
        self._held += run
        text = self._new_text()
        return "" if text.endswith("\ufffd") and len(self._held) < 8 else self._given(text)

    def rest(self) -> str:
        return self._given(self._new_text())

    def _given(self, text: str) -> str:
        self._before, self._held = self._held[-8:], []
        return text

    def _new_text(self) -> str:
        before = self._decode(self._before, skip_special_tokens=False) if self._before else ""
        return (
            self._decode([*self._before, *self._held], skip_special_tokens=False)[len(before) :] if self._held else ""
        )
