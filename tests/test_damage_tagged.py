"""Damage stays local: whatever happens to one piece of a call's markup, the sound call behind it is still there.

Each piece of the first call is deleted, doubled, cut and replaced in turn; the second call, the prose between the calls
and behind them, and the reasoning have to come out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from dynamo_parsers import fold, markup
from dynamo_parsers.formats.kimi_k3 import KimiK3
from dynamo_parsers.formats.tagged import Tagged
from dynamo_parsers.registry import TOOL_ROWS, ToolRow, reasoning_row
from replies import Request, events_of, tool

TOOLS = [
    tool("get_weather", city={"type": "string"}, days={"type": "integer"}),
    tool("run_shell", command={"type": "string"}),
]
FIRST = markup.Call.of("get_weather", {"city": "Oslo", "days": 3})
ONLY = markup.Call.of("run_shell", {"command": "ls"})
SECOND = markup.Call.of("run_shell", {"command": "ls -la"})
BETWEEN = "\nNow the other.\n"
BEHIND = "\nThat is all."
PIECE = re.compile(r"(?:\]<\]minimax\[>\[)?<\|?[^<>]*>|\]<\]minimax\[>\[")


def is_tagged(row: ToolRow) -> bool:
    return isinstance(row.format, Tagged | KimiK3) and row.name not in ("kimi_k2", "deepseek_v3", "deepseek_v3_1")


rows = pytest.mark.parametrize("row", [row for row in TOOL_ROWS if is_tagged(row)], ids=lambda row: row.name)


def damaged(text: str) -> Iterator[tuple[str, str]]:
    """The text with one piece deleted, doubled, cut or replaced."""
    for piece in PIECE.finditer(text):
        before, behind = text[: piece.start()], text[piece.end() :]
        for what, instead in {
            "deleted": "",
            "doubled": piece[0] * 2,
            "without its end": piece[0][:-1],
            "without its start": piece[0][1:],
            "cut": piece[0][: len(piece[0]) // 2],
            "another closer": "</other>",
            "words": " and so on ",
        }.items():
            yield f"{piece[0]!r} at {piece.start()} {what}", before + instead + behind


@rows
@pytest.mark.parametrize("first", [FIRST, ONLY], ids=["two values", "one value"])
def test_damage_stays_local(row: ToolRow, first: markup.Call) -> None:
    renderer = markup.RENDERERS[row.name]
    think = reasoning_row(row.pairs[0])
    request = Request(row.name, row.pairs[0], TOOLS, in_reasoning=False)
    start = f"{think.open}Hm.{think.close}" if think.open else ""
    lost = []
    for what, broken in damaged(renderer.calls([first])):
        text = f"{start}{broken}{BETWEEN}{renderer.calls([SECOND])}{BEHIND}"
        message = fold(events_of(request, [text]))
        assert fold(events_of(request, list(text))) == message, what
        last = message.tool_calls[-1] if message.tool_calls else None
        sound = last is not None and last.complete and last.name == SECOND.name
        sound = sound and last is not None and json.loads(last.arguments) == SECOND.arguments
        content = message.content or ""
        prose = content.find(BETWEEN.strip()) >= 0 and content.endswith(BEHIND.strip())
        if not (sound and prose and message.reasoning == ("Hm." if start else None)):
            lost.append((what, message.content, message.reasoning, message.tool_calls))
    assert not lost, "\n".join(map(str, lost))
