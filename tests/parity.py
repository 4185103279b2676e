"""What the tests of every engine's plugin share: the compositions of parsers that can read a case, and its outcome."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pytest
from corpus import Case
from dynamo_parsers import Message
from dynamo_parsers.registry import reasoning_row, tool_row

RESULTS = "PARITY_RESULTS"
"""The environment variable that names the file that `record` writes to."""

TURN = "<|im_start|>assistant\n"
"""What a demo model's prompt ends with if it does not mention reasoning."""


def prompt_for(reasoning: str | None, inside: bool | None) -> str:
    """The end of a prompt that leaves reasoning open, closes it, or says nothing of it."""
    if reasoning is None or inside is None:
        return TURN
    row = reasoning_row(reasoning)
    return TURN + (row.open + "\n" if inside else f"{row.open}\n\n{row.close}\n\n")


def compositions(case: Case) -> Iterator[tuple[str, str | None, str | None]]:
    """The compositions that can read a case, with the names of their tool and reasoning parsers."""
    tool, reasoning = case.request.tool_parser, case.request.reasoning_parser
    if tool is not None:
        beside = reasoning or next(iter(tool_row(tool).pairs), None)
        if beside is not None:
            yield "both", tool, beside
        yield "tool", tool, None
    if reasoning is not None:
        yield "reasoning", None, reasoning


def markers(tool: str | None, reasoning: str | None) -> set[str]:
    """What a composition has to see."""
    found: set[str] = set()
    if tool is not None:
        found |= tool_row(tool).format.markers
    if reasoning is not None:
        row = reasoning_row(reasoning)
        found |= {row.open, row.close} if row.frame is None else row.frame.markers
    return found


@dataclass(frozen=True)
class Answer:
    """What a client gets of one choice. Ids are not compared: most are random."""

    reasoning: str | None
    content: str | None
    calls: tuple[tuple[str, str], ...]
    finish: str | None = "stop"
    ids: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, message: Message) -> Answer:
        return cls(
            message.reasoning,
            message.content,
            tuple((call.name, call.arguments) for call in message.tool_calls),
            message.finish_reason,
            tuple(call.id for call in message.tool_calls),
        )


class Refused(Exception):
    """An engine answered with an error."""


def settle(
    engine: str, case: Case, why: str | None, found: Iterable[str], refusal: type[Exception] | tuple[()] = ()
) -> None:
    """Record what became of a case in an engine, and fail if it differs.

    Args:
        why: the engine takes no such request, for this reason.
        found: how its answers differ; read only if it takes the request. It may raise `refusal`.
    """
    try:
        lines = [] if why else list(found)
    except refusal as error:
        why = f"{engine.partition(' ')[0]} refuses this request"
        lines = [str(error)]
    if why:
        record(engine, case, f"refused: {why}")
        pytest.skip(": ".join((why, *lines)))
    record(engine, case, "differs" if lines else "same")
    assert not lines, "\n".join(lines)


def record(engine: str, case: Case, outcome: str) -> None:
    """Write the result of a case in an engine as a line of JSON; do nothing if no file is named for it.

    `outcome` is "same", "differs", or "refused: " and why.
    """
    if file := os.environ.get(RESULTS):
        said = {"engine": engine, "file": case.file, "group": case.group, "title": case.title, "outcome": outcome}
        with open(file, "a", encoding="utf-8") as results:
            results.write(json.dumps(said, ensure_ascii=False) + "\n")
