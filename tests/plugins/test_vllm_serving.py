"""vLLM's own serving of Chat Completions and Messages over our classes, with an engine that gives a set reply."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("vllm")

from dynamo_parsers.engines.whole import as_unicode, whole_part
from dynamo_parsers.registry import TOOL_ROWS, reasoning_row
from dynamo_parsers.rows import ToolRow
from vllm_harness import TOOLS, core_answer
from vllm_serving import CALL, WEATHER, chat, messages


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("reply", "reason", "said", "right"),
    [
        (f"<think>a</think>One.{CALL}", "stop", {}, ("a", "One.", [WEATHER], "tool_calls")),
        (f"<think>a</think>{CALL}", "length", {}, ("a", None, [WEATHER], "length")),
        (f"<think>a</think>{CALL[:60]}", "length", {}, ("a", None, [("get_weather", '{"city": "Z')], "length")),
        ("<think>a", "length", {}, ("a", None, [], "length")),
        ("<think>a</think>No.", "stop", {"tool_choice": "required"}, ("a", "No.", [], "stop")),
        (f"<think>a</think>{CALL}", "length", {"tool_choice": "required"}, ("a", None, [WEATHER], "length")),
        (f"<think>a</think>{CALL}", "stop", {"stop": ["</think>"]}, ("a", None, [], "stop")),
        (f"<think>a</think>{CALL}", "stop", {"stop": ["</tool_call>"]}, ("a", None, [WEATHER], "tool_calls")),
        (f"<think>a</think>{CALL}", "stop", {"include_reasoning": False}, (None, None, [WEATHER], "tool_calls")),
        ("<|im_end|>", "stop", {}, (None, None, [], "stop")),
    ],
)
def test_why_a_reply_ended(stream: bool, reply: str, reason: str, said: dict[str, object], right: object) -> None:
    """A cut reply is marked as cut, streamed or not: a client must not run half a call."""
    assert asyncio.run(chat("hermes", "qwen3", reply, reason, stream=stream, **said)) == right


def test_a_cut_call_in_messages() -> None:
    """Incomplete JSON is an HTTP 500 in vLLM; the official client makes the same of a stream."""
    for reply, given in (
        (f"<think>a</think>{CALL}", {"city": "Zürich", "days": 3}),
        (f"<think>a</think>{CALL[:60]}", {}),
        (f"<think>a</think>{CALL[: CALL.index('days')]}", {"city": "Zürich"}),
    ):
        made = asyncio.run(messages("hermes", "qwen3", reply, "length"))
        assert [(block.type, block.input) for block in made.content] == [("thinking", None), ("tool_use", given)]
        assert made.stop_reason == "max_tokens"
    made = asyncio.run(messages("hermes", "qwen3", f"<think>a</think>{CALL}", stop_sequences=["days"]))
    assert (made.stop_reason, made.stop_sequence) == ("stop_sequence", "days")
    assert made.content[-1].input == {"city": "Zürich"}


@pytest.mark.parametrize(
    ("arguments", "whole"),
    [
        ('{"a":  1}', '{"a":  1}'),
        ('{"a": {"b": [1, 2, "x', '{"a": {"b": [1, 2]}}'),
        ('{"a": 1, b: 2}', '{"a": 1}'),
        ('{"a": 1}}', '{"a": 1}'),
        ('{"a": tru', "{}"),
        ("", "{}"),
        ("[1]", "{}"),
        ('{"a":' * 100_000, "{}"),
    ],
)
def test_whole_part(arguments: str, whole: str) -> None:
    assert whole_part(arguments) == whole


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (r'{"a": "\ud83d\ude00", "b": 1}', r'{"a": "\ud83d\ude00", "b": 1}'),
        (r'{"a": "x\uD800", "b": 1}', '{"a": "x\ufffd", "b": 1}'),
        (r'{"\udc00": "\ud83d\ude00"}', '{"\ufffd": "\U0001f600"}'),
        (r'{"a": "\\ud800"}', r'{"a": "\\ud800"}'),
    ],
)
def test_half_characters_of_an_object(arguments: str, said: str) -> None:
    assert as_unicode(arguments) == said


@pytest.mark.parametrize("row", [row for row in TOOL_ROWS if row.pairs], ids=lambda row: row.name)
def test_requests_in_turns(row: ToolRow) -> None:
    """Many streams in one process, some of which their client leaves: nothing goes from one to another."""
    think = reasoning_row(row.pairs[0])
    thought = f"{think.open}{think.think.label}plan%d{think.close}" if think.frame is None and think.splits else ""

    def asked() -> Iterator[tuple[str, dict[str, Any]]]:
        for number in range(12):
            lead = thought % number if thought else ""
            yield f"{lead}Sure {number}.\n{row.sample}", {}
            yield f"{lead}Answer {number}.", {}
            yield f"{lead}Sure {number}.\n{row.sample}", {"tool_choice": "none"}

    async def leave() -> None:
        task = asyncio.create_task(chat(row.name, think.name, f"Gone.{row.sample}", stream=True))
        for _ in range(7):
            await asyncio.sleep(0)
        task.cancel()

    async def run() -> list[Any]:
        tasks = []
        for reply, said in asked():
            tasks.append(asyncio.create_task(chat(row.name, think.name, reply, stream=True, **said)))
            await leave()
        return await asyncio.gather(*tasks)

    for (reply, said), given in zip(asked(), asyncio.run(run()), strict=True):
        right = core_answer(reply, tool_parser=row.name, reasoning_parser=think.name, tools=TOOLS, **said)
        assert (given[0], given[1], tuple(given[2])) == (right.reasoning, right.content, right.calls)
