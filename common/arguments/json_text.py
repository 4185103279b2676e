"""JSON text, passed on byte for byte as it streams, but for a closed list of repairs with one reading.

- Repaired: raw control characters in strings, unknown escapes, trailing and doubled commas, `True`/`False`/`None`,
  single-quoted strings, and closing brackets missing where a marker or the end follows a finished value.
- Anything else wrong is passed on as it is, up to the bracket or marker that ends the body, and the value is
  not complete.
- Outside of a string a marker ends the body. Inside of one it is held from there on: it is text if the quote comes and
  the JSON goes on behind it; else the string ended there without its quote.
- Nesting is counted on a list, never recursed.

Source: RFC 8259.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import ClassVar, TypeAlias

from ..cursor import NO_MARKERS, RECOVERED, Cursor, Markers, Overrun, Reading, Sink
from ..held import Held
from ..recovery import drift, recovering, recovers, rule
from .literals import CLOSABLE, CLOSER, KEYS, VALUES, Due, Literal, Read, other

_SPACE = " \t\r\n"
_SPACES = re.compile(r"[ \t\r\n]*")
_WORD_RUN = re.compile(r"[A-Za-z0-9_.+\-]*")
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_CUT_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NUMBER_RUN = re.compile(r"[0-9.eE+\-]*")
_LITERALS = {
    "true": "true",
    "false": "false",
    "null": "null",
    **dict(drift("Python's words", ("True", "true"), ("False", "false"), ("None", "null"), contract="Python's JSON")),
}
_CONTROL = recovering(
    "control characters in a string",
    {chr(code): json.dumps(chr(code))[1:-1] for code in range(0x20)},
    off={chr(code): chr(code) for code in range(0x20)},
    contract="Control characters",
)
_QUOTES = recovering("strings in single quotes", "\"'", off='"', contract="Python's JSON")
_BACKSLASH = recovering("an unknown escape", "\\\\", off="\\", contract="Control characters")
_CLOSERS = "}]"
_FOLLOWS_WITHIN = 256
_LAST_VALUE = re.compile(r'"[ \t\r\n]{0,64}(?::[ \t\r\n]{0,64}[\w.+\-]{0,64}[ \t\r\n]{0,64})?([}\], \t\r\n]{0,64})')
"""A quote that closes the last string of a body, a last value after it, and closing brackets."""
_LONGEST_LAST_VALUE = 400
_NEXT_CALL = re.compile(
    r"(?P<closers>[}\]][}\] \t\r\n]{0,64})(?P<separator>[;,][ \t\r\n]{0,64})?(?:\{[ \t\r\n]{0,64}(?P<quote>[\"'])?)?"
)
_SPACE_WITHIN = 64
_BLOCK = 4096


_BEFORE_END = rule("a string's quote missing before the brackets that end the body")
_BEFORE_MARKER = rule("a string's quote missing before a marker", contract="Candidates")
_DOUBLED_COMMA = rule("a doubled comma", contract="Doubled commas")
_MISSING_BRACKETS = rule("closing brackets missing before a marker or the end", contract="Missing brackets")
_NEXT_CALL_IN_REST = rule("the next call after what is no JSON", contract="Local damage")
_TRAILING_COMMA = rule("a trailing comma", contract="Commas")


Follows: TypeAlias = Callable[[], Reading[bool]]
"""Whether what stands here can follow a string; nothing is read."""


def drop(_text: str) -> None:
    """A sink for text that is markup."""


class Inside:
    """What a string that is not closed may have run into: a marker, the end of a line, the next call of an array."""

    __slots__ = ("_markers", "calls", "firsts", "raw", "runs", "stops")

    def __init__(self, markers: Markers, calls: bool) -> None:
        self._markers = markers
        self.calls = calls
        before_marker = markers.firsts if _BEFORE_MARKER else frozenset[str]()
        self.firsts = before_marker | frozenset(_CLOSERS if markers.all and _BEFORE_END else "")
        stops = re.escape("".join(sorted(self.firsts)))
        self.runs = {mark: re.compile(rf"[^{mark}\"\\\x00-\x1f{stops}]*") for mark in _QUOTES}
        """Text of a string between these quotes that passes as it is."""
        self.stops = {mark: re.compile(rf"[{mark}\"\\\x00-\x1f{stops}]").search for mark in _QUOTES}
        """Finds what does not."""
        self.raw = re.compile(rf'[^"\\{stops}]*')
        """Text of a string that passes as it is where all does."""

    def stands(self, cursor: Cursor, depth: int) -> Reading[bool]:
        """Whether one stands here, in a string in so many brackets; nothing is read."""
        if cursor.text[cursor.at] in _CLOSERS:
            return (yield from self._body_ends(cursor, depth + self.calls))
        return (yield from cursor.stands(self._markers)) is not None

    def _body_ends(self, cursor: Cursor, owed: int) -> Reading[bool]:
        """Whether so many closing brackets stand here, and a marker, the next call or a line break behind them.

        Nothing is read. No string of JSON holds a line break as it is.
        """
        while True:
            text = cursor.text
            found = _NEXT_CALL.match(text, cursor.at)
            assert found is not None  # a closing bracket stands here
            closers, end = found["closers"], found.end("closers")
            if end == len(text) and not cursor.ended:
                yield
                continue
            if closers.count("}") + closers.count("]") < owed:
                return False
            marker = self._markers.match(text, end, cursor.ended)
            if "\n" in closers or found["quote"] or (marker is not None and marker.group() in self._markers.all):
                return "\n" in closers or marker is not None or found["separator"] is not None
            if cursor.ended or (marker is None and found.end() < len(text)):
                return False
            yield


@cache
def inside(markers: Markers, calls: bool = False) -> Inside:
    """What may end a string: these markers, and the end of the body. `calls`: that stands in a call's object."""
    return Inside(markers, calls)


NOTHING = inside(NO_MARKERS)


class _Doubt:
    """The text of a string from its first marker on, held: the string may have ended before it."""

    __slots__ = ("_cursor", "_follows", "_mark", "_sink", "_text", "say")

    def __init__(self, cursor: Cursor, sink: Sink, follows: Follows) -> None:
        self._cursor = cursor
        self._sink = sink
        self._follows = follows
        self._mark = cursor.mark(room=None)
        self._text = Held()
        self.say = self._text.append

    def closed(self) -> Reading[Read]:
        """A quote has been read: whether it closes the string. If not, the marker is read again."""
        if not (yield from self._follows()):
            return self.cut()
        self._cursor.settle(self._mark)
        self._text.append('"')
        self._sink(self._text.take())
        return Read.DONE

    def cut(self) -> Read:
        """The string has no quote; the marker is read again."""
        self._cursor.rewind(self._mark)
        return Read.CUT


def string(
    cursor: Cursor, sink: Sink, within: Inside = NOTHING, follows: Follows | None = None, depth: int = 0
) -> Reading[Read]:
    """Read a string from its opening quote on, written with double quotes; whether it was closed.

    What is `within` ends a string that is not closed, in `depth` brackets. One is closed after that only if `follows`.
    """
    mark = cursor.text[cursor.at]
    run = within.runs[mark]
    at = cursor.at + 1
    if mark != '"' or cursor.is_marked:
        cursor.take(at)
        sink('"')
        if mark != '"':
            cursor.remark(RECOVERED)
    doubt: _Doubt | None = None
    say = sink
    while True:
        text = cursor.text
        found = run.match(text, at)
        assert found is not None  # a starred class matches everywhere
        stop = found.end()
        if stop == len(text):
            if stop > cursor.at:
                say(cursor.take(stop))
            if cursor.ended:
                return Read.CUT if doubt is None else doubt.cut()
            cursor.passes = say, within.stops[mark]
            yield
            cursor.passes = None
            at = cursor.at
            continue
        char = text[stop]
        if char == mark and doubt is None:
            say(cursor.take(stop + 1) if mark == '"' else cursor.take(stop + 1)[:-1] + '"')
            return Read.DONE
        if stop > cursor.at:
            say(cursor.take(stop))
        if char == mark and doubt is not None:
            cursor.take(stop + 1)
            return (yield from doubt.closed())
        if char in within.firsts:
            if doubt is None and follows is not None and (yield from within.stands(cursor, depth)):
                if cursor.offset < cursor.twice:  # it is known by now
                    return Read.CUT
                doubt = _Doubt(cursor, sink, follows)
                say = doubt.say
            say(cursor.take(cursor.at + 1))
        elif not (yield from _special(cursor, say, mark)):
            return Read.CUT if doubt is None else doubt.cut()
        at = cursor.at


def _special(cursor: Cursor, sink: Sink, mark: str) -> Reading[bool]:
    """Read a character that JSON escapes, or an escape; False if the reply ends in it."""
    char = cursor.text[cursor.at]
    if char == "\\":
        return (yield from _escape(cursor, sink, mark))
    cursor.take(cursor.at + 1)
    if char != '"':
        cursor.remark(RECOVERED)
    sink('\\"' if char == '"' else _CONTROL[char])
    return True


def _escape(cursor: Cursor, sink: Sink, mark: str) -> Reading[bool]:
    """Read an escape, or a backslash that is none; False if the reply ends in it."""
    while _CUT_ESCAPE.match(cursor.text, cursor.at):
        if cursor.ended:
            cursor.take(len(cursor.text))
            return False
        yield
    text, at = cursor.text, cursor.at
    if escape := _ESCAPE.match(text, at):
        sink(cursor.take(escape.end()))
    elif text[at + 1] == mark:  # \' in a single-quoted string
        cursor.take(at + 2)
        sink(mark)
    else:
        cursor.take(at + 1)
        cursor.remark(RECOVERED)
        sink(_BACKSLASH)
    return True


def value(
    cursor: Cursor,
    sink: Sink,
    ends: Markers = NO_MARKERS,
    within: Inside | None = None,
    required: frozenset[str] = frozenset(),
) -> Reading[bool]:
    """Read one value, up to its last character or a marker of `ends`; whether it was finished.

    Args:
        within: what ends a string that is not closed; None: the markers of `ends`.
        required: keys without which an object is not finished if the reply ends before its bracket.
    """
    return _Value(cursor, sink, ends, inside(ends) if within is None else within, required).read()


def rest(cursor: Cursor, sink: Sink, ends: Markers, within: Inside) -> Reading[Read]:
    """Pass what is left of an object that is no JSON, up to the bracket or marker that ends it, or the next call."""
    return _Value(cursor, sink, ends, within)._instead()


class _Value(Literal[str]):
    """A value of JSON, whose text passes as it is; owed are the closing brackets."""

    __slots__ = ("_comma", "_key", "_missing", "_within")

    structure = "{}[],:-0123456789tfnTFN"
    space = _SPACE
    space_behind: ClassVar[re.Pattern[str]] = _SPACES
    """White space that passes with the comma, colon or bracket before it."""

    def __init__(
        self, cursor: Cursor, sink: Sink, ends: Markers, within: Inside, required: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(cursor, sink, ends)
        self._within = within
        self._missing = set(required)
        self._key: list[str] = []  # the text of the last key, if one is missing that it may be
        # A comma and the white space behind it, held: it may be a trailing one.
        self._comma: list[str] = []

    def _space(self) -> None:
        found = _SPACES.match(self._cursor.text, self._cursor.at)
        assert found is not None  # a starred class matches everywhere
        space = self._cursor.take(found.end())
        if self._comma:
            self._comma.append(space)
        else:
            self._sink(space)

    def _give_comma(self) -> None:
        self._sink("".join(self._comma))
        self._comma.clear()

    def _with_space(self) -> str:
        """Read the character here and the white space behind it."""
        cursor = self._cursor
        found = self.space_behind.match(cursor.text, cursor.at + 1)
        assert found is not None  # a starred class matches everywhere
        return cursor.take(found.end())

    def _structure(self, char: str) -> Read | None:
        if char == ",":
            return self._read_comma()
        if char not in "{}[]:":
            return self._whole_word()
        if char == ":":
            if self._due is not Due.COLON:
                return Read.OTHER
            self._due = Due.VALUE
            if self._key:
                self._missing.discard(decoded("".join(self._key)) or "")
                self._key = []
            self._sink(self._with_space())
            return Read.DONE
        if char in _CLOSERS:
            closable = self._due in CLOSABLE or (self._comma and _TRAILING_COMMA)
            if not self._owed or self._owed[-1] != char or not closable:
                return Read.OTHER
            if self._comma:
                self._cursor.remark(RECOVERED)
            self._sink("".join(self._comma)[1:])
            self._comma.clear()
            self._owed.pop()
            self._due, self._finished = Due.MORE, True
        elif self._due in VALUES:
            self._give_comma()
            self._owed.append(CLOSER[char])
            self._due, self._finished = (Due.FIRST_KEY if char == "{" else Due.FIRST_VALUE), False
        else:
            return Read.OTHER
        self._sink(self._cursor.take(self._cursor.at + 1))
        return Read.DONE

    def _read_comma(self) -> Read:
        if self._comma and _DOUBLED_COMMA:
            self._cursor.remark(RECOVERED)
            self._cursor.take(self._cursor.at + 1)
        elif self._due is Due.MORE:
            self._comma.append(self._with_space())
            self._due = Due.KEY if self._owed[-1] == "}" else Due.VALUE
        else:
            return Read.OTHER
        return Read.DONE

    def _item(self, char: str) -> Reading[Read]:
        quoted, key = char in _QUOTES, self._due in KEYS
        if (self._due not in VALUES and not key) or (key and not quoted):
            return other()
        if self._comma:
            self._give_comma()
        if not quoted:
            return self._word()
        self._finished = not key
        self._due = Due.COLON if key else Due.MORE
        sink = self._say_key if key and self._missing and len(self._owed) == 1 else self._sink
        return string(self._cursor, sink, self._within, self._goes_on, len(self._owed))

    def _say_key(self, text: str) -> None:
        self._key.append(text)
        self._sink(text)

    def _whole_word(self) -> Read | None:
        """Read a number or a literal that is due; None, and nothing read, if it is another, or may be longer."""
        cursor = self._cursor
        found = _WORD_RUN.match(cursor.text, cursor.at)
        assert found is not None  # a starred class matches everywhere
        word, end = found.group(), found.end()
        written = _LITERALS.get(word)
        if self._due not in VALUES or end == len(cursor.text) or (written is None and not _NUMBER.fullmatch(word)):
            return None
        if self._comma:
            self._give_comma()
        self._say_word(cursor.take(end), written)
        return Read.DONE

    def _say_word(self, word: str, written: str | None) -> None:
        if written not in (None, word):
            self._cursor.remark(RECOVERED)
        self._sink(written or word)
        self._due, self._finished = Due.MORE, written is not None

    def _word(self) -> Reading[Read]:
        """Read a number or a literal."""
        cursor = self._cursor
        word = yield from cursor.run(_WORD_RUN)
        yield from cursor.peek()  # the end of a frame ends it
        written = _LITERALS.get(word)
        if written is None and (cursor.at_end or not _NUMBER.fullmatch(word)):
            if not cursor.at_end or not _is_beginning(word):
                self._sink(word)
            return Read.CUT if cursor.at_end else Read.OTHER
        self._say_word(word, written)
        return Read.DONE

    def _goes_on(self) -> Reading[bool]:
        """Whether JSON goes on here, behind a string that is read; nothing is read."""
        cursor = self._cursor
        mark = cursor.mark()
        try:
            found = yield from self._follows()
        except Overrun:
            found = False
        cursor.rewind(mark)
        return found

    def _follows(self) -> Reading[bool]:
        cursor = self._cursor
        yield from cursor.space(_FOLLOWS_WITHIN)
        char = yield from cursor.peek()
        if not char or self._due is Due.COLON:
            return char in ("", ":")
        if (yield from cursor.stands(self._ends)) is not None or not self._owed:
            return True
        if char != ",":
            return char == self._owed[-1]
        cursor.take(cursor.at + 1)
        yield from cursor.space(_FOLLOWS_WITHIN)
        char = yield from cursor.peek()
        return char in ("", '"', "'", self._owed[-1]) or (self._owed[-1] == "]" and (char in "[{-" or char.isalnum()))

    def _end(self) -> bool:
        if not (self._finished and self._due is Due.MORE and _MISSING_BRACKETS) or not self._owed:
            return False
        if self._missing and self._cursor.at_end:
            return False
        self._cursor.remark(RECOVERED)
        self._sink("".join(reversed(self._owed)))
        return True

    # --- what is no JSON

    def _instead(self) -> Reading[Read]:
        """Pass the rest of a body that is no JSON, up to the bracket or marker that ends it."""
        cursor, ends, depth = self._cursor, self._ends, len(self._owed)
        run = _raw_run(ends)
        self._give_comma()
        before = ""  # the last character at the value's own depth
        while True:
            char = yield from cursor.peek()
            if not char or (char in ends.firsts and ((yield from cursor.stands(ends)) or cursor.cut_of(ends))):
                return Read.CUT
            if char == '"' and not (yield from self._ends_body(depth)):
                if (yield from self._raw_string(depth)) is Read.CUT:
                    return Read.CUT
                continue
            if char in "{[":
                if _NEXT_CALL_IN_REST and not depth and before in (",", ";") and self._within.calls:
                    return Read.CUT  # the next call
                depth += 1
            elif char in _CLOSERS:
                if not depth:
                    return Read.CUT  # the bracket of what is around the value
                depth -= 1
            self._sink(cursor.take(cursor.at + 1))
            if char in _CLOSERS and not depth:
                return Read.CUT
            found = run.match(cursor.text, cursor.at)
            assert found is not None  # a starred class matches everywhere
            text = cursor.take(found.end())
            before = (char + text).rstrip(_SPACE)[-1:] or before
            self._sink(text)

    @recovers("the last string without its quote in what is no JSON", off=False, contract="No other repair")
    def _ends_body(self, depth: int) -> Reading[bool]:
        """Whether the quote here closes the last string: closing brackets and a marker, or the next call, follow."""
        cursor = self._cursor
        while not (found := _last_value(cursor)):
            yield
        closers = sum(found[1].count(closer) for closer in _CLOSERS)
        if not closers:
            return False
        mark = cursor.mark()
        cursor.take(found.end())
        ends = (yield from cursor.stands(self._ends)) is not None or cursor.cut_of(self._ends)
        ends = ends or (closers >= depth + self._within.calls and (yield from _body_is_over(cursor, found[1])))
        cursor.rewind(mark)
        return ends

    def _raw_string(self, depth: int) -> Reading[Read]:
        """Pass a string as it is."""
        cursor, say = self._cursor, self._sink
        say(cursor.take(cursor.at + 1))
        within = self._within
        doubt: _Doubt | None = None
        while True:
            say((yield from cursor.run(within.raw)))
            char = yield from cursor.peek()
            if not char:
                return Read.CUT if doubt is None else doubt.cut()
            if char == '"' and doubt is not None:
                cursor.take(cursor.at + 1)
                return (yield from doubt.closed())
            if char in within.firsts and doubt is None and (yield from within.stands(cursor, depth)):
                if cursor.offset < cursor.twice:
                    return Read.CUT
                doubt = _Doubt(cursor, self._sink, self._separated)
                say = doubt.say
            say(cursor.take(cursor.at + 1))
            if char == '"':
                return Read.DONE
            if char == "\\" and (yield from cursor.peek()):
                say(cursor.take(cursor.at + 1))

    def _separated(self) -> Reading[bool]:
        """Whether what stands here may follow a string in what is no JSON; nothing is read."""
        cursor = self._cursor
        mark = cursor.mark()
        yield from cursor.run(_SPACES, _FOLLOWS_WITHIN)
        char = yield from cursor.peek()
        found = not char or char in ",:}]" or (yield from cursor.stands(self._ends)) is not None
        cursor.rewind(mark)
        return found


@cache
def _raw_run(ends: Markers) -> re.Pattern[str]:
    """Text that holds no string, no bracket and no beginning of a marker."""
    return re.compile(rf'[^"{{}}\[\]{re.escape("".join(sorted(ends.firsts)))}]*')


def _last_value(cursor: Cursor) -> re.Match[str] | None:
    """What closes a body at the quote here; None as long as more of it may come."""
    found = _LAST_VALUE.match(cursor.text, cursor.at)
    assert found is not None  # all behind the quote is optional
    known = found.end() < len(cursor.text) or cursor.ended or len(cursor.text) - cursor.at > _LONGEST_LAST_VALUE
    return found if known else None


def _body_is_over(cursor: Cursor, closers: str) -> Reading[bool]:
    """Whether a line, or the reply, ends in these closing brackets, or the next call stands behind them."""
    if "\n" in closers:
        return True
    separated = "," in closers
    if (yield from cursor.peek()) == ";":
        separated = True
        cursor.take(cursor.at + 1)
        yield from cursor.run(_SPACES, _SPACE_WITHIN)
    char = yield from cursor.peek()
    return not char or (separated and char == "{")


def _is_beginning(word: str) -> bool:
    """Whether `word` may be a number or literal that was cut off."""
    return _NUMBER_RUN.fullmatch(word) is not None or any(each.startswith(word) for each in _LITERALS)


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
    return held.take() if _reads((text,), held.append, _Value) else None


class _Compact(_Value):
    """A value whose white space between the tokens is dropped."""

    __slots__ = ()

    space_behind = re.compile("")

    def _space(self) -> None:
        found = _SPACES.match(self._cursor.text, self._cursor.at)
        assert found is not None  # a starred class matches everywhere
        self._cursor.take(found.end())


def _reads(pieces: Iterable[str], sink: Sink, reader: type[_Value]) -> bool:
    """Whether the text of `pieces` is a single finished value, which `sink` is given."""
    cursor = Cursor()
    reading = _whole_value(cursor, reader(cursor, sink, NO_MARKERS, NOTHING))
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


def _whole_value(cursor: Cursor, value: _Value) -> Reading[bool]:
    """Read a value, behind which there is only white space."""
    yield
    if not (yield from value.read()):
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
    blocks = (text[at : min(at + _BLOCK, end)] for at in range(start, end, _BLOCK))
    return held if _reads(blocks, held.append, _Compact) else None


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
