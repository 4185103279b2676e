"""Our parsers in NVIDIA Dynamo's SGLang chat processor (`--dyn-chat-processor sglang`): the corpus.

Dynamo tells SGLang's detectors neither the request nor the end of a stream. What is its own doing is in `right_of`: the
client gets that with any parsers.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import corpus
import pytest
import sglang
from corpus import Case
from dynamo_chunks import VERSION, Answer, Refused, case_body, core_answer
from dynamo_chunks import refused as no_request
from dynamo_parsers.parser import named_choice
from dynamo_sglang_harness import Exchange
from effort import share, some
from parity import compositions, prompt_for, settle

ENGINE = f"Dynamo {VERSION} (SGLang {sglang.__version__})"

EVERY = int(os.environ.get("CASES_EVERY", "40"))
"""By day one in so many cases is asked."""
MODES: tuple[tuple[int | None, int], ...] = ((1, 1), (1, 20), (None, 1))
"""Tokens that the worker gives at once (None: all), and tokens that Dynamo collects."""


def refused(case: Case) -> str | None:
    """Why no such request or reply reaches a parser; None if it does."""
    if why := no_request(case):
        return why
    choice = case.request.tool_choice
    if case.tools and (choice == "required" or named_choice(choice) is not None):
        return "Dynamo reads the JSON of a forced choice itself"
    return None


def right_of(case: Case, made: Exchange, tool: str | None, reasoning: str | None, tokens: int | None) -> Answer:
    """The core's answer if it gets as little."""
    if case.request.tool_choice == "none" or not case.tools:
        tool = None  # Dynamo makes no tool parser
    told = partial(core_answer, made.seen(case.reply), made.finish, end_is_told=False)
    right = told(
        tool_parser=tool,
        reasoning_parser=reasoning,
        tools=case.tools if tool is not None else None,
        in_reasoning=made.starts_inside if reasoning is not None else None,
    )
    if reasoning is not None and tokens is None:
        # The tool parser joins with the first piece, which was read without it.
        alone = told(reasoning_parser=reasoning, in_reasoning=made.starts_inside)
        right = replace(right, reasoning=alone.reasoning)
    declared = {tool["function"].get("name") for tool in case.tools or () if "function" in tool}
    calls = _declared(right.calls, declared)
    if tool is not None and not (calls and all(_is_whole(arguments) for _, arguments in calls)):
        # Dynamo reads again what the tool parser was given, as a whole reply.
        again = right.content or ""
        if reasoning is None:
            again = made.seen(case.reply)
        elif tokens is None:
            again = alone.content or ""
        found = _declared(core_answer(again, tool_parser=tool, tools=case.tools).calls, declared)
        calls = found or tuple(call for call in calls if _is_whole(call[1]))
    finish = {"stop": "stop", "tool_calls": "stop"}.get(str(right.finish), right.finish)
    return replace(right, calls=calls, finish="tool_calls" if finish == "stop" and calls else finish)


Calls = tuple[tuple[str, str], ...]


def _declared(calls: Calls, declared: set[str]) -> Calls:
    """Dynamo drops the calls of other functions."""
    return tuple(call for call in calls if call[0] in declared)


def _is_whole(arguments: str) -> bool:
    try:
        json.loads(arguments)
    except ValueError:
        return False
    return True


def differences(
    case: Case, composition: str, tool: str | None, reasoning: str | None, mode: tuple[int | None, int]
) -> Iterator[str]:
    """How the answer of a composition differs."""
    tokens, interval = mode
    made = Exchange(
        tool and f"dynamo_{tool}",
        reasoning and f"dynamo_{reasoning}",
        body=case_body(case, tools=tool is not None),
        prompt=prompt_for(reasoning, case.request.in_reasoning),
        finish="length" if case.request.engine_finish == "length" else "stop",
        interval=interval,
    )
    given = made.answer(case.reply, tokens)
    right = right_of(case, made, tool, reasoning, tokens)
    if given != right:
        yield f"{composition}, {mode}:\n  given {given}\n  right {right}"


@pytest.mark.parametrize("case", some(corpus.all_cases(), EVERY), ids=str)
def test_corpus(case: Case) -> None:
    """Every case as a stream, with the parsers of Dynamo's front end."""
    ways = share(case, itertools.product(compositions(case), MODES))
    found = (line for composition, mode in ways for line in differences(case, *composition, mode=mode))
    settle(ENGINE, case, refused(case), found, Refused)
