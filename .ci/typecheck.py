"""Run mypy --strict over the package as it is laid out once installed.

    python .ci/typecheck.py core|all [mypy options]

Rules:
- `core` is what can be imported without an engine: all but the plugins for vLLM and SGLang, which subclass classes of
  their engine. `all` needs an environment that has vLLM; of SGLang's types mypy knows nothing.
- mypy does not follow an editable install that maps folders to packages. So the mapping of pyproject.toml
  is laid out as links, which costs nothing and is always up to date, and the paths in mypy's report are
  turned back into those of the repository.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:  # comes with mypy there
    import tomli as tomllib

OF_ENGINES = ("dynamo_parsers.sglang", "dynamo_parsers.vllm")


def folder_of(package: str, mapped: dict[str, str]) -> Path:
    """Where setuptools takes `package` from: the longest mapped parent decides."""
    parts = package.split(".")
    for length in range(len(parts), 0, -1):
        parent = ".".join(parts[:length])
        if parent in mapped:
            return Path(mapped[parent], *parts[length:])
    return Path(*parts)


def lay_out(tree: Path, settings: dict[str, Any], left_out: tuple[str, ...]) -> dict[str, str]:
    """Link the package's files into `tree`. Returns the folder of the repository for each folder there."""
    shutil.rmtree(tree, ignore_errors=True)
    sources: dict[str, str] = {}
    for package in settings["packages"]:
        if package in left_out:
            continue
        folder = folder_of(package, settings["package-dir"])
        linked = tree.joinpath(*package.split("."))
        linked.mkdir(parents=True, exist_ok=True)
        for file in sorted(folder.glob("*.py*")):
            (linked / file.name).symlink_to(file.resolve())
        sources[f"{linked}{os.sep}"] = f"{folder}{os.sep}"
    return sources


def main(what: str, options: list[str]) -> int:
    settings = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    # A tree for each, so that both can run at the same time.
    tree = Path(".cache/typecheck", what)
    sources = lay_out(tree, settings, OF_ENGINES if what == "core" else ())
    command = [sys.executable, "-m", "mypy", "--strict", "--package", "dynamo_parsers", *options]
    report = subprocess.run(
        command, env={**os.environ, "MYPYPATH": str(tree)}, stdout=subprocess.PIPE, text=True, check=False
    )
    for line in report.stdout.splitlines():
        # The longest folder first, so that a subpackage is not taken for a file of its parent.
        linked_folder = next((f for f in sorted(sources, key=len, reverse=True) if line.startswith(f)), None)
        print(line if linked_folder is None else sources[linked_folder] + line[len(linked_folder) :])
    return report.returncode


if __name__ == "__main__":
    if sys.argv[1:2] not in (["core"], ["all"]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
