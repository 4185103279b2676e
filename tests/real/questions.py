"""What is asked: a reply in one family's markup, and the calls that were written into it.

- "bfcl": the calls of an answer of the leaderboard, as they are.
- "mcp": one to three calls of MCP tools, with what agents write in one of the free strings of each.
- "quoted": the same, and what is in the string holds example calls or markers of the markup of the reply itself.
- "long": one call, with a string of 64 KB.

The same seed gives the same questions in every environment.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dynamo_parsers.registry import tool_row
from dynamo_parsers.write.markup import RENDERERS, Call, Part

from .strings import PLAIN, QUOTING, WORDS, Writer

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "real"
SEED = 20261130
EXAMPLES = 12
"""Replies that strings quote, of each family."""
SOURCES = ("bfcl", "mcp", "quoted", "long")
KINDS = {"mcp": PLAIN, "quoted": QUOTING, "long": ("long",)}
"""What the strings of a source are, in order."""
THOUGHT = "I look at it with a tool."
PROSE = ("", "I'll do that now.", "Gut, ich prüfe es: 1 < 2.\n\n")
"""What a reply says before its calls."""
STYLES: Sequence[Mapping[str, Any]] = (
    {"ensure_ascii": False},
    {"ensure_ascii": False, "indent": 2},
    {"ensure_ascii": False, "separators": (",", ":")},
    {},
)
"""How models write JSON."""
PLAIN_KEY = re.compile(r"[A-Za-z_][\w.-]*")

Json = dict[str, Any]


@dataclass(frozen=True)
class Question:
    id: str
    family: str
    source: str
    kind: str
    """Of the string: see strings.py; "as it is" for the leaderboard's calls."""
    tools: Sequence[Json]
    """As a request declares them."""
    prose: str
    calls: Sequence[tuple[str, Json]]
    reply: str


@dataclass(frozen=True)
class Turn:
    """A line of calls.jsonl."""

    id: str
    tools: str
    calls: Sequence[Json]


@cache
def _turns() -> Mapping[str, Sequence[Turn]]:
    found: dict[str, list[Turn]] = {"bfcl": [], "mcp": []}
    for line in (CACHE / "calls.jsonl").read_text(encoding="utf-8").splitlines():
        said = json.loads(line)
        found[said["source"]].append(Turn(said["id"], said["tools"], said["calls"]))
    return found


@cache
def _tools() -> Mapping[str, Sequence[Json]]:
    declared: Mapping[str, Sequence[Json]] = json.loads((CACHE / "tools.json").read_text(encoding="utf-8"))
    return {name: [{"type": "function", "function": tool} for tool in tools] for name, tools in declared.items()}


def writable(family: str, name: str, arguments: Mapping[str, Any]) -> bool:
    """Whether the markup of a family has a way to write the keys of a call."""
    if "get_weather(city=" in tool_row(family).sample:
        return all(key.isidentifier() for key in arguments)
    return not RENDERERS[family].plain_keys or all(map(PLAIN_KEY.fullmatch, _keys(arguments)))


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from value
    for each in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _keys(each)


def questions(family: str, source: str, size: int | None) -> Iterator[Question]:
    """The questions of a source in the markup of a family; `size`: how many turns are drawn; None: all there are."""
    found = list(_turns()["bfcl" if source == "bfcl" else "mcp"])
    if source != "bfcl":  # a tool without a free string comes beside another
        found = [turn for turn in found if turn.calls[0]["slots"]]
    # Not by family, so that each has the same turns; a smaller size has the first of a larger one's.
    random.Random(f"{SEED} {source}").shuffle(found)
    for number, turn in enumerate(found[:size]):
        if all(writable(family, call["name"], call["arguments"]) for call in turn.calls):
            yield _asked(family, source, turn, number)


def _asked(family: str, source: str, turn: Turn, number: int) -> Question:
    rng = random.Random(f"{SEED} {source} {turn.id}")
    prose = "" if source == "bfcl" else rng.choice(PROSE)
    kind = "as it is"
    said = list(turn.calls)
    if source != "bfcl":
        kinds = KINDS[source]
        kind = kinds[number % len(kinds)]
        said += _more(turn, family, rng.choice((0, 0, 0, 1, 2)) if source != "long" else 0, rng)
    calls = [(call["name"], copy.deepcopy(call["arguments"])) for call in said]
    for call, (_, arguments) in zip(said, calls, strict=True):
        _fill(family, kind, arguments, call["slots"], rng)
    # Where the markup frames the whole reply, the models think first.
    reply = written(family, prose, calls, rng.choice(STYLES), THOUGHT if RENDERERS[family].framed else "")
    return Question(turn.id, family, source, kind, _tools()[turn.tools], prose, calls, reply)


def _more(turn: Turn, family: str, count: int, rng: random.Random) -> Sequence[Json]:
    """Calls of other tools of the same server."""
    others = [each.calls[0] for each in _turns()["mcp"] if each.tools == turn.tools]
    others = [call for call in others if writable(family, call["name"], call["arguments"])]
    return rng.sample(others, min(count, len(others)))


def _fill(family: str, kind: str, arguments: Json, slots: Sequence[Sequence[Any]], rng: random.Random) -> None:
    """Put a string of `kind` into one slot, and a word into the others."""
    chosen = rng.choice(slots) if slots else None
    for slot in slots:
        *path, last = slot
        holder: Any = arguments
        for key in path:
            holder = holder[key]
        holder[last] = string(family, kind, rng) if slot is chosen else rng.choice(WORDS)


def string(family: str, kind: str, rng: random.Random) -> str:
    writer = Writer(next(CACHE.glob("bfcl_eval-*.whl")), rng)
    if kind in QUOTING:
        return writer.quoting(kind, examples(family), sorted(tool_row(family).format.markers))
    return writer.plain(kind)


@cache
def examples(family: str) -> Sequence[str]:
    """Short replies in a family's markup: one call and two, of the leaderboard."""
    short = [turn for turn in _turns()["bfcl"] if len(json.dumps(turn.calls)) < 300]
    turns = random.Random(SEED).sample([turn for turn in short if len(turn.calls) < 3], EXAMPLES)
    return [written(family, "", [(call["name"], call["arguments"]) for call in turn.calls]) for turn in turns]


def written(
    family: str,
    prose: str,
    calls: Sequence[tuple[str, Json]],
    style: Mapping[str, Any] = STYLES[0],
    thought: str = "",
) -> str:
    """The reply; `style`: how JSON is written if the markup holds the arguments as JSON."""
    renderer = RENDERERS[family]
    parts = [Part("reasoning", thought)] if thought else []
    parts += [Part("content", prose)] if prose else []
    made = (Call(name, arguments, json.dumps(arguments, **style)) for name, arguments in calls)
    parts.append(Part("calls", calls=tuple(made)))
    return "".join(renderer.write(parts, ("", "")))


def reasoning_of(family: str) -> str | None:
    """The reasoning parser that a framed markup needs."""
    return tool_row(family).pairs[0] if RENDERERS[family].framed else None
