"""Our parsers in NVIDIA Dynamo's vLLM chat processor (`--dyn-chat-processor vllm`): the corpus, and what its halves do.

Dynamo makes no composition of vLLM's: it calls the two halves itself (`dynamo_parsers.vllm.together`). What is Dynamo's
own doing is in `right_of`: the client gets that with any parsers.
"""

from __future__ import annotations

import gc
import itertools
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import corpus
import pytest
import vllm
import vllm_harness
from corpus import Case
from dynamo_chunks import VERSION, Answer, Refused, case_body, core_answer, refused, without
from dynamo_parsers.registry import tool_row
from dynamo_parsers.rows import thinking_asked_for
from dynamo_parsers.vllm import together
from dynamo_vllm_harness import Exchange
from effort import share, some
from parity import TURN, compositions, prompt_for, settle
from vllm.reasoning import ReasoningParserManager
from vllm.tool_parsers import ToolParserManager
from vllm_harness import chat_request, encode, tokenizer_for

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
    ways = share(case, itertools.product(compositions(case), MODES))
    found = (line for composition, mode in ways for line in differences(case, *composition, mode=mode))
    settle(ENGINE, case, refused(case), found, Refused)


# --- the halves, as such an engine makes them


REPLY = 'Hm.</think>Hi. <tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>'


def halves(choices: int) -> tuple[Any, list[tuple[Any, Any]]]:
    """A request that a pair of ours has adjusted, and the halves that read `choices` replies to it."""
    tokenizer = tokenizer_for("hermes", "qwen3")
    tool, reasoning = (
        ToolParserManager.get_tool_parser("dynamo_hermes"),
        ReasoningParserManager.get_reasoning_parser("dynamo_qwen3"),
    )
    request, kwargs = chat_request(), {"enable_thinking": True}
    tool(tokenizer, request.tools).adjust_request(request)
    reasoning(tokenizer, chat_template_kwargs=kwargs).adjust_request(request)
    made = [(tool(tokenizer, request.tools), reasoning(tokenizer, chat_template_kwargs=kwargs)) for _ in range(choices)]
    for _, half in made:
        half.adjust_initial_state_from_prompt(encode(tokenizer, TURN + "<think>\n"))
    return request, made


def step(request: Any, tool: Any, reasoning: Any, piece: str, ids: list[int], asked: list[int] | None = None) -> Any:
    """One step as Dynamo does it; `asked`: the list of token ids that the tool half is given instead."""
    delta = reasoning.extract_reasoning_streaming("", "", piece, [], ids, [0])
    assert not reasoning.has_engine_confirmed_reasoning_end()
    if delta is not None and delta.content and not delta.reasoning:
        asked = ids if asked is None else asked
        return tool.extract_tool_calls_streaming("", "", piece, [], asked, [0], request)
    return delta


def test_choices_are_kept_apart() -> None:
    """Two replies to one request, one character of each alternately: each pair of halves reads its own."""
    request, made = halves(2)
    replies = REPLY, REPLY.replace("Paris", "Rome!")
    found: list[list[Any]] = [[], []]
    for number in range(len(REPLY)):
        for choice, pair in enumerate(made):
            found[choice].append(step(request, *pair, replies[choice][number], [number]))
    for choice, (tool, reasoning) in enumerate(made):
        found[choice] += [reasoning.finish_streaming(), tool.finish_streaming()]
        answer = vllm_harness.Answer.of_deltas([delta for delta in found[choice] if delta is not None])
        city = ("Paris", "Rome!")[choice]
        assert answer == vllm_harness.Answer("Hm.", "Hi.", (("get_weather", f'{{"city": "{city}"}}'),))


def test_a_half_that_is_called_for_another_step_reads_alone(caplog: pytest.LogCaptureFixture) -> None:
    request, [(tool, reasoning)] = halves(1)
    with caplog.at_level(logging.WARNING, "dynamo_parsers"):
        assert step(request, tool, reasoning, "Hm.</think>", [1]).reasoning == "Hm."
        assert step(request, tool, reasoning, "Hi. ", [1, 2], asked=[1, 2]).content == "Hi."
        assert step(request, tool, reasoning, "You.", [1, 2, 3], asked=[1, 2, 3]).content == " You."
    (line,) = [record.message for record in caplog.records]
    assert "dynamo_hermes" in line


def test_nothing_is_kept_of_a_request_that_is_over() -> None:
    request, made = halves(1)
    assert together.of_request(request) is not None
    before = len(together._asked)
    del request, made
    gc.collect()
    assert len(together._asked) < before
