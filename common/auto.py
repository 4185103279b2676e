"""`dynamo_auto`: the parsers of a server chosen when it starts, by what its tokenizer and chat template show.

For the adapters: `choose` once a tokenizer, log `Chosen.why` in one line, and let what it raises stop the server.
"""

from __future__ import annotations

from dataclasses import dataclass

from .detect import NotConclusive, pair_for
from .registry import PREFIX
from .rows import ReasoningRow, ToolRow

NAME = "auto"
"""What stands behind the prefix in place of a parser's name."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The parsers for a model, and why. `reasoning` is None where nothing shows that the model reasons."""

    tool: ToolRow
    reasoning: ReasoningRow | None
    why: str


def choose(tokenizer: object) -> Chosen:
    """The parsers for a Hugging Face tokenizer. Raises NotConclusive, a ValueError that tells what was found."""
    return Chosen(*pair_for(tokenizer))


def reasoning_of(chosen: Chosen) -> ReasoningRow:
    """The reasoning parser that was chosen. Raises NotConclusive where the model shows none."""
    if chosen.reasoning is None:
        raise NotConclusive(
            f"--reasoning-parser {PREFIX}{NAME}: neither the tokenizer nor its chat template shows reasoning that is "
            f"known; leave the flag out ({chosen.why})"
        )
    return chosen.reasoning
