"""Where a prompt and a reply are in reasoning, by token ids, in vocabularies that have no token for its markers."""

from __future__ import annotations

from typing import Any

import pytest
from dynamo_parsers.registry import REASONING_ROWS, TOOL_ROWS, partners, reasoning_row
from dynamo_parsers.rows import ReasoningRow, ToolRow
from dynamo_parsers.token_ids import ReasoningIds, needs_special_tokens
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

CLOSE = "</think>"


class Encoder:
    """A tokenizer, as `token_ids` asks it, that joins line breaks to the text before them, as Llama's does."""

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
    assert ids.after_reasoning(reply) == reply[ends[0] + 1 :]
    assert ids.count(reply, inside=True) == len(thought)


def test_each_spelling_of_a_marker_counts() -> None:
    encoder = Encoder()
    ids = ReasoningIds.of(reasoning_row("granite"), encoder)
    for opener in ("Here's my thought process:", "Here is my thought process:\n", "<think>\n"):
        assert ids.prompt_ends_inside(encoder.encode(f"assistant\n{opener}")) is True


# --- special tokens: a client sees those that a detokenizer leaves in, so they stay only if a parser looks for them


class Specials:
    """A tokenizer, as far as it is asked for its special tokens."""

    def __init__(self, *tokens: str) -> None:
        self.all_special_tokens = ["<|endoftext|>", "<|im_end|>", *tokens]


NONE_OF_OURS = Specials()


@pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)
def test_special_tokens_stay_for_a_tool_parser_that_looks_for_them(row: ToolRow) -> None:
    assert needs_special_tokens(row, None, NONE_OF_OURS) is bool(row.special_tokens)
    assert needs_special_tokens(row, None, Specials(min(row.format.markers))) is True


@pytest.mark.parametrize("row", REASONING_ROWS, ids=lambda row: row.name)
def test_special_tokens_stay_for_reasoning_if_the_model_has_them(row: ReasoningRow) -> None:
    """A call ends reasoning; that one of the parsers that it goes with has special tokens says nothing of the model."""
    assert needs_special_tokens(None, row, NONE_OF_OURS) is bool(row.special_tokens)
    for tool in partners(row):
        if tool.format.markers:
            assert needs_special_tokens(None, row, Specials(min(tool.format.markers))) is True
