"""Our chat templates in real servers: a whole agent loop with the official client, content formats, refusals.

What the model says is what the template writes for that message, so each prompt has to begin with the one before and
what was said to it; the server's count of prompt tokens, and vLLM's tokens themselves, say what it rendered.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import engine_client
import pytest
import templates
from dynamo_parsers.chat_templates import ChatTemplate, chat_template
from dynamo_parsers.demo.checkpoint import PAD
from dynamo_parsers.registry import tool_row
from dynamo_parsers.template_words import learn
from effort import night
from engine_server import MODEL_NAME, Server
from official import OFFICIAL, Unreachable
from openai import BadRequestError
from templates import TOOLS, TWO_CALLS, Subject, assistant, result

pytestmark = [pytest.mark.live, pytest.mark.own_server, night, pytest.mark.timeout(900)]

THINKING: dict[str, object] = {"enable_thinking": True}
SYSTEM = {"role": "system", "content": "Be brief."}


@dataclass(frozen=True)
class Setup:
    """A running server, and the template it was given."""

    engine: str
    server: Server
    subject: Subject

    def prompt(self, messages: templates.Chat, kwargs: Mapping[str, object], generate: bool = True) -> str:
        rendered = self.subject.prompt(messages, TOOLS, kwargs, generate)
        return rendered.replace(templates.BOS, PAD)

    def script(self, before: templates.Chat, message: Mapping[str, object], kwargs: Mapping[str, object]) -> str:
        """What the model has to say so that it says `message`, between the marks that make the demo model say it."""
        row = tool_row(self.subject.tool_parser)
        said = self.subject.said(before, message, TOOLS, kwargs).text.rstrip("\n").removesuffix(row.turn_end)
        return f"<<<SCRIPT{said}SCRIPT>>>"

    def ask(self, messages: list[Any], kwargs: Mapping[str, object] = THINKING) -> tuple[dict[str, Any], int]:
        """The message that comes back, as a client sends it on, and the number of tokens of the prompt."""
        whole = engine_client.openai_client(self.server).chat.completions.create(
            model=MODEL_NAME,
            messages=messages,
            tools=TOOLS,  # type: ignore[arg-type]
            max_tokens=1000,
            extra_body={"chat_template_kwargs": dict(kwargs)},
        )
        assert whole.usage is not None
        return whole.choices[0].message.model_dump(exclude_none=True), whole.usage.prompt_tokens

    def tokens(self, text: str) -> int:
        return engine_client.tokens(self.server.family, text)


@pytest.fixture(scope="module", params=["vllm", "sglang"])
def engine(request: pytest.FixtureRequest) -> str:
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is in another environment")
    return str(request.param)


# Packaged ones, and in the words of models.
SERVED = ["qwen3_coder", "gemma4_tool", "Qwen3.5", "Gemma 4", "Qwen3"]


@pytest.fixture(scope="module", params=SERVED)
def setup(
    engine: str,
    request: pytest.FixtureRequest,
    engine_servers: Callable[..., Server],
    tmp_path_factory: pytest.TempPathFactory,
) -> Setup:
    official = next((each for each in OFFICIAL if each.model == request.param), None)
    if official is None:
        return setup_of(engine, chat_template(request.param), engine_servers)
    try:
        own = official.own
    except Unreachable as error:
        pytest.skip(str(error))
    template = chat_template(official.template)
    learned = learn(template.text, own, template.name).text
    file = tmp_path_factory.mktemp("words") / "learned.jinja"
    file.write_text(learned, encoding="utf-8")
    return setup_of(engine, template, engine_servers, file)


def setup_of(
    engine: str, template: ChatTemplate, engine_servers: Callable[..., Server], file: Path | None = None
) -> Setup:
    """A server with the template, or with the one in a file in its place."""
    file = file or template.path
    flags = ["--chat-template", str(file)]
    if engine == "vllm":
        flags.append("--trust-request-chat-template")
    subject = replace(Subject.of(template), text=file.read_text(encoding="utf-8"))
    return Setup(engine, engine_servers(engine, template.tool_parser, *flags), subject)


def user(text: str, parts: bool) -> dict[str, object]:
    return {"role": "user", "content": [{"type": "text", "text": text}] if parts else text}


def test_agent_loop(setup: Setup) -> None:
    """Two calls at once, their results in the wrong order, the answer, and the next question."""
    calls = assistant("I look it up.", TWO_CALLS, reasoning="Both at once.\n")
    script = setup.script([SYSTEM, templates.FIRST_USER], calls, THINKING)
    chat: list[Any] = [SYSTEM, user(f"Weather in Zürich, and the time? {script}", parts=True)]
    reply, count = setup.ask(chat)
    assert count == setup.tokens(setup.prompt(chat, THINKING))
    assert templates.written_calls(reply) == templates.written_calls(calls)
    assert (reply["content"], reasoning_of(reply).strip()) == ("I look it up.", "Both at once.")
    before = setup.prompt(chat, THINKING)

    chat += [reply]
    first, second = (call["id"] for call in reply["tool_calls"])
    answer = assistant("Sunny; it is noon.", reasoning="All there.\n")
    results = [result("sunny", first), result("at noon", second)]
    script = setup.script(as_mappings([*chat, *results]), answer, THINKING)
    chat += [result(f"at noon {script}", second), result("sunny", first)]
    reply, count = setup.ask(chat)
    prompt = setup.prompt(as_mappings(chat), THINKING)
    assert count == setup.tokens(prompt)
    assert prompt.startswith(before)
    assert prompt.index("sunny") < prompt.index("at noon")
    assert (reply["content"], reasoning_of(reply).strip()) == ("Sunny; it is noon.", "All there.")

    chat += [reply, user("Thanks. <<<SCRIPTBye.SCRIPT>>>", parts=False)]
    off = {"enable_thinking": False}
    reply, count = setup.ask(chat, off)
    assert count == setup.tokens(setup.prompt(as_mappings(chat), off))
    assert (reply["content"], reasoning_of(reply)) == ("Bye.", "")


def reasoning_of(message: Mapping[str, Any]) -> str:
    return message.get("reasoning") or message.get("reasoning_content") or ""


def with_arguments(chat: list[Any], change: Callable[[Any], object]) -> list[Any]:
    """The messages with each call's arguments changed: as a client sends them, or as a server hands them over."""

    def changed(call: Mapping[str, Any]) -> dict[str, Any]:
        function = call["function"]
        return {**call, "function": {**function, "arguments": change(function["arguments"])}}

    return [
        {**message, "tool_calls": [changed(call) for call in message["tool_calls"]]}
        if "tool_calls" in message
        else message
        for message in chat
    ]


def as_mappings(chat: list[Any]) -> list[Any]:
    return with_arguments(chat, json.loads)


def test_parts_and_text_are_the_same_prompt(setup: Setup) -> None:
    """Whatever content format the engine found in the template, parts and text come out alike, null as nothing."""

    def chat(parts: bool) -> list[Any]:
        content: object = [{"type": "text", "text": "sunny"}] if parts else "sunny"
        asked = user("Weather? <<<SCRIPTYes.SCRIPT>>>", parts)
        answers = [result(content), result("late", templates.BOB)]
        chat = [{"role": "developer", "content": "Be brief."}, asked, assistant(None, TWO_CALLS), *answers]
        return with_arguments(chat, json.dumps)

    counts = [setup.ask(chat(parts))[1] for parts in (False, True)]
    assert counts[0] == counts[1] == setup.tokens(setup.prompt(as_mappings(chat(False)), THINKING))


@pytest.mark.parametrize("subject", templates.OURS, ids=[subject.name for subject in templates.OURS])
def test_vllm_renders_every_template(subject: Subject, engine_servers: Callable[..., Server]) -> None:
    """The tokens of each prompt of an agent loop are those of the text that transformers renders."""
    pytest.importorskip("vllm")
    setup = setup_of("vllm", chat_template("qwen3_coder"), engine_servers)
    encode = engine_client._tokenizer(setup.server.family).encode
    for mode in subject.modes:
        chat = templates.agent_loop(subject.reasons(mode))
        for end in (2, 5, 7, len(chat)):
            text = subject.prompt(chat[:end], TOOLS, mode).replace(templates.BOS, PAD)
            body = {"tools": TOOLS, "chat_template": subject.text, "chat_template_kwargs": mode}
            assert tokens_in_vllm(setup, chat[:end], **body) == encode(text, add_special_tokens=False).ids


def tokens_in_vllm(setup: Setup, chat: list[Any], **more: object) -> list[int]:
    """The tokens of a prompt, as vLLM renders it; content is handed in as parts, reasoning under vLLM's name for it."""

    def sent(message: Mapping[str, Any]) -> dict[str, Any]:
        made = {
            ("reasoning" if name == "reasoning_content" else name): value
            for name, value in message.items()
            if name != "content"
        }
        text = message["content"]
        return {**made, "content": [{"type": "text", "text": text}] if text else text}

    parts = [sent(message) for message in chat]
    body = {"model": MODEL_NAME, "messages": with_arguments(parts, json.dumps), **more}
    request = urllib.request.Request(
        f"{setup.server.url}/tokenize", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as reply:
        tokens: list[int] = json.loads(reply.read())["tokens"]
    return tokens


@pytest.mark.parametrize(
    ("chat", "sentence"),
    [
        pytest.param([{"role": "wizard", "content": "hi"}], "wizard", id="role"),
        pytest.param(
            [templates.FIRST_USER, assistant("I look.", TWO_CALLS), result("sunny", "call_of_another")],
            'answers the call "call_of_another", but the assistant made no call with this id',
            id="id",
        ),
        pytest.param([templates.FIRST_USER, result("sunny", "call_of_nobody")], "call_of_nobody", id="orphan"),
    ],
)
def test_refusals_are_400_with_a_sentence(setup: Setup, chat: list[Any], sentence: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        setup.ask(with_arguments(chat, json.dumps))
    assert caught.value.status_code == 400
    assert sentence in str(caught.value.body)
