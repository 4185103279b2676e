"""Passes JSON text on byte for byte as it streams, except for a closed list of unambiguous repairs.

- Repaired: raw control characters in strings, unknown escapes, trailing and doubled commas, `True`/`False`/`None`,
  single-quoted strings, and closing brackets that are missing after a finished value, before a marker or the end.
- Anything else that is wrong is passed on as it is, up to the bracket or marker that ends the body; the value is then
  not complete.
- Outside a string, a marker ends the body. Inside a string, the text is held from the marker on: it is text if the
  quote comes and the JSON goes on after it; else the string ended at the marker without its quote.
- Nesting is counted on a list, never recursed.

Source: RFC 8259.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import ClassVar

from ..cursor import NO_MARKERS, RECOVERED, Cursor, Markers, Reading, Sink
from ..held import Held
from ..recovery import drift, recovering, recovers, rule
from .literals import CLOSABLE, CLOSER, FOLLOWS_WITHIN, KEYS, VALUES, Doubt, Due, Literal, Read, other

_SPACE = " \t\r\n"
_SPACES = re.compile(r"[ \t\r\n]*")
_ANY_SPACE = re.compile(r"\s*")
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
_CALL_GOES_ON = ",}]"
"""What may follow a value in a call's object."""
_LAST_VALUE = re.compile(r'"[ \t\r\n]{0,64}(?::[ \t\r\n]{0,64}[\w.+\-]{0,64}[ \t\r\n]{0,64})?([}\], \t\r\n]{0,64})')
"""A quote that closes the last string of a body, a last value after it, and closing brackets."""
_NEXT_CALL = re.compile(
    r"(?P<closers>[}\]][}\] \t\r\n]{0,64})(?P<separator>[;,][ \t\r\n]{0,64})?"
    r"(?:\[[ \t\r\n]{0,64})?(?:\{[ \t\r\n]{0,64}(?P<quote>[\"'])?)?"
)
_BRACKET_RUN = re.compile(r"[}\] \t\r\n]*")
_SPACE_WITHIN = 64
LARGE = 65536
"""The size of a text from which on it is compacted with care for memory."""


_ANSWER = rule("words on the line after a value, and no bracket", contract="No other repair")
_BEFORE_END = rule("a string's quote missing before the brackets that end the body")
_CALL_ON_NEXT_LINE = rule("a string's quote missing before a call on the next line", contract="Local damage")
_BEFORE_MARKER = rule("a string's quote missing before a marker", contract="Candidates")
_DOUBLED_COMMA = rule("a doubled comma", contract="Doubled commas")
_MISSING_BRACKETS = rule("closing brackets missing before a marker or the end", contract="Missing brackets")
_NEXT_CALL_IN_REST = rule("the next call after text that is not JSON", contract="Local damage")
_TRAILING_COMMA = rule("a trailing comma", contract="Commas")


class Inside:
    """What may end an unclosed string: a marker, the end of the body, or the next call of an array."""

    __slots__ = ("calls", "firsts", "markers", "openers", "raw_stops", "stops")

    def __init__(self, markers: Markers, calls: bool, openers: Markers) -> None:
        self.markers = markers
        self.openers = openers
        self.calls = calls
        before_marker = markers.firsts if _BEFORE_MARKER else frozenset[str]()
        self.firsts = before_marker | frozenset(_CLOSERS if markers.all and _BEFORE_END else "")
        firsts = re.escape("".join(sorted(self.firsts)))
        self.stops = {mark: re.compile(rf"[{mark}\"\\\x00-\x1f{firsts}]") for mark in _QUOTES}
        """By quote: finds the next character in a string that cannot simply be passed on."""
        self.raw_stops = re.compile(rf'["\\{firsts}]')
        """The same for a string that is passed on as it is."""


@cache
def inside(markers: Markers, calls: bool = False, openers: Markers = NO_MARKERS) -> Inside:
    """Return what may end a string: these markers, and the end of the body.

    Args:
        calls: the body is inside a call's object.
        openers: those of the markers after which a call has to begin.
    """
    return Inside(markers, calls, openers)


NOTHING = inside(NO_MARKERS)


def string(cursor: Cursor, sink: Sink, value: _Value | None = None, *, raw: bool = False) -> Reading[Read]:
    """Read a string from its opening quote on, and output it with double quotes. Returns whether it was closed.

    Args:
        value: the value around the string, which knows what may end it and what may follow it.
        raw: its text is passed on as it is.
    """
    mark, at = cursor.text[cursor.at], cursor.at + 1
    if mark != '"' or cursor.is_marked:
        cursor.take(at)
        sink('"')
    if mark != '"':
        cursor.remark(RECOVERED)
    return _text(cursor, sink, mark, at, value, raw)


def _text(cursor: Cursor, sink: Sink, mark: str, at: int, value: _Value | None, raw: bool) -> Reading[Read]:
    """Read the text of a string from `at` on, and its closing quote."""
    within = NOTHING if value is None else value.within
    stops = within.raw_stops if raw else within.stops[mark]
    doubt: Doubt | None = None
    say = sink
    while True:
        text = cursor.text
        found = stops.search(text, at)
        if found is None:
            if len(text) > cursor.at:
                say(cursor.take(len(text)))
            if cursor.ended:
                return Read.CUT if doubt is None else doubt.cut()
            cursor.passes = say, stops.search
            yield
            cursor.passes = None
            at = cursor.at
            continue
        char, stop = found.group(), found.start()
        if char == mark:
            say(cursor.take(stop + 1) if mark == '"' else cursor.take(stop + 1)[:-1] + '"')
            if doubt is None or value is None:
                return Read.DONE
            return doubt.closed() if (yield from value.follows(raw=raw)) else doubt.cut()
        if char == "\\" and not raw and (escape := _ESCAPE.match(text, stop)):
            say(cursor.take(escape.end()))
            at = cursor.at
            continue
        if stop > cursor.at:
            say(cursor.take(stop))
        if char in within.firsts:
            if doubt is None and value is not None and (yield from value.may_end()):
                if cursor.offset < cursor.twice:  # it is known by now
                    return Read.CUT
                doubt = Doubt(cursor, sink)
                say = doubt.say
            say(cursor.take(cursor.at + 1))
        elif not (yield from _special(cursor, say, mark, raw=raw)):
            return Read.CUT if doubt is None else doubt.cut()
        at = cursor.at


def _special(cursor: Cursor, sink: Sink, mark: str, *, raw: bool) -> Reading[bool]:
    """Read a character that JSON escapes, or an escape; unchanged if `raw`. Returns False if the reply ends in it."""
    char = cursor.text[cursor.at]
    if raw:
        sink(cursor.take(cursor.at + 1))
        if (yield from cursor.peek()):
            sink(cursor.take(cursor.at + 1))
        return True
    if char == "\\":
        return (yield from _escape(cursor, sink, mark))
    cursor.take(cursor.at + 1)
    if char != '"':
        cursor.remark(RECOVERED)
    sink('\\"' if char == '"' else _CONTROL[char])
    return True


def _escape(cursor: Cursor, sink: Sink, mark: str) -> Reading[bool]:
    """Read an escape that may be cut, or a backslash that does not begin one. Returns False if the reply ends in it."""
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
    """Read one value, up to its last character or a marker of `ends`. Returns whether it is complete.

    Args:
        within: what may end an unclosed string; None: the markers of `ends`.
        required: keys without which an object is not complete if the reply ends before its bracket.
    """
    return _Value(cursor, sink, ends, inside(ends) if within is None else within, required).read()


def held_string(cursor: Cursor, ends: Markers, within: Inside | None) -> Reading[tuple[str, bool]]:
    """Read a string from its opening quote on. Returns its text with double quotes, and whether it was closed.

    Args:
        ends, within: as in `value`.
    """
    pieces: list[str] = []
    around = _Value(cursor, pieces.append, ends, inside(ends) if within is None else within)
    closed = (yield from string(cursor, pieces.append, around)) is Read.DONE
    return "".join(pieces), closed


def rest(cursor: Cursor, sink: Sink, ends: Markers, within: Inside) -> Reading[Read]:
    """Pass on the rest of an object that is not JSON, up to the bracket or marker that ends it, or the next call."""
    return _Value(cursor, sink, ends, within)._instead()


class _Value(Literal[str]):
    """A JSON value whose text is passed on as it is. `_owed` has the closing brackets."""

    __slots__ = ("_comma", "_gap", "_key", "_missing", "within")

    structure = "{}[],:-0123456789tfnTFN"
    space = _SPACE
    spaces = _SPACES
    as_written: ClassVar[bool] = True
    """Whether white space between the tokens is passed on."""

    def __init__(
        self, cursor: Cursor, sink: Sink, ends: Markers, within: Inside, required: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(cursor, sink, ends)
        self.within = within
        self._missing = set(required)
        self._key: list[str] = []  # the text of the last key, while required keys are missing
        # A comma and the white space after it, held because it may be a trailing one.
        self._comma: list[str] = []
        self._gap = -1  # where the last line break between the tokens ended

    def _space(self, text: str) -> None:
        if "\n" in text:
            self._gap = self._cursor.offset
        if self.as_written:
            self._comma.append(text) if self._comma else self._sink(text)

    def _give_comma(self) -> None:
        self._sink("".join(self._comma))
        self._comma.clear()

    def _with_space(self) -> str:
        """Read the character here and the white space after it."""
        cursor = self._cursor
        found = _SPACES.match(cursor.text, cursor.at + 1)
        assert found is not None  # a starred class matches everywhere
        text = cursor.take(found.end())
        return text if self.as_written else text[0]

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
            if not closable or not self._owed:
                return Read.OTHER
            if self._owed[-1] != char:
                return None
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
        if char in _CLOSERS:
            return self._bracket_of_body()
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
        return string(self._cursor, sink, self)

    @recovers("closing brackets missing before those of the body", off=other, contract="Missing brackets")
    def _bracket_of_body(self) -> Reading[Read]:
        """End the value before a bracket of the wrong kind, if brackets are only missing before the body's end."""
        if self._due is not Due.MORE or not (yield from self._ahead(self._body_ends())):
            return Read.OTHER
        self._cursor.remark(RECOVERED)
        self._sink("".join(reversed(self._owed)))
        self._owed.clear()
        return Read.DONE

    def _body_ends(self) -> Reading[bool]:
        cursor = self._cursor
        run = yield from cursor.run(_BRACKET_RUN, _SPACE_WITHIN)
        if self.within.calls:
            run = run.rstrip("]" + _SPACE)  # the last ones may close an array of calls
        if sum(map(run.count, _CLOSERS)) >= len(self._owed) + self.within.calls:
            return False
        char = yield from cursor.peek()
        if not char:
            return not self._missing
        return (yield from cursor.stands(self._ends)) is not None or cursor.cut_of(self._ends)

    def _say_key(self, text: str) -> None:
        self._key.append(text)
        self._sink(text)

    def _whole_word(self) -> Read | None:
        """Read a number or a literal. Returns None and consumes nothing if none is here or it may go on."""
        cursor = self._cursor
        found = _WORD_RUN.match(cursor.text, cursor.at)
        assert found is not None  # a starred class matches everywhere
        word, end = found.group(), found.end()
        written = _LITERALS.get(word)
        if self._due not in VALUES or end == len(cursor.text) or (written is None and not _NUMBER.fullmatch(word)):
            return None
        if self._comma:
            self._give_comma()
        cursor.take(end)
        return self._say_word(word, written)

    def _word(self) -> Reading[Read]:
        """Read a number or a literal."""
        cursor = self._cursor
        word = yield from cursor.run(_WORD_RUN)
        written = _LITERALS.get(word)
        if written is None and (cursor.at_end or not _NUMBER.fullmatch(word)):
            if not cursor.at_end or not _is_beginning(word):
                self._sink(word)
            return Read.CUT if cursor.at_end else Read.OTHER
        return self._say_word(word, written)

    def _say_word(self, word: str, written: str | None) -> Read:
        if written not in (None, word):
            self._cursor.remark(RECOVERED)
        self._sink(written or word)
        self._due, self._finished = Due.MORE, written is not None
        return Read.DONE

    def may_end(self) -> Reading[bool]:
        """Return whether an unclosed string may have ended here: before a marker, or the end of the body.

        A line break shows that it has, as JSON strings cannot contain one.
        """
        cursor, within = self._cursor, self.within
        if cursor.text[cursor.at] not in _CLOSERS:
            marker = yield from cursor.stands(within.markers)
            if marker is None or marker not in within.openers.all:
                return marker is not None
            return (yield from self._call_begins(marker))
        found = yield from cursor.look(_NEXT_CALL)
        closers, due = found["closers"], len(self._owed) + within.calls
        if not due:
            return False  # the string contains the arguments, with their brackets
        if sum(map(closers.count, _CLOSERS)) < due:
            # Some may have been taken for parts of strings: an object on the next line shows the end, too.
            return _CALL_ON_NEXT_LINE and within.calls and "\n" in closers and found["quote"] is not None
        if "\n" in closers or found["quote"]:
            return "\n" in closers or found["separator"] is not None
        return (yield from self._ahead(self._marker_after(found.end("closers"), within.markers)))

    def follows(self, *, raw: bool) -> Reading[bool]:
        """Return whether the text here can follow a string. Consumes nothing. `raw`: the body is not JSON."""
        return self._ahead(self._separated() if raw else self._goes_on())

    def _goes_on(self) -> Reading[bool]:
        cursor = self._cursor
        yield from cursor.space(FOLLOWS_WITHIN)
        char = yield from cursor.peek()
        if not char or self._due is Due.COLON:
            return char in ("", ":")
        if (yield from cursor.stands(self._ends)) is not None:
            return True
        if not self._owed:
            return not self.within.calls or char in _CALL_GOES_ON
        if char != ",":
            return char == self._owed[-1]
        cursor.take(cursor.at + 1)
        yield from cursor.space(FOLLOWS_WITHIN)
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

    # --- a body that is not JSON

    def _instead(self) -> Reading[Read]:
        """Pass on the rest of a body that is not JSON, up to the bracket or marker that ends it.

        Words on the line after a value may be the answer: they are if no bracket or closer comes that ends the body.
        """
        cursor = self._cursor
        after = self._due is Due.MORE and self._gap == cursor.offset
        if not (_ANSWER and after and (yield from cursor.peek()).isalpha()):
            yield from self._pass(self._sink)
        elif cursor.offset >= cursor.twice:  # else it is known by now
            doubt = Doubt(cursor, self._sink)
            closed = yield from self._pass(doubt.say)
            doubt.closed() if closed else doubt.cut()
        return Read.CUT

    def _pass(self, sink: Sink) -> Reading[bool]:
        """Pass on the rest. Returns whether a bracket or a closer ended it, and not the next call or the end."""
        cursor, ends, owed = self._cursor, self._ends, self._owed
        run = _raw_run(ends)
        self._give_comma()
        before = ""  # the last character at the value's own depth
        while True:
            char = yield from cursor.peek()
            marker = (yield from cursor.stands(ends)) if char in ends.firsts else None
            if not char or marker is not None or (char in ends.firsts and cursor.cut_of(ends)):
                return marker is not None and not marker.startswith(tuple(self.within.openers.all))
            if char == '"' and not (yield from self._ends_body()):
                if (yield from string(cursor, sink, self, raw=True)) is Read.CUT:
                    return False
                continue
            if char in "{[":
                if _NEXT_CALL_IN_REST and not owed and before in (",", ";") and self.within.calls:
                    return False  # the next call
                owed.append(CLOSER[char])
            elif char in _CLOSERS:
                if not owed:
                    return True  # the bracket closes what is around the value
                owed.pop()
            sink(cursor.take(cursor.at + 1))
            if char in _CLOSERS and not owed:
                return True
            found = run.match(cursor.text, cursor.at)
            assert found is not None  # a starred class matches everywhere
            text = cursor.take(found.end())
            before = (char + text).rstrip(_SPACE)[-1:] or before
            sink(text)

    @recovers("the last string without its quote in text that is not JSON", off=False, contract="No other repair")
    def _ends_body(self) -> Reading[bool]:
        """Return whether the quote here closes the last string: closing brackets and a marker or a call follow."""
        found = yield from self._cursor.look(_LAST_VALUE)
        closers = sum(map(found[1].count, _CLOSERS))
        closed = closers >= len(self._owed) + self.within.calls
        return closers > 0 and (yield from self._ahead(self._is_over(found, closed=closed)))

    def _is_over(self, found: re.Match[str], *, closed: bool) -> Reading[bool]:
        """Return whether a marker follows the value and its brackets: if all are `closed`, also the end or a call."""
        cursor = self._cursor
        cursor.take(found.end())
        if (yield from cursor.stands(self._ends)) is not None or cursor.cut_of(self._ends):
            return True
        if not closed or "\n" in found[1]:
            return closed
        separated = "," in found[1]
        if (yield from cursor.peek()) == ";":
            separated = True
            cursor.take(cursor.at + 1)
            yield from cursor.run(_SPACES, _SPACE_WITHIN)
        char = yield from cursor.peek()
        return not char or (separated and char == "{")

    def _separated(self) -> Reading[bool]:
        """Return whether the text here may follow a string in a body that is not JSON."""
        cursor = self._cursor
        yield from cursor.run(_SPACES, FOLLOWS_WITHIN)
        char = yield from cursor.peek()
        return not char or char in ",:}]" or (yield from cursor.stands(self._ends)) is not None


@cache
def _raw_run(ends: Markers) -> re.Pattern[str]:
    """Return a pattern for text without strings, brackets and the first characters of markers."""
    return re.compile(rf'[^"{{}}\[\]{re.escape("".join(sorted(ends.firsts)))}]*')


def _is_beginning(word: str) -> bool:
    """Return whether `word` may be a number or literal that was cut off."""
    return _NUMBER_RUN.fullmatch(word) is not None or any(each.startswith(word) for each in _LITERALS)


def decoded(text: str) -> str | None:
    """Return the string in the JSON text `text`; None if it is not a JSON string."""
    try:
        found = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, str) else None


def repaired(text: str) -> str | None:
    """Return `text` as JSON text, repaired like a streamed body; None if it is not one complete value."""
    held = _held(text, _Value)
    return None if held is None else held.take()


class _Compact(_Value):
    """A value without the white space between its tokens."""

    __slots__ = ()

    as_written = False


def _held(text: str, reader: type[_Value]) -> Held | None:
    """Return the output of `reader` for `text`; None if it is not one complete value."""
    cursor, held = Cursor(), Held()
    cursor.feed(text)
    cursor.end()
    try:
        next(_whole(cursor, reader(cursor, held.append, NO_MARKERS, NOTHING)))
    except StopIteration as stop:
        return held if stop.value else None
    raise AssertionError("a read asked for text after the end")


def _whole(cursor: Cursor, value: _Value) -> Reading[bool]:
    """Read a value. Returns whether it is complete and only white space follows it."""
    if not (yield from value.read()):
        return False
    yield from cursor.run(_ANY_SPACE)
    return not (yield from cursor.peek())


# Includes an unclosed string, as a search that failed on it would start again inside it.
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'
_COMPACT = re.compile(rf"({_STRING})|[ \t\r\n]+", re.DOTALL)
_BRACKETS = re.compile(rf"{_STRING}|[\[\]{{}}]", re.DOTALL)


def compact(text: str, max_depth: int) -> Sequence[str] | None:
    """Return `text` as JSON text without white space, in pieces, repaired if that is unambiguous.

    Strings and numbers stay as written.

    Returns:
        None if `text` is not JSON or is nested deeper than `max_depth`.
    """
    if not _shallow(text, max_depth):
        return None
    # The standard library's parser is faster, but its objects take many times the memory of the text.
    if len(text) <= LARGE and _is_valid(text):
        return (_COMPACT.sub(r"\1", text),)
    held = _held(text, _Compact)
    return None if held is None else tuple(held.blocks())


def _is_valid(text: str) -> bool:
    try:
        # Numbers stay text: Python refuses to convert very long ones.
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_no_constant)
    except ValueError:
        return False
    return True


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _shallow(text: str, max_depth: int) -> bool:
    depth = 0
    for found in _BRACKETS.finditer(text):
        if found.group() in "[{":
            depth += 1
            if depth > max_depth:
                return False
        elif found.group() in "]}":
            depth -= 1
    return True
