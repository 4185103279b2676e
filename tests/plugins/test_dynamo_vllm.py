"""Our parsers in NVIDIA Dynamo's vLLM chat processor (`--dyn-chat-processor vllm`): the corpus, and what its halves do.

Dynamo makes no composition of vLLM's: it calls the two halves itself (`dynamo_parsers.vllm.together`). What is Dynamo's
own doing is in `right_of`: the client gets that with any parsers.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import replace

import corpus
import pytest
import vllm
from corpus import Case
from dynamo_chunks import VERSION, Answer, Refused, case_body, core_answer, refused, without
from dynamo_parsers.registry import thinking_asked_for, tool_row
from dynamo_vllm_harness import Exchange
from effort import share, some
from parity import compositions, prompt_for, record

ENGINE = f"Dynamo {VERSION} (vLLM {vllm.__version__})"

EVERY = int(os.environ.get("CASES_EVERY", "40"))
"""By day one in so many cases is asked."""
MODES: tuple[tuple[int | None, int, bool], ...] = ((1, 1, True), (1, 20, True), (None, 1, True), (1, 20, False))
"""Tokens that the worker gives at once (None: all), tokens that Dynamo collects, and whether the request streams."""


def right_of(case: Case, made: Exchange, tool: str | None, reasoning: str | None) -> Answer:
    """What the core says, as far as Dynamo asks the parsers."""
    inside = case.request.in_reasoning if reasoning is not None else None
    kwargs = case.request.chat_template_kwargs
    if case.request.tool_choice == "none":
        tool = None  # Dynamo makes no tool parser
    if kwargs.get("enable_thinking") is False or (reasoning is None and thinking_asked_for(kwargs) is False):
        # Dynamo makes no reasoning parser. The tool parser reads a stream with the one that is usual beside it; its
        # answer for a whole reply has no place for reasoning.
        inside = None
        reasoning = next(iter(tool_row(tool).pairs), None) if tool is not None and made.stream else None
    if tool is None and reasoning is None:
        return without(Answer(None, made.seen(case.reply), (), made.finish), made.special_tokens)
    right = core_answer(
        made.seen(case.reply),
        made.finish,
        tool_parser=tool,
        reasoning_parser=reasoning,
        tools=case.tools if tool is not None else None,
        tool_choice=case.request.tool_choice if tool is not None else "auto",
        parallel_tool_calls=case.request.parallel_tool_calls,
        chat_template_kwargs=kwargs,
        in_reasoning=inside,
    )
    if not made.stream and made.grammar_from_start:
        right = replace(right, reasoning=None)  # as above: Dynamo makes no reasoning parser then
    return without(right, made.special_tokens)


def differences(
    case: Case, composition: str, tool: str | None, reasoning: str | None, mode: tuple[int | None, int, bool]
) -> Iterator[str]:
    """How the answer of a composition differs."""
    tokens, interval, stream = mode
    made = Exchange(
        tool and f"dynamo_{tool}",
        reasoning and f"dynamo_{reasoning}",
        # A reasoning parser alone reads to the end of the reply if there are no tools; docs/dynamo.md says why.
        body=case_body(case, tools=tool is not None),
        prompt=prompt_for(reasoning, case.request.in_reasoning),
        finish="length" if case.request.engine_finish == "length" else "stop",
        interval=interval,
        stream=stream,
    )
    # Dynamo removes special tokens from each delta; one that two deltas have a part of stays.
    given = without(made.answer(case.reply, tokens), made.special_tokens)
    right = right_of(case, made, tool, reasoning)
    if given != right:
        yield f"{composition}, {mode}:\n  given {given}\n  right {right}"


@pytest.mark.parametrize("case", some(corpus.all_cases(), EVERY), ids=str)
def test_corpus(case: Case) -> None:
    """Every case, streamed and whole, with the parsers of Dynamo's front end."""
    if why := refused(case):
        record(ENGINE, case, f"refused: {why}")
        pytest.skip(why)
    try:
        found = [
            line
            for composition, mode in share(case, itertools.product(compositions(case), MODES))
            for line in differences(case, *composition, mode=mode)
        ]
    except Refused as error:
        record(ENGINE, case, "refused: Dynamo refuses the request")
        pytest.skip(f"Dynamo refuses the request: {error}")
    record(ENGINE, case, "differs" if found else "same")
    assert not found, "\n".join(found)
