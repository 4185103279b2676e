"""SGLang's own serving over our classes: a client gets what the core says, streaming or not.

Runs in the environment that holds SGLang.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest
from pydantic import ValidationError

pytest.importorskip("sglang")

from corpus import Case
from dynamo_parsers.parser import named_choice
from dynamo_parsers.registry import tool_row
from parity import compositions, corpus_cases, markers, prompt_for
from sglang.srt.entrypoints.openai.protocol import ChatCompletionRequest
from sglang_harness import Exchange, Refused, chat_request, core_answer

MODES: tuple[str, ...] = ("one-shot", "1", "5", "all")
"""One-shot, and streams of so many tokens a delta."""


# --- differences


@dataclass(frozen=True)
class Excuse:
    """Where a client of SGLang gets something else than the core says, and why that is not ours to change."""

    why: str
    when: Callable[[Case, str, str], bool]
    """Whether it applies, given the case, the composition ("both", "tool", "reasoning") and the mode."""


EXCUSES: dict[str, Excuse] = {}


def case_body(case: Case) -> dict[str, object]:
    """The request of a case."""
    said: dict[str, object] = {
        "parallel_tool_calls": case.request.parallel_tool_calls,
        "chat_template_kwargs": dict(case.request.chat_template_kwargs),
    }
    choice = case.request.tool_choice
    if case.tools and choice != "auto":
        named = named_choice(choice)
        said["tool_choice"] = choice if named is None else {"type": "function", "function": {"name": named}}
    return chat_request(case.tools, **said)


def refused(case: Case) -> str | None:
    """Why no such request or reply reaches a parser of SGLang; None where it does."""
    try:
        made = ChatCompletionRequest.model_validate(case_body(case))
    except ValidationError:
        return "SGLang refuses the tools of this request"
    declared = [tool.function.name for tool in made.tools or ()]
    named = named_choice(case.request.tool_choice)
    if named is not None and named not in declared:
        return "SGLang refuses a named choice of an undeclared tool"
    if not declared and case.request.tool_choice == "required":
        return "SGLang refuses a choice without tools"
    if any("\ud800" <= char <= "\udfff" for char in case.reply):
        return "no tokenizer writes a lone surrogate"
    return None


def differences(
    case: Case,
    composition: str,
    tool: str | None,
    reasoning: str | None,
    *,
    modes: tuple[str, ...] = MODES,
    excuses: Mapping[str, Excuse] = EXCUSES,
) -> Iterator[str]:
    """How the answers of a composition differ from the core's, as far as nothing excuses it."""
    inside = case.request.in_reasoning if reasoning is not None else None
    finish = "length" if case.request.engine_finish == "length" else "stop"
    made = Exchange(
        tool and f"dynamo_{tool}",
        reasoning and f"dynamo_{reasoning}",
        body=case_body(case),
        prompt=prompt_for(reasoning, inside),
        finish=finish,
    )
    for mode in modes:
        if any(excuse.when(case, composition, mode) for excuse in excuses.values()):
            continue
        try:
            given = made.answer(mode, case.reply)
        except Refused as why:
            pytest.skip(f"SGLang refuses the request: {why}")
        # What SGLang's detokenizer leaves of the reply: special tokens are gone where nobody asked for them.
        seen = made.seen(case.reply)
        if lost := [each for each in markers(tool, reasoning) if each in case.reply and each not in seen]:
            yield f"{composition}, {mode}: the detokenizer leaves out {lost}"
        right = core_answer(
            seen,
            finish,
            tool_parser=tool,
            reasoning_parser=reasoning,
            # Without a tool parser SGLang reads no calls.
            tools=case.tools if tool is not None else None,
            tool_choice=case.request.tool_choice,
            parallel_tool_calls=case.request.parallel_tool_calls,
            chat_template_kwargs=case.request.chat_template_kwargs,
            in_reasoning=inside,
        )
        if given != right:
            yield f"{composition}, {mode}:\n  given {given}\n  right {right}"
        elif tool is not None and tool_row(tool).native_ids:
            for one, other in zip(given.ids, right.ids, strict=True):
                if one != other and not (one.startswith("call_") and other.startswith("call_")):
                    yield f"{composition}, {mode}: id {one}, right {other}"


CASES = corpus_cases()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_corpus(case: Case) -> None:
    """Every case, by every composition that can read it, one-shot and in deltas of 1, 5 and all tokens."""
    if why := refused(case):
        pytest.skip(why)
    found = [
        line
        for composition, tool, reasoning in compositions(case)
        for line in differences(case, composition, tool, reasoning)
    ]
    assert not found, "\n".join(found)
