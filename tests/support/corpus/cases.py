"""A case: a request, a reply, and what comes of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dynamo_parsers import Parser
from pydantic import BaseModel, ConfigDict

from .records import Record

TESTS = Path(__file__).parents[2]
CASES = TESTS / "cases"
SHAPES = TESTS / "shapes"

_TEXT = ("Order and completeness", "White space", "No leaks", "Fit", "Cut openers", "Turn ends")
_TOOLS = ("Unmarked calls", "Sections", "Framed replies", "No tools", "Choice")
_CALLS = (
    "Names",
    "Arguments",
    "Streaming",
    "Typing",
    "Framing",
    "Own markers",
    "Limits",
    "Calls in prose",
    "Drift",
    "Truncation",
    "Ids",
    "Finish reason",
)
_REASONING = ("Start", "Repeated openers", "Call in reasoning", "Never closed", "Guided JSON")

GROUPS = (*_TEXT, *_TOOLS, *_CALLS, *_REASONING, "Errors")
"""Every group: the bold words and headings of CONTRACT.md, and its two limits."""

TOOL_GROUPS = (*_TEXT, *_TOOLS, *_CALLS, "Errors")
REASONING_GROUPS = (*_TEXT, "Framed replies", "No tools", *_REASONING, "Errors")
"""The groups that a parser of each kind must have cases of."""


class CorpusError(Exception):
    """A file of the corpus that is not written as it should be."""


class Request(BaseModel):
    """What a request says to the parsers, and why the engine stopped."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tool_parser: str | None = None
    reasoning_parser: str | None = None
    tools: list[str | dict[str, object]] | None = None
    """Names are looked up in tools.json. Not given: all that stand there; null or []: none."""
    tool_choice: str | dict[str, object] = "auto"
    parallel_tool_calls: bool = True
    chat_template_kwargs: dict[str, object] = {}
    in_reasoning: bool | None = None
    engine_finish: str | None = "stop"


@dataclass(frozen=True, slots=True)
class Start:
    """The start of a reply, and what is out once it has been fed."""

    text: str
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Case:
    """One reply and what comes of it."""

    file: str
    """The parser: the name of its case file."""
    group: str
    title: str
    line: int
    request: Request
    reply: str
    records: tuple[Record, ...]
    finish: str | None
    starts: tuple[Start, ...] = ()
    source: str = ""
    """The file that `line` is of, if that is not the parser's own."""
    todo: str = ""
    """Why the parser does not yet answer so."""

    def __str__(self) -> str:
        return f"{self.file}/{self.group}/{self.title}"

    @property
    def place(self) -> str:
        """Where the case is written."""
        return f"{self.source or f'tests/cases/{self.file}.md'}:{self.line}"

    def parser(self, *, ids: Iterator[str] | None = None) -> Parser:
        """A parser for the request of this case. `ids`: the ids that it makes."""
        made = ids or (f"call_{number:024x}" for number in itertools.count())
        request = self.request
        return Parser(
            request.tool_parser,
            request.reasoning_parser,
            self.tools,
            request.tool_choice,
            request.parallel_tool_calls,
            request.chat_template_kwargs,
            request.in_reasoning,
            new_id=lambda: next(made),
        )

    @property
    def tools(self) -> list[dict[str, object]] | None:
        """The tools of the request, as OpenAI tool objects."""
        if "tools" not in self.request.model_fields_set:
            return list(declared_tools().values())
        if self.request.tools is None:
            return None
        known = declared_tools()
        return [known[tool] if isinstance(tool, str) else tool for tool in self.request.tools]


@lru_cache(maxsize=1)
def declared_tools() -> dict[str, dict[str, object]]:
    """The tools of tools.json by name."""
    tools = json.loads((CASES / "tools.json").read_text(encoding="utf-8"))
    return {tool["function"]["name"]: tool for tool in tools}
