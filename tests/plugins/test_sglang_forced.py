"""What SGLang constrains a reply to with our detectors: forced and strict calls to the markup, frames to JSON."""

from __future__ import annotations

import contextvars
import json
from typing import Any

import grammars
import pytest

pytest.importorskip("sglang")
pytest.importorskip("sglang_harness")  # before SGLang's own modules: it makes them importable here

from dynamo_parsers.registry import TOOL_ROWS, tool_row
from dynamo_parsers.rows import ToolRow
from dynamo_parsers.sglang.detectors import tool_detector
from dynamo_parsers.sglang.requests import tell_grammars
from dynamo_parsers.write.markup import RENDERERS, Call
from dynamo_parsers.write.structural_tags import frames_reply
from parity import prompt_for
from sglang.srt.entrypoints.openai.protocol import Tool, ToolChoice
from sglang.srt.function_call.base_format_detector import BaseFormatDetector
from sglang.srt.function_call.function_call_parser import FunctionCallParser
from sglang_harness import TOOLS, Exchange, chat_request, serving

if not hasattr(BaseFormatDetector, "parses_without_tools"):
    pytest.skip("an older SGLang", allow_module_level=True)

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PARIS = ("get_weather", {"city": "Paris"})
PING: tuple[str, dict[str, object]] = ("ping", {})
NAMED = ToolChoice.model_validate({"type": "function", "function": {"name": "get_weather"}})

rows = pytest.mark.parametrize("row", [row for row in TOOL_ROWS if not frames_reply(row)], ids=lambda row: row.name)


def constraint(row: ToolRow, choice: Any = "auto", *, strict: bool, parallel: bool = True) -> Any:
    declared = {"get_weather": PARAMETERS, "ping": {"type": "object", "properties": {}}}
    tools = [
        Tool(function={"name": name, "parameters": each, "strict": strict})  # type: ignore[arg-type]
        for name, each in declared.items()
    ]
    FunctionCallParser.ToolCallParserEnum.setdefault(f"dynamo_{row.name}", tool_detector(row.name))
    parser = FunctionCallParser(tools, f"dynamo_{row.name}")
    return parser.get_structure_constraint(choice, parallel_tool_calls=parallel)


def accepts(tag: Any, text: str) -> bool:
    return grammars.accepts(tag.model_dump(by_alias=True), text)


def written(row: ToolRow, *calls: tuple[str, dict[str, object]]) -> str:
    return RENDERERS[row.name].calls([Call.of(*call) for call in calls])


@rows
def test_strict_tools_are_constrained(row: ToolRow) -> None:
    kind, tag = constraint(row, strict=True)
    assert kind == "structural_tag"
    assert accepts(tag, "Hello.")
    assert accepts(tag, written(row, PARIS, PARIS))
    assert not accepts(tag, written(row, ("get_time", {})))
    assert not accepts(tag, written(row, ("get_weather", {"town": "Paris"})))
    _, one = constraint(row, strict=True, parallel=False)
    assert accepts(one, written(row, PARIS))
    assert not accepts(one, written(row, PARIS, PARIS))


@rows
def test_others_are_free(row: ToolRow) -> None:
    assert constraint(row, strict=False) is None


@rows
def test_one_call_of_others(row: ToolRow) -> None:
    kind, tag = constraint(row, strict=False, parallel=False)
    assert kind == "structural_tag"
    assert accepts(tag, "Hello.")
    assert accepts(tag, written(row, ("get_weather", {"town": "Paris"})))
    assert not accepts(tag, written(row, PARIS, PARIS))


@pytest.mark.parametrize("strict", [False, True], ids=["free", "strict"])
@rows
def test_a_forced_choice_is_markup(row: ToolRow, strict: bool) -> None:
    kind, tag = constraint(row, "required", strict=strict)
    assert kind == "structural_tag"
    assert accepts(tag, written(row, PARIS))
    assert accepts(tag, "\n\n" + written(row, PARIS, PING))
    assert accepts(tag, written(row, ("get_weather", {"town": "Paris"}))) is not strict
    for text in ("", "Hello.", f"Hello. {written(row, PARIS)}", written(row, ("get_time", {})), '[{"name": "ping"}]'):
        assert not accepts(tag, text), text
    _, one = constraint(row, "required", strict=strict, parallel=False)
    assert accepts(one, written(row, PARIS))
    assert not accepts(one, written(row, PARIS, PING))
    _, named = constraint(row, NAMED, strict=strict)
    assert accepts(named, written(row, PARIS))
    for text in ("Hello.", written(row, PING), written(row, PARIS, PARIS)):
        assert not accepts(named, text), text


frames = pytest.mark.parametrize("row", [row for row in TOOL_ROWS if frames_reply(row)], ids=lambda row: row.name)


@frames
def test_a_forced_choice_in_frames_is_json(row: ToolRow) -> None:
    for strict in (False, True):
        is_json(constraint(row, "required", strict=strict))
    assert constraint(row, strict=False, parallel=False) is None


@pytest.mark.parametrize("backend", ["llguidance", "outlines"])
def test_a_forced_choice_is_json_in_other_grammars(backend: str) -> None:
    """They refuse such tags."""

    def check() -> None:
        tell_grammars(backend)
        for choice in ("required", NAMED):
            is_json(constraint(tool_row("kimi_k2"), choice, strict=False))
        assert constraint(tool_row("kimi_k2"), strict=False, parallel=False) is None

    contextvars.copy_context().run(check)


@pytest.mark.parametrize("mode", ["one-shot", "1", "all"])
@pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)
def test_a_forced_reply_is_read_in_both_shapes(row: ToolRow, mode: str) -> None:
    """By SGLang's serving: markup, and the JSON of frames and of other grammars."""
    forced = json.dumps([{"name": "get_weather", "parameters": {"city": "Paris"}}])
    made = Exchange(f"dynamo_{row.name}", None, body=chat_request(TOOLS, tool_choice="required"))
    for text in (written(row, PARIS), forced):
        answer = made.answer(mode, text)
        assert [(name, json.loads(arguments)) for name, arguments in answer.calls] == [PARIS]
        assert (answer.content, answer.finish) == (None, "tool_calls")


@pytest.mark.parametrize("backend", ["xgrammar", "llguidance"])
def test_what_serving_asks_the_engine_for(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    body = chat_request(TOOLS, tool_choice="required")
    made = Exchange("dynamo_kimi_k2", "dynamo_kimi_k25", body=body)
    _, engine = serving("dynamo_kimi_k2", "dynamo_kimi_k25")
    value = engine.config_value
    monkeypatch.setattr(engine, "config_value", lambda name: backend if name == "grammar_backend" else value(name))
    made.answer("one-shot", written(tool_row("kimi_k2"), PARIS))
    asked = engine.asked.sampling_params
    assert bool(asked.get("structural_tag")) is (backend == "xgrammar")
    assert bool(asked.get("json_schema")) is (backend != "xgrammar")


@pytest.mark.parametrize("inside", [True, False, None])
def test_a_forced_choice_is_forced_from_the_start(inside: bool | None) -> None:
    """SGLang would wait for the end of reasoning: a model that does not think never comes there."""
    call = written(tool_row("kimi_k2"), PARIS)
    for kwargs in ({}, {"enable_thinking": False}, {"enable_thinking": True}, {"thinking": False}):
        for choice in ("required", {"type": "function", "function": {"name": "get_weather"}}):
            body = chat_request(TOOLS, tool_choice=choice, chat_template_kwargs=kwargs)
            made = Exchange("dynamo_kimi_k2", "dynamo_kimi_k25", body=body, prompt=prompt_for("kimi_k25", inside))
            made.answer("one-shot", call)
            _, engine = serving("dynamo_kimi_k2", "dynamo_kimi_k25")
            assert engine.asked.require_reasoning is False
            tag = json.loads(engine.asked.sampling_params["structural_tag"])
            closed = inside is False or (inside is None and False in kwargs.values())
            assert grammars.accepts(tag, call)
            assert grammars.accepts(tag, f"<think>Why?</think>{call}") is not closed
            assert grammars.accepts(tag, f"Why?</think>{call}") is (inside is True)
            assert grammars.accepts(tag, f"Why?{call}") is (inside is True)
            for text in ("Hello.", "<think>Why?", "Why?</think>Hello."):
                assert not grammars.accepts(tag, text), text


@pytest.mark.parametrize("inside", [True, False, None])
def test_a_grammar_starts_where_the_prompt_says(inside: bool | None) -> None:
    """Whatever the request's template arguments seem to say."""
    answer = {"type": "json_schema", "json_schema": {"name": "answer", "schema": PARAMETERS}}
    for kwargs in ({}, {"enable_thinking": False}, {"enable_thinking": True}):
        body = chat_request(None, response_format=answer, chat_template_kwargs=kwargs)
        made = Exchange("dynamo_kimi_k2", "dynamo_kimi_k25", body=body, prompt=prompt_for("kimi_k25", inside))
        made.answer("one-shot", "{}")
        _, engine = serving("dynamo_kimi_k2", "dynamo_kimi_k25")
        assert engine.asked.require_reasoning is (inside is True)
        asked = engine.asked.sampling_params
        # What the prompt leaves open is in the grammar: SGLang would wait for a closer that may never come.
        opens = inside is None and kwargs.get("enable_thinking") is not False
        assert bool(asked.get("structural_tag")) is opens
        assert bool(asked.get("json_schema")) is not opens
        if opens:
            tag = json.loads(asked["structural_tag"])
            for text in ('{"city": "Paris"}', '<think>Why?</think>{"city": "Paris"}'):
                assert grammars.accepts(tag, text)
            for text in ("Paris.", "<think>Why?</think>Paris.", '{"city": 1}'):
                assert not grammars.accepts(tag, text)


def is_json(found: Any) -> None:
    kind, schema = found
    assert (kind, schema["type"]) == ("json_schema", "array")


@pytest.mark.parametrize(
    "names", [("Xanthippe", "Xanthippe"), ("f", "<|tool_call_end|>Xanthippe")], ids=["twice", "odd"]
)
def test_what_cannot_be_forced_is_logged_without_its_name(
    names: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """SGLang writes our error into its log; a function's name is the client's."""
    functions = [{"type": "function", "function": {"name": n, "parameters": {}, "strict": True}} for n in names]
    parser = FunctionCallParser([Tool(**function) for function in functions], "dynamo_kimi_k2")
    parser.get_structure_constraint("required")
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "name" in line
    assert "Xanthippe" not in line
