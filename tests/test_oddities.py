"""What a guarded parser tells of a reply: each kind once, at most one warning, never the text."""

from __future__ import annotations

import logging

import pytest
from dynamo_parsers import fold, guarded
from dynamo_parsers.format import ToolFormat
from dynamo_parsers.guarded import GuardedParser
from dynamo_parsers.registry import TOOL_ROWS, tool_row
from dynamo_parsers.reply import Call

TOOLS = [{"name": name, "parameters": {"type": "object", "properties": {}}} for name in ("f", "get_weather")]
LABEL = "--tool-call-parser dynamo_hermes"


def read(raw: str, size: int) -> None:
    parser = GuardedParser("hermes", "qwen3", TOOLS, label=LABEL)
    for start in range(0, len(raw), size):
        parser.feed(raw[start : start + size])
    parser.finish()


CALL = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'
CASES = [
    (CALL, []),
    ("Hello <b>.", []),
    (CALL.replace("1}", "1,}"), ["recovered"]),
    (CALL.replace("1}", "True}"), ["recovered"]),
    (CALL.replace('"a"', "'a'"), ["recovered"]),
    (CALL.replace("\n</tool_call>", ""), ["recovered"]),
    (f"Use <tool_call> tags, <tool_call> twice. {CALL}", ["marker in prose"]),
    (CALL[: CALL.index("1")], ["truncated"]),
    (CALL.replace('"a": 1', '"a" secret') * 3, ["malformed"]),
    (CALL.replace('"a": 1', '"a" secret') + CALL.replace("1}", "1,}"), ["recovered", "malformed"]),
]


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(("raw", "kinds"), CASES, ids=[str(number) for number in range(len(CASES))])
def test_kinds(
    raw: str, kinds: list[str], size: int, told: list[tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "dynamo_parsers"):
        read(raw, size)
    assert sorted(told) == sorted((LABEL, kind) for kind in kinds)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == ("malformed" in kinds)
    assert all(LABEL in line and "character" in line and "secret" not in line for line in lines)


def test_a_defect_is_told(
    told: list[tuple[str, str]], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    parser = GuardedParser("hermes", "qwen3", TOOLS, label=LABEL)
    monkeypatch.setattr(parser._cursor.__class__, "feed", lambda self, text: 1 / 0)
    with caplog.at_level(logging.INFO, "dynamo_parsers"):
        parser.feed("secret")
        parser.feed("more")
        assert parser.finish() == []
    assert told == [(LABEL, "defect")]
    assert len(caplog.records) == 1
    assert "secret" not in caplog.records[0].getMessage()


@pytest.mark.parametrize("name", [row.name for row in TOOL_ROWS])
@pytest.mark.parametrize("size", [1, 7, 10000])
def test_a_defect_behind_the_head_of_a_call_loses_nothing(
    name: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call that was announced is content, as long as the client does not know of it."""
    parser = GuardedParser(name, None, TOOLS, label=LABEL)
    monkeypatch.setattr(Call, "arguments", lambda self, text: 1 / 0)
    row = tool_row(name)
    before = "Sure. " if isinstance(row.format, ToolFormat) else ""
    text = f"{before}{row.sample} The end."
    events = [event for at in range(0, len(text), size) for event in parser.feed(text[at : at + size])]
    message = fold(events + parser.finish())
    if message.tool_calls:  # the head had been handed on
        assert size < len(text)
        assert text.endswith((message.content or "").removeprefix(before))
    else:
        assert message.content == text


def test_a_watcher_that_fails_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "_watchers", [])
    guarded.watch(lambda label, kind: 1 / 0)  # type: ignore[func-returns-value]
    read("Use <tool_call> tags.", 3)
