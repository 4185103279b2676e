"""`dynamo_auto`: chooses the parsers of a server when it starts, by its tokenizer and chat template.

An adapter calls `choose` once for each tokenizer, logs `Chosen.why` in one line, and lets an exception stop the server.
"""

from __future__ import annotations

from dataclasses import dataclass

from .detect import NotConclusive, pair_for
from .registry import PREFIX
from .rows import ReasoningRow, ToolRow

NAME = "auto"
"""The name of this parser, after the prefix."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The parsers for a model, and why. `reasoning` is None if nothing shows that the model reasons."""

    tool: ToolRow
    reasoning: ReasoningRow | None
    why: str


def choose(tokenizer: object) -> Chosen:
    """Return the parsers for a Hugging Face tokenizer. Raises NotConclusive, a ValueError that says what was found."""
    return Chosen(*pair_for(tokenizer))


def reasoning_of(chosen: Chosen) -> ReasoningRow:
    """Return the reasoning parser that was chosen. Raises NotConclusive if the model shows none."""
    if chosen.reasoning is None:
        raise NotConclusive(
            f"--reasoning-parser {PREFIX}{NAME}: neither the tokenizer nor its chat template shows a known kind of "
            f"reasoning; leave the flag out ({chosen.why})"
        )
    return chosen.reasoning
