"""A reply costs its own length: twice the text is at most 2.2 times the work, however it is fed.

- Work is counted by `counted`, never timed: see there for what is counted and what is not. Each shape of text is fed
  whole and in pieces. What a regular expression looks at in vain is the one thing that is timed, by a wide margin.
- 100,000 openers and held values of 64 KB are counted too; a value of 1 MB is only fed, and has to come back. By day it
  is 5,000, 256 KB and a third of the shapes, another third for each format; `NIGHTLY=1` runs all.
- Memory is what `tracemalloc` sees: at most twice the longest held value and a constant.

`COST_SIZE` is the length of the shorter text, `COST_PIECE` the characters of a piece.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator

import counted
import pytest
from dynamo_parsers import fold
from dynamo_parsers.arguments.tags import Tags
from dynamo_parsers.format import ToolFormat
from dynamo_parsers.registry import TOOL_ROWS, reasoning_row
from dynamo_parsers.rows import ToolRow
from dynamo_parsers.write import markup
from effort import NIGHTLY, some
from replies import Request, deadline, events_of, merged, tool

pytestmark = pytest.mark.costly(every=12)

core = counted.counted()

SIZE = int(os.environ.get("COST_SIZE", "2048"))
"""Characters of the shorter text: several times what a mark holds."""
PIECE = int(os.environ.get("COST_PIECE", "3"))
WHOLE = 1 << 30
MARKERS = 24
"""About so many of a format's markers are said again and again."""
MOST = 2.2
KILO = 1024

TOOLS = [
    tool(
        "f",
        s={"type": "string"},
        a={"type": "array"},
        o={"type": "object"},
        i={"type": "integer"},
        u={"type": ["string", "null"]},
        n={"type": ["string", "number"]},
    ),
    tool("get_weather", city={"type": "string"}),
]

Shape = Callable[[int], str]
"""A text of about so many characters."""


def leads(row: ToolRow) -> bool:
    """Whether it is the first format of those that the same code reads, which differ in their markers."""

    def reader(each: ToolRow) -> tuple[type, ...]:
        return type(each.format), type(getattr(each.format, "arguments", None))

    return next(each for each in TOOL_ROWS if reader(each) == reader(row)) is row


rows = pytest.mark.parametrize("row", [row for row in TOOL_ROWS if NIGHTLY or leads(row)], ids=lambda row: row.name)
"""The first format of each reader; all of them at night."""


def call(renderer: markup.Renderer, **arguments: object) -> str:
    return renderer.calls([markup.Call.of("f", arguments)])


def with_value(renderer: markup.Renderer, key: str, text: str) -> str:
    """A call of `f` whose argument `key` is written as `text`."""
    return re.sub(
        r"\[7777777\]|\]<\]minimax\[>\[<item>7777777.*</item>", lambda _: text, call(renderer, **{key: [7777777]})
    )


def repeated(piece: str) -> Shape:
    return lambda n: piece * (n // len(piece) + 1)


def values(row: ToolRow, renderer: markup.Renderer) -> Iterator[tuple[str, Shape]]:
    """Calls that are long in one way each."""
    sample = row.sample
    yield "long string", lambda n: call(renderer, s="x" * n)
    yield "long string of escapes", lambda n: call(renderer, s='"\\\n\x01é' * (n // 5))
    yield "long string of brackets", lambda n: call(renderer, s="< { [ <| </ " * (n // 12))
    yield "many small parameters", lambda n: call(renderer, **{f"p{i}": "x" for i in range(n // 8)})
    yield "many small numbers", lambda n: call(renderer, **{f"p{i}": i for i in range(n // 8)})
    yield "long array", lambda n: call(renderer, a=list(range(n // 5)))
    yield "long object", lambda n: call(renderer, o={f"k{i}": "v" for i in range(n // 12)})
    yield "long number", lambda n: with_value(renderer, "i", "9" * n)
    yield "long union", lambda n: call(renderer, n="1" * n, u="nul" * (n // 3))
    yield "white space in a value", lambda n: call(renderer, u=" " * n)
    yield "many calls", lambda n: renderer.calls([markup.Call.of("f", {"s": "x"})] * (n // 60))
    yield "calls in a value", lambda n: call(renderer, s=(" " + sample + " x") * (n // len(sample)))
    yield "cut calls in a value", lambda n: call(renderer, s=sample[: len(sample) * 2 // 3] * (n // len(sample)))
    yield "cut long string", lambda n: call(renderer, s="x" * n)[: -len(call(renderer, s=""))]
    nested = json.loads("[" * 100 + "]" * 100)
    yield "nested arrays", lambda n: call(renderer, a=[nested] * (n // 200))
    yield "deep nesting", lambda n: with_value(renderer, "a", "[" * (n // 2) + "1" + "]" * (n // 2))
    yield "unclosed nesting", lambda n: with_value(renderer, "a", "[" * n)
    yield "unclosed objects", lambda n: with_value(renderer, "o", '{"a":[' * (n // 6))
    yield "open value", lambda n: with_value(renderer, "a", '["' + "x" * n).partition("x" * n)[0] + "x" * n
    if renderer.json_bodies:
        yield "deep objects", lambda n: as_body(renderer, '{"a":' * (n // 6) + "1" + "}" * (n // 6))
        yield "broken JSON", lambda n: as_body(renderer, "{bad " + "<[" * (n // 2))
        yield "broken JSON of strings", lambda n: as_body(renderer, "{bad " + '"' * n)
        yield "cut escapes", lambda n: as_body(renderer, '{"a": "' + "\\u12" * (n // 4))
        yield "white space in JSON", lambda n: as_body(renderer, '{"a":' + " " * n + "1}")
    if '"arguments"' in sample or '"parameters"' in sample:
        head, _, tail = sample.partition('"name": "get_weather"')
        body = '"arguments": {"city": "' if '"arguments"' in sample else '"parameters": {"city": "'
        yield (
            "arguments before the name",
            lambda n: head + body + "x" * n + '"}, "name": "f"}' + tail.rpartition("}")[2],
        )
        yield "no name", lambda n: head + body + "x" * n + '"}}' + tail.rpartition("}")[2]
        yield "further keys", lambda n: head + '"k": 1, ' * (n // 8) + '"name": "f"' + tail
    if sample.count("<") > 3:
        yield "long name", lambda n: sample.replace("get_weather", "n" * n)
        yield "long key", lambda n: sample.replace("city", "k" * n)


def as_body(renderer: markup.Renderer, body: str) -> str:
    return renderer.calls([markup.Call("f", {}, body)])


def texts(row: ToolRow) -> Iterator[tuple[str, Shape]]:
    """Texts of one piece said again and again."""
    think = reasoning_row(row.pairs[0])
    sample = row.sample
    for name, piece in {
        "prose": 'if a < b [c] {d} <e> </f> (g) "h"\n',
        "openers of prose": "<[{",
        "white space": " \n",
        "sample": sample,
        "sample in prose": f"Use {sample} so.\n",
        "cut sample": sample[: len(sample) // 2],
        "sample but its end": sample[:-1],
        "thoughts": f"{think.open}x{think.close}y",
        "open thoughts": think.open,
        "ends of thoughts": think.close,
        "ends of turns": row.turn_end,
        "ends of turns between": f"{row.turn_end} x ",
        "JSON": '{"a": [1]} ',
        "bare JSON": '\n{"name": "x", "arguments": {}}',
    }.items():
        yield name, repeated(piece)
    for name, piece in {"prose": "if a < b [c] {d} </f>\n", "sample but its end": sample[:-1]}.items():
        yield f"{name}, thinking", lambda n, piece=piece: think.open + repeated(piece)(n)


def mentions(row: ToolRow, behind: tuple[str, ...]) -> Iterator[tuple[str, Shape]]:
    """Each marker again and again, in content and in a value; if there are very many spellings, some of them."""
    renderer = markup.RENDERERS[row.name]
    markers = sorted(row.format.markers)
    step = max(len(markers) // MARKERS, 1)
    for marker in markers[TOOL_ROWS.index(row) % step :: step]:
        for text in behind:
            shape = repeated(marker + text)
            yield f"{marker}{text[:3]}", shape
            if not renderer.json_bodies and renderer.framed is None:
                yield f"{marker}{text[:3]} in a value", lambda n, shape=shape: call(renderer, s=shape(n))
                yield f"{marker}{text[:3]} in a value, then x", lambda n, shape=shape: call(renderer, s=shape(n) + " x")


def shapes(row: ToolRow) -> list[tuple[str, Shape]]:
    return [*values(row, markup.RENDERERS[row.name]), *texts(row)]


def work_of(request: Request, text: str, size: int) -> int:
    def feed() -> None:
        parser = core.Parser(
            request.tool_parser,
            request.reasoning_parser,
            request.tools,
            in_reasoning=False,
            new_id=map("id{}".format, itertools.count()).__next__,
        )
        for at in range(0, len(text), size):
            parser.feed(text[at : at + size])
        parser.finish()

    return counted.work_of(feed)


def growth(request: Request, shape: Shape, size: int, length: int = SIZE) -> tuple[float, float]:
    """How the work grows if the text doubles, and the work per character."""
    short, long = shape(length), shape(2 * length)
    work_of(request, short[: length // 8], size)  # what is made once is not the reply's
    first, second = work_of(request, short, size), work_of(request, long, size)
    # A shape is only about as long as it should be.
    return (second / first) / (len(long) / len(short)) * 2, second / len(long)


def in_turn(row: ToolRow, shapes: Iterable[tuple[str, Shape]], size: int) -> Iterator[tuple[str, Shape]]:
    """One in three of the shapes, other ones for the next format and for pieces of another size; all at night."""
    first = TOOL_ROWS.index(row) + (size == WHOLE)
    return itertools.islice(shapes, 0 if NIGHTLY else first % 3, None, 1 if NIGHTLY else 3)


def too_slow(request: Request, shapes: Iterable[tuple[str, Shape]], size: int, length: int = SIZE) -> dict[str, str]:
    slow = {}
    for name, shape in shapes:
        ratio, each = growth(request, shape, size, length)
        if ratio > MOST:  # the pieces may end badly; real growth shows even more in a longer text
            ratio, each = growth(request, shape, size, 4 * length)
        if ratio > MOST:
            slow[name] = f"{ratio:.2f} times the work, {each:.0f} a character"
    return slow


@rows
@pytest.mark.parametrize("size", [PIECE, pytest.param(WHOLE, marks=pytest.mark.slow)], ids=["pieces", "whole"])
@pytest.mark.timeout(600)
def test_twice_the_text_is_twice_the_work(row: ToolRow, size: int) -> None:
    assert not too_slow(Request(row.name, row.pairs[0], TOOLS), in_turn(row, shapes(row), size), size)


@rows
@pytest.mark.timeout(600)
@pytest.mark.slow
def test_openers_that_do_not_fit(row: ToolRow) -> None:
    """Each holds 512 characters, but the last ones have less text after them, which matters little in longer texts."""
    request = Request(row.name, row.pairs[0], TOOLS)
    slow = too_slow(request, in_turn(row, mentions(row, ("", " x ")), 16), 16, 2 * SIZE)
    slow |= too_slow(request, in_turn(row, mentions(row, ("f" * 200, " " * 100)), WHOLE), WHOLE, 2 * SIZE)
    assert not slow


def waiting(row: ToolRow, *, undeclared: bool) -> Iterator[tuple[str, Shape]]:
    """Calls that wait for the end of the reply: in open reasoning, or under names that nobody declared."""
    renderer = markup.RENDERERS[row.name]
    one = renderer.calls([markup.Call.of("unknown" if undeclared else "f", {"s": "x"})])
    start = "" if undeclared else reasoning_row(row.pairs[0]).open + "plan "
    yield "to the end", lambda n: start + one * (n // len(one))
    yield "up to a text", lambda n: start + one * (n // len(one)) + " text"
    yield "up to a text each", lambda n: start + (one + " text ") * (n // len(one))
    sound = renderer.calls([markup.Call.of("f", {"s": "x"})])
    yield "before others", lambda n: start + one + sound * (n // len(sound)) + " text"


@rows
@pytest.mark.parametrize("size", [PIECE, WHOLE], ids=["pieces", "whole"])
@pytest.mark.timeout(600)
@pytest.mark.slow
def test_calls_that_wait(row: ToolRow, size: int) -> None:
    request = Request(row.name, row.pairs[0], TOOLS)
    assert not too_slow(request, waiting(row, undeclared=True), size, 2 * SIZE)
    if isinstance(row.format, ToolFormat):
        assert not too_slow(request, waiting(row, undeclared=False), size, 2 * SIZE)


def pieces_of(row: ToolRow) -> list[str]:
    """The tags of a call, in order."""
    return re.findall(r"(?:\]<\]minimax\[>\[)?<\|?[^<>]*>", call(markup.RENDERERS[row.name], s="x"))


def broken(row: ToolRow) -> Iterator[tuple[str, Shape]]:
    """Calls in a row, each with the same piece missing, doubled or replaced; with prose after each and without."""
    written = call(markup.RENDERERS[row.name], s="x")
    for piece in dict.fromkeys(pieces_of(row)):
        for what, instead in {"without": "", "twice": piece * 2, "another for": "</other>"}.items():
            one = written.replace(piece, instead, 1)
            yield f"{what} {piece}", repeated(one)
            yield f"{what} {piece}, prose", repeated(f"{one} prose ")
    yield "values of closers", lambda n: call(markup.RENDERERS[row.name], s="".join(pieces_of(row)[-2:]) * (n // 30))
    closers = "".join(pieces_of(row)[-3:])
    yield (
        "a candidate up to the end",
        lambda n: written.partition("x")[0] + "x" + closers[:-1] + " and so on" * (n // 10),
    )


tagged = pytest.mark.parametrize(
    "row",
    [row for row in TOOL_ROWS if isinstance(getattr(row.format, "arguments", None), Tags)],
    ids=lambda row: row.name,
)


@pytest.mark.costly(every=15)
@tagged
@pytest.mark.parametrize("size", [PIECE, WHOLE], ids=["pieces", "whole"])
@pytest.mark.timeout(600)
@pytest.mark.slow
def test_broken_calls(row: ToolRow, size: int) -> None:
    """What is held is read again at most twice."""
    assert not too_slow(Request(row.name, row.pairs[0], TOOLS), in_turn(row, broken(row), size), size, 2 * SIZE)


@tagged
@pytest.mark.timeout(600)
@pytest.mark.slow
def test_ten_thousand_broken_calls(row: ToolRow) -> None:
    """None swallows those after it."""
    many = 10_000 if NIGHTLY else 2_000
    renderer = markup.RENDERERS[row.name]
    closers = [each for each in sorted(row.format.arguments.closers) if each and each in call(renderer, s="x")]
    closer = max(closers, key=len, default=pieces_of(row)[-3])
    one = call(renderer, s="x").replace(closer, "", 1) + " prose "
    request = Request(row.name, row.pairs[0], TOOLS, in_reasoning=False)
    with deadline(60, row.name):
        message = fold(events_of(request, [one * many]))
    assert len(message.tool_calls) == many
    assert all(each.complete for each in message.tool_calls)


@rows
@pytest.mark.timeout(600)
@pytest.mark.slow
def test_closers_that_nothing_opened(row: ToolRow) -> None:
    if not isinstance(row.format, ToolFormat):
        pytest.skip("what closes in a framed reply is a message's end")
    closers = sorted(row.format.closers.all - {""})
    shapes = [(closer, repeated(f"{closer}\n")) for closer in closers[:MARKERS]]
    assert not too_slow(Request(row.name, row.pairs[0], TOOLS), shapes, 16)


@rows
@pytest.mark.timeout(600)
@pytest.mark.slow
def test_work_without_tools(row: ToolRow) -> None:
    """The views of the engines: calls stay in the text, or no tool parser is there."""
    assert not too_slow(Request(row.name, row.pairs[0]), in_turn(row, texts(row), 16), 16)
    assert not too_slow(Request(None, row.pairs[0]), in_turn(row, texts(row), WHOLE), 16)


@rows
@pytest.mark.timeout(600)
@pytest.mark.slow
def test_a_hundred_thousand_openers(row: ToolRow) -> None:
    """No more work per opener than with a thousand of them."""
    request = Request(row.name, row.pairs[0], TOOLS)
    if not row.call_openers:
        pytest.skip("a message's header is no opener that could be repeated: it is the one before it")
    opener = min(sorted(row.call_openers), key=len)
    few, many = 1000, 100_000 if NIGHTLY else 5_000
    work_of(request, opener, WHOLE)
    first, second = (work_of(request, opener * count, 4 * KILO) for count in (few, many))
    assert second <= many / few * MOST / 2 * first


@rows
@pytest.mark.timeout(600)
@pytest.mark.slow
def test_held_values_of_64_kilobytes(row: ToolRow) -> None:
    """From there on large values are read with care for memory, so both texts are longer than that.

    All shapes for the first format of a reader, one for the others.
    """
    request = Request(row.name, row.pairs[0], TOOLS)
    renderer = markup.RENDERERS[row.name]
    held = {
        "array of texts": lambda n: call(renderer, a=["some text"] * (n // 13)),
        "object": lambda n: call(renderer, o={f"key{i}": "some value" for i in range(n // 22)}),
        "open array": lambda n: with_value(renderer, "a", "[" + "1," * (n // 2)),
        "undeclared": lambda n: call(renderer, x={f"key{i}": "some value" for i in range(n // 22)}),
    }
    shapes = list(held.items())[: None if leads(row) else 1]
    assert not too_slow(request, in_turn(row, shapes, 64), 64, 72 * KILO)


@rows
@pytest.mark.timeout(600)
@pytest.mark.slow
def test_a_megabyte(row: ToolRow) -> None:
    """Long values come back, in pieces and whole, without counting."""
    renderer = markup.RENDERERS[row.name]
    request = Request(row.name, row.pairs[0], TOOLS)
    size_of_value = KILO * KILO if NIGHTLY else 256 * KILO
    string = "some text, and < { [ more\n" * (size_of_value // 26)
    array = ["some text"] * (size_of_value // 13)
    for arguments, size in (({"s": string}, 64), ({"s": string}, WHOLE), ({"a": array}, 64)):
        text = call(renderer, **arguments)
        with deadline(60, f"{len(text)} characters"):
            parser = request.parser()
            events = [event for at in range(0, len(text), size) for event in parser.feed(text[at : at + size])]
            events += parser.finish()
        (got,) = fold(merged(events)).tool_calls
        assert got.complete
        assert json.loads(got.arguments) == arguments


@pytest.mark.parametrize("name", ["kimi_k2", "qwen3_coder", "hermes"])
def test_the_work_per_character_is_small(name: str) -> None:
    """In tokens of four characters: an upper bound on what a character costs in long replies."""
    row = next(row for row in TOOL_ROWS if row.name == name)
    request = Request(name, row.pairs[0], TOOLS)
    limits = {"long string": 20, "prose": 40, "many small parameters": 60, "long array": 40, "white space": 27}
    for shape_name, shape in shapes(row):
        if shape_name in limits:
            assert growth(request, shape, 4)[1] <= limits[shape_name], shape_name


# --- patterns


@pytest.mark.timeout(600)
@rows
@pytest.mark.slow
def test_no_text_makes_a_pattern_backtrack(row: ToolRow) -> None:
    """Timed, for the counters do not see a search in vain: eight times the text is not 64 times the time."""
    renderer = markup.RENDERERS.get(row.name)
    if renderer is None:
        pytest.skip("no renderer")
    request = Request(row.name, row.pairs[0], TOOLS)
    pieces = [
        '\\"',
        '"',
        "'",
        "\\",
        "\\u",
        "{",
        "[",
        "[{",
        '{"a":',
        "1",
        "e",
        "-",
        ".",
        " ",
        "\n",
        "a=",
        'a="',
        "<",
        '",',
    ]
    late = {}
    for piece in some(pieces, 2):
        for arguments in ('["', "[", '{"a": "', "{", "{bad "):
            for key in ("a", "o", "u", "n"):

                def text(count: int, arguments: str = arguments, key: str = key, piece: str = piece) -> str:
                    value = arguments + piece * count
                    if renderer.json_bodies:
                        return renderer.calls([markup.Call("f", {}, value)])
                    return call(renderer, **{key: "@@"}).replace("@@", value)

                short, long = seconds(request, text(500)), seconds(request, text(4000))
                if long > 0.05 and long > 24 * short:
                    late[arguments + piece, key] = f"{short:.4f} s, then {long:.4f} s"
    assert not late


def seconds(request: Request, text: str) -> float:
    best = 1e9
    for _ in range(2):
        parser = request.parser()
        started = time.process_time()
        parser.feed(text)
        parser.finish()
        best = min(best, time.process_time() - started)
        if best < 0.01:
            break
    return best


# --- memory


def peak_of(request: Request, text: str, size: int) -> int:
    """The most bytes that are in use while a reply is fed; what comes of it is dropped at once."""
    warm = request.parser()  # what is made once, such as the patterns of the text's end, is not the reply's
    warm.feed(text[:KILO] + text[-KILO:])
    warm.finish()
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    parser = request.parser()
    tracemalloc.start()
    try:
        for piece in pieces:
            parser.feed(piece)
        parser.finish()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


LONG = 128 * KILO
CONSTANT = 112 * KILO


@rows
def test_a_stream_is_not_kept(row: ToolRow) -> None:
    request = Request(row.name, row.pairs[0], TOOLS, in_reasoning=False)
    think = reasoning_row(row.pairs[0])
    for text in (
        call(markup.RENDERERS[row.name], s="x" * LONG),
        "a < b [c] {d} " * (LONG // 14),
        think.open + "x " * (LONG // 2),
    ):
        assert peak_of(request, text, 16) < CONSTANT, text[:80]


HELD = {
    "array": lambda renderer: call(renderer, a=["some text"] * (LONG // 13)),
    "object": lambda renderer: call(renderer, o={f"key{n}": "value" for n in range(LONG // 20)}),
    "open array": lambda renderer: with_value(renderer, "a", "[" + "1," * (LONG // 2)),
}


@pytest.mark.costly(every=15)
@pytest.mark.parametrize(
    ("row", "shape"),
    [(row, shape) for row in TOOL_ROWS for shape in HELD if leads(row) or shape == "array"],
    ids=lambda each: each if isinstance(each, str) else each.name,
)
@pytest.mark.timeout(300)
@pytest.mark.slow
def test_a_held_value_is_kept_at_most_twice(row: ToolRow, shape: str) -> None:
    text = HELD[shape](markup.RENDERERS[row.name])
    peak = peak_of(Request(row.name, row.pairs[0], TOOLS, in_reasoning=False), text, 64)
    times = AS_ELEMENTS if row.name == "minimax_m3" else 2
    assert peak < times * len(text) + CONSTANT, f"{peak / len(text):.1f} bytes a character"


AS_ELEMENTS = 12
"""MiniMax M3 writes a value as elements, and the least is a few bytes of text: an object in a tree of them."""


def elements(name: str, *inside: str) -> str:
    """MiniMax M3's markup of an element."""
    token = "]<]minimax[>["
    return f"{token}<{name}>{''.join(inside)}{token}</{name}>"


TREES = {
    "members": elements("o", *(elements(f"k{n}", "v") for n in range(LONG // 42))),
    "members again and again": elements("o", *(elements(f"k{n % 999}", "v") for n in range(LONG // 42))),
    "members that are strings": elements("m", *(elements(f"k{n}", "v") for n in range(LONG // 42))),
    "array": elements("a", *(elements("a") for _ in range(LONG // 33))),
    "array in array": elements("a", *(elements("item", elements("item", "1")) for _ in range(LONG // 80))),
    "array of parameters": "".join(elements("a", f"x{n}") for n in range(LONG // 40)),
    "text": elements("o", elements("k", "some text " * (LONG // 10))),
    "string": elements("m", elements("k", "some text " * (LONG // 10))),
    "JSON": elements("o", elements("k", json.dumps([f"v{n}" for n in range(LONG // 9)]))),
    "JSON that is none": elements("o", elements("k", "[" + "1 " * (LONG // 2))),
    "not declared so": elements("a", elements("b", elements("c", "x" * LONG))),
    "too deep": elements("o", *(elements(f"k{n}")[: -len("]<]minimax[>[</k>")] for n in range(LONG // 20))),
}


@pytest.mark.parametrize("shape", TREES)
@pytest.mark.slow
def test_elements_are_kept_a_few_times_at_most(shape: str) -> None:
    """As `AS_ELEMENTS` says."""
    tools = [
        tool(
            "f",
            a={"type": "array"},
            o={"type": "object"},
            m={"type": "object", "additionalProperties": {"type": "string"}},
        )
    ]
    head, _, tail = elements("invoke", TREES[shape]).partition(">" + TREES[shape])
    text = f'{head} name="f">{TREES[shape]}{tail}'
    peak = peak_of(Request("minimax_m3", "minimax_m3", tools, in_reasoning=False), text, 64)
    assert peak < AS_ELEMENTS * len(text) + CONSTANT, f"{peak / len(text):.1f} bytes a character"


@pytest.mark.parametrize(
    ("text", "times"),
    [
        # As the model wrote them, in case no name comes; as arguments; and joined when the name has come.
        (f'<tool_call>{{"arguments": {{"s": "{"x" * LONG}"}}, "name": "f"}}</tool_call>', 3),
        ("x" + " \n" * (LONG // 2) + "x", 2),
    ],
    ids=["arguments before the name", "white space"],
)
@pytest.mark.parametrize("size", [16, 64])
def test_what_waits_is_kept_a_few_times_at_most(text: str, times: int, size: int) -> None:
    peak = peak_of(Request("hermes", "qwen3", TOOLS), text, size)
    assert peak < times * len(text) + CONSTANT, f"{peak / len(text):.1f} bytes a character"


def test_a_deferred_reasoning_is_kept_at_most_twice() -> None:
    request = Request("hermes", "qwen3", TOOLS, chat_template_kwargs={"force_nonempty_content": True})
    text = "<think>" + "some thought " * (LONG // 13)
    peak = peak_of(request, text, 64)
    assert peak < 2 * len(text) + CONSTANT, f"{peak / len(text):.1f} bytes a character"


# --- the counters themselves


def test_the_counters_see_quadratic_work() -> None:
    """A parser that keeps its text and looks at all of it at every piece does more than 2.2 times the work."""

    def work(count: int) -> int:
        def run() -> None:
            text, length = "", 0
            for _ in range(count):
                text = counted._binary(str.__add__, text, "x")
                length += counted._method(re.compile("y"), "search", text) is None
            assert length == count

        return counted.work_of(run)

    assert work(2000) / work(1000) > 3.5
