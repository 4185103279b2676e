"""What the tests of NVIDIA Dynamo's two chat processors share: its Python, a worker, and what a client gets."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from corpus import Case
from dynamo_parsers import Parser, fold
from dynamo_parsers.parser import named_choice
from parity import Answer, Refused

VERSION = "1.6.1"
TREE = Path(os.environ.get("DYNAMO_TREE", Path(__file__).resolve().parents[1] / ".cache" / f"dynamo-{VERSION}"))
"""Where `.ci/dynamo_source.py` has put Dynamo's Python."""


def of_chunks(envelopes: Sequence[Mapping[str, Any]]) -> Answer:
    """Chunks folded as the OpenAI clients do it. Raises AssertionError if they could not be."""
    reasoning = content = ""
    calls: dict[int, tuple[str, str, str]] = {}  # id, name, arguments
    finish: str | None = None
    for envelope in json.loads(json.dumps(envelopes)):
        data = envelope.get("data") or {}
        if "error" in envelope or "error" in data or envelope.get("event") == "error":
            raise Refused(envelope)
        for choice in data.get("choices", ()):
            delta = choice["delta"]
            reasoning += delta.get("reasoning_content") or ""
            content += delta.get("content") or ""
            for call in delta.get("tool_calls") or ():
                function = call["function"]
                if call["index"] in calls:
                    assert call["index"] == max(calls), f"a delta of call {call['index']} out of order"
                    assert call.get("id") is None
                    assert function.get("name") is None
                    call_id, name, arguments = calls[call["index"]]
                else:
                    assert call["id"], "the first delta of a call has its id"
                    assert function["name"], "the first delta of a call has its whole name"
                    call_id, name, arguments = call["id"], function["name"], ""
                calls[call["index"]] = call_id, name, arguments + (function.get("arguments") or "")
            if choice.get("finish_reason"):
                assert finish is None, "two finish reasons"
                finish = choice["finish_reason"]
    ids = tuple(call_id for call_id, _, _ in calls.values())
    assert len(set(ids)) == len(ids), "an id is given twice"
    assert list(calls) == sorted(calls), "calls out of order"
    return Answer(reasoning or None, content or None, tuple(call[1:] for call in calls.values()), finish, ids)


class Worker:
    """What Dynamo's processors ask of the router: it says `ids`, `tokens` at a time (None: all at once), and ends."""

    def __init__(self) -> None:
        self.steps: list[list[int]] = []
        self.finish = "stop"
        self.asked: dict[str, Any] = {}

    def will_say(self, ids: Sequence[int], tokens: int | None, eos: int | None, finish: str) -> None:
        size = tokens or max(len(ids), 1)
        self.steps = [list(ids[at : at + size]) for at in range(0, len(ids), size)] or [[]]
        if eos is not None and finish == "stop":
            self.steps[-1].append(eos)
        self.finish = finish

    async def generate(self, asked: dict[str, Any], context: object = None) -> AsyncIterator[Any]:
        self.asked = asked
        return self._said()

    async def _said(self) -> AsyncIterator[Any]:
        for number, ids in enumerate(self.steps):
            data = {"token_ids": ids, "index": 0}
            if number == len(self.steps) - 1:
                data["finish_reason"] = self.finish
            yield SimpleNamespace(is_error=lambda: False, comments=list, data=lambda data=data: data)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def run(task: Coroutine[Any, Any, Any]) -> Any:
    return _loop().run_until_complete(task)


def processor_of(
    module: Any, folder: object, make: Callable[[object, Worker], Coroutine[Any, Any, Any]]
) -> tuple[Any, Worker]:
    """What Dynamo's `module` makes for the model in `folder` and passes to its runtime, and its worker."""
    card = SimpleNamespace(
        model_type=lambda: SimpleNamespace(supports_chat=lambda: True),
        local_dir=lambda: str(folder),
        name=lambda: "m",
        runtime_config=dict,
    )
    worker = Worker()
    made: list[Any] = []
    engine, module.PythonAsyncEngine = module.PythonAsyncEngine, lambda said, _: made.append(said)
    try:
        run(make(card, worker))
    finally:
        module.PythonAsyncEngine = engine
    return made[0].__self__, worker


def core_answer(text: str, engine_finish: str = "stop", *, end_is_told: bool = True, **request: object) -> Answer:
    """What the core says of the same text."""
    parser = Parser(end_is_told=end_is_told, **request)  # type: ignore[arg-type]
    events = parser.feed(text)
    return Answer.of(fold([*events, *parser.finish()] if end_is_told else events, engine_finish))


def case_body(case: Case, *, tools: bool = True) -> dict[str, object]:
    """The request of a case, with or without its tools."""
    said: dict[str, object] = {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "parallel_tool_calls": case.request.parallel_tool_calls,
        "chat_template_kwargs": dict(case.request.chat_template_kwargs),
    }
    choice = case.request.tool_choice
    if tools and case.tools:
        named = named_choice(choice)
        said["tools"] = list(case.tools)
        if choice != "auto":
            said["tool_choice"] = choice if named is None else {"type": "function", "function": {"name": named}}
    return said


def refused(case: Case) -> str | None:
    """Why no such request or reply reaches a parser; None if it does."""
    declared = [tool.get("function", tool).get("name") for tool in case.tools or ()]
    named = named_choice(case.request.tool_choice)
    if named is not None and named not in declared:
        return "a named choice of an undeclared tool"
    if case.request.tool_choice == "required" and not declared:
        return "a choice without tools"
    if any("\ud800" <= char <= "\udfff" for char in case.reply):
        return "no tokenizer writes a lone surrogate"
    return None


def without(answer: Answer, tokens: Iterable[str]) -> Answer:
    """`answer` as it is if Dynamo removes these special tokens from the content."""
    content = answer.content or ""
    for token in sorted(tokens, key=len, reverse=True):
        content = content.replace(token, "")
    return replace(answer, content=content or None)
