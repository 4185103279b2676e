"""The demo model's checkpoint, as transformers loads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from dynamo_parsers.demo import checkpoint
from dynamo_parsers.demo.answer import INTRODUCTION, answer
from dynamo_parsers.demo.conversation import disguised, scripts, turns
from dynamo_parsers.demo.model import DemoModel
from dynamo_parsers.registry import TOOL_ROWS, reasoning_row
from dynamo_parsers.rows import ToolRow

transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.costly

TEXTS = [
    "",
    "plain",
    "  spaces\t\n\r\n ",
    "Grüße 日本語 \u200d👩‍👩‍👧 é \U0001f9ff",
    "\x00\x01\x7f\u2028\ufeff",
    '{"a": "\\n\\u00e9"}',
    "".join(map(chr, range(32, 0x250))),
]
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"properties": {"city": {}}}}}


@pytest.fixture(params=TOOL_ROWS, ids=lambda row: row.name)
def family(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ToolRow, DemoModel, object]:
    row: ToolRow = request.param
    model = DemoModel.of(row.name)
    checkpoint.write(tmp_path, model)
    return row, model, transformers.AutoTokenizer.from_pretrained(tmp_path)


def test_every_text_round_trips_and_markers_are_one_token(family) -> None:
    row, model, tokenizer = family
    special = {*row.special_tokens, row.turn_end}
    added = set(row.added_tokens)
    if model.reasoning_parser:
        reasoning = reasoning_row(model.reasoning_parser)
        special |= set(reasoning.special_tokens)
        added |= set(reasoning.added_tokens)
    for text in [*TEXTS, row.sample, "x".join(sorted(special | added))]:
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert tokenizer.decode(ids, skip_special_tokens=False) == text
    for marker in special | added:
        ids = tokenizer.encode(marker, add_special_tokens=False)
        assert len(ids) == 1, marker
        kept = tokenizer.decode(ids, skip_special_tokens=True)
        assert kept == ("" if marker in special else marker)


def test_the_same_family_gives_the_same_bytes(family, tmp_path: Path) -> None:
    _, model, _ = family
    assert checkpoint.write(tmp_path, model) == []
    assert checkpoint.files(model) == checkpoint.files(model)


def test_the_template_opens_and_closes_reasoning_as_asked(family) -> None:
    _, model, tokenizer = family

    def prompt(**kwargs: object) -> str:
        return tokenizer.apply_chat_template(
            [{"role": "user", "content": "hi"}], tokenize=False, add_generation_prompt=True, **kwargs
        )

    assert prompt().endswith("assistant\n")
    if model.think_open:
        for switch in ("enable_thinking", "thinking"):
            opened = "<think>\n" if model.think_open == "<think>" else "assistant\n"
            assert prompt(**{switch: True}).endswith(opened)
            assert prompt(**{switch: False}).endswith(f"{model.think_open}\n\n{model.think_close}\n\n")


def test_what_a_demo_model_answers(family) -> None:
    row, model, tokenizer = family

    def said(*messages: tuple[str, str], tools: list[object] | None = None) -> str:
        prompt = tokenizer.apply_chat_template(
            [{"role": role, "content": text} for role, text in messages],
            tools=tools,
            tokenize=False,
            add_generation_prompt=True,
        )
        found = answer(prompt, model)
        assert found is not None
        return found.text

    question = ("user", "What is the weather in New York today?")
    assert row.sample.replace("Paris", "New York") in said(question, tools=[WEATHER])
    assert said(question).endswith(INTRODUCTION)
    assert said(question, ("assistant", ""), ("tool", '{"sky": "clear"}'), tools=[WEATHER]).endswith('{"sky": "clear"}')
    script = f"a{row.sample}b"
    assert said(("user", f"x <<<SCRIPT\n{script}\nSCRIPT>>> y")) == script


def test_scripts_and_turns() -> None:
    assert scripts("<<<SCRIPT\na\nSCRIPT>>> and <<<SCRIPTbSCRIPT>>>") == ["a", "b"]
    assert scripts("<<<SCRIPT a") == []


def test_a_disguised_script_holds_no_marker() -> None:
    script = "<think>So.</think>[TOOL_CALLS]<｜tool▁call▁begin｜>◁/think▷ f"
    markers = ("<think>", "</think>", "[TOOL_CALLS]", "<｜tool▁call▁begin｜>", "◁/think▷", "functools")
    said = disguised(script, markers)
    assert not [marker for marker in markers if marker in said]
    assert scripts(f"x {said} y") == [script]
    assert turns("no template", "<|im_end|>") == []
