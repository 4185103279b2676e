"""`dynamo_auto` in SGLang's launch, and what is counted and logged of replies in SGLang's serving."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("sglang")
pytest.importorskip("sglang_harness")  # before SGLang's own modules: it makes them importable here

from dynamo_parsers.demo import checkpoint
from dynamo_parsers.demo.model import DemoModel
from dynamo_parsers.detect import NotConclusive
from dynamo_parsers.registry import TOOL_ROWS, reasoning_row, tool_row
from parity import prompt_for
from sglang.srt.function_call.function_call_parser import FunctionCallParser
from sglang.srt.parser.reasoning_parser import ReasoningParser
from sglang_harness import TOOLS, Exchange, chat_request, launched

AUTO = "dynamo_auto"


@contextmanager
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Our lines of level INFO and above."""
    said: list[str] = []
    caplog.clear()
    with caplog.at_level(logging.INFO, "dynamo_parsers"):
        yield said
    said += [each.getMessage() for each in caplog.records if each.name.startswith("dynamo_parsers")]


@pytest.mark.parametrize("name", [row.name for row in TOOL_ROWS if row.name != "default"])
def test_the_pair_is_the_models(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoint.write(tmp_path, DemoModel.of(name))
    with lines(caplog) as said:
        tool, reasoning = launched(tmp_path)
    assert tool == f"dynamo_{name}"
    assert reasoning is not None
    assert reasoning_row(reasoning) in [reasoning_row(each) for each in tool_row(name).pairs]
    assert FunctionCallParser.ToolCallParserEnum[tool].row is tool_row(name)
    assert reasoning in ReasoningParser.DetectorMap
    (line,) = said
    assert line.startswith(f"dynamo_auto chose dynamo_{name} with dynamo_")


def test_only_what_is_asked_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoint.write(tmp_path, DemoModel.of("kimi_k2"))
    assert launched(tmp_path, tool_call_parser="dynamo_hermes") == ("dynamo_hermes", "dynamo_kimi_k2")
    assert launched(tmp_path, reasoning_parser=None) == ("dynamo_kimi_k2", None)
    with lines(caplog) as said:
        assert launched(tmp_path, tool_call_parser="hermes", reasoning_parser="qwen3") == ("hermes", "qwen3")
    assert not said


def test_what_is_not_conclusive_is_refused(tmp_path: Path) -> None:
    checkpoint.write(tmp_path, DemoModel.of("default"))
    for flags in ({}, {"reasoning_parser": None}, {"tool_call_parser": None}):
        with pytest.raises(NotConclusive, match="no parser can be chosen"):
            launched(tmp_path, **flags)


def test_a_model_without_reasoning_is_refused(tmp_path: Path) -> None:
    model = DemoModel.of("mistral").model_copy(update={"reasoning_parser": None, "think_open": "", "think_close": ""})
    checkpoint.write(tmp_path, model)
    with pytest.raises(NotConclusive, match="leave the flag out"):
        launched(tmp_path)
    assert launched(tmp_path, reasoning_parser=None) == ("dynamo_mistral", None)


def test_the_name_is_no_parser_of_its_own() -> None:
    """Where a parser is asked for by name in a request, there is nothing to choose by."""
    with pytest.raises(ValueError, match="name the parser itself"):
        FunctionCallParser([], AUTO)
    with pytest.raises(ValueError, match="name the parser itself"):
        ReasoningParser(AUTO)


# --- what was odd


CALL = Exchange("dynamo_kimi_k2", "dynamo_kimi_k25", prompt=prompt_for("kimi_k25", False))
SAMPLE = tool_row("kimi_k2").sample
MALFORMED = SAMPLE.replace('"city": "Paris"', '"city" secret')
TRUNCATED = SAMPLE[: SAMPLE.index("Paris") + 2]

ODD = [
    ("fine", f"Sure. {SAMPLE}", []),
    ("prose", "Hello <b>.", []),
    ("malformed", MALFORMED, ["malformed"]),
    ("malformed twice", MALFORMED + MALFORMED, ["malformed"]),
    ("truncated", TRUNCATED, ["truncated"]),
]
COMPOSITIONS = {
    "both": ("dynamo_kimi_k2", "dynamo_kimi_k25"),
    "tool": ("dynamo_kimi_k2", None),
    "beside": ("dynamo_kimi_k2", "qwen3"),
}


@pytest.mark.parametrize("mode", ["one-shot", "1", "5", "all"])
@pytest.mark.parametrize("composition", COMPOSITIONS)
@pytest.mark.parametrize(("reply", "kinds"), [each[1:] for each in ODD], ids=[each[0] for each in ODD])
def test_odd_replies(
    reply: str,
    kinds: list[str],
    composition: str,
    mode: str,
    told: list[tuple[str, str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each kind is reported once per reply under the tool parser's name, in at most one line and without the text."""
    tool, reasoning = COMPOSITIONS[composition]
    prompt = prompt_for("kimi_k25", False) if composition == "both" else None
    body = chat_request(TOOLS, chat_template_kwargs={"enable_thinking": False})
    made = Exchange(tool, reasoning, prompt=prompt, body=body)
    made.answer(mode, "Hello.")
    told.clear()
    with lines(caplog) as said:
        made.answer(mode, reply)
    assert told == [("tool parser dynamo_kimi_k2", kind) for kind in kinds]
    assert len(said) == ("malformed" in kinds)
    assert all("dynamo_kimi_k2" in line and "secret" not in line for line in said)


@pytest.mark.parametrize("mode", ["one-shot", "1"])
def test_a_defect_is_told_once(mode: str, told: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(tool_row("kimi_k2").format), "read", lambda *_: 1 / 0)
    CALL.answer(mode, f"Sure. {SAMPLE}")
    assert [kind for _, kind in told] == ["defect"]


COUNTED = """
import os, sys, tempfile
with tempfile.TemporaryDirectory() as folder:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # what SGLang does before it serves, with --enable-metrics
    sys.path[:0] = [sys.argv[1], sys.argv[1] + "/support"]
    from sglang_harness import Exchange
    for mode in ("one-shot", "1"):
        Exchange("dynamo_kimi_k2", "dynamo_kimi_k25").answer(mode, "</think>" + sys.argv[2])
    from prometheus_client import CollectorRegistry, generate_latest, multiprocess
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    print(generate_latest(registry).decode())
"""


def test_the_counter_is_in_sglangs_registry() -> None:
    """In a process of its own: prometheus_client decides at its import how processes share values."""
    ran = subprocess.run(
        [sys.executable, "-c", COUNTED, str(Path(__file__).resolve().parents[1]), MALFORMED],
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    found = [line for line in ran.stdout.splitlines() if line.startswith("dynamo_parsers_oddities_total{")]
    assert found == ['dynamo_parsers_oddities_total{kind="malformed",parser="dynamo_kimi_k2"} 2.0']
