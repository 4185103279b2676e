"""Run a share of the corpus through every supported version of the engines, and write docs/versions.md.

    make matrix
    python .ci/matrix.py [--engine vllm] [--version 0.31.0] [--newest] [--again] [--failing]

Rules:
- The versions are the releases on PyPI from our floor on, of each minor release the last patch, and those that NVIDIA
  Dynamo pins.
- The Python of a release is fetched into .cache, its name and version are checked, and it is laid over the environment
  that holds one version of the engine, whose compiled extensions it finds (`vllm_source.py`). For SGLang that
  environment has no kernels at all, and the release brings the transformers that it pins.
- tests/matrix asks the questions; the results are in .run/matrix. What was measured with the same code and corpus is
  not measured again, unless `--again` asks for it.
- Standard library and our own package only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from dynamo_parsers.engines.floors import floor
from dynamo_parsers.engines.places import numbers
from environment import download, pip, requirements_of, step

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / ".run" / "matrix"
PAGE, DATA = ROOT / "docs" / "versions.md", ROOT / "docs" / "versions.json"
DECIDES = ("common", "tests/matrix", "tests/cases", "tests/shapes", "tests/support")
"""The folders of what an answer depends on, beside the engine's plugin and the harnesses in tests."""
SECONDS = 1800
"""A version that takes longer has failed."""
DYNAMO = "1.6.1"
"""The NVIDIA Dynamo whose pins are in the matrix."""


@dataclass(frozen=True)
class Engine:
    name: str
    project: str
    """Its name on PyPI."""
    floor: str
    pinned: str
    """The version that NVIDIA Dynamo pins."""
    minor: int
    """How many numbers make a minor release."""

    @property
    def python(self) -> Path:
        return ROOT / f".venv-{self.project}" / "bin" / "python"

    def arguments(self, version: str) -> list[str]:
        """Of the script that asks, beside the file of results."""
        return []

    def releases(self) -> list[str]:
        """The versions of the matrix, oldest first."""
        command = [str(self.python), "-m", "pip", "index", "versions", self.project, "--disable-pip-version-check"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = re.search(r"Available versions: (.*)", said)
        if found is None:
            sys.exit(f"pip knows no releases of {self.project}")
        last: dict[tuple[int, ...], str] = {}
        for version in reversed(found[1].split(", ")):  # oldest first, so that the last patch stays
            if numbers(version) >= numbers(self.floor):
                last[numbers(version)[: self.minor]] = version
        return sorted({*last.values(), self.pinned}, key=numbers)

    def tree(self, version: str) -> Path | None:
        """Where the Python of `version` is, fetched if it is not; None: the environment holds that version."""
        if self._installed() == version:
            return None
        tree = ROOT / ".cache" / f"{self.project}-{version}"
        if self.project == "vllm":
            script = ROOT / ".ci" / "vllm_source.py"
            subprocess.run([self.python, script, version, tree], check=True, cwd=ROOT)
            return tree / "hybrid"
        if not (tree / "done").exists():
            wheel = download(self.python, self.project, version)
            unpack(wheel, self.project, version, tree)
            self._install(tree, requirements_of(wheel, ()))
            for metadata in tree.glob("transformers-*.dist-info/METADATA"):
                if not list(tree.glob("tokenizers-*")):
                    self._install(tree, HeaderParser().parsestr(metadata.read_text()).get_all("Requires-Dist") or ())
            (tree / "done").touch()
        return tree

    def _install(self, tree: Path, required: Iterable[str]) -> None:
        """Install into the tree what of `required` a version of SGLang does not start without."""
        pins = [line for line in required if re.match(PINS, line)]
        if pins:
            pip(self.python, "install", "--quiet", "--no-deps", "--target", str(tree), *pins)

    def _installed(self) -> str:
        code = f"from importlib.metadata import version; print(version({self.project!r}))"
        return subprocess.check_output([self.python, "-c", code], text=True).strip().partition("+")[0]


PINS = re.compile(r"(transformers|tokenizers)\b(?!.*extra ==)")


class StandIn(Engine):
    """TensorRT-LLM, whose Python is not on PyPI: a stand-in of its interface, and a source tree if one is named."""

    python = ROOT / ".venv-core" / "bin" / "python"

    def releases(self) -> list[str]:
        return ["stand-in of 1.2", "stand-in of 1.3", *(["source"] if os.environ.get("TRTLLM_SOURCE") else [])]

    def tree(self, version: str) -> Path | None:
        return None

    def arguments(self, version: str) -> list[str]:
        return [version.rpartition(" ")[2]]


ENGINES = (
    Engine("vLLM", "vllm", floor("vllm"), "0.31.0", 2),
    Engine("SGLang", "sglang", floor("sglang"), "0.5.21", 3),
    StandIn("TensorRT-LLM", "trtllm", floor("trtllm"), "1.3.0rc29", 2),
)


def unpack(wheel: Path, project: str, version: str, tree: Path) -> None:
    """The files of a wheel that are no binaries. Exits if it is another project's or version's."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        said = HeaderParser().parsestr(archive.read(metadata).decode())
        if (said["Name"], said["Version"]) != (project, version):
            sys.exit(f"{wheel} holds {said['Name']} {said['Version']}")
        for name in archive.namelist():
            if not name.endswith(".so"):
                archive.extract(name, tree)


# --- measuring


def digest(project: str) -> str:
    """Of the code and the corpus that decide what a version of an engine answers."""
    found = hashlib.sha256(os.environ.get("CASES_EVERY", "").encode())
    files = [
        file
        for folder in (*DECIDES, f"plugins/{project}")
        for file in (ROOT / folder).rglob("*")
        if file.suffix in (".py", ".md", ".json")
    ]
    harnesses = [file for file in (ROOT / "tests").glob("*.py") if not file.name.startswith("test_")]
    for file in sorted([*files, *harnesses]):
        found.update(file.read_bytes())
    return found.hexdigest()[:16]


def measure(engine: Engine, version: str, mark: str, *, again: bool) -> dict[str, Any]:
    """What became of the questions in `version`."""
    out = RESULTS / f"{engine.project}-{version.replace(' ', '-')}.json"
    if not again and out.exists():
        known: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        if known.get("mark") == mark:
            return known
    RESULTS.mkdir(parents=True, exist_ok=True)
    out.unlink(missing_ok=True)
    step(f"{engine.name} {version}")
    tree = engine.tree(version)
    paths = [tree, ROOT / "tests", ROOT / "tests" / "support", ROOT / "tests" / "matrix", os.environ.get("PYTHONPATH")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(path) for path in paths if path),
        "HF_HUB_OFFLINE": "1",
        "VLLM_LOGGING_LEVEL": "ERROR",
    }
    script = ROOT / "tests" / "matrix" / f"in_{engine.project}.py"
    command = [str(engine.python), str(script), str(out), *engine.arguments(version)]
    started = time.monotonic()
    with out.with_suffix(".err").open("w") as errors:
        try:
            done = subprocess.run(command, env=environment, stderr=errors, check=False, timeout=SECONDS).returncode
        except subprocess.TimeoutExpired:
            done = -1
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.exists() and done == 0 else {}
    if found and found["version"].partition("+")[0] not in (version, *engine.arguments(version)):
        found = {"failed": f"what was imported is {found['version']}"}
    elif not found:
        lines = out.with_suffix(".err").read_text(errors="replace").splitlines()
        found["failed"] = lines[-1][:200] if lines else f"ended with {done}"
    found |= {"version": version, "mark": mark, "engine": engine.name, "seconds": round(time.monotonic() - started)}
    out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return found


# --- the page

HEAD = f"""\
# Versions

Made by `make matrix`. A share of the corpus goes through the serving of Chat Completions of each version, in process:
the request, the version's own rendering, its parsers with ours named, and its answer, whole and streamed. *Same*: the
client gets what the core reads in the same text: reasoning, content, calls and finish_reason. *Refused*: the engine
takes no such request. A case is asked whole with one set of parsers and streamed with another (both, the tool parser
alone, the reasoning parser alone). One case in 16 is asked, and one in four of those with a `tool_choice`.

The Python of a release runs over the compiled extensions of one CPU build, so this says nothing of kernels and
grammars. In bold: what NVIDIA Dynamo {DYNAMO} pins. It also pins TensorRT-LLM 1.3.0rc29, which was not run: what PyPI
has of it fetches a wheel for CUDA from another index. Its rows are the stand-in of its interface that
`make test-trtllm` has; `TRTLLM_SOURCE=tree make matrix` adds its own files. 1.2 tells a parser neither the end of a
stream nor how the prompt ended nor the template's arguments ([TensorRT-LLM](trtllm.md#limits)), and neither it
nor 1.3 nor SGLang before 0.5.23 calls a tool parser for a request without tools ([SGLang](sglang.md#versions)): hence
what differs.
"""
CHOICES = ("auto", "required", "named", "none")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines: list[Sequence[object]] = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in lines) + "\n"


def page(results: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield HEAD
    choices = [f"`{choice}`" for choice in CHOICES]
    yield table(["version", "asked", "same", "differs", "refused", *choices], map(summary, results))
    yield "The last four columns: how many are the same, of those that the engine took, by `tool_choice`.\n"
    failed = [each for each in results if "failed" in each]
    if failed:
        yield "## Not measured\n"
        yield table(["version", "why"], ([title(each), f"`{each['failed']}`"] for each in failed))
    differs = [[title(each), *kind.values()] for each in results for kind in each.get("differs", ())]
    if differs:
        yield "## What differs\n"
        yield table(["version", "what", "parsers", "mode", "`tool_choice`", "cases", "for example"], differs)
    refused = [[title(each), why, count] for each in results for why, count in each.get("refused", {}).items()]
    if refused:
        yield "## What an engine refuses\n"
        yield table(["version", "its reason", "cases"], refused)


def title(result: dict[str, Any]) -> str:
    said = f"{result['engine']} {result['version']}"
    pinned = any((each.name, each.pinned) == (result["engine"], result["version"]) for each in ENGINES)
    return f"**{said}**" if pinned else said


def summary(result: dict[str, Any]) -> list[object]:
    if "failed" in result:
        return [title(result), *[""] * (4 + len(CHOICES))]
    same, refused = result["same"], sum(result["refused"].values())
    differs = {choice: sum(e["count"] for e in result["differs"] if e["tool_choice"] == choice) for choice in CHOICES}
    alike, other = sum(same.values()), sum(differs.values())
    by_choice = [f"{same.get(choice, 0)} of {same.get(choice, 0) + differs[choice]}" for choice in CHOICES]
    return [title(result), alike + other + refused, alike, other, refused, *by_choice]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=[each.project for each in ENGINES], help="only this engine")
    parser.add_argument("--version", action="append", help="only this version, also one that is not supported")
    parser.add_argument("--newest", action="store_true", help="only the newest release on PyPI")
    parser.add_argument("--again", action="store_true", help="also what was measured with the same code")
    parser.add_argument("--failing", action="store_true", help="write no page; end with 1 if anything differs")
    said = parser.parse_args()
    results: list[dict[str, Any]] = []
    for engine in ENGINES:
        if said.engine in (None, engine.project):
            versions = said.version or engine.releases()
            mark = digest(engine.project)
            results += [measure(engine, each, mark, again=said.again) for each in versions[-1 if said.newest else 0 :]]
    for each in results:
        print(*summary(each), each.get("failed", ""), sep="  ")
    bad = [each for each in results if each.get("failed") or each["differs"]]
    if said.failing or said.version or said.newest or said.engine:
        return int(said.failing and bool(bad))
    PAGE.write_text("\n".join(page(results)), encoding="utf-8")
    DATA.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
