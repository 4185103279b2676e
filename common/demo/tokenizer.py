"""A byte-level BPE tokenizer in the `tokenizer.json` format of the tokenizers library.

- All 256 bytes are in the vocabulary, so every UTF-8 text round-trips.
- A few hundred merges make tokens of more than one character, as real models have; so a marker that is not
  one token in the family's tokenizer is several here.
- The same arguments give the same bytes, whatever the hash seed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

MERGES = 200

# Typical text of demo conversations: prose, arguments, schemas, and the tags of all formats.
_CORPUS = """
What is the weather in Paris today? The weather in Paris is sunny and I should call the tool for that.
Hello! I am a demo model with random weights, so what I say is scripted. Here is what the tool answered:
{"city": "Paris", "unit": "celsius"} {"name": "get_weather", "arguments": {"city": "Paris"}}
{"type": "object", "properties": {"city": {"type": "string", "description": "The name of the city"}}}
functions.get_weather:0 get_weather(city="Paris", days=3) <function=get_weather> </function> [TOOL_CALLS]
<tool_call> </tool_call> <tool_calls> </tool_calls> <arg_key> </arg_key> <arg_value> </arg_value> <think>
<invoke name="get_weather"> <parameter name="city" string="true"> </parameter> </invoke> <parameter=city>
user assistant system tools the of and to a in is that it for on with as was at by from this be are or
"""


def byte_alphabet() -> list[str]:
    """Return one printable character for each byte value, as in GPT-2's byte-level BPE.

    Printable Latin-1 bytes map to themselves; the others get the code points from 256 on, in order.
    """
    printable = {
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    }
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) if byte in printable else chr(256 + others.index(byte)) for byte in range(256)]


def learn_merges(corpus: str, count: int) -> list[tuple[str, str]]:
    """Return the first `count` merges, most frequent pair first; of equal pairs the one that sorts first."""
    alphabet = byte_alphabet()
    found = Counter(re.findall(r" ?[^\W\d_]+| ?\d+| ?[^\s\w]+|\s+", corpus))
    words = {tuple(alphabet[byte] for byte in word.encode()): times for word, times in found.items()}
    merges: list[tuple[str, str]] = []
    while len(merges) < count:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, times in words.items():
            for pair in pairwise(word):
                pairs[pair] += times
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = {_merged(word, best): times for word, times in words.items()}
    return merges


def _merged(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    symbols: list[str] = []
    for symbol in word:
        if symbols and (symbols[-1], symbol) == pair:
            symbols[-1] += symbol
        else:
            symbols.append(symbol)
    return tuple(symbols)


def tokenizer_json(special: Sequence[str], added: Sequence[str]) -> tuple[str, dict[str, int]]:
    """Return the text of the file and the id of every token in it.

    `special` are single tokens that decoding can leave out; `added` are single tokens that it always writes.
    """
    merges = learn_merges(_CORPUS, MERGES)
    # Different merges can make the same token.
    pieces = dict.fromkeys([*sorted(byte_alphabet()), *(left + right for left, right in merges)])
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    markers = [*dict.fromkeys([*special, *added])]
    ids = {marker: len(vocabulary) + i for i, marker in enumerate(markers)}
    # `use_regex` splits into words as GPT-2 does; without a prefix space the first word is like any other.
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": i,
                "content": marker,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": marker in special,
            }
            for marker, i in ids.items()
        ],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocabulary,
            "merges": [list(merge) for merge in merges],
        },
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n", {**vocabulary, **ids}
