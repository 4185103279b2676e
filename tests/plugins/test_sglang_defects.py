"""An exception in our code in SGLang fails no request, and a missing place of SGLang is reported."""

from __future__ import annotations

import logging

import pytest

pytest.importorskip("sglang")
pytest.importorskip("sglang_harness")  # before SGLang's own modules: it makes them importable here

import dynamo_parsers.sglang as plugin
from defects import Defect, fails, guarded_methods, open_methods
from dynamo_parsers.engines.places import Place, look
from dynamo_parsers.sglang import hooks
from dynamo_parsers.sglang.detectors import DynamoReasoningDetector, DynamoToolDetector
from dynamo_parsers.sglang.places import NEWEST, PLACES
from sglang_harness import VERSION, Exchange, chat_request

CLASSES = (DynamoReasoningDetector, DynamoToolDetector)
SAFE = {
    "__init__": "stores what SGLang gives",
    "label": "what the log shows",
    "parses_without_tools": "a constant",
    "get_json_schema_constraint": "SGLang's own",
    "supports_structural_tag": "a constant",
    "structure_info": "SGLang does not ask for it",
    "build_ebnf": "SGLang does not ask for it",
}
CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Zürich", "days": 3}}\n</tool_call>'
REPLY = f"<think>Why?</think>Sure.\n{CALL}\nThe end."


@pytest.mark.parametrize("owner", CLASSES)
def test_every_method_that_sglang_calls_is_guarded(owner: type) -> None:
    assert open_methods(owner) <= SAFE.keys()


def check_lines(caplog: pytest.LogCaptureFixture, name: str) -> None:
    lines = [each.getMessage() for each in caplog.records if "defect in" in each.getMessage()]
    assert lines, "it was not called, or nothing was said"
    for line in lines:
        assert name in line
        assert "Defect" in line
        assert "Zürich" not in line
        assert "Sure" not in line


@pytest.mark.parametrize(
    ("owner", "name"), list(guarded_methods(CLASSES)), ids=lambda each: getattr(each, "__name__", each)
)
def test_a_method_that_raises(
    owner: type, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(vars(owner)[name], "inner", fails)
    with caplog.at_level(logging.WARNING):
        for choice in ("auto", "required"):
            body = chat_request(tool_choice=choice, parallel_tool_calls=False)
            made = Exchange("dynamo_hermes", "dynamo_qwen3", body)
            for answer in (made.one_shot(REPLY), made.stream(REPLY, 3)):
                said = (answer.reasoning or "") + (answer.content or "") + str(answer.calls)
                assert "Zürich" in said
                if not (name == "finish" and owner is DynamoToolDetector):
                    assert "Sure." in said
    check_lines(caplog, name)


@pytest.mark.parametrize("hook", ["_before_prompt", "_after_prompt", "_tell_asked", "_refuses"])
def test_a_hook_that_raises(hook: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object) -> None:
        raise Defect("secret")

    broken.__name__ = hook
    monkeypatch.setattr(hooks, hook, broken)
    choice = "none" if hook == "_refuses" else "auto"
    made = Exchange("dynamo_hermes", "dynamo_qwen3", chat_request(tool_choice=choice))
    for answer in (made.one_shot(REPLY), made.stream(REPLY, 3)):
        assert "Sure." in (answer.reasoning or "") + (answer.content or "")
    check_lines(caplog, "_reads_calls" if hook == "_refuses" else hook)


def test_every_place_is_there() -> None:
    assert [place.name for place, present in look(PLACES, VERSION) if not present] == []


@pytest.mark.parametrize("place", [each for each in PLACES if each.expected(NEWEST)], ids=lambda place: place.name)
def test_a_place_that_is_gone_is_said(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is looked for under another name, as if SGLang had renamed it."""
    if not place.expected(VERSION):
        pytest.skip("this SGLang does not have it")
    renamed = Place(tuple(f"{each}_renamed" for each in place.where), place.lost)
    monkeypatch.setattr(plugin, "PLACES", tuple(renamed if each is place else each for each in PLACES))
    plugin.register()
    said = [each.getMessage() for each in caplog.records if "does not find what it needs" in each.getMessage()]
    assert len(said) == 1
    assert f"{place.name}_renamed ({place.lost})" in said[0]
    assert Exchange("dynamo_hermes", "dynamo_qwen3", chat_request()).one_shot(REPLY).calls
