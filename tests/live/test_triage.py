"""`dynamo-parsers triage --repro` against real servers: the right verdict each time, from what the server logs."""

from __future__ import annotations

import json
import shlex
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from dynamo_parsers.cli import app
from dynamo_parsers.registry import tool_row
from dynamo_parsers.triage.verdict import Verdict
from engine_server import MODEL_NAME, Server
from typer.testing import CliRunner

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

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


@pytest.fixture(params=["vllm", "sglang"])
def server(request: pytest.FixtureRequest, engine_servers: Callable[..., Server]) -> Server:
    engine = request.param
    if not (Path(__file__).parents[2] / f".venv-{engine}" / "bin" / COMMANDS[engine].split()[0]).exists():
        pytest.skip(f"{engine} is not installed")
    return engine_servers(engine, "kimi_k2")


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


def test_the_server_counts_what_is_odd(engine_servers: Callable[..., Server], tmp_path: Path) -> None:
    server = engine_servers("vllm", "kimi_k2", "--tool-call-parser", "dynamo_auto", "--reasoning-parser", "dynamo_auto")
    log = Path(server.log).read_text(errors="replace")
    assert "dynamo_auto chose dynamo_kimi_k2 with dynamo_kimi_k2" in log
    assert verdict(server, CALL, tmp_path).fault == "ok"
    broken = CALL.replace('{"city": "Zürich 🎌"}', '{"city" "secret"}')
    verdict(server, broken, tmp_path)
    verdict(server, "Use <|tool_call_begin|> with care.", tmp_path)
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=30) as reply:
        lines = [
            line for line in reply.read().decode().splitlines() if line.startswith("dynamo_parsers_oddities_total")
        ]
    for kind in ("malformed", "marker in prose"):
        (line,) = [line for line in lines if f'kind="{kind}"' in line]
        assert 'parser="dynamo_kimi_k2"' in line
        assert float(line.split()[-1]) >= 3
    warned = [line for line in Path(server.log).read_text(errors="replace").splitlines() if "malformed" in line]
    assert len(warned) == 3  # one a request
    assert not any("secret" in line for line in warned)
