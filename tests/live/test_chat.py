"""/v1/chat/completions of a real vLLM with our parsers, through the official `openai` client, streamed and not."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from engine_client import CHAT_TOOLS, chat, chats, kimi_k2, openai_client, tokens
from engine_server import MODEL_NAME, Server

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

PARIS = ("get_weather", '{"city": "Paris", "days": 3}')
ROME = ("get_weather", '{"city": "Rome"}')
TIME = ("get_time", '{"timezone": "Europe/Rome"}')

streams = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture
def server(servers: Callable[..., Server]) -> Server:
    return servers("kimi_k2")


@streams
def test_reasoning_then_content_then_call(server: Server, stream: bool) -> None:
    reply = chat(server, f"I should look it up.</think>One moment.{kimi_k2(PARIS)}", stream=stream)
    assert reply.said == ("I should look it up.", "One moment.", [PARIS])
    assert reply.ids == ["functions.get_weather:0"]
    assert reply.finish == "tool_calls"


@streams
def test_a_call_ends_reasoning(server: Server, stream: bool) -> None:
    reply = chat(server, f"I should look it up.{kimi_k2(PARIS)}", stream=stream)
    assert reply.said == ("I should look it up.", "", [PARIS])
    assert reply.finish == "tool_calls"


@streams
def test_parallel_calls(server: Server, stream: bool) -> None:
    reply = chat(server, f"Two.</think>{kimi_k2(PARIS, ROME, TIME)}", stream=stream)
    assert reply.said == ("Two.", "", [PARIS, ROME, TIME])
    assert reply.ids == ["functions.get_weather:0", "functions.get_weather:1", "functions.get_time:2"]
    assert reply.finish == "tool_calls"


@streams
def test_content_around_calls(server: Server, stream: bool) -> None:
    script = f"</think>First.\n\n{kimi_k2(PARIS)}\nThen.\n{kimi_k2(TIME)}\nThat is all."
    reply = chat(server, script, stream=stream)
    assert reply.said == ("", "First.\n\n\nThen.\n\nThat is all.", [PARIS, TIME])
    assert len(set(reply.ids)) == 2


@streams
def test_no_call(server: Server, stream: bool) -> None:
    reply = chat(server, "Nothing to do.</think>\n\nHello, you. Use <|tool_call_begin|> with care.", stream=stream)
    assert reply.said == ("Nothing to do.", "Hello, you. Use <|tool_call_begin|> with care.", [])
    assert reply.finish == "stop"


@streams
def test_markers_in_an_argument(server: Server, stream: bool) -> None:
    arguments = '{"city": "<|tool_call_end|> </think> Zürich 👋 \\" {"}'
    reply = chat(server, f"</think>{kimi_k2(('get_weather', arguments))}", stream=stream)
    assert reply.said == ("", "", [("get_weather", arguments)])


@streams
def test_one_character_a_token(server: Server, stream: bool) -> None:
    script = f"Ünüsual 👋 thought.</think>日本 🎌{kimi_k2(PARIS)}"
    reply = chat(server, script, stream=stream, xargs={"script_split": 1})
    assert reply.said == ("Ünüsual 👋 thought.", "日本 🎌", [PARIS])


@streams
def test_cut_off_in_an_argument(server: Server, stream: bool) -> None:
    """What was streamed stays, and so does an earlier call."""
    begin = f"Two.</think>{kimi_k2(PARIS, ROME)}".removesuffix('me"}<|tool_call_end|><|tool_calls_section_end|>')
    reply = chat(server, begin + "x" * 900, stream=stream, max_tokens=tokens("kimi_k2", begin) + 5)
    assert reply.reasoning == "Two."
    assert reply.content == ""
    assert reply.calls[0] == PARIS
    name, arguments = reply.calls[1]
    assert name == "get_weather"
    assert arguments.startswith('{"city": "Rox')
    assert set(arguments.removeprefix('{"city": "Ro')) == {"x"}
    assert reply.finish == "length"


@streams
@pytest.mark.parametrize("begin", ["<|tool_calls_section_begin|>", kimi_k2(PARIS)[:60]])
def test_cut_off_before_a_call_fits(server: Server, stream: bool, begin: str) -> None:
    begin = f"Why?</think>Sure.{begin}"
    reply = chat(server, begin + "x" * 100, stream=stream, max_tokens=tokens("kimi_k2", begin))
    assert reply.said == ("Why?", "Sure.", [])
    assert reply.finish == "length"


@streams
def test_cut_off_in_reasoning(server: Server, stream: bool) -> None:
    reply = chat(server, "I am thinking " + "about it " * 50, stream=stream, max_tokens=20)
    assert reply.content == ""
    assert reply.reasoning.startswith("I am thinking about it")
    assert reply.finish == "length"


@streams
def test_no_tools(server: Server, stream: bool) -> None:
    """Without tools no call is returned, and the markup is text."""
    reply = chat(server, f"Why?</think>Sure. {kimi_k2(PARIS)}", stream=stream, tools=None)
    assert reply.said == ("Why?", f"Sure. {kimi_k2(PARIS)}", [])
    assert reply.finish == "stop"


@streams
def test_tool_choice_none(server: Server, stream: bool) -> None:
    reply = chat(server, f"Why?</think>Sure. {kimi_k2(PARIS)} Done.", stream=stream, tool_choice="none")
    assert reply.said == ("Why?", "Sure.  Done.", [])
    assert reply.finish == "stop"


@streams
@pytest.mark.parametrize("thinking", [True, False])
def test_required(server: Server, stream: bool, thinking: bool) -> None:
    """The grammar requires calls, after reasoning or at once. What it refuses is in `test_forced.py`."""
    reply = chat(
        server,
        ("Why?</think>" if thinking else "") + kimi_k2(PARIS, TIME),
        stream=stream,
        tool_choice="required",
        body={"chat_template_kwargs": {"thinking": thinking}},
    )
    assert reply.said == ("Why?" if thinking else "", "", [PARIS, TIME])
    assert reply.finish == "tool_calls"


@streams
@pytest.mark.parametrize("thinking", [True, False])
def test_named(server: Server, stream: bool, thinking: bool) -> None:
    reply = chat(
        server,
        ("Why?</think>" if thinking else "") + kimi_k2(PARIS),
        stream=stream,
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        body={"chat_template_kwargs": {"thinking": thinking}},
    )
    assert reply.said == ("Why?" if thinking else "", "", [PARIS])
    assert reply.finish == "stop"


@streams
def test_one_call_only(server: Server, stream: bool) -> None:
    reply = chat(server, f"</think>{kimi_k2(PARIS)}", stream=stream, parallel_tool_calls=False)
    assert reply.said == ("", "", [PARIS])
    assert reply.finish == "tool_calls"


@streams
def test_two_choices(server: Server, stream: bool) -> None:
    replies = chats(server, f"Why?</think>Sure.{kimi_k2(PARIS, TIME)}", stream=stream, n=2, temperature=1.0)
    assert [reply.said for reply in replies] == [("Why?", "Sure.", [PARIS, TIME])] * 2
    assert [reply.finish for reply in replies] == ["tool_calls"] * 2


@streams
@pytest.mark.parametrize(("thinking", "prefix"), [(True, ""), (False, ""), (None, ""), (None, "<think>")])
def test_the_prompt_says_how_the_reply_starts(server: Server, stream: bool, thinking: bool | None, prefix: str) -> None:
    """The demo template leaves reasoning open, closes it, or says nothing of it."""
    body = {} if thinking is None else {"chat_template_kwargs": {"thinking": thinking}}
    script = f"{prefix}Why?</think>Sure." if thinking is not False else "Sure."
    reply = chat(server, script, stream=stream, body=body)
    assert reply.said == ("Why?" if thinking is not False else "", "Sure.", [])


@streams
def test_reasoning_in_the_history(server: Server, stream: bool) -> None:
    """A closed block of an earlier turn says nothing of this reply."""
    history = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "reasoning_content": "old", "content": "Hello."},
        {"role": "user", "content": "more"},
    ]
    reply = chat(server, "Why?</think>Sure.", stream=stream, messages=history)
    assert reply.said == ("Why?", "Sure.", [])


@streams
def test_reasoning_left_out(server: Server, stream: bool) -> None:
    script = f"Why?</think>Sure.{kimi_k2(PARIS)}"
    reply = chat(server, script, stream=stream, body={"include_reasoning": False})
    assert reply.said == ("", "Sure.", [PARIS])


@streams
def test_reasoning_tokens(server: Server, stream: bool) -> None:
    thought = "I should look up the weather in Paris."
    reply = chat(server, f"{thought}</think>Sure.{kimi_k2(PARIS)}", stream=stream)
    assert reply.reasoning_tokens == tokens("kimi_k2", thought)
    reply = chat(server, "Sure.", stream=stream, body={"chat_template_kwargs": {"thinking": False}})
    assert reply.reasoning_tokens == 0


@streams
def test_json_reply(server: Server, stream: bool) -> None:
    """A `response_format`: the grammar starts after reasoning, and JSON is content."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    reply = chat(
        server,
        '<think>Why?</think>{"city": "Paris"}',
        stream=stream,
        tools=None,
        response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": schema}},
    )
    assert reply.said == ("Why?", '{"city": "Paris"}', [])


@streams
def test_stop_string(server: Server, stream: bool) -> None:
    """The engine holds text back, and what came before the stop is whole."""
    reply = chat(server, f"Why?</think>Sure.{kimi_k2(PARIS)} ENOUGH of that.", stream=stream, stop=["ENOUGH"])
    assert reply.said == ("Why?", "Sure.", [PARIS])
    assert reply.finish == "tool_calls"


def test_arguments_stream(server: Server) -> None:
    """A long argument comes in many pieces, not at its end."""
    arguments = json.dumps({"city": "Paris, the capital of France, " * 20})
    reply = chat(server, f"</think>{kimi_k2(('get_weather', arguments))}", stream=True)
    assert reply.calls == [("get_weather", arguments)]
    assert reply.chunks > 60


def test_many_at_once(server: Server) -> None:
    """Requests do not get into each other's way: each has a pair of parsers of its own."""

    def ask(number: int) -> bool:
        call = ("get_weather", json.dumps({"city": f"City {number}"}))
        script = f"Thought {number}.</think>Answer {number}.{kimi_k2(call)}"
        reply = chat(server, script, stream=number % 2 == 0, xargs={"script_split": int(number % 3 == 0)})
        return reply.said == (f"Thought {number}.", f"Answer {number}.", [call])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(24))) == [True] * 24


def test_the_clients_own_accumulator(server: Server) -> None:
    """`client.chat.completions.stream` puts the chunks together, and checks them as it does."""
    with openai_client(server).chat.completions.stream(
        model=MODEL_NAME,
        messages=[{"role": "user", "content": "hi"}],
        tools=CHAT_TOOLS,  # type: ignore[arg-type]
        extra_body={"vllm_xargs": {"script": f"Why?</think>Sure.{kimi_k2(PARIS, TIME)}"}},
    ) as events:
        final = events.get_final_completion()
    (choice,) = final.choices
    assert choice.message.content == "Sure."
    assert [(call.function.name, call.function.arguments) for call in choice.message.tool_calls or []] == [PARIS, TIME]
    assert choice.finish_reason == "tool_calls"


def test_a_tool_loop(server: Server) -> None:
    """The reply goes back as the client got it, and the conversation goes on."""
    client = openai_client(server)
    messages: list[object] = [{"role": "user", "content": "What is the weather in Lisbon?"}]
    first = client.chat.completions.create(model=MODEL_NAME, messages=messages, tools=CHAT_TOOLS)  # type: ignore[call-overload]
    (call,) = first.choices[0].message.tool_calls
    messages += [
        first.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "22 degrees, sunny"},
    ]
    second = client.chat.completions.create(model=MODEL_NAME, messages=messages, tools=CHAT_TOOLS)  # type: ignore[call-overload]
    assert "22 degrees, sunny" in second.choices[0].message.content
    assert second.choices[0].finish_reason == "stop"
