"""Run mypy over the package as it is laid out once installed.

    python .ci/typecheck.py [mypy options]

Rules:
- mypy does not follow an editable install that maps folders to packages. So the mapping of pyproject.toml
  is laid out as links, which costs nothing and is always up to date, and the paths in mypy's report are
  turned back into those of the repository.
- Python 3.11 or newer, for tomllib.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import tomllib

TREE = Path(".cache/typecheck")


def folder_of(package: str, mapped: dict[str, str]) -> Path:
    """Where setuptools takes `package` from: the longest mapped parent decides."""
    parts = package.split(".")
    for length in range(len(parts), 0, -1):
        parent = ".".join(parts[:length])
        if parent in mapped:
            return Path(mapped[parent], *parts[length:])
    return Path(*parts)


def main(options: list[str]) -> int:
    settings = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["setuptools"]
    shutil.rmtree(TREE, ignore_errors=True)
    sources: dict[str, str] = {}
    for package in settings["packages"]:
        folder = folder_of(package, settings["package-dir"])
        linked = TREE.joinpath(*package.split("."))
        linked.mkdir(parents=True, exist_ok=True)
        for file in sorted(folder.glob("*.py*")):
            (linked / file.name).symlink_to(file.resolve())
        sources[f"{linked}{os.sep}"] = f"{folder}{os.sep}"
    command = [sys.executable, "-m", "mypy", "--package", "dynamo_parsers", *options]
    report = subprocess.run(
        command, env={**os.environ, "MYPYPATH": str(TREE)}, stdout=subprocess.PIPE, text=True, check=False
    )
    for line in report.stdout.splitlines():
        # The longest folder first, so that a subpackage is not taken for a file of its parent.
        linked_folder = next((f for f in sorted(sources, key=len, reverse=True) if line.startswith(f)), None)
        print(line if linked_folder is None else sources[linked_folder] + line[len(linked_folder) :])
    return report.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
