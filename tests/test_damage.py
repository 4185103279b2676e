"""Damage stays local: one piece of the first call's markup is broken, and all else of the reply is still there.

- A piece is a marker, a tag, or, in calls in JSON or Python, a word or a character. Each in turn is deleted, doubled,
  cut or replaced, by words and by pieces of other families' markup.
- What must still be there: the second call, which is sound; the prose between and behind; the reasoning. No complete
  call holds text of what comes after it.
- In open reasoning, and under a name that is not declared, the first call must not count, whatever breaks.
- `LOST` lists the damage after which that is impossible: no marker is left that would show it.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator

import pytest
from dynamo_parsers import Message, fold
from dynamo_parsers.arguments.json_object import JsonObject
from dynamo_parsers.formats.kimi_k3 import KimiK3
from dynamo_parsers.registry import TOOL_ROWS, reasoning_row, tool_row
from dynamo_parsers.rows import ToolRow
from dynamo_parsers.shapes.json_calls import JsonCalls
from dynamo_parsers.shapes.messages import Messages
from dynamo_parsers.shapes.pythonic import Pythonic
from dynamo_parsers.shapes.tagged import Tagged
from dynamo_parsers.write import markup
from replies import Request, events_of, merged, tool
from support.effort import NIGHTLY
from support.readers import follows

SCHEMA = {
    "type": "object",
    "properties": {"command": {"type": "string"}, "timeout": {"type": "integer"}},
    "required": ["command"],
}
TOOLS = [
    {"type": "function", "function": {"name": "run_shell", "parameters": SCHEMA}},
    tool("get_weather", city={"type": "string"}, days={"type": "array"}),
]
FIRST = markup.Call.of("run_shell", {"command": "ls -la", "timeout": 5})
SECOND = markup.Call.of("get_weather", {"city": "Oslo", "days": [1, 2]})
BEFORE, BETWEEN, BEHIND = "I look. ", "\nNow the other.\n", "\nThat is all.\n"
VARIANTS = ("apart", "together", "last", "in reasoning", "undeclared")
FOREIGN = (
    "</function>",
    "</invoke>",
    "</parameter>",
    "</tool_call>",
    "<tool_call>",
    "<function=run>",
    '<invoke name="run">',
    "<parameter=city>",
    "<|tool_call_end|>",
    "<｜tool▁call▁end｜>",
    "</arg_value>",
    "<arg_key>",
    "}",
    "]",
    "```",
    "[TOOL_CALLS]",
    "</TOOLCALL>",
    '<|"|>',
    "</other>",
    " and so on ",
    "x",
)
TAG = r"(?:\]<\]minimax\[>\[)?<\|?[^<>]*>|\]<\]minimax\[>\["
_ARRAY = (r"""\d+ '[\],:{}"]' -> (\}|\]|\[TOOL_CALLS\]|<\|"\|>)""",)
_IN_ARRAY = [row for row in TOOL_ROWS if isinstance(row.format, JsonCalls) and "[{" in re.sub(r"\s", "", row.sample)]
_IN_LIST = [row for row in TOOL_ROWS if isinstance(row.format, Pythonic) and "[" in row.sample]


def _without_opener(row: ToolRow) -> Iterator[str]:
    """Without its opener, an array, a list or a line is not a call, unless it starts the reply or a line."""
    opener, bracket, _ = markup.RENDERERS[row.name].calls([FIRST]).partition("[")
    yield f"0 {re.escape(repr(opener.strip()))} .*"
    if row in _IN_ARRAY:
        yield rf"{len(opener)} '\{bracket}' .*"


LOST: dict[str, tuple[str, ...]] = {
    # A bracket of the array or of the call ends it.
    **{row.name: (*_without_opener(row), *_ARRAY) for row in _IN_ARRAY},
    # And another call follows only after a separator.
    **{row.name: (*_without_opener(row), r"5\d ',' .*", r".* -> (\]|```)") for row in _IN_LIST},
    "olmo3": (r"0 '<function_calls>' .*", r"54 '\)' .*"),
    "llama3_json": (r"0 '<\|python_tag\|>' .*", r"14 '\{' .*", r"50 '\{' .*", r"8[456] '[};]' .*", *_ARRAY),
    # Without its last bracket a body goes on to the next call's opener: no closer is written, so the prose is lost.
    "mistral": (r"61 '\}' .*",),
    "granite_20b_fc": (r"51 '\{' .*", r"8[56] '\}' .*"),
    "gigachat3": (r"52 '\{' .*", r"8[67] '\}' .*"),
    # The value takes what looks like a call, and in the same section the next one.
    "minimax_m2": (r""".*</parameter>' -> <invoke name="run">""",),
    "dots": (r""".*</parameter>' -> <invoke name="run">""",),
    "minimax_m3": (r""".*<command>' -> <parameter=city>""", r""".*</\w+>' -> <invoke name="run">"""),
}
"""The damage after which the text cannot be told from the broken call: a piece, and what is done to it."""


def is_lost(row: ToolRow, damage: str) -> bool:
    return any(re.fullmatch(pattern, damage) for pattern in LOST.get(row.name, ()))


rows = pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)


def in_tags(row: ToolRow) -> bool:
    format = row.format.inner if isinstance(row.format, Messages) else row.format
    return isinstance(format, KimiK3) or (isinstance(format, Tagged) and not isinstance(format.arguments, JsonObject))


def pieces(text: str, row: ToolRow) -> Iterator[tuple[int, int]]:
    """Where the pieces of a call's text begin and end."""
    markers = sorted((*row.format.markers, "<|python_tag|>"), key=len, reverse=True)
    known = "|".join(re.escape(marker) for marker in markers if marker.strip())
    for found in re.finditer(TAG if in_tags(row) else rf"{known}|[\w]+|[^\w\s]", text):
        yield found.span()


def damaged(text: str, row: ToolRow) -> Iterator[tuple[str, str, str]]:
    """A piece of a call's text, what is done to it, and what is left of the text."""
    for start, end in pieces(text, row):
        piece, before, behind = text[start:end], text[:start], text[end:]
        name = f"{start} {piece!r}"
        ways = {"deleted": "", "doubled": piece * 2}
        if len(piece) > 1:
            ways |= {"cut": piece[: len(piece) // 2], "without its end": piece[:-1], "without its start": piece[1:]}
        for what, instead in ways.items():
            yield name, what, before + instead + behind
        for at, instead in enumerate(FOREIGN):
            # By day each piece is replaced by some of them.
            if instead not in row.format.markers and (NIGHTLY or (at + zlib.crc32(name.encode())) % 5 == 0):
                yield name, f"-> {instead}", before + instead + behind


def replies(row: ToolRow, variant: str) -> Iterator[tuple[str, str, str]]:
    """Damaged replies: reasoning, prose, the first call, prose, the second call, prose."""
    think = reasoning_row(row.pairs[0])
    renderer = markup.RENDERERS[row.name]
    first, second = (markup.Part("calls", calls=(call,)) for call in (FIRST, SECOND))
    middle = [first, markup.Part("content", BETWEEN), second]
    if variant == "together":
        middle = [markup.Part("calls", calls=(FIRST, SECOND))]
    elif variant == "last":
        middle = [first]
    parts = [markup.Part("reasoning", "plan"), markup.Part("content", BEFORE), *middle, markup.Part("content", BEHIND)]
    start, before, call, *rest = renderer.write(parts, (think.open, think.close))
    if renderer.framed is None and row.name in ("llama3_json", "pythonic"):
        call += "\n"
    size = len(call)
    if variant == "together":
        size = call.index(SECOND.name) - len(shared_end(call, renderer))
    if variant == "in reasoning":
        start, before, rest = "", "I could ", [BETWEEN + think.close, *rest[1:]]
    if variant == "undeclared":
        call = call.replace(FIRST.name, "made_up")
        size = len(call)
    for name, what, broken in damaged(call[:size], row):
        yield name, what, start + before + broken + call[size:] + "".join(rest)


def shared_end(text: str, renderer: markup.Renderer) -> str:
    """The text before the second call's name, in the text of both and in its own: it is its own markup."""
    before = text[: text.index(SECOND.name)]
    own = renderer.calls([SECOND]).partition(SECOND.name)[0].replace('"0"', '"1"')  # an id that numbers the calls
    return max((own[at:] for at in range(len(own) + 1) if before.endswith(own[at:])), key=len)


def lost(message: Message, variant: str) -> str:
    """What is not there of what must be, or is there and must not."""
    second = [call for call in message.tool_calls if call.name == SECOND.name and call.complete]
    if variant != "last" and [json.loads(call.arguments) for call in second] != [SECOND.arguments]:
        return "the second call"
    others = [call for call in message.tool_calls if call.name != SECOND.name]
    if variant in ("in reasoning", "undeclared") and others:
        return "a call counts that does not"
    if any(call.complete and re.search("Oslo|other\\.|That is", call.arguments) for call in others):
        return "a call's own value"
    prose = {"together": (BEFORE, BEHIND), "last": (BEFORE, BEHIND), "in reasoning": (BEHIND,)}
    for text in prose.get(variant, (BEFORE, BETWEEN, BEHIND)):
        if text.strip() not in (message.content or ""):
            return text.strip()
    reasoning = message.reasoning or ""
    if variant == "in reasoning":
        return "" if BETWEEN.strip() in reasoning else "the rest of reasoning"
    return "" if reasoning.strip() == "plan" else "the reasoning"


@rows
@pytest.mark.parametrize("variant", VARIANTS)
def test_damage_stays_local(row: ToolRow, variant: str) -> None:
    if variant == "in reasoning" and (markup.RENDERERS[row.name].framed or not reasoning_row(row.pairs[0]).open):
        pytest.skip("the markup frames reasoning, or has none")
    request = Request(row.name, row.pairs[0], TOOLS, in_reasoning=variant == "in reasoning")
    found = []
    for name, what, text in replies(row, variant):
        whole = merged(events_of(request, [text]))
        if NIGHTLY or zlib.crc32(text.encode()) % (16 if follows(row) else 4) == 0:
            assert merged(events_of(request, list(text))) == whole, text
        missing = lost(fold(whole), variant)
        if missing and not is_lost(row, f"{name} {what}"):
            found.append(f"{name} {what}: {missing}: {text!r}")
    assert not found, "\n".join(found)


@pytest.mark.skipif(not NIGHTLY, reason="by day a piece is replaced by some of the others only")
@pytest.mark.parametrize("name", LOST)
def test_what_is_lost_is(name: str) -> None:
    """No damage is listed that does no harm."""
    row = tool_row(name)
    harmless = set(LOST[name])
    for variant in ("apart", "together", "last"):
        request = Request(row.name, row.pairs[0], TOOLS, in_reasoning=False)
        for piece, what, text in replies(row, variant):
            if lost(fold(events_of(request, [text])), variant):
                harmless -= {pattern for pattern in harmless if re.fullmatch(pattern, f"{piece} {what}")}
    assert not harmless
