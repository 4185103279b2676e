"""After a server has started, the first reply costs at most twice what the second does, for every pair of parsers.

The programs of `support/first_reply.py` count the work, in processes of their own: in this one all is compiled already.
By day an engine is asked for one pair in four.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from dynamo_parsers.registry import TOOL_ROWS
from effort import some

PROGRAM = Path(__file__).parent / "support" / "first_reply.py"


@pytest.mark.parametrize("how", ["core", "vllm", "sglang"])
def test_the_first_reply(how: str) -> None:
    if how != "core" and importlib.util.find_spec(how) is None:
        pytest.skip(f"no {how} here")
    families = [row.name for row in some(TOOL_ROWS, 1 if how == "core" else 4)]
    made = subprocess.run([sys.executable, PROGRAM, how, *families], check=True, capture_output=True, text=True)
    lines = [json.loads(line) for line in made.stdout.splitlines() if line.startswith("[")]
    assert [line[0] for line in lines] == families
    assert [line for line in lines if line[2] > 2 * line[3]] == []
