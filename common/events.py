"""What a parser says: five nouns, in the order the model wrote them.

- Every event is final: none is ever revised or taken back.
- Text deltas of one kind that follow each other belong together; where they are cut carries no meaning.
- A call is one `ToolCallStart`, any number of `ToolArgumentsDelta`, and at most one `ToolCallEnd`, all with
  the same `index`. The texts of its deltas, joined, are the JSON text of its arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """Some of the model's reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class ContentDelta:
    """Some of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallStart:
    """A call begins. `index` counts calls from 0, `name` is whole, `id` is unique in the reply."""

    index: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolArgumentsDelta:
    """The next piece of the JSON text of call `index`'s arguments."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class ToolCallEnd:
    """Call `index` is over. `complete` is False where the model's text was cut off or no JSON object."""

    index: int
    complete: bool


Event: TypeAlias = ReasoningDelta | ContentDelta | ToolCallStart | ToolArgumentsDelta | ToolCallEnd
