"""Look at a release before it is published.

    python .ci/release.py check TAG      the tag, the version and the changelog say the same
    python .ci/release.py try FOLDER     the wheel in FOLDER works in an environment of its own

Rule: standard library only; `try` needs nothing of the repository but this file.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLI_MISSING = "The command line needs rich and typer: pip install 'dynamo-parsers[cli]'\n"


class Unfit(Exception):
    """The release cannot be published; the text says why."""


def check(tag: str) -> None:
    """Raises Unfit if `tag` is not this tree's version, or the changelog does not have it."""
    (version,) = re.findall(r'^__version__ = "(.+)"$', (ROOT / "common/__init__.py").read_text("utf-8"), re.MULTILINE)
    if tag != f"v{version}":
        raise Unfit(f"the tag is {tag}, and dynamo_parsers.__version__ is {version}")
    if f"\n## [{version}] - " not in (ROOT / "CHANGELOG.md").read_text("utf-8"):
        raise Unfit(f"CHANGELOG.md has no section [{version}] with a day")


def try_wheel(wheel: Path) -> None:
    """Install `wheel` alone, then with its command line, and use both. Raises Unfit."""
    with tempfile.TemporaryDirectory() as folder:
        environment = Environment(Path(folder) / "wheel")
        environment.pip("install", str(wheel))
        plain = Environment(Path(folder) / "pydantic")
        plain.pip("install", "pydantic")
        brought = environment.installed() - plain.installed()
        if brought != {"dynamo-parsers"}:
            raise Unfit(f"pydantic is all that it may require; it brings {sorted(brought)}")
        environment.run("python", "-c", PARSES)
        environment.run("dynamo-parsers", "list", status=2, stderr=CLI_MISSING)
        environment.run("dynamo-trtllm-serve", "model", status=1, stderr="dynamo-trtllm-serve needs TensorRT-LLM")
        environment.pip("install", f"{wheel}[cli]")
        environment.run("dynamo-parsers", "--help")
        if '"hermes"' not in environment.run("dynamo-parsers", "list", "--json"):
            raise Unfit("dynamo-parsers list does not name hermes")


PARSES = """
import importlib.metadata, json, pathlib, sysconfig
site = pathlib.Path(sysconfig.get_paths()["purelib"])
assert not [name for name in ("common", "plugins", "tests") if (site / name).exists()]
import dynamo_parsers
assert pathlib.Path(dynamo_parsers.__file__).is_relative_to(site)
assert importlib.metadata.version("dynamo-parsers") == dynamo_parsers.__version__
(call,) = dynamo_parsers.parse(
    '<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>', tool_parser="hermes", tools=[{}]
).tool_calls
assert (call.name, json.loads(call.arguments)) == ("f", {"a": 1})
points = {point.group for point in importlib.metadata.distribution("dynamo-parsers").entry_points}
assert {"console_scripts", "sglang.srt.plugins", "vllm.general_plugins"} <= points
"""


class Environment:
    """A new virtual environment of the Python that runs this."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)

    def run(self, command: str, *arguments: str, status: int = 0, stderr: str = "") -> str:
        """What it writes to stdout. Raises Unfit if its status is another, or its stderr starts otherwise."""
        # In its own folder, away from the sources, which would be found first.
        done = subprocess.run(
            [self._folder / "bin" / command, *arguments], cwd=self._folder, capture_output=True, text=True, check=False
        )
        if done.returncode != status or not done.stderr.startswith(stderr):
            raise Unfit(f"{command} {arguments[0]} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def pip(self, *arguments: str) -> str:
        return self.run("python", "-m", "pip", "--disable-pip-version-check", *arguments)

    def installed(self) -> set[str]:
        """The names of what is installed."""
        return {each["name"].lower().replace("_", "-") for each in json.loads(self.pip("list", "--format", "json"))}


def main(what: str, of: str) -> None:
    if what == "check":
        check(of)
        return
    (wheel,) = Path(of).resolve().glob("*.whl")
    try_wheel(wheel)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("check", "try"):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except Unfit as error:
        sys.exit(str(error))
