"""Arguments of Gemma: bare keys, strings between `<|"|>`, numbers and words, nested `{}` and `[]`.

- The delimiters type a value, else the markup's literals do; a bare word is text, typed by the schema.
- A delimiter in a string closes it only where what follows can follow a closed string: a comma and the next key,
  a closing bracket, the end. A call opener that fits starts a quoted call, which is data up to its end.
- Drift: a missing opening delimiter; a missing closing one before the next key or the end of the call; a missing
  comma; `=` for `:`; quoted strings and keys; `(...)` and `({...})` around the arguments, unlike brackets, or none.
- A container that cannot be read, or is nested deeper than 256, is its text. What cannot be read between the
  arguments is passed on as it is, and the call is not complete.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from json.encoder import encode_basestring as quote

from ..cursor import SPACE, Cursor, Markers, Overrun, Reading, Sink
from ..held import Held
from ..recovery import drift, recovering, recovers, rule
from ..schema import MAX_DEPTH, Parameters, Tools, read, read_number
from . import json_text
from .name import MAX_NAME, read_name
from .strays import read_rest

OPENERS = ("<|tool_call>", *drift("another opener of a call", "<|tool_call|>"))
END = "<tool_call|>"
DELIMITER = '<|"|>'

_CALL = Markers(("call:", *drift("`call` missing before the name", ":")))
_END = Markers((END,))
_DELIMITER = Markers((DELIMITER,))
_AFTER_CALL = Markers((*OPENERS, "<turn|>", "<|tool_response>", "<|channel>"))
_IN_STRING = Markers((DELIMITER, END, *OPENERS))
_IN_ARGUMENT = {closer: Markers((DELIMITER, END, *OPENERS, ",", closer)) for closer in "})"}
_IN_QUOTED = {mark: Markers((mark, "\\", DELIMITER)) for mark in "\"'"}
_QUOTED_KEY = {mark: re.compile(f"[^{mark}]*") for mark in "\"'"}
_TO_DELIMITER = re.compile(r"[^<]*")
_BARE_KEY = re.compile(r"""[^,:={}\[\]()<>"\t\r\n\f\v]*""")
_WORD = re.compile(r"[\w.+\-]*")
_BARE = re.compile(r"[^,<{}\[\]()]*")
_NO_KEY = re.compile(r"""(?!')[^,:={}\[\]()<>"\t\r\n\f\v]{0,255}[,{}\[\]()>]""")
_NO_END = re.compile(f"[^<{SPACE}]")
_ESCAPE = re.compile(r"""\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}|')|[\\"\x00-\x1f]""")
_QUOTES = recovering("quoted strings and keys", "\"'", off="")
_CLOSER = {"{": "}", "[": "]"}
_OPENER = {"}": "{", "]": "[", ")": "("}
_LITERALS = {
    "true": "true",
    "false": "false",
    "null": "null",
    **dict.fromkeys(drift("words for null", "none", "nil"), "null"),
}
_ARGUMENTS_END = ("}", ")")
_FOLLOWS_WITHIN = 256
_KEY_SIGNS = (":", *drift("the sign behind a key", "="))
_BRACKETS = ("{", *drift("a bracket around the arguments", "("))

_CALL_DOUBLED = rule("`call:` doubled, or missing")
_WITHOUT_ARGUMENTS = rule("a call without brackets")
_SIGN_AT_NAME = rule("a sign behind the name")
_KEY_AT_NAME = rule("the first key stuck to the name")
_KEY_IN_DELIMITERS = rule("a key in delimiters")
_WITHOUT_BRACKET = rule("arguments without brackets")
_BRACES_IN_PARENTHESES = rule("braces in parentheses around the arguments")
_MISSING_VALUE = rule("a key without a value")
_MISSING_CLOSERS = rule("closing brackets missing", contract="Truncation")
_DOUBLED_COMMA = rule("commas doubled")
_MISSING_COMMA = rule("a comma missing")
_CONTAINER_AS_TEXT = rule("a container that cannot be read")
_BARE_TEXT = rule("a string without its opening delimiter")
_QUOTED_CALLS = rule("a call quoted in a string", contract="What ends a value")


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the arguments: a call's name, and the bracket that closes them ("": there are none)."""

    name: str
    closer: str


def read_head(cursor: Cursor, ends: Markers, tools: Tools | None) -> Reading[Head | bool | None]:
    """Read a call's head, up to its first key; False where it does not fit, None where the reply ends in it."""
    yield from cursor.space()
    called = False
    while (_CALL_DOUBLED or not called) and (yield from cursor.match(_CALL)) is not None:
        called = True
    if not called and (cursor.at_end or cursor.cut_of(_CALL)):
        return None
    name = yield from read_name(cursor)
    char = yield from cursor.peek()
    if not char or cursor.cut_of(ends) or cursor.cut_of(_DELIMITER):
        return None if called else False
    if _WITHOUT_ARGUMENTS and called and name and (yield from cursor.stands(ends)):
        return Head(name, "")
    bracket = char in _BRACKETS
    closer = "}"
    if bracket:
        name = name.rstrip(":=" if _SIGN_AT_NAME else "")
        cursor.take(cursor.at + 1)
        yield from cursor.space()
        if char == "(" and not (_BRACES_IN_PARENTHESES and (yield from cursor.peek()) == "{"):
            closer = ")"
        elif char == "(":
            cursor.take(cursor.at + 1)
    elif _KEY_AT_NAME and tools is not None and name[-1:] in (":", "="):
        # The first key is stuck to the name.
        declared = tools.longest_prefix_of(name) or name
        cursor.at -= len(name) - len(declared)
        name = declared
    if not name or not (bracket or (called and _WITHOUT_BRACKET)):
        return False
    fits = yield from _first_key_fits(cursor, closer, ends, bracket=bracket)
    return Head(name, closer) if fits else fits


def _first_key_fits(cursor: Cursor, closer: str, ends: Markers, *, bracket: bool) -> Reading[bool | None]:
    """Whether the first key or the end of the arguments stands here; None where the reply ends before that."""
    mark = cursor.mark()
    yield from cursor.space()
    fits: bool | None
    if bracket and ((yield from cursor.peek()) == closer or (yield from cursor.stands(ends))):
        fits = True
    else:
        fits = (yield from _read_key(cursor)) is not None
        if fits and not bracket:
            yield from cursor.space()
            fits = (yield from cursor.stands(_DELIMITER)) is not None
        if not fits and (cursor.at_end or cursor.cut_of(_DELIMITER) or cursor.cut_of(ends)):
            fits = None
    cursor.rewind(mark)
    return fits


def _key(cursor: Cursor) -> Reading[str | None]:
    """Read a key and what separates it from its value; None, and nothing read, where none stands."""
    mark = cursor.mark()
    try:
        key = yield from _read_key(cursor)
    except Overrun:
        key = None
    if key is None and not cursor.at_end:
        cursor.rewind(mark)
    else:
        cursor.settle(mark)  # at the end of the reply: cut off
    return key


def _read_key(cursor: Cursor) -> Reading[str | None]:
    yield from cursor.space()
    char = yield from cursor.peek()
    key: str | None
    if char and char in _QUOTES:
        cursor.take(cursor.at + 1)
        text = yield from cursor.run(_QUOTED_KEY[char], MAX_NAME)
        if (yield from cursor.peek()) != char:
            return None
        cursor.take(cursor.at + 1)
        key = json_text.decoded(f'"{_unquoted(text)}"')
    elif _KEY_IN_DELIMITERS and (yield from cursor.match(_DELIMITER)):
        key = yield from cursor.run(_TO_DELIMITER, MAX_NAME)
        if (yield from cursor.match(_DELIMITER)) is None:
            return None
    else:
        key = (yield from cursor.run(_BARE_KEY, MAX_NAME)).rstrip(" ") or None
    yield from cursor.space()
    separator = yield from cursor.peek()
    if key is None or separator not in _KEY_SIGNS:
        return None
    cursor.take(cursor.at + 1)
    return None if separator == "=" and (yield from cursor.peek()) in ("", "=") else key


def read_arguments(cursor: Cursor, sink: Sink, parameters: Parameters, ends: Markers, closer: str) -> Reading[bool]:
    """Read arguments behind their opening bracket, up to and with the closing one; whether they are whole."""
    body = _Body(cursor, sink, parameters, ends, closer)
    complete = yield from body.read()
    body.stop_holding()
    if complete is None:
        yield from read_rest(cursor, sink, ends)
    return complete is True


class _Body:
    """The arguments of one call: what is open, and the container being read, which goes out whole."""

    __slots__ = (
        "_before",
        "_count",
        "_cursor",
        "_deep",
        "_ends",
        "_given",
        "_held",
        "_members",
        "_owed",
        "_parameters",
        "_raw",
        "_sink",
    )

    def __init__(self, cursor: Cursor, sink: Sink, parameters: Parameters, ends: Markers, closer: str) -> None:
        self._cursor = cursor
        self._sink = sink
        self._parameters = parameters
        self._ends = ends
        self._owed = [closer]  # closing brackets
        self._count = {each: int(each == closer) for each in _OPENER}  # of each closing bracket
        self._members = [0]  # of each open bracket
        self._given: set[str] = set()
        self._held: Held | None = None  # the JSON text of the outermost container; None outside of one
        self._raw = Held()  # its source
        self._deep = False
        self._before: Sink | None = None

    def read(self) -> Reading[bool | None]:
        """Read up to the last bracket; whether the arguments are whole, None where they cannot be read on."""
        cursor, owed = self._cursor, self._owed
        gap: list[str] = []  # the text since the last value or key
        key: str | None = None  # whose value is due
        more = False  # a value was read: a comma or a closing bracket is due
        finished = False  # the last value is one that its own text ends
        while True:
            gap.append((yield from cursor.space()))
            if (yield from self._at_end()):
                if _MISSING_CLOSERS and ((more and finished) or not (cursor.at_end or any(self._members))):
                    self._close_all()
                    return True
                return False
            char = cursor.text[cursor.at]
            if char in SPACE:
                continue
            if key is not None and _MISSING_VALUE and (char == "," or self._is_owed(char)):
                self._emit('""')
                key, more, finished = None, True, True
            elif self._is_owed(char):
                cursor.take(cursor.at + 1)
                while self._close() != char:
                    pass  # the inner ones are missing
                if not owed:
                    return True
                more = finished = True
            elif key is None and (yield from self._other()):
                cursor.take(cursor.at + 1)
                self._close_all()
                return True
            elif char == "," and (more or (_DOUBLED_COMMA and owed[-1] != "]")):
                gap.append(cursor.take(cursor.at + 1))
                more = False
                continue
            elif more and not _MISSING_COMMA:
                return None
            elif key is None and owed[-1] != "]":
                key = yield from _key(cursor)
                if key is not None:
                    self._member(key)
                    more = False
                elif cursor.at_end:
                    return False
                elif self._held is None or not _CONTAINER_AS_TEXT:
                    self._emit("".join(gap))
                    return None
                else:
                    more, finished = yield from self._text_instead()
            else:
                if key is None:
                    self._member(None)
                if char in _CLOSER:
                    self._open(_CLOSER[char])
                    more = False
                else:
                    more, finished = yield from self._scalar(char, key or "")
                    if not more:
                        return False
                key = None
            gap.clear()

    def _at_end(self) -> Reading[bool]:
        """Whether the reply ends here, or a marker stands that ends the call."""
        char = yield from self._cursor.peek()
        return not char or (char in self._ends.firsts and (yield from self._cursor.stands(self._ends)) is not None)

    def _emit(self, text: str) -> None:
        if self._held is None:
            self._sink(text)
        else:
            self._held.append(text)

    def _text(self, text: str) -> None:
        self._emit(quote(text)[1:-1])

    # --- containers

    def _member(self, key: str | None) -> None:
        """The next member of the innermost container begins."""
        outermost = len(self._owed) == 1
        self._emit("," if self._members[-1] else "{" if outermost else "")
        self._members[-1] += 1
        if key is not None:
            self._emit(quote(key) + ":")
            if outermost:
                self._given.add(key)

    def _open(self, closer: str) -> None:
        if self._held is None:
            self._held, self._raw, self._deep = Held(), Held(), False
            self._before = self._cursor.also_copy_to(self._raw.append)
        self._cursor.take(self._cursor.at + 1)
        self._emit(_OPENER[closer])
        self._owed.append(closer)
        self._count[closer] += 1
        self._members.append(0)
        self._deep = self._deep or len(self._owed) > MAX_DEPTH + 1

    @recovers(
        "closing brackets missing in others",
        off=lambda self, char: char == self._owed[-1],
        contract="What ends a value that lacks its closer",
    )
    def _is_owed(self, char: str) -> bool:
        return bool(self._count.get(char))

    def _close(self) -> str:
        """Close the innermost bracket, which is returned."""
        closer = self._owed.pop()
        self._count[closer] -= 1
        members = self._members.pop()
        if not self._owed:
            self._emit("}" if members else "{}")
            return closer
        self._emit(closer)
        if len(self._owed) == 1 and self._held is not None:
            held = self._held
            self.stop_holding()
            raw, self._raw = self._raw, Held()
            if self._deep:
                self._sink(quote(raw.take()))
            else:
                del raw  # before the rest is copied
                self._sink(held.take())
        return closer

    def _close_all(self) -> None:
        while self._owed:
            self._close()

    def stop_holding(self) -> None:
        if self._held is not None:
            self._cursor.copy_to(self._before)
            self._held = None

    def _text_instead(self) -> Reading[tuple[bool, bool]]:
        """Read the rest of a container that is none: it is text."""
        self.stop_holding()
        outermost = self._owed[0]
        brackets = {opener: self._count[closer] - (closer == outermost) for closer, opener in _OPENER.items()}
        self._count = {each: int(each == outermost) for each in _OPENER}
        del self._owed[1:], self._members[1:]
        return (yield from self._bare_text(self._raw.take(), brackets))

    # --- values; whether the reply goes on behind one, and whether its own text ends it

    def _scalar(self, char: str, key: str) -> Reading[tuple[bool, bool]]:
        if (yield from self._cursor.match(_DELIMITER)):
            closed = yield from self._string()
            return closed, closed
        if char in _QUOTES:
            closed = yield from self._quoted()
            return closed, closed
        return (yield from self._bare(key))

    def _string(self) -> Reading[bool]:
        """Read a string behind its delimiter; whether it was closed."""
        self._emit('"')
        quoted = 0  # calls
        markers = _IN_ARGUMENT[self._owed[0]] if len(self._owed) == 1 else _IN_STRING
        closed: dict[str, Callable[[], Reading[bool]]] = {
            DELIMITER: self._string_end,
            ",": self._next_argument,
            self._owed[0]: self._end_of_call,
        }
        while True:
            marker = yield from self._cursor.until(markers, self._text)
            if marker is None:
                return False
            if marker == END:
                quoted = max(0, quoted - 1)
            elif marker in OPENERS:
                quoted += _QUOTED_CALLS and (yield from self._ahead(self._call))
            elif not (quoted or self._is_data(marker)) and (yield from self._ahead(closed[marker])):
                self._emit('"')
                return True
            self._text(marker)

    def _is_data(self, marker: str) -> bool:
        """Whether a look at the text at hand tells that `marker` closes no string; the checks would say the same."""
        follower = {",": _NO_KEY, "}": _NO_END, ")": _NO_END}.get(marker)
        return follower is not None and follower.match(self._cursor.text, self._cursor.at) is not None

    def _quoted(self) -> Reading[bool]:
        """Read a quoted string; it is held, since how it is closed tells what its quotes are."""
        cursor = self._cursor
        mark = cursor.take(cursor.at + 1)
        pieces: list[str] = []
        inner = False  # another such quote stands inside
        while True:
            marker = yield from cursor.until(_IN_QUOTED[mark], pieces.append)
            if marker is None:
                return False
            if marker == mark and (yield from self._ahead(self._dangling_delimiter)):
                yield from cursor.match(_DELIMITER)
                break
            if marker != "\\" and (yield from self._ahead(self._string_end)):
                break
            pieces.append(marker)
            if marker == "\\" and (yield from cursor.peek()):
                pieces.append(cursor.take(cursor.at + 1))
            inner = inner or marker == mark
        text = "".join(pieces)
        # Closed by a delimiter, its quotes are data: it lacks the opening delimiter.
        self._emit(quote(mark + text) if inner and marker == DELIMITER else f'"{_unquoted(text)}"')
        return True

    def _bare(self, key: str) -> Reading[tuple[bool, bool]]:
        """Read a number, a literal, a bare word, or text whose opening delimiter is missing."""
        cursor = self._cursor
        word = yield from cursor.run(_WORD)
        space = yield from cursor.space()
        ended = yield from self._at_end()
        literal = _LITERALS.get(word.lower())
        value = literal or read_number(word, whole=False, strict=True)
        comma = value is not None and not ended and (yield from cursor.peek()) == ","
        if not (ended or (yield from self._separated()) or (comma and not (yield from self._ahead(self._closed)))):
            if not _BARE_TEXT:
                return False, False
            return (yield from self._bare_text(word + space, dict.fromkeys(_OPENER.values(), 0)))
        if literal is None and cursor.at_end:
            return False, False
        if value is None:
            allowed = self._parameters.types(key) if len(self._owed) == 1 else frozenset({"string"})
            value = read(word, allowed)
        self._emit(value)
        return True, literal is not None or not ended

    def _bare_text(self, text: str, brackets: dict[str, int]) -> Reading[tuple[bool, bool]]:
        """Read the rest of text that has no opening delimiter, in which `brackets` are open."""
        cursor = self._cursor
        self._emit('"')
        while True:
            body = text.rstrip(SPACE)
            self._text(body)
            text = text[len(body) :]  # the value's only if more of it follows
            found = _BARE.match(cursor.text, cursor.at)
            assert found is not None  # a starred class matches everywhere
            text += cursor.take(found.end())
            if text.strip(SPACE):
                continue
            char = yield from cursor.peek()
            if char and _BARE.fullmatch(char):
                continue
            if (yield from cursor.match(_DELIMITER)):
                in_array = self._owed[-1] == "]"
                if (yield from self._ahead(self._element_end if in_array else self._string_end)):
                    self._text(text)
                    break
                text += DELIMITER
                continue
            if (yield from self._at_end()):
                if cursor.at_end:
                    return False, False
                self._emit('"')
                return True, False
            if char in brackets:
                brackets[char] += 1
            elif brackets.get(_OPENER.get(char, "")):
                brackets[_OPENER[char]] -= 1
            elif (yield from self._separated()):
                break
            text += cursor.take(cursor.at + 1)
        self._emit('"')
        return True, True

    # --- what stands ahead

    def _ahead(self, check: Callable[[], Reading[bool]]) -> Reading[bool]:
        """Whether `check` finds what it reads; nothing is read."""
        mark = self._cursor.mark()
        try:
            found = yield from check()
        except Overrun:
            found = False
        self._cursor.rewind(mark)
        return found

    def _separated(self) -> Reading[bool]:
        """Whether a bare value ends here."""
        char = yield from self._cursor.peek()
        if char == "," and self._owed[-1] != "]":
            return (yield from self._ahead(self._string_end))
        return char == "," or self._is_owed(char) or (yield from self._other())

    @recovers("the arguments' closing bracket of another kind", off=False)
    def _other(self) -> Reading[bool]:
        """Whether the arguments end here, right before a marker, in a bracket that is not the kind that opened them."""
        char = yield from self._cursor.peek()
        return char in _ARGUMENTS_END and not self._is_owed(char) and (yield from self._ahead(self._end_behind))

    def _end_behind(self) -> Reading[bool]:
        cursor = self._cursor
        cursor.take(cursor.at + 1)
        yield from cursor.space(_FOLLOWS_WITHIN)
        return (yield from cursor.stands(self._ends)) is not None

    def _string_end(self) -> Reading[bool]:
        """Whether what stands here can follow a closed string."""
        cursor = self._cursor
        yield from cursor.space(_FOLLOWS_WITHIN)
        if (yield from self._at_end()):
            return True
        comma = False
        while (yield from cursor.peek()) == ",":
            comma = True
            cursor.take(cursor.at + 1)
            yield from cursor.space(_FOLLOWS_WITHIN)
        if (yield from self._at_end()) or self._is_owed((yield from cursor.peek())) or (yield from self._other()):
            return True
        if self._owed[-1] == "]":
            return comma and (yield from self._value())
        key = yield from _read_key(cursor)
        if key is None:
            return comma and cursor.at_end  # cut off
        if len(self._owed) == 1 and self._parameters.declares(key) and (comma or key not in self._given):
            return True
        yield from cursor.space(_FOLLOWS_WITHIN)
        if " " in key:  # perhaps prose
            return (yield from cursor.peek()) in _CLOSER or (yield from cursor.stands(_DELIMITER)) is not None
        return (yield from self._value())

    @recovers("an element of an array without its opening delimiter", off=False)
    def _element_end(self) -> Reading[bool]:
        """Whether what stands here can follow an element whose opening delimiter is missing."""
        yield from self._cursor.space(_FOLLOWS_WITHIN)
        return (yield from self._at_end()) or (yield from self._separated())

    def _value(self) -> Reading[bool]:
        """Whether a value stands here, and no prose."""
        cursor = self._cursor
        char = yield from cursor.peek()
        if not char or char in _CLOSER or char in _QUOTES or char == "," or self._is_owed(char):
            return True
        if (yield from cursor.stands(_DELIMITER)):
            return True
        word = yield from cursor.run(_WORD)
        yield from cursor.space(_FOLLOWS_WITHIN)
        if not word:
            return False
        if (yield from self._at_end()):
            return True
        char = yield from cursor.peek()
        return char == "," or self._is_owed(char)

    @recovers(
        "a string's closing delimiter missing before the next argument", off=False, contract="A parameter's opener"
    )
    def _next_argument(self) -> Reading[bool]:
        """Whether, behind a comma in a string, a delimited argument stands that is declared and not given."""
        key = yield from _read_key(self._cursor)
        if key is None or key in self._given or not self._parameters.declares(key):
            return False
        yield from self._cursor.space(_FOLLOWS_WITHIN)
        return (yield from self._cursor.stands(_DELIMITER)) is not None

    @recovers(
        "a string's closing delimiter missing before the end of the call",
        off=False,
        contract="What ends a value that lacks its closer",
    )
    def _end_of_call(self) -> Reading[bool]:
        """Whether, behind a bracket in a string, the call's end stands, and nothing of this call behind it."""
        cursor = self._cursor
        yield from cursor.space(_FOLLOWS_WITHIN)
        if len(self._owed) > 1 or (yield from cursor.match(_END)) is None:
            return False
        yield from cursor.space(_FOLLOWS_WITHIN)
        return not (yield from cursor.peek()) or (yield from cursor.stands(_AFTER_CALL)) is not None

    @recovers("a number or word that begins a string without its opening delimiter", off=False)
    def _closed(self) -> Reading[bool]:
        """Whether a delimiter ahead closes a string that lacks its opening one."""
        yield from self._cursor.run(_TO_DELIMITER)
        return (yield from self._dangling_delimiter())

    def _dangling_delimiter(self) -> Reading[bool]:
        """Whether a delimiter stands here that closes a string."""
        return (yield from self._cursor.match(_DELIMITER)) is not None and (yield from self._string_end())

    def _call(self) -> Reading[bool]:
        """Whether, behind an opener, a call fits."""
        return isinstance((yield from read_head(self._cursor, _END, None)), Head)


def _unquoted(text: str) -> str:
    """What stands between quotes, as the inside of a JSON string: its escapes stay, all else is escaped."""
    return _ESCAPE.sub(lambda found: _escaped(found.group()), text)


def _escaped(text: str) -> str:
    if text == "\\'":
        return "'"
    return text if len(text) > 1 else quote(text)[1:-1]
