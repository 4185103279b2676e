"""Arguments of a Python call, `city="Paris", days=3`: literals, written as JSON. Nothing is evaluated.

- Literals are: strings of every prefix and quoting, adjacent ones joined; numbers of any size, as written or in decimal
  digits; `True`, `False`, `None` and JSON's words; lists, tuples, sets; dicts whose keys are scalars.
- Literals without a name get the names of the tool's parameters, in order. A lone dict is the arguments.
- A quote inside a string closes it only if the text after it can follow a string: `'it's'` is one string. If the next
  call comes inside a string, the first quote decides: the string goes on to it, or it ended before that call.
- A value that is not a literal (a name, a call, an expression), or is nested deeper than 256, becomes its text, as a
  string, under its name. If an expression goes on after a string, which has been output, the rest is passed on and the
  call is not complete.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from json.encoder import encode_basestring as quote
from typing import ClassVar

from ..cursor import SPACE, Cursor, Markers, Reading, Sink, drop
from ..held import Held
from ..proposed import Proposed
from ..recovery import drift, recovering, recovers, rule
from ..schema import MAX_DEPTH, Tools, read, read_number
from .compact import Compact, Open, read_word
from .literals import CLOSABLE, CLOSER, CLOSERS, FOLLOWS_WITHIN, KEYS, VALUES, Doubt, Due, Read
from .name import MAX_NAME

_QUOTES = "\"'"
_QUOTE = {mark: Markers((mark, mark * 3)) for mark in _QUOTES}
_LINE = recovering(
    "a string's quote missing before a call on the next line",
    r"|\n(?=(?:[^\W\d][\w.\-]{0,255})?(?:\(|\Z))",
    off="",
    contract="Local damage",
)
"""A line break before a call, as far as the text shows it."""
_ANCHORS = "),];"
"""The first character of what may be between a value and the next call."""
_PREFIXES = "rRbBuUfF"
_OPENING = rf"""(?P<opening>[{_PREFIXES}]{{0,3}}(?P<quotes>"{{1,3}}|'{{1,3}})?)"""
_STRING = re.compile(_OPENING)
_FURTHER_STRING = re.compile(rf"[{SPACE}]{{0,{FOLLOWS_WITHIN}}}(?:\+[{SPACE}]{{0,{FOLLOWS_WITHIN}}})?{_OPENING}")
_IDENTIFIER = re.compile(r"[\w.\-]*")
_SIGNS = "".join(("=", *drift("the sign after an argument's name", ":")))
_KEYWORD = re.compile(rf"[{SPACE}]*(?P<name>[\w.\-]*)[{SPACE}]*(?P<sign>[{_SIGNS}])?=?")
_QUOTED_KEYWORD = re.compile(
    rf"""[{SPACE}]*(?:(?P<quote>["'])(?:(?P<name>[\w.\-]+)(?:(?P=quote)(?:[{SPACE}]*(?P<sign>[{_SIGNS}])?=?)?)?)?)?"""
)
_FOLLOWERS = {
    nested: re.compile(
        rf"""[{SPACE}]{{0,64}}(?:(?=(?P<mark>[{marks}]))|,[{SPACE}]{{0,64}}(?:(?=(?P<value>["'(\[{{)\]}}]))|"""
        rf"""[\w.\-]{{1,{MAX_NAME}}}[{SPACE}]{{0,64}}(?:(?=(?P<end>[,)\]}}:])){sign})?)?)?"""
    )
    for nested, marks, sign in ((True, r""")\]%*"'}:""", ""), (False, r""")\]%*"'""", "|(?P<sign>=(?!=))"))
}
"""What usually follows a string: in a container, and outside one."""
_CUT_KEYWORD = re.compile(r"[\w.\-]*\s*=?")
_WORD = re.compile(r"[\w.+\-]*")
_SOURCE = re.compile(r"[^,()\[\]{}\"'<]*")
_LIST_OPENS = recovering(
    "a string's quote missing before a list on the next line", r"\[\s{0,64}", off="(?!)", contract="Local damage"
)
_SEPARATOR = r"[,;]?\s{0,64}"
_NEXT_CALL, _NEXT_LIST = (
    re.compile(rf"[)\]}}]{{0,8}}(?:{before})(?:(?P<name>[^\W\d][\w.\-]{{0,255}})\s{{0,64}}(?P<open>\()?)?")
    for before in (
        rf"[ \t]{{0,64}}\n\s{{0,64}}{_LIST_OPENS}|\s{{0,64}}{_SEPARATOR}",
        rf"\s{{0,64}}(?:{_LIST_OPENS}|{_SEPARATOR})",
    )
)
"""What ends a call, and the beginning of the next call or list. In the second, a list may begin without a new line."""
_LIST_CLOSERS = recovering(
    "a string's quote missing before the closers of its list",
    re.compile(r"[^\n]*\)[^\n]*\][^\n]*\n"),
    off=re.compile(r"(?!)"),
    contract="Local damage",
)
_CALL_CLOSERS = re.compile(r"(?:(?:[)\]}]\s{0,8}){1,8})?")
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
_ESCAPE = re.compile(
    r"\\(?:x[0-9a-fA-F]{0,2}|u[0-9a-fA-F]{0,4}|U[0-9a-fA-F]{0,8}|[0-7]{1,3}|"
    rf"N(?:\{{[A-Za-z0-9 \-]{{0,{MAX_NAME}}}\}}?)?|\r\n?|.)?",
    re.DOTALL,
)
_RAW_ESCAPE = re.compile(r"\\.?", re.DOTALL)
_ESCAPES = {
    "\\\n": "",
    "\\'": "'",
    **{f"\\{char}": quote(meant)[1:-1] for char, meant in zip('\\"abfnrtv', '\\"\a\b\f\n\r\t\v', strict=True)},
}
"""The escapes of two characters, and their JSON text."""
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}


_BRACKET_LINE = re.compile(r"(?:(?P<bracket>\])[\])]*[ \t\r]*(?P<end>[\n<])?)?")

_DOUBLED_COMMA = rule("commas doubled", contract="Doubled commas")
_INNER_CLOSERS = rule("closing brackets missing in others", contract="Missing brackets")
_LONE_DICT = rule("a dict as all arguments")
_POSITIONAL = rule("arguments without a name")
_QUOTED_NAME = rule("the name of an argument in quotes")
_QUOTE_IN_STRING = rule("a quote inside a string that is not escaped")
_SOURCE_AS_TEXT = rule("a value that is not a literal", contract="No invented values")
_WITHOUT_PARENTHESIS = rule("the closing parenthesis missing before the end of the list")


@dataclass(frozen=True, slots=True)
class Ends:
    """What ends the arguments of a call."""

    markers: Markers
    """Markers that end the arguments outside strings."""
    in_strings: Markers
    """Markers that end a string that is not closed."""
    openers: Markers
    """Those of `in_strings` that end a string only if a call begins after them."""
    in_list: bool
    """Whether calls are in a list; else each is on a line of its own, and the next line may end a string."""


def read_arguments(cursor: Cursor, call: Proposed, tools: Tools, ends: Ends) -> Reading[bool]:
    """Read the arguments after their opening parenthesis, including the closing one.

    The call is announced with its first argument or its end, and not at all if the text is not arguments.

    Returns:
        Whether the arguments are complete.
    """
    return cursor.directly(_Arguments(cursor, call, tools, ends).whole())


@cache
def _stops(quote: str, markers: Markers, line: str) -> re.Pattern[str]:
    """Return a pattern for a quote, an escape, or the first character after a string; `line` is a pattern for lines."""
    return re.compile(f"[{quote}\\\\{re.escape(_ANCHORS + ''.join(sorted(markers.firsts)))}]{line}")


class _Arguments(Compact):
    """The arguments of one call, in parentheses; the brackets of a lone dict replace these."""

    __slots__ = ("_in_list", "_line", "_named", "_openers", "_positional", "_tools", "_within", "_word")

    structure = "()[]{},:-0123456789TFN"
    max_depth: ClassVar[int] = MAX_DEPTH

    def __init__(self, cursor: Cursor, call: Proposed, tools: Tools, ends: Ends) -> None:
        super().__init__(cursor, call, tools.parameters(call.name), ends.markers, ")")
        self._tools = tools
        self._within = ends.in_strings
        self._openers = ends.openers
        self._in_list = ends.in_list
        self._line = "" if ends.in_list else _LINE
        self._named = False  # an argument had a name, so all that follow must have one
        self._positional = ""  # the name of an argument by position, until it is a literal
        self._word = ""  # the beginning of a value that is not a literal

    # --- brackets, commas, colons

    def _structure(self, char: str) -> Read | None:
        top = self._owed[-1]
        if char in CLOSERS:
            return self._read_closer(char, top) if self._nested else self._read_last_closer(char, top)
        if char == ",":
            return self._read_comma(top)
        if char == ":":
            if self._due is not Due.MORE or not self._nested or not self._make_key(top):
                return None
            self._cursor.take(self._cursor.at + 1)
            return Read.DONE
        if char not in CLOSER:
            return self._whole_word()
        return self._open(char, keyed=False) if self._due in VALUES else None

    def _read_comma(self, top: Open) -> Read:
        if not self._nested:
            if self._due is not Due.MORE and not (_DOUBLED_COMMA and self._due is not Due.VALUE):
                return Read.OTHER
            self._due = Due.KEY
        elif self._due is Due.MORE and _is_closable(top):
            top.comma = True
            self._due = Due.FIRST_VALUE
            if self._positional:  # its first member is a literal
                self._call.announce()
        elif not (_DOUBLED_COMMA and self._due is Due.FIRST_VALUE and top.comma):
            return Read.OTHER
        self._gap.append(self._cursor.take(self._cursor.at + 1))
        return Read.DONE

    def _read_last_closer(self, char: str, top: Open) -> Read:
        """Read a bracket that closes the arguments: after the brace of a lone dict the parenthesis is still due."""
        if char == "]" and self._in_list and _WITHOUT_PARENTHESIS and self._due is Due.MORE and top.closer == ")":
            self._close(")")  # the parenthesis is missing, and the list ends
            return Read.DONE
        if char != top.closer and not (_INNER_CLOSERS and char == ")" and self._due is Due.MORE):
            return Read.OTHER
        if self._due is Due.VALUE:
            return Read.OTHER
        self._cursor.take(self._cursor.at + 1)
        if char == ")":
            self._close(top.closer)
            return Read.DONE
        top.closer = ")"
        return self._scalar(finished=True)

    def _read_closer(self, char: str, top: Open) -> Read:
        """Read a bracket that closes a container, and close the containers in it that lack their own."""
        owed = self._is_owed(char)
        if self._due not in CLOSABLE or (
            char != top.closer and (self._due is not Due.MORE or not (_INNER_CLOSERS and (owed or char == ")")))
        ):
            return Read.OTHER
        for each in reversed(self._owed[1:]):
            if not _is_closable(each):
                return Read.OTHER
            if each.closer == char:
                break
        if owed:
            self._cursor.take(self._cursor.at + 1)
            self._close(char)
        else:
            while self._nested:
                self._close(self._owed[-1].closer)
        return Read.DONE

    def _brackets(self, top: Open) -> tuple[str, str]:
        if top.closer == "}":
            return ("{", "}") if top.keyed or not top.members else ("[", "]")
        if top.closer == ")" and top.members == 1 and not top.comma:
            return "", ""
        return "[", "]"

    def _make_key(self, top: Open) -> bool:
        """Make the last member a key. Returns whether it can be one."""
        if top.key is None or not (top.keyed or top.members == 1):
            return False
        key = "".join(self._pieces[top.key :])
        if key.startswith(("{", "[")):  # each quoting of nested keys makes them longer, without a bound
            return False
        del self._pieces[top.key :]
        self._pieces.append((key if key.startswith('"') else quote(key)) + ":")
        top.keyed, top.key = True, None
        self._due = Due.VALUE
        return True

    def _give(self) -> None:
        self._claim()
        super()._give()

    def _end(self) -> bool:
        open_containers = self._owed[1:]
        if any(
            not _is_closable(each) or (each.closer == "}" and not each.keyed and each.members == 1)
            for each in open_containers
        ):
            return False
        return super()._end()

    # --- keys and scalars

    def _item(self, char: str) -> Reading[Read]:
        if self._due is Due.MORE and self._nested:
            return self._read_next_call()
        if self._due is Due.MORE or self._due in KEYS:
            return self._read_key(char)
        return self._read_value(char)

    def _read_next_call(self) -> Reading[Read]:
        """End the arguments, whose closers are missing, if the next call is here."""
        if not (yield from self._next_call_is_here()):
            return Read.OTHER
        if self._parameters.lacks(self._given):
            return Read.CUT
        self._finished, self._due = True, Due.MORE
        return Read.DONE if self._end() else Read.CUT

    def _read_key(self, char: str) -> Reading[Read]:
        """Read the name of an argument, or take it from its position."""
        cursor, top, names = self._cursor, self._owed[-1], self._parameters.names
        found = yield from _keyword(cursor)
        if found is not None:
            cursor.take(found.end("sign"))
            self._named = True
            self._argument(found["name"])
            return Read.DONE
        if top.members and (yield from self._next_call_is_here()):
            return (yield from self._read_next_call())
        takes_object = bool(names) and "object" in self._parameters.types(names[0])
        if char == "{" and _LONE_DICT and not top.members and top.closer == ")" and not takes_object:
            cursor.take(cursor.at + 1)
            top.closer = "}"
            return Read.DONE
        if _is_cut(cursor):
            cursor.take(len(cursor.text))
            return Read.CUT
        if self._named or not _POSITIONAL or self._due is Due.MORE or top.closer == "}" or top.members >= len(names):
            return Read.OTHER
        self._positional = names[top.members]
        self._due = Due.VALUE
        return self._open(char, keyed=False) if char in CLOSER else (yield from self._read_value(char))

    def _claim(self) -> None:
        """Make the literal here an argument, if it gets its name from its position."""
        if self._positional and not self._nested:
            due, key = self._due, self._positional
            self._positional = ""
            self._argument(key)
            self._due = due

    def _read_value(self, char: str) -> Reading[Read]:
        opened = (yield from _string_start(self._cursor)) if char in _QUOTES or char in _PREFIXES else None
        if opened is None:
            return (yield from self._read_word())
        if not self._nested:
            self._claim()
            read = yield from self._string(opened, self._sink)
        else:
            self._member()
            held = Held()
            read = yield from self._string(opened, held.append)
            self._pieces.append(held.take())
        return self._scalar(finished=True) if read is Read.DONE else read

    def _read_word(self) -> Reading[Read]:
        """Read a number or a literal."""
        cursor = self._cursor
        word, space = yield from read_word(cursor)
        ends = yield from self._at_end()
        if ends and cursor.at_end and word not in _LITERALS:
            return Read.CUT
        written = self._written(word)
        if written is None or not (ends or self._separates(cursor.at) or (yield from self._call_is_here())):
            self._word = word + space
            return Read.OTHER
        self._claim()
        self._member()
        self._emit(written)
        return self._scalar(finished=word in _LITERALS)

    def _written(self, word: str) -> str | None:
        return _LITERALS.get(word) or _number(word)

    def _separates(self, at: int) -> bool:
        char = self._cursor.text[at]
        return char in ",)]" or (char in "}:" and (self._nested or self._owed[0].closer == "}"))

    # --- values that are not literals

    def _instead(self) -> Reading[Read]:
        """Read the source of a value that is not a literal: a string if it has a name; else the arguments end."""
        if (yield from self._bracket_ends_line()):
            self._close(")")
            return Read.DONE
        depth = len(self._owed) - 1
        text = Held()
        nested = self._source is not None
        text.append(self._take_source() if nested else self._word)
        self._word = ""
        if self._positional or not _SOURCE_AS_TEXT or not (nested or self._due is Due.VALUE):
            if self._call.call is not None:
                self._sink(text.take() if nested else "".join(self._gap))
                yield from self._read_rest()
            return Read.CUT
        whole = yield from self._read_source(text, depth)
        if not whole:
            return Read.CUT
        written = read(text.take().strip(), self._parameters.types(self._key) - {"object", "array"})
        self._sink(written)
        return self._scalar(finished=written in _LITERALS)

    def _bracket_ends_line(self) -> Reading[bool]:
        """Return whether a bracket is here in place of the parenthesis: without a list, only at the end of a line."""
        cursor = self._cursor
        if self._in_list or not _WITHOUT_PARENTHESIS or self._due is not Due.MORE or len(self._owed) > 1:
            return False
        found = yield from cursor.look(_BRACKET_LINE)
        return found["bracket"] is not None and (found["end"] is not None or found.end() == len(cursor.text))

    def _read_source(self, text: Held, depth: int) -> Reading[bool]:
        """Read on to the end of a value that is not a literal, from `depth` brackets deep. Returns whether it ended."""
        cursor = self._cursor
        before = cursor.also_copy_to(text.append)
        self._owed.append(Open(""))  # makes `_nested` true inside it
        try:
            while True:
                yield from cursor.run(_SOURCE)
                if (yield from self._at_end()):
                    return not cursor.at_end
                char = cursor.text[cursor.at]
                if char in _QUOTES:
                    opened = yield from _string_start(cursor)
                    if opened is None or (yield from self._string(opened, drop)) is not Read.DONE:
                        return False
                    continue
                if char in CLOSER:
                    depth += 1
                elif char in CLOSERS or char == ",":
                    if not depth:
                        return True
                    depth -= char != ","
                cursor.take(cursor.at + 1)
        finally:
            cursor.copy_to(before)
            self._owed.pop()

    @recovers("the rest of arguments that cannot be read", off=None, contract="No other repair")
    def _read_rest(self) -> Reading[None]:
        """Pass on what cannot be parsed as it is, up to the parenthesis that ends it or to the next call."""
        cursor = self._cursor
        depth = 0
        while True:
            self._sink((yield from cursor.run(_SOURCE)))
            if (yield from self._at_end()):
                return
            char = cursor.text[cursor.at]
            if not depth and (
                (char == "]" and self._in_list) or (char in _ANCHORS and (yield from self._call_is_here()))
            ):
                return
            if char in CLOSERS:
                depth -= 1
            elif char in CLOSER:
                depth += 1
            taken = cursor.take(cursor.at + 1)
            if depth < 0 and char == ")":
                return
            depth = max(depth, 0)
            self._sink(taken)

    def _next_call_is_here(self) -> Reading[bool]:
        """Return what `_call_is_here` does, after a value: at the start of a line another list may begin, too."""
        begins_line = self._gap != [] and "\n" in self._gap[-1]
        return self._call_is_here(_NEXT_LIST if begins_line else _NEXT_CALL)

    @recovers("what is missing before the next call", off=False, contract="Local damage")
    def _call_is_here(self, pattern: re.Pattern[str] = _NEXT_CALL) -> Reading[bool]:
        """Return whether closers, a separator and a call of a declared function are here; consumes nothing."""
        cursor = self._cursor
        if not self._tools:
            return False
        while True:
            found = pattern.match(cursor.text, cursor.at)
            assert found is not None  # all parts of the pattern are optional
            name = found["name"]
            if found["open"] or found.end() < len(cursor.text) or cursor.ended:
                return found["open"] is not None and self._tools.declares(name)
            if name and not self._tools.begins_name(name):
                return False
            yield

    # --- strings

    def _string(self, opening: str | None, sink: Sink) -> Reading[Read]:
        """Read a string after its prefix and opening quote, and the strings joined to it."""
        sink('"')
        cursor = self._cursor
        while opening is not None:
            read = yield from self._one_string(opening.lstrip(_PREFIXES), "r" in opening.lower(), sink)
            if read is not Read.DONE:
                return read
            alone = cursor.at < len(cursor.text) and cursor.text[cursor.at] in ",)]}"
            opening = None if alone else (yield from _string_start(cursor, _FURTHER_STRING))
        sink('"')
        return Read.DONE

    def _one_string(self, mark: str, raw: bool, sink: Sink) -> Reading[Read]:
        """Read a string after its opening quote `mark`, including the closing quote."""
        cursor, stops, say = self._cursor, _stops(mark[0], self._within, self._line), sink
        doubt: Doubt | None = None

        def pass_on(text: str) -> None:
            say(quote(text)[1:-1])

        while True:
            text = cursor.text
            found = stops.search(text, cursor.at)
            stop = len(text) if found is None else found.start()
            if stop > cursor.at:
                say(quote(cursor.take(stop))[1:-1])
            if found is None:
                if cursor.ended:
                    return Read.CUT if doubt is None else doubt.cut()
                cursor.passes = pass_on, stops.search
                yield
                cursor.passes = None
                continue
            char = found.group()
            if char == "\\":
                known = None if raw else _ESCAPES.get(text[stop : stop + 2])
                if known is None:
                    known = yield from _escape(cursor, raw)
                else:
                    cursor.take(stop + 2)
                say(known)
            elif char != mark[0]:
                if doubt is None and (yield from self._may_have_ended()):
                    if cursor.offset < cursor.twice:  # this text was held before: the string has ended
                        return Read.CUT
                    doubt = Doubt(cursor, sink)
                    say = doubt.say
                say("\\n" if cursor.take(cursor.at + 1) == "\n" else char)
            else:
                quotes = cursor.take(stop + 1) if mark == char else (yield from cursor.match(_QUOTE[char]))
                if quotes == mark:
                    certain = doubt is None and (len(mark) == 3 or not _QUOTE_IN_STRING)
                    if certain or (yield from self._ends_string()):
                        return Read.DONE if doubt is None else doubt.closed()
                    if doubt is not None:
                        return doubt.cut()
                say(quote(quotes or "")[1:-1])

    def _may_have_ended(self) -> Reading[bool]:
        """Return whether a marker or the next call is here, before which a string may have ended without its quote."""
        marker = yield from self._cursor.stands(self._within)
        if marker is not None and marker in self._openers.all:
            return (yield from self._call_begins(marker))
        if marker is not None or (yield from self._call_is_here()):
            return True
        return (yield from self._closers_are_here())

    @recovers("a string's quote missing before the closers of its call", off=False, contract="It had ended")
    def _closers_are_here(self) -> Reading[bool]:
        """Return whether closers are here, and then a marker, or a list's at the end of a line; consumes nothing."""
        closers = yield from self._cursor.look(_CALL_CLOSERS)
        if self._in_list and _LIST_CLOSERS.match(closers.group()):
            return True
        return closers.group() != "" and (yield from self._ahead(self._marker_after(closers.end(), self._within)))

    def _ends_string(self) -> Reading[bool]:
        """Return whether the text here can follow a string; consumes nothing."""
        found = yield from self._cursor.look(_FOLLOWERS[self._nested])
        return found.lastgroup is not None or (yield from self._ahead(self._follows_string()))

    def _follows_string(self) -> Reading[bool]:
        cursor, nested = self._cursor, self._nested
        yield from cursor.space(FOLLOWS_WITHIN)
        if (yield from self._at_end()):
            return True
        char = cursor.text[cursor.at]
        if char in ")]+%*\"'" or (char in "}:" and (nested or self._owed[0].closer == "}")):
            return True
        if char != "," and not nested and (yield from self._declared_is_here()):
            return True
        if char == ".":
            cursor.take(cursor.at + 1)
            method = yield from cursor.run(_IDENTIFIER, MAX_NAME)
            return bool(method) and (yield from cursor.peek()) == "("
        if (yield from self._call_is_here()):
            return True
        if char != ",":
            return (yield from _string_start(cursor)) is not None
        cursor.take(cursor.at + 1)
        yield from cursor.space(FOLLOWS_WITHIN)
        if (yield from self._at_end()) or cursor.text[cursor.at] in CLOSERS:
            return True
        if not nested and ((yield from _keyword(cursor)) is not None or (yield from cursor.peek()) == "*"):
            return True
        return _is_cut(cursor) or (yield from _value_is_here(cursor))

    @recovers("a comma missing before the name of an argument", off=False)
    def _declared_is_here(self) -> Reading[bool]:
        """Return whether the name of a declared argument that was not given is here; consumes nothing."""
        found = yield from _keyword(self._cursor)
        return found is not None and found["name"] not in self._given and self._parameters.declares(found["name"])


def _is_closable(top: Open) -> bool:
    """Return whether a container can end now: the last member of a dict has a value."""
    return not (top.keyed and top.key is not None)


def _number(word: str) -> str | None:
    """Return the number `word` as JSON, or None if it is not a number."""
    word = _GROUPED.sub("", word) if "_" in word else word
    if _DECIMAL.fullmatch(word):
        return read_number(word, whole=False, strict=False)
    if _BASED.fullmatch(word) and len(word) < _LONGEST_BASED:
        return str(int(word, 0))
    return None


def _keyword(cursor: Cursor) -> Reading[re.Match[str] | None]:
    """Find the name of an argument and its sign here. Returns None if they are not here; consumes nothing."""
    found = yield from cursor.look(_KEYWORD)
    if not found["sign"] and _QUOTED_NAME:
        found = yield from cursor.look(_QUOTED_KEYWORD)
    if not found["sign"]:
        return None
    name, end = found["name"], found.end("sign")
    if not name or len(name) > MAX_NAME or (found["sign"] == "=" and cursor.text[end : end + 1] in ("", "=")):
        return None
    return found


def _is_cut(cursor: Cursor) -> bool:
    """Return whether the reply ends here, in an argument's name."""
    return cursor.ended and _CUT_KEYWORD.fullmatch(cursor.text, cursor.at) is not None


def _value_is_here(cursor: Cursor) -> Reading[bool]:
    """Return whether a value is here, and not prose."""
    char = yield from cursor.peek()
    if not char or char in CLOSER or (yield from _string_start(cursor)) is not None:
        return bool(char)
    word = yield from cursor.run(_WORD)
    yield from cursor.space(FOLLOWS_WITHIN)
    char = yield from cursor.peek()
    return bool(word) and (not char or char in ",)]}:")


def _string_start(cursor: Cursor, pattern: re.Pattern[str] = _STRING) -> Reading[str | None]:
    """Read a string's prefix and opening quote, and what `pattern` allows before them.

    Returns the prefix and the quote; None if there is no quote, and then nothing is consumed.
    """
    found = yield from cursor.look(pattern, 3 * FOLLOWS_WITHIN)
    quotes = found["quotes"]
    if not quotes:
        return None
    two = len(quotes) == 2  # an empty string
    cursor.take(found.end() - two)
    return found["opening"][: -1 if two else None]


def _escape(cursor: Cursor, raw: bool) -> Reading[str]:
    """Read an escape. Returns its meaning as JSON text: itself if it is not an escape, "" if it is cut off."""
    found = yield from cursor.look(_RAW_ESCAPE if raw else _ESCAPE)
    text = cursor.take(found.end())
    kind, digits = text[1:2], text[2:]
    if raw or text in _ESCAPES:
        return quote(text)[1:-1] if raw else _ESCAPES[text]
    if cursor.at_end or kind == "\r":
        return ""
    code: int | None = None
    if kind in _HEX_DIGITS:
        code = int(digits, 16) if len(digits) == _HEX_DIGITS[kind] else None
    elif kind in "01234567":
        code = int(text[1:], 8)
    elif digits.endswith("}"):
        code = _named_character(digits[1:-1])
    if code is None or code > 0x10FFFF:
        return quote(text)[1:-1]
    return f"\\u{code:04x}" if 0xD800 <= code < 0xE000 else quote(chr(code))[1:-1]


def _named_character(name: str) -> int | None:
    try:
        return ord(unicodedata.lookup(name))
    except (KeyError, TypeError):
        return None
