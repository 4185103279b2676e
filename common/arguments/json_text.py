"""JSON text, passed on byte for byte as it streams, but for a closed list of repairs with one reading.

- Repaired: raw control characters in strings, unknown escapes, trailing commas, `True`/`False`/`None`,
  single-quoted strings, and closing brackets missing where a marker or the end follows a finished value.
- Anything else wrong is passed on as it is, up to the bracket or marker that ends the body, and the value is
  not complete.
- Inside a string nothing is a marker; outside of one a marker ends the body. Where quotes do not pair, one that only
  a word and closing brackets separate from a marker closes.
- Nesting is counted on a list, never recursed.

Source: RFC 8259.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache

from ..cursor import NO_MARKERS, RECOVERED, Cursor, Markers, Reading, Sink
from ..held import Held
from ..recovery import drift, recovering, recovers, rule

_SPACE = " \t\r\n"
_SPACES = re.compile(r"[ \t\r\n]*")
_NO_SPACE = dict.fromkeys(map(ord, _SPACE))
_CLOSERS_RUN = re.compile(r"[}\], \t\r\n]*")
_CLOSERS_WITHIN = 64
_WORD_RUN = re.compile(r"[A-Za-z0-9_.+\-]*")
_STRING_RUN = {'"': re.compile(r'[^"\\\x00-\x1f]*'), "'": re.compile(r"[^'\"\\\x00-\x1f]*")}
_RAW_STRING_RUN = re.compile(r'[^"\\]*')
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_CUT_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NUMBER_RUN = re.compile(r"[0-9.eE+\-]*")
_LITERALS = {
    "true": "true",
    "false": "false",
    "null": "null",
    **dict(
        drift(
            "Python's words", ("True", "true"), ("False", "false"), ("None", "null"), contract="JSON text of an object"
        )
    ),
}
_CONTROL = recovering(
    "control characters in a string",
    {chr(code): json.dumps(chr(code))[1:-1] for code in range(0x20)},
    off={chr(code): chr(code) for code in range(0x20)},
    contract="JSON text of an object",
)
_CLOSER = {"{": "}", "[": "]"}
_QUOTES = recovering("strings in single quotes", "\"'", off='"', contract="JSON text of an object")
_BACKSLASH = recovering("an unknown escape", "\\\\", off="\\", contract="JSON text of an object")
_TRAILING_COMMA = rule("a trailing comma", contract="JSON text of an object")
_MISSING_CLOSERS = rule("closing brackets missing before a marker or the end", contract="JSON text of an object")
_CUT_MARKER = rule("a marker cut off at the end, behind a value", contract="The tail")
_BLOCK = 4096


def drop(_text: str) -> None:
    """A sink for text that is markup."""


def string(cursor: Cursor, sink: Sink) -> Reading[bool]:
    """Read a string from its opening quote on, written with double quotes; False if the reply ends in it."""
    mark = cursor.take(cursor.at + 1)
    if mark != '"':
        cursor.remark(RECOVERED)
    run = _STRING_RUN[mark]
    sink('"')
    while True:
        text = cursor.text
        found = run.match(text, cursor.at)
        assert found is not None  # a starred class matches everywhere
        stop = found.end()
        if stop > cursor.at:
            sink(cursor.take(stop))
        if stop == len(text):
            if cursor.ended:
                return False
            yield
            continue
        char = text[stop]
        if char == mark:
            cursor.take(stop + 1)
            sink('"')
            return True
        if char == '"':
            cursor.take(stop + 1)
            sink('\\"')
        elif char != "\\":
            cursor.take(stop + 1)
            cursor.remark(RECOVERED)
            sink(_CONTROL[char])
        elif escape := _ESCAPE.match(text, stop):
            sink(cursor.take(escape.end()))
        elif _CUT_ESCAPE.match(text, stop):
            if cursor.ended:
                cursor.take(len(text))
                return False
            yield
        elif text[stop + 1] == mark:  # \' in a single-quoted string
            cursor.take(stop + 2)
            sink(mark)
        else:
            cursor.take(stop + 1)
            cursor.remark(RECOVERED)
            sink(_BACKSLASH)


def value(cursor: Cursor, sink: Sink, ends: Markers = NO_MARKERS) -> Reading[bool]:
    """Read one value, up to its last character or a marker of `ends`; whether it was finished."""
    owed: list[str] = []  # closing brackets
    comma: list[str] = []  # a comma and the white space behind it, held: it may be a trailing one
    expect = "value"
    finished = False  # the last thing read is a value that its own text ends
    while True:
        char = yield from cursor.peek()
        if char in _SPACE and char:
            space = yield from _spaces(cursor)
            comma.append(space) if comma else sink(space)
            continue
        if not char or (char in ends.firsts and (yield from cursor.stands(ends))):
            break
        if _CUT_MARKER and expect == "more" and char in ends.firsts and cursor.cut_of(ends):
            break
        if char in "}]":
            closable = expect in ("first key", "first value", "more") or (bool(comma) and _TRAILING_COMMA)
            if not closable or not owed or owed[-1] != char:
                return (yield from _as_it_is(cursor, sink, ends, len(owed), comma))
            if comma:
                cursor.remark(RECOVERED)
            sink("".join(comma[1:]))
            comma.clear()
            sink(cursor.take(cursor.at + 1))
            owed.pop()
            expect, finished = "more", True
            if not owed:
                return True
            continue
        if char == "," and expect == "more":
            comma.append(cursor.take(cursor.at + 1))
            expect = "key" if owed[-1] == "}" else "value"
            continue
        if char == ":" and expect == "colon":
            sink(cursor.take(cursor.at + 1))
            expect = "value"
            continue
        if expect in ("colon", "more") or (expect in ("first key", "key") and char not in _QUOTES):
            return (yield from _as_it_is(cursor, sink, ends, len(owed), comma))
        if comma:
            sink("".join(comma))
            comma.clear()
        if char in _QUOTES:
            if not (yield from string(cursor, sink)):
                return False
            finished = expect not in ("first key", "key")
            expect = "more" if finished else "colon"
        elif char in _CLOSER:
            sink(cursor.take(cursor.at + 1))
            owed.append(_CLOSER[char])
            expect, finished = ("first key" if char == "{" else "first value"), False
            continue
        else:
            word = yield from _word(cursor)
            if word in _LITERALS:
                if word[0].isupper():
                    cursor.remark(RECOVERED)
                sink(_LITERALS[word])
                finished = True
            elif _NUMBER.fullmatch(word) and (cursor.at < len(cursor.text) or not cursor.ended):
                sink(word)
                finished = False
            elif cursor.at >= len(cursor.text):  # the reply ends in it
                if not _is_beginning(word):
                    sink(word)
                return False
            else:
                sink(word)
                return (yield from _as_it_is(cursor, sink, ends, len(owed), comma))
            expect = "more"
        if not owed:
            return finished or expect == "more"
    if finished and expect == "more" and _MISSING_CLOSERS:
        cursor.remark(RECOVERED)
        sink("".join(reversed(owed)))
        return True
    return False


def _spaces(cursor: Cursor) -> Reading[str]:
    found = _SPACES.match(cursor.text, cursor.at)
    assert found is not None  # a starred class matches everywhere
    return cursor.take(found.end())
    yield  # a generator, as all reads are


def _word(cursor: Cursor) -> Reading[str]:
    """A number or a bare word, whole."""
    return (yield from cursor.run(_WORD_RUN))


def _is_beginning(word: str) -> bool:
    """Whether `word` may be a number or literal that was cut off."""
    return _NUMBER_RUN.fullmatch(word) is not None or any(each.startswith(word) for each in _LITERALS)


def _as_it_is(cursor: Cursor, sink: Sink, ends: Markers, depth: int, comma: list[str]) -> Reading[bool]:
    """Pass the rest of a body that is no JSON, up to the bracket or marker that ends it."""
    run = _raw_run(ends)
    sink("".join(comma))
    while True:
        char = yield from cursor.peek()
        if not char or (char in ends.firsts and ((yield from cursor.stands(ends)) or cursor.cut_of(ends))):
            return False
        if char == '"' and not (yield from _ends_body(cursor, ends)):
            yield from _raw_string(cursor, sink)
            continue
        if char in "{[":
            depth += 1
        elif char in "}]":
            if not depth:
                return False  # the bracket of what is around the value
            depth -= 1
        sink(cursor.take(cursor.at + 1))
        if char in "}]" and not depth:
            return False
        found = run.match(cursor.text, cursor.at)
        assert found is not None  # a starred class matches everywhere
        sink(cursor.take(found.end()))


@cache
def _raw_run(ends: Markers) -> re.Pattern[str]:
    """Text that holds no string, no bracket and no beginning of a marker."""
    return re.compile(rf'[^"{{}}\[\]{re.escape("".join(sorted(ends.firsts)))}]*')


@recovers("a string whose quotes do not pair, before the end of the body", off=False)
def _ends_body(cursor: Cursor, ends: Markers) -> Reading[bool]:
    """Whether the quote here closes, as a marker stands behind it, a last value and closing brackets."""
    mark = cursor.mark()
    cursor.take(cursor.at + 1)
    yield from cursor.run(_SPACES, _CLOSERS_WITHIN)
    if (yield from cursor.peek()) == ":":
        cursor.take(cursor.at + 1)
        yield from cursor.run(_SPACES, _CLOSERS_WITHIN)
        yield from cursor.run(_WORD_RUN, _CLOSERS_WITHIN)
    closers = yield from cursor.run(_CLOSERS_RUN, _CLOSERS_WITHIN)
    closed = "}" in closers or "]" in closers
    found = closed and ((yield from cursor.stands(ends)) is not None or cursor.cut_of(ends))
    cursor.rewind(mark)
    return found


def _raw_string(cursor: Cursor, sink: Sink) -> Reading[None]:
    sink(cursor.take(cursor.at + 1))
    while True:
        found = _RAW_STRING_RUN.match(cursor.text, cursor.at)
        assert found is not None  # a starred class matches everywhere
        sink(cursor.take(found.end()))
        if cursor.at < len(cursor.text):
            if cursor.text[cursor.at] == '"':
                sink(cursor.take(cursor.at + 1))
                return
            if cursor.at + 1 < len(cursor.text) or cursor.ended:
                sink(cursor.take(min(cursor.at + 2, len(cursor.text))))
                continue
        elif cursor.ended:
            return
        yield


def decoded(text: str) -> str | None:
    """The string that JSON string text `text` stands for; None if it is none."""
    try:
        found = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, str) else None


def repaired(text: str) -> str | None:
    """`text` as JSON text, repaired as a streamed body would be; None if it is no single finished value."""
    held = Held()
    return held.take() if _reads((text,), held.append) else None


def _reads(pieces: Iterable[str], sink: Sink) -> bool:
    """Whether the text of `pieces` is a single finished value, which `sink` is given."""
    cursor = Cursor()
    reading = _whole_value(cursor, sink)
    next(reading)
    try:
        for piece in pieces:
            cursor.feed(piece)
            next(reading)
        cursor.end()
        next(reading)
    except StopIteration as stop:
        return bool(stop.value)
    raise AssertionError("a read asked for text after the end")


def _whole_value(cursor: Cursor, sink: Sink) -> Reading[bool]:
    """Read a value, behind which there is only white space."""
    yield
    if not (yield from value(cursor, sink)):
        return False
    while not cursor.text[cursor.at :].strip():
        cursor.take(len(cursor.text))
        if cursor.ended:
            return True
        yield
    return False


# Also a string that is not closed: a search that gave up on it would start again inside it.
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'
_COMPACT = re.compile(rf"({_STRING})|[ \t\r\n]+", re.DOTALL)
_BRACKETS = re.compile(rf"{_STRING}|[\[\]{{}}]", re.DOTALL)


def compact(text: str, max_depth: int) -> str | None:
    """`text` as JSON text without white space, repaired where one reading is possible.

    Strings and numbers stay as written. None if `text` is not JSON or is nested deeper than `max_depth`.
    """
    if not _shallow(text, max_depth, 0, len(text)):
        return None
    fixed = _valid(text) or repaired(text)
    return None if fixed is None else _COMPACT.sub(r"\1", fixed)


def compact_held(text: str, max_depth: int, start: int, end: int) -> Held | None:
    """As `compact`, of the array or object between `start` and `end`, in memory of its size.

    The standard library's reader is quicker, but what it builds takes many times the text.
    """
    if not _shallow(text, max_depth, start, end):
        return None
    held = Held()
    in_string = False

    def write(piece: str) -> None:
        nonlocal in_string
        if piece == '"':  # as a piece of its own it opens or closes a string
            in_string = not in_string
        held.append(piece if in_string else piece.translate(_NO_SPACE))

    blocks = (text[at : min(at + _BLOCK, end)] for at in range(start, end, _BLOCK))
    return held if _reads(blocks, write) else None


def _valid(text: str) -> str | None:
    """`text`, if it is JSON."""
    try:
        # Numbers as text: Python refuses to convert very long ones.
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_no_constant)
    except ValueError:
        return None
    return text


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _shallow(text: str, max_depth: int, start: int, end: int) -> bool:
    depth = 0
    for found in _BRACKETS.finditer(text, start, end):
        if found.group() in "[{":
            depth += 1
            if depth > max_depth:
                return False
        elif found.group() in "]}":
            depth -= 1
    return True
