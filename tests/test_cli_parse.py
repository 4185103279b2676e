"""`dynamo-parsers parse` and `list`: output, exit statuses, errors in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dynamo_parsers.cli.commands import app
from dynamo_parsers.registry import PREFIX, reasoning_parser_names, tool_parser_names
from typer.testing import CliRunner, Result

RAW = '<think>plan</think>\n\nSure.\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
PAIR = ["--tool-parser", "hermes", "--reasoning-parser", "dynamo_qwen3"]


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=text)


@pytest.fixture
def raw(tmp_path: Path) -> str:
    file = tmp_path / "raw.txt"
    file.write_bytes(RAW.encode())
    return str(file)


def test_the_message(raw: str) -> None:
    result = run("parse", *PAIR, raw)
    message = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (message["role"], message["content"], message["reasoning"]) == ("assistant", "Sure.", "plan")
    assert message["tool_calls"][0]["function"] == {"name": "get_weather", "arguments": '{"city": "Paris"}'}


def test_stdin_and_json() -> None:
    for arguments in (["-"], []):
        result = run("parse", *PAIR, "--json", *arguments, text=RAW)
        choice = json.loads(result.stdout)
        assert choice["finish_reason"] == "tool_calls"
        assert choice["incomplete_calls"] == []


def test_a_cut_call_is_told() -> None:
    cut = RAW[: RAW.index("Paris") + 3]
    result = run("parse", *PAIR, "--finish", "length", text=cut)
    assert result.exit_code == 0
    assert "get_weather is not complete" in result.stderr
    choice = json.loads(run("parse", *PAIR, "--finish", "length", "--json", text=cut).stdout)
    assert (choice["finish_reason"], choice["incomplete_calls"]) == ("length", [0])


def test_tools_type_the_arguments(tmp_path: Path) -> None:
    text = "<tool_call>\n<function=f>\n<parameter=zip>\n00701\n</parameter>\n</function>\n</tool_call>"
    tool = {"name": "f", "parameters": {"type": "object", "properties": {"zip": {"type": "integer"}}}}
    for given in ([{"type": "function", "function": tool}], {"messages": [], "tools": [tool]}):
        file = tmp_path / "tools.json"
        file.write_text(json.dumps(given))
        message = json.loads(run("parse", "--tool-parser", "qwen3_coder", "--tools", str(file), text=text).stdout)
        assert message["tool_calls"][0]["function"]["name"] == "f"
    message = json.loads(run("parse", "--tool-parser", "qwen3_coder", "--no-tools", text=text).stdout)
    assert "tool_calls" not in message
    assert message["content"] == text


def test_the_start_of_a_reply() -> None:
    for flag, field in (("--in-reasoning", "reasoning"), ("--not-in-reasoning", "content")):
        message = json.loads(run("parse", "--reasoning-parser", "kimi_k25", flag, text="plan").stdout)
        assert message[field] == "plan"
    off = ["--template-kwargs", '{"thinking": false}']
    assert json.loads(run("parse", "--reasoning-parser", "kimi_k25", *off, text="plan").stdout)["content"] == "plan"


@pytest.mark.parametrize("chunk", ["1", "7", "1000"])
def test_events_as_they_come(raw: str, chunk: str) -> None:
    result = run("parse", *PAIR, "--stream", "--chunk", chunk, raw)
    names = [line.split()[1] for line in result.stdout.splitlines()[:-1]]
    assert list(dict.fromkeys(names)) == ["reasoning", "content", "call", "arguments", "end"]
    assert result.stdout.splitlines()[-1].split() == ["finish", "tool_calls"]
    told = json.loads(run("parse", *PAIR, "--stream", "--chunk", chunk, "--json", raw).stdout)
    arguments = "".join(each["text"] for each in told["events"] if each["event"] == "arguments")
    assert arguments == told["message"]["tool_calls"][0]["function"]["arguments"] == '{"city": "Paris"}'
    reads = [each["read"] for each in told["events"]]
    assert reads == sorted(reads)
    assert reads[-1] <= len(RAW)


def test_what_each_part_became(raw: str, tmp_path: Path) -> None:
    result = run("parse", *PAIR, "--explain", raw)
    rows = [line.split(maxsplit=2) for line in result.stdout.splitlines()]
    assert "".join(RAW[int(start) : int(end)] for start, end, _ in rows) == RAW
    assert [rest.split()[0] for _, _, rest in rows[:3]] == ["marker", "reasoning", "marker"]
    spans = json.loads(run("parse", *PAIR, "--explain", "--json", raw).stdout)["spans"]
    assert [span["text"] for span in spans if span["kind"] == "arguments"] == ['{"city": "Paris"}']
    page = tmp_path / "page.html"
    result = run("parse", *PAIR, "--html", str(page), raw)
    assert result.exit_code == 0
    written = page.read_text(encoding="utf-8")
    assert '<span class="name" title="name of call 0' in written
    assert "&lt;tool_call&gt;" in written
    assert "<tool_call>" not in written
    assert "http" not in written


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give --tool-parser"),
        (["--tool-parser", "hermse"], "did you mean hermes"),
        (["--reasoning-parser", "qwen"], "did you mean"),
        ([*PAIR, "--stream", "--explain"], "choose one"),
        ([*PAIR, "--template-kwargs", "{"], "not JSON"),
        ([*PAIR, "--template-kwargs", "[]"], "not a JSON object"),
        ([*PAIR, "/nowhere/file"], "No such file"),
        ([*PAIR, "--tools", "/nowhere/file"], "No such file"),
        ([*PAIR, "--html", "/nowhere/page.html"], "No such file"),
        ([*PAIR, "--chunk", "0", "--stream"], "chunk"),
    ],
)
def test_errors(arguments: list[str], said: str) -> None:
    result = run("parse", *arguments, text=RAW)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not result.stdout


def test_what_is_no_text_and_no_tools(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"ok\xff")
    result = run("parse", *PAIR, str(file))
    assert (result.exit_code, "not UTF-8 at byte 2" in result.stderr) == (2, True)
    file.write_text('{"messages": []}')
    result = run("parse", *PAIR, "--tools", str(file), text=RAW)
    assert (result.exit_code, "neither a list of tools" in result.stderr) == (2, True)
    file.write_text("[{")
    assert run("parse", *PAIR, "--tools", str(file), text=RAW).exit_code == 2


def test_the_list() -> None:
    told = json.loads(run("list", "--json").stdout)
    for kind, names in (("tool", tool_parser_names()), ("reasoning", reasoning_parser_names())):
        listed = [name for each in told[kind] for name in (each["name"], *each["aliases"])]
        assert sorted(listed) == [PREFIX + name for name in names]
    kimi = next(each for each in told["tool"] if each["name"] == "dynamo_kimi_k2")
    assert kimi["engine_names"]["sglang"] == ["kimi_k2"]
    assert json.loads(run("list", "tool", "--json").stdout)["reasoning"] == []
    result = run("list")
    assert result.exit_code == 0
    assert all(PREFIX + name in result.stdout for name in [*tool_parser_names(), *reasoning_parser_names()])
    assert run("list", "tols").exit_code == 2


def test_help_is_quick_and_names_every_command() -> None:
    result = run("--help")
    assert all(name in result.stdout for name in ("list", "parse", "detect", "triage", "doctor", "demo-model"))
