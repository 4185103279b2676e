"""`dynamo-parsers detect`, `triage` and `doctor`: output, exit statuses, and the rules for a launch line."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from declared import DECLARED, checkpoint_of
from dynamo_parsers.cli.commands import app
from dynamo_parsers.demo import checkpoint
from dynamo_parsers.demo.model import DemoModel
from dynamo_parsers.registry import TOOL_ROWS, reasoning_row, tool_row
from dynamo_parsers.triage import doctor
from dynamo_parsers.triage.engines import REASONING_NAMES, TOOL_NAMES
from dynamo_parsers.triage.launch import configured, read_launch
from typer.testing import CliRunner, Result

CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=text)


# --- detect


def test_a_models_folder(tmp_path: Path) -> None:
    checkpoint.write(tmp_path, DemoModel.of("hermes"))
    result = run("detect", str(tmp_path))
    assert result.exit_code == 0
    assert "--enable-auto-tool-choice --tool-call-parser dynamo_hermes --reasoning-parser dynamo_qwen3" in result.stdout
    told = json.loads(run("detect", str(tmp_path), "--json").stdout)
    assert (told["tool_parser"], told["flags"]["trtllm"]) == (
        "dynamo_hermes",
        "--tool_parser dynamo_hermes --reasoning_parser dynamo_qwen3",
    )


def test_raw_output(tmp_path: Path) -> None:
    result = run("detect", "--raw", "-", text=CALL)
    assert (result.exit_code, "dynamo_hermes" in result.stdout) == (0, True)
    result = run("detect", "--raw", "-", text="Hello.")
    assert (result.exit_code, result.stdout.startswith("no answer")) == (1, True)
    assert json.loads(run("detect", "--raw", "-", "--json", text="Hello.").stdout)["flags"] == {}


@pytest.mark.parametrize("arguments", [[], [".", "--raw", "-"]])
def test_one_of_two(arguments: list[str]) -> None:
    assert run("detect", *arguments).exit_code == 2


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        result = run("detect", str(folder))
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("error: ")


# --- triage


def files(folder: Path, content: str | None, calls: list[dict[str, object]], raw: str) -> tuple[str, str]:
    tool = {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "tools": [{"function": tool}]}
    message = {"role": "assistant", "content": content, "tool_calls": calls}
    logged = [{"token": char, "bytes": list(char.encode())} for char in raw]
    answered = {"choices": [{"message": message, "finish_reason": "stop", "logprobs": {"content": logged}}]}
    (folder / "request.json").write_text(json.dumps(asked))
    (folder / "response.json").write_text(json.dumps(answered))
    return str(folder / "request.json"), str(folder / "response.json")


FRONT_END = "python -m dynamo.frontend --dyn-chat-processor {}"
LINE = "vllm serve m --enable-auto-tool-choice --tool-call-parser {} --reasoning-parser {}"


def test_whose_fault(tmp_path: Path) -> None:
    asked, answered = files(tmp_path, CALL, [], CALL)
    line = LINE.format("dynamo_kimi_k2", "dynamo_kimi_k25")
    result = run("triage", asked, answered, "--launch", line)
    assert result.exit_code == 1
    assert result.stdout.startswith("configuration: ")
    assert "-> --tool-call-parser dynamo_hermes --reasoning-parser dynamo_qwen3" in result.stdout
    told = json.loads(run("triage", asked, answered, "--launch", line, "--json").stdout)
    assert (told["fault"], told["raw"]["text"]) == ("configuration", CALL)


def test_no_fault(tmp_path: Path) -> None:
    call: dict[str, object] = {"function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
    asked, answered = files(tmp_path, None, [call], CALL)
    result = run("triage", asked, answered, "--launch", LINE.format("dynamo_hermes", "dynamo_qwen3"))
    assert (result.exit_code, result.stdout.split(":")[0]) == (0, "ok")


def test_a_bundle(tmp_path: Path) -> None:
    asked, answered = files(tmp_path, "", [], CALL)
    file = tmp_path / "out.zip"
    result = run("triage", asked, answered, "--bundle", str(file), "--redact-text")
    assert (result.exit_code, result.stdout.split(":")[0]) == (1, "parser")
    with zipfile.ZipFile(file) as archive:
        assert "Paris" not in archive.read("raw.txt").decode()
        assert json.loads(archive.read("verdict.json"))["fault"] == "parser"
        assert "masked" in archive.read("README.txt").decode()
    assert run("triage", asked, answered, "--bundle", "/nowhere/out.zip").exit_code == 2


def test_what_cannot_be_triaged(tmp_path: Path) -> None:
    asked, answered = files(tmp_path, "", [], CALL)
    assert run("triage", asked).exit_code == 2
    assert run("triage", asked, "/nowhere/file").exit_code == 2
    assert run("triage", asked, answered, "--launch", "vllm 'serve").exit_code == 2
    result = run("triage", answered, asked)
    assert (result.exit_code, "not a chat completion request" in result.stderr) == (2, True)
    result = run("triage", asked, "--repro", "http://127.0.0.1:9")
    assert (result.exit_code, "127.0.0.1:9" in result.stderr) == (2, True)


# --- doctor

ENGINES = {
    "vllm": "vllm serve {model} --enable-auto-tool-choice --tool-call-parser {tool} --reasoning-parser {reasoning}",
    "sglang": "python -m sglang.launch_server --model-path {model} --tool-call-parser {tool} "
    "--reasoning-parser {reasoning}",
    "trtllm": "trtllm-serve {model} --tool_parser {tool} --reasoning_parser {reasoning}",
}

SGLANG = ENGINES["sglang"].format(model="m", tool="dynamo_hermes", reasoning="dynamo_qwen3")


def rules(line: str, level: str = "error", **variables: str) -> list[str]:
    return [each.rule for each in doctor.check(read_launch(line), variables) if each.level == level]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)
def test_every_pair_of_the_registry_is_right(engine: str, row: object, tmp_path: Path) -> None:
    tool = tool_row(row.name)  # type: ignore[attr-defined]
    for reasoning in tool.pairs:
        line = ENGINES[engine].format(model="m", tool=f"dynamo_{tool.name}", reasoning=f"dynamo_{reasoning}")
        assert not rules(line)
        assert not rules(line, "warning")


@pytest.mark.parametrize("name", ["hermes", "kimi_k2", "harmony", "qwen3_coder"])
def test_a_line_for_a_model_that_is_here(name: str, tmp_path: Path) -> None:
    checkpoint.write(tmp_path, DemoModel.of(name))
    tool = tool_row(name)
    line = ENGINES["vllm"].format(model=tmp_path, tool=f"dynamo_{name}", reasoning=f"dynamo_{tool.pairs[0]}")
    assert not rules(line)
    wrong = ENGINES["vllm"].format(model=tmp_path, tool="dynamo_mistral", reasoning="dynamo_mistral")
    assert "evidence" in rules(wrong)
    assert "tokens" in rules(wrong)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("vllm serve m --tool-call-parser dynamo_hermes", "auto-tool-choice"),
        ("vllm serve m --enable-auto-tool-choice", "auto-tool-choice"),
        ("vllm serve m --enable-auto-tool-choice --tool_call_parser=dynamo_hermse", "name"),
        ("vllm serve m --enable-auto-tool-choice --tool-call-parser dynamo_hermes --reasoning-parser dynamo_x", "name"),
        (LINE.format("dynamo_hermes", "dynamo_kimi_k25"), "pair"),
        ("VLLM_PLUGINS=other " + LINE.format("dynamo_hermes", "dynamo_qwen3"), "plugins"),
        ("env VLLM_PLUGINS= " + LINE.format("dynamo_hermes", "dynamo_qwen3"), "plugins"),
        ("SGLANG_PLUGINS=a,b " + SGLANG, "plugins"),
        ("VLLM_USE_RUST_FRONTEND=1 " + LINE.format("dynamo_hermes", "dynamo_qwen3"), "rust"),
        ("docker run -e VLLM_USE_RUST_FRONTEND=1 vllm/vllm-openai --model m --enable-auto-tool-choice "
         "--tool-call-parser dynamo_hermes", "rust"),
        ("vllm-rs serve m --tool-call-parser dynamo_hermes --enable-auto-tool-choice", "rust"),
        ("SGLANG_RUST_SERVER=1 " + SGLANG, "rust"),
        ("vllm serve m --dyn-tool-call-parser hermes", "dynamo-flags"),
        ("python -m dynamo.vllm --model m --tool-call-parser dynamo_hermes", "dynamo"),
        ("python -m dynamo.sglang --model-path m --dyn-tool-call-parser dynamo_hermes", "dynamo"),
        (FRONT_END.format("dynamo") + " --tool-call-parser dynamo_hermes", "dynamo-processor"),
        ("python -m dynamo.frontend --reasoning-parser dynamo_qwen3", "dynamo-processor"),
        (FRONT_END.format("sglang") + " --tool-call-parser dynamo_hermes", "dynamo-plugins"),
        (FRONT_END.format("vllm") + " --tool-call-parser dynamo_hermse", "name"),
        ("trtllm-serve m --tool-call-parser dynamo_hermes", "flag"),
        ("vllm serve m --enable-reasoning --reasoning-parser dynamo_qwen3", "enable-reasoning"),
        (LINE.format("dynamo_hermes", "dynamo_qwen3") + " --skip-tokenizer-init", "no-text"),
        (LINE.format("dynamo_hermes", "dynamo_qwen3") + " --chat-template /nowhere/t.jinja", "template"),
        ("python serve.py --model m", "engine"),
    ],
)  # fmt: skip
def test_what_is_wrong(line: str, rule: str) -> None:
    assert rule in rules(line)
    assert run("doctor", line).exit_code == 1
    assert run("doctor", "--", *line.split()).exit_code == 1


@pytest.mark.parametrize(
    ("line", "rule", "level"),
    [
        (LINE.format("hermes", "dynamo_qwen3"), "mixed", "warning"),
        (LINE.format("hermes", "kimi_k2"), "pair", "warning"),
        (LINE.format("hermez", "qwen3"), "name", "warning"),
        ("vllm serve m --enable-auto-tool-choice --tool-call-parser dynamo_hermes", "no-reasoning-parser", "warning"),
        (LINE.format("hermes", "qwen3") + " --stream-interval 8", "deltas", "warning"),
        (LINE.format("dynamo_hermes", "dynamo_qwen3") + " --speculative-config '{}'", "deltas", "note"),
        ("vllm serve m --reasoning-parser dynamo_qwen3", "no-tool-parser", "note"),
        ("vllm serve m", "no-parsers", "note"),
        (LINE.format("dynamo_auto", "dynamo_auto"), "auto", "note"),
    ],
)
def test_what_may_be_wrong(line: str, rule: str, level: str) -> None:
    assert rule in rules(line, level)
    assert not rules(line)


def test_variables_of_the_shell_count() -> None:
    line = LINE.format("dynamo_hermes", "dynamo_qwen3")
    assert "plugins" in rules(line, VLLM_PLUGINS="other")
    assert "plugins" not in rules(line, VLLM_PLUGINS="other, dynamo_parsers")
    assert "plugins" not in rules(f"VLLM_PLUGINS=dynamo_parsers {line}", VLLM_PLUGINS="other")
    assert "plugins" not in rules(line.replace("dynamo_", ""), VLLM_PLUGINS="other")


@pytest.mark.parametrize(
    ("engine", "version", "rule", "level"),
    [
        ("vllm", "0.30.0+cpu", "version", "error"),
        ("vllm", "0.32.0+cpu", "", "error"),
        ("sglang", "0.5.20", "version", "error"),
        ("trtllm", "1.1.0", "version", "error"),
    ],
)
def test_versions(engine: str, version: str, rule: str, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = doctor.Installed(engine=engine, distribution=engine, version=version, registered=True)
    monkeypatch.setattr(doctor, "installed", lambda: doctor.Environment(dynamo_parsers="1", engines=[here]))
    line = ENGINES[engine].format(model="m", tool="dynamo_hermes", reasoning="dynamo_qwen3")
    assert rules(line, level) == ([rule] if rule else [])


def test_gpt_oss(tmp_path: Path) -> None:
    checkpoint.write(tmp_path, DemoModel.of("harmony"))
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "gpt_oss"}))
    right = ENGINES["vllm"].format(model=tmp_path, tool="dynamo_harmony", reasoning="dynamo_gpt_oss")
    assert "gpt-oss" not in rules(right)
    assert "gpt-oss" in rules(ENGINES["vllm"].format(model=tmp_path, tool="dynamo_hermes", reasoning="dynamo_qwen3"))


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_dynamo_auto(engine: str, tmp_path: Path) -> None:
    line = ENGINES[engine].format(model=tmp_path, tool="dynamo_auto", reasoning="dynamo_auto")
    checkpoint.write(tmp_path, DemoModel.of("default"))
    assert "auto" in rules(line)
    checkpoint.write(tmp_path, DemoModel.of("hermes"))
    assert not rules(line)


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_a_declared_template(engine: str, tmp_path: Path) -> None:
    line = ENGINES[engine].format(model=tmp_path, tool="dynamo_response_template", reasoning="dynamo_response_template")
    checkpoint_of(tmp_path, None)
    assert rules(line) == ["response-template"]
    checkpoint_of(tmp_path, {**DECLARED["json"].spec, "version": 2})
    assert rules(line) == ["response-template"]
    checkpoint_of(tmp_path, DECLARED["json"].spec)
    assert not rules(line)
    result = run("detect", str(tmp_path))
    assert "dynamo_response_template" in result.stdout
    assert "TensorRT-LLM" not in result.stdout
    hermes = ENGINES[engine].format(model=tmp_path, tool="dynamo_hermes", reasoning="dynamo_qwen3")
    assert not rules(hermes)  # an operator may know better than the checkpoint


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["kimi_k2"], 0, '"start_anchor": "<|im_assistant|>assistant<|im_middle|>"'),
        (["dynamo_hermes", "--reasoning-parser", "basic", "--start-anchor", "A:\\n"], 0, '"start_anchor": "A:\\n"'),
        (["lfm2"], 2, "give --start-anchor"),
        (["deepseek_v4"], 1, "says each value's type"),
        (["hermez"], 2, "did you mean hermes"),
    ],
)
def test_a_template_for_a_family(arguments: list[str], status: int, said: str) -> None:
    result = run("response-template", *arguments)
    assert result.exit_code == status
    assert said in " ".join((result.stdout + result.stderr).split())


def test_no_dynamo_auto_in_tensorrt_llm(tmp_path: Path) -> None:
    checkpoint.write(tmp_path, DemoModel.of("hermes"))
    line = ENGINES["trtllm"].format(model=tmp_path, tool="dynamo_auto", reasoning="dynamo_auto")
    assert rules(line) == ["name", "name"]
    assert "auto" not in rules(line, "note")


def test_where_the_line_does_not_tell_the_engine() -> None:
    result = run("doctor", "--engine", "vllm", "--json", "--", "m", "--tool-call-parser", "dynamo_hermes")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["engine"]) == (1, "vllm")
    assert "auto-tool-choice" in [each["rule"] for each in told["findings"]]
    assert run("doctor", "--engine", "llamacpp").exit_code == 2


def test_what_is_here() -> None:
    result = run("doctor")
    assert (result.exit_code, result.stdout.startswith("dynamo-parsers ")) == (0, True)
    assert isinstance(json.loads(run("doctor", "--json").stdout)["engines"], list)


def test_a_line_taken_apart() -> None:
    line = read_launch(
        'A=1 env B="x y" vllm serve /m --port=1 --tool_call_parser \\\n hermes --enable-auto-tool-choice'
    )
    assert (line.engine, line.model, line.environment) == ("vllm", "/m", {"A": "1", "B": "x y"})
    assert line.flags == {"port": "1", "tool-call-parser": "hermes", "enable-auto-tool-choice": ""}
    assert configured(line).tool is tool_row("hermes")
    assert not configured(line).ours
    assert read_launch("python3 -m vllm.entrypoints.openai.api_server --model /m").model == "/m"
    assert read_launch("sglang serve --model-path /m --tool-call-parser qwen25").model == "/m"
    with pytest.raises(ValueError, match="cannot be read"):
        read_launch("vllm 'serve")


def test_the_engines_names_are_of_rows() -> None:
    assert all(tool_row(name).name == name for name in TOOL_NAMES)
    assert all(reasoning_row(name).name == name for name in REASONING_NAMES)
