"""Writes a demo model's checkpoint: the files that an engine loads, about 1 MB, in well under a second.

- A Llama of two layers with random weights: engines know the architecture, and its own replies do not matter.
- The tokenizer has the family's real markers: special tokens, which decoding can leave out, and single tokens
  that are ordinary text.
- The same family gives the same bytes, so a file that is there already is left alone.
"""

from __future__ import annotations

import json
import random
import struct
import sys
from array import array
from collections.abc import Iterator
from math import prod
from pathlib import Path

from ..registry import reasoning_row, tool_row
from .conversation import TURN_OPEN, chat_template
from .model import FILE, DemoModel
from .tokenizer import tokenizer_json

CONTEXT = 32768
PAD = "<|endoftext|>"
HIDDEN, INNER, LAYERS, HEADS, HEAD = 64, 128, 2, 2, 32


def write(folder: Path, model: DemoModel) -> list[str]:
    """Write the checkpoint of `model` into `folder`. Returns the names of the files that changed."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, content in files(model).items():
        file = folder / name
        if not file.is_file() or file.read_bytes() != content:
            file.write_bytes(content)
            changed.append(name)
    return changed


def files(model: DemoModel) -> dict[str, bytes]:
    """Return the content of every file of the checkpoint, by name."""
    special, added = _markers(model)
    tokenizer, ids = tokenizer_json(special, added)
    eos, pad = ids[model.turn_end], ids[PAD]
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": pad,
        "dtype": "float32",
        "eos_token_id": eos,
        "head_dim": HEAD,
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "initializer_range": 0.02,
        "intermediate_size": INNER,
        "max_position_embeddings": CONTEXT,
        "mlp_bias": False,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": HEADS,
        "pad_token_id": pad,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        "use_cache": True,
        "vocab_size": len(ids),
    }
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": PAD,
        "clean_up_tokenization_spaces": False,
        "eos_token": model.turn_end,
        "extra_special_tokens": [marker for marker in special if marker not in (PAD, model.turn_end)],
        "model_max_length": CONTEXT,
        "pad_token": PAD,
    }
    return {
        "config.json": _json(config),
        "generation_config.json": _json({"bos_token_id": pad, "eos_token_id": eos, "pad_token_id": pad}),
        "tokenizer.json": tokenizer.encode(),
        "tokenizer_config.json": _json(tokenizer_config),
        "chat_template.jinja": chat_template(model.turn_end, model.think_open, model.think_close, model.call).encode(),
        "model.safetensors": _safetensors(len(ids)),
        FILE: _json(model.model_dump()),
    }


def _markers(model: DemoModel) -> tuple[list[str], list[str]]:
    """Return the special tokens and the other single tokens, each once; special for one parser is special."""
    tool = tool_row(model.tool_parser)
    special = [PAD, TURN_OPEN, model.turn_end, *tool.special_tokens]
    added = [*tool.added_tokens]
    if model.reasoning_parser:
        reasoning = reasoning_row(model.reasoning_parser)
        special += reasoning.special_tokens
        added += reasoning.added_tokens
    special = list(dict.fromkeys(special))
    return special, [marker for marker in dict.fromkeys(added) if marker not in special]


def _shapes(vocabulary: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the name and shape of every weight; the output layer is the embedding (`tie_word_embeddings`)."""
    yield "model.embed_tokens.weight", (vocabulary, HIDDEN)
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}."
        yield prefix + "input_layernorm.weight", (HIDDEN,)
        for name in "qkv":
            yield f"{prefix}self_attn.{name}_proj.weight", (HEADS * HEAD, HIDDEN)
        yield prefix + "self_attn.o_proj.weight", (HIDDEN, HEADS * HEAD)
        yield prefix + "post_attention_layernorm.weight", (HIDDEN,)
        yield prefix + "mlp.gate_proj.weight", (INNER, HIDDEN)
        yield prefix + "mlp.up_proj.weight", (INNER, HIDDEN)
        yield prefix + "mlp.down_proj.weight", (HIDDEN, INNER)
    yield "model.norm.weight", (HIDDEN,)


def _safetensors(vocabulary: int) -> bytes:
    """Return the weights: norms are 1, everything else is normal with standard deviation 0.02."""
    dice = random.Random(0)
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    data = bytearray()
    for name, shape in _shapes(vocabulary):
        size = prod(shape)
        values = array("f", [1.0] * size if len(shape) == 1 else (dice.gauss(0.0, 0.02) for _ in range(size)))
        if sys.byteorder == "big":
            values.byteswap()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": (len(data), len(data) + 4 * size)}
        data += values.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # the data starts at a multiple of eight bytes
    return struct.pack("<Q", len(text)) + text + bytes(data)


def _json(content: object) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()
