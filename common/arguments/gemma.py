"""Arguments of Gemma: bare keys, strings between delimiters, numbers and words, nested `{}` and `[]`.

- The delimiters type a value, else the markup's literals do; a bare word is text, typed by the schema.
- A delimiter in a string closes it only if what follows can follow a closed string: a comma and the next key, a closing
  bracket, the end. A call opener that fits starts a quoted call, which is data up to its end.
- A string without its closing delimiter ends before the next key or element, or before all owed brackets and the call's
  end, if another call or the end follows these. At any other candidate the text is held: it is text if the delimiter
  comes.
- Drift: a missing opening delimiter, a doubled closing one; a missing or doubled comma; `=` for `:`; quoted strings
  and keys; `(...)` and `({...})` around the arguments, unlike brackets, or none.
- A container that cannot be read, or is nested deeper than 256, is its text. Text between the arguments that cannot be
  read is passed on as it is, and the call is not complete.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from json.encoder import encode_basestring as quote
from typing import ClassVar

from ..cursor import SPACE, Cursor, Markers, Reading, Sink, within
from ..proposed import Proposed
from ..recovery import drift, recovering, recovers, rule
from ..schema import MAX_DEPTH, Parameters, Tools, read, read_number
from . import json_text
from .compact import Compact, Open, read_word
from .literals import CLOSER, CLOSERS, FOLLOWS_WITHIN, KEYS, VALUES, Doubt, Due, Read
from .name import MAX_NAME, read_name
from .strays import read_rest

_CALL = Markers(("call:", *drift("`call` missing before the name", ":")))
_KEY_SIGNS = (":", *drift("the sign after a key", "="))
_SIGNS = "".join(_KEY_SIGNS)
_QUOTED_KEY = {mark: re.compile(f"[^{mark}<]*") for mark in "\"'"}
_TO_DELIMITER = re.compile(r"[^<]*")
_BARE_KEY = re.compile(r"""[^,:={}\[\]()<>"\t\r\n\f\v]*""")
_KEY = re.compile(
    rf"""[{SPACE}]*(?P<key>(?!['{SPACE}])[^,:={{}}\[\]()<>"\t\r\n\f\v]{{1,256}})?[{SPACE}]*(?P<separator>[{_SIGNS}])?=?"""
)
_NEXT_KEY = re.compile(rf"[{SPACE}]*(?:,[{SPACE}]*(?:(?P<key>[\w.\-@$]+)(?P<sign>:)?)?)?")
_NEXT_AT_HAND = 8
"""The usual least size of a value and the next member: with less text at hand it is not known what follows."""
_WORD = re.compile(r"[\w.+\-]*")
_BARE = re.compile(r"[^,<{}\[\]()]*")
_NO_KEY = re.compile(r"""(?!')[^,:={}\[\]()<>"\t\r\n\f\v]{0,255}[,{}\[\]()>]""")
_NO_ELEMENT = re.compile(f"[^<{SPACE}]")
_NO_END = re.compile(rf"[^<}}\]){SPACE}]")
_CLOSERS_RUN = re.compile(rf"[}}\]){SPACE}]*")
_ESCAPE = re.compile(r"""\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}|')|[\\"\x00-\x1f]""")
_QUOTES = recovering("quoted strings and keys", "\"'", off="")
_OPENER = {"}": "{", "]": "[", ")": "("}
_LITERALS = {
    "true": "true",
    "false": "false",
    "null": "null",
    **dict.fromkeys(drift("words for null", "none", "nil"), "null"),
}
_ARGUMENTS_END = ("}", ")")
_UNLIKE_END = re.compile(rf"(?:(?P<bracket>[}})])[{SPACE}]{{0,{FOLLOWS_WITHIN}}})?")
_STRING = frozenset({"string"})

_BRACKETS = ("{", *drift("a bracket around the arguments", "("))

_BEFORE_MARKER = rule("a string's closing delimiter missing before a marker", contract="Candidates")
_BARE_TEXT = rule("a string without its opening delimiter")
_BRACE_INSIDE = rule("a brace in the bracket around the arguments")
_CALL_DOUBLED = rule("`call:` doubled, or missing")
_CONTAINER_AS_TEXT = rule("a container that cannot be read")
_DOUBLED_COMMA = rule("commas doubled", contract="Doubled commas")
_INNER_CLOSERS = rule("closing brackets missing in others", contract="Missing brackets")
_KEY_AT_NAME = rule("the first key stuck to the name")
_KEY_IN_DELIMITERS = rule("a key in delimiters")
_MISSING_COMMA = rule("a comma missing")
_MISSING_VALUE = rule("a key without a value")
_QUOTE_MISSING = rule("a string's quote missing before the end of the call", contract="It had ended")
_WITHOUT_ARGUMENTS = rule("a call without brackets", contract="No arguments")
_WITHOUT_BRACKET = rule("arguments without brackets")


@dataclass(frozen=True, eq=False)
class Marks:
    """The markers of one version of the markup. Each begins with `<`."""

    openers: tuple[str, ...]
    end: str
    delimiter: str
    """The marker on each side of a string."""
    behind: tuple[str, ...] = ()
    """What may follow a call, besides another call."""
    opens: Markers = field(init=False, repr=False)
    ends: Markers = field(init=False, repr=False)
    delimits: Markers = field(init=False, repr=False)
    after_call: Markers = field(init=False, repr=False)
    in_quoted: Mapping[str, Markers] = field(init=False, repr=False)
    next_member: re.Pattern[str] = field(init=False, repr=False)
    next_element: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        text = _begun(self.delimiter)
        closer = rf"[{SPACE}]{{0,{FOLLOWS_WITHIN}}}(?:(?=(?P<closer>[}}\])]))"
        value = rf"(?:{text}|[\w.+\-]+(?P<word>[,}}])?)?"
        put = object.__setattr__
        put(self, "opens", Markers(self.openers))
        put(self, "ends", Markers((self.end,)))
        put(self, "delimits", Markers((self.delimiter,)))
        put(self, "after_call", Markers((*self.openers, *self.behind)))
        put(self, "in_quoted", {mark: Markers((mark, "\\", self.delimiter)) for mark in "\"'"})
        put(
            self,
            "next_member",
            re.compile(rf"{closer}|,[{SPACE}]*(?:[\w.\-@$]+(?:[{_SIGNS}][{SPACE}]*{value})?)?)?"),
        )
        put(self, "next_element", re.compile(rf"{closer}|,[{SPACE}]*(?:{text})?)?"))

    @property
    def all(self) -> frozenset[str]:
        return frozenset((*self.openers, self.end, self.delimiter))


def _begun(delimiter: str) -> str:
    """Return a pattern for the beginning of a delimiter; its group `text` matches if the delimiter is complete."""
    pattern = f"(?P<text>{re.escape(delimiter[-1])})"
    for char in reversed(delimiter[:-1]):
        pattern = f"{re.escape(char)}(?:{pattern})?"
    return pattern


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a call: its name, and the bracket that closes its arguments; "": it has none."""

    name: str
    closer: str
    marks: Marks


def read_head(cursor: Cursor, marks: Marks, ends: Markers, tools: Tools | None) -> Reading[Head | bool | None]:
    """Read a call's head, up to its first key. Returns False if it does not fit, None if the reply ends inside it."""
    yield from cursor.space()
    called = False
    while (_CALL_DOUBLED or not called) and (yield from cursor.match(_CALL)) is not None:
        called = True
    if not called and (cursor.at_end or cursor.cut_of(_CALL)):
        return None
    name = yield from read_name(cursor)
    char = yield from cursor.peek()
    end = (yield from cursor.stands(ends)) if _WITHOUT_ARGUMENTS and called and name else None
    # Before another call, the name was perhaps cut off.
    if end is not None and (end not in marks.opens.all or tools is None or tools.may_declare(name)):
        return Head(name, "", marks)
    bracket = char in _BRACKETS
    closer = "}"
    if bracket:
        cursor.take(cursor.at + 1)
        yield from cursor.space()
        if _BRACE_INSIDE and (yield from cursor.peek()) == "{":
            cursor.take(cursor.at + 1)
        elif char == "(":
            closer = ")"
    elif _KEY_AT_NAME and tools is not None and name[-1:] in (":", "="):
        # The first key is stuck to the name.
        declared = tools.longest_prefix_of(name) or name
        cursor.at -= len(name) - len(declared)
        name = declared
    if not name or not (bracket or (called and _WITHOUT_BRACKET)):
        return None if called and not name and not char else False
    fits = yield from _first_key_fits(cursor, marks, closer, ends, bracket=bracket)
    return Head(name, closer, marks) if fits else fits


def _first_key_fits(cursor: Cursor, marks: Marks, closer: str, ends: Markers, *, bracket: bool) -> Reading[bool | None]:
    """Return whether the first key or the end of the arguments is here; None if the reply ends before that."""
    mark = cursor.mark()
    yield from cursor.space()
    fits: bool | None
    if bracket and ((yield from cursor.peek()) == closer or (yield from cursor.stands(ends))):
        fits = True
    else:
        fits = (yield from _read_key(cursor, marks)) is not None
        if fits and not bracket:
            yield from cursor.space()
            fits = (yield from cursor.stands(marks.delimits)) is not None
        if not fits and (cursor.at_end or cursor.cut_of(marks.delimits) or cursor.cut_of(ends)):
            fits = None
    cursor.rewind(mark)
    return fits


def _key(cursor: Cursor, marks: Marks) -> Reading[str | None]:
    """Read a key and the sign after it. Returns None and consumes nothing if there is none."""
    found = yield from cursor.look(_KEY)
    end = found.end("separator")
    if (
        found["separator"]
        and found["key"]
        and (found["separator"] == ":" or cursor.text[end : end + 1] not in ("", "="))
    ):
        cursor.take(end)
        return found["key"].rstrip(" ")
    mark = cursor.mark()
    key = yield from within(_read_key(cursor, marks), None)
    if key is None and not cursor.at_end:
        cursor.rewind(mark)
    else:
        cursor.settle(mark)  # at the end of the reply: cut off
    return key


def _read_key(cursor: Cursor, marks: Marks) -> Reading[str | None]:
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
    elif _KEY_IN_DELIMITERS and (yield from cursor.match(marks.delimits)):
        key = yield from cursor.run(_TO_DELIMITER, MAX_NAME)
        if (yield from cursor.match(marks.delimits)) is None:
            return None
    else:
        key = (yield from cursor.run(_BARE_KEY, MAX_NAME)).rstrip(" ") or None
    yield from cursor.space()
    separator = yield from cursor.peek()
    if key is None or separator not in _KEY_SIGNS:
        return None
    cursor.take(cursor.at + 1)
    return None if separator == "=" and (yield from cursor.peek()) in ("", "=") else key


def read_arguments(
    cursor: Cursor, head: Head, call: Proposed, parameters: Parameters, ends: Markers, ends_strings: Markers
) -> Reading[bool]:
    """Read arguments after their opening bracket, including the closing one. Returns whether they are complete.

    `ends_strings`: the markers, besides the format's own, that may end an unclosed string.
    """
    arguments = _Arguments(cursor, call, parameters, ends, head.closer)
    arguments.marks = head.marks
    arguments.ends_strings = ends_strings
    return cursor.directly(arguments.whole())


@cache
def _in_string(marks: Marks, ends_strings: Markers, closers: frozenset[str]) -> Markers:
    """Return the markers that may end a string in these brackets."""
    return Markers((*ends_strings.all, *marks.all, ",", *closers))


@cache
def _in_quoted(marks: Marks, quote: str, ends: frozenset[str]) -> Markers:
    """Return the markers to look for in a quoted string that may end at `ends`."""
    return Markers((*marks.in_quoted[quote].all, *ends))


class _Arguments(Compact):
    """The arguments of one call."""

    __slots__ = ("ends_strings", "marks")

    ends_strings: Markers
    marks: Marks

    structure = "{}[]),-0123456789tfn"
    max_depth: ClassVar[int] = MAX_DEPTH

    # --- brackets and commas

    def _structure(self, char: str) -> Read | None:
        top = self._owed[-1]
        if char in CLOSERS:
            owed = self._is_owed(char) if _INNER_CLOSERS else char == top.closer
            return self._read_closer(char) if owed else None
        if char == ",":
            return self._read_comma(top)
        if char not in CLOSER:
            too_short = top.keyed and len(self._cursor.text) - self._cursor.at < _NEXT_AT_HAND
            return None if too_short else self._whole_word()
        if _MISSING_COMMA and self._due is Due.MORE and not top.keyed:
            self._due = Due.FIRST_VALUE
        return self._open(char, keyed=char == "{") if self._due in VALUES else None

    def _read_comma(self, top: Open) -> Read:
        if self._due is Due.VALUE and _MISSING_VALUE:
            self._emit('""')
        elif self._due is not Due.MORE and not (_DOUBLED_COMMA and self._due is not Due.VALUE):
            return Read.OTHER
        self._due = Due.KEY if top.keyed else Due.FIRST_VALUE
        self._gap.append(self._cursor.take(self._cursor.at + 1))
        return Read.DONE

    def _read_closer(self, char: str) -> Read:
        if self._due is Due.VALUE:
            if not _MISSING_VALUE:
                return Read.OTHER
            self._emit('""')
        self._cursor.take(self._cursor.at + 1)
        self._close(char)
        return Read.DONE

    def _brackets(self, top: Open) -> tuple[str, str]:
        return _OPENER[top.closer], top.closer

    # --- keys and scalars

    def _item(self, char: str) -> Reading[Read]:
        if char in _ARGUMENTS_END and self._due is not Due.VALUE and (yield from self._unlike_end()):
            self._cursor.take(self._cursor.at + 1)
            self._close_all()
            return Read.DONE
        if self._due is Due.MORE:
            if not _MISSING_COMMA:
                return Read.OTHER
            self._due = Due.KEY if self._owed[-1].keyed else Due.FIRST_VALUE
        if self._due not in KEYS:
            return (yield from self._read_scalar(char))
        key = yield from _key(self._cursor, self.marks)
        if key is not None:
            self._argument(key)
            return Read.DONE
        return Read.CUT if self._cursor.at_end else Read.OTHER

    def _instead(self) -> Reading[Read]:
        """Read the rest of a container that cannot be read, as text. Outside a container, the arguments end."""
        if self._source is None or not _CONTAINER_AS_TEXT:
            self._emit("".join(self._gap))
            yield from read_rest(self._cursor, self._sink, self._ends)
            return Read.CUT
        brackets = Counter(each.closer for each in self._owed[1:])
        return (yield from self._bare_text(self._take_source(), brackets))

    def _read_scalar(self, char: str) -> Reading[Read]:
        self._member()
        if char == "<" and (yield from self._cursor.match(self.marks.delimits)):
            read = yield from self._string()
        elif char in _QUOTES:
            read = yield from self._quoted()
        else:
            return (yield from self._bare())
        return self._scalar(finished=True) if read is Read.DONE else read

    def _text(self, text: str) -> None:
        self._emit(quote(text)[1:-1])

    def _string(self) -> Reading[Read]:
        """Read a string after its delimiter."""
        self._emit('"')
        cursor, say, marks = self._cursor, self._text, self.marks
        doubt: Doubt | None = None
        whole = False  # whether the arguments end too at the place where it may have ended
        quoted = delimiters = 0  # the number of calls and delimiters in it that are text
        markers = _in_string(marks, self.ends_strings, frozenset(each.closer for each in self._owed))
        while (marker := (yield from cursor.until(markers, say, read=False))) is not None:
            if self._is_data(marker):
                say(cursor.take(cursor.at + len(marker)))
                continue
            read = Read.OTHER
            if marker == marks.delimiter:
                cursor.take(cursor.at + len(marker))
                if not quoted:
                    read = yield from self._at_delimiter(paired=delimiters % 2 == 0)
                delimiters += 1
            elif marker in marks.openers and (yield from self._ahead(self._call_fits())):
                quoted += 1
                read = Read.CUT
            elif not quoted:
                read = yield from self._at(marker)
            if read is Read.DONE:
                if doubt is not None:
                    doubt.closed()
                self._emit('"')
                return read
            if read is Read.CUT and doubt is None and _BEFORE_MARKER:
                whole = marker == marks.end or marker in CLOSERS
                if cursor.offset < cursor.twice:  # the text was read again: it did end here
                    break
                doubt = Doubt(cursor, self._text)
                say = doubt.say
            if marker != marks.delimiter:
                quoted -= bool(quoted) and marker == marks.end
                cursor.take(cursor.at + len(marker))
            say(marker)
        if doubt is not None:
            doubt.cut()
        if whole:
            self._emit('"')
        return Read.DONE if whole else Read.CUT

    def _at_delimiter(self, *, paired: bool) -> Reading[Read]:
        """Return whether a string ends at a delimiter, which has been read. `paired`: those in the string pair up."""
        ends = (yield from self._member_follows()) or (yield from self._ahead(self._string_end()))
        if not ends and paired:
            ends = yield from self._cursor.maybe(self._read_doubled(), False)
            ends = ends or (not self._owed[-1].keyed and (yield from self._ahead(self._next_element())))
        return Read.DONE if ends else Read.OTHER

    def _at(self, marker: str) -> Reading[Read]:
        """Return DONE if a string ends without its delimiter before a marker, CUT if it may, OTHER if not."""
        if marker == ",":
            return Read.DONE if (yield from self._ahead(self._next_member())) else Read.OTHER
        if marker in self.marks.openers:
            return Read.CUT if (yield from self._call_begins(marker)) else Read.OTHER
        if marker not in CLOSERS:
            return Read.CUT
        if (yield from self._ahead(self._end_of_call())):
            return Read.DONE
        return Read.CUT if (yield from self._ahead(self._brackets_end())) else Read.OTHER

    def _is_data(self, marker: str) -> bool:
        """Return whether the text at hand already shows that `marker` does not close the string."""
        if marker == ",":
            follower = _NO_KEY if self._owed[-1].keyed else _NO_ELEMENT
        elif marker in CLOSERS:
            follower = _NO_END
        else:
            return False
        return follower.match(self._cursor.text, self._cursor.at + 1) is not None

    def _quoted(self) -> Reading[Read]:
        """Read a quoted string. It is held, because only its closer shows what its quotes are."""
        cursor = self._cursor
        mark = cursor.take(cursor.at + 1)
        pieces: list[str] = []
        say: Sink = pieces.append
        doubt: Doubt | None = None
        whole = True  # whether the arguments end too at the place where it may have ended
        inner = False  # whether it contains another such quote
        ends = frozenset((self.marks.end, *self.ends_strings.all, *(each.closer for each in self._owed)))
        markers = _in_quoted(self.marks, mark, ends)
        while (marker := (yield from cursor.until(markers, say, read=False))) is not None:
            if marker in ends:
                if doubt is None and _QUOTE_MISSING and (yield from self._may_end_call(marker)):
                    whole = marker in CLOSERS
                    if cursor.offset < cursor.twice:  # the text was read again: it did end here
                        break
                    doubt = Doubt(cursor, pieces.append)
                    say = doubt.say
                say(cursor.take(cursor.at + len(marker)))
                continue
            cursor.take(cursor.at + len(marker))
            if marker == mark and (yield from self._ahead(self._dangling_delimiter())):
                yield from cursor.match(self.marks.delimits)
                break
            closes = marker == mark or (marker != "\\" and doubt is None)
            if closes and (yield from self._ahead(self._string_end())):
                break
            say(marker)
            if marker == "\\" and (yield from cursor.peek()):
                say(cursor.take(cursor.at + 1))
            inner = inner or marker == mark
        if marker is None and doubt is None:
            return Read.CUT
        if doubt is not None:
            (doubt.cut if marker is None else doubt.closed)()
        text = "".join(pieces)
        if not whole and (marker is None or marker in ends):
            self._emit(f'"{_unquoted(text)}')
            return Read.CUT
        # If a delimiter closes it, its quotes are data, and its opening delimiter is missing.
        self._emit(quote(mark + text) if inner and marker == self.marks.delimiter else f'"{_unquoted(text)}"')
        return Read.DONE

    def _may_end_call(self, marker: str) -> Reading[bool]:
        """Return whether the call may end here in a quoted string: at a marker, or at all owed brackets and its end."""
        if marker not in CLOSERS:
            return True
        return not self._is_data(marker) and (yield from self._ahead(self._brackets_end()))

    def _bare(self) -> Reading[Read]:
        """Read a number, a literal, a bare word, or text without its opening delimiter."""
        cursor = self._cursor
        word, space = yield from read_word(cursor)
        ended = yield from self._at_end()
        value = self._written(word)
        comma = value is not None and not ended and cursor.text[cursor.at] == ","
        ends = ended or (comma and self._owed[-1].keyed and (yield from self._member_follows()))
        ends = ends or (yield from self._separated()) or (comma and not (yield from self._ahead(self._closed())))
        if not ends and not _BARE_TEXT:
            return Read.OTHER
        if not ends:
            return (yield from self._bare_text(word + space, Counter()))
        if cursor.at_end and word.lower() not in _LITERALS:
            return Read.CUT
        if value is None:
            value = read(word, _STRING if self._nested else self._parameters.types(self._key))
        self._emit(value)
        return self._scalar(finished=not ended or word.lower() in _LITERALS)

    def _bare_text(self, text: str, brackets: Counter[str]) -> Reading[Read]:
        """Read the rest of text without an opening delimiter. `brackets`: the closers of the brackets open in it."""
        cursor = self._cursor
        self._emit('"')
        while True:
            body = text.rstrip(SPACE)
            self._text(body)
            text = text[len(body) :]  # part of the value only if more of it follows
            found = _BARE.match(cursor.text, cursor.at)
            assert found is not None  # a starred class matches everywhere
            text += cursor.take(found.end())
            if text.strip(SPACE):
                continue
            char = yield from cursor.peek()
            if char and _BARE.fullmatch(char):
                continue
            if (yield from cursor.match(self.marks.delimits)):
                keyed = self._owed[-1].keyed
                if (yield from self._ahead(self._string_end() if keyed else self._element_end())):
                    self._text(text)
                    break
                text += self.marks.delimiter
                continue
            if (yield from self._at_end()):
                if cursor.at_end:
                    return Read.CUT
                self._emit('"')
                return self._scalar(finished=False)
            if char in CLOSER:
                brackets[CLOSER[char]] += 1
            elif brackets[char]:
                brackets[char] -= 1
            elif (yield from self._separated()):
                break
            text += cursor.take(cursor.at + 1)
        self._emit('"')
        return self._scalar(finished=True)

    # --- looking ahead

    def _written(self, word: str) -> str | None:
        return _LITERALS.get(word.lower()) or read_number(word, whole=False, strict=True)

    def _separates(self, at: int) -> bool:
        text = self._cursor.text
        if text[at] != ",":
            return self._is_owed(text[at])
        if not self._owed[-1].keyed:
            return True
        found = self.marks.next_member.match(text, at)
        return found is not None and (found["text"] or found["word"]) is not None

    def _separated(self) -> Reading[bool]:
        """Return whether a bare value ends here."""
        char = yield from self._cursor.peek()
        if char == "," and self._owed[-1].keyed:
            return (yield from self._ahead(self._string_end()))
        return char == "," or self._is_owed(char) or (yield from self._unlike_end())

    @recovers("the arguments' closing bracket of another kind", off=False)
    def _unlike_end(self) -> Reading[bool]:
        """Return whether the arguments end here, before a marker, with a bracket unlike the opening one."""
        found = yield from self._cursor.look(_UNLIKE_END)
        bracket = found["bracket"]
        if not bracket or self._is_owed(bracket):
            return False
        return (yield from self._ahead(self._marker_after(found.end(), self._ends)))

    def _string_end(self) -> Reading[bool]:
        """Return whether the text here can follow a closed string."""
        cursor = self._cursor
        yield from cursor.space(FOLLOWS_WITHIN)
        if (yield from self._at_end()):
            return True
        comma = False
        while (yield from cursor.peek()) == ",":
            comma = True
            cursor.take(cursor.at + 1)
            yield from cursor.space(FOLLOWS_WITHIN)
        if (yield from self._at_end()) or self._is_owed(cursor.text[cursor.at]) or (yield from self._unlike_end()):
            return True
        if not self._owed[-1].keyed:
            return comma and (yield from self._value())
        key = yield from _read_key(cursor, self.marks)
        if key is None:
            return comma and cursor.at_end  # cut off
        if not self._nested and self._parameters.declares(key) and (comma or key not in self._given):
            return True
        yield from cursor.space(FOLLOWS_WITHIN)
        if " " in key:  # perhaps prose
            return (yield from cursor.peek()) in CLOSER or (yield from cursor.stands(self.marks.delimits)) is not None
        return (yield from self._value())

    def _member_follows(self) -> Reading[bool]:
        """Return whether a comma, the next key or element and its value follow here in the usual form.

        The value of a declared argument is not waited for.
        """
        if not self._nested:
            ahead = yield from self._cursor.look(_NEXT_KEY)
            if ahead["sign"] and self._parameters.declares(ahead["key"]):
                return True
        marks = self.marks
        found = yield from self._cursor.look(marks.next_member if self._owed[-1].keyed else marks.next_element)
        return self._is_owed(found["closer"]) if found["closer"] else any(found.groups())

    @recovers("an element of an array without its opening delimiter", off=False)
    def _element_end(self) -> Reading[bool]:
        """Return whether the text here can follow an element without its opening delimiter."""
        yield from self._cursor.space(FOLLOWS_WITHIN)
        return (yield from self._at_end()) or (yield from self._separated())

    def _value(self) -> Reading[bool]:
        """Return whether a value is here, and not prose."""
        cursor = self._cursor
        char = yield from cursor.peek()
        if not char or char in CLOSER or char in _QUOTES or char == "," or self._is_owed(char):
            return True
        if (yield from cursor.stands(self.marks.delimits)):
            return True
        word = yield from cursor.run(_WORD)
        yield from cursor.space(FOLLOWS_WITHIN)
        if not word:
            return False
        if (yield from self._at_end()):
            return True
        char = yield from cursor.peek()
        return char == "," or self._is_owed(char)

    @recovers("a string's closing delimiter missing before the next argument", off=False, contract="The next parameter")
    def _next_member(self) -> Reading[bool]:
        """Return whether a comma in a string is followed by the next argument, member or element with a delimiter."""
        self._cursor.take(self._cursor.at + 1)
        if self._owed[-1].keyed:
            key = yield from _read_key(self._cursor, self.marks)
            known = self._nested or (key not in self._given and key is not None and self._parameters.declares(key))
            if key is None or " " in key or not known:
                return False
        yield from self._cursor.space(FOLLOWS_WITHIN)
        if (yield from self._cursor.match(self.marks.delimits)) is None:
            return False
        return not self._nested or not (yield from self._string_end())

    @recovers("a string's delimiters missing around a comma", off=False)
    def _next_element(self) -> Reading[bool]:
        """Return whether a comma and the next element follow, without its opening delimiter."""
        yield from self._cursor.space(FOLLOWS_WITHIN)
        return (yield from self._cursor.peek()) == "," and (yield from self._closed())

    @recovers("a string's closing delimiter missing before the end of the call", off=False, contract="It had ended")
    def _end_of_call(self) -> Reading[bool]:
        """Return whether a string has all owed brackets and the call's end here, and then a call or the reply's end."""
        if not (yield from self._brackets_end()):
            return False
        yield from self._cursor.space(FOLLOWS_WITHIN)
        return (
            not (yield from self._cursor.peek()) or (yield from self._cursor.stands(self.marks.after_call)) is not None
        )

    def _brackets_end(self) -> Reading[bool]:
        """Return whether all owed brackets and the call's end are here in a string."""
        cursor = self._cursor
        owed = "".join(each.closer for each in reversed(self._owed))
        closers = yield from cursor.run(_CLOSERS_RUN, FOLLOWS_WITHIN)
        return "".join(closers.split()) == owed and (yield from cursor.match(self.marks.ends)) is not None

    @recovers("a number or word that begins a string without its opening delimiter", off=False)
    def _closed(self) -> Reading[bool]:
        """Return whether a delimiter ahead closes a string without its opening delimiter."""
        yield from self._cursor.run(_TO_DELIMITER)
        return (yield from self._dangling_delimiter())

    def _dangling_delimiter(self) -> Reading[bool]:
        """Return whether a delimiter that closes a string is here."""
        return (yield from self._cursor.match(self.marks.delimits)) is not None and (yield from self._string_end())

    @recovers("a string's closing delimiter doubled", off=False)
    def _read_doubled(self) -> Reading[bool]:
        """Read further delimiters after a closing one. Returns whether there are any and the string ends there."""
        found = False
        while (yield from self._cursor.match(self.marks.delimits)) is not None:
            found = True
        return found and (yield from self._ahead(self._string_end()))

    def _call_fits(self) -> Reading[bool]:
        """Return whether an opener and a call that fits are here."""
        yield from self._cursor.match(self.marks.opens)
        return isinstance((yield from read_head(self._cursor, self.marks, self.marks.ends, None)), Head)


def _unquoted(text: str) -> str:
    """Return a text between quotes as the inside of a JSON string: its escapes stay, everything else is escaped."""
    return _ESCAPE.sub(lambda found: _escaped(found.group()), text)


def _escaped(text: str) -> str:
    if text == "\\'":
        return "'"
    return text if len(text) > 1 else quote(text)[1:-1]
