"""After `prepare` the first reply compiles nothing more."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import re, sys
from dynamo_parsers import Parser
from dynamo_parsers.registry import tool_row
from dynamo_parsers.warm import prepare
row = tool_row(sys.argv[1])
if sys.argv[2] == "warm":
    prepare(row.name, row.pairs[0])
compiled = []
compile_pattern = re.compile
re.compile = lambda *args, **kwargs: compiled.append(args[0]) or compile_pattern(*args, **kwargs)
for size in (1, 1 << 20):
    parser = Parser(row.name, row.pairs[0], [{"name": "get_weather"}], in_reasoning=False)
    text = "Let me look. " + row.sample + row.sample + " Done."
    for at in range(0, len(text), size):
        parser.feed(text[at : at + size])
    parser.finish()
print(len(compiled))
"""


@pytest.mark.parametrize("name", ["deepseek_v4", "kimi_k3", "hermes", "harmony"])
def test_a_prepared_parser_compiles_nothing_in_a_reply(name: str) -> None:
    def compiled(how: str) -> int:
        return int(subprocess.run([sys.executable, "-c", SCRIPT, name, how], check=True, capture_output=True).stdout)

    assert compiled("warm") == 0 < compiled("cold")
