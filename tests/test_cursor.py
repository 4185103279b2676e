"""The cursor: markers are found however the text is cut, and nothing else is held back."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable

import pytest
from dynamo_parsers.cursor import MAX_HELD, Cursor, Markers, Overrun, Reading, union


def run(read: Callable[[Cursor], Reading[object]], pieces: Iterable[str]) -> tuple[object, Cursor]:
    """The result of a read that is fed `pieces`, then the end."""
    cursor = Cursor()
    reading = read(cursor)
    for piece in [*pieces, None]:
        try:
            next(reading)
        except StopIteration as stop:
            if piece is not None:
                cursor.feed(piece)
            return stop.value, cursor
        if piece is None:
            cursor.end()
        else:
            cursor.feed(piece)
    try:
        next(reading)
    except StopIteration as stop:
        return stop.value, cursor
    raise AssertionError("a read asked for text after the end")


def split(markers: Markers, pieces: Iterable[str]) -> list[tuple[str, str | None]]:
    """All of a text as `until` reads it: what it hands over, and the marker behind."""
    parts: list[tuple[str, str | None]] = []

    def read(cursor: Cursor) -> Reading[None]:
        while True:
            text: list[str] = []
            marker = yield from cursor.until(markers, text.append)
            parts.append(("".join(text), marker))
            if marker is None:
                return

    run(read, pieces)
    return parts


def split_simply(markers: Markers, text: str) -> list[tuple[str, str | None]]:
    """The same by a pattern over the whole text: the first marker, and the longest of those."""
    pattern = "|".join(map(re.escape, sorted(markers.all, key=len, reverse=True)))
    parts: list[tuple[str, str | None]] = []
    at = 0
    for found in re.finditer(pattern, text):
        parts.append((text[at : found.start()], found.group()))
        at = found.end()
    return [*parts, (text[at:], None)]


SETS = [
    ("<think>", "</think>"),
    ("<a>", "<a>b", "<ab>"),
    ("aab", "ab", "b"),
    ("aaa", "aa"),
    ("<｜tool▁sep｜>", "function<｜tool▁sep｜>"),
    ("[", "[TOOL]"),
    ("\n{", "\n["),
    ("<",),
]


@pytest.mark.parametrize("strings", SETS)
def test_until_finds_what_a_search_over_the_whole_text_finds(strings: tuple[str, ...]) -> None:
    markers = Markers(strings)
    letters = sorted(set("".join(strings)) | {"x"})
    for seed in range(2000):
        rng = random.Random(f"{strings} {seed}")
        pieces = [rng.choice((*letters, *strings)) for _ in range(rng.randrange(12))]
        text = "".join(pieces)
        expected = split_simply(markers, text)
        assert split(markers, [text]) == expected, text
        assert split(markers, list(text)) == expected, text
        at = rng.randrange(len(text) + 1)
        assert split(markers, [text[:at], text[at:]]) == expected, (text, at)


def test_only_what_may_become_a_marker_is_held_back() -> None:
    cursor = Cursor()
    said: list[str] = []
    reading = cursor.until(Markers(("<think>", "<tool_call>")), said.append)
    for char, out in [
        ("x", "x"),
        ("<", "x"),
        ("t", "x"),
        ("o", "x"),
        ("n", "x<ton"),
        ("<", "x<ton"),
        ("<", "x<ton<"),
        ("a", "x<ton<<a"),
    ]:
        next(reading)
        cursor.feed(char)
        next(reading)
        assert "".join(said) == out


def test_a_longer_marker_is_waited_for() -> None:
    markers = Markers(("<a>", "<a>b"))
    assert split(markers, ["x<a>", "b"]) == [("x", "<a>b"), ("", None)]
    assert split(markers, ["x<a>", "c"]) == [("x", "<a>"), ("c", None)]
    assert split(markers, ["x<a>"]) == [("x", "<a>"), ("", None)]


def test_no_markers() -> None:
    assert split(Markers(()), ["a<", "b"]) == [("a<b", None)]
    assert Markers(("", "a")).all == {"a"}


def test_union_is_all_markers_and_made_once() -> None:
    first, second = Markers(("a",)), Markers(("b",))
    assert union(first, second).all == {"a", "b"}
    assert union(first, second) is union(first, second)


@pytest.mark.parametrize("text", ["<", "<think", "</thin", "x", "", "<think>"])
def test_begins(text: str) -> None:
    markers = ("<think>", "</think>")
    assert Markers(markers).begins(text) == any(each.startswith(text) and each != text for each in markers)


def test_the_unread_text_stays_short() -> None:
    """What was read is forgotten at the next feed, however much there was."""
    cursor = Cursor()
    reading = cursor.until(Markers(("<think>",)), lambda _text: None)
    next(reading)
    for _ in range(1000):
        cursor.feed("some text <thi")
        next(reading)
        assert len(cursor.text) <= len("<thisome text <thi")


# --- marks


def test_rewind_reads_again() -> None:
    cursor = Cursor()
    cursor.feed("abcdef")
    mark = cursor.mark()
    assert cursor.take(4) == "abcd"
    assert cursor.held(mark) == "abcd"
    cursor.rewind(mark, 1)
    assert cursor.take(6) == "bcdef"


def test_a_mark_holds_over_feeds() -> None:
    cursor = Cursor()
    cursor.feed("xxab")
    cursor.take(2)
    mark = cursor.mark()
    cursor.take(4)
    cursor.feed("cd")
    cursor.feed("ef")
    cursor.take(len(cursor.text))
    assert cursor.held(mark) == "abcdef"
    cursor.rewind(mark)
    cursor.settle(cursor.mark())
    assert cursor.take(len(cursor.text)) == "abcdef"


def test_a_settled_mark_holds_no_more() -> None:
    cursor = Cursor()
    cursor.feed("ab")
    mark = cursor.mark()
    cursor.take(2)
    cursor.settle(mark)
    cursor.feed("cd")
    assert cursor.text == "cd"


def test_marks_nest() -> None:
    cursor = Cursor()
    cursor.feed("abcdefgh")
    outer = cursor.mark()
    cursor.take(2)
    inner = cursor.mark()
    cursor.take(5)
    cursor.rewind(inner)
    assert cursor.at == 2
    cursor.take(4)
    cursor.feed("ij")
    assert cursor.held(outer) == "abcd"
    cursor.rewind(outer)
    assert cursor.take(len(cursor.text)) == "abcdefghij"


def test_a_mark_back_of_the_place() -> None:
    cursor = Cursor()
    cursor.feed("x<a>b")
    cursor.take(4)
    mark = cursor.mark(3)
    cursor.take(5)
    assert cursor.held(mark) == "<a>b"


def test_a_mark_has_room_for_so_much() -> None:
    cursor = Cursor()
    cursor.feed("x" * 2 * MAX_HELD)
    mark = cursor.mark()
    cursor.take(MAX_HELD)
    with pytest.raises(Overrun):
        cursor.take(MAX_HELD + 1)
    cursor.rewind(mark)
    assert cursor.take(2 * MAX_HELD) == "x" * 2 * MAX_HELD


def test_an_inner_mark_gives_its_outer_one_its_room_back() -> None:
    cursor = Cursor()
    cursor.feed("x" * 100)
    outer = cursor.mark(room=50)
    cursor.take(10)
    inner = cursor.mark(room=5)
    with pytest.raises(Overrun):
        cursor.take(20)
    cursor.rewind(inner)
    cursor.take(50)
    with pytest.raises(Overrun):
        cursor.take(51)
    cursor.rewind(outer)
    assert cursor.take(100) == "x" * 100


def test_a_copy_gets_all_that_counts() -> None:
    cursor = Cursor()
    cursor.feed("abcdefgh")
    copied: list[str] = []
    cursor.copy_to(copied.append)
    cursor.take(2)
    mark = cursor.mark()
    cursor.take(5)
    assert "".join(copied) == "ab"
    cursor.rewind(mark)
    cursor.take(3)
    mark = cursor.mark()
    cursor.take(6)
    cursor.settle(mark)
    assert "".join(copied) == "abcdef"
    cursor.copy_to(None)
    cursor.take(8)
    assert "".join(copied) == "abcdef"


# --- small reads


@pytest.mark.parametrize("pieces", [["  \n\tx"], [" ", " \n", "\tx"], list("  \n\tx")])
def test_space(pieces: list[str]) -> None:
    space, cursor = run(lambda cursor: cursor.space(), pieces)
    assert space == "  \n\t"
    assert cursor.text[cursor.at :] == "x"


def test_space_is_no_unicode_space() -> None:
    assert run(lambda cursor: cursor.space(), ["\u3000x"])[0] == ""
    assert run(lambda cursor: cursor.space(), ["\xa0x"])[0] == ""


def test_space_has_a_limit() -> None:
    for pieces in ([" " * 10, " " * 10], list(" " * 10)):
        assert run(lambda cursor: cursor.space(4), pieces)[0] == " " * 4


def test_run_joins_pieces() -> None:
    word = re.compile(r"[a-z]*")
    assert run(lambda cursor: cursor.run(word), ["ab", "cd", "e1"])[0] == "abcde"
    assert run(lambda cursor: cursor.run(word), ["1"])[0] == ""
    assert run(lambda cursor: cursor.run(word, 3), ["ab", "cd"])[0] == "abc"
    assert run(lambda cursor: cursor.run(word), ["ab"])[0] == "ab"
    assert run(lambda cursor: cursor.run(word), [])[0] == ""


def test_peek_and_match() -> None:
    markers = Markers(("<a>", "<a>b"))
    assert run(lambda cursor: cursor.peek(), ["ab"])[0] == "a"
    assert run(lambda cursor: cursor.peek(), [])[0] == ""
    for pieces, expected in [
        (["<a>x"], "<a>"),
        (["<", "a>", "bc"], "<a>b"),
        (["<a>"], "<a>"),
        (["<a"], None),
        (["x<a>"], None),
        ([], None),
    ]:
        marker, cursor = run(lambda cursor: cursor.match(markers), pieces)
        assert marker == expected
        if expected is None:
            assert cursor.at == 0


def test_cut_of() -> None:
    markers = Markers(("<think>",))
    for text, is_cut in [("<thi", True), ("<think>", False), ("<thx", False), ("", False), ("x<thi", False)]:
        cursor = Cursor()
        cursor.feed(text)
        assert not cursor.cut_of(markers)
        cursor.end()
        assert cursor.cut_of(markers) == is_cut
        assert cursor.at_end == (is_cut or not text)


def test_a_mark_without_a_limit_holds_what_comes() -> None:
    """A long hold is read again whole, however the text was cut, and marks in it nest as elsewhere."""
    text = "".join(chr(97 + at % 26) for at in range(5000))
    for size in (1, 7, 600, 5000):
        seen: list[str] = []

        def read(cursor: Cursor, seen: list[str] = seen) -> Reading[str]:
            copied: list[str] = []
            cursor.copy_to(copied.append)
            yield from cursor.run(re.compile("[a-c]*"))
            outer = cursor.mark(room=None)
            yield from cursor.run(re.compile("(?s:.*)"), 2000)
            inner = cursor.mark(room=None)
            short = cursor.mark()
            yield from cursor.run(re.compile("(?s:.*)"), 400)
            cursor.rewind(short)
            yield from cursor.run(re.compile("(?s:.*)"), 1000)
            assert cursor.held(inner) == text[2003:3003]
            assert cursor.held(outer) == text[3:3003]
            assert cursor.text_from(3) == cursor.unread() == text[3 : cursor.offset + len(cursor.text) - cursor.at]
            cursor.rewind(inner, 10)
            yield from cursor.run(re.compile("(?s:.*)"), 1000)
            assert "".join(copied) == "abc"
            cursor.rewind(outer)
            seen.append((yield from cursor.run(re.compile("(?s:.*)"), 3000)))
            last = cursor.mark(room=None)
            seen.append((yield from cursor.run(re.compile("(?s:.*)"))))
            cursor.settle(last)
            return "".join(copied)

        copied, _ = run(read, [text[at : at + size] for at in range(0, len(text), size)])
        assert "".join(seen) == text[3:]
        assert copied == text


def test_an_overrun_leaves_the_marks_in_it() -> None:
    def read(cursor: Cursor) -> Reading[str]:
        outer = cursor.mark(room=10)
        cursor.mark(room=None)
        with pytest.raises(Overrun):
            yield from cursor.run(re.compile("x*"))
        cursor.rewind(outer)
        return (yield from cursor.run(re.compile("x*")))

    assert run(read, ["x"] * 50)[0] == "x" * 50


def test_a_long_hold_costs_its_length() -> None:
    """What is held is not copied with every piece: 16 times the text is 16 times the work, not 256 times."""

    def copied(size: int) -> int:
        class Counted(Cursor):
            def feed(self, text: str) -> None:
                nonlocal work
                super().feed(text)
                work += len(self.text)

        work = 0
        cursor = Counted()
        cursor.mark(room=None)
        for _ in range(size):
            cursor.feed("ab")
            cursor.take(len(cursor.text))
        assert len(cursor.unread()) == 2 * size
        return work

    assert copied(16000) <= 17 * copied(1000)


@pytest.mark.parametrize("marked", [False, True])
def test_text_without_a_stop_passes_without_the_reader(marked: bool) -> None:
    cursor = Cursor()
    said: list[str] = []

    def read() -> Reading[str | None]:
        if marked:
            cursor.mark()
        return (yield from cursor.until(Markers(("<a>",)), said.append))

    reading = read()
    next(reading)
    assert cursor.feed("one ") is marked  # what a mark holds does not pass
    if marked:
        next(reading)
    assert said == ["one "]
    assert cursor.offset == 4
    assert cursor.feed("two <")
    next(reading)
    assert cursor.feed("a>")
    with pytest.raises(StopIteration) as stop:
        next(reading)
    assert stop.value.value == "<a>"
    assert "".join(said) == "one two "


def test_the_end_does_not_pass() -> None:
    cursor = Cursor()
    said: list[str] = []
    reading = cursor.until(Markers(("<a>",)), said.append)
    next(reading)
    cursor.end()
    with pytest.raises(StopIteration):
        next(reading)
    assert said == []


@pytest.mark.parametrize("outcome", ["value", "error", "at once"])
def test_a_direct_read_is_resumed_without_those_around_it(outcome: str) -> None:
    cursor = Cursor()

    def inner() -> Reading[str]:
        if outcome != "at once":
            yield
            yield
        if outcome == "error":
            raise Overrun
        return "read"

    def outer() -> Reading[None]:
        try:
            found.append((yield from cursor.directly(cursor.directly(inner()))))
        except Overrun:
            found.append("overrun")
        yield

    found: list[str] = []
    reading = outer()
    waits = 0
    while not found:
        waits += 1
        assert cursor.resume(reading)
    assert found == ["overrun" if outcome == "error" else "read"]
    assert waits == (1 if outcome == "at once" else 3)
    assert not cursor.resume(reading)


def test_a_direct_read_is_resumed_by_those_around_it_too() -> None:
    cursor = Cursor()

    def inner() -> Reading[str]:
        yield
        yield
        return "read"

    reading = cursor.directly(inner())
    next(reading)
    next(reading)
    with pytest.raises(StopIteration) as stop:
        next(reading)
    assert stop.value.value == "read"
