"""Arguments of a Python call, `city="Paris", days=3`: literals, written as JSON. Nothing is evaluated.

- Strings of every prefix and quoting, joined where they follow each other; numbers, of any size, as written or in
  decimal digits; `True`, `False`, `None` and JSON's words; lists, tuples, sets; dicts whose keys are scalars.
- Arguments without a name have the names of the tool's parameters, in order; a lone dict is the arguments.
- A quote inside a string closes it only where what follows can follow a string: `'it's'` is one string.
- What is no literal (a name, a call, an expression) or is nested deeper than 256 is its text, as a string. Where an
  expression goes on from a string, which has been sent, the rest is passed on and the call is not complete.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from json.encoder import encode_basestring as quote

from ..cursor import SPACE, Cursor, Markers, Overrun, Reading, Sink
from ..held import Held
from ..recovery import drift, recovers, rule
from ..schema import MAX_DEPTH, Parameters, read, read_number
from .json_text import drop
from .name import MAX_NAME

_QUOTES = "\"'"
_QUOTE = {mark: Markers((mark, mark * 3)) for mark in _QUOTES}
_IN_STRING = {mark: Markers((mark, "\\")) for mark in ('"', "'", '"""', "'''")}
_PREFIX = re.compile(r"[rRbBuUfF]*")
_IDENTIFIER = re.compile(r"[\w.\-]*")
_CUT_KEYWORD = re.compile(r"[\w.\-]*\s*=?")
_WORD = re.compile(r"[\w.+\-]*")
_SOURCE = re.compile(r"[^,()\[\]{}\"'<]*")
_CLOSER = {"(": ")", "[": "]", "{": "}"}
_CLOSERS = ")]}"
_LITERALS = {
    "True": "true",
    "False": "false",
    "None": "null",
    **{each: each for each in drift("JSON's words", "true", "false", "null")},
}
_DECIMAL = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BASED = re.compile(r"[+-]?0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)")
_GROUPED = re.compile(r"(?<=[0-9a-fA-FxXoObB])_(?=[0-9a-fA-F])")
_LONGEST_BASED = 1000  # Python refuses to write longer numbers in decimal digits
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}
_HEX = re.compile(r"[0-9a-fA-F]*")
_OCTAL = re.compile(r"[0-7]*")
_CHARACTER_NAME = re.compile(r"[A-Za-z0-9 \-]*")
_FOLLOWS_WITHIN = 256
_SIGNS = ("=", *drift("the sign behind an argument's name", ":"))

_MISSING_CLOSERS = rule("closing brackets missing before a marker or the end", contract="Truncation")
_INNER_CLOSERS = rule("closing brackets missing in others", contract="What ends a value that lacks its closer")
_CLOSED_BY_CALL = rule(
    "closing brackets missing before the call's parenthesis", contract="What ends a value that lacks its closer"
)
_MISSING_PARENTHESIS = rule("the closing parenthesis missing before the end of the list")
_DOUBLED_COMMA = rule("commas doubled")
_LONE_DICT = rule("a dict as all arguments")
_POSITIONAL = rule("arguments without a name")
_QUOTED_NAME = rule("the name of an argument in quotes")
_SOURCE_AS_TEXT = rule("a value that is no literal")
_QUOTE_IN_STRING = rule("a quote inside a string that is not escaped")


def first_fits(cursor: Cursor, parameters: Parameters) -> Reading[bool | None]:
    """Whether the first argument or the end of the arguments stands here; None where the reply ends before that."""
    mark = cursor.mark()
    yield from cursor.space()
    char = yield from cursor.peek()
    fits: bool | None = None
    if char:
        behind_space = cursor.mark()
        fits = char == ")" or (yield from _keyword(cursor)) is not None
        cut = cursor.at_end
        cursor.rewind(behind_space)
        if not fits and ((_LONE_DICT and char == "{") or (_POSITIONAL and parameters.names)):
            fits = yield from _value_ahead(cursor)
            cut = cut or cursor.at_end
            fits = fits and not cursor.at_end
        fits = fits or (None if cut else False)
    cursor.rewind(mark)
    return fits


def read_arguments(cursor: Cursor, sink: Sink, parameters: Parameters, ends: Markers) -> Reading[bool]:
    """Read arguments behind their opening parenthesis, up to and with the closing one; whether they are whole."""
    arguments = _Arguments(cursor, sink, parameters, ends)
    complete = yield from arguments.read()
    arguments.stop_copying()
    if complete is None:
        yield from arguments.read_rest()
    return complete is True


_PIECES = 256
"""Pieces of JSON text that are joined, for each takes some 50 bytes besides its text."""


@dataclass(slots=True)
class _Open:
    """A container being read."""

    place: int  # of its opening bracket in the JSON text
    closer: str
    members: int = 0
    comma: bool = False
    is_dict: bool = False
    key: int | None = None  # the place of a member that may be a key
    expects: str = "member"  # then "more"; behind a colon "value"

    @property
    def closable(self) -> bool:
        return self.expects == "member" or (self.expects == "more" and not (self.is_dict and self.key is not None))

    @property
    def brackets(self) -> tuple[str, str]:
        if self.closer == "}":
            return ("{", "}") if self.is_dict or not self.members else ("[", "]")
        if self.closer == ")" and self.members == 1 and not self.comma:
            return "", ""
        return "[", "]"


class _Arguments:
    """The arguments of one call."""

    __slots__ = ("_before", "_copying", "_cursor", "_ends", "_given", "_parameters", "_raw", "_sink")

    def __init__(self, cursor: Cursor, sink: Sink, parameters: Parameters, ends: Markers) -> None:
        self._cursor = cursor
        self._sink = sink
        self._parameters = parameters
        self._ends = ends
        self._given: set[str] = set()
        self._copying = False
        self._before: Sink | None = None
        self._raw = Held()  # the source of a value

    def read(self) -> Reading[bool | None]:
        """Read up to the closing parenthesis; whether the arguments are whole, None where they cannot be read on."""
        cursor = self._cursor
        names = self._parameters.names
        gap: list[str] = []  # the text since the last argument
        members = 0
        more = False  # an argument was read: a comma or the parenthesis is due
        finished = False  # the last value is one that its own text ends
        named = False  # an argument had a name, as have all that follow
        while True:
            gap.append((yield from cursor.space()))
            if (yield from self._at_end()):
                whole = _MISSING_CLOSERS and ((more and finished) or not (cursor.at_end or members))
                if whole:
                    self._sink("}" if members else "{}")
                return whole
            char = cursor.text[cursor.at]
            if char in SPACE:
                continue
            if char == ")" or (char == "]" and more and _MISSING_PARENTHESIS):
                if char == ")":
                    cursor.take(cursor.at + 1)
                self._sink("}" if members else "{}")
                return True
            if char == "," and (more or _DOUBLED_COMMA):
                gap.append(cursor.take(cursor.at + 1))
                more = False
                continue
            key = yield from _try_keyword(cursor)
            named = named or key is not None
            if _LONE_DICT and key is None and char == "{" and not members and not self._takes_object(names):
                text = yield from self._dict()
                if text is None:
                    return None
                more = finished = True
                if text != "{}":
                    self._sink(text[:-1])
                    members = 1
                gap.clear()
                continue
            if key is None and _is_cut(cursor):
                cursor.take(len(cursor.text))
                return False
            if _POSITIONAL and key is None and not (named or more) and members < len(names):
                key = names[members]
            if key is None:
                self._sink("".join(gap))
                return None
            gap.clear()
            self._sink(("," if members else "{") + quote(key) + ":")
            members += 1
            self._given.add(key)
            more, finished = yield from self._value(key)
            if not more:
                return False

    def read_rest(self) -> Reading[None]:
        """Pass what cannot be read as it is, up to the parenthesis that ends it."""
        cursor = self._cursor
        depth = 0
        while True:
            self._sink((yield from cursor.run(_SOURCE)))
            if (yield from self._at_end()):
                return
            char = cursor.text[cursor.at]
            if not depth and char == "]":
                return
            if char in _CLOSERS:
                depth -= 1
            elif char in _CLOSER:
                depth += 1
            taken = cursor.take(cursor.at + 1)
            if depth < 0 and char == ")":
                return
            depth = max(depth, 0)
            self._sink(taken)

    def _at_end(self) -> Reading[bool]:
        """Whether the reply ends here, or a marker stands that ends the call."""
        char = yield from self._cursor.peek()
        return not char or (char in self._ends.firsts and (yield from self._cursor.stands(self._ends)) is not None)

    def _takes_object(self, names: tuple[str, ...]) -> bool:
        return bool(names) and "object" in self._parameters.types(names[0])

    # --- the source of a value

    def _copy(self) -> None:
        self._raw = Held()
        self._before = self._cursor.also_copy_to(self._raw.append)
        self._copying = True

    def stop_copying(self) -> None:
        if self._copying:
            self._cursor.copy_to(self._before)
            self._copying = False

    # --- values; whether the reply goes on behind one, and whether its own text ends it

    def _value(self, key: str) -> Reading[tuple[bool, bool]]:
        cursor = self._cursor
        while (yield from cursor.space()):
            pass
        opened = yield from _string_start(cursor)
        if opened is not None:
            closed = yield from self._string(opened, self._sink, nested=False)
            return closed, closed
        char = yield from cursor.peek()
        if not char:
            return False, False
        self._copy()
        contains = char in _CLOSER
        text = yield from self._container() if contains else self._word(nested=False)
        if isinstance(text, list):
            self.stop_copying()
            self._raw = Held()  # before the pieces are joined
            for piece in text:
                self._sink(piece)
            return True, True
        if isinstance(text, int):
            text = (yield from self._source(text)) if _SOURCE_AS_TEXT else None
            if text is not None:
                text = read(text, self._parameters.types(key) - {"object", "array"})
        self.stop_copying()
        if text is None:
            return False, False
        self._sink(text)
        return True, text in _LITERALS

    def _dict(self) -> Reading[str | None]:
        """Read a dict that is all arguments; None if it is none."""
        self._copy()
        pieces = yield from self._container()
        self.stop_copying()
        if isinstance(pieces, list) and pieces[0] == "{":
            return "".join(pieces)
        self._sink(self._raw.take())
        return None

    def _word(self, *, nested: bool) -> Reading[str | int | None]:
        """Read a number or a literal; 0 if it is none, None where the reply ends in it."""
        cursor = self._cursor
        word = yield from cursor.run(_WORD)
        yield from cursor.space()
        if (yield from self._at_end()):
            if cursor.at_end and word not in _LITERALS:
                return None
        elif cursor.text[cursor.at] not in (",)]}:" if nested else ",)]"):
            return 0
        return _LITERALS.get(word) or _number(word) or 0

    def _source(self, depth: int) -> Reading[str | None]:
        """Read on to the end of a value that is no literal, `depth` brackets deep; its text, None if it is cut off."""
        cursor = self._cursor
        while True:
            yield from cursor.run(_SOURCE)
            if (yield from self._at_end()):
                break
            char = cursor.text[cursor.at]
            if char in _QUOTES:
                opened = yield from _string_start(cursor)
                if opened is None or not (yield from self._string(opened, drop, nested=True)):
                    break
                continue
            if char in _CLOSER:
                depth += 1
            elif char in _CLOSERS or char == ",":
                if not depth:
                    break
                depth -= char != ","
            cursor.take(cursor.at + 1)
        return None if cursor.at_end else self._raw.take().strip()

    def _container(self) -> Reading[list[str] | int | None]:
        """Read a container; how many brackets are open where it is none, None where the reply ends in it."""
        cursor = self._cursor
        out: list[str] = []
        settled = 0  # the pieces before it are large or may still change
        stack: list[_Open] = []
        finished = False
        while True:
            yield from cursor.space()
            if (yield from self._at_end()):
                undecided = any(each.closer == "}" and not each.is_dict and each.members == 1 for each in stack)
                whole = _MISSING_CLOSERS and stack[-1].expects == "more" and finished and not undecided
                whole = whole and _close(out, stack, None)
                return out if whole else None
            char = cursor.text[cursor.at]
            if char in SPACE:
                continue
            top = stack[-1] if stack else None
            if top is not None and char in _CLOSERS:
                depth = len(stack)
                owed = char == top.closer or (_INNER_CLOSERS and any(each.closer == char for each in stack))
                if char != top.closer and (top.expects != "more" or not (owed or (_CLOSED_BY_CALL and char == ")"))):
                    return depth
                if not _close(out, stack, char if owed else None):
                    return depth
                if owed:
                    cursor.take(cursor.at + 1)
                if not stack:
                    return out
                finished = True
            elif top is not None and top.expects == "more":
                if char == "," and top.closable:
                    top.comma, top.expects = True, "member"
                elif char != ":" or not _make_key(out, top):
                    return len(stack)
                cursor.take(cursor.at + 1)
            else:
                if top is not None and top.expects == "member":
                    settled = max(min(settled, len(out)), top.place + 1)
                    if len(out) - settled > _PIECES:
                        out[settled:] = ["".join(out[settled:])]
                        settled += 1
                    if top.members:
                        out.append(",")
                    top.members += 1
                    top.key = len(out) if top.closer == "}" else None
                opened = yield from _string_start(cursor)
                if opened is not None:
                    held = Held()
                    if not (yield from self._string(opened, held.append, nested=True)):
                        return None
                    out.append(held.take())
                    finished = True
                elif char in _CLOSER:
                    if len(stack) == MAX_DEPTH:
                        return len(stack)
                    stack.append(_Open(len(out), _CLOSER[char]))
                    out.append("")
                    cursor.take(cursor.at + 1)
                    continue
                else:
                    word = yield from self._word(nested=True)
                    if not isinstance(word, str):
                        return word if word is None else len(stack)
                    out.append(word)
                    finished = word in _LITERALS
                stack[-1].expects = "more"

    # --- strings

    def _string(self, opened: str, sink: Sink, *, nested: bool) -> Reading[bool]:
        """Read a string behind its opening quote, and those joined to it; whether it was closed."""

        def text(piece: str) -> None:
            sink(quote(piece)[1:-1])

        cursor = self._cursor
        sink('"')
        following: str | None = opened
        while following is not None:
            mark = following[-1:] if following[-3:-2] != following[-1:] else following[-3:]
            raw = "r" in following.lower()
            while True:
                marker = yield from cursor.until(_IN_STRING[mark], text)
                if marker is None:
                    return False
                if marker == "\\" and not raw:
                    sink((yield from _escape(cursor)))
                elif marker == "\\":
                    text(marker)
                    if (yield from cursor.peek()):
                        text(cursor.take(cursor.at + 1))
                elif len(marker) == 3 or not _QUOTE_IN_STRING or (yield from self._ends_string(nested)):
                    break
                else:
                    text(marker)
            following = yield from _further_string(cursor)
        sink('"')
        return True

    def _ends_string(self, nested: bool) -> Reading[bool]:
        """Whether what stands here can follow a string; nothing is read."""
        mark = self._cursor.mark()
        try:
            found = yield from self._follows_string(nested)
        except Overrun:
            found = False
        self._cursor.rewind(mark)
        return found

    def _follows_string(self, nested: bool) -> Reading[bool]:
        cursor = self._cursor
        yield from cursor.space(_FOLLOWS_WITHIN)
        if (yield from self._at_end()):
            return True
        char = cursor.text[cursor.at]
        if char in ")]+%*" or (nested and char in "}:"):
            return True
        if char in _QUOTES or (not nested and (yield from self._declared_ahead())):
            return True
        if char == ".":
            cursor.take(cursor.at + 1)
            method = yield from cursor.run(_IDENTIFIER, MAX_NAME)
            return bool(method) and (yield from cursor.peek()) == "("
        if char != ",":
            return (yield from _string_start(cursor)) is not None
        cursor.take(cursor.at + 1)
        yield from cursor.space(_FOLLOWS_WITHIN)
        if (yield from self._at_end()) or cursor.text[cursor.at] in _CLOSERS:
            return True
        if not nested and (yield from _try_keyword(cursor)) is not None:
            return True
        if _is_cut(cursor) or (not nested and (yield from cursor.peek()) == "*"):
            return True
        return (yield from _value_ahead(cursor))

    @recovers("a comma missing before the name of an argument", off=False)
    def _declared_ahead(self) -> Reading[bool]:
        """Whether the name of an argument stands here that is declared and not yet given."""
        mark = self._cursor.mark()
        name = yield from _try_keyword(self._cursor)
        self._cursor.rewind(mark)
        return name is not None and name not in self._given and self._parameters.declares(name)


def _close(out: list[str], stack: list[_Open], closer: str | None) -> bool:
    """Close containers up to the innermost with this closer, or all; whether each can be closed."""
    while stack:
        top = stack.pop()
        if not top.closable:
            return False
        out[top.place], last = top.brackets
        out.append(last)
        if stack:
            stack[-1].expects = "more"
        if top.closer == closer:
            break
    return True


def _make_key(out: list[str], top: _Open) -> bool:
    """Make the last member a key; whether it can be one."""
    if top.key is None or not (top.is_dict or top.members == 1):
        return False
    key = "".join(out[top.key :])
    if key.startswith(("{", "[")):  # quoting nested keys again and again has no bounds
        return False
    del out[top.key :]
    out.append((key if key.startswith('"') else quote(key)) + ":")
    top.is_dict, top.key, top.expects = True, None, "value"
    return True


def _number(word: str) -> str | None:
    """The JSON number that `word` writes, if it writes one."""
    word = _GROUPED.sub("", word)
    if _DECIMAL.fullmatch(word):
        return read_number(word, whole=False, strict=False)
    if _BASED.fullmatch(word) and len(word) < _LONGEST_BASED:
        return str(int(word, 0))
    return None


def _try_keyword(cursor: Cursor) -> Reading[str | None]:
    """Read the name of an argument and its sign; None, and nothing read, where none stands."""
    mark = cursor.mark()
    try:
        name = yield from _keyword(cursor)
    except Overrun:
        name = None
    if name is None:
        cursor.rewind(mark)
    else:
        cursor.settle(mark)
    return name


def _keyword(cursor: Cursor) -> Reading[str | None]:
    yield from cursor.space()
    mark = yield from cursor.peek()
    quoted = bool(mark) and mark in _QUOTES
    if quoted:
        if not _QUOTED_NAME:
            return None
        cursor.take(cursor.at + 1)
    name = yield from cursor.run(_IDENTIFIER, MAX_NAME)
    if quoted:
        if (yield from cursor.peek()) != mark:
            return None
        cursor.take(cursor.at + 1)
    yield from cursor.space()
    sign = yield from cursor.peek()
    if not name or sign not in _SIGNS:
        return None
    cursor.take(cursor.at + 1)
    return None if sign == "=" and (yield from cursor.peek()) in ("", "=") else name


def _is_cut(cursor: Cursor) -> bool:
    """Whether the reply ends here, in an argument's name."""
    return cursor.ended and _CUT_KEYWORD.fullmatch(cursor.text, cursor.at) is not None


def _value_ahead(cursor: Cursor) -> Reading[bool]:
    """Whether a value stands here, and no prose."""
    char = yield from cursor.peek()
    if not char or char in _CLOSER or (yield from _string_start(cursor)) is not None:
        return bool(char)
    word = yield from cursor.run(_WORD)
    yield from cursor.space(_FOLLOWS_WITHIN)
    char = yield from cursor.peek()
    return bool(word) and (not char or char in ",)]}:")


def _string_start(cursor: Cursor) -> Reading[str | None]:
    """Read a string's prefix and opening quote; None, and nothing read, where none stands."""
    mark = cursor.mark()
    prefix = yield from cursor.run(_PREFIX, 3)
    char = yield from cursor.peek()
    if not char or char not in _QUOTES:
        cursor.rewind(mark)
        return None
    opened = yield from cursor.match(_QUOTE[char])
    cursor.settle(mark)
    return prefix + (opened or "")


@recovers("strings joined where they follow each other", off=None)
def _further_string(cursor: Cursor) -> Reading[str | None]:
    """Read the opening quote of a string that is joined to the one before; None, and nothing read, without one."""
    mark = cursor.mark()
    try:
        yield from cursor.space()
        if (yield from cursor.peek()) == "+":
            cursor.take(cursor.at + 1)
            yield from cursor.space()
        opened = yield from _string_start(cursor)
    except Overrun:
        opened = None
    if opened is None:
        cursor.rewind(mark)
    else:
        cursor.settle(mark)
    return opened


def _escape(cursor: Cursor) -> Reading[str]:
    """Read an escape behind its backslash; what it stands for, as JSON text. One that is none stays as it is."""
    char = yield from cursor.peek()
    if not char:
        return ""
    cursor.take(cursor.at + 1)
    if char in "\\'\"":
        return quote(char)[1:-1]
    if char in _ESCAPES:
        return quote(_ESCAPES[char])[1:-1]
    if char in "\r\n":
        if char == "\r" and (yield from cursor.peek()) == "\n":
            cursor.take(cursor.at + 1)
        return ""
    written = char
    code: int | None = None
    if char in _HEX_DIGITS:
        digits = yield from cursor.run(_HEX, _HEX_DIGITS[char])
        written += digits
        code = int(digits, 16) if len(digits) == _HEX_DIGITS[char] else None
    elif char in "01234567":
        written += yield from cursor.run(_OCTAL, 2)
        code = int(written, 8)
    elif char == "N" and (yield from cursor.peek()) == "{":
        written += cursor.take(cursor.at + 1) + (yield from cursor.run(_CHARACTER_NAME, MAX_NAME))
        if (yield from cursor.peek()) == "}":
            written += cursor.take(cursor.at + 1)
            code = _named_character(written[2:-1])
    if cursor.at_end:
        return ""  # cut off
    if code is None or code > 0x10FFFF:
        return quote("\\" + written)[1:-1]
    return f"\\u{code:04x}" if 0xD800 <= code < 0xE000 else quote(chr(code))[1:-1]


@recovers("a character by its name", off=None)
def _named_character(name: str) -> int | None:
    try:
        return ord(unicodedata.lookup(name))
    except (KeyError, TypeError):
        return None
