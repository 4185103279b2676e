"""A reply costs its own length: twice the text is at most 2.2 times the work, however it is fed.

Work is counted by `counted`, never timed: see there for what is counted and what is not. Each shape of text is fed
whole and character by character. What a regular expression looks at in vain is the one thing that is timed,
by a wide margin, in `test_no_text_makes_a_pattern_backtrack`. Memory is what `tracemalloc` sees between two pieces.
"""

from __future__ import annotations

import json
import re
import time
import tracemalloc
from collections.abc import Callable, Iterator

import counted
import markup
import pytest
from dynamo_parsers.registry import TOOL_ROWS, ToolRow, reasoning_row
from replies import Request, tool

core = counted.counted()

SIZE = 2048
"""Characters of the shorter text: several times what a mark holds."""
MOST = 2.2

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


def call(renderer: markup.Renderer, **arguments: object) -> str:
    return renderer.calls([markup.Call.of("f", arguments)])


def shapes(row: ToolRow) -> Iterator[tuple[str, Shape]]:
    """Texts that are long in one way each."""
    think = reasoning_row(row.pairs[0])
    renderer = markup.RENDERERS.get(row.name)
    sample = row.sample
    if renderer is not None:
        yield "long string", lambda n: call(renderer, s="x" * n)
        yield "long string of escapes", lambda n: call(renderer, s='"\\\n\x01é' * (n // 5))
        yield "long string of openers", lambda n: call(renderer, s="< { [ <| </ " * (n // 12))
        yield "many small parameters", lambda n: call(renderer, **{f"p{i}": "x" for i in range(n // 8)})
        yield "many small numbers", lambda n: call(renderer, **{f"p{i}": i for i in range(n // 8)})
        yield "long array", lambda n: call(renderer, a=list(range(n // 5)))
        yield "long object", lambda n: call(renderer, o={f"k{i}": "v" for i in range(n // 12)})
        yield "long number", lambda n: call(renderer, i=10 ** min(n, 4000) - 1) + "9" * max(0, n - 4000)
        yield "long union", lambda n: call(renderer, n="1" * n, u="nul" * (n // 3))
        yield "white space in a value", lambda n: call(renderer, u=" " * n)
        yield "many calls", lambda n: renderer.calls([markup.Call.of("f", {"s": "x"})] * (n // 60))
        yield "calls in a value", lambda n: call(renderer, s=(" " + sample + " x") * (n // len(sample)))
        yield "cut calls in a value", lambda n: call(renderer, s=sample[: len(sample) * 2 // 3] * (n // len(sample)))
        yield "cut long string", lambda n: call(renderer, s="x" * n)[: -len(call(renderer, s=""))]
        nested = json.loads("[" * 100 + "]" * 100)
        yield "nested arrays", lambda n: call(renderer, a=[nested] * (n // 200))
        if renderer.json_bodies:
            deep = markup.Call("f", {}, "")
            yield (
                "deep nesting",
                lambda n: renderer.calls([markup.Call(deep.name, {}, '{"a":' * (n // 6) + "1" + "}" * (n // 6))]),
            )
            yield "unclosed nesting", lambda n: renderer.calls([markup.Call("f", {}, '{"a":[' * (n // 6))])
            yield "broken JSON", lambda n: renderer.calls([markup.Call("f", {}, "{bad " + "<[" * (n // 2))])
            yield "broken JSON of strings", lambda n: renderer.calls([markup.Call("f", {}, "{bad " + '"' * n)])
            yield "cut escapes", lambda n: renderer.calls([markup.Call("f", {}, '{"a": "' + "\\u12" * (n // 4))])
            yield "white space in JSON", lambda n: renderer.calls([markup.Call("f", {}, '{"a":' + " " * n + "1}")])
    if '"arguments"' in sample or '"parameters"' in sample:
        head, _, tail = sample.partition('"name": "get_weather"')
        body = '"arguments": {"city": "' if '"arguments"' in sample else '"parameters": {"city": "'
        yield (
            "arguments before the name",
            lambda n: head + body + "x" * n + '"}, "name": "f"}' + tail.rpartition("}")[2],
        )
        yield "no name", lambda n: head + body + "x" * n + '"}}' + tail.rpartition("}")[2]
        yield "further keys", lambda n: head + '"k": 1, ' * (n // 8) + '"name": "f"' + tail
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
        yield name, lambda n, piece=piece: piece * (n // len(piece) + 1)
        yield f"{name}, thinking", lambda n, piece=piece: think.open + piece * (n // len(piece) + 1)
    for marker in sorted(row.format.markers):
        for behind in ("", " x ", "f" * 200, " " * 100):
            piece = marker + behind
            yield f"{marker}{behind[:3]}", lambda n, piece=piece: piece * (n // len(piece) + 1)
            if renderer is not None and not renderer.json_bodies and renderer.framed is None:
                yield (
                    f"{marker}{behind[:3]} in a value",
                    lambda n, piece=piece: call(renderer, s=piece * (n // len(piece) + 1)),
                )
    if sample.count("<") > 3:
        yield "long name", lambda n: sample.replace("get_weather", "n" * n)
        yield "long key", lambda n: sample.replace("city", "k" * n)


def work_of(request: Request, text: str, size: int) -> int:
    def feed() -> None:
        parser = core.Parser(
            request.tool_parser, request.reasoning_parser, request.tools, in_reasoning=False, new_id=lambda: "id"
        )
        for at in range(0, len(text), size):
            parser.feed(text[at : at + size])
        parser.finish()

    return counted.work_of(feed)


def growth(request: Request, shape: Shape, size: int) -> tuple[float, float]:
    """How the work grows where the text doubles, and the work per character."""
    short, long = shape(SIZE), shape(2 * SIZE)
    work_of(request, short, size)  # what is made once is not the reply's
    first, second = work_of(request, short, size), work_of(request, long, size)
    # A shape is only about as long as it should be.
    return (second / first) / (len(long) / len(short)) * 2, second / len(long)


rows = pytest.mark.parametrize("row", TOOL_ROWS, ids=lambda row: row.name)


@rows
@pytest.mark.parametrize("size", [1, 1 << 30], ids=["by character", "whole"])
@pytest.mark.timeout(600)
def test_twice_the_text_is_twice_the_work(row: ToolRow, size: int) -> None:
    request = Request(row.name, row.pairs[0], TOOLS)
    slow = {}
    for name, shape in shapes(row):
        ratio, each = growth(request, shape, size)
        if ratio > MOST:
            slow[name] = f"{ratio:.2f} times the work, {each:.0f} a character"
    assert not slow


@rows
@pytest.mark.timeout(600)
def test_work_without_tools(row: ToolRow) -> None:
    """The views of the engines: calls stay in the text, or no tool parser is there."""
    slow = {}
    for request in (Request(row.name, row.pairs[0]), Request(None, row.pairs[0])):
        for name, shape in shapes(row):
            ratio, each = growth(request, shape, 4)
            if ratio > MOST:
                slow[name] = f"{ratio:.2f} times the work, {each:.0f} a character"
    assert not slow


@pytest.mark.parametrize("name", ["kimi_k2", "qwen3_coder", "hermes"])
def test_the_work_per_character_is_small(name: str) -> None:
    """In tokens of four characters: an upper bound on what a character costs where replies are long."""
    row = next(row for row in TOOL_ROWS if row.name == name)
    request = Request(name, row.pairs[0], TOOLS)
    limits = {"long string": 20, "prose": 40, "many small parameters": 60, "long array": 40, "white space": 20}
    for shape_name, shape in shapes(row):
        if shape_name in limits:
            assert growth(request, shape, 4)[1] <= limits[shape_name], shape_name


# --- patterns


@pytest.mark.timeout(600)
@rows
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
    for piece in pieces:
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


def peak_of(request: Request, text: str, size: int = 4) -> int:
    """The most bytes that are in use while a reply is fed; what comes of it is dropped at once."""
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    parser = request.parser()
    parser.feed(pieces[0])
    tracemalloc.start()
    try:
        for piece in pieces[1:]:
            parser.feed(piece)
        parser.finish()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


KILO = 1024
CONSTANT = 64 * KILO
HELD = 256 * KILO


@pytest.mark.parametrize("name", ["kimi_k2", "qwen3_coder", "hermes"])
@pytest.mark.parametrize("size", [1, 4, 64])
def test_a_stream_is_not_kept(name: str, size: int) -> None:
    renderer = markup.RENDERERS[name]
    row = next(row for row in TOOL_ROWS if row.name == name)
    request = Request(name, row.pairs[0], TOOLS)
    for text in (call(renderer, s="x" * HELD), "a < b [c] {d} " * (HELD // 14), "<think>" + "x " * (HELD // 2)):
        assert peak_of(request, text, size) < CONSTANT


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("qwen3_coder", call(markup.RENDERERS["qwen3_coder"], a=["some text"] * (HELD // 13))),
        ("qwen3_coder", call(markup.RENDERERS["qwen3_coder"], o={f"key {n}": "value" for n in range(HELD // 20)})),
        ("hermes", f'<tool_call>{{"arguments": {{"s": "{"x" * HELD}"}}, "name": "f"}}</tool_call>'),
        ("hermes", "x" + " \n" * (HELD // 2) + "x"),
    ],
    ids=["array", "object", "arguments before the name", "white space"],
)
@pytest.mark.parametrize("size", [4, 64])
def test_a_held_value_is_kept_about_twice(name: str, text: str, size: int) -> None:
    peak = peak_of(Request(name, "qwen3", TOOLS), text, size)
    assert peak < 2.5 * len(text) + CONSTANT, f"{peak / len(text):.1f} bytes a character"


def test_a_deferred_reasoning_is_kept_about_twice() -> None:
    request = Request("hermes", "qwen3", TOOLS, chat_template_kwargs={"force_nonempty_content": True})
    text = "<think>" + "some thought " * (HELD // 13)
    peak = peak_of(request, text)
    assert peak < 2.5 * len(text) + CONSTANT, f"{peak / len(text):.1f} bytes a character"


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
