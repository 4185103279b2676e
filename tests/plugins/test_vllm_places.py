"""The places of vLLM that the plugin needs: the message if one is gone, and that requests are still answered."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

pytest.importorskip("vllm")

import dynamo_parsers.vllm as plugin
from dynamo_parsers.engines.places import Place, look, numbers, self_check
from dynamo_parsers.vllm.places import NEWEST, PLACES
from vllm_harness import VERSION

EXPECTED = [place for place in PLACES if place.expected(numbers(VERSION))]
UNSTARTED = ("ToolParserManager.register_lazy_module", "ReasoningParserManager.register_lazy_module", "DeltaMessage")
"""Without these no parser of ours has a name, or can be loaded: the server does not start with one."""
CALL = [["get_weather", '{"city": "Paris"}']]


@pytest.fixture(scope="module")
def renamed(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> dict[str | None, Any]:
    """What `vllm_renamed` prints, by the place. It runs once, whichever worker of pytest-xdist asks first."""
    folder = tmp_path_factory.getbasetemp()
    printed = (folder if worker_id == "master" else folder.parent) / "vllm_renamed.jsonl"
    with FileLock(f"{printed}.lock"):
        if not printed.exists():
            printed.write_text("\n".join(_renamed()))
    return {each["place"]: each for each in map(json.loads, printed.read_text().splitlines())}


def _renamed() -> list[str]:
    script = Path(__file__).with_name("vllm_renamed.py")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=600, env=_environment(), check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines, done.stderr[-2000:]
    return lines


def _environment() -> dict[str, str]:
    tests = Path(__file__).parents[1]
    paths = [str(tests), str(tests / "support"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def test_every_place_is_there() -> None:
    assert [place.name for place, present in look(PLACES, numbers(VERSION)) if not present] == []


def test_nothing_is_said_of_a_vllm_that_is_known(renamed: dict[str | None, Any]) -> None:
    came = renamed[None]
    assert came["lines"] == []
    assert (came["whole"], came["streamed"]) == (CALL, CALL)


@pytest.mark.parametrize("place", EXPECTED, ids=lambda place: place.name)
def test_a_place_that_is_gone_is_said_and_costs_no_request(place: Place, renamed: dict[str | None, Any]) -> None:
    came = renamed[place.name]
    said = [line for line in came["lines"] if "does not find what it needs" in line]
    assert len(said) == 1
    assert said[0].startswith("WARNING")
    assert f"{place.name} ({place.lost}" in said[0]
    if place.name in UNSTARTED:
        assert "error" in came
    else:
        assert "error" not in came, came["error"]
        assert (came["whole"], came["streamed"]) == (CALL, CALL)


def test_a_parameter_that_is_gone_is_a_place_that_is_gone() -> None:
    place = next(each for each in PLACES if each.name == "ParserManager.get_parser")
    assert place.present()
    assert not Place(place.where, "", (*place.parameters, "of_the_future")).present()


def test_a_newer_version_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        self_check("vLLM", "0.99.1", (), NEWEST)
        self_check("vLLM", VERSION, (), NEWEST)
    assert [each.getMessage() for each in caplog.records] == [
        f"dynamo-parsers is tested with vLLM up to {'.'.join(map(str, NEWEST))}; this is 0.99.1"
    ]


@pytest.mark.parametrize("said", [["--tool-call-parser", "dynamo_hermes"], ["--tool-call-parser=hermes"]])
def test_the_rust_front_end_is_said(
    said: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("VLLM_USE_RUST_FRONTEND", "1")
    monkeypatch.setattr(sys, "argv", ["vllm", "serve", "m", *said])
    with caplog.at_level(logging.WARNING):
        plugin.register()
    found = [each.getMessage() for each in caplog.records if "Rust front end" in each.getMessage()]
    assert len(found) == ("dynamo_hermes" in said)
