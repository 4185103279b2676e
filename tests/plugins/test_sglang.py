"""SGLang's own serving over our classes: a client gets what the core says, streaming or not.

Runs in the environment that holds SGLang.
"""

from __future__ import annotations

import argparse
import collections
import copy
import dataclasses
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
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

pytest.importorskip("sglang")
pytest.importorskip("sglang_harness")  # before SGLang's own modules: it makes them importable here

import corpus
import dynamo_parsers.sglang as plugin
import test_fuzz
from corpus import Case
from dynamo_parsers.engines.floors import floor
from dynamo_parsers.format import ToolFormat
from dynamo_parsers.parser import named_choice
from dynamo_parsers.registry import (
    REASONING_ROWS,
    TOOL_ROWS,
    reasoning_parser_names,
    reasoning_row,
    tool_parser_names,
    tool_row,
)
from dynamo_parsers.rows import ReasoningRow, ToolRow
from dynamo_parsers.sglang import hooks
from dynamo_parsers.write.structural_tags import frames_reply
from effort import NIGHTLY, night, share
from parity import compositions, markers, prompt_for, settle
from readers import by_day
from sglang.srt.entrypoints.openai.protocol import ChatCompletionRequest, Tool, ToolChoice
from sglang.srt.environ import envs
from sglang.srt.function_call.base_format_detector import BaseFormatDetector
from sglang.srt.function_call.function_call_parser import FunctionCallParser
from sglang.srt.parser.reasoning_parser import ReasoningParser
from sglang.srt.plugins.hook_registry import HookRegistry, HookType
from sglang.srt.server_args import ServerArgs
from sglang_harness import TOOLS, VERSION, Exchange, Refused, chat_request, core_answer, encode, serving, tokenizer_for

tool_rows = pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)
reasoning_rows = pytest.mark.parametrize("row", REASONING_ROWS, ids=lambda row: row.name)

ENGINE = f"SGLang {'.'.join(map(str, VERSION))}"

MODES: tuple[str, ...] = ("one-shot", "1", "5", "all") if NIGHTLY else ("one-shot", "1", "all")
"""One-shot, and streams of so many tokens a delta."""


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
    """Why no such request or reply reaches a parser of SGLang; None if it does."""
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
) -> Iterator[str]:
    """How the answers of a composition differ from the core's. Nothing excuses a difference."""
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
        given = made.answer(mode, case.reply)
        # What SGLang's detokenizer leaves of the reply: special tokens are gone if the request did not ask for them.
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
                if one != other and other in seen:
                    yield f"{composition}, {mode}: id {one}, right {other}"


CASES = corpus.all_cases()


@pytest.mark.parametrize("case", by_day(CASES, 64), ids=str)
def test_corpus(case: Case) -> None:
    """Every case, by every composition that can read it, one-shot and in deltas of 1, 5, all tokens; by day a share."""
    ways = share(case, itertools.product(compositions(case), MODES))
    found = (line for composition, mode in ways for line in differences(case, *composition, modes=(mode,)))
    settle(ENGINE, case, refused(case), found, Refused)


@tool_rows
def test_soup(row: ToolRow) -> None:
    """Any text: text that no model writes is read the same too. `FUZZ_TEXTS` by a thousand."""
    for seed in range(test_fuzz.SEED, test_fuzz.SEED + test_fuzz.ENGINE_TEXTS):
        rng = random.Random(f"sglang {row.name} {seed}")
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


# --- the classes alone, as other code of SGLang uses them


def sglang_tools(tools: list[dict[str, object]] = TOOLS) -> list[Tool]:
    return [Tool.model_validate(tool) for tool in tools]


def folded(results: Iterable[tuple[str, list[Any]]]) -> tuple[str, list[tuple[str, str]]]:
    """Content and calls of a stream."""
    content = ""
    calls: list[tuple[str, str]] = []
    for text, items in results:
        content += text
        for item in items:
            if item.tool_index == len(calls):
                assert item.name, "the first item of a call has its whole name"
                calls.append((item.name, item.parameters))
            else:
                assert item.tool_index == len(calls) - 1
                assert item.name is None
                calls[-1] = calls[-1][0], calls[-1][1] + item.parameters
    return content, calls


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


@pytest.mark.parametrize("size", [1, 7, 1000])
@tool_rows
def test_function_call_parser(row: ToolRow, size: int) -> None:
    """`FunctionCallParser`, one-shot and in pieces: what the core says, of one call and of two."""
    for reply in (f"Sure.\n{row.sample}", f"{row.sample}\n{row.sample}\nDone.", "No call.", ""):
        right = core_answer(reply, tool_parser=row.name, tools=TOOLS)
        tools = sglang_tools()
        parser = FunctionCallParser(tools, f"dynamo_{row.name}")
        text, calls = parser.parse_non_stream(reply)
        assert (text, [(call.name, call.parameters) for call in calls]) == (right.content or "", list(right.calls))
        assert [call.tool_index for call in calls] == list(range(len(calls)))
        assert parser.has_tool_call(reply) == bool(right.calls or (right.content or "") != reply)
        streamed = [parser.parse_stream_chunk(piece) for piece in cut(reply, size)]
        assert folded([*streamed, parser.parse_stream_end()]) == (right.content or "", list(right.calls))
        assert parser.parse_stream_end() == ("", [])
        assert parser.detector.prev_tool_call_arr == []


@tool_rows
def test_has_tool_call_is_exact(row: ToolRow) -> None:
    """A mention of the markers is not a call."""
    detector = FunctionCallParser.ToolCallParserEnum[f"dynamo_{row.name}"]()
    assert detector.has_tool_call(row.sample)
    assert not detector.has_tool_call("Hello.")
    if row.call_openers and isinstance(row.format, ToolFormat) and not row.format.bare:
        opener = max(row.call_openers, key=len)
        assert not detector.has_tool_call(f"Use the `{opener}` marker.")


@pytest.mark.parametrize("size", [1, 7, 1000])
@reasoning_rows
def test_reasoning_parser(row: ReasoningRow, size: int) -> None:
    """`ReasoningParser`, one-shot and in pieces, forced into reasoning or not, streamed reasoning or not."""
    for reply in (f"{row.sample}Sure.", "Sure.", row.sample, ""):
        for forced in (None, False, True):
            right = core_answer(reply, reasoning_parser=row.name, in_reasoning=forced)
            parser = ReasoningParser(f"dynamo_{row.name}", force_reasoning=forced)
            assert parser.parse_non_stream(reply) == (right.reasoning or "", right.content or "")
            for streams in (True, False):
                parser = ReasoningParser(f"dynamo_{row.name}", stream_reasoning=streams, force_reasoning=forced)
                said = [parser.parse_stream_chunk(piece) for piece in cut(reply, size)] + [parser.parse_stream_end()]
                assert "".join(text or "" for text, _ in said) == (right.reasoning or "")
                assert "".join(text or "" for _, text in said) == (right.content or "")
                if not streams:
                    assert sum(bool(text) for text, _ in said) <= 1 or row.frame is not None


@pytest.mark.parametrize("size", [1, 7, 1000])
@tool_rows
def test_one_after_the_other(row: ToolRow, size: int) -> None:
    """Both parsers by hand, with nobody to tell them of the request."""
    think = reasoning_row(row.pairs[0])
    if think.frame is not None or not think.splits:
        pytest.skip("its frames are around the call")
    reply = f"{think.open}{think.think.label}plan{think.close}Sure.\n{row.sample}"
    reasoning = ReasoningParser(f"dynamo_{think.name}", force_reasoning=False)
    tools = FunctionCallParser(sglang_tools(), f"dynamo_{row.name}")
    thought, said = "", []
    for piece in cut(reply, size):
        some, text = reasoning.parse_stream_chunk(piece)
        thought += some or ""
        said.append(tools.parse_stream_chunk(text or ""))
    some, text = reasoning.parse_stream_end()
    said += [tools.parse_stream_chunk(text or ""), tools.parse_stream_end()]
    right = core_answer(reply, tool_parser=row.name, reasoning_parser=think.name, tools=TOOLS, in_reasoning=False)
    content, calls = folded(said)
    assert (thought + (some or ""), content.rstrip(), calls) == (
        right.reasoning,
        (right.content or "").rstrip(),
        list(right.calls),
    )


def test_continued_message() -> None:
    """What the message to be continued says of reasoning, if no prompt is given."""
    for before, right in (("<think>I", ("b", "c")), ("<think>I</think>S", ("", "bc"))):
        request = ChatCompletionRequest.model_validate(
            chat_request(
                None,
                messages=[{"role": "user", "content": "hi"}, {"role": "assistant", "content": before}],
                continue_final_message=True,
            )
        )
        parser = ReasoningParser("dynamo_qwen3", force_reasoning=False, request=request)
        assert parser.parse_non_stream("b</think>c") == right


def test_force_nonempty_content() -> None:
    request = ChatCompletionRequest.model_validate(chat_request(chat_template_kwargs={"force_nonempty_content": True}))
    parser = ReasoningParser("dynamo_kimi_k25", force_reasoning=True, request=request)
    assert parser.parse_non_stream("Only a thought") == ("", "Only a thought")


@reasoning_rows
def test_what_others_read_of_a_reasoning_detector(row: ReasoningRow) -> None:
    """The scheduler and the grammar back end ask for the closer's ids; histories are written with the markers."""
    tokenizer = tokenizer_for(None, row.name)
    detector = ReasoningParser(f"dynamo_{row.name}", tokenizer=tokenizer).detector
    assert detector.get_think_end_token_ids(tokenizer)
    assert detector.get_self_opened_think_start_token_ids(tokenizer) is None
    assert detector.get_answer_frame() is None
    assert (detector.think_start_token, detector.think_end_token) == (row.open, row.close)
    assert detector.think_start_self_label == row.think.label
    assert detector.reasoning_default in (
        "always",
        "enable_thinking",
        "explicit_thinking",
        "explicit_enable_thinking",
        "mistral",
    )
    assert (detector.reasoning_default in ("always", "enable_thinking")) == row.starts.inside


@tool_rows
def test_constraints(row: ToolRow) -> None:
    """Forced choices are forced as markup, or as JSON, and our detector reads both; nothing else is constrained."""
    parser = FunctionCallParser(sglang_tools(), f"dynamo_{row.name}")
    assert parser.get_structure_constraint("auto") is None
    assert not parser.owns_tool_format()
    kind, schema = parser.get_structure_constraint("required") or ("", None)
    as_json = frames_reply(row) or not hasattr(BaseFormatDetector, "parses_without_tools")
    assert kind == ("json_schema" if as_json else "structural_tag")
    assert schema
    named = ToolChoice.model_validate({"type": "function", "function": {"name": "get_time"}})
    assert FunctionCallParser(sglang_tools(), f"dynamo_{row.name}", tool_choice=named).owns_tool_format()


def test_constructors_are_cheap() -> None:
    """SGLang makes detectors to ask them one thing."""
    made = FunctionCallParser.ToolCallParserEnum["dynamo_kimi_k2"]
    started = time.perf_counter()
    for _ in range(1000):
        made()
    assert time.perf_counter() - started < 1


# --- what the server sees of a request


@pytest.mark.parametrize("mode", MODES)
def test_ids(mode: str) -> None:
    """The model's own if it gives one, else SGLang's style."""
    row = tool_row("kimi_k2")
    made = Exchange("dynamo_kimi_k2", "dynamo_kimi_k25", prompt=prompt_for("kimi_k25", False))
    assert made.answer(mode, row.sample.replace(":0", ":7")).ids == ("functions.get_weather:7",)
    made = Exchange("dynamo_hermes", "dynamo_qwen3")
    (id,) = made.answer(mode, tool_row("hermes").sample).ids
    assert re.fullmatch("call_[0-9a-f]{24}", id)
    (id,) = Exchange("dynamo_mistral", None).answer(mode, tool_row("mistral").sample).ids
    assert re.fullmatch("[a-zA-Z0-9]{9}", id)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("name", "style"), [("kimi_k2", "functions.{}:{}"), ("kimi_k3", "{}:{}")])
def test_ids_of_kimi_go_on_from_the_conversation(name: str, style: str, mode: str) -> None:
    """As SGLang's own do, if the markup gives none: here in the JSON of a forced choice."""
    said = [
        {"id": f"x{number}", "type": "function", "function": {"name": "get_time", "arguments": "{}"}}
        for number in (0, 1)
    ]
    body = chat_request(TOOLS, tool_choice="required")
    history = [
        {"role": "assistant", "content": None, "tool_calls": said},
        *({"role": "tool", "tool_call_id": each["id"], "content": "noon"} for each in said),
    ]
    body["messages"] = [*body["messages"], *history]  # type: ignore[misc]
    forced = json.dumps([{"name": each, "parameters": {}} for each in ("get_weather", "get_time", "get_weather")])
    ids = Exchange(f"dynamo_{name}", None, body=body).answer(mode, forced).ids
    assert ids == (style.format("get_weather", 2), style.format("get_time", 3), style.format("get_weather", 4))


@pytest.mark.parametrize("mode", MODES)
@tool_rows
def test_requests(row: ToolRow, mode: str) -> None:
    """No tools, no call wanted, one call only, a choice that is forced: as the core has it."""
    think = row.pairs[0]
    forced = json.dumps([{"name": "get_weather", "parameters": {"city": "Paris"}}])
    for said, tools, reply in (
        ({}, None, f"Sure.\n{row.sample}\nDone."),
        ({"tool_choice": "none"}, TOOLS, f"Sure.\n{row.sample}\nDone."),
        ({"parallel_tool_calls": False}, TOOLS, f"{row.sample}\n{row.sample}"),
        ({"tool_choice": "required"}, TOOLS, forced),
        ({"tool_choice": {"type": "function", "function": {"name": "get_weather"}}}, TOOLS, forced),
        ({"tool_choice": {"type": "function", "function": {"name": "get_weather"}}}, TOOLS, '{"city": "Paris"}'),
    ):
        made = Exchange(
            f"dynamo_{row.name}",
            f"dynamo_{think}",
            body=chat_request(tools, **said),
            prompt=prompt_for(think, False),
        )
        given = made.answer(mode, reply)
        right = core_answer(
            made.seen(reply),
            tool_parser=row.name,
            reasoning_parser=think,
            tools=tools,
            in_reasoning=False,
            **said,
        )
        assert given == right, said
    assert not made.skips_special_tokens or not row.special_tokens


def test_markers_that_a_tokenizer_calls_special_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some models' tokenizers do, although their family's own does not."""
    made = Exchange("dynamo_hermes", "dynamo_qwen3", body=chat_request(None))
    _, engine = serving(made.tool, made.reasoning)
    tokenizer = copy.deepcopy(engine.tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<think>", "</think>"]})
    hidden = tokenizer.decode(encode(tokenizer, "<think>Why?</think>"), skip_special_tokens=True)
    assert "<think>" not in hidden
    monkeypatch.setattr(engine, "tokenizer", tokenizer)
    for mode in MODES:
        given = made.answer(mode, "<think>Why?</think>Sure.")
        assert (given.reasoning, given.content) == ("Why?", "Sure."), mode


def test_beside_parsers_of_sglang() -> None:
    """Not recommended, and still each half does its own."""
    hermes = tool_row("hermes").sample
    call = (("get_weather", '{"city": "Paris"}'),)
    for mode in MODES:
        given = Exchange("dynamo_hermes", "qwen3").answer(mode, f"<think>Why?</think>Sure.{hermes}")
        assert (given.reasoning, given.content, given.calls) == ("Why?", "Sure.", call), mode
    for mode in ("one-shot", "1"):
        given = Exchange("hermes", "dynamo_qwen3").answer(mode, f"<think>Why?</think>Sure.{hermes}")
        assert (given.reasoning, (given.content or "").strip(), given.calls) == ("Why?", "Sure.", call), mode


def test_sglangs_own_parsers_are_left_alone() -> None:
    """A server without our parsers keeps SGLang's ids and its way with special tokens."""
    made = Exchange("kimi_k2", "kimi_k2", body=chat_request(None))
    made.answer("1", "Hello.")
    assert made.skips_special_tokens
    row = tool_row("kimi_k2")
    assert Exchange("kimi_k2", "kimi_k2").answer("one-shot", row.sample.replace(":0", ":7")).ids == (
        "functions.get_weather:0",
    )


# --- registration


def test_every_name_is_registered() -> None:
    for name in tool_parser_names():
        assert FunctionCallParser.ToolCallParserEnum[f"dynamo_{name}"].row is tool_row(name)
    for name in reasoning_parser_names():
        assert ReasoningParser.DetectorMap[f"dynamo_{name}".lower()].row is reasoning_row(name)


def test_entry_point() -> None:
    found = [
        each for each in importlib.metadata.entry_points(group="sglang.srt.plugins") if each.name == "dynamo_parsers"
    ]
    assert [each.load() for each in {each.value: each for each in found}.values()] == [plugin.register]


def test_register_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is replaced, whoever had the name first."""
    theirs = object()
    monkeypatch.setitem(FunctionCallParser.ToolCallParserEnum, "dynamo_hermes", theirs)  # type: ignore[arg-type]
    before = dict(FunctionCallParser.ToolCallParserEnum), dict(ReasoningParser.DetectorMap)
    monkeypatch.setattr(HookRegistry, "_hooks", collections.defaultdict(list))
    plugin.register()
    assert (FunctionCallParser.ToolCallParserEnum, ReasoningParser.DetectorMap) == before


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name.startswith("dynamo_parsers")]


def test_register_in_an_old_sglang(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(sys.modules, "sglang.srt.plugins.hook_registry", None)
    monkeypatch.setattr(FunctionCallParser, "ToolCallParserEnum", {})
    plugin.register()
    (said,) = errors(caplog)
    assert f"needs SGLang {floor('sglang')} or newer" in said
    assert FunctionCallParser.ToolCallParserEnum == {}


@pytest.mark.parametrize(
    ("version", "too_old"), [("0.5.20", True), ("0.5.15.post1", True), (floor("sglang"), False), (None, False)]
)
def test_register_below_the_floor(
    version: str | None, too_old: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One clear line, and no names, so that SGLang says itself that it does not know them."""
    monkeypatch.setattr(HookRegistry, "_hooks", collections.defaultdict(list))
    monkeypatch.setattr(FunctionCallParser, "ToolCallParserEnum", {})
    monkeypatch.setattr(plugin, "_version", lambda: version)
    monkeypatch.setattr(plugin, "self_check", lambda *_: None)
    plugin.register()
    said = [
        f"dynamo-parsers needs SGLang {floor('sglang')} or newer; its parsers are not registered (this is {version})"
    ]
    assert errors(caplog) == (said if too_old else [])
    assert bool(FunctionCallParser.ToolCallParserEnum) is not too_old


def test_register_never_raises(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """SGLang swallows what a plugin raises; our log has it."""
    monkeypatch.setattr(FunctionCallParser, "ToolCallParserEnum", None)
    plugin.register()
    assert "could not register" in errors(caplog)[0]


def test_names_are_choices_of_the_command_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    parser = argparse.ArgumentParser()
    ServerArgs.add_cli_args(parser)
    given = parser.parse_args(
        ["--model-path", "m", "--tool-call-parser", "dynamo_kimi_k2", "--reasoning-parser", "dynamo_kimi_k25"]
    )
    assert (given.tool_call_parser, given.reasoning_parser) == ("dynamo_kimi_k2", "dynamo_kimi_k25")
    monkeypatch.setattr(HookRegistry, "_hooks", collections.defaultdict(list))
    monkeypatch.setattr(sys, "argv", ["sglang", "--tool-call-parser", "dynamo_kimi_2"])
    plugin.register()
    assert "did you mean dynamo_kimi_k2" in errors(caplog)[0]


def test_workers_are_pointed_at_our_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """By SGLang's own variable if it has one, which a user may have set; else by a hook around uvicorn."""
    monkeypatch.delenv("SGLANG_HTTP_SERVER_APP_PATH", raising=False)
    monkeypatch.setattr(HookRegistry, "_hooks", collections.defaultdict(list))
    hooks.point_workers_at_app(HookRegistry, HookType)
    if hasattr(envs, "SGLANG_HTTP_SERVER_APP_PATH"):
        assert os.environ["SGLANG_HTTP_SERVER_APP_PATH"] == hooks.APP
        monkeypatch.setenv("SGLANG_HTTP_SERVER_APP_PATH", "theirs:app")
        hooks.point_workers_at_app(HookRegistry, HookType)
        assert os.environ["SGLANG_HTTP_SERVER_APP_PATH"] == "theirs:app"
    else:
        assert list(HookRegistry._hooks) == ["uvicorn.run"]
    ran: list[object] = []
    hooks._run_with_app(ran.append, f"{hooks.SERVER}:app")
    hooks._run_with_app(ran.append, "another:app")
    assert ran == [hooks.APP, "another:app"]


@night
def test_processes_without_http_are_spared_the_hooks() -> None:
    code = f"""
import sys, types
from dynamo_parsers.sglang import hooks
from dynamo_parsers.write.structural_tags import frames_reply
assert hooks.may_serve_http()
sys.modules["sglang.srt.managers.scheduler"] = types.ModuleType("scheduler")
assert not hooks.may_serve_http()
sys.modules[{hooks.CHAT!r}] = types.ModuleType("chat")
assert hooks.may_serve_http()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


# --- defects of ours


class Defect(Exception):
    pass


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("composition", ["both", "tool", "reasoning"])
@pytest.mark.parametrize("name", ["kimi_k2", "qwen3_coder", "hermes"])
def test_a_defect_costs_no_request(
    name: str, composition: str, mode: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever raises inside, the rest of the reply comes as content, and the log has one line without the text."""
    row = tool_row(name)

    def fails(*_: object, **__: object) -> None:
        raise Defect("secret")

    monkeypatch.setattr(type(row.format), "read", fails)
    think = None if composition == "tool" else row.pairs[0]
    made = Exchange(
        None if composition == "reasoning" else f"dynamo_{name}",
        think and f"dynamo_{think}",
        prompt=prompt_for(think, False),
        body=chat_request(None if composition == "reasoning" else TOOLS),
    )
    caplog.clear()
    given = made.answer(mode, f"Sure. {row.sample} The end.")
    assert given.calls == ()
    assert given.content is not None
    assert given.content.startswith("Sure.")
    assert given.content.endswith("The end.")
    assert "Paris" in given.content
    said = [each for each in caplog.records if each.name.startswith("dynamo_parsers")]
    assert 1 <= len(said) <= 2
    for each in said:
        assert each.levelno == logging.WARNING
        assert "Defect" in each.getMessage()
        assert "Paris" not in each.getMessage()
