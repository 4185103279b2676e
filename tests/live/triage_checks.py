"""What `dynamo-parsers triage --repro` has to say of a real server, the same for every engine.

A test module of an engine gives the fixture `server` and imports the tests.
"""

from __future__ import annotations

import json
import shlex
import zipfile
from pathlib import Path

from dynamo_parsers.cli.commands import app
from dynamo_parsers.registry import tool_row
from dynamo_parsers.triage.verdict import Verdict
from engine_server import MODEL_NAME, Server
from typer.testing import CliRunner

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]
CALL = (
    "Grüße 👋 aus Zürich.<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0"
    '<|tool_call_argument_begin|>{"city": "Zürich 🎌"}<|tool_call_end|><|tool_calls_section_end|>'
)
COMMANDS = {"vllm": "vllm serve", "sglang": "sglang serve --model-path"}


def verdict(server: Server, script: str, folder: Path, *arguments: str, **said: object) -> Verdict:
    body = {
        "model": MODEL_NAME,
        "messages": [{"role": "user", "content": f"<<<SCRIPT\n{script}\nSCRIPT>>>"}],
        "tools": TOOLS,
        "temperature": 0,
        "max_tokens": 500,
        **said,
    }
    asked = folder / "request.json"
    asked.write_text(json.dumps(body), encoding="utf-8")
    launch = f"{COMMANDS[server.engine]} model {shlex.join(server.flags)}"
    result = CliRunner().invoke(
        app, ["triage", str(asked), "--repro", server.url, "--launch", launch, "--json", *arguments]
    )
    assert result.exit_code in (0, 1), result.output
    return Verdict.model_validate_json(result.stdout)


def test_a_good_call(server: Server, tmp_path: Path) -> None:
    found = verdict(server, f"I look.</think>{CALL}", tmp_path)
    assert found.fault == "ok", found
    assert found.raw.text is not None
    assert found.raw.text.startswith(f"I look.</think>{CALL}")
    assert found.raw.gaps == 0


def test_the_wrong_parser(server: Server, tmp_path: Path) -> None:
    found = verdict(server, f"</think>{tool_row('hermes').sample}", tmp_path)
    assert found.fault == "configuration", found
    assert found.flags == "--tool-call-parser dynamo_hermes --reasoning-parser dynamo_qwen3"


def test_a_call_that_was_cut_off(server: Server, tmp_path: Path) -> None:
    found = verdict(server, f"</think>{CALL}", tmp_path, max_tokens=40)
    assert found.fault == "truncation", found
    assert "inside a call" in found.summary


def test_a_mistake_of_the_model(server: Server, tmp_path: Path) -> None:
    found = verdict(server, "</think>It is sunny in Zürich 👋.", tmp_path)
    assert (found.fault, "no call" in found.summary) == ("model", True), found
    wrong = CALL.replace("get_weather", "get_wether")
    found = verdict(server, f"</think>{wrong}", tmp_path)
    assert (found.fault, "get_wether" in found.summary) == ("model", True), found


def test_a_bundle(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "out.zip"
    found = verdict(server, f"</think>{CALL}", tmp_path, "--bundle", str(file), "--redact-text")
    assert found.fault == "ok"
    with zipfile.ZipFile(file) as archive:
        assert json.loads(archive.read("verdict.json"))["fault"] == "ok"
        assert "rich" not in archive.read("raw.txt").decode()
