"""What became of a reply: how the calls that a parser gave compare with those that were written.

- *exact*: the same calls with the same arguments as JSON values, and the same text beside them, but for outer spaces.
- *wrong*: as many calls, but another name or other arguments, or arguments that are no JSON.
- *lost*: fewer calls. *extra*: more calls. *text*: the calls are exact, and the text is not.
- *raised* and *slow*: no answer.

A *policy* is what a parser may well do on purpose, or what our set-up makes it do, as far as it explains the whole
difference: then the outcome is told apart from a fault.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dynamo_parsers.registry import reasoning_row, tool_row

from .questions import Question

SECONDS = 10
"""A reply that takes longer is "slow"."""
OUTCOMES = ("exact", "wrong", "lost", "extra", "text", "raised", "slow")


@dataclass(frozen=True)
class Answer:
    """What a client gets."""

    content: str | None
    calls: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Result:
    """One question, asked once. `kind` is of its string; `why` says more, for a reader."""

    environment: str
    parser: str
    family: str
    source: str
    kind: str
    way: str
    id: str
    outcome: str
    why: str = ""
    policy: str = ""

    def line(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


LITERALS = {"None": None, "True": True, "False": False}
SPACE = "white space at the ends of strings is dropped"
SPECIAL = "special tokens are dropped from strings"
LOOKS = "a string that looks like another type is read as that"


def policy(question: Question, answer: Answer) -> str:
    """What explains all the difference between the calls; "" if nothing does."""
    if len(answer.calls) != len(question.calls):
        return ""
    special = re.compile("|".join(map(re.escape, special_tokens(question.family))))
    normal: dict[str, Callable[[Any, Any], bool]] = {
        SPACE: lambda one, other: isinstance(other, str) and one.strip() == other.strip(),
        SPECIAL: lambda one, other: isinstance(other, str) and special.sub("", one) == special.sub("", other),
        LOOKS: lambda one, other: same(LITERALS.get(one.strip(), as_json(one)), other),
    }
    for name, alike in normal.items():
        if all(
            wanted[0] == said[0] and _alike(wanted[1], as_json(said[1]), alike)
            for wanted, said in zip(question.calls, answer.calls, strict=True)
        ):
            return name
    return ""


def special_tokens(family: str) -> Sequence[str]:
    """What the demo model's tokenizer holds as a special token."""
    row = tool_row(family)
    reasoning = reasoning_row(row.pairs[0]).special_tokens if row.pairs else ()
    return ("<|endoftext|>", "<|im_start|>", row.turn_end, *row.special_tokens, *reasoning)


def as_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return ...


def _alike(one: Any, other: Any, alike: Callable[[Any, Any], bool]) -> bool:
    """Whether two values are the same except for strings that are `alike`."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(each, other[key], alike) for key, each in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_alike(a, b, alike) for a, b in zip(one, other, strict=True))
    return same(one, other) or (isinstance(one, str) and alike(one, other))


def compared(question: Question, answer: Answer) -> tuple[str, str]:
    """The outcome, and what differs first."""
    wanted, found = question.calls, answer.calls
    if len(found) != len(wanted):
        return ("lost" if len(found) < len(wanted) else "extra"), f"{len(found)} calls of {len(wanted)}"
    for (name, arguments), (said, text) in zip(wanted, found, strict=True):
        if name != said:
            return "wrong", f"the name is {said[:40]!r}, not {name!r}"
        if why := _differs(arguments, text):
            return "wrong", why
    if (answer.content or "").strip() != question.prose.strip():
        return "text", f"the text is {(answer.content or '')[:80]!r}"
    return "exact", ""


def _differs(arguments: dict[str, Any], text: str) -> str:
    try:
        said = json.loads(text or "{}")
    except ValueError:
        return f"no JSON: {text[-60:]!r}"
    if not isinstance(said, dict):
        return f"no object: {text[:60]!r}"
    for key in {**arguments, **said}:
        if key not in said or key not in arguments:
            return f"{key!r} is {'missing' if key in arguments else 'extra'}"
        if not same(arguments[key], said[key]):
            return f"{key!r}: {first_difference(arguments[key], said[key])}"
    return ""


def same(one: Any, other: Any) -> bool:
    """Equal as JSON values; `1` and `1.0` are, `1` and `true` are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(each, other[key]) for key, each in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(type(one) is type(other) or not isinstance(one, str | dict | list | None)) and one == other


def first_difference(one: Any, other: Any) -> str:
    if isinstance(one, str) and isinstance(other, str):
        at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
        return f"from {at} on {one[at : at + 40]!r} became {other[at : at + 40]!r}"
    return f"{json.dumps(one)[:60]} became {json.dumps(other)[:60]}"
