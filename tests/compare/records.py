"""What is asked of every parser, and what it answers: one JSON object a line, read and written in every environment.

- A question is a reply of a model and the request it answers. It says nothing of what is right.
- An answer is one parser's, in one way: the reply handed over `whole`, or in `pieces`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict

Way = Literal["whole", "pieces"]
WAYS: tuple[Way, ...] = ("whole", "pieces")


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Question(Record):
    """A reply and its request, under our names of the parsers."""

    id: str
    format: str
    """The parser that the question is about, as the reports name it."""
    text: str
    pieces: list[str]
    tool_parser: str | None = None
    reasoning_parser: str | None = None
    tools: list[dict[str, object]] | None = None
    tool_choice: str | dict[str, object] = "auto"
    parallel_tool_calls: bool = True
    chat_template_kwargs: dict[str, object] = {}
    in_reasoning: bool | None = None
    prompt_tail: str = ""
    """What a prompt ends with if the request says whether reasoning is open."""
    reasons: bool = True
    """Whether the reply or the request has to do with reasoning at all."""
    engine_finish: str | None = "stop"
    group: str | None = None
    """The heading of the contract that the case pins; None for text that is not of the project's corpus."""

    @property
    def told_reasoning(self) -> str | None:
        """The reasoning parser, if it has something to do; a question about one alone always names it."""
        return self.reasoning_parser if self.reasons or self.tool_parser is None else None

    def narrowed(self) -> Question:
        """The same with those tools alone that the reply mentions, for a peer that chokes on another's declaration."""
        known = self.tools or []
        return self.model_copy(update={"tools": [tool for tool in known if _name(tool) in self.text] or known[:1]})


def _name(tool: dict[str, object]) -> str:
    function = tool.get("function", tool)
    return str(function.get("name")) if isinstance(function, dict) else ""


class Call(Record):
    name: str
    arguments: str
    complete: bool = True
    id: str = ""
    """Not compared: most are made up. Empty if it is not given."""


class Answer(Record):
    """What a client gets. Two answers are compared by `said`."""

    reasoning: str | None = None
    content: str | None = None
    calls: list[Call] = []
    finish_reason: str | None = None
    """None: not told."""


class Answered(Record):
    """One parser's answer to a question; `refused` is the reason if there is none."""

    id: str
    way: Way
    answer: Answer | None = None
    refused: str | None = None


Line = TypeVar("Line", bound=Record)


def write(path: Path, records: Iterable[Record]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not pydantic's JSON: it refuses the lone surrogates that some parsers answer.
    path.write_text("".join(json.dumps(record.model_dump()) + "\n" for record in records), encoding="utf-8")


def read(path: Path, kind: type[Line]) -> list[Line]:
    return [kind.model_validate(json.loads(line)) for line in path.read_text(encoding="utf-8").split("\n") if line]
