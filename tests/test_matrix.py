"""The matrix of versions: which releases are in it, what is fetched, how answers are counted, what the page says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / ".ci"), str(ROOT / "tests" / "matrix")]  # last: `.ci` has a `templates` too

import matrix  # noqa: E402
from questions import Answer, Count, questions  # noqa: E402


def test_the_last_patch_of_each_minor_release_from_the_floor_on(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "vllm (0.10.1)\nAvailable versions: 0.10.1, 0.10.0, 0.9.2, 0.9.1.post1, 0.9.1, 0.8.5"
    monkeypatch.setattr(matrix.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=said))
    assert matrix.Engine("E", "e", "0.9", "0.9.1", 2).releases() == ["0.9.1", "0.9.2", "0.10.1"]
    assert matrix.Engine("E", "e", "0.9.2", "0.10.0", 3).releases() == ["0.9.2", "0.10.0", "0.10.1"]


@pytest.mark.parametrize(("name", "version"), [("sglang", "0.5.21"), ("sglang", "0.5.20"), ("other", "0.5.21")])
def test_what_was_fetched_is_what_was_asked_for(name: str, version: str, tmp_path: Path) -> None:
    wheel, tree = tmp_path / "a.whl", tmp_path / "tree"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr("sglang/a.py", "")
        archive.writestr("sglang/b.so", "")
    if (name, version) != ("sglang", "0.5.21"):
        with pytest.raises(SystemExit, match=f"holds {name} {version}"):
            matrix.unpack(wheel, "sglang", "0.5.21", tree)
        return
    matrix.unpack(wheel, "sglang", "0.5.21", tree)
    assert [each.name for each in (tree / "sglang").iterdir()] == ["a.py"]


def test_every_kind_of_question_is_asked() -> None:
    asked = list(questions())
    assert {each.choice for each in asked} == {"auto", "required", "named", "none"}
    assert {each.parsers for each in asked} == {"both", "tool", "reasoning"}
    assert {each.streamed for each in asked} == {True, False}


def test_an_answer_that_differs_is_counted_by_what_differs() -> None:
    right = Answer(None, "a", (), "stop")
    assert right.differs(right) is None
    differs = Answer(None, "b", (), "length").differs(right)
    assert differs == "content, finish"
    count, question = Count(), next(questions())
    count.add(question, None)
    count.add(question, differs)
    count.add(question, differs)
    (kind,) = count.plain()["differs"]  # type: ignore[misc]
    assert (kind["what"], kind["count"], count.same.total()) == ("content, finish", 2, 1)


def test_the_page_shows_what_differs_and_what_was_not_measured() -> None:
    kind = {"what": "calls", "parsers": "both", "mode": "whole", "tool_choice": "named", "count": 3, "example": "x"}
    text = "\n".join(
        matrix.page(
            [
                {"engine": "vLLM", "version": "0.31.0", "same": {"auto": 5}, "refused": {"no": 2}, "differs": [kind]},
                {"engine": "SGLang", "version": "0.6.0", "failed": "ImportError"},
            ]
        )
    )
    assert "| **vLLM 0.31.0** | 10 | 5 | 3 | 2 | 5 of 5 | 0 of 0 | 0 of 3 | 0 of 0 |" in text
    assert "| **vLLM 0.31.0** | calls | both | whole | named | 3 | x |" in text
    assert "| SGLang 0.6.0 | `ImportError` |" in text


def test_a_run_over_the_stand_in(tmp_path: Path) -> None:
    """From the corpus to the file of results, if no engine is needed."""
    out = tmp_path / "out.json"
    paths = [ROOT / "tests", ROOT / "tests" / "support", ROOT / "tests" / "matrix", os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "CASES_EVERY": "200"}
    script = ROOT / "tests" / "matrix" / "in_trtllm.py"
    subprocess.run([sys.executable, script, out, "1.3"], check=True, env=environment, timeout=300)
    found = json.loads(out.read_text())
    assert sum(found["same"].values()) > 50
    assert found["differs"] == []
