"""Learns the words of a template from what the model's own template writes.

- Our template is rendered with a mark in place of each word. The model's own template has to write the same text, with
  something in place of each mark: that is the word.
- A choice (a tool wrapped or not, how far JSON is indented) is tried with each value; the best is taken.
- A word that could end at two places is not learned: the error says so. A word that no conversation shows stays ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from ..render import Unrenderable, render
from .block import NotLearned, Value, Words, has_words, with_words, without_words, words_of
from .calls import other_markup
from .chats import CONVERSATIONS, LEARNED_FROM, Conversation
from .handed import seen_in, shown_as
from .model import Own
from .prove import Proof, prove
from .ways import Rewriting, arguments_as_text, tools_in_system, without_tools

_MARK = re.compile("\ue000([a-z_]+(?:\\.\\d)?)\ue001")
_CHOICES: Mapping[str, tuple[Value, ...]] = {
    "between_parts": ("\n", "", "\n\n"),
    "tools_in_tags": (None, True, False),
    "thinking_default": (None, True, False),
    "tools_indent": (None, 2, 4),
}
_SHOWN = 60


@dataclass(frozen=True)
class Learned:
    """A template with the words of a model, and how it compares with the model's own."""

    text: str = field(repr=False)
    words: Words
    proof: Proof
    note: str = ""
    """A sentence on words that are still this package's own."""


def learn(template: str, own: Own, name: str) -> Learned:
    """Return the template called `name` with the words of `own`. Raises NotLearned."""
    if not has_words(template):
        raise NotLearned(f"{name} has no words that can be learned")
    if own.dated and "date_string" not in template:
        raise NotLearned(
            f"the words of {own.name} cannot be learned for {name}: its chat template writes today's date, "
            f"which changes the prompt each day, and {name} has no place for a date"
        )
    fallback = words_of(template)
    texts, described = _texts(own)
    bare = without_words(template)
    tried: dict[tuple[Value, ...], _Attempt] = {}

    def attempt(choices: Words) -> _Attempt:
        key = tuple(choices.values())
        if key not in tried:
            tried[key] = _Attempt(bare, {**fallback, **choices}, texts, own.tokens)
        return tried[key]

    choices: Words = {each: value for each, value in fallback.items() if _ways(each, value)}
    best = attempt(choices)
    number = 1  # of choices that are changed at once: two if no single one makes it better
    while best.equal < len(texts) and number <= 2:
        near = [attempt(each) for each in _near(choices, number, bool(best.problem))]
        better = max(near, key=lambda each: each.score, default=best)
        if better.score > best.score:
            best, choices, number = better, {each: better.words[each] for each in choices}, 1
        else:
            number += 1
    if best.problem:
        raise NotLearned(
            f"the words of {own.name} cannot be learned for {name}: {best.problem}{other_markup(own, name)}"
        )
    says = f"those of {_spoken(own)}, read off by `dynamo-parsers template {name} --model`."
    text = with_words(template, best.words, says)
    if own.encode is None:
        text = shown_as(text, seen_in(own.text))
    proof = prove(text, own)
    for row in proof.missed(chat.name for chat in LEARNED_FROM):
        raise NotLearned(
            f'the words of {own.name} cannot be learned for {name}: in "{row.name}" still differs: {row.why}'
        )
    note = "" if described else f"{own.name} has no words for tools: those in {name} are this package's own"
    return Learned(text, best.words, proof, note)


def _texts(own: Own) -> tuple[list[tuple[Conversation, str]], bool]:
    """Return what the model's own template writes, with tools given so that it describes them, and whether it does."""
    chats = [own.asked(chat) for chat in CONVERSATIONS]
    ways: tuple[Rewriting, ...] = (lambda chat: chat, tools_in_system)
    for way in ways:
        if any(_describes(own, way, own.asked(chat)) for chat in LEARNED_FROM):
            return [(chat, text) for chat in chats if (text := _written(own, way(chat))) is not None], True
    plain = [without_tools(chat) for chat in CONVERSATIONS]
    return [(chat, text) for chat in plain if (text := _written(own, chat)) is not None], False


def _describes(own: Own, way: Rewriting, chat: Conversation) -> bool:
    """Return whether the tools of a conversation without calls are in its text."""
    if not chat.tools or any(message.get("tool_calls") for message in chat.messages):
        return False
    text = _written(own, way(chat)) or ""
    return all(tool["function"]["name"] in text for tool in chat.tools)


def _written(own: Own, chat: Conversation) -> str | None:
    """Return what it writes, if need be with arguments as text, which is all that some accept; None if it refuses."""
    for way in (chat, arguments_as_text(chat)):
        try:
            return own.prompt(way)
        except Unrenderable:
            continue
    return None


def _spoken(own: Own) -> str:
    """Return the model's name and digest for a comment in a template."""
    what = "its chat template" if own.encode is None else "its revision"
    return f"{own.name.replace('#}', '')} ({what} {own.digest})"


def _ways(name: str, value: Value) -> tuple[Value, ...]:
    """Return the values of a choice; () for a word."""
    if name in _CHOICES:
        return _CHOICES[name]
    return (True, False) if isinstance(value, bool) else ()


def _near(choices: Words, number: int, stuck: bool) -> Iterator[Words]:
    """Yield the settings that differ in `number` choices; in two only for one topic, where one may hide the other."""
    changes = [
        (name, way)
        for name in choices
        for way in _ways(name, choices[name])
        if way != choices[name] or (way is None) != (choices[name] is None)
    ]
    if number > 1:
        about = ("thinking_", "tools_") if stuck else ("thinking_",)
        changes = [change for change in changes if change[0].startswith(about)]
    for some in combinations(changes, number):
        if len(dict(some)) == number and len({name.partition("_")[0] for name, _ in some}) == 1:
            yield {**choices, **dict(some)}


class _Attempt:
    """The words learned with one setting of the choices. `problem`: why they could not be learned."""

    def __init__(
        self,
        bare: str,
        words: Words,
        texts: list[tuple[Conversation, str]],
        tokens: Mapping[str, str],
    ) -> None:
        self.bare, self.words, self.tokens = bare, dict(words), tokens
        self.problem = ""
        self.equal = 0
        self._open = {mark for name, value in words.items() for mark in _marks(name, value)}
        self._why: dict[str, str] = {}
        self._seen: set[str] = set()
        names = {chat.name for chat in LEARNED_FROM}
        shown = [(chat, text) for chat, text in texts if chat.name in names]
        left = len(self._open) + 1
        while 0 < len(self._open) < left:  # a word from one conversation may settle another in an earlier one
            left = len(self._open)
            for chat, text in shown:
                if self._open:
                    self._read(chat, text)
        self._open &= self._seen  # a word that no conversation shows stays ours
        if self._open:
            # The first conversation that should have shown one is the simplest.
            self.problem = next(iter(self._why.values()))
        else:
            self.equal = sum(self._render(chat) == text for chat, text in texts)

    @property
    def score(self) -> tuple[int, int]:
        return -len(self._open), self.equal

    def _read(self, chat: Conversation, text: str) -> None:
        ours = self._render(chat)
        shown = set(_MARK.findall(ours)) & self._open
        if not shown:
            return
        self._seen |= shown
        lazy, greedy = (_match(ours, text, gap) for gap in (".*?", ".*"))
        if lazy is None or greedy is None:
            self._why.setdefault(chat.name, _difference(chat, ours, text))
            return
        for mark in shown:
            if lazy[mark] == greedy[mark] and not _echoes(chat, lazy[mark]):
                self._set(mark, lazy[mark])
                self._open.discard(mark)
            else:
                self._why.setdefault(chat.name, f'in "{chat.name}" it is not clear where the word {mark} ends')

    def _render(self, chat: Conversation) -> str:
        marked: Words = {}
        for name, value in self.words.items():
            if isinstance(value, list):
                marked[name] = [self._marked(f"{name}.{at}", each) for at, each in enumerate(value)]
            else:
                marked[name] = self._marked(name, value) if isinstance(value, str) else value
        try:
            return render(
                self.bare,
                chat.messages,
                tools=chat.tools,
                prompt=chat.generate,
                tokens=self.tokens,
                kwargs={**chat.kwargs, **marked},
            )
        except Unrenderable:
            return ""

    def _marked(self, mark: str, value: str) -> str:
        return f"\ue000{mark}\ue001" if mark in self._open else value

    def _set(self, mark: str, text: str) -> None:
        name, _, at = mark.partition(".")
        value = self.words[name]
        self.words[name] = [*value[: int(at)], text, *value[int(at) + 1 :]] if isinstance(value, list) else text


def _marks(name: str, value: Value) -> list[str]:
    if _ways(name, value):
        return []
    if isinstance(value, list):
        return [f"{name}.{at}" for at in range(len(value))]
    return [name] if isinstance(value, str) else []


def _match(ours: str, text: str, gap: str) -> dict[str, str] | None:
    """Return the text in place of each mark of `ours` in `text`; None if the texts do not match."""
    pattern, groups = "", dict[str, str]()
    for at, piece in enumerate(_MARK.split(ours)):
        if at % 2 == 0:
            pattern += re.escape(piece)
        elif piece in groups:
            pattern += f"(?P={groups[piece]})"
        else:
            groups[piece] = f"g{len(groups)}"
            pattern += f"(?P<{groups[piece]}>{gap})"
    found = re.fullmatch(pattern, text, re.DOTALL)
    return None if found is None else {mark: found[group] for mark, group in groups.items()}


def _echoes(chat: Conversation, word: str) -> bool:
    """Return whether a word contains text of the conversation from which it was learned."""
    texts = [str(message.get("content") or "") for message in chat.messages]
    names = [str(tool["function"]["name"]) for tool in chat.tools]
    return any(text in word for text in (*texts, *names) if text)


def _difference(chat: Conversation, ours: str, text: str) -> str:
    """Return where the text of the model's own template stops being ours with other words."""
    pieces = _MARK.split(ours)[::2]
    at = 0
    for piece in pieces:
        found = text.find(piece, at)
        if found < 0:
            return (
                f'in "{chat.name}" ours writes {piece[:_SHOWN]!r} where the model\'s own template writes '
                f"{text[at : at + _SHOWN]!r}"
            )
        at = found + len(piece)
    return f'in "{chat.name}" the model\'s own template ends in {text[-_SHOWN:]!r}, ours in {ours[-_SHOWN:]!r}'
