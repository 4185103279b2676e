"""The probe: its classifier against an endpoint that misbehaves on purpose, and perfect replies of every family.

The endpoint answers each scenario as a served model with a correct parser would, and one fault at a time is put in.
Every fault has its class, in both modes; without one every probe passes.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
import pytest
from dynamo_parsers import parse
from dynamo_parsers.probe import report as reports
from dynamo_parsers.probe.answer import BadBody, read_body, read_stream
from dynamo_parsers.probe.judge import answer_of, faults
from dynamo_parsers.probe.replay import Replay
from dynamo_parsers.probe.run import Probe, Report, Result
from dynamo_parsers.probe.scenarios import MODES, scenarios
from dynamo_parsers.registry import TOOL_ROWS, tool_row
from dynamo_parsers.write.markup import RENDERERS
from typer.testing import CliRunner

FAMILY = "hermes"
SCENARIOS = {each.name: each for each in scenarios(FAMILY)}
REPLAY = Replay(FAMILY)


@dataclass
class Said:
    """A reply on its way to the client; a fault changes it."""

    content: str | None
    reasoning: str | None
    calls: list[dict[str, object]]
    finish: str
    raw: str
    stream: bool
    logprobs: bool = True
    status: int = 200
    chunks: list[object] | None = None
    """The stream's chunks, if a fault writes them itself."""
    done: bool = True
    body: str | None = None


Change = Callable[[Said], None]


class Endpoint(ThreadingHTTPServer):
    """Chat completions on the loopback interface: right answers, and then one fault."""

    daemon_threads = True
    change: Change | None = None
    only_with_tools = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def log_message(self, *_: object) -> None: ...

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = _reply(request)
        change = self.server.change
        if change is not None and (request.get("tools") or not self.server.only_with_tools):
            change(said)
        self.send_response(said.status)
        self.send_header("Content-Type", "text/event-stream" if said.stream else "application/json")
        self.end_headers()
        self.wfile.write(_written(said).encode())


def _reply(request: dict[str, object]) -> Said:
    """What a perfect model with a correct parser answers."""
    messages = request["messages"]
    assert isinstance(messages, list)
    user = next(message["content"] for message in messages if message["role"] == "user")
    scenario = next(each for each in SCENARIOS.values() if each.user == user)
    turn = sum(message["role"] == "assistant" for message in messages)
    raw = REPLAY.replies(scenario)[turn]
    message = parse(
        raw,
        tool_parser=FAMILY,
        reasoning_parser="qwen3",
        tools=scenario.tools,
        tool_choice="auto" if scenario.tool_choice is None else scenario.tool_choice,
        in_reasoning=scenario.chat_template_kwargs.get("enable_thinking"),  # as the prompt ends
    )
    calls = [
        {"id": each.id, "type": "function", "function": {"name": each.name, "arguments": each.arguments}}
        for each in message.tool_calls
    ]
    stream = request.get("stream") is True
    return Said(message.content, message.reasoning, calls, message.finish_reason or "stop", raw, stream)


def _written(said: Said) -> str:
    if said.body is not None:
        return said.body
    if not said.stream:
        tokens = [{"token": char, "bytes": list(char.encode()), "logprob": 0.0} for char in said.raw]
        choice = {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": said.content,
                "reasoning_content": said.reasoning,
                "tool_calls": said.calls or None,
            },
            "finish_reason": said.finish,
            "logprobs": {"content": tokens} if said.logprobs else None,
        }
        return json.dumps({"object": "chat.completion", "choices": [choice]})
    chunks = said.chunks if said.chunks is not None else list(_chunks(said))
    lines = [f"data: {chunk if isinstance(chunk, str) else json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join(lines) + ("data: [DONE]\n\n" if said.done else "")


def _chunks(said: Said) -> Iterator[dict[str, object]]:
    yield chunk({"role": "assistant", "content": ""})
    for key, text in (("reasoning_content", said.reasoning), ("content", said.content)):
        for at in range(0, len(text or ""), 7):
            yield chunk({key: (text or "")[at : at + 7]})
    for index, call in enumerate(said.calls):
        function = call["function"]
        assert isinstance(function, dict)
        yield chunk({"tool_calls": [{**call, "index": index, "function": {"name": function["name"], "arguments": ""}}]})
        for at in range(0, len(function["arguments"]), 9):
            piece = {"index": index, "function": {"arguments": function["arguments"][at : at + 9]}}
            yield chunk({"tool_calls": [piece]})
    yield chunk({}, said.finish)


def chunk(delta: dict[str, object], finish: str | None = None) -> dict[str, object]:
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def faulty(server: Endpoint, change: Change | None, *, only_with_tools: bool = False) -> Iterator[None]:
    server.change, server.only_with_tools = change, only_with_tools
    try:
        yield
    finally:
        server.change, server.only_with_tools = None, False


def run(server: Endpoint, *names: str, family: str | None = FAMILY) -> list[Result]:
    async def probe() -> list[Result]:
        async with openai.AsyncOpenAI(
            base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none", timeout=10, max_retries=0
        ) as client:
            tried = Probe(client, "demo", family)
            # The endpoint tells scenarios by their text, which holds the markers of its own family.
            chosen = [SCENARIOS[name] for name in names or SCENARIOS]
            return await tried.run(chosen)

    return asyncio.run(probe())


def play(server: Endpoint, name: str) -> list[Result]:
    """The same as a replay, of a scenario that the endpoint knows without its script."""

    async def probe() -> list[Result]:
        async with openai.AsyncOpenAI(
            base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none", timeout=10, max_retries=0
        ) as client:
            played = Probe(client, "demo", FAMILY, replay=True)
            played._replay.messages = lambda scenario: scenario.messages()  # type: ignore[union-attr,method-assign]
            return await played.run([SCENARIOS[name]])

    return asyncio.run(probe())


# --- without a fault


def test_a_correct_endpoint_passes_every_probe(endpoint: Endpoint) -> None:
    results = run(endpoint)
    assert len(results) == 48
    assert {(each.scenario, each.mode): each.faults for each in results if each.outcome != "pass"} == {}


# --- one fault at a time


def _function(said: Said) -> dict[str, object]:
    function = said.calls[0]["function"]
    assert isinstance(function, dict)
    return function


def leaked_marker(said: Said) -> None:
    said.content = (said.content or "") + "</tool_call>"


def leaked_in_reasoning(said: Said) -> None:
    said.reasoning = (said.reasoning or "") + " <|tool_call_begin|>"


def lost_call(said: Said) -> None:
    said.calls, said.finish = [], "stop"


def call_as_text(said: Said) -> None:
    said.content, said.calls, said.finish = said.raw.partition("</think>")[2], [], "stop"


def answer_in_reasoning(said: Said) -> None:
    said.reasoning, said.content = (said.reasoning or "") + (said.content or ""), None


def cut_argument(said: Said) -> None:
    arguments = json.loads(str(_function(said)["arguments"]))
    key = list(arguments)[-1]
    arguments[key] = arguments[key].partition("<")[0]
    _function(said)["arguments"] = json.dumps(arguments)


def no_json(said: Said) -> None:
    _function(said)["arguments"] = str(_function(said)["arguments"])[:-1]


def wrong_type(said: Said) -> None:
    arguments = json.loads(str(_function(said)["arguments"]))
    _function(said)["arguments"] = json.dumps({**arguments, "a": str(arguments["a"])})


def wrong_finish(said: Said) -> None:
    said.finish = "stop" if said.calls else "tool_calls"


def same_id(said: Said) -> None:
    for each in said.calls:
        each["id"] = "call_1"


def no_id(said: Said) -> None:
    said.calls[0]["id"] = ""


def second_call(said: Said) -> None:
    said.calls.append({**said.calls[0], "id": "call_again"})


PARSER_FAULTS: list[tuple[Change, str]] = [
    (leaked_marker, "auto_no_call"),
    (leaked_in_reasoning, "reasoning_answer"),
    (lost_call, "single_call"),
    (call_as_text, "single_call"),
    (answer_in_reasoning, "reasoning_answer"),
    (answer_in_reasoning, "no_tools"),
    (cut_argument, "nested_call_literal"),
    (cut_argument, "delimiter_literal"),
    (no_json, "typed_arguments"),
    (wrong_type, "simple_arithmetic"),
    (wrong_finish, "single_call"),
    (wrong_finish, "no_tools"),
    (same_id, "multi_tool"),
    (no_id, "single_call"),
    (second_call, "parallel_disabled"),
]


@pytest.mark.parametrize(("change", "name"), PARSER_FAULTS, ids=lambda each: getattr(each, "__name__", each))
def test_a_parsers_fault_is_proven(endpoint: Endpoint, change: Change, name: str) -> None:
    with faulty(endpoint, change):
        results = run(endpoint, name)
    assert [(each.outcome, each.proven) for each in results] == [("parser", True)] * 2, results


@pytest.mark.parametrize(
    ("change", "name", "outcome"),
    [
        (leaked_marker, "auto_no_call", "parser"),
        (answer_in_reasoning, "no_tools", "parser"),
        (cut_argument, "nested_call_literal", "parser"),
        (lost_call, "single_call", "model"),
        (wrong_type, "simple_arithmetic", "model"),
    ],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_without_the_raw_text_a_verdict_is_likely(endpoint: Endpoint, change: Change, name: str, outcome: str) -> None:
    def changed(said: Said) -> None:
        change(said)
        said.logprobs = False

    with faulty(endpoint, changed):
        results = run(endpoint, name)
    assert [(each.outcome, each.proven) for each in results] == [(outcome, False)] * 2, results


def wrong_city(said: Said) -> None:
    said.raw = said.raw.replace("Reykjavik", "Oslo")
    _function(said)["arguments"] = str(_function(said)["arguments"]).replace("Reykjavik", "Oslo")


def chatter(said: Said) -> None:
    said.raw, said.content, said.calls, said.finish = "<think>Well.</think>Which one?", "Which one?", [], "stop"


def wrong_answer(said: Said) -> None:
    said.raw = said.raw.replace("Cold", "Warm")
    said.content = "Warm."


@pytest.mark.parametrize("family", [FAMILY, None])
@pytest.mark.parametrize(
    ("change", "name"),
    [(wrong_city, "single_call"), (chatter, "multi_tool"), (wrong_answer, "auto_no_call")],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_a_models_fault_is_proven(endpoint: Endpoint, change: Change, name: str, family: str | None) -> None:
    with faulty(endpoint, change):
        results = run(endpoint, name, family=family)
    assert [(each.outcome, each.proven) for each in results] == [("model", True)] * 2, results


@pytest.mark.parametrize(("logged", "outcome"), [(True, "model"), (False, "parser")])
def test_a_scripted_model_that_is_kept_from_its_script(endpoint: Endpoint, logged: bool, outcome: str) -> None:
    """A grammar may do that; without logprobs the script counts as said."""

    def changed(said: Said) -> None:
        wrong_city(said)
        said.logprobs = logged

    with faulty(endpoint, changed):
        results = play(endpoint, "single_call")
    assert [each.outcome for each in results] == [outcome] * 2, results


def test_a_wrong_parser_is_found_without_a_family(endpoint: Endpoint) -> None:
    with faulty(endpoint, call_as_text):
        results = run(endpoint, "single_call", family=None)
    assert [(each.outcome, each.proven) for each in results] == [("parser", True)] * 2
    # The families that share the wrapper read each other's calls.
    assert re.search(r"dynamo_(hermes|qwen3_coder|glm47) reads it", results[0].why)


# --- the stream's contract


def name_in_pieces(said: Said) -> None:
    said.chunks = [
        chunk({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "get_"}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"name": "weather", "arguments": '{"city": "Reykjavik"}'}}]}),
        chunk({}, "tool_calls"),
    ]


def name_twice(said: Said) -> None:
    name = {"name": "get_weather", "arguments": '{"city": '}
    said.chunks = [
        chunk({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": name}]}),
        chunk({"tool_calls": [{"index": 0, "function": {**name, "arguments": '"Reykjavik"}'}}]}),
        chunk({}, "tool_calls"),
    ]


def index_missing(said: Said) -> None:
    function = {"name": "get_weather", "arguments": '{"city": "Reykjavik"}'}
    said.chunks = [chunk({"tool_calls": [{"id": "c", "function": function}]}), chunk({}, "tool_calls")]


def index_skipped(said: Said) -> None:
    function = {"name": "get_weather", "arguments": '{"city": "Reykjavik"}'}
    said.chunks = [chunk({"tool_calls": [{"index": 1, "id": "c", "function": function}]}), chunk({}, "tool_calls")]


def no_finish(said: Said) -> None:
    said.chunks = list(_chunks(said))[:-1]


def finish_twice(said: Said) -> None:
    said.chunks = [*_chunks(said), chunk({}, "stop")]


def text_after_finish(said: Said) -> None:
    said.chunks = [*_chunks(said), chunk({"content": "More."})]


def one_piece(said: Said) -> None:
    function = _function(said)
    said.chunks = [
        chunk({"reasoning_content": said.reasoning}),
        chunk({"tool_calls": [{**said.calls[0], "index": 0, "function": function}]}),
        chunk({}, "tool_calls"),
    ]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (name_in_pieces, "single_call"),
        (name_twice, "single_call"),
        (index_missing, "single_call"),
        (index_skipped, "single_call"),
        (no_finish, "no_tools"),
        (finish_twice, "no_tools"),
        (text_after_finish, "no_tools"),
        (one_piece, "long_argument"),
    ],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_a_broken_stream_is_the_parsers(endpoint: Endpoint, change: Change, name: str) -> None:
    with faulty(endpoint, lambda said: change(said) if said.stream else None):
        whole, stream = run(endpoint, name)
    assert (whole.outcome, stream.outcome, stream.proven) == ("pass", "parser", True), stream


def test_modes_that_disagree_about_one_raw_text_are_the_parsers(endpoint: Endpoint) -> None:
    def other_words(said: Said) -> None:
        if said.stream:
            said.content = f"{said.content} Indeed."

    with faulty(endpoint, other_words):
        whole, stream = play(endpoint, "none_tool")
    assert (whole.outcome, stream.outcome) == ("pass", "parser")


# --- the endpoint's own faults


def broken_server(said: Said) -> None:
    said.status, said.body = 500, '{"error": {"message": "boom"}}'


def no_json_at_all(said: Said) -> None:
    said.body = "<html>gateway</html>"


def not_a_completion(said: Said) -> None:
    said.body = 'data: {"object": "ping"}\n\ndata: [DONE]\n\n' if said.stream else '{"object": "list", "data": []}'


def half_a_stream(said: Said) -> None:
    if said.stream:
        said.chunks, said.done = list(_chunks(said))[:3], False
    else:
        said.body = '{"choices": [{"mess'


def error_in_stream(said: Said) -> None:
    said.body = 'data: {"error": {"message": "boom"}}\n\n' if said.stream else '{"error": {"message": "boom"}}'


@pytest.mark.parametrize("change", [broken_server, no_json_at_all, not_a_completion, half_a_stream, error_in_stream])
def test_an_unusable_response_is_the_endpoints(endpoint: Endpoint, change: Change) -> None:
    with faulty(endpoint, change):
        results = run(endpoint, "single_call", "no_tools")
    assert [each.outcome for each in results] == ["endpoint"] * 4, results


def test_an_error_that_goes_away_without_tools_is_the_parsers(endpoint: Endpoint) -> None:
    with faulty(endpoint, broken_server, only_with_tools=True):
        results = run(endpoint, "tool_loop")
    assert [(each.outcome, each.proven) for each in results] == [("parser", True)] * 2


def test_no_connection_and_no_answer_in_time(endpoint: Endpoint) -> None:
    async def probe(port: int) -> list[Result]:
        async with openai.AsyncOpenAI(
            base_url=f"http://127.0.0.1:{port}/v1", api_key="none", timeout=0.2, max_retries=0
        ) as client:
            return await Probe(client, "demo", FAMILY).run([SCENARIOS["no_tools"]])

    def slow(said: Said) -> None:
        threading.Event().wait(1)

    assert [each.outcome for each in asyncio.run(probe(9))] == ["endpoint"] * 2
    with faulty(endpoint, slow):
        results = asyncio.run(probe(endpoint.server_port))
    assert [each.outcome for each in results] == ["endpoint"] * 2
    assert all("time-out" in each.faults[0] for each in results)


def test_a_stream_that_does_not_end() -> None:
    """Each line of it comes in time."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        with suppress(ConnectionError):
            while True:
                writer.write(f"data: {json.dumps(chunk({'content': 'x'}))}\n\n".encode())
                await writer.drain()
                await asyncio.sleep(0.05)

    async def probe() -> list[Result]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with openai.AsyncOpenAI(
            base_url=f"http://127.0.0.1:{port}/v1", api_key="none", timeout=1, max_retries=0
        ) as client:
            return await Probe(client, "demo", FAMILY).run([SCENARIOS["no_tools"]])

    results = asyncio.run(asyncio.wait_for(probe(), 30))
    assert [(each.outcome, each.faults) for each in results] == [("endpoint", ["no answer within the time-out"])] * 2
    assert '"content": "x"' in results[1].exchanges[0].received


# --- responses no endpoint should send


@pytest.mark.parametrize("body", [None, [], {}, {"choices": []}, {"choices": [{}]}, {"choices": ["x"]}])
def test_bodies_that_are_no_completion(body: object) -> None:
    with pytest.raises(BadBody):
        read_body(body)


@pytest.mark.parametrize("text", ["", "data: {\n\n", "hello", "data: [DONE]\n\n", 'data: {"choices": 1}\n\n'])
def test_streams_that_are_no_completion(text: str) -> None:
    with pytest.raises(BadBody):
        read_stream(text)


# --- replay


def test_every_family_has_a_replay() -> None:
    assert {row.name for row in TOOL_ROWS} == set(RENDERERS)


@pytest.mark.parametrize("family", sorted(RENDERERS))
def test_a_perfect_reply_passes(family: str) -> None:
    row, replay = tool_row(family), Replay(family)
    for scenario in replay.scenarios():
        for turn, text in zip(scenario.turns, replay.replies(scenario), strict=True):
            message = parse(
                text,
                tool_parser=family,
                reasoning_parser=row.pairs[0],
                tools=scenario.tools,
                tool_choice="auto" if scenario.tool_choice is None else scenario.tool_choice,
                parallel_tool_calls=scenario.parallel_tool_calls is not False,
                # As the demo model's template ends the prompt, which the engines tell a parser.
                in_reasoning=scenario.chat_template_kwargs.get("enable_thinking"),
            )
            assert faults(answer_of(message), scenario, turn, "whole") == [], (scenario.name, text)


# --- reports and the command


def test_reports(endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("report")
    with faulty(endpoint, call_as_text):
        results = run(endpoint, "single_call")
    good = run(endpoint, "single_call")
    told = {"base_url": "http://127.0.0.1/v1", "model": "demo", "family": FAMILY, "replay": False, "date": "today"}
    before, after = (Report.model_validate({**told, "results": each}) for each in (results, good))
    paths = reports.write(before, folder)
    assert [path.name for path in paths] == ["report.md", "report.html", "report.json"]
    assert reports.read(folder / "report.json") == before
    assert "| single_call | parser, proven | parser, proven |" in (folder / "report.md").read_text()
    page = (folder / "report.html").read_text()
    assert "<mark>&lt;tool_call&gt;</mark>" in page
    assert (folder / "exchanges" / "single_call-whole-1.request.json").is_file()
    changes = reports.compared(before, after)
    assert changes == [(f"single_call, {mode}", "parser, proven", "pass") for mode in MODES]


def test_the_command(endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> None:
    from dynamo_parsers.cli.commands import app

    out = tmp_path_factory.mktemp("out")
    base = ["probe", "--base-url", f"http://127.0.0.1:{endpoint.server_port}/v1", "--model", "demo"]
    only = ["--family", FAMILY, "--scenario", "single_call"]
    command = CliRunner()
    assert command.invoke(app, [*base, *only, "--out", str(out)]).exit_code == 0
    with faulty(endpoint, lost_call):
        assert command.invoke(app, [*base, *only]).exit_code == 1
    assert command.invoke(app, ["probe", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", *only]).exit_code == 2
    assert command.invoke(app, [*base, "--scenario", "nope"]).exit_code == 2
    assert command.invoke(app, [*base, "--family", "nope"]).exit_code == 2
    assert command.invoke(app, ["probe"]).exit_code == 2
    same = [str(out / "report.json")] * 2
    assert "nothing changed" in command.invoke(app, ["probe", "--compare", *same]).output
