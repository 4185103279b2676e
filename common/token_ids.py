"""Answers from token ids: whether a prompt ends inside reasoning, whether reasoning ended, how long it was, and which
markers decoding would remove.

Token ids are used for nothing else: engines give them in one mode only, and not aligned with the text.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from typing import Protocol, TypeVar

from .registry import declared_count, partners, reasoning_row, tool_row
from .rows import ReasoningRow, ToolRow, thinking_asked_for


class Tokenizer(Protocol):
    """The part of a tokenizer that is used here; every Hugging Face tokenizer has it."""

    def get_vocab(self) -> Mapping[str, int]: ...

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...


Ids = tuple[int, ...]
Spellings = tuple[Ids, ...]
"""A marker as token ids: each spelling, also with line breaks that its last token may include."""
_Told = TypeVar("_Told")


@dataclass(frozen=True, slots=True)
class ReasoningIds:
    """The markers of a reasoning format as one model's token ids."""

    open: Spellings
    close: Spellings
    turns: frozenset[int]
    """Tokens that end a turn: everything before them belongs to another reply."""
    calls: frozenset[int]
    """Single tokens that open a call, which ends reasoning."""
    opens: bool = True
    """Whether the opener is a token of the model, or begins with one of the family's tokens that the model has."""

    @classmethod
    def of(cls, row: ReasoningRow, tokenizer: Tokenizer) -> ReasoningIds:
        vocab = tokenizer.get_vocab()
        tools = partners(row)
        turns = {token for tool in tools for token in (tool.turn_end, *tool.turn_ends)} | set(row.turn_ends)
        calls = {opener for tool in tools for opener in tool.call_openers}
        return cls(
            _spellings(row.think.opens, vocab, tokenizer),
            _spellings(row.think.closes, vocab, tokenizer),
            frozenset(vocab[token] for token in turns if token in vocab),
            frozenset(vocab[token] for token in calls if token in vocab),
            any(
                token in vocab and row.open.startswith(token)
                for token in (row.open, *row.added_tokens, *row.special_tokens)
            ),
        )

    def prompt_ends_inside(self, prompt: Sequence[int]) -> bool | None:
        """Return whether a prompt ends in open reasoning, or after it; None if its last turn shows neither."""
        for end in range(len(prompt), 0, -1):
            if prompt[end - 1] in self.turns:
                return None
            if _ends_with(prompt, end, self.open):
                return True
            if _ends_with(prompt, end, self.close):
                return False
        return None

    def ends_in(self, ids: Sequence[int], new: Iterable[int]) -> bool:
        """Return whether `new`, the last of `ids`, complete a closer of reasoning."""
        fresh = list(new)
        if all(len(each) == 1 for each in self.close):
            return any(each[0] in fresh for each in self.close)
        first = len(ids) - len(fresh)
        return any(_ends_with(ids, end, self.close) for end in range(first + 1, len(ids) + 1))

    def after_reasoning(self, ids: list[int]) -> list[int]:
        """Return the ids after the last closer of reasoning; [] if there is none."""
        for end in range(len(ids), 0, -1):
            if _ends_with(ids, end, self.close):
                return ids[end:]
        return []

    def count(self, ids: Sequence[int], inside: bool) -> int:
        """Return how many of a reply's ids are reasoning, without its markers. `inside`: it starts in reasoning."""
        total = 0
        ends = {*self.calls, *(each[-1] for each in (*self.close, *self.open))}
        for end, each in enumerate(ids, 1):
            if each not in ends:
                total += inside
            elif inside:
                total += 1
                if closed := _ends_with(ids, end, self.close):
                    total -= closed
                    inside = False
                elif each in self.calls:
                    total -= 1
                    inside = False
                elif opened := _ends_with(ids, end, self.open):
                    total -= opened
            elif _ends_with(ids, end, self.open):
                inside = True
        return max(total, 0)


def opens_thoughts(row: ReasoningRow, tokenizer: Tokenizer, template_kwargs: Mapping[str, object]) -> bool:
    """Return whether a reply may open reasoning itself: its opener is a token of the model, or a phrase if asked for.

    A model without such a token was not trained to reason like that: a grammar that allowed reasoning would let it talk
    instead of calling.
    """
    if reasoning_ids(row, tokenizer).opens:
        return True
    phrase = not (row.added_tokens or row.special_tokens)
    return phrase and thinking_asked_for(template_kwargs) is True


def once(look_up: Callable[[object], _Told]) -> Callable[[object], _Told]:
    """Decorate `look_up`, which is slow for a large vocabulary, to run once per tokenizer. Keeps no tokenizer alive."""
    known: weakref.WeakKeyDictionary[object, _Told] = weakref.WeakKeyDictionary()

    @wraps(look_up)
    def told(tokenizer: object) -> _Told:
        try:
            found = known.get(tokenizer)
        except TypeError:  # a tokenizer may support neither weak references nor hashing
            return look_up(tokenizer)
        if found is None:
            found = known[tokenizer] = look_up(tokenizer)
        return found

    return told


def needs_special_tokens(tool: ToolRow | None, reasoning: ReasoningRow | None, tokenizer: object) -> bool:
    """Return whether a detokenizer has to keep special tokens, so that the parsers see their markers.

    Markers are special tokens in some families, and in the tokenizers of some models of other families.
    """
    named = (None if tool is None else tool.name, None if reasoning is None else reasoning.name)
    markers = _markers(*named, declared_count())
    return markers is None or not markers.isdisjoint(_special_tokens(tokenizer))


@cache
def _markers(tool: str | None, reasoning: str | None, _declared: int) -> frozenset[str] | None:
    """Return the markers of these parsers; None if some are special in every model of the family."""
    think = None if reasoning is None else reasoning_row(reasoning)
    tools: tuple[ToolRow, ...] = () if tool is None else (tool_row(tool),)
    if any(row.special_tokens for row in tools) or (think is not None and think.special_tokens):
        return None
    # A call ends reasoning, with or without a tool parser. The model's tokens show which partner's calls it writes.
    tools += () if think is None else partners(think)
    markers = {marker for row in tools for marker in (*row.format.markers, *row.added_tokens)}
    if think is not None:
        markers.update(think.think.opens, think.think.closes)
    return frozenset(markers)


@once
def _special_tokens(tokenizer: object) -> frozenset[str]:
    """Return the tokens that decoding removes by default."""
    added = getattr(tokenizer, "added_tokens_decoder", None)
    tokens = added.values() if isinstance(added, Mapping) else ()
    named = getattr(tokenizer, "all_special_tokens", None)
    return frozenset(
        {str(token) for token in tokens if getattr(token, "special", False)}
        | {str(token) for token in (named if isinstance(named, Sequence) else ())}
    )


@once
def _known_ids(tokenizer: object) -> dict[str, ReasoningIds]:
    """Return the cache of a tokenizer's `ReasoningIds`, by the name of the reasoning parser."""
    return {}


def reasoning_ids(row: ReasoningRow, tokenizer: Tokenizer) -> ReasoningIds:
    """Return `ReasoningIds.of`, made once for each tokenizer."""
    known = _known_ids(tokenizer)
    if row.name not in known:
        known[row.name] = ReasoningIds.of(row, tokenizer)
    return known[row.name]


def _spellings(markers: Iterable[str], vocab: Mapping[str, int], tokenizer: Tokenizer) -> Spellings:
    found: dict[Ids, None] = {}
    for marker in markers:
        alone = _ids(marker, vocab, tokenizer)
        if not alone:
            continue
        found[alone] = None
        if marker in vocab:
            continue
        for gap in ("\n", "\n\n"):
            joined = _ids(marker + gap, vocab, tokenizer)
            if not any(joined[: len(each)] == each for each in found):  # else the line breaks are separate tokens
                found[joined] = None
    return tuple(found)


def _ids(marker: str, vocab: Mapping[str, int], tokenizer: Tokenizer) -> Ids:
    if not marker:
        return ()
    if marker in vocab:
        return (vocab[marker],)
    return tuple(tokenizer.encode(marker, add_special_tokens=False))


def _ends_with(ids: Sequence[int], end: int, marker: Spellings) -> int:
    """Return how many ids before position `end` are the marker; 0 if it is not there."""
    for each in marker:
        size = len(each)
        if size <= end and ids[end - 1] == each[-1] and tuple(ids[end - size : end]) == each:
            return size
    return 0
