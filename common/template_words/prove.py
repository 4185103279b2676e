"""Compares a template with the model's own, text for text, and names the requirement for each difference.

A difference has a reason if it disappears when the conversation is rewritten (`ways`):

- for the model's own template into the form that it can read (a developer message as a system message, text in place
  of parts, results in order): it then writes what ours writes for the conversation as it is; or
- for ours without what the model's own template leaves out (reasoning, text beside calls, all calls but the first):
  ours then writes what the model's own writes.

Nothing else is a reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..render import Unrenderable, render
from .chats import CONVERSATIONS, Conversation
from .model import Own
from .ways import (
    LEFT_OUT,
    TOLD,
    arguments_as_mappings,
    as_text,
    calls_left_out,
    each_message,
    no_text_beside,
    some,
    tell,
    without_calls,
)

_THOUGHT = re.compile(
    r"(?:<think>.*?</think>|</?think>|<\|channel>thought.*?<channel\|>|\[THINK\].*?\[/THINK\])\n{0,2}", re.DOTALL
)
_TOKEN = re.compile(r"<\|\w+\|>")


@dataclass(frozen=True)
class Row:
    """The result for one conversation. `requirements`: their numbers in docs/chat-templates.md."""

    name: str
    verdict: str
    """equal, explained, unexplained, or refused: by the model's own template, or by ours if `why` says so."""
    requirements: tuple[int, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Proof:
    rows: tuple[Row, ...]

    def of(self, verdict: str) -> list[Row]:
        return [row for row in self.rows if row.verdict == verdict]

    @property
    def unexplained(self) -> list[Row]:
        return self.of("unexplained")

    @property
    def counted(self) -> dict[str, int]:
        return {each: len(self.of(each)) for each in ("equal", "explained", "unexplained", "refused")}

    def missed(self, names: Iterable[str]) -> list[Row]:
        """Return the rows of these conversations that differ without a reason."""
        wanted = set(names)
        return [row for row in self.unexplained if row.name in wanted]


def prove(text: str, own: Own, chats: Sequence[Conversation] = CONVERSATIONS) -> Proof:
    """Compare every conversation, rendered with the template `text` and with the model's own."""
    pair = _Pair(text, own)
    return Proof(tuple(_row(own.asked(chat), pair) for chat in chats))


@dataclass(frozen=True)
class _Pair:
    text: str
    own: Own

    def ours(self, chat: Conversation) -> str | None:
        try:
            return render(
                self.text,
                chat.messages,
                tools=chat.tools,
                prompt=chat.generate,
                tokens=self.own.tokens,
                kwargs=chat.kwargs,
            )
        except Unrenderable:
            return None

    def theirs(self, chat: Conversation) -> str | None:
        try:
            return self.own.prompt(chat)
        except Unrenderable:
            return None


def _row(chat: Conversation, pair: _Pair) -> Row:
    ours, theirs = pair.ours(chat), pair.theirs(chat)
    if ours is not None and ours == theirs:
        return Row(chat.name, "equal")
    for requirements, why in _reasons(chat, pair):
        return Row(chat.name, "explained", tuple(sorted(set(requirements))), why)
    if theirs is not None and ours is not None and _text_after_calls(chat, ours, theirs, pair):
        return Row(chat.name, "explained", (3,), "it writes the text beside calls after them")
    if theirs is None:
        return Row(chat.name, "refused", why="the model's own template refuses it")
    if ours is None:
        # Ours may refuse only arguments that a format cannot express (requirement 7).
        as_text = arguments_as_mappings(chat) != chat
        return Row(chat.name, "refused" if as_text else "unexplained", (7,) if as_text else (), "ours refuses it")
    return Row(chat.name, "unexplained", why=shown(ours, theirs))


def _reasons(chat: Conversation, pair: _Pair) -> Iterator[tuple[list[int], str]]:
    yield from _by_rewrites(chat, pair)
    if _writes_no_calls(chat, pair):
        for requirements, why in _by_rewrites(without_calls(chat), pair):
            yield [2, *requirements], "; ".join(["it writes no calls", *([why] if why else [])])


def _by_rewrites(chat: Conversation, pair: _Pair) -> Iterator[tuple[list[int], str]]:
    here = {ways: text for ways in some(LEFT_OUT, chat) if (text := pair.ours(tell(chat, ways))) is not None}
    there = {ways: text for ways in some(TOLD, chat) if (text := pair.theirs(tell(chat, ways))) is not None}
    both = [(told + left_out, a, b) for left_out, a in here.items() for told, b in there.items()]
    both.sort(key=lambda each: len(each[0]))
    for ways, a, b in both:
        if a == b:
            yield [each.requirement for each in ways], "; ".join(each.why for each in ways)
    for ways, a, b in both:
        if not chat.generate and b.startswith(a):
            said = [*(each.why for each in ways), "it writes on after the last turn"]
            yield [*(each.requirement for each in ways), 11], "; ".join(said)
    for ways, a, b in both:
        if _unmarked(chat, a, b):
            said = [*(each.why for each in ways), "it does not mark where the text beside calls ends"]
            yield [*(each.requirement for each in ways), 3], "; ".join(said)
    if _rewrites(chat, pair):
        for ways, a, b in both:
            if _THOUGHT.sub("", a) == _THOUGHT.sub("", b):
                said = [*(each.why for each in ways), "its earlier prompts change in their thoughts"]
                yield [*(each.requirement for each in ways), 12], "; ".join(said)


def _writes_no_calls(chat: Conversation, pair: _Pair) -> bool:
    """Return whether the model's own template leaves calls out."""
    plain = as_text(chat)
    said = pair.theirs(plain)
    return plain != calls_left_out(plain) and said is not None and said == pair.theirs(calls_left_out(plain))


def _rewrites(chat: Conversation, pair: _Pair) -> bool:
    """Return whether the model's own template changes an earlier prompt of this conversation, and ours does not."""
    ends = [at for at, message in enumerate(chat.messages) if message["role"] == "assistant"]
    steps = [chat.but(messages=chat.messages[:at], generate=True) for at in ends]
    later = chat.but(messages=[*chat.messages, {"role": "user", "content": "And then?"}])
    grows = [(step, chat) for step in steps] + [(chat.but(generate=False), later)]
    return any(_extends(pair.ours, *each) and not _extends(pair.theirs, *each) for each in grows)


def _text_after_calls(chat: Conversation, ours: str, theirs: str, pair: _Pair) -> bool:
    """Return whether only the place of text beside calls differs: the model's own template writes it after them."""
    beside = [message for message in chat.messages if message.get("tool_calls") and message.get("content")]
    places = [(str(message["content"]), str(message["tool_calls"][0]["function"]["name"])) for message in beside]
    moved = [theirs.rfind(text) > theirs.rfind(name) and ours.rfind(text) < ours.rfind(name) for text, name in places]
    bare = each_message(no_text_beside)(chat)
    return any(moved) and pair.ours(bare) == pair.theirs(bare)


def _unmarked(chat: Conversation, ours: str, theirs: str) -> bool:
    """Return whether the texts are equal except for tokens around calls after a text, which only ours has."""
    if not any(message.get("tool_calls") and message.get("content") for message in chat.messages):
        return False
    for token in set(_TOKEN.findall(ours)) - set(_TOKEN.findall(theirs)):
        ours = ours.replace(token, "")
    return ours == theirs


def _extends(write: Callable[[Conversation], str | None], before: Conversation, after: Conversation) -> bool:
    first, second = write(before), write(after)
    return first is not None and second is not None and second.startswith(first)


def shown(ours: str, theirs: str) -> str:
    """Return the first difference between two texts, for messages."""
    at = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    start = max(0, at - 20)
    return f"ours {ours[start : at + 50]!r}, the model's own {theirs[start : at + 50]!r}"
