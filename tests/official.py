"""Chat templates of models, as public packages carry them: fetched when a test asks for one, and never part of this
repository.

    python tests/official.py        # fetch all of them: 120 MB, most of it llama-cpp-python and SGLang

They are cached in `.cache/official/<package>-<version>`. vLLM's are what `make vllm-next` fetches.
"""

from __future__ import annotations

import ast
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

from dynamo_parsers.template_words import Own
from dynamo_parsers.template_words.encoders import ENCODERS
from renderers_package import writer

CACHE = Path(__file__).parent.parent / ".cache" / "official"


@dataclass(frozen=True)
class Source:
    """A package, and the folder in it with the templates; "": all of it is kept, in its folders."""

    package: str
    version: str
    inside: str = ""
    wheel: bool = True
    kinds: tuple[str, ...] = (".jinja",)
    tree: str = ""
    """The folder of it in `.cache/<package>-<version>`, for one that the Makefile fetches."""

    @property
    def title(self) -> str:
        return f"{self.package} {self.version}"

    @property
    def place(self) -> str:
        """Its folder in the cache."""
        return f"{self.package}-{self.version}" + ("" if self.kinds == (".jinja",) else "-code")


@dataclass(frozen=True)
class Official:
    """A model's template. `tokens`: BOS and EOS if the template writes them; `edited`: what the package changed;
    `restored`: texts of the package's, and the model's in their place.

    A `file` with a name after `:` is a module with the template in that constant, which is read, not run. Without a
    `file` it is written by the encoder that the package has, or by the `renderer` of `renderers_package`.
    """

    template: str
    model: str
    source: Source
    file: str = ""
    tokens: tuple[str, str] = ("", "")
    edited: str = ""
    restored: tuple[tuple[str, str], ...] = ()
    renderer: str = ""
    switch: str = "enable_thinking"
    """What the renderer calls thinking."""

    @property
    def text(self) -> str:
        name, _, constant = self.file.partition(":")
        text = (fetched(self.source) / name).read_text(encoding="utf-8")
        text = _constant(text, constant) if constant else text
        for edited, restored in self.restored:
            assert edited in text, f"{self.model}: the package's text is another one"
            text = text.replace(edited, restored)
        return text

    @property
    def own(self) -> Own:
        if self.file:
            tokens = dict(zip(("bos_token", "eos_token"), self.tokens, strict=True))
            return Own(self.model, self.text, tokens)
        if self.renderer:
            return self._rendered()
        encoder = next(
            each for each in ENCODERS[self.template] if each.package == self.source.package.replace("-", "_")
        )
        folder = fetched(self.source)
        if not encoder.file:
            sys.path.insert(0, str(folder))  # the package itself is the encoder
        loaded = encoder.loaded(folder / PurePosixPath(encoder.file).name)
        assert loaded is not None
        return Own.of(loaded, self.model)

    def _rendered(self) -> Own:
        folders = [fetched(each) for each in (self.source, SETTINGS)]
        try:
            write = writer(folders, self.renderer, self.switch)
        except ImportError as error:
            raise Unreachable(f"{self.source.title} does not work here: {error}") from None
        # Kimi K2.5's tokenizer hands the tools over as a text, too.
        return Own(self.model, "tools_ts_str" if self.template == "kimi_k25" else self.renderer, encode=write)

    @property
    def origin(self) -> str:
        said = f" ({self.edited})" if self.edited else ""
        code = f"`{self.renderer.partition(':')[2]}`" if self.renderer else "its encoder"
        return f"{self.source.title}, " + (f"`{self.file}`" if self.file else code) + said


def _constant(module: str, name: str) -> str:
    for node in ast.parse(module).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(each, ast.Name) and each.id == name for each in node.targets
        ):
            return str(ast.literal_eval(node.value))
    raise LookupError(f"no constant {name}")


# TRL compares its copies with what the hub has, byte for byte (its README); llama.cpp edited some of its own.
TRL = Source("trl", "1.16.0", "trl/chat_templates")
LLAMA_CPP = Source("llama-cpp-python", "0.3.36", "vendor/llama.cpp/models/templates", wheel=False)
AXOLOTL = Source("axolotl", "0.19.0", "axolotl/utils/chat_templates/templates")
GUIDANCE = Source("guidance", "0.3.1", "guidance", kinds=(".py",))
VLLM = Source("vllm", "0.33.0", tree="templates")
VLLM_CODE = Source("vllm", "0.33.0", tree="hybrid/vllm/tokenizers")
SGLANG_CODE = Source("sglang", "0.5.23", "sglang/srt/entrypoints/openai", kinds=(".py",))
RECIPE = Source("deepseek-recipe", "0.2.0")
RENDERERS = Source("renderers", "0.1.12")
SETTINGS = Source("prime-pydantic-config", "0.4.3")  # RENDERERS imports it
DEEPSEEK = ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>")
LLAMA = ("<|begin_of_text|>", "<|eot_id|>")
# llama.cpp makes ids where Moonshot takes those of the messages.
IDS = (
    "with the ids of the messages put back",
    (
        ("{%- set _ = tool_response_queue.ids.append(formatted_id) -%}", ""),
        ("{{ formatted_id }}", "{{ tool_call['id'] }}"),
        ("## Return of {{ tool_call_id }}", "## Return of {{ message['tool_call_id'] }}"),
    ),
)

OFFICIAL = (
    Official("hermes", "Qwen3", TRL, "qwen3.jinja"),
    Official("hermes", "Qwen3-Instruct-2507", TRL, "qwen3_instruct_2507.jinja"),
    Official("hermes", "Qwen3-VL", TRL, "qwen3_vl.jinja"),
    Official("hermes", "Qwen2.5", TRL, "qwen2_5.jinja"),
    Official("qwen3_coder", "Qwen3-Coder", LLAMA_CPP, "Qwen3-Coder.jinja"),
    Official("qwen3_coder", "Qwen3.5", TRL, "qwen3_5_think.jinja"),
    Official("qwen3_coder", "Qwen3.5 that does not think", TRL, "qwen3_5_nothink.jinja"),
    Official("qwen3_coder", "Qwen3.6", TRL, "qwen3_6.jinja"),
    Official("llama3_json", "Llama 3.1", TRL, "llama3_1.jinja", LLAMA),
    Official("llama3_json", "Llama 3.2", TRL, "llama3_2.jinja", LLAMA),
    Official("llama3_json", "Llama 3.3", LLAMA_CPP, "meta-llama-Llama-3.3-70B-Instruct.jinja", LLAMA),
    Official("gemma4_tool", "Gemma 4", TRL, "gemma4_v5.jinja", ("<bos>", "<eos>")),
    Official("kimi_k2", "Kimi K2 Instruct", LLAMA_CPP, "Kimi-K2-Instruct.jinja", ("", ""), *IDS),
    Official("kimi_k25", "Kimi K2-Thinking", LLAMA_CPP, "Kimi-K2-Thinking.jinja", ("", ""), *IDS),
    Official("kimi_k25", "Kimi K2.5, K2.6", RENDERERS, renderer="kimi_k25:KimiK25Renderer", switch="thinking"),
    Official("glm45", "GLM-4.5", TRL, "glm4moe.jinja"),
    Official("glm45", "GLM-4.6", LLAMA_CPP, "GLM-4.6.jinja"),
    Official("glm47", "GLM-4.7-Flash", LLAMA_CPP, "GLM-4.7-Flash.jinja"),
    Official("glm47", "GLM-5", RENDERERS, renderer="glm5:GLM5Renderer"),
    Official("glm47", "GLM-5.1", RENDERERS, renderer="glm5:GLM51Renderer"),
    Official("minimax_m2", "MiniMax M2", LLAMA_CPP, "MiniMax-M2.jinja"),
    Official("minimax_m2", "MiniMax M2.5", RENDERERS, renderer="minimax_m2:MiniMaxM2Renderer", switch=""),
    Official("nemotron_nano", "Nemotron 3 Nano", TRL, "nemotron_3_nano.jinja"),
    Official("nemotron_nano", "Nemotron 3 Super", TRL, "nemotron_3_super.jinja"),
    Official(
        "mistral",
        "Ministral 3 Reasoning",
        LLAMA_CPP,
        "mistralai-Ministral-3-14B-Reasoning-2512.jinja",
        ("<s>", "</s>"),
    ),
    Official("deepseek_v3", "DeepSeek V3", AXOLOTL, "deepseek_v3.jinja", DEEPSEEK),
    Official("deepseek_v3", "DeepSeek R1", TRL, "deepseekv3.jinja", DEEPSEEK),
    Official(
        "deepseek_v3_1",
        "DeepSeek V3.1",
        LLAMA_CPP,
        "deepseek-ai-DeepSeek-V3.1.jinja",
        DEEPSEEK,
        "with DeepSeek's `</think>` put back",
        (("<think></think>", "</think>"),),
    ),
    Official("deepseek_v3_2", "DeepSeek V3.2 (vLLM)", VLLM_CODE),
    Official("deepseek_v3_2", "DeepSeek V3.2 (SGLang)", SGLANG_CODE),
    Official("deepseek_v4", "DeepSeek V4 (DeepSeek)", RECIPE),
    Official("deepseek_v4", "DeepSeek V4 (vLLM)", VLLM_CODE),
    Official("jamba", "Jamba 1.5", AXOLOTL, "jamba.jinja"),
    Official(
        "llama4_pythonic",
        "Llama 4, Meta's prompt for Python calls",
        VLLM,
        "tool_chat_template_llama4_pythonic.jinja",
        ("<|begin_of_text|>", "<|eot|>"),
    ),
    Official(
        "phi4_mini",
        "Phi-4-mini",
        GUIDANCE,
        "chat.py:phi_4_mini_template",
        ("<|endoftext|>", "<|endoftext|>"),
    ),
)


class Unreachable(Exception):
    """The package cannot be fetched here."""


@cache
def fetched(source: Source) -> Path:
    """The folder with the package's templates."""
    if source.tree:
        folder = CACHE.parent / f"{source.package}-{source.version}" / source.tree
        if not folder.is_dir():
            raise Unreachable(f"{source.title} is not here: `make vllm-next` fetches it")
        return folder
    folder = CACHE / source.place
    if not folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            made = Path(scratch) / "made"
            made.mkdir()
            for name, content in _members(_archive(source, Path(scratch)), source):
                (made / name).parent.mkdir(parents=True, exist_ok=True)
                (made / name).write_bytes(content)
            try:
                made.rename(folder)
            except OSError:  # another process was first
                shutil.rmtree(made)
    return folder


def _archive(source: Source, scratch: Path) -> Path:
    for wheel in (CACHE.parent / "wheels").glob(f"{source.package}-{source.version}-*.whl"):
        return wheel  # fetched for an environment
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


def _members(archive: Path, source: Source) -> Iterator[tuple[str, bytes]]:
    """What is wanted of a wheel or a source archive: name and content."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for name in wheel.namelist():
                if wanted := _wanted(name, source):
                    yield wanted, wheel.read(name)
        return
    with tarfile.open(archive) as files:
        for member in files:
            wanted = _wanted(member.name, source)
            content = files.extractfile(member) if wanted else None
            if content is not None:
                yield wanted, content.read()


def _wanted(name: str, source: Source) -> str:
    """What a member of a package is called in the cache, "" if it stays out."""
    path = PurePosixPath(name)
    if not source.inside:
        return "" if name.endswith("/") else name
    return path.name if path.suffix in source.kinds and str(path.parent).endswith(source.inside) else ""


if __name__ == "__main__":
    for each in dict.fromkeys(official.source for official in OFFICIAL):
        try:
            print(fetched(each))
        except Unreachable as error:
            print(error)
