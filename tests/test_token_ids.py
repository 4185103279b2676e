"""Where a prompt and a reply are in reasoning, by token ids, in vocabularies that have no token for its markers."""

from __future__ import annotations

from typing import Any

import pytest
from dynamo_parsers.registry import reasoning_row
from dynamo_parsers.token_ids import ReasoningIds
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

CLOSE = "</think>"


class Encoder:
    """A tokenizer, as `token_ids` asks it, that joins line breaks to what stands before them, as Llama's does."""

    def __init__(self, *tokens: str) -> None:
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        merges = [("Ċ", "Ċ"), (">", "ĊĊ"), (">", "Ċ"), (":", "Ċ")]
        words = [*alphabet, *("".join(pair) for pair in merges)]
        self.tokenizer = Tokenizer(models.BPE({word: number for number, word in enumerate(words)}, merges))
        self.tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        self.tokenizer.decoder = decoders.ByteLevel()
        self.tokenizer.add_tokens(list(tokens))

    def get_vocab(self) -> dict[str, int]:
        return dict(self.tokenizer.get_vocab())

    def encode(self, text: str, *, add_special_tokens: bool = False) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=add_special_tokens).ids)


@pytest.fixture(params=[(), ("<think>", "</think>")], ids=["text", "tokens"])
def encoder(request: pytest.FixtureRequest) -> Any:
    return Encoder(*request.param)


@pytest.mark.parametrize("gap", ["", "\n", "\n\n"], ids=["", "line", "lines"])
def test_how_a_prompt_ends(encoder: Encoder, gap: str) -> None:
    ids = ReasoningIds.of(reasoning_row("qwen3"), encoder)
    turn = "<|im_start|>assistant\n"
    assert ids.prompt_ends_inside(encoder.encode(turn)) is None
    assert ids.prompt_ends_inside(encoder.encode(f"{turn}<think>{gap}")) is True
    assert ids.prompt_ends_inside(encoder.encode(f"{turn}<think>\n\n{CLOSE}{gap}")) is False


@pytest.mark.parametrize("gap", ["", "\n", "\n\n", " "], ids=["", "line", "lines", "space"])
def test_where_reasoning_ends(encoder: Encoder, gap: str) -> None:
    """A grammar starts there, and the tokens before are counted."""
    ids = ReasoningIds.of(reasoning_row("qwen3"), encoder)
    thought = encoder.encode("A plan.")
    reply = [*thought, *encoder.encode(f"{CLOSE}{gap}Hi.")]
    ends = [at for at, each in enumerate(reply) if ids.ends_in(reply[: at + 1], [each])]
    assert len(ends) == 1
    assert ids.behind_reasoning(reply) == reply[ends[0] + 1 :]
    assert ids.count(reply, inside=True) == len(thought)


def test_each_spelling_of_a_marker_counts() -> None:
    encoder = Encoder()
    ids = ReasoningIds.of(reasoning_row("granite"), encoder)
    for opener in ("Here's my thought process:", "Here is my thought process:\n", "<think>\n"):
        assert ids.prompt_ends_inside(encoder.encode(f"assistant\n{opener}")) is True
