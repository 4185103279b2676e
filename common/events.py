"""The five events of a parser, in the order in which the model wrote them.

- Every event is final: none is ever revised or taken back.
- Consecutive text deltas of one kind belong together; the places where they are cut have no meaning.
- A call is one `ToolCallStart`, any number of `ToolArgumentsDelta`, and at most one `ToolCallEnd`, all with
  the same `index`. The texts of its deltas, joined, are the JSON text of its arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

# There is at least one delta per token, so deltas set their slots directly: a frozen dataclass takes twice the time.


@dataclass(frozen=True, slots=True, init=False)
class ReasoningDelta:
    """The next piece of the model's reasoning."""

    text: str

    def __init__(self, text: str) -> None:
        _set_reasoning(self, text)


_set_reasoning = vars(ReasoningDelta)["text"].__set__


@dataclass(frozen=True, slots=True, init=False)
class ContentDelta:
    """The next piece of the answer."""

    text: str

    def __init__(self, text: str) -> None:
        _set_content(self, text)


_set_content = vars(ContentDelta)["text"].__set__


@dataclass(frozen=True, slots=True)
class ToolCallStart:
    """A call begins. `index` counts calls from 0, `name` is whole, `id` is unique in the reply."""

    index: int
    id: str
    name: str


@dataclass(frozen=True, slots=True, init=False)
class ToolArgumentsDelta:
    """The next piece of the JSON text of call `index`'s arguments."""

    index: int
    text: str

    def __init__(self, index: int, text: str) -> None:
        _set_index(self, index)
        _set_arguments(self, text)


_set_index = vars(ToolArgumentsDelta)["index"].__set__
_set_arguments = vars(ToolArgumentsDelta)["text"].__set__


@dataclass(frozen=True, slots=True)
class ToolCallEnd:
    """Call `index` has ended. `complete` is False if its text was cut off or is not a JSON object."""

    index: int
    complete: bool


Event: TypeAlias = ReasoningDelta | ContentDelta | ToolCallStart | ToolArgumentsDelta | ToolCallEnd
