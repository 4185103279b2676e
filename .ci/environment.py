"""What the scripts that make an engine's virtual environment share.

Rule: standard library only, as they run before anything is installed.
"""

from __future__ import annotations

import email
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Collection
from pathlib import Path

CACHE = Path(".cache/wheels")


def step(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def make(environment: Path) -> Path:
    """The interpreter of `environment`, which is made if it is not there."""
    python = environment / "bin" / "python"
    if not python.exists():
        step(f"making {environment}")
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip_install(python, "--quiet", "--upgrade", "pip", "wheel")
    return python


def pip(python: Path, *arguments: str) -> None:
    subprocess.run([python, "-m", "pip", *arguments, "--disable-pip-version-check"], check=True)


def pip_install(python: Path, *arguments: str) -> None:
    """Install, and leave modules to be compiled when they are first imported, as most never are: half a minute each."""
    pip(python, "install", "--no-compile", *arguments)


def download(python: Path, project: str, version: str) -> Path:
    """The wheel of `project`, downloaded once."""
    CACHE.mkdir(parents=True, exist_ok=True)
    pattern = f"{project.replace('-', '_')}-{version}-*.whl"
    if not list(CACHE.glob(pattern)):
        pip(python, "download", "--no-deps", "--dest", str(CACHE), f"{project}=={version}")
    return next(CACHE.glob(pattern))


def requirements_of(wheel: Path, left_out: Collection[str]) -> list[str]:
    """The wheel's requirements as it states them, environment markers included, less `left_out`."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
    stated = [str(line) for line in metadata.get_all("Requires-Dist") or []]
    wanted = [line for line in stated if "extra ==" not in line]

    def project(line: str) -> str:
        match = re.match(r"[A-Za-z0-9._-]+", line)
        return match.group().lower() if match else line

    return [line for line in wanted if project(line) not in left_out]


def install(python: Path, engine: str, wanted: list[str], kept: list[str]) -> None:
    """Install `wanted`, and change nothing of `kept`."""
    requirements, constraints = CACHE / f"{engine}-requirements.txt", CACHE / f"{engine}-constraints.txt"
    requirements.write_text("\n".join(wanted) + "\n")
    constraints.write_text("\n".join(kept) + "\n")
    pip_install(python, "--requirement", str(requirements), "--constraint", str(constraints))
