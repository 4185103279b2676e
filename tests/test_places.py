"""The self-check of the plugins, over an engine made of two files: what is looked at, said, and not imported."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest
from dynamo_parsers.engines.places import Place, look, numbers, self_check
from dynamo_parsers.triage import doctor
from typer.testing import CliRunner

SOURCE = '''
"""Importing this raises: it is only read."""
raise RuntimeError("imported")
if True:
    def top(request, *, level=None): ...
class Owner:
    value: int = 1
    def method(self, text, **rest): ...
    async def later(self, prompt): ...
'''


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The name of a package that no test before has looked at."""
    name = f"engine_{abs(hash(request.node.name))}"
    (tmp_path / name / "inner").mkdir(parents=True)
    for file in ("__init__.py", "inner/__init__.py", "inner/serving.py"):
        (tmp_path / name / file).write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def place(engine: str, path: str, *parameters: str) -> Place:
    return Place((f"{engine}.gone:{path}", f"{engine}.inner.serving:{path}"), f"{path} is lost", parameters)


def test_what_is_in_the_source(engine: str) -> None:
    for path, parameters in (
        ("top", ("request", "level")),
        ("Owner.method", ("text", "anything")),
        ("Owner.later", ("prompt",)),
        ("Owner.value", ()),
        ("Owner", ()),
    ):
        assert place(engine, path, *parameters).present(), path
    for path, parameters in (
        ("bottom", ()),
        ("top", ("requests",)),
        ("Owner.other", ()),
        ("Owner.later", ("text",)),
        ("Other.method", ()),
        ("top.method", ()),
        ("Owner.value", ("text",)),
    ):
        assert not place(engine, path, *parameters).present(), path
    assert engine not in sys.modules


def test_a_version_that_needs_no_place_misses_none() -> None:
    nowhere = ("nowhere_at_all:f",)
    places = (Place(nowhere, "a", since=(1, 2)), Place(nowhere, "b", until=(1, 1)), Place(nowhere, "c"))
    assert [each.place.lost for each in look(places, (1, 1, 5))] == ["c"]
    assert [each.place.lost for each in look(places, (1, 0))] == ["b", "c"]
    assert [each.place.lost for each in look(places, ())] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "found"), [("1.2.3rc4+cpu", (1, 2, 3)), ("0.5.23", (0, 5, 23)), ("dev", ()), (None, ())]
)
def test_numbers_of_a_version(text: str | None, found: tuple[int, ...]) -> None:
    assert numbers(text) == found


def test_what_is_missing_is_one_line(engine: str, caplog: pytest.LogCaptureFixture) -> None:
    places = (place(engine, "Owner.method"), place(engine, "Owner.other"), place(engine, "bottom"))
    self_check("The engine", "1.0", places, (1, 0))
    assert [each.getMessage() for each in caplog.records] == [
        "dynamo-parsers does not find what it needs in The engine 1.0: "
        "Owner.other (Owner.other is lost); bottom (bottom is lost)"
    ]


def test_nothing_is_said_of_what_is_there(engine: str, caplog: pytest.LogCaptureFixture) -> None:
    self_check("The engine", "1.0.7", (place(engine, "top"),), (1, 0))
    assert caplog.records == []


def test_a_check_that_fails_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        self_check("The engine", "1.0", (None,), (1, 0))  # type: ignore[arg-type]
    assert "could not check" in caplog.records[0].getMessage()


def test_doctor_prints_the_places(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from dynamo_parsers.cli.commands import app
    from dynamo_parsers.vllm import places

    monkeypatch.setattr(places, "PLACES", (place(engine, "top"), place(engine, "bottom")))
    monkeypatch.setattr(doctor, "_version", lambda name: {"vllm": "0.33.0"}.get(name))
    shown = CliRunner().invoke(app, ["doctor"]).output
    assert "there   top" in shown
    assert "missing bottom" in shown
    assert "-> bottom is lost" in shown
