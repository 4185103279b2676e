"""`dynamo_response_template` in SGLang's launch and serving: what a checkpoint's tokenizer declares."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sglang")
pytest.importorskip("sglang_harness")  # before SGLang's own modules: it makes them importable here

import sglang_harness
from declared import DECLARED, Declared, checkpoint_of, reply_of
from dynamo_parsers.response_templates.patterns import Refused
from effort import night
from sglang.srt.function_call.function_call_parser import FunctionCallParser
from sglang_harness import Exchange, launched
from transformers import AutoTokenizer

NAME = "dynamo_response_template"
BOTH = {"tool_call_parser": NAME, "reasoning_parser": NAME}
VARIABLE = "DYNAMO_PARSERS_RESPONSE_TEMPLATE"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a launch publishes ends with the test."""
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv(VARIABLE)


@pytest.mark.parametrize("flags", [BOTH, {}], ids=["response_template", "auto"])
@pytest.mark.parametrize("declared", DECLARED.values(), ids=DECLARED)
def test_replies(
    declared: Declared, flags: dict[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkpoint_of(tmp_path, declared.spec)
    tool, reasoning = launched(folder, **flags)
    assert tool is not None
    assert tool == reasoning
    assert tool.startswith(f"{NAME}-")
    monkeypatch.setattr(sglang_harness, "model_folder", lambda *_: folder)
    monkeypatch.setattr(sglang_harness, "tokenizer_for", lambda *_: AutoTokenizer.from_pretrained(folder))
    made = sglang_harness._serving.__wrapped__(tool, reasoning, None)
    monkeypatch.setattr(sglang_harness, "serving", lambda *_: made)
    for mode in ("one-shot", "1", "5", "all"):
        answer = Exchange(tool, reasoning).answer(mode, reply_of(declared, declared.quoted + declared.call))
        assert (answer.reasoning, answer.content) == ("I look.", "One moment:")
        assert answer.calls == (("get_weather", declared.quotes), ("get_weather", declared.arguments))


@night
def test_other_processes_of_the_server_know_the_parsers(tmp_path: Path) -> None:
    """They get the launch's arguments, in which the parser has its own name, and its environment."""
    tool, _ = launched(checkpoint_of(tmp_path, DECLARED["lines"].spec), **BOTH)
    asked = (
        "import sglang_harness; from dynamo_parsers.sglang import register; register();"
        "from sglang.srt.function_call.function_call_parser import FunctionCallParser as Parser;"
        f"print(type(Parser([], {tool!r}).detector).row.name)"
    )
    paths = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", asked],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.endswith(f"{tool.removeprefix('dynamo_') if tool else ''}\n"), done.stderr[-2000:]


def test_what_cannot_be_served_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="the tokenizer has no response_template"):
        launched(checkpoint_of(tmp_path / "none", None), **BOTH)
    spec = json.loads(json.dumps(DECLARED["json"].spec))
    del spec["fields"]["thinking"]
    folder = checkpoint_of(tmp_path / "calls", spec)
    with pytest.raises(Refused, match="no field of reasoning"):
        launched(folder, **BOTH)
    assert VARIABLE not in os.environ
    assert launched(folder, tool_call_parser=NAME, reasoning_parser=None)[0] in FunctionCallParser.ToolCallParserEnum
