"""Damage stays local: one piece of the first call's markup is broken, and all else of the reply is still there.

- A piece is a marker, a word or a character of the call's text. Each in turn is deleted, doubled, cut or replaced.
- What must still be there: the second call, which is sound; the prose between and behind; the reasoning. No complete
  call holds text of what is behind it.
- `LOST` says after which damage that is impossible: where no marker is left that says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from dynamo_parsers import Message, fold, markup
from dynamo_parsers.registry import TOOL_ROWS, ToolRow, reasoning_row
from replies import Request, events_of, merged, tool

TOOLS = [
    tool("run_shell", command={"type": "string"}, timeout={"type": "integer"}),
    tool("get_weather", city={"type": "string"}, days={"type": "array"}),
]
FIRST = markup.Call.of("run_shell", {"command": "ls -la", "timeout": 5})
SECOND = markup.Call.of("get_weather", {"city": "Oslo", "days": [1, 2]})
FAMILIES = (
    "hermes",
    "nemotron_deci",
    "default",
    "jamba",
    "phi4",
    "llama3_json",
    "mistral",
    "kimi_k2",
    "deepseek_v3",
    "deepseek_v3_1",
    "harmony",
    "inkling",
    "gemma4",
    "pythonic",
)
LOST = {
    # Where the opener is gone, an array, a list or a line is no call's, unless it starts the reply or a line.
    "nemotron_deci": {"0 '<TOOLCALL>' replaced", "0 '<TOOLCALL>' cut", "10 '[' replaced"},
    "default": {"0 '<TOOLCALL>' replaced", "0 '<TOOLCALL>' cut", "10 '[' replaced"},
    "jamba": {"0 '<tool_calls>' replaced", "0 '<tool_calls>' cut", "12 '[' replaced"},
    "phi4": {"0 'functools' replaced", "0 'functools' cut"},
    # And another call follows only behind a separator.
    "llama3_json": {"0 '<|python_tag|>' replaced", "0 '<|python_tag|>' cut", "85 '}' replaced", "86 ';' replaced"},
    "pythonic": {"0 '<|python_start|>' replaced", "0 '<|python_start|>' cut", "55 ',' replaced"},
    # Without its last bracket a body goes on to the next call's opener: no closer is written, so the prose is lost.
    "mistral": {"61 '}' deleted", "61 '}' replaced"},
}
"""The damage after which what is behind it cannot be told from the broken call."""

rows = pytest.mark.parametrize("row", [row for row in TOOL_ROWS if row.name in FAMILIES], ids=lambda row: row.name)


def pieces(text: str, row: ToolRow) -> Iterator[tuple[int, int]]:
    """Where the pieces of a call's text begin and end."""
    markers = sorted((*row.format.markers, "<|python_tag|>"), key=len, reverse=True)
    pattern = "|".join(re.escape(marker) for marker in markers if marker.strip())
    for found in re.finditer(rf"{pattern}|[\w]+|[^\w\s]", text):
        yield found.span()


def damaged(text: str, row: ToolRow) -> Iterator[tuple[str, str]]:
    """Names of damage to a call's text, and what is left of that."""
    for start, end in pieces(text, row):
        piece, before, behind = text[start:end], text[:start], text[end:]
        yield f"{start} {piece!r} deleted", before + behind
        yield f"{start} {piece!r} doubled", before + piece + piece + behind
        yield f"{start} {piece!r} replaced", before + "x" + behind
        if len(piece) > 1:
            yield f"{start} {piece!r} cut", before + piece[: len(piece) // 2] + behind


def replies(row: ToolRow, *, together: bool) -> Iterator[tuple[str, str]]:
    """Damaged replies: reasoning, the first call, prose, the second call, prose."""
    think = reasoning_row(row.pairs[0])
    renderer = markup.RENDERERS[row.name]
    calls = [markup.Part("calls", calls=(call,)) for call in (FIRST, SECOND)]
    middle = (
        [markup.Part("calls", calls=(FIRST, SECOND))]
        if together
        else [calls[0], markup.Part("content", "Between."), calls[1]]
    )
    parts = [markup.Part("reasoning", "plan"), *middle, markup.Part("content", "After.")]
    written = renderer.write(parts, (think.open, think.close))
    if renderer.framed is None:
        written = [text + "\n" for text in written]
    text = written[1]
    size = text.index(SECOND.name) - len(shared_end(text, renderer)) if together else len(text)
    for name, broken in damaged(text[:size], row):
        yield name, written[0] + broken + text[size:] + "".join(written[2:])


def shared_end(text: str, renderer: markup.Renderer) -> str:
    """What stands before the second call's name in the text of both, and before it in its own: it is its own markup."""
    before = text[: text.index(SECOND.name)]
    own = renderer.calls([SECOND]).partition(SECOND.name)[0]
    return max((own[at:] for at in range(len(own) + 1) if before.endswith(own[at:])), key=len)


def lost(message: Message, *, together: bool) -> str:
    """What is not there of what must be."""
    second = [call for call in message.tool_calls if call.name == SECOND.name and call.complete]
    if [json.loads(call.arguments) for call in second] != [SECOND.arguments]:
        return "the second call"
    for call in message.tool_calls:
        if call.complete and call.name != SECOND.name and re.search("Oslo|Between|After", call.arguments):
            return "a call's own value"
    for prose in ("After.",) if together else ("Between.", "After."):
        if prose not in (message.content or ""):
            return prose
    return "" if (message.reasoning or "").strip() == "plan" else "the reasoning"


@rows
@pytest.mark.parametrize("together", [False, True], ids=["apart", "together"])
def test_damage_stays_local(row: ToolRow, together: bool) -> None:
    request = Request(row.name, row.pairs[0], TOOLS, in_reasoning=False)
    found = {}
    for name, text in replies(row, together=together):
        whole = merged(events_of(request, [text]))
        assert merged(events_of(request, list(text))) == whole, name
        what = lost(fold(whole), together=together)
        if what:
            found[name] = f"{what}: {text}"
    unexpected = {name: what for name, what in found.items() if name not in LOST.get(row.name, ())}
    assert not unexpected, "\n".join(f"{name}: {what}" for name, what in unexpected.items())


def test_what_is_lost_is() -> None:
    """No damage is listed that does no harm."""
    for row in TOOL_ROWS:
        request = Request(row.name, row.pairs[0], TOOLS, in_reasoning=False)
        harmless = set(LOST.get(row.name, ()))
        for together in (False, True) if harmless else ():
            for name, text in replies(row, together=together):
                if lost(fold(events_of(request, [text])), together=together):
                    harmless.discard(name)
        assert not harmless, f"{row.name}: {harmless}"
