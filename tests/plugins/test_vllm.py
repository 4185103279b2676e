"""vLLM's own parser composition over our classes: a client gets what the core says, streaming or not.

Runs in the environment that holds vLLM; with `PYTHONPATH=.cache/vllm-0.33.0/hybrid` against the newest sources.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import importlib.metadata
import itertools
import json
import logging
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

pytest.importorskip("vllm")

import corpus
import dynamo_parsers.vllm as plugin
import test_fuzz
from corpus import Case
from dynamo_parsers.engines.floors import floor
from dynamo_parsers.parser import named_choice
from dynamo_parsers.registry import (
    REASONING_ROWS,
    TOOL_ROWS,
    partners,
    reasoning_parser_names,
    reasoning_row,
    tool_parser_names,
    tool_row,
)
from dynamo_parsers.rows import ReasoningRow, ToolRow
from dynamo_parsers.vllm import compose as composing
from dynamo_parsers.vllm import hooks
from dynamo_parsers.vllm.parser import Beside, DynamoParser
from effort import NIGHTLY, share
from parity import compositions, markers, prompt_for, settle
from readers import by_day
from vllm.config.reasoning import ReasoningConfig
from vllm.entrypoints.openai.responses.protocol import ResponsesRequest
from vllm.parser import ParserManager
from vllm.parser.abstract_parser import DelegatingParser
from vllm.reasoning import ReasoningParser, ReasoningParserManager
from vllm.tool_parsers import ToolParser, ToolParserManager
from vllm_harness import (
    TOOLS,
    TURN,
    VERSION,
    Answer,
    Exchange,
    chat_request,
    core_answer,
    encode,
    partner,
    plain_tokenizer,
    responses_request,
    special_tokenizer,
    tokenizer_for,
)

EVERY = int(os.environ.get("CASES_EVERY", "1"))
"""By day one in so many cases is asked."""
MODES: tuple[str, ...] = ("one-shot", "1", "5", "all") if NIGHTLY else ("one-shot", "1", "all")
"""One-shot, and streams of so many tokens a delta."""


def refused(case: Case) -> str | None:
    """Why no such request or reply reaches a parser of vLLM; None if it does."""
    request = case.request
    named = named_choice(request.tool_choice)
    try:
        made = case_request(case)
    except ValidationError:
        return "vLLM refuses the tools of this request"
    declared = [getattr(tool, "function", tool).name for tool in made.tools or ()]
    if named is not None and named not in declared:
        return "vLLM refuses a named choice of an undeclared tool"
    if not declared and request.tool_choice in ("required",):
        return "vLLM refuses a choice without tools"
    if any("\ud800" <= char <= "\udfff" for char in case.reply):
        return "no tokenizer writes a lone surrogate"
    return None


# --- parity with the core


def case_request(case: Case) -> Any:
    said: dict[str, object] = {
        "parallel_tool_calls": case.request.parallel_tool_calls,
        "chat_template_kwargs": case.request.chat_template_kwargs,
    }
    choice = case.request.tool_choice
    if case.tools and choice != "auto":
        said["tool_choice"] = choice
    made = responses_request if isinstance(choice, dict) and "function" not in choice else chat_request
    return made(case.tools, **said)


def exchange(
    tool: str | None, reasoning: str | None, *, plain: bool = False, prompt: str = TURN, request: Any = None
) -> Exchange:
    """An exchange with our parsers of these names."""
    return Exchange(
        tool and f"dynamo_{tool}",
        reasoning and f"dynamo_{reasoning}",
        request=chat_request() if request is None else request,
        prompt=prompt,
        tokenizer=(plain_tokenizer if plain else tokenizer_for)(tool, reasoning),
    )


def answer_in(mode: str, made: Exchange, reply: str) -> Answer:
    return made.one_shot(reply) if mode == "one-shot" else made.stream(reply, None if mode == "all" else int(mode))


def differences(
    case: Case,
    composition: str,
    tool: str | None,
    reasoning: str | None,
    *,
    plain: bool = False,
    modes: tuple[str, ...] = MODES,
) -> Iterator[str]:
    """How the answers of a composition differ from the core's."""
    inside = case.request.in_reasoning if reasoning is not None else None
    for mode in modes:
        made = exchange(tool, reasoning, plain=plain, prompt=prompt_for(reasoning, inside), request=case_request(case))
        # What vLLM's detokenizer leaves of the reply: special tokens are gone if the request did not ask for them.
        seen = made.text(encode(made.tokenizer, case.reply))
        if made.adjusted and (
            lost := [each for each in markers(tool, reasoning) if each in case.reply and each not in seen]
        ):
            yield f"{composition}, {mode}: the detokenizer leaves out {lost}"
        right = core_answer(
            seen,
            tool_parser=tool,
            reasoning_parser=reasoning,
            # vLLM does not tell a reasoning parser without a tool parser of them.
            tools=case.tools if tool is not None else None,
            tool_choice=case.request.tool_choice,
            parallel_tool_calls=case.request.parallel_tool_calls,
            chat_template_kwargs=case.request.chat_template_kwargs,
            in_reasoning=inside,
        )
        given = answer_in(mode, made, case.reply)
        if given != right:
            yield f"{composition}, {mode}:\n  given {given}\n  right {right}"
        elif tool is not None and tool_row(tool).native_ids:
            # Those of the markup are kept; made ones are random, or numbered.
            for one, other in zip(given.ids, right.ids, strict=True):
                if one != other and other in case.reply:
                    yield f"{composition}, {mode}: id {one}, right {other}"


CASES = corpus.all_cases()


@pytest.mark.parametrize("case", by_day(CASES, EVERY), ids=str)
def test_corpus(case: Case) -> None:
    """Every case, by every composition that can read it, one-shot and in deltas of 1, 5, all tokens; by day a share."""
    ways = share(case, itertools.product(compositions(case), MODES))
    found = (line for composition, mode in ways for line in differences(case, *composition, modes=(mode,)))
    settle(f"vLLM {VERSION}", case, refused(case), found)


@pytest.mark.parametrize("case", by_day(CASES, 2 * EVERY), ids=str)
def test_corpus_with_markers_of_many_tokens(case: Case) -> None:
    """The same if the tokenizer knows no marker."""
    if why := refused(case):
        pytest.skip(why)
    composition, tool, reasoning = next(compositions(case))
    found = list(differences(case, composition, tool, reasoning, plain=True, modes=("one-shot", "1")))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)
def test_soup(row: ToolRow) -> None:
    """Any text: text that no model writes is read the same too. `FUZZ_TEXTS` by a thousand."""
    for seed in range(test_fuzz.SEED, test_fuzz.SEED + test_fuzz.ENGINE_TEXTS):
        rng = random.Random(f"vllm {row.name} {seed}")
        text = test_fuzz.Soup(row, rng).text()
        asked = dataclasses.asdict(test_fuzz.some_request(row, rng))
        case = Case("soup", "", str(seed), 0, corpus.Request.model_validate(asked), text, (), None)
        if refused(case):
            continue
        found = [
            f"seed {seed}: {line}"
            for composition, tool, reasoning in compositions(case)
            for line in differences(case, composition, tool, reasoning)
        ]
        assert not found, "\n".join([repr(text), *found])


# --- registration


@pytest.mark.parametrize("name", tool_parser_names())
def test_tool_parser_is_registered(name: str) -> None:
    found = ToolParserManager.get_tool_parser(f"dynamo_{name}")
    assert issubclass(found, ToolParser)
    assert found.row is tool_row(name)  # type: ignore[attr-defined]
    assert found.engine_based_streaming


@pytest.mark.parametrize("name", reasoning_parser_names())
def test_reasoning_parser_is_registered(name: str) -> None:
    found = ReasoningParserManager.get_reasoning_parser(f"dynamo_{name}")
    assert issubclass(found, ReasoningParser)
    assert found.row is reasoning_row(name)  # type: ignore[attr-defined]
    assert found.engine_based_streaming


def test_nothing_else_is_registered() -> None:
    """Only names with our prefix, so that no parser of vLLM is replaced."""
    ours = {f"dynamo_{name}" for name in (*tool_parser_names(), "auto", "response_template")}
    assert {name for name in ToolParserManager.list_registered() if name.startswith("dynamo_")} == ours
    assert "dynamo" not in ToolParserManager.get_tool_parser("hermes").__module__


def test_entry_point() -> None:
    found = [
        each for each in importlib.metadata.entry_points(group="vllm.general_plugins") if each.name == "dynamo_parsers"
    ]
    assert [each.load() for each in {each.value: each for each in found}.values()] == [plugin.register]


def test_register_twice() -> None:
    before = dict(ToolParserManager.lazy_parsers), dict(ReasoningParserManager.lazy_parsers)
    known = ToolParserManager.get_tool_parser("dynamo_hermes")
    plugin.register()
    assert (ToolParserManager.lazy_parsers, ReasoningParserManager.lazy_parsers) == before
    assert ToolParserManager.get_tool_parser("dynamo_hermes") is known


def test_register_imports_no_parser() -> None:
    """A process of vLLM that parses nothing does not pay for the parsers."""
    code = """
import sys, types
names = []
class Manager:
    register_lazy_module = staticmethod(lambda name, path, attribute: names.append((name, path)))
class ToolParser:
    engine_based_streaming = False
package, tools, reasoning = (types.ModuleType(name) for name in ("vllm", "vllm.tool_parsers", "vllm.reasoning"))
tools.ToolParser, tools.ToolParserManager, reasoning.ReasoningParserManager = ToolParser, Manager, Manager
sys.modules.update({"vllm": package, "vllm.tool_parsers": tools, "vllm.reasoning": reasoning})
import dynamo_parsers.vllm
dynamo_parsers.vllm.register()
assert ("dynamo_kimi_k2", "dynamo_parsers.vllm.parsers") in names
assert "dynamo_parsers.vllm.parsers" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name.startswith("dynamo_parsers")]


def test_register_without_vllm(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(sys.modules, "vllm.tool_parsers", None)
    plugin.register()
    (said,) = errors(caplog)
    assert f"needs vLLM {floor('vllm')} or newer" in said
    assert "not registered" in said


@pytest.mark.parametrize(
    ("version", "too_old"), [("0.30.0", True), ("0.30.0+cpu", True), (f"{floor('vllm')}.0", False), (None, False)]
)
def test_register_in_an_old_vllm(
    version: str | None, too_old: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One clear line, and no names, so that vLLM says itself that it does not know them."""
    registered: list[str] = []
    monkeypatch.setattr(plugin, "_version", lambda: version)
    monkeypatch.setattr(plugin, "self_check", lambda *_: None)
    monkeypatch.setattr(ToolParserManager, "register_lazy_module", lambda name, *_: registered.append(name))
    plugin.register()
    said = [f"dynamo-parsers needs vLLM {floor('vllm')} or newer; its parsers are not registered (this is {version})"]
    assert errors(caplog) == (said if too_old else [])
    assert bool(registered) is not too_old


def test_register_never_raises(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """vLLM catches nothing there, so an error would stop it for everybody."""

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(ToolParserManager, "register_lazy_module", fails)
    plugin.register()
    assert "could not register" in errors(caplog)[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tool-call-parser", "dynamo_kimi-k2"], "did you mean dynamo_kimi_k2"),
        (["--tool-call-parser=dynamo_qwen3_code"], "dynamo_qwen3_coder"),
        (["--reasoning-parser", "dynamo_kimi_k5"], "--reasoning-parser dynamo_kimi_k5 is unknown"),
        (["--tool-call-parser", "dynamo_zzzzzzz"], "dynamo_hermes"),
        (["--tool-call-parser", "dynamo_kimi_k2", "--reasoning-parser=dynamo_qwen3"], None),
        (["--tool-call-parser", "hermes"], None),
        (["--tool-call-parser"], None),
    ],
)
def test_hint_at_close_names(
    arguments: list[str], said: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """vLLM ends with a list of all its parsers; ours come with a guess."""
    monkeypatch.setattr(sys, "argv", ["vllm", "serve", "m", *arguments])
    plugin.register()
    if said is None:
        assert errors(caplog) == []
    else:
        assert said in "\n".join(errors(caplog))


# --- construction

PAIRS = [pytest.param(row, reasoning_row(row.pairs[0]), id=row.name) for row in TOOL_ROWS if row.pairs]
THINKERS = [pytest.param(row, id=row.name) for row in REASONING_ROWS if row.frame is None]


@pytest.mark.parametrize(("tool", "think"), PAIRS)
def test_constructors_are_cheap(tool: ToolRow, think: ReasoningRow) -> None:
    """vLLM makes the pair twice a request and once a choice."""
    tokenizer = tokenizer_for(tool.name, think.name)
    request = chat_request()
    for made in (
        lambda: ToolParserManager.get_tool_parser(f"dynamo_{tool.name}")(tokenizer, request.tools),
        lambda: ReasoningParserManager.get_reasoning_parser(f"dynamo_{think.name}")(
            tokenizer, model_config=None, chat_template_kwargs={"enable_thinking": True}
        ),
    ):
        made()
        seconds = []
        for _ in range(200):
            begin = time.perf_counter()
            made()
            seconds.append(time.perf_counter() - begin)
        assert min(seconds) < 50e-6


@pytest.mark.parametrize(("tool", "think"), PAIRS)
def test_every_way_vllm_constructs(tool: ToolRow, think: ReasoningRow) -> None:
    tokenizer = tokenizer_for(tool.name, think.name)
    config = SimpleNamespace(hf_config=SimpleNamespace(model_type="llama"))
    reasoning = ReasoningParserManager.get_reasoning_parser(f"dynamo_{think.name}")
    reasoning(tokenizer)  # thinking budgets
    reasoning(tokenizer, model_config=None)  # the check at the start
    reasoning(tokenizer, model_config=config, chat_template_kwargs=None)
    reasoning(tokenizer=tokenizer, chat_template_kwargs={"enable_thinking": False})  # structured output
    calls = ToolParserManager.get_tool_parser(f"dynamo_{tool.name}")
    calls(tokenizer)
    calls(tokenizer, None)
    calls(tokenizer, chat_request().tools)
    calls(tokenizer, tools=responses_request().tools)
    composed = ParserManager.get_parser(
        tool_parser_name=f"dynamo_{tool.name}",
        reasoning_parser_name=f"dynamo_{think.name}",
        enable_auto_tools=True,
        model_name="m",
        tokenizer=tokenizer,
    )
    assert composed is not None


@pytest.mark.parametrize("row", THINKERS)
def test_thinking_budget(row: ReasoningRow, monkeypatch: pytest.MonkeyPatch) -> None:
    """vLLM asks the class for the texts whose ids it forces when the budget is spent."""
    tokenizer = tokenizer_for(None, row.name)
    module = importlib.import_module("vllm.config.reasoning")
    monkeypatch.setattr(module, "cached_tokenizer_from_config", lambda model_config: tokenizer)
    config = ReasoningConfig(reasoning_parser=f"dynamo_{row.name}")
    config.initialize_token_ids(None)  # type: ignore[arg-type]
    assert config.reasoning_start_token_ids == encode(tokenizer, row.open)
    assert config.reasoning_end_token_ids == encode(tokenizer, row.close)


# --- how a reply starts

CLOSED_BEFORE = (
    "<|im_start|>user\nhi{end}<|im_start|>assistant\n{open}old{close}Hello.{end}<|im_start|>user\nmore{end}" + TURN
)
"""A prompt whose history has reasoning, and whose last turn says nothing of it."""

OPEN_BEFORE = "<|im_start|>user\nWrite {open} please.{end}" + TURN
"""A prompt in which a user quotes an opener."""


def prompts(row: ReasoningRow) -> dict[str, str]:
    """Prompts by what they say of reasoning."""
    words = {"open": row.open, "close": row.close, "end": partner(row).turn_end}
    last_turn = {
        "inside": prompt_for(row.name, True),
        "inside, with a thought": prompt_for(row.name, True) + "Let me",
        "behind": prompt_for(row.name, False),
        "behind, with content": prompt_for(row.name, False) + "All in all, it is",
        "nothing": TURN,
    }
    if not partners(row):
        return last_turn  # the tokenizer of no family, so no end of a turn
    return {
        **last_turn,
        "nothing, after reasoning in the history": CLOSED_BEFORE.format(**words),
        "nothing, after an opener in the history": OPEN_BEFORE.format(**words),
    }


STATES = {"inside": True, "inside, with a thought": True, "behind": False, "behind, with content": False}

PROMPTS = [
    pytest.param(row, state, id=f"{row.name}-{state}")
    for row in REASONING_ROWS
    if row.frame is None
    for state in prompts(row)
]
# In a prompt of plain tokens a turn's end cannot be told from text, so the history counts there.
PLAIN_PROMPTS = [pytest.param(*each.values, False, id=each.id) for each in PROMPTS] + [
    pytest.param(*each.values, True, id=f"{each.id}, in plain tokens")
    for each in PROMPTS
    if each.values[1] in ("inside", "behind", "nothing")
]


@pytest.mark.parametrize("thinking", [None, True, False], ids=["unset", "on", "off"])
@pytest.mark.parametrize(("row", "state", "plain"), PLAIN_PROMPTS)
def test_start_of_the_reply(row: ReasoningRow, state: str, thinking: bool | None, plain: bool) -> None:
    """What the prompt's last turn says counts, then the request, then the family's habit."""
    said = {} if thinking is None else {"chat_template_kwargs": {"enable_thinking": thinking, "thinking": thinking}}
    tool = partner(row).name
    reply = f"All sunny.{row.close}\nIndeed."
    for beside in (tool, None):
        for mode in MODES:
            made = exchange(
                beside,
                row.name,
                plain=plain,
                prompt=prompts(row)[state],
                request=chat_request(TOOLS if beside else None, **said),
            )
            right = core_answer(
                reply,
                tool_parser=beside,
                reasoning_parser=row.name,
                tools=TOOLS if beside else None,
                chat_template_kwargs=said.get("chat_template_kwargs"),
                in_reasoning=STATES.get(state),
            )
            assert answer_in(mode, made, reply) == right, f"{beside}, {mode}"


@pytest.mark.parametrize("row", THINKERS)
def test_start_where_vllm_tells_no_prompt(row: ReasoningRow) -> None:
    """Where nobody knows the prompt of a whole reply, the text has to do."""

    def untold(reply: str, **said: object) -> Answer:
        made = exchange(None, row.name, request=chat_request(None, **said))
        reasoning, content, _ = made.parser().parse(reply, made.request, enable_auto_tools=True)
        return Answer(reasoning, content, ())

    reply = f"Why?{row.close}Because."
    assert untold(reply) == core_answer(reply, reasoning_parser=row.name, in_reasoning=True)
    if row.starts.inside and not row.starts.switch:
        return  # this model cannot be told not to think
    reply = f"The tag {row.close} ends."
    given = untold(reply, chat_template_kwargs={"enable_thinking": False, "thinking": False})
    assert given == core_answer(reply, reasoning_parser=row.name, in_reasoning=False)


@pytest.mark.parametrize("tool", ["dynamo_kimi_k2", None, "hermes"])
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_whole_reply_in_a_vllm_that_tells_no_prompt(tool: str | None, api: str) -> None:
    """Before 0.32 our hooks tell it: a prompt that closed reasoning makes of the same text content."""
    made = Exchange(tool, "dynamo_kimi_k25", request=chat_request())

    async def results() -> AsyncIterator[Any]:
        output = SimpleNamespace(prompt_token_ids=encode(made.tokenizer, f"{TURN}<think>\n\n</think>\n\n"))
        yield output if api == "chat" else SimpleNamespace(last_output=output)

    class Serving:
        parser_cls = parser = made.composed

        async def full_generator(self, request: Any, result_generator: AsyncIterator[Any]) -> Any:
            async for _ in result_generator:
                pass
            return made.parser().parse("Hello.", request, enable_auto_tools=True)

    around = hooks._with_prompt_of_chat if api == "chat" else hooks._with_prompt_of_response
    hooked = around(Serving.full_generator, (DynamoParser, Beside))

    async def both() -> tuple[Any, Any]:
        alone = await asyncio.create_task(Serving().full_generator(made.request, results()))
        return alone, await asyncio.create_task(hooked(Serving(), made.request, results()))

    alone, told = asyncio.run(both())
    assert alone[:2] == ("Hello.", None)
    assert told[:2] == (None, "Hello.")


# --- what vLLM asks about ids


def grammars_parser(row: ReasoningRow, **template_kwargs: object) -> Any:
    """A reasoning parser as the engine core makes it for a request with structured output."""
    made = ReasoningParserManager.get_reasoning_parser(f"dynamo_{row.name}")
    return made(tokenizer=tokenizer_for(None, row.name), chat_template_kwargs=template_kwargs)


@pytest.mark.parametrize(("row", "state"), PROMPTS)
def test_where_a_grammar_starts(row: ReasoningRow, state: str) -> None:
    """At once if the prompt closed reasoning or thinking is off, else after the closer.

    An opener that is not a token does not open a thought before a grammar, unless the prompt did.
    """
    tokenizer = tokenizer_for(None, row.name)
    prompt = encode(tokenizer, prompts(row)[state])
    at_once = STATES.get(state) is False or (state not in STATES and not (row.added_tokens or row.special_tokens))
    assert grammars_parser(row).is_reasoning_end(prompt) is at_once
    can_be_switched = row.starts.switch != "effort" and (row.starts.switch or not row.starts.inside)
    if can_be_switched:
        off = grammars_parser(row, enable_thinking=False, thinking=False)
        assert off.is_reasoning_end(prompt) is (STATES.get(state) is not True)
    # The API server tells the engine core the same.
    made = exchange(partner(row).name, row.name, prompt=prompts(row)[state])
    assert made.reasoning_ended is at_once


@pytest.mark.parametrize("plain", [False, True], ids=["marker tokens", "plain tokens"])
@pytest.mark.parametrize("row", THINKERS)
def test_end_of_reasoning_while_decoding(row: ReasoningRow, plain: bool) -> None:
    tokenizer = (plain_tokenizer if plain else tokenizer_for)(None, row.name)
    made = ReasoningParserManager.get_reasoning_parser(f"dynamo_{row.name}")(tokenizer)
    before, closer, after = (encode(tokenizer, text) for text in ("Let me see.\n", row.close, "\n\nSunny."))
    ids = [*before, *closer, *after]
    ends = len(before) + len(closer)
    for count in range(1, len(ids) + 1):
        new = ids[count - 1 : count]
        assert made.is_reasoning_end_streaming(ids[:count], new) is (count == ends), count
    # Several new ids at once: speculative decoding.
    assert made.is_reasoning_end_streaming(ids, ids[ends - 1 :])
    assert not made.is_reasoning_end_streaming(ids, ids[ends:])
    assert not made.is_reasoning_end_streaming(ids, [])
    assert made.extract_content_ids(ids) == after
    assert made.extract_content_ids(before) == []


@pytest.mark.parametrize("plain", [False, True], ids=["marker tokens", "plain tokens"])
@pytest.mark.parametrize("row", THINKERS)
def test_reasoning_tokens_are_counted(row: ReasoningRow, plain: bool) -> None:
    tool = partner(row)
    tokenizer = (plain_tokenizer if plain else tokenizer_for)(tool.name, row.name)
    thought, rest = encode(tokenizer, "Let me see.\n"), encode(tokenizer, "\n\nSunny.")
    opener, closer = encode(tokenizer, row.open), encode(tokenizer, row.close)

    def count(ids: list[int], inside: bool | None) -> int:
        parser = exchange(tool.name, row.name, plain=plain, prompt=prompt_for(row.name, inside)).parser()
        parser.reasoning_parser.adjust_initial_state_from_prompt(encode(tokenizer, prompt_for(row.name, inside)))
        return int(parser.count_reasoning_tokens(ids))

    assert count([*opener, *thought, *closer, *rest], False) == len(thought)
    assert count([*thought, *closer, *rest], True) == len(thought)
    assert count([*opener, *thought, *closer, *rest], True) == len(thought)
    assert count([*thought], True) == len(thought)
    assert count([*rest], False) == 0
    assert count([*opener, *thought, *closer, *rest, *opener, *thought, *closer], False) == 2 * len(thought)
    assert count([], True) == 0


# --- what the request asks for

CHOICES = {
    "required": "required",
    "named": {"type": "function", "function": {"name": "get_weather"}},
}


def call_of(row: ToolRow) -> tuple[tuple[str, str], ...]:
    """The call in the row's sample, as the core reads it."""
    return core_answer(row.sample, tool_parser=row.name, tools=TOOLS).calls


tools_and_thinkers = pytest.mark.parametrize(("tool", "think"), PAIRS)
modes = pytest.mark.parametrize("mode", MODES)


@modes
@pytest.mark.parametrize("choice", CHOICES)
@tools_and_thinkers
def test_forced_choice_as_json(tool: ToolRow, think: ReasoningRow, choice: str, mode: str) -> None:
    """vLLM forces JSON after reasoning, or at once if the prompt closed it. We read that."""
    one = {"name": "get_weather", "parameters": {"city": "Zürich", "days": 3}}
    two = {"name": "get_time", "parameters": {}}
    forced = json.dumps([one, two] if choice == "required" else one["parameters"], ensure_ascii=False)
    right = (("get_weather", '{"city": "Zürich", "days": 3}'), ("get_time", "{}"))[: 2 if choice == "required" else 1]
    for request in (
        chat_request(tool_choice=CHOICES[choice]),
        responses_request(
            tool_choice="required" if choice == "required" else {"type": "function", "name": "get_weather"}
        ),
    ):
        for beside in (think.name, None):
            behind = think.frame is None and beside is not None
            made = exchange(
                tool.name, beside, request=request.model_copy(), prompt=prompt_for(beside, False) if behind else TURN
            )
            assert answer_in(mode, made, forced) == Answer(None, None, right), beside


@modes
@tools_and_thinkers
def test_forced_choice_in_native_markup(tool: ToolRow, think: ReasoningRow, mode: str) -> None:
    """A back end without the grammar lets the model write what it knows."""
    for choice in CHOICES.values():
        for beside in (think.name, None):
            made = exchange(tool.name, beside, request=chat_request(tool_choice=choice))
            assert answer_in(mode, made, tool.sample).calls == call_of(tool)


@pytest.mark.parametrize("enforced", [True, False])
def test_forced_choice_is_constrained(enforced: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the family's own markup; or, if vLLM is told not to, to JSON."""
    monkeypatch.setattr("vllm.envs.VLLM_ENFORCE_STRICT_TOOL_CALLING", enforced)
    for name in tool_parser_names():
        tool = f"dynamo_{name}"
        for choice in ("required", CHOICES["named"]):
            made = Exchange(tool, request=chat_request(tool_choice=choice), tokenizer=tokenizer_for(name, None))
            assert made.request.structured_outputs is not None
            tag, schema = made.request.structured_outputs.structural_tag, made.request.structured_outputs.json
            assert (tag is not None, schema is not None) == (enforced, not enforced)
            assert "get_weather" in (tag or json.dumps(schema)) or choice != "required"
        made = Exchange(tool, request=responses_request(tool_choice="required"), tokenizer=tokenizer_for(name, None))
        assert made.request.extract_structured_outputs() is not None
        made = Exchange(tool, request=chat_request(), tokenizer=tokenizer_for(name, None))
        assert made.request.structured_outputs is None
        # Each parser of a request answers for itself: what one was asked must not change the class.
        parser = made.parser()
        parser.adjust_request(chat_request(tool_choice="required"))
        assert parser.tool_parser.supports_required_and_named is False


@tools_and_thinkers
def test_special_tokens_are_kept_only_where_markers_are_special(tool: ToolRow, think: ReasoningRow) -> None:
    """Else a client would see every other special token of the model in the content."""
    both = exchange(tool.name, think.name)
    assert both.skips_special_tokens is not bool(tool.special_tokens or think.special_tokens)
    alone = exchange(tool.name, None)
    assert alone.skips_special_tokens is not bool(tool.special_tokens)
    asked = exchange(tool.name, think.name, request=chat_request(skip_special_tokens=False))
    assert not asked.skips_special_tokens


@modes
@tools_and_thinkers
def test_markers_that_a_tokenizer_calls_special_are_seen(tool: ToolRow, think: ReasoningRow, mode: str) -> None:
    """Some models' tokenizers do, although their family's own does not."""
    tokenizer = special_tokenizer(tool.name, think.name)
    for reasoning in (think.name, None):
        pair = (f"dynamo_{tool.name}", reasoning and f"dynamo_{reasoning}")
        made = Exchange(*pair, tokenizer=tokenizer, prompt=prompt_for(reasoning, False))
        given = answer_in(mode, made, tool.sample)
        assert [name for name, _ in given.calls] == ["get_weather"]
        assert json.loads(given.calls[0][1]) == {"city": "Paris"}
        assert given.content is None


@modes
@tools_and_thinkers
def test_no_tools(tool: ToolRow, think: ReasoningRow, mode: str) -> None:
    """Call markup is text for a client that offered no tool."""
    reply = f"Sure.\n{tool.sample}\nDone."
    made = exchange(tool.name, think.name, request=chat_request(None), prompt=prompt_for(think.name, False))
    given = answer_in(mode, made, reply)
    assert given.calls == ()
    assert given == core_answer(
        made.text(encode(made.tokenizer, reply)), tool_parser=tool.name, reasoning_parser=think.name, in_reasoning=False
    )


@modes
@tools_and_thinkers
def test_tool_choice_none(tool: ToolRow, think: ReasoningRow, mode: str) -> None:
    """The markup of a call that the client does not want is gone, the prose stays."""
    made = exchange(
        tool.name, think.name, request=chat_request(tool_choice="none"), prompt=prompt_for(think.name, False)
    )
    assert answer_in(mode, made, f"Sure.\n{tool.sample}\nDone.") == core_answer(
        f"Sure.\n{tool.sample}\nDone.",
        tool_parser=tool.name,
        reasoning_parser=think.name,
        tools=TOOLS,
        tool_choice="none",
        in_reasoning=False,
    )


@modes
@tools_and_thinkers
def test_one_call_only(tool: ToolRow, think: ReasoningRow, mode: str) -> None:
    made = exchange(
        tool.name, think.name, request=chat_request(parallel_tool_calls=False), prompt=prompt_for(think.name, False)
    )
    reply = f"{tool.sample}\n{tool.sample}"
    assert answer_in(mode, made, reply) == Answer(None, None, call_of(tool)[:1])


@modes
@tools_and_thinkers
def test_include_reasoning_false(tool: ToolRow, think: ReasoningRow, mode: str) -> None:
    thought = think.sample if think.frame is not None else f"{think.open}Why?{think.close}Sure.\n"
    reply = thought + tool.sample
    request = chat_request(include_reasoning=False)
    right = core_answer(reply, tool_parser=tool.name, reasoning_parser=think.name, tools=TOOLS)
    assert right.reasoning is not None
    given = answer_in(mode, exchange(tool.name, think.name, request=request), reply)
    assert given == Answer(None, right.content, right.calls)


@modes
@pytest.mark.parametrize("made_by", [chat_request, responses_request])
def test_schemas_of_both_apis(made_by: Callable[..., Any], mode: str) -> None:
    """Values are typed by the tool's schema, whichever object vLLM has it in."""
    reply = (
        "<tool_call>\n<function=get_weather>\n<parameter=city>\n7\n</parameter>\n<parameter=days>\n3\n</parameter>\n"
    )
    reply += "</function>\n</tool_call>"
    made = exchange("qwen3_coder", "qwen3", request=made_by())
    assert answer_in(mode, made, reply) == Answer(None, None, (("get_weather", '{"city":"7","days":3}'),))


@modes
def test_tools_in_a_namespace(mode: str) -> None:
    """The Responses API has functions in namespaces, and custom tools whose argument is one text."""
    function = {"type": "function", "name": "find", "parameters": {"properties": {"zip": {"type": "string"}}}}
    tools = [
        {"type": "namespace", "name": "maps", "description": "", "tools": [function]},
        {"type": "custom", "name": "note"},
    ]
    request = ResponsesRequest.model_validate({"model": "m", "input": "hi", "tools": tools})
    reply = (
        "<tool_call>\n<function=maps__find>\n<parameter=zip>\n7\n</parameter>\n</function>\n</tool_call>\n"
        "<tool_call>\n<function=note>\n<parameter=input>\n12\n</parameter>\n</function>\n</tool_call>"
    )
    made = exchange("qwen3_coder", "qwen3", request=request)
    assert answer_in(mode, made, reply).calls == (("maps__find", '{"zip":"7"}'), ("note", '{"input":"12"}'))


# --- deltas of any shape

REPLY = "Let me see ✓.</think>\n\nOne moment.\n{call}\nand 日本\n{call}\nDone."


def reply_of(tool: ToolRow) -> str:
    return REPLY.format(call=tool.sample)


@tools_and_thinkers
def test_text_and_ids_apart(tool: ToolRow, think: ReasoningRow) -> None:
    """vLLM gives ids without text (incomplete UTF-8, stop strings), text without ids, and neither."""
    made = exchange(tool.name, think.name, prompt=prompt_for(think.name, True))
    reply = reply_of(tool).replace("</think>", think.close)
    aligned = list(made.deltas(reply, 1))
    right = made.stream_of(aligned)
    assert len(right.calls) == 2
    assert right.calls == call_of(tool) * 2
    texts, ids = [text for text, _ in aligned], [ids for _, ids in aligned]
    whole = [id for each in ids for id in each]
    shapes: dict[str, list[tuple[str, list[int]]]] = {
        "text only": [(text, []) for text in texts],
        "ids first": [("", each) for each in ids] + [(text, []) for text in texts],
        "text two steps late": list(zip_longest(["", "", *texts], ids, fillvalue=[])),
        "empty deltas between": [step for each in aligned for step in (("", []), each, ("", []))],
        "finish alone": [*aligned, ("", [])],
        "one delta": [("".join(texts), whole)],
        "one delta, then finish": [("".join(texts), whole), ("", [])],
        "characters": [(char, []) for char in "".join(texts)],
    }
    for shape, deltas in shapes.items():
        assert made.stream_of(deltas) == right, shape


@tools_and_thinkers
def test_deltas_of_every_size(tool: ToolRow, think: ReasoningRow) -> None:
    """A slow client, a stream interval and speculative decoding put many tokens in one delta."""
    reply = reply_of(tool).replace("</think>", think.close)
    made = exchange(tool.name, think.name, prompt=prompt_for(think.name, True))
    right = core_answer(reply, tool_parser=tool.name, reasoning_parser=think.name, tools=TOOLS, in_reasoning=True)
    for size in (1, 2, 3, 7, 16, 40, 100, None):
        assert made.stream(reply, size) == right, size


@pytest.mark.parametrize("stop", ["STOP HERE", "</never>", "\n\n"])
@tools_and_thinkers
def test_stop_strings_hold_text_back(tool: ToolRow, think: ReasoningRow, stop: str) -> None:
    """The detokenizer holds back as many characters as a stop string has."""
    made = exchange(tool.name, think.name, prompt=prompt_for(think.name, False))
    reply = f"Sure.\n{tool.sample}"
    if stop in reply:
        pytest.skip("the reply ends there")
    assert made.stream(reply, 1, stop=[stop]) == made.stream(reply, 1)


@pytest.mark.parametrize("beside", [True, False])
@tools_and_thinkers
def test_a_reply_of_nothing(tool: ToolRow, think: ReasoningRow, beside: bool) -> None:
    nothing = Answer(None, None, ())
    for name in (tool.name, None) if beside else (tool.name,):
        made = exchange(name, think.name if beside else None, request=chat_request(TOOLS if name else None))
        assert made.stream("") == nothing
        assert made.stream_of([("", [])]) == nothing
        assert made.stream_of([("", []), ("", [])]) == nothing
        assert made.one_shot("") == nothing


@tools_and_thinkers
def test_nothing_is_said_twice_after_the_end(tool: ToolRow, think: ReasoningRow) -> None:
    """vLLM flushes both parsers at the end, whichever read last."""
    made = exchange(tool.name, think.name, prompt=prompt_for(think.name, True))
    parser = made.parser()
    for text, ids in made.deltas("only a thought", 3):
        parser.parse_delta(text, ids, made.request, made.prompt_ids, finished=False)
    last = parser.parse_delta("", [], made.request, made.prompt_ids, finished=True)
    again = parser.parse_delta("", [], made.request, made.prompt_ids, finished=True)
    assert again is None
    assert last is None or not last.tool_calls


@tools_and_thinkers
def test_deltas_say_only_what_is_there(tool: ToolRow, think: ReasoningRow) -> None:
    """vLLM writes every field that was set, a null too."""
    made = exchange(tool.name, think.name, prompt=prompt_for(think.name, True))
    reply = reply_of(tool).replace("</think>", think.close)
    for delta in made.said(list(made.deltas(reply, 1))):
        if delta is not None:
            assert all(getattr(delta, name) for name in delta.model_fields_set), delta.model_dump_json(
                exclude_unset=True
            )


@tools_and_thinkers
def test_choices_are_apart(tool: ToolRow, think: ReasoningRow) -> None:
    """n=2: two parsers of one request, fed alternately."""
    made = exchange(tool.name, think.name, prompt=prompt_for(think.name, False))
    replies = [f"One.\n{tool.sample}", "Two, and no call."]
    parsers = [made.parser(), made.parser()]
    said: list[list[Any]] = [[], []]
    for step in zip_longest(*(made.deltas(reply, 2) for reply in replies)):
        for number, delta in enumerate(step):
            if delta is not None:
                text, ids = delta
                finished = tokenizer_for(tool.name, think.name).eos_token_id in ids
                said[number].append(
                    parsers[number].parse_delta(text, ids, made.request, made.prompt_ids, finished=finished)
                )
    answers = [Answer.of_deltas([delta for delta in each if delta is not None]) for each in said]
    assert answers == [made.stream(reply, 2) for reply in replies]
    assert answers[0].calls == call_of(tool)
    assert answers[1] == Answer(None, replies[1], ())


def test_threads_are_apart() -> None:
    """vLLM may make parsers in several threads at once; the two of a pair find each other."""
    made = {name: exchange(name, tool_row(name).pairs[0]) for name in ("kimi_k2", "qwen3_coder", "hermes")}

    def run(number: int) -> bool:
        name = sorted(made)[number % 3]
        row = tool_row(name)
        think = reasoning_row(row.pairs[0])
        given = made[name].stream(f"{think.open}Why {number}?{think.close}Sure.{row.sample}", number % 5 + 1)
        return given == Answer(f"Why {number}?", "Sure.", call_of(row))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(run, range(120)))


@tools_and_thinkers
def test_without_prompt_ids(tool: ToolRow, think: ReasoningRow) -> None:
    """A caller of vLLM's that has no prompt: the reply's text has to do."""
    made = exchange(tool.name, think.name)
    parser = made.parser()
    reply = f"{think.open}Why?{think.close}Sure.\n{tool.sample}" if think.frame is None else tool.sample
    deltas = list(made.deltas(reply, 1))
    said = [
        parser.parse_delta(text, ids, made.request, None, finished=number == len(deltas) - 1)
        for number, (text, ids) in enumerate(deltas)
    ]
    assert Answer.of_deltas([delta for delta in said if delta is not None]) == core_answer(
        reply, tool_parser=tool.name, reasoning_parser=think.name, tools=TOOLS
    )


# --- beside a parser of vLLM's


@modes
def test_beside_a_reasoning_parser_of_vllm(mode: str) -> None:
    """Not recommended, and still each half does its own."""
    call = tool_row("hermes").sample
    for theirs in ("qwen3", "deepseek_r1"):
        made = Exchange(
            "dynamo_hermes",
            theirs,
            request=chat_request(),
            prompt=prompt_for("qwen3", True),
            tokenizer=tokenizer_for("hermes", "qwen3"),
        )
        given = answer_in(mode, made, f"Why?</think>Sure.{call}")
        assert given == Answer("Why?", "Sure.", call_of(tool_row("hermes"))), theirs


@modes
def test_beside_a_tool_parser_of_vllm(mode: str) -> None:
    call = tool_row("hermes").sample
    made = Exchange(
        "hermes",
        "dynamo_qwen3",
        request=chat_request(),
        prompt=prompt_for("qwen3", True),
        tokenizer=tokenizer_for("hermes", "qwen3"),
    )
    given = answer_in(mode, made, f"Why?</think>Sure.{call}")
    assert (given.reasoning, given.calls) == ("Why?", call_of(tool_row("hermes")))
    assert given.content is not None
    assert given.content.strip() == "Sure."


def by_hand(tool: str, reasoning: str, order: str, request: Any) -> Any:
    """vLLM's composition of two classes, whose objects are made in the order given."""
    tokenizer = tokenizer_for("hermes", "qwen3")
    makers: dict[str, Callable[[], Any]] = {
        "_tool_parser": lambda: ToolParserManager.get_tool_parser(tool)(tokenizer, request.tools),
        "_reasoning_parser": lambda: ReasoningParserManager.get_reasoning_parser(reasoning)(
            tokenizer, model_config=None
        ),
    }
    parser = DelegatingParser(tokenizer, request.tools)
    names = sorted(makers, reverse=order == "tool first")
    for name in names:
        setattr(parser, name, makers[name]())
    halves = [getattr(parser, name) for name in names]
    parser._engine_based = parser._stream_state.engine_based = all(each.engine_based_streaming for each in halves)
    return parser


@pytest.mark.parametrize("order", ["tool first", "reasoning first"])
@pytest.mark.parametrize(
    ("tool", "reasoning"), [("dynamo_hermes", "dynamo_qwen3"), ("dynamo_hermes", "qwen3"), ("hermes", "dynamo_qwen3")]
)
def test_halves_made_in_any_order(tool: str, reasoning: str, order: str) -> None:
    """No half takes up another: what a client gets is its own, in whatever order and number they are made."""
    replies = [
        f"Why {number}?</think>Sure {number}.\n" + tool_row("hermes").sample.replace("Paris", f"City {number}")
        for number in range(4)
    ]
    made = Exchange(tool, reasoning, prompt=prompt_for("qwen3", True), tokenizer=tokenizer_for("hermes", "qwen3"))
    streams = [by_hand(tool, reasoning, order, made.request) for _ in replies]
    said: list[list[Any]] = [[] for _ in replies]
    for steps in zip_longest(*(list(made.deltas(reply, 3)) for reply in replies)):
        for number, step in enumerate(steps):
            if step is not None:
                ended = made.tokenizer.eos_token_id in step[1]
                said[number].append(streams[number].parse_delta(*step, made.request, made.prompt_ids, finished=ended))
    for number, deltas in enumerate(said):
        given = Answer.of_deltas([delta for delta in deltas if delta is not None])
        assert given.reasoning == f"Why {number}?"
        assert (given.content or "").strip() == f"Sure {number}."
        assert given.calls == (("get_weather", f'{{"city": "City {number}"}}'),)
    for number, reply in enumerate(replies):
        parser = by_hand(tool, reasoning, order, made.request)
        parser.set_prompt_token_ids(made.prompt_ids)
        reasoned, content, calls = parser.parse(reply, made.request, enable_auto_tools=True)
        assert reasoned == f"Why {number}?"
        assert (content or "").strip() == f"Sure {number}."
        assert [call.arguments for call in calls] == [f'{{"city": "City {number}"}}']


@pytest.mark.parametrize(
    ("tool", "reasoning"),
    [
        ("dynamo_harmony", "qwen3"),
        ("hermes", "dynamo_gpt_oss"),
        ("dynamo_kimi_k3", "qwen3"),
        ("hermes", "dynamo_inkling"),
        ("dynamo_hermes", "kimi_k3"),
    ],
)
def test_a_half_that_has_to_see_the_whole_reply_does_not_start_beside_vllms(tool: str, reasoning: str) -> None:
    with pytest.raises(TypeError, match=f"{tool} and {reasoning} cannot read a reply together.*dynamo_"):
        ParserManager.get_parser(tool_parser_name=tool, reasoning_parser_name=reasoning, enable_auto_tools=True)


def test_both_of_ours_are_one_object() -> None:
    for tool, reasoning in (("dynamo_hermes", "dynamo_qwen3"), ("dynamo_hermes", None), (None, "dynamo_qwen3")):
        assert issubclass(Exchange(tool, reasoning).composed, DynamoParser)
    assert not issubclass(
        Exchange("hermes", "qwen3", tokenizer=tokenizer_for("hermes", "qwen3")).composed, DynamoParser
    )


def test_a_composition_that_fails_leaves_vllms(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(composing, "_answer", fails)
    composed: Any = ParserManager.get_parser("dynamo_hermes", "dynamo_qwen3", enable_auto_tools=True)
    assert issubclass(composed, DelegatingParser)
    assert not issubclass(composed, DynamoParser)
    assert "could not compose" in errors(caplog)[0]


def test_json_streams_behind_a_reasoning_parser_alone() -> None:
    """Nobody tells it the choice of the request: it does not wait for one."""
    made = exchange(None, "qwen3", request=chat_request(None))
    said = list(made.said(list(made.deltas('<think>a</think>\n\n{"a": [1, 2, 3], "b": "some text"}'))))
    assert sum(bool(delta.content) for delta in said if delta is not None) > 10


# --- defects of ours


class Defect(Exception):
    pass


@modes
@pytest.mark.parametrize("composition", ["both", "tool", "reasoning"])
@pytest.mark.parametrize("name", ["kimi_k2", "qwen3_coder", "hermes"])
def test_a_defect_costs_no_request(
    name: str, composition: str, mode: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever raises inside, the rest of the reply comes as content, and the log has one line without the text."""
    row = tool_row(name)
    monkeypatch.setattr("vllm_harness.Parser", None)  # the core is not to be asked

    def fails(*_: object, **__: object) -> None:
        raise Defect("secret")

    monkeypatch.setattr(type(row.format), "read", fails)
    made = exchange(
        None if composition == "reasoning" else name,
        None if composition == "tool" else row.pairs[0],
        prompt=prompt_for(None if composition == "tool" else row.pairs[0], False),
        request=chat_request(None if composition == "reasoning" else TOOLS),
    )
    caplog.clear()
    given = answer_in(mode, made, f"Sure. {row.sample} The end.")
    assert given.calls == ()
    assert given.content is not None
    assert given.content.startswith("Sure.")
    assert given.content.endswith("The end.")
    assert "Paris" in given.content
    warnings = [each for each in caplog.records if each.name.startswith("dynamo_parsers")]
    assert 1 <= len(warnings) <= 2
    for each in warnings:
        assert each.levelno == logging.WARNING
        assert "Defect" in each.getMessage()
        assert f"dynamo_{name}" in each.getMessage() or f"dynamo_{row.pairs[0]}" in each.getMessage()
        assert "Paris" not in each.getMessage()


# --- ids

HISTORY: list[dict[str, object]] = [
    {"role": "user", "content": "hi"},
    {
        "role": "assistant",
        "tool_calls": [
            {"id": f"functions.ping:{number}", "type": "function", "function": {"name": "ping", "arguments": "{}"}}
            for number in range(2)
        ],
    },
    {"role": "tool", "tool_call_id": "functions.ping:0", "content": "1"},
    {"role": "tool", "tool_call_id": "functions.ping:1", "content": "2"},
]
KIMI_CALL = "<|tool_call_begin|>functions.{}<|tool_call_argument_begin|>{{}}<|tool_call_end|>"


@pytest.mark.parametrize("mode", MODES)
def test_kimis_ids_go_on_where_the_conversation_was(mode: str) -> None:
    """The markup's own ids are kept; one that the markup lacks is as its template writes them."""
    calls = "".join(KIMI_CALL.format(name) for name in ("get_weather:2", "get_time", "get_time", "get_weather:2"))
    reply = f"<|tool_calls_section_begin|>{calls}<|tool_calls_section_end|>"
    made = exchange("kimi_k2", "kimi_k2", request=chat_request(messages=HISTORY))
    ids = answer_in(mode, made, reply).ids
    assert ids == ("functions.get_weather:2", "functions.get_time:3", "functions.get_time:4", "functions.get_weather:3")


@pytest.mark.parametrize("mode", MODES)
def test_mistrals_ids_are_nine_letters_or_digits(mode: str) -> None:
    """Its templates and tokenizers refuse any other."""
    reply = '[TOOL_CALLS]get_weather{"city": "Paris"}[TOOL_CALLS]get_time[CALL_ID]aB3456789[ARGS]{}'
    first, second = answer_in(mode, exchange("mistral", "mistral"), reply).ids
    assert re.fullmatch("[A-Za-z0-9]{9}", first)
    assert second == "aB3456789"
