"""Decides from a rendered prompt what a demo model replies.

- A script in the last user message is the reply, even if a grammar forbids it. If that message has several
  scripts, the nth is the nth reply to it, so that one message can play a whole tool loop.
- Without one, a demo model answers by itself: a question about the weather with the family's tool call, a
  tool's result with a sentence that repeats it, anything else by explaining itself. Such an answer gives
  way to a grammar.
- Any other model without a script samples as usual.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile

from pydantic import BaseModel, ValidationError

from .conversation import Turn, scripts, turns
from .model import SAMPLE_KEY, SAMPLE_THOUGHT, SAMPLE_TOOL, SAMPLE_VALUE, DemoModel

INTRODUCTION = (
    "Hello! I am a demo model with random weights, so what I say is scripted. Ask me about the weather in a "
    "city and offer me a tool named get_weather, or write what I shall say, in any markup, between <<<SCRIPT "
    "and SCRIPT>>> in your message."
)

_WEATHER = re.compile(r"weather|forecast|temperature|\brain|\bsunn", re.IGNORECASE)
_PREPOSITION = re.compile(r"\b(?:in|at|for|of)\s+", re.IGNORECASE)
# Up to four words; a full stop belongs to an abbreviation ("St. Louis").
_WORD = r"(?:[^\W\d_]{1,2}\.|[^\W\d_]+(?:['’-][^\W\d_]+)*)"
_PLACE = re.compile(rf"{_WORD}(?:\s+{_WORD}){{0,3}}")
# Words that end a place, or show that the preposition meant a time.
_NO_PLACE = {
    "a",
    "an",
    "and",
    "at",
    "for",
    "in",
    "like",
    "my",
    "next",
    "now",
    "of",
    "on",
    "or",
    "please",
    "right",
}
_NO_PLACE |= {"the", "this", "today", "tomorrow", "tonight", "with", "you", "your"}
# Enough of a tool's result for a sentence.
_QUOTED = 400


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    # True: it is forced even if a grammar forbids it.
    scripted: bool


def answer(prompt: str, model: DemoModel | None) -> Answer | None:
    """Return the reply to `prompt`; None leaves it to the weights. `model`: None if it is not a demo model."""
    if model is None:
        found = scripts(prompt)
        return Answer(found[-1], scripted=True) if found else None
    conversation = turns(prompt, model.turn_end)
    if not conversation:
        found = scripts(prompt)
        return Answer(found[-1], scripted=True) if found else Answer(INTRODUCTION, scripted=False)
    # The last turn is the open one, which this answer fills.
    before = conversation[:-1]
    asked = [i for i, turn in enumerate(before) if turn.role == "user"]
    if asked:
        found = scripts(before[asked[-1]].text)
        replies = sum(turn.role == "assistant" for turn in before[asked[-1] :])
        if replies < len(found):
            return Answer(found[replies], scripted=True)
    return Answer(_unscripted(prompt, before, model), scripted=False)


def _unscripted(prompt: str, conversation: list[Turn], model: DemoModel) -> str:
    last = conversation[-1] if conversation else Turn("user", "")
    if last.role == "tool":
        return _thought(prompt, "The tool has answered, so I can too.", model) + _report(last.text)
    call = _call(last.text, conversation, model) if _WEATHER.search(last.text) else None
    if call:
        return _thought(prompt, "The user asks about the weather, and there is a tool for that.", model) + call
    return _thought(prompt, "No tool fits this, so I introduce myself.", model) + INTRODUCTION


def _thought(prompt: str, sentence: str, model: DemoModel) -> str:
    """Return `sentence` in the family's reasoning markers, without those that the prompt has already."""
    before, thought, after = model.reasoning.partition(SAMPLE_THOUGHT)
    if not thought or (model.think_close and prompt.endswith(model.think_close + "\n\n")):
        return ""
    opened = bool(model.think_open) and prompt.endswith(model.think_open + "\n")
    return ("" if opened else before) + sentence + after


def _report(result: str) -> str:
    quoted = " ".join(result.split())
    return f"Here is what the tool answered: {quoted[:_QUOTED]}{'…' if len(quoted) > _QUOTED else ''}"


def _call(question: str, conversation: list[Turn], model: DemoModel) -> str | None:
    """Return the family's sample call for the first tool with `weather` in its name; None if there is none."""
    for tool in _offered(conversation):
        if "weather" in tool.name.lower():
            keys = [*tool.parameters.required, *tool.parameters.properties, SAMPLE_KEY]
            return _replaced(model.call, {SAMPLE_TOOL: tool.name, SAMPLE_KEY: keys[0], SAMPLE_VALUE: _place(question)})
    return None


def _replaced(text: str, words: dict[str, str]) -> str:
    return re.sub("|".join(words), lambda found: words[found[0]], text)


class _Parameters(BaseModel):
    required: list[str] = []
    properties: dict[str, object] = {}


class _Tool(BaseModel):
    name: str
    parameters: _Parameters = _Parameters()


def _offered(conversation: list[Turn]) -> Iterator[_Tool]:
    """Yield the tools of the request, which the chat template writes one per line."""
    if conversation[0].role == "tools":
        for line in conversation[0].text.split("\n"):
            # A prompt can be written by hand, and an error here would end the engine.
            with suppress(ValidationError):
                yield _Tool.model_validate_json(line)


def _place(question: str) -> str:
    """Return the place that a question names, or Paris: letters and simple punctuation, which need no escaping."""
    for phrase in _PREPOSITION.split(question)[1:]:
        found = _PLACE.match(phrase)
        words = takewhile(lambda word: word.lower() not in _NO_PLACE, found[0].split() if found else ())
        place = " ".join(words).replace("'", "’")
        if place:
            return place.title() if place.islower() else place
    return SAMPLE_VALUE
