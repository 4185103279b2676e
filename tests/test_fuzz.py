"""Any text parses: seeded marker soup and damaged replies, for every tool format with its usual partner.

- Soup is made of the format's own markers, whole and cut, slices of its sample, other formats' markers, JSON and
  XML debris, odd Unicode and planted words. Damage is done to replies that `markup` renders.
- Of each text: nothing raises or hangs, the events do not depend on the cutting and keep the protocol, complete
  arguments are an object, and planted words that must survive come out once, in order.
- Which words must survive is known without parsing. In soup: all but those close behind an opener of the family
  or what may end a call of it, for only the head of a call, its markup and a section drop text. In damaged
  replies: those in content, reasoning and string arguments whose neighbours were left alone.

`FUZZ_TEXTS` is the number of texts a format, of all tests together, and `FUZZ_SEED` the first seed. By day a format
that has only its markers for itself (`support/readers.py`) gets a quarter of them.
"""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from dynamo_parsers import ContentDelta, Event, ReasoningDelta, ToolArgumentsDelta, ToolCallStart
from dynamo_parsers.format import ToolFormat
from dynamo_parsers.registry import TOOL_ROWS, reasoning_row
from dynamo_parsers.rows import ReasoningRow, ToolRow
from dynamo_parsers.write import markup
from replies import Request, check_protocol, cut_at_random, deadline, events_of, merged, tool
from support.effort import NIGHTLY
from support.readers import follows

TEXTS = int(os.environ.get("FUZZ_TEXTS", "2000"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
ENGINE_TEXTS = max(TEXTS // 1000, 1)
"""Texts a format in the tests of an engine's own classes, each of which is far slower than a parser."""
SHARES = {"soup": 10, "prose": 3, "mentions": 1, "mutate": 3, "damage": 2, "whole": 1}
"""How the texts are shared out; if a format has no use for a test, its share goes to soup."""
SECONDS = 20.0
"""For one text, cut in every way; the usual one takes milliseconds."""

NEAR = 512 + 256
"""Behind an opener a mark holds 512 characters at most; names and stray text in sections are shorter."""

SPACE = " \t\r\n\f\v"
NO_SPACE = dict.fromkeys(map(ord, SPACE))
WORD = re.compile(r"zq\d+zq")

TOOLS = [
    tool("get_weather", city={"type": "string"}, days={"type": "integer"}),
    tool(
        "f",
        a={"type": ["string", "null"]},
        b={"type": "array"},
        c={"anyOf": [{"type": "number"}, {"type": "string"}]},
        d={"type": "boolean"},
        o={"type": "object"},
        p={},
    ),
    tool("free"),
]

DEBRIS = (
    *"{}[]()<>\"'\\/:,;=|`$&#\n\r\t \x0b\x0c",
    "  \n \n",
    " " * 70,
    "\n" * 300,
    '{"name": "',
    '"name": "get_weather"',
    '"arguments": {',
    '"parameters": {"city": "Paris"}',
    '{"city": "Paris", "days": 3}',
    '{"name": "f", "arguments": {"a": "x"}}',
    '[{"name": "f", "parameters": {}}, ',
    '\\"',
    "\\u12",
    "\\ud83d",
    "\\q",
    '": ',
    '", "',
    "}}",
    "}]",
    "'}",
    "'a': 'b'",
    "null",
    "None",
    "true",
    "False",
    "NaN",
    "<a b='c'>",
    "</a>",
    "<!--",
    "<![CDATA[",
    "]]>",
    "&lt;",
    "&amp;",
    "</",
    "/>",
    "```json\n",
    "```",
    "functions.",
    "city",
    "days",
    "get_weather",
    "f",
    "a",
    "b",
    "c",
    "name",
    "string",
    "import functools\n",
    "e",
    "0",
    "-",
    "1",
    "3.5",
    "-0",
    "1e5",
    "007",
    ".5",
    "108.",
    "9" * 40,
    "Use the ",
    " tag. ",
    "x" * 300,
    "y" * 600,
)
UNICODE = (
    "\U0001f600",
    "\U0001f468\u200d\U0001f469",
    "e\u0301",
    "\u0301",
    "\u2028",
    "\u2029",
    "\x85",
    "\xa0",
    "\u3000",
    "\ufeff",
    "\u202e",
    "\x00",
    "\x1b",
    "\x7f",
    "\ud83d",
    "\ude00",
    "日本",
    "ß",
    "İ",
    "\uff5c",
    "\u2581",
    "ſ",
    "K",
)


VALUES = ("", "", "\n", "\n\n", " ", "é\U0001f600\x01", '"\\', "{[1, 2]}", "<b>", "\u2028", "it's")


def partner(row: ToolRow) -> ReasoningRow:
    return reasoning_row(row.pairs[0])


def own_markers(row: ToolRow) -> list[str]:
    think = partner(row)
    return sorted(row.format.markers | {think.open, think.close, row.turn_end, *row.turn_ends})


FOREIGN = sorted(set().union(*(own_markers(row) for row in TOOL_ROWS)))


class Soup:
    """Text of random pieces with planted words."""

    def __init__(self, row: ToolRow, rng: random.Random) -> None:
        self._row = row
        self._rng = rng
        self._own = own_markers(row)
        self._words = 0

    def word(self) -> str:
        self._words += 1
        return f"zq{self._words}zq"

    def piece(self) -> str:
        rng = self._rng
        kind = rng.random()
        if kind < 0.25:
            return rng.choice(self._own)
        if kind < 0.32:
            return cut(rng.choice(self._own), rng)
        if kind < 0.47:
            return cut(self._row.sample, rng)
        if kind < 0.52:
            return cut(rng.choice(FOREIGN), rng) if rng.random() < 0.5 else rng.choice(FOREIGN)
        if kind < 0.60:
            return rng.choice(UNICODE)
        if kind < 0.75:
            return self.word()
        return rng.choice(DEBRIS)

    def text(self) -> str:
        rng = self._rng
        pieces = [self.piece() for _ in range(rng.choice((1, 2, 3, 3, 5, 5, 8, 8, 20, 40)))]
        if rng.random() < 0.2:
            pieces.insert(rng.randrange(len(pieces) + 1), self._row.sample)
        text = "".join(pieces)
        return text[: rng.randrange(len(text) + 1)] if rng.random() < 0.2 else text


def cut(text: str, rng: random.Random) -> str:
    start, end = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
    return text[start:end] if rng.random() < 0.4 else text[:end] if rng.random() < 0.5 else text[start:]


def some_request(row: ToolRow, rng: random.Random) -> Request:
    """A request of any kind: most often tools, the usual partner, and a free choice."""
    return Request(
        row.name,
        partner(row).name if rng.random() < 0.75 else None,
        TOOLS if rng.random() < 0.8 else None,
        tool_choice=rng.choice(
            ("auto", "auto", "auto", "none", "required", {"type": "function", "function": {"name": "f"}})
        ),
        parallel_tool_calls=rng.random() < 0.85,
        chat_template_kwargs=rng.choice(
            ({}, {}, {"enable_thinking": False}, {"thinking": True}, {"force_nonempty_content": True})
        ),
        in_reasoning=rng.choice((None, None, True, False)),
    )


def shown(request: Request, text: str) -> str:
    """What to run again: `TOOLS` are the tools of every request that has any."""
    return f"{request.but(tools=request.tools and '...')} {text!r}"


def check_any_text(request: Request, text: str, rng: random.Random) -> list[Event]:
    """What holds of any text. Returns its events, merged."""
    what = shown(request, text)
    with deadline(SECONDS, what):
        whole = merged(events_of(request, [text]))
        check_protocol(whole)
        assert merged(events_of(request, list(text))) == whole, f"char by char: {what}"
        if rng.random() < 0.3:
            pieces = cut_at_random(text, rng)
            assert merged(events_of(request, pieces)) == whole, f"cut as {pieces}: {what}"
    return whole


def words_of(events: list[Event]) -> list[str]:
    """The planted words of all that the client gets, in order."""
    said: list[str] = []
    for event in events:
        if isinstance(event, ContentDelta | ReasoningDelta | ToolArgumentsDelta):
            said.append(event.text)
        elif isinstance(event, ToolCallStart):
            said.append(f" {event.name} {event.id} " if WORD.search(event.id) else f" {event.name} ")
    return WORD.findall("\n".join(said))


def words_near_openers(text: str, row: ToolRow) -> set[str]:
    """The words that may be dropped: those close after an opener or, once there was one, a marker or last brace."""
    first = min((place for opener in row.call_openers if (place := text.find(opener)) >= 0), default=len(text))
    if row.format.bare:
        first = 0  # a call may do without an opener
    anchors = re.compile("|".join(map(re.escape, sorted(row.format.markers, key=len, reverse=True))) + r"|[}\]]")
    return {
        word.group()
        for anchor in anchors.finditer(text, first)
        for word in WORD.finditer(text, anchor.end(), anchor.end() + NEAR)
    }


def conserves(text: str, events: list[Event], row: ToolRow, *, calls: bool) -> bool:
    """Whether a reply without calls is all of `text`, but for white space, reasoning markers, ends of turns, a cut
    call at its end and, if `calls` are read, empty sections."""
    out = "".join(event.text for event in events if isinstance(event, ContentDelta | ReasoningDelta))
    # White space and ends of turns are held, and may come out after a block of reasoning.
    ends = "|".join(map(re.escape, (row.turn_end, *row.turn_ends)))
    if len(re.findall(ends, out)) > len(re.findall(ends, text)):
        return True  # dropping a marker in it made an end of a turn
    out, text = (re.sub(f"[{SPACE}]+|{ends}", "", each) for each in (out, text))
    droppable = {partner(row).open, partner(row).close}
    if calls:
        droppable |= {span.open for span in getattr(row.format, "sections", ())}
        droppable |= row.format.closers.all if isinstance(row.format, ToolFormat) else row.format.markers
        if named := getattr(row.format, "named_closer", ""):
            droppable |= set(re.findall(rf"{re.escape(named)}[\w.\-]+>", text))
    droppable = {marker.translate(NO_SPACE) for marker in droppable}
    cut = {marker.translate(NO_SPACE) for marker in own_markers(row)}
    openers = [opener.translate(NO_SPACE) for opener in row.call_openers]
    ahead: dict[int, set[int]] = {0: {0}}  # how far `text` was read -> how much of `out` that may have given
    for at in range(len(text)):
        done = ahead.pop(at, set())
        if len(out) in done and any(text.startswith(opener, at) for opener in openers):
            return True
        if len(out) in done and any(marker.startswith(text[at:]) for marker in cut):
            return True
        for marker in droppable:
            if text.startswith(marker, at):
                ahead.setdefault(at + len(marker), set()).update(done)
        ahead.setdefault(at + 1, set()).update(given + 1 for given in done if out[given : given + 1] == text[at])
    return len(out) in ahead.get(len(text), set())


def seeds(test: str, row: ToolRow) -> Iterator[random.Random]:
    """A random source for each text of a test."""
    share = SHARES[test]
    if test == "soup" and not isinstance(row.format, ToolFormat):
        share += SHARES["prose"] + SHARES["mentions"]
    texts = TEXTS if NIGHTLY or not follows(row) else TEXTS // 4
    for seed in range(SEED, SEED + -(-texts * share // sum(SHARES.values()))):
        yield random.Random(f"{test} {row.name} {seed}")


rows = pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)
unframed = pytest.mark.parametrize(
    "row", [row for row in TOOL_ROWS if isinstance(row.format, ToolFormat)], ids=lambda row: row.name
)
"""The formats in which text may be outside a frame."""


@rows
@pytest.mark.timeout(3600)
def test_soup(row: ToolRow) -> None:
    for rng in seeds("soup", row):
        text = Soup(row, rng).text()
        request = some_request(row, rng)
        events = check_any_text(request, text, rng)
        found = words_of(events)
        assert len(set(found)) == len(found) or row.native_ids, f"said twice: {shown(request, text)}"
        if not isinstance(row.format, ToolFormat):
            continue  # what looks like a header is dropped
        if request.tools and (request.tool_choice != "auto" or not request.parallel_tool_calls):
            continue  # whole calls are taken out
        if not any(isinstance(event, ToolCallStart) for event in events):
            assert conserves(text, events, row, calls=bool(request.tools)), f"lost: {shown(request, text)} {events}"
        near = words_near_openers(text, row)
        must = [word for word in WORD.findall(text) if word not in near]
        assert [word for word in found if word in set(must)] == must, f"lost or moved: {shown(request, text)}"


@unframed
@pytest.mark.timeout(3600)
def test_soup_without_openers_is_all_text(row: ToolRow) -> None:
    """Without an opener nothing is markup of a call, so every word survives, and no call is made."""
    openers = row.call_openers
    for rng in seeds("prose", row):
        soup = Soup(row, rng)
        pieces = [piece for _ in range(rng.choice((3, 8, 20))) if not WORD.search(piece := soup.piece())]
        text = "".join(soup.word() + piece for piece in pieces) + soup.word()
        if any(opener in text for opener in openers) or (row.format.bare and '"name"' in text):
            continue
        request = some_request(row, rng)
        events = check_any_text(request, text, rng)
        assert words_of(events) == WORD.findall(text), f"lost or moved: {shown(request, text)}"


@unframed
@pytest.mark.timeout(3600)
def test_mentions_come_out_whole(row: ToolRow) -> None:
    """Openers that do not fit are text, each with what comes directly after it."""
    openers = sorted(row.call_openers - row.format.words)
    for rng in seeds("mentions", row):
        behind = (
            "` tag",
            "``",
            ". ",
            ", ",
            " and\n",
            '"',
            "<",
            ">",
            "!",
            "\u3000x",
            " = x",
            "(",
            "\U0001f600",
            " " * 300,
        )
        text = "Use"
        for _ in range(rng.choice((1, 2, 5))):
            text += rng.choice((" ", " `", '"', "<", "\n")) + rng.choice(openers) + rng.choice(behind)
        text += " in prose."
        thinks = rng.random() < 0.5
        events = check_any_text(Request(row.name, partner(row).name, TOOLS, in_reasoning=thinks), text, rng)
        assert events == [ReasoningDelta(text) if thinks else ContentDelta(text)], text


@rows
@pytest.mark.timeout(3600)
def test_mutated_replies(row: ToolRow) -> None:
    """Whole replies with a few characters or pieces put in, taken out, moved or said again: deep in every read."""
    renderer = markup.RENDERERS[row.name]
    for rng in seeds("mutate", row):
        soup = Soup(row, rng)
        reply = row.sample
        if rng.random() < 0.7:
            reply = "".join(part.text for part in well_formed(renderer, row, soup.word, rng))
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            reply = mutated(reply, soup, rng)
        check_any_text(some_request(row, rng), reply, rng)


def mutated(text: str, soup: Soup, rng: random.Random) -> str:
    start, end = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
    if rng.random() < 0.7:
        end = min(end, start + rng.choice((0, 1, 2, 5, 20)))
    piece = text[start:end]
    match rng.randrange(5):
        case 0:
            return text[:start] + text[end:]
        case 1:
            return text[:start] + soup.piece() + text[end:]
        case 2:
            return text[:end] + piece + text[end:]
        case 3:
            place = rng.randrange(len(text) + 1)
            return text[:place] + piece + text[place:]
        case _:
            return text[:start] + soup.piece() + text[start:]


@dataclass(frozen=True)
class Part:
    """A marker of a reply, or the text between two."""

    text: str
    marker: bool
    piece: int
    """Which piece of the reply it is in: a run of calls, a block of reasoning, a sentence."""
    calls: bool
    """Whether that piece is a run of calls."""


def well_formed(renderer: markup.Renderer, row: ToolRow, word: Callable[[], str], rng: random.Random) -> list[Part]:
    """A reply of content, reasoning and calls. Words are in content, reasoning and string arguments."""
    think = partner(row)
    pieces: list[markup.Part] = []
    for _ in range(rng.choice((1, 2, 3, 5, 7))):
        kind = rng.random()
        if kind < 0.5:
            calls = [some_call(renderer, word, rng) for _ in range(rng.choice((1, 1, 2, 3)))]
            if rng.random() < 0.3:
                calls = [markup.Call(call.name, call.arguments, json.dumps(call.arguments)) for call in calls]
            pieces.append(markup.Part("calls", calls=tuple(calls)))
        elif kind < 0.75:
            pieces.append(markup.Part("reasoning", f"{word()} plan\n{word()}"))
        else:
            pieces.append(markup.Part("content", f"{word()} is, {word()}."))
    texts = renderer.write(pieces, (think.open, think.close))
    space = rng.choice(("", "\n", "\n\n", " ")) if renderer.framed is None else ""
    markers = "|".join(map(re.escape, sorted(own_markers(row), key=len, reverse=True)))
    return [
        Part(text, place % 2 == 1, index, bool(piece.calls))
        for index, (piece, written) in enumerate(zip(pieces, texts, strict=True))
        for place, text in enumerate(re.split(f"({markers})", written + space))
        if text
    ]


def some_call(renderer: markup.Renderer, word: Callable[[], str], rng: random.Random) -> markup.Call:
    kind = rng.random()
    if kind < 0.4:
        return markup.Call.of("get_weather", {"city": rng.choice(VALUES) + word()})
    if kind < 0.8:
        return markup.Call.of("f", {"undeclared": "y", "a": f"x {word()}" + rng.choice(VALUES)})
    return markup.Call.of("free", {"u": f"{word()} {rng.choice(renderer.quotable)} {word()}"})


def damage(parts: list[Part], rng: random.Random, *, sections: bool) -> tuple[str, list[str]]:
    """The text of a reply with one marker deleted, doubled, swapped or cut, or cut off anywhere; and the words that
    must survive: all but those in a damaged piece and after it, in `sections` up to the next call."""
    text = "".join(part.text for part in parts)
    kind = rng.choice(("delete", "double", "swap", "cut", "truncate", "truncate"))
    markers = [index for index, part in enumerate(parts) if part.marker]
    if kind == "truncate" or not markers:
        text = text[: rng.randrange(len(text) + 1)]
        return text, WORD.findall(text)
    at = rng.choice(markers)
    other = rng.choice(markers) if kind == "swap" else at
    texts = [part.text for part in parts]
    if kind == "delete":
        texts[at] = ""
    elif kind == "double":
        texts[at] *= 2
    elif kind == "cut":
        texts[at] = cut(texts[at], rng)
    else:
        texts[at], texts[other] = texts[other], texts[at]
    lossy = {parts[place].piece + behind for place in (at, other) for behind in (0, 1)}
    if sections:  # text between a section's opener, or its last call, and a call may be stray
        call_pieces = [part.piece for part in parts if part.calls]
        for place in (at, other):
            first = parts[place].piece
            lossy.update(range(first, next((piece for piece in call_pieces if piece > first), first) + 1))
        lossy.update(range(*sorted((parts[at].piece, parts[other].piece))))
    must = [word for part in parts if part.piece not in lossy for word in WORD.findall(part.text)]
    return "".join(texts), must


@rows
@pytest.mark.timeout(3600)
def test_damaged_replies(row: ToolRow) -> None:
    renderer = markup.RENDERERS[row.name]
    for rng in seeds("damage", row):
        reply = well_formed(renderer, row, Soup(row, rng).word, rng)
        request = Request(row.name, partner(row).name, TOOLS, in_reasoning=False)
        text, must = damage(reply, rng, sections=bool(getattr(row.format, "sections", ())))
        found = words_of(check_any_text(request, text, rng))
        assert [word for word in found if word in set(must)] == must, f"lost or moved: {text!r}"


@rows
@pytest.mark.timeout(3600)
def test_names_that_nobody_declared(row: ToolRow) -> None:
    """Calls that wait for the end of the reply, and perhaps are text: every word comes out, in order."""
    renderer = markup.RENDERERS[row.name]
    for rng in seeds("whole", row):
        text = "".join(part.text for part in well_formed(renderer, row, Soup(row, rng).word, rng))
        for tools in (TOOLS[:1], TOOLS[1:]):
            events = check_any_text(Request(row.name, partner(row).name, tools, in_reasoning=False), text, rng)
            assert words_of(events) == WORD.findall(text), f"lost or moved: {text!r}"


@rows
@pytest.mark.timeout(3600)
def test_whole_replies(row: ToolRow) -> None:
    """Where every construct is well formed, every word comes out, and no marker outside of arguments."""
    renderer = markup.RENDERERS[row.name]
    for rng in seeds("whole", row):
        text = "".join(part.text for part in well_formed(renderer, row, Soup(row, rng).word, rng))
        events = check_any_text(Request(row.name, partner(row).name, TOOLS, in_reasoning=False), text, rng)
        assert words_of(events) == WORD.findall(text), f"lost or moved: {text!r}"
        said = "".join(event.text for event in events if isinstance(event, ContentDelta | ReasoningDelta))
        leaked = [marker for marker in own_markers(row) if marker in said]
        assert not leaked, f"{leaked} of {text!r}"
