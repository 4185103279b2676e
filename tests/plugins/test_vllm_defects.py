"""An exception in our code around the core fails no request: each method that vLLM calls is made to raise.

The reply goes on as content, and the log has a line without its text. What is for the client (HTTP 400) is not caught.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

pytest.importorskip("vllm")

from defects import Defect, fails, guarded_methods, open_methods
from dynamo_parsers.vllm import hooks, parsers
from dynamo_parsers.vllm.harmony_parser import DynamoHarmonyParser
from dynamo_parsers.vllm.parser import DynamoParser
from dynamo_parsers.vllm.parsers import DynamoReasoningParser, DynamoToolParser
from vllm_gpt_oss import CALL as HARMONY_CALL
from vllm_gpt_oss import exchange as gpt_oss
from vllm_gpt_oss import responses
from vllm_harness import Exchange, chat_request, tokenizer_for
from vllm_serving import CALL, chat, messages

CLASSES = (DynamoParser, DynamoHarmonyParser, DynamoReasoningParser, DynamoToolParser)
SAFE = {
    "__init__": "vLLM makes one at the start, and refuses a tokenizer that way",
    "label": "what the log shows",
    "row": "a value",
    "reasoning_start_str": "a value of the row",
    "reasoning_end_str": "a value of the row",
    "frames_reply": "a value of the row",
    "prompt_ends_inside": "a value",
    "is_closed": "for our own methods",
    "opens_thoughts": "for our own methods",
    "starts_inside": "for our own methods",
    "tag_of": "called by guarded methods",
    "tools_of": "for our own methods",
    "adjust_initial_state_from_prompt": "calls a guarded method",
    "adjust_request": "vLLM's own, around guarded methods",
    "has_engine_confirmed_reasoning_end": "a value",
    "get_remaining_unstreamed_args": "a constant",
}
REPLY = f"<think>Why?</think>Sure.\n{CALL}\nThe end."


METHODS = [pytest.param(*each, id=f"{each[0].__name__}.{each[1]}") for each in guarded_methods(CLASSES)]


@pytest.mark.parametrize("owner", CLASSES)
def test_every_method_that_vllm_calls_is_guarded(owner: type) -> None:
    assert open_methods(owner) <= SAFE.keys()


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


def check_lines(caplog: pytest.LogCaptureFixture, name: str, requests: int) -> None:
    lines = [line for line in warnings_of(caplog) if "defect" in line]
    assert lines, "it was not called, or nothing was said"
    # A request has a parser that adjusts it and one that reads its reply.
    assert len(lines) <= 2 * requests
    for line in lines:
        assert name in line
        assert "Defect" in line
        assert "dynamo_" in line
        assert "Paris" not in line
        assert "Sure" not in line


@pytest.mark.parametrize(("owner", "name"), [each for each in METHODS if each.values[0] is not DynamoHarmonyParser])
def test_a_method_that_raises(
    owner: type, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Through vLLM's serving of chat and Messages, with our halves in one object and beside halves of vLLM's."""
    monkeypatch.setattr(vars(owner)[name], "inner", fails)
    for stream in (False, True):
        reasoning, content, calls, _ = asyncio.run(
            chat("hermes", "qwen3", REPLY, stream=stream, tool_choice="auto", response_format=ANSWER)
        )
        said = (reasoning or "") + (content or "") + "".join(arguments for _, arguments in calls)
        assert "Sure." in said
        assert "Zürich" in said
        assert "The end." in said
    made = asyncio.run(messages("hermes", "qwen3", REPLY))
    assert made.content
    for tool, beside in (("dynamo_hermes", "qwen3"), ("hermes", "dynamo_qwen3"), ("dynamo_hermes", None)):
        mixed = Exchange(tool, beside, chat_request(), tokenizer=tokenizer_for("hermes", "qwen3"))
        for answer in (mixed.one_shot(REPLY), mixed.stream(REPLY, 3)):
            assert "Sure." in (answer.reasoning or "") + (answer.content or "")
        adjusted = mixed.parser()
        adjusted.is_reasoning_end([])
        if adjusted._reasoning_parser is not None:
            adjusted._reasoning_parser.is_reasoning_end_streaming([1], [1])
            adjusted._reasoning_parser.extract_content_ids([1])
        adjusted.count_reasoning_tokens([1])
        if isinstance(adjusted._tool_parser, DynamoToolParser):
            adjusted._tool_parser.get_structural_tag(chat_request(tool_choice="required"))
        if hasattr(adjusted, "set_history_tool_call_count"):
            adjusted.set_history_tool_call_count(1)
    required = Exchange("dynamo_hermes", "dynamo_qwen3", chat_request(tool_choice="required"))
    assert required.one_shot(REPLY) is not None
    check_lines(caplog, name, 20)


ANSWER = {"type": "json_object"}
"""So that the constraint of an answer is made, too."""


@pytest.mark.parametrize(("owner", "name"), [each for each in METHODS if each.values[0] is DynamoHarmonyParser])
def test_a_method_for_gpt_oss_that_raises(
    owner: type, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(vars(owner)[name], "inner", fails)
    reply = f"<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary {HARMONY_CALL}<|call|>"
    made = gpt_oss()
    assert made.one_shot(reply).calls
    made.parser().count_reasoning_tokens([1])
    made.parser().is_reasoning_end([])
    if name in ("process_chunk", "flush"):
        made_of, _ = responses(reply, 5)
        assert name == "flush" or "Paris" in str(made_of.items)
    check_lines(caplog, name, 3)


@pytest.mark.parametrize("where", ["feed", "finish", "_numbered"])
@pytest.mark.parametrize("tokens", [1, 5, None])
def test_a_stream_goes_on_as_content_from_where_it_broke(
    where: str, tokens: int | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No text that was read and not yet output is lost, and none is output twice."""
    made = Exchange("dynamo_hermes", "dynamo_qwen3")
    inner = getattr(parsers.Reading, where)
    count = 0

    def fails_later(self: Any, *args: Any) -> Any:
        nonlocal count
        count += 1
        if count > 4 or where == "finish" or tokens is None:
            raise Defect("secret")
        return inner(self, *args)

    monkeypatch.setattr(parsers.Reading, where, fails_later)
    answer = made.stream(REPLY, tokens)
    said = (answer.reasoning or "") + (answer.content or "") + "".join(each for _, each in answer.calls)
    for piece in ("Why?", "Sure.", "Zürich", "The end."):
        assert said.count(piece) == 1, said
    assert len([line for line in warnings_of(caplog) if "defect" in line]) == 1


def test_what_is_for_the_client_is_not_caught() -> None:
    strict = {"type": "function", "function": {"name": "f", "parameters": {"type": "nothing"}, "strict": True}}
    with pytest.raises(Exception, match="not a JSON Schema"):
        Exchange("dynamo_hermes", "dynamo_qwen3", chat_request([strict], tool_choice="required"))


@pytest.mark.parametrize("hook", ["_settle_reasons", "_make_whole", "_prompt_of"])
def test_a_hook_that_raises(hook: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(hooks, hook, fails)
    given = asyncio.run(chat("hermes", "qwen3", f"<think>a</think>Sure.{CALL[:60]}", "length"))
    assert given[1] == "Sure."
    if hook != "_make_whole":  # vLLM's own answer to a cut call is HTTP 500
        assert asyncio.run(messages("hermes", "qwen3", REPLY)).content


def test_the_oddities_of_a_reply_are_the_tool_parsers(monkeypatch: pytest.MonkeyPatch) -> None:
    from dynamo_parsers import guarded as core

    told: list[tuple[str, str]] = []
    monkeypatch.setattr(core, "_watchers", [lambda label, kind: told.append((label, kind))])
    Exchange("dynamo_hermes", "dynamo_qwen3").stream(REPLY[:-40])
    Exchange("dynamo_hermes", "dynamo_qwen3").one_shot(REPLY[:-40])
    assert {label for label, _ in told} == {"--tool-call-parser dynamo_hermes"}
