"""Seconds that xgrammar takes to compile the tags, for each family, against a real vocabulary.

    .venv-vllm/bin/python tests/benchmarks/compile_tags.py TOKENIZER.json [--families gemma4,hermes] [--tools 1,20]

The tokenizer is a file of Hugging Face's `tokenizers`. Each cell is CPU time on one thread, and the size of the tag.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence

from dynamo_parsers.registry import TOOL_ROWS, tool_row
from dynamo_parsers.structural_tags import frames_reply, structural_tag
from tags_in_requests import tools
from transformers import PreTrainedTokenizerFast
from xgrammar import GrammarCompiler, TokenizerInfo


def main(said: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tokenizer")
    parser.add_argument("--families", default=",".join(row.name for row in TOOL_ROWS))
    parser.add_argument("--tools", default="1,20")
    asked = parser.parse_args(said)
    info = TokenizerInfo.from_huggingface(PreTrainedTokenizerFast(tokenizer_file=asked.tokenizer))
    print(f"{info.vocab_size} tokens; seconds and KB of a forced call")
    for family in asked.families.split(","):
        row = tool_row(family)
        cells = []
        for count in map(int, asked.tools.split(",")):
            for strict in (False, True):
                reasoning = None if frames_reply(row) else row.pairs[0]
                declared = tools(count + 9, strict)[9:]  # those before have few parameters
                text = json.dumps(structural_tag(row.name, declared, "required", reasoning_parser=reasoning))
                compiler = GrammarCompiler(info, max_threads=1)
                start = time.process_time()
                compiler.compile_structural_tag(text)
                took = time.process_time() - start
                cells.append(f"{count} {'strict' if strict else 'plain'}: {took:5.2f} s {len(text) / 1000:5.0f} KB")
        print(f"{family:14} " + "   ".join(cells), flush=True)


if __name__ == "__main__":
    main()
