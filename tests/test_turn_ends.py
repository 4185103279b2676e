"""Turn ends are held back in front of the reader: exactly as long as nothing else follows them."""

from __future__ import annotations

import random
import re

import pytest
from dynamo_parsers.cursor import Markers
from dynamo_parsers.turn_ends import TurnEnds

ENDS = (
    ("<|im_end|>", "<|endoftext|>"),
    ("[e~[",),
    ("<|im_end|>", "[EOS]", "[EOT]"),
    ("</s>",),
    ("<a>", "[b]", "{c}", "(d)"),
)


def read(ends: tuple[str, ...], pieces: list[str]) -> tuple[str, str]:
    """What is handed on of a reply: as it comes, and at the end."""
    filter = TurnEnds(Markers(ends))
    read = ""
    for piece in pieces:
        looks = filter.waits or piece[-1] in filter.firsts or filter.lead in piece or filter.other in piece
        read += filter.feed(piece) if looks else piece
    return read, filter.end()


@pytest.mark.parametrize("ends", ENDS, ids=lambda ends: " ".join(ends))
def test_any_pieces_give_the_same(ends: tuple[str, ...]) -> None:
    draw = random.Random(7)
    all_turn_ends = re.compile(rf"(?:(?:{'|'.join(map(re.escape, ends))})\s*)+")
    parts = [*ends, *(end[:-1] for end in ends), *(end[:1] for end in ends), " ", "\n", "x", "word "]
    for _ in range(2_000):
        text = "".join(draw.choice(parts) for _ in range(draw.randint(1, 7)))
        pieces = [text[at : at + size] for size in [draw.randint(1, 5)] for at in range(0, len(text), size)]
        early, late = read(ends, pieces)
        dropped = text.removeprefix(early + late)
        assert early + late + dropped == text, pieces
        cut = next((end for end in ends for size in range(8, len(end)) if dropped.endswith(end[:size])), "")
        assert dropped == "" or all_turn_ends.fullmatch(dropped) or cut, pieces
        marked = re.sub("|".join(map(re.escape, ends)), "\0", text)  # from the left: `[e~[e~[` is one, and text
        assert dropped or not marked.rstrip().endswith("\0"), pieces
        assert read(ends, [text]) == (early, late), pieces


def test_the_end_of_a_turn_that_is_cut_is_dropped_if_it_is_known() -> None:
    assert read(("<|im_end|>",), ["Hi.<|im_end|><|im_end"]) == ("Hi.", "")
    assert read(("<|im_end|>",), ["Hi.<|im_end|><|im"]) == ("Hi.", "<|im_end|><|im")


def test_many_turn_ends_cost_what_they_are_long() -> None:
    filter = TurnEnds(Markers(("<|im_end|>",)))
    for _ in range(20_000):
        assert filter.feed("<|im_end|>") == ""
    assert filter.feed("x") == "<|im_end|>" * 20_000 + "x"
