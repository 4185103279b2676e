"""`dynamo_response_template` in vLLM's own serving: what a checkpoint's tokenizer declares, parsed and refused."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("vllm")

import vllm_serving
from declared import DECLARED, Declared, checkpoint_of, reply_of
from dynamo_parsers.demo.model import DemoModel
from dynamo_parsers.registry import TOOL_ROWS, reasoning_row
from dynamo_parsers.response_templates.families import Unsayable, template_of_family
from dynamo_parsers.response_templates.patterns import Refused
from dynamo_parsers.vllm import register
from vllm.entrypoints.openai.chat_completion.serving import OpenAIServingChat
from vllm.reasoning import ReasoningParserManager
from vllm.tokenizers import get_tokenizer
from vllm.tool_parsers import ToolParserManager

register()
NAME = "dynamo_response_template"


def served(monkeypatch: pytest.MonkeyPatch, folder: Path, tool: str, reasoning: str) -> None:
    """Have the harness serve this folder."""
    monkeypatch.setattr(vllm_serving, "demo_model", lambda *_: (DemoModel.of("hermes"), folder))
    monkeypatch.setattr(vllm_serving, "tokenizer_for", lambda *_: get_tokenizer(str(folder)))
    made: Any = vllm_serving.serving.__wrapped__(OpenAIServingChat, tool, reasoning)
    monkeypatch.setattr(vllm_serving, "serving", lambda *_: made)


@pytest.mark.parametrize("parser", ["response_template", "auto"])
@pytest.mark.parametrize("declared", DECLARED.values(), ids=DECLARED)
def test_replies(declared: Declared, parser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, checkpoint_of(tmp_path, declared.spec), parser, parser)
    calls = [("get_weather", declared.quotes), ("get_weather", declared.arguments)]
    right = ("I look.", "One moment:", calls, "tool_calls")
    for stream in (False, True):
        reply = reply_of(declared, declared.quoted + declared.call)
        assert asyncio.run(vllm_serving.chat("", None, reply, stream=stream)) == right


def test_arguments_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, checkpoint_of(tmp_path, DECLARED["tags"].spec), "response_template", "response_template")
    call = DECLARED["tags"].call.replace("Paris", "Paris " * 40)
    cut = asyncio.run(vllm_serving.chat("", None, call[: call.index("days")], "length", stream=True))
    assert cut[2] == [("get_weather", '{"city":"' + ("Paris " * 40) + '"')]


def test_a_checkpoint_that_declares_nothing_is_refused(tmp_path: Path) -> None:
    tokenizer = get_tokenizer(str(checkpoint_of(tmp_path, None)))
    for asked in (ToolParserManager.get_tool_parser(NAME), ReasoningParserManager.get_reasoning_parser(NAME)):
        with pytest.raises(Refused, match="the tokenizer has no response_template"):
            asked(tokenizer)


def test_the_server_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {**DECLARED["json"].spec, "version": 2}
    with pytest.raises((Refused, TypeError), match="version 2"):
        served(monkeypatch, checkpoint_of(tmp_path, spec), "response_template", "response_template")


def test_what_cannot_be_served_is_refused_with_the_reason(tmp_path: Path) -> None:
    spec = {**DECLARED["json"].spec, "version": 2}
    with pytest.raises(Refused, match="version 2"):
        ToolParserManager.get_tool_parser(NAME)(get_tokenizer(str(checkpoint_of(tmp_path, spec))))


def test_vllms_own_parser_takes_what_we_write_for_families() -> None:
    own = pytest.importorskip("vllm.parser.response_template", reason="vLLM has its parser since 0.32")
    taken = 0
    for row in TOOL_ROWS:
        with contextlib.suppress(Unsayable):
            made = template_of_family(row, reasoning_row(row.pairs[0]), "<assistant>")
            if made["fields"]["tool_calls"]["content"] != "python-call-list":  # type: ignore[index]
                taken += bool(own.validate_response_template_for_serving(made).fields)
    assert taken >= 12
