"""TensorRT-LLM's chat post-processors over our classes: a client gets what the core says, streaming or not.

Over the stand-in of both interfaces, and over TensorRT-LLM's own files if `TRTLLM_SOURCE` names its source tree
(`trtllm_harness.py` says which files).
"""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import json
import logging
import os
import pickle
import random
import subprocess
import sys
import sysconfig
import types
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import corpus
import grammars
import pytest
import test_fuzz
from corpus import Case
from dynamo_parsers.formats.inkling import Inkling
from dynamo_parsers.parser import named_choice
from dynamo_parsers.registry import (
    TOOL_ROWS,
    partners,
    reasoning_parser_names,
    reasoning_row,
    tool_parser_names,
    tool_row,
)
from dynamo_parsers.rows import ToolRow
from effort import NIGHTLY, share
from parity import compositions, markers, settle
from pydantic import ValidationError
from readers import by_day
from trtllm_harness import (
    ENGINES,
    Answer,
    Engine,
    Exchange,
    core_answer,
    engine,
    folder_of,
    imported_from,
    tokens,
)

MODES: tuple[str, ...] = ("one-shot", "1", "3", "8", "all", "cut") if NIGHTLY else ("one-shot", "1", "8", "cut")
"""One-shot, and streams of so many tokens a delta; "cut": of five characters, whatever they are."""


# --- differences


def refused(case: Case) -> str | None:
    """Why no such request or reply reaches a parser of TensorRT-LLM; None if it does."""
    if case.request.tool_choice == "required":
        return "TensorRT-LLM refuses a required choice"
    if named_choice(case.request.tool_choice) is not None and case.tools is None:
        return "TensorRT-LLM refuses a named choice without tools"
    if any("\ud800" <= char <= "\udfff" for char in case.reply):
        return "no tokenizer writes a lone surrogate"
    try:
        exchange(engine("1.3"), case, None, None)
    except ValidationError:
        return "TensorRT-LLM refuses the tools or the choice of this request"
    return None


# --- parity with the core


def told_to(engine: Engine, case: Case, reasoning: str | None) -> dict[str, Any]:
    """What a reasoning parser gets of the request and its prompt."""
    told: dict[str, Any] = {}
    if engine.tells_kwargs:
        told["chat_template_kwargs"] = case.request.chat_template_kwargs
        if engine.tells_prompt and reasoning is not None:
            told["in_reasoning"] = case.request.in_reasoning
    return told


def exchange(engine: Engine, case: Case, tool: str | None, reasoning: str | None) -> Exchange:
    """An exchange with our parsers of these names."""
    prompt = ""
    if reasoning is not None and case.request.in_reasoning is not None:
        row = reasoning_row(reasoning)
        prompt = f"{row.open}\n" if case.request.in_reasoning else f"{row.open}\n\n{row.close}\n\n"
    choice = case.request.tool_choice
    return Exchange(
        engine,
        tool and f"dynamo_{tool}",
        reasoning and f"dynamo_{reasoning}",
        case.tools,
        # The Responses API spells a named choice flat; the post-processors get it as chat does.
        {"type": "function", "function": {"name": named_choice(choice)}} if isinstance(choice, dict) else choice,
        case.request.chat_template_kwargs,
        prompt,
        case.request.engine_finish or "stop",
        case.request.parallel_tool_calls,
    )


def called(case: Case, tool: str | None, reasoning: str | None) -> bool:
    """Whether the reply is read by parsers of ours.

    Without tools in the request no tool parser is called; and without a tool parser TensorRT-LLM itself makes the call
    of a named choice, of all that is not reasoning.
    """
    if tool is None and named_choice(case.request.tool_choice) is not None:
        return False
    return reasoning is not None or case.tools is not None


def pieces_of(mode: str, text: str, tool: str | None, reasoning: str | None) -> list[str]:
    """The deltas of a stream."""
    if mode == "all" or not text:
        return [text]
    if mode == "cut":
        return [text[at : at + 5] for at in range(0, len(text), 5)]
    whole, size = tokens(text, markers(tool, reasoning)), int(mode)
    return ["".join(whole[at : at + size]) for at in range(0, len(whole), size)]


def differences(
    engine: Engine,
    case: Case,
    composition: str,
    tool: str | None,
    reasoning: str | None,
    *,
    modes: tuple[str, ...] = MODES,
) -> Iterator[str]:
    """How the answers of a composition differ from the core's."""
    if not called(case, tool, reasoning):
        return
    asked = {
        # Without tools in the request no tool parser is called.
        "tool_parser": tool if case.tools is not None else None,
        "reasoning_parser": reasoning,
        # A reasoning parser without a tool parser is not told of them.
        "tools": case.tools if tool is not None else None,
        **told_to(engine, case, reasoning),
    }
    for mode in modes:
        made = exchange(engine, case, tool, reasoning)
        # The bounded hold: if nobody tells a parser that the stream has ended, the held text is not output.
        finish = mode == "one-shot" or engine.finishes
        right = core_answer(
            case.reply,
            finish=finish,
            engine_finish=made.finish_reason,
            tool_choice=case.request.tool_choice,
            parallel_tool_calls=case.request.parallel_tool_calls,
            **asked,
        )
        given = (
            made.one_shot(case.reply)
            if mode == "one-shot"
            else made.stream(pieces_of(mode, case.reply, tool, reasoning))
        )
        if given != right:
            yield f"{engine.name}, {composition}, {mode}:\n  given {given}\n  right {right}"
        elif given.finish_reason != right.finish_reason:
            yield f"{engine.name}, {composition}, {mode}: {given.finish_reason}, right {right.finish_reason}"


CASES = corpus.all_cases()
DAILY = by_day(CASES, 12)


@pytest.mark.parametrize(
    ("case", "name"),
    [(case, name) for at, name in enumerate(ENGINES) for case in (CASES if NIGHTLY else DAILY[at::8])],
    ids=str,
)
def test_corpus(case: Case, name: str) -> None:
    """Every case in each interface, by every composition that can read it, one-shot and streamed; some by day."""
    made = engine(name)
    ways = share(f"{name} {case}", itertools.product(compositions(case), MODES))
    found = (line for composition, mode in ways for line in differences(made, case, *composition, modes=(mode,)))
    settle(f"TensorRT-LLM {name}", case, refused(case), found)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)
def test_soup(row: ToolRow, name: str) -> None:
    """Any text: text that no model writes is read the same too. `FUZZ_TEXTS` by a thousand."""
    for seed in range(test_fuzz.SEED, test_fuzz.SEED + test_fuzz.ENGINE_TEXTS):
        rng = random.Random(f"trtllm {row.name} {seed}")
        text = test_fuzz.Soup(row, rng).text()
        asked = dataclasses.asdict(test_fuzz.some_request(row, rng))
        case = Case("soup", "", str(seed), 0, corpus.Request.model_validate(asked), text, (), None)
        if refused(case):
            continue
        found = [
            f"seed {seed}: {line}"
            for composition, tool, reasoning in compositions(case)
            for line in differences(engine(name), case, composition, tool, reasoning)
        ]
        assert not found, "\n".join([repr(text), *found])


# --- without an end


HELD_AT_MOST = 512 + 64
"""Characters: an opener that may still fit, and a section's opener before it."""


@pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)
def test_a_whole_call_needs_no_end(row: ToolRow) -> None:
    """On 1.2 nobody says that a stream is over; a call whose markup is whole is whole."""
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
    right = core_answer(row.sample, tool_parser=row.name, tools=tools)
    assert right.calls, "the sample has a call"
    for reasoning in (None, *row.pairs):
        made = Exchange(engine("1.2"), f"dynamo_{row.name}", reasoning and f"dynamo_{reasoning}", tools)
        close = reasoning_row(reasoning).close if reasoning and reasoning_row(reasoning).starts.inside else ""
        given = made.stream(tokens(close + row.sample, markers(row.name, reasoning)))
        assert given.calls == right.calls
        assert given.finish_reason == "tool_calls"


def test_plain_text_needs_no_end() -> None:
    made = Exchange(engine("1.2"), "dynamo_kimi_k2", "dynamo_kimi_k25", [])
    text = "<think>Well. <b>2</b> < 3</think>\n\nIt is:\n\n- `x < y`, [1, 2], {}"
    assert made.stream(list(text)) == Answer("Well. <b>2</b> < 3", "It is:\n\n- `x < y`, [1, 2], {}", ())


@pytest.mark.parametrize("case", by_day(CASES, 24), ids=str)
def test_what_is_lost_without_an_end(case: Case) -> None:
    """At most what was held: the start of a construct at the very end, or white space.

    A call is lost only if its markup is broken so that the core itself needs the end to know it.
    """
    if refused(case) or case.request.tool_choice != "auto":
        return
    for composition, tool, reasoning in compositions(case):
        if not called(case, tool, reasoning):
            continue
        given = exchange(engine("1.2"), case, tool, reasoning).stream(pieces_of("1", case.reply, tool, reasoning))
        asked: dict[str, Any] = {
            # Without tools in the request no tool parser is called.
            "tool_parser": tool if case.tools is not None else None,
            "reasoning_parser": reasoning,
            "tools": case.tools if tool is not None else None,
            "parallel_tool_calls": case.request.parallel_tool_calls,
            "end_is_told": False,
        }
        right = core_answer(case.reply, **asked)
        known = core_answer(case.reply, finish=False, **asked)
        assert [name for name, _ in given.calls] == [name for name, _ in known.calls]
        if len(known.calls) < len(right.calls):
            continue
        lost = 0
        for said, whole in ((given.reasoning, right.reasoning), (given.content, right.content)):
            assert (whole or "").startswith(said or ""), composition
            lost += len(whole or "") - len(said or "")
        for (_, said), (_, whole) in zip(given.calls, right.calls, strict=True):
            assert whole.startswith(said)
            lost += len(whole) - len(said)
        assert lost <= HELD_AT_MOST


# --- what the server reads of a class


@pytest.mark.parametrize("each", ENGINES)
@pytest.mark.parametrize("name", tool_parser_names())
def test_tool_parser_is_registered(name: str, each: str) -> None:
    found = engine(each).tool_factory.parsers[f"dynamo_{name}"]
    assert issubclass(found, engine(each).base_tool_parser)
    assert found.row is tool_row(name)
    assert found.needs_raw_special_tokens == bool(tool_row(name).special_tokens)
    assert found.extracts_forced_tool_calls is True
    made = engine(each).tool_factory.create_tool_parser(f"Dynamo_{name}")
    assert type(made) is found
    assert made.supports_structural_tag() == (tool_row(name).name in ("hermes", "internlm2", "longcat"))
    assert not made.has_tool_call("Hello.")
    # Without a marker it is known by declared names.
    assert made.has_tool_call(tool_row(name).sample) or tool_row(name).name in ("llama3_json", "pythonic", "xlam")


@pytest.mark.parametrize("each", ENGINES)
@pytest.mark.parametrize("name", tool_parser_names())
def test_what_constrains_a_strict_tool(name: str, each: str) -> None:
    """JSON between two texts is a call of the family, or the parser says that it knows no such texts."""
    made = engine(each).tool_factory.create_tool_parser(f"dynamo_{name}")
    if not made.supports_structural_tag():
        with pytest.raises(NotImplementedError, match=tool_row(name).name):
            made.structure_info()("get_weather")
        return
    make = engine(each).protocol.ChatCompletionToolsParam.model_validate
    tools = [make({"type": "function", "function": {"name": each}}) for each in ("get_weather", "get_time")]
    for function, arguments in (("get_weather", '{"city": "Paris"}'), ("get_time", "{}")):
        info = made.structure_info()(function)
        assert info.begin.startswith(info.trigger)
        text = f"Sure. {info.begin}{arguments}{info.end}"
        (read,) = made.detect_and_parse(text, tools).calls
        assert (read.name, read.parameters) == (function, arguments)
    info = made.structure_info()("get_weather")
    assert info.begin + '{"city": "Paris"}' + info.end == tool_row(name).sample


@pytest.mark.parametrize("each", ENGINES)
@pytest.mark.parametrize("name", reasoning_parser_names())
def test_reasoning_parser_is_registered(name: str, each: str) -> None:
    found = engine(each).reasoning_parsers[f"dynamo_{name}"]
    row = reasoning_row(name)
    assert issubclass(found, engine(each).base_reasoning_parser)
    assert (found.row, found.reasoning_start, found.reasoning_end) == (row, row.open, row.close)  # type: ignore[attr-defined]
    special = row.special_tokens or any(tool.special_tokens for tool in partners(row))
    assert found.needs_raw_special_tokens == bool(special)  # type: ignore[attr-defined]
    assert type(engine(each).reasoning_factory.create_reasoning_parser(f"Dynamo_{name}")) is found


@pytest.mark.parametrize("each", ENGINES)
def test_nothing_else_is_registered(each: str) -> None:
    """Only names with our prefix, so that no parser of TensorRT-LLM is replaced."""
    for found, names in (
        (engine(each).tool_factory.parsers, tool_parser_names()),
        (engine(each).reasoning_parsers, reasoning_parser_names()),
    ):
        assert {name for name in found if name.startswith("dynamo_")} == {f"dynamo_{name}" for name in names}
        assert "dynamo" not in found["qwen3"].__module__


def test_each_choice_has_a_machine_of_its_own() -> None:
    """Two choices of one request, whose deltas come in turns."""
    made = engine("1.3")
    tool = made.tool_factory.create_tool_parser
    reasoning = made.reasoning_factory.create_reasoning_parser
    pairs = [(reasoning("dynamo_qwen3"), tool("dynamo_hermes")) for _ in range(2)]
    tools = [made.protocol.ChatCompletionToolsParam.model_validate(TOOL)]
    names: list[list[str]] = [[], []]
    for text in ("<think>plan</think>", '<tool_call>{"name": "get_weather", ', '"arguments": {}}</tool_call>'):
        for found, (first, second) in zip(names, pairs, strict=True):
            result = second.parse_streaming_increment(first.parse_delta(text).content, tools)
            found += [call.name for call in result.calls if call.name]
    assert names == [["get_weather"], ["get_weather"]]


TOOL: dict[str, object] = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
CALL = '<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>'


@pytest.mark.parametrize("each", ENGINES)
def test_beside_a_parser_of_the_engine(each: str) -> None:
    """Each of ours works with one that is not ours."""
    made = Exchange(engine(each), "dynamo_hermes", "qwen3", [TOOL])
    assert made.stream(list("Hi. " + CALL)).calls == made.one_shot("Hi. " + CALL).calls == WEATHER
    made = Exchange(engine(each), None, "dynamo_qwen3", [TOOL])
    assert made.one_shot("<think>plan</think>" + CALL) == Answer("plan", CALL, ())
    made = Exchange(engine(each), "qwen3", "dynamo_qwen3", [TOOL])
    assert made.one_shot("<think>plan</think>Hi.") == Answer("plan", "Hi.", ())


WEATHER = (("get_weather", '{"city": "Paris"}'),)


NAMED: dict[str, object] = {"type": "function", "function": {"name": "get_weather"}}
OTHER = '<tool_call>{"name": "get_time", "arguments": {}}</tool_call>'


@pytest.mark.parametrize("each", ENGINES)
@pytest.mark.parametrize("reasoning", ["dynamo_qwen3", "qwen3", None])
def test_a_named_choice(reasoning: str | None, each: str) -> None:
    """Our parser returns that function only, in markup or as bare arguments, and nothing else is taken for it."""
    made = Exchange(engine(each), "dynamo_hermes", reasoning, [TOOL], NAMED)
    for reply, calls in (
        (OTHER + CALL, WEATHER),
        ('{"city": "Paris"}', WEATHER),
        ("Sorry.", ()),
        (CALL + CALL, WEATHER * 2),
    ):
        for answer in (made.one_shot(reply), made.stream([reply]), made.stream(list(reply))):
            assert answer.calls == calls
            assert answer.finish_reason == ("tool_calls" if calls else "stop")


@pytest.mark.parametrize("each", ENGINES)
def test_a_choice_is_the_engines_own_without_our_tool_parser(each: str) -> None:
    made = Exchange(engine(each), None, "dynamo_qwen3", [TOOL], "none")
    asked = made.arguments()
    engine(each).handlers.apply_reasoning_parser(asked, 0, "Hi.", False)
    assert asked.tool_choice == "none"
    asked = Exchange(engine(each), "qwen3", None, [TOOL], NAMED).arguments()
    engine(each).handlers.apply_reasoning_parser(asked, 0, "Hi.", False)
    assert asked.tool_choice.function.name == "get_weather"


@pytest.mark.parametrize("each", ENGINES)
def test_arguments_go_to_other_processes(each: str) -> None:
    """With what we noted, as plain types; the reply is then read there."""
    made = Exchange(engine(each), "dynamo_hermes", None, [TOOL], parallel_tool_calls=False)
    noted = {name: value for name, value in vars(made.arguments()).items() if "dynamo" in name}
    assert noted
    assert all(type(value) in (bool, str, dict) for value in noted.values())
    assert made.stream([CALL + CALL]).calls == WEATHER


@pytest.mark.parametrize("order", ["before", "after"])
def test_parsers_are_told_whenever_register_is_called(fresh: Any, order: str) -> None:
    """Also if the post-processors are already imported, and other modules hold them."""
    if order == "before":
        fresh.register()
    handlers = importlib.import_module("tensorrt_llm.serve.postprocess_handlers")
    held = handlers.chat_response_post_processor
    fresh.register()
    fresh.register()
    assert handlers.chat_response_post_processor is held
    told = importlib.import_module("dynamo_parsers.trtllm.requests")
    for name in ("apply_reasoning_parser", "apply_tool_parser"):
        assert not hasattr(getattr(handlers, name).__wrapped__, told._MARK)
    assert told.told() is None


def test_content_goes_to_other_processes_as_text() -> None:
    """Results of a post-processing worker are pickled, and read by a list of allowed types."""
    said = engine("1.3").reasoning_factory.create_reasoning_parser("dynamo_qwen3").parse("<think>plan</think>Hi.")
    assert type(pickle.loads(pickle.dumps(said.content))) is str
    assert type(engine("1.3").protocol.ChatMessage(role="assistant", content=said.content).content) is str


@pytest.mark.parametrize("each", ENGINES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("beside", [True, False])
def test_a_defect_costs_no_request(
    each: str, mode: str, beside: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever raises inside, the rest of the reply comes as content, and the log has one line without the text."""
    row = tool_row("hermes")

    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(type(row.format), "read", fails)
    made = Exchange(engine(each), "dynamo_hermes", "dynamo_qwen3" if beside else None, [TOOL])
    text = f"Sure. {CALL} The end."
    given = made.one_shot(text) if mode == "one-shot" else made.stream(pieces_of(mode, text, "hermes", "qwen3"))
    assert given.calls == ()
    assert given.content is not None
    assert given.content.startswith("Sure.")
    assert given.content.endswith("The end.")
    assert "Paris" in given.content
    (warning,) = [record for record in caplog.records if record.name == "dynamo_parsers"]
    assert "a defect in the parser" in warning.getMessage()
    assert "secret" not in warning.getMessage()


METHODS = ("parse", "parse_delta", "finish", "detect_and_parse", "parse_streaming_increment", "has_tool_call")
ALWAYS_CALLED = {"one-shot": ("parse", "detect_and_parse"), "1": ("parse_delta", "parse_streaming_increment")}
"""What a reply of each mode cannot do without."""


@pytest.mark.parametrize("each", ENGINES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mode", ["one-shot", "1"])
def test_a_defect_in_a_method_costs_no_request(
    each: str, method: str, mode: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever an adapter's method raises, the text is content, and there is one line an object."""

    called = []

    def fails(*_: object, **__: object) -> None:
        called.append(method)
        raise ZeroDivisionError("secret")

    halves = (
        engine(each).reasoning_factory.create_reasoning_parser("dynamo_qwen3"),
        engine(each).tool_factory.create_tool_parser("dynamo_hermes"),
    )
    for half in halves:
        found = getattr(type(half), method, None)
        if found is not None:
            monkeypatch.setattr(found, "inner", fails)
    made = Exchange(engine(each), "dynamo_hermes", "dynamo_qwen3", [TOOL])
    text = f"Sure. {CALL} The end."
    given = made.one_shot(text) if mode == "one-shot" else made.stream(pieces_of(mode, text, "hermes", "qwen3"))
    assert "Sure." in str(given.content)
    lines = [record.getMessage() for record in caplog.records if record.name == "dynamo_parsers"]
    assert bool(lines) is bool(called)
    assert len(lines) <= 2
    assert called or method not in ALWAYS_CALLED[mode]
    assert not any("secret" in line for line in lines)


@pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)
def test_strict_tools_of_every_family(row: ToolRow) -> None:
    """Newer TensorRT-LLMs ask for a grammar of the whole reply."""
    made = engine("1.3").tool_factory.create_tool_parser(f"dynamo_{row.name}")
    assert made.streaming_matches_whole_parse
    assert made.single_call_stop is None
    declare = engine("1.3").protocol.ChatCompletionToolsParam.model_validate
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"name": "get_weather", "parameters": schema}
    assert made.build_strict_structural_tag_format([declare({"type": "function", "function": tool})]) is None
    strict = [declare({"type": "function", "function": {**tool, "strict": True}})]
    if not hasattr(strict[0].function, "strict"):
        pytest.skip("this interface has no strict tools")
    found = {"type": "structural_tag", "format": made.build_strict_structural_tag_format(strict)}
    # The prompt of a framed format ends with what the sample begins with.
    call = row.sample.removeprefix(row.format.start) if isinstance(row.format, Inkling) else row.sample
    assert grammars.accepts(found, call)
    if row.name not in ("pythonic", "xlam"):  # which is text without its marker
        assert not grammars.accepts(found, call.replace("city", "town"))


def test_what_it_stands_on(caplog: pytest.LogCaptureFixture) -> None:
    for each in ENGINES:
        with imported_from(folder_of(each)):
            importlib.import_module("dynamo_parsers.trtllm").register()
    assert not [record for record in caplog.records if "does not find what it needs" in record.getMessage()]
    with imported_from(folder_of("1.3")):
        handlers = importlib.import_module("tensorrt_llm.serve.postprocess_handlers")
        handlers.apply_tool_parser_again = handlers.apply_tool_parser
        del handlers.apply_tool_parser
        importlib.import_module("dynamo_parsers.trtllm").register()
    (line,) = [record.getMessage() for record in caplog.records if "does not find what it needs" in record.getMessage()]
    assert "apply_tool_parser (parsers are not told the request" in line


def test_a_server_prepares_its_parsers(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = importlib.import_module("dynamo_parsers.trtllm")
    warm = importlib.import_module("dynamo_parsers.warm")
    prepared: list[object] = []
    monkeypatch.setattr(warm, "start", lambda *names: prepared.append(names))

    class OpenAIServer:
        def __init__(self, llm: Any, tool_parser: str | None) -> None:
            self.llm, self.tool_parser = llm, tool_parser

    module: Any = types.ModuleType(plugin.SERVER)
    module.OpenAIServer = OpenAIServer
    plugin._prepare_at_start(module)
    plugin._prepare_at_start(module)
    llm = types.SimpleNamespace(args=types.SimpleNamespace(reasoning_parser="dynamo_qwen3"))
    module.OpenAIServer(llm, "dynamo_hermes")
    module.OpenAIServer(llm, tool_parser=None)
    module.OpenAIServer(None, "qwen3")
    assert prepared == [("hermes", "qwen3"), (None, "qwen3")]


# --- registering


@pytest.fixture(params=ENGINES)
def fresh(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Our plugin, with the engine at hand and not imported yet."""
    with imported_from(folder_of(request.param)):
        yield importlib.import_module("dynamo_parsers.trtllm")


def registered() -> set[str]:
    tools = importlib.import_module("tensorrt_llm.serve.tool_parser.tool_parser_factory")
    return {name for name in tools.ToolParserFactory.parsers if name.startswith("dynamo_")}


def errors(caplog: pytest.LogCaptureFixture) -> str:
    said = [record for record in caplog.records if record.name == "dynamo_parsers" and record.levelno >= logging.ERROR]
    return "\n".join(record.getMessage() for record in said)


def test_register_twice_and_over_nothing(fresh: Any) -> None:
    tools = importlib.import_module("tensorrt_llm.serve.tool_parser.tool_parser_factory").ToolParserFactory
    theirs = tools.parsers["qwen3"]
    tools.parsers["dynamo_hermes"] = theirs
    fresh.register()
    once = dict(tools.parsers)
    fresh.register()
    assert tools.parsers == once
    assert tools.parsers["dynamo_hermes"] is theirs
    assert len(once) > len(tool_parser_names())


def test_importing_the_plugin_imports_no_engine(fresh: Any) -> None:
    fresh.hook = importlib.import_module("dynamo_parsers.trtllm.hook")
    fresh.hook.install()
    assert "tensorrt_llm" not in sys.modules
    assert "dynamo_parsers.trtllm.tool_parsers" not in sys.modules


def test_the_hook_registers_what_is_imported(fresh: Any) -> None:
    hook = importlib.import_module("dynamo_parsers.trtllm.hook")
    hook.install()
    hook.install()
    assert sum(finder is hook._Finder for finder in sys.meta_path) == 1
    assert len(registered()) == len(tool_parser_names())
    assert "tensorrt_llm.llmapi.reasoning_parser" not in sys.modules
    reasoning = importlib.import_module("tensorrt_llm.llmapi.reasoning_parser")
    assert reasoning.ReasoningParserFactory.create_reasoning_parser("dynamo_qwen3")
    assert reasoning.__loader__.get_source(reasoning.__name__), "the loader is its own"


def test_the_hook_fills_what_was_imported_before(fresh: Any) -> None:
    assert registered() == set()
    importlib.import_module("dynamo_parsers.trtllm.hook").install()
    assert len(registered()) == len(tool_parser_names())


def test_choices_built_before_are_widened(fresh: Any) -> None:
    """If registered late, the names are still on the command line."""
    commands = importlib.import_module("tensorrt_llm.commands.serve")
    fresh.register()
    fresh.register()
    for parameter in commands.serve.params:
        if parameter.name in ("tool_parser", "reasoning_parser"):
            choices = list(parameter.type.choices)
            assert "dynamo_hermes" in choices or "dynamo_qwen3" in choices
            assert "qwen3" in choices
            assert len(choices) == len(set(choices))


@pytest.mark.parametrize("said", ["0.20.0", "1.0.0", "1.1.2rc1"])
def test_an_old_version_is_refused(fresh: Any, said: str, caplog: pytest.LogCaptureFixture) -> None:
    importlib.import_module("tensorrt_llm.version").__version__ = said
    fresh.register()
    assert registered() == set()
    assert f"needs TensorRT-LLM 1.2 or newer; its parsers are not registered (this is {said})" in errors(caplog)


@pytest.mark.parametrize("said", ["1.2.0", "1.3.0rc22", "1.4.0rc1", "2.0", "0.0.0+build", "unknown"])
def test_other_versions_are_not(fresh: Any, said: str, caplog: pytest.LogCaptureFixture) -> None:
    """What is newer is taken by its interface."""
    importlib.import_module("tensorrt_llm.version").__version__ = said
    fresh.register()
    assert registered()
    assert errors(caplog) == ""


def test_without_tool_parsers(fresh: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt_llm.serve.tool_parser", None)
    fresh.register()
    assert "needs TensorRT-LLM 1.2 or newer; its parsers are not registered" in errors(caplog)


def test_an_interface_that_is_not_known(fresh: Any, caplog: pytest.LogCaptureFixture) -> None:
    """If the registry is something else, a line is logged, and the other one is filled."""
    tools = importlib.import_module("tensorrt_llm.serve.tool_parser.tool_parser_factory").ToolParserFactory
    tools.parsers = None
    fresh.register()
    assert "keeps its tool parsers elsewhere" in errors(caplog)
    reasoning = importlib.import_module("tensorrt_llm.llmapi.reasoning_parser").ReasoningParserFactory
    assert reasoning.create_reasoning_parser("dynamo_qwen3")


def test_registering_never_raises(
    fresh: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It runs in the middle of an import of TensorRT-LLM."""

    def fails(_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setitem(fresh.AFTER, fresh.FACTORY, fails)
    fresh.register()
    assert "could not register" in errors(caplog)


# --- processes

SCRIPTS = {
    "plain": "from tensorrt_llm.commands.serve import main",
    "ours": "from dynamo_parsers.trtllm.serve import main",
}
"""What the console scripts `trtllm-serve` and `dynamo-trtllm-serve` have, except the guard that `spawn` needs."""

EVERYWHERE = {"main", "fork", "spawn", "clean", "re-exec"}
KNOWN = "DynamoToolParser_kimi_k2 DynamoReasoningParser_kimi_k25"

CLICKS = ("", ".cache/click-8.1")
"""The click of this environment, and the last one that does not copy choices."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment of its own that has what this one has."""
    made = tmp_path_factory.mktemp("environment")
    venv.create(made, symlinks=True)
    (site,) = made.glob("lib/python*/site-packages")
    (site / "all_of_it.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    return made


def run(environment: Path, *arguments: str, path: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    said = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "NO_COLOR": "1", "COLUMNS": "200"}
    command = [str(environment / "bin" / "python"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=said, timeout=120, cwd=environment)


def cli(environment: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(environment, "-c", "from dynamo_parsers.cli import main; main()", *arguments)


@pytest.fixture
def enabled(environment: Path) -> Iterator[None]:
    assert cli(environment, "trtllm", "enable").returncode == 0
    yield
    assert cli(environment, "trtllm", "disable").returncode == 0


def serve(environment: Path, which: str, each: str, click: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = [str(folder_of(each))]
    if click:
        if not Path(click).exists():
            pytest.skip("`make test-trtllm` fetches click 8.1")
        path.append(str(Path(click).resolve()))
    script = environment / f"{which}-serve"
    script.write_text(f"{SCRIPTS[which]}\nif __name__ == '__main__':\n    main()\n")
    chosen = arguments or ("--tool_parser", "dynamo_kimi_k2", "--reasoning_parser", "dynamo_kimi_k25")
    return run(environment, str(script), "serve", "model", *chosen, path=tuple(path))


@pytest.mark.parametrize("click", CLICKS, ids=lambda each: each or "click")
@pytest.mark.parametrize("each", ENGINES)
def test_nothing_is_registered_unasked(environment: Path, each: str, click: str) -> None:
    done = serve(environment, "plain", each, click)
    assert done.returncode == 2, done.stdout
    assert "dynamo_kimi_k2" in done.stderr
    assert "is not one of" in done.stderr


@pytest.mark.parametrize("click", CLICKS, ids=lambda each: each or "click")
@pytest.mark.parametrize("each", ENGINES)
def test_our_script(environment: Path, each: str, click: str) -> None:
    """Known everywhere but in a worker that starts as a clean interpreter."""
    done = serve(environment, "ours", each, click)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == {**dict.fromkeys(EVERYWHERE, KNOWN), "clean": "no"}


@pytest.mark.parametrize("click", CLICKS, ids=lambda each: each or "click")
@pytest.mark.parametrize("each", ENGINES)
def test_enabled(environment: Path, enabled: None, each: str, click: str) -> None:
    """With the hook, plain `trtllm-serve` knows the names in every process; so does ours."""
    for which in SCRIPTS:
        done = serve(environment, which, each, click)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == dict.fromkeys(EVERYWHERE, KNOWN)


def test_hint_at_close_names(environment: Path) -> None:
    done = serve(environment, "ours", "1.3", "", "--tool_parser", "dynamo_kimi-k2")
    assert done.returncode == 2
    assert "--tool_parser dynamo_kimi-k2 is unknown; did you mean" in done.stderr


def test_our_script_without_the_engine(environment: Path) -> None:
    done = run(environment, "-c", f"{SCRIPTS['ours']}\nmain()")
    assert done.returncode == 1
    assert "needs TensorRT-LLM 1.2 or newer in this environment; it is not installed" in done.stderr


def test_enable_status_disable(environment: Path) -> None:
    """Exactly one file comes and goes."""

    def files() -> set[Path]:
        return {path for path in environment.rglob("*") if "__pycache__" not in path.parts}

    before = files()
    assert cli(environment, "trtllm", "status").stdout.startswith("not enabled: ")
    said = cli(environment, "trtllm", "enable").stdout
    (new,) = files() - before
    assert str(new) in said
    assert new.suffix == ".pth"
    text = new.read_text()
    assert cli(environment, "trtllm", "enable").returncode == 0
    assert new.read_text() == text
    status = cli(environment, "trtllm", "status").stdout
    assert status.startswith(f"enabled: {new}")
    assert "TensorRT-LLM is not installed here" in status
    new.write_text(text.replace("insert(0", "insert(1"))
    assert cli(environment, "trtllm", "status").stdout.startswith("enabled by another version: ")
    assert cli(environment, "trtllm", "enable").returncode == 0
    assert new.read_text() == text
    assert "is removed" in cli(environment, "trtllm", "disable").stdout
    assert "there is no" in cli(environment, "trtllm", "disable").stdout
    assert files() == before


def test_a_file_of_somebody_else_is_left_alone(environment: Path) -> None:
    cli(environment, "trtllm", "enable")
    (path,) = environment.rglob("dynamo_parsers_trtllm.pth")
    path.write_text("# mine\n")
    try:
        for command in ("enable", "disable", "status"):
            done = cli(environment, "trtllm", command)
            assert done.returncode != 0
            assert "left alone" in done.stderr
        assert path.read_text() == "# mine\n"
    finally:
        path.unlink()


def test_the_hook_without_the_package(environment: Path, enabled: None) -> None:
    """A file that was left over costs one line, and only if TensorRT-LLM is imported."""
    code = "import sys; sys.modules['dynamo_parsers'] = None\n"
    quiet = run(environment, "-c", code + "import json", path=(str(folder_of("1.3")),))
    assert (quiet.returncode, quiet.stderr) == (0, "")
    done = run(environment, "-c", code + "import tensorrt_llm", path=(str(folder_of("1.3")),))
    assert done.returncode == 0
    assert "TensorRT-LLM gets no parsers from dynamo_parsers_trtllm.pth" in done.stderr


def test_the_hook_imports_nothing_of_ours_before_the_engine(environment: Path, enabled: None) -> None:
    code = "import sys; assert not any(name.startswith('dynamo_parsers') for name in sys.modules)"
    done = run(environment, "-c", code)
    assert done.returncode == 0, done.stderr
