"""Chat templates of models, as public packages carry them: fetched when a test asks for one, and never part of this
repository.

    python tests/official.py        # fetch all of them, the 77 MB of llama-cpp-python too

They are cached in `.cache/official/<package>-<version>`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

CACHE = Path(__file__).parent.parent / ".cache" / "official"


@dataclass(frozen=True)
class Source:
    """A package, and the folder in it with the templates."""

    package: str
    version: str
    inside: str
    wheel: bool = True

    @property
    def title(self) -> str:
        return f"{self.package} {self.version}"


@dataclass(frozen=True)
class Official:
    """A model's template. `tokens`: BOS and EOS where the template writes them; `edited`: what the package changed."""

    template: str
    model: str
    source: Source
    file: str
    tokens: tuple[str, str] = ("", "")
    edited: str = ""

    @property
    def text(self) -> str:
        return (fetched(self.source) / self.file).read_text(encoding="utf-8")


# TRL compares its copies with what the hub has, byte for byte (its README); llama.cpp edited some of its own.
TRL = Source("trl", "1.16.0", "trl/chat_templates")
LLAMA_CPP = Source("llama-cpp-python", "0.3.36", "vendor/llama.cpp/models/templates", wheel=False)
LLAMA = ("<|begin_of_text|>", "<|eot_id|>")
IDS = "llama.cpp's edit of the ids fails in the sandbox"

OFFICIAL = (
    Official("hermes", "Qwen3", TRL, "qwen3.jinja"),
    Official("hermes", "Qwen3-Instruct-2507", TRL, "qwen3_instruct_2507.jinja"),
    Official("hermes", "Qwen3-VL", TRL, "qwen3_vl.jinja"),
    Official("hermes", "Qwen2.5", TRL, "qwen2_5.jinja"),
    Official("qwen3_coder", "Qwen3-Coder", LLAMA_CPP, "Qwen3-Coder.jinja"),
    Official("qwen3_coder", "Qwen3.5", TRL, "qwen3_5_think.jinja"),
    Official("qwen3_coder", "Qwen3.6", TRL, "qwen3_6.jinja"),
    Official("llama3_json", "Llama 3.1", TRL, "llama3_1.jinja", LLAMA),
    Official("llama3_json", "Llama 3.2", TRL, "llama3_2.jinja", LLAMA),
    Official("llama3_json", "Llama 3.3", LLAMA_CPP, "meta-llama-Llama-3.3-70B-Instruct.jinja", LLAMA),
    Official("gemma4_tool", "Gemma 4", TRL, "gemma4_v5.jinja", ("<bos>", "<eos>")),
    Official("kimi_k2", "Kimi K2 Instruct", LLAMA_CPP, "Kimi-K2-Instruct.jinja", edited=IDS),
    Official("kimi_k25", "Kimi K2-Thinking", LLAMA_CPP, "Kimi-K2-Thinking.jinja", edited=IDS),
    Official("glm45", "GLM-4.5", TRL, "glm4moe.jinja"),
    Official("glm45", "GLM-4.6", LLAMA_CPP, "GLM-4.6.jinja"),
    Official("glm47", "GLM-4.7-Flash", LLAMA_CPP, "GLM-4.7-Flash.jinja"),
    Official("minimax_m2", "MiniMax M2", LLAMA_CPP, "MiniMax-M2.jinja"),
    Official("nemotron_nano", "Nemotron 3 Nano", TRL, "nemotron_3_nano.jinja"),
    Official("nemotron_nano", "Nemotron 3 Super", TRL, "nemotron_3_super.jinja"),
    Official(
        "mistral",
        "Ministral 3 Reasoning",
        LLAMA_CPP,
        "mistralai-Ministral-3-14B-Reasoning-2512.jinja",
        ("<s>", "</s>"),
    ),
)


class Unreachable(Exception):
    """The package cannot be fetched here."""


@cache
def fetched(source: Source) -> Path:
    """The folder with the package's templates."""
    folder = CACHE / f"{source.package}-{source.version}"
    if not folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            made = Path(scratch) / "made"
            made.mkdir()
            for name, content in _members(_archive(source, Path(scratch)), source.inside):
                (made / name).write_bytes(content)
            try:
                made.rename(folder)
            except OSError:  # another process was first
                shutil.rmtree(made)
    return folder


def _archive(source: Source, scratch: Path) -> Path:
    kind = "--only-binary" if source.wheel else "--no-binary"
    wanted = f"{source.package}=={source.version}"
    quiet = ("--quiet", "--disable-pip-version-check")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        *quiet,
        "--no-deps",
        kind,
        source.package,
        "--dest",
        str(scratch),
    ]
    done = subprocess.run([*command, wanted], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unreachable(f"{source.title} cannot be fetched: {done.stderr.strip()[-200:]}")
    return next(each for each in scratch.iterdir() if each.suffix in (".whl", ".gz"))


def _members(archive: Path, inside: str) -> Iterator[tuple[str, bytes]]:
    """The templates in a wheel or a source archive: name and content."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for name in wheel.namelist():
                if _wanted(name, inside):
                    yield PurePosixPath(name).name, wheel.read(name)
        return
    with tarfile.open(archive) as files:
        for member in files:
            content = files.extractfile(member) if _wanted(member.name, inside) else None
            if content is not None:
                yield PurePosixPath(member.name).name, content.read()


def _wanted(name: str, inside: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix == ".jinja" and str(path.parent).endswith(inside)


if __name__ == "__main__":
    for each in (TRL, LLAMA_CPP):
        print(fetched(each))
