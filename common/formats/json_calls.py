"""The shape of families that write a whole call as JSON: `{"name": ..., "arguments": {...}}`, alone or in arrays.

- The keys come in any order; arguments before the name are held until the name, and an id counts only before it.
  Further keys are passed over.
- A call is announced when its name and what follows it fit: the arguments' first piece, or the end.
- A body without a name is no call: it is text. So is one without arguments where another key may be one of them.
- Behind an opener `function` may hold the call, as OpenAI's API writes one, or name a tool that is declared.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..arguments import json_text
from ..arguments.json_object import FENCES, JsonObject, read_object
from ..arguments.name import is_name
from ..arguments.strays import read_strays, read_surplus
from ..cursor import Cursor, Mark, Markers, Overrun, Reading, union
from ..format import Span
from ..held import Held
from ..recovery import drift, recovering, recovers, rule
from ..reply import Call, Reply

_OBJECT = JsonObject()
_QUOTES = recovering("keys and names in single quotes", "\"'", off='"')
_SEPARATORS = (",", *drift("what separates calls", ";"))
_ARRAY_END = Markers("]")
_FUNCTION = "function"
_ABOUT_CALL = frozenset({"type", "id", "index"})
"""Keys that say nothing of the arguments; where these lack, any other may be one of them."""

_WORD_IN_TAG = rule("an opener that is a word, behind one that is a tag")
_DOUBLED_BRACKET = rule("an array's opening bracket doubled")
_SURPLUS_BRACKETS = rule("an array's closing bracket that nothing opened, or doubled")
_DOUBLED_BRACE = rule("a call's braces doubled")
_ENVELOPE = rule("a call inside `function`, as OpenAI's API writes it", contract="Without any marker")
_FUNCTION_AS_NAME = rule("`function` in place of `name`")
_FURTHER_KEYS = rule("keys that a call does not have", contract="Without any marker")
_WITHOUT_BRACE = rule("a call without its closing brace before a marker", contract="JSON text of an object")
_DOUBLED_COMMA = rule("a comma doubled between keys, or before the first", contract="JSON text of an object")
_TRAILING_SEPARATOR = rule("a separator behind the last call")


@dataclass(frozen=True)
class JsonCalls:
    """One family's markup of calls."""

    sample: str
    spans: tuple[Span, ...]
    words: frozenset[str] = frozenset()
    bare: str = ""
    """Where a call counts without any opener: "start" of the reply, start of a "line", or nowhere ("")."""
    bare_starts: str = "[{"
    keys: tuple[str, ...] = ("arguments", "parameters")
    """What the arguments are called."""
    openers: Markers = field(init=False, repr=False)
    closers: Markers = field(init=False, repr=False)
    markers: frozenset[str] = field(init=False, repr=False)
    _ends: Markers = field(init=False, repr=False)
    _words: Markers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "openers", Markers(span.open for span in self.spans))
        put(self, "closers", Markers(span.close for span in self.spans))
        put(self, "markers", self.openers.all | self.closers.all)
        put(self, "_ends", Markers(self.markers - self.words))
        put(self, "_words", Markers(self.words))

    def read(self, opener: str, mark: Mark, cursor: Cursor, reply: Reply, *, named: str = "") -> Reading[bool | None]:
        """Read the calls behind `opener`, as a format's `read` does. `named`: the first one's, where it names none."""
        yield from cursor.space()
        tagged = bool(opener) and opener not in self.words
        if tagged and _WORD_IN_TAG and (yield from cursor.match(self._words)):
            yield from cursor.space()
        fenced = bool(opener and (yield from cursor.match(FENCES)))
        if fenced:
            yield from cursor.space()
        while (yield from cursor.peek()) == "[":
            cursor.take(cursor.at + 1)
            yield from cursor.space()
            if not _DOUBLED_BRACKET:
                break
        close = next((span.close for span in self.spans if span.open == opener), "")
        calls_read = reply.calls_read
        fits = yield from self._call(mark, cursor, reply, strict=not opener, named=named)
        if not fits or reply.calls_read == calls_read:
            return fits
        further = True
        while further:
            while (yield from self._further_call(cursor, reply, strict=not opener, tagged=tagged)):
                pass
            while (yield from read_strays(cursor, _ARRAY_END, once=True)) and _SURPLUS_BRACKETS:
                pass
            further = close != "" and (yield from self._further_array(cursor, reply))
        if fenced:
            yield from read_strays(cursor, FENCES, once=True)
        if not (yield from read_strays(cursor, self.closers)):
            reply.owed_closer = close
        return True

    @recovers("another array in the same tag", off=False)
    def _further_array(self, cursor: Cursor, reply: Reply) -> Reading[bool]:
        """Read another array of the same tag, up to and with its first call; False, and nothing read, where none is."""
        mark = cursor.mark()
        try:
            yield from cursor.space()
            if (yield from cursor.peek()) == "[":
                cursor.take(cursor.at + 1)
                yield from cursor.space()
                if (yield from self._call(mark, cursor, reply)):
                    return True
        except Overrun:
            pass
        cursor.rewind(mark)
        return False

    def _further_call(self, cursor: Cursor, reply: Reply, *, strict: bool, tagged: bool) -> Reading[bool]:
        """Read another call of the same body; False, and nothing read, where none stands."""
        mark = cursor.mark()
        try:
            yield from cursor.space()
            separated = False
            while (char := (yield from cursor.peek())) in _SEPARATORS:
                separated = True
                cursor.take(cursor.at + 1)
                yield from cursor.space()
            if char == "{":
                fits = yield from self._call(mark, cursor, reply, strict=strict)
                if fits:
                    return True
                if fits is None and (tagged or (separated and not strict)):
                    cursor.take(len(cursor.text))  # the beginning of a call that was cut off
                    cursor.settle(mark)
                    return False
            ends = union(self._ends, self.openers, reply.turn_ends)
            if separated and _TRAILING_SEPARATOR and (not char or char == "]" or (yield from cursor.stands(ends))):
                cursor.settle(mark)
                return False
        except Overrun:
            pass
        cursor.rewind(mark)
        return False

    def _call(
        self, mark: Mark, cursor: Cursor, reply: Reply, *, strict: bool = False, named: str = ""
    ) -> Reading[bool | None]:
        """Read one call object, whose text `mark` holds until it fits.

        `strict`: it fits only with a declared name and arguments as its first two keys. `named`: what the call is of
        where it has arguments and no name.
        """
        if (yield from cursor.peek()) != "{":
            return None if cursor.at_end else False
        cursor.take(cursor.at + 1)
        doubled = _DOUBLED_BRACE and (yield from cursor.peek()) == "{"
        if doubled:
            cursor.take(cursor.at + 1)
        head = _Head(mark, cursor, reply)
        ends = union(self._ends, reply.stops)
        complete: bool | None = None  # None: no arguments yet
        foreign = False  # another key stands, which may be an argument
        enveloped = False
        while True:
            key = yield from _key(cursor)
            if key is None and enveloped and (yield from cursor.peek()) == "}":
                cursor.take(cursor.at + 1)
                enveloped = False
            elif key is None:
                break
            elif key == _FUNCTION and not (head.name or strict) and _ENVELOPE and (yield from cursor.peek()) == "{":
                cursor.take(cursor.at + 1)
                enveloped = True
            elif (
                key == _FUNCTION
                and not (head.name or strict)
                and _FUNCTION_AS_NAME
                and (yield from cursor.peek()) in _QUOTES
            ):
                name = yield from _name(cursor)
                head.name = name if reply.tools.may_declare(name) else ""
                foreign = foreign or not head.name
            elif key == "name" and not head.name:
                head.name = yield from _name(cursor)
                if not head.name or (strict and not reply.tools.may_declare(head.name)):
                    break
            elif key in self.keys and complete is None:
                if not head.announced:
                    fits = yield from self._arguments_fit(cursor)
                    if fits is None or not (fits or head.name) or (strict and not head.name):
                        return fits if fits is None else False
                    if strict and not fits:
                        return False
                    head.announce_or_hold()
                complete = yield from read_object(cursor, head.arguments, ends)
            elif key == "id" and not (head.name or strict) and (yield from cursor.peek()) in _QUOTES:
                head.id = (yield from _name(cursor)) or None
            else:
                if (strict and not head.announced) or not _FURTHER_KEYS:
                    return False
                foreign = foreign or key not in _ABOUT_CALL
                if not (yield from json_text.value(cursor, json_text.drop, ends)):
                    break
        char = yield from cursor.peek()
        closed = char == "}" or bool(_WITHOUT_BRACE and char and (yield from cursor.stands(ends)))
        if char == "}":
            cursor.take(cursor.at + 1)
            if doubled and (yield from cursor.peek()) == "}":
                cursor.take(cursor.at + 1)
        if complete is None and foreign:
            return False if char else None
        if closed and complete is not None:  # where the reply is cut, another name may have been due
            head.name = head.name or named
        if head.name and (closed or complete is not None) and (head.announced or not strict):
            head.announce()
        if head.call is None:
            if head.holds:
                head.release(lost=not char)
                reply.owed_closer = ""  # what follows is no construct's
                return True
            return False if char else None
        if complete is None and closed:
            head.arguments("{}")
        head.call.end(closed if complete is None else complete)
        yield from read_surplus(cursor)
        return True

    def _arguments_fit(self, cursor: Cursor) -> Reading[bool | None]:
        mark = cursor.mark()
        fits = yield from _OBJECT.fits(cursor, self._ends)
        cursor.rewind(mark)
        return fits


class _Head:
    """A call that is announced once its name is known; until then its arguments, and all of its text, are held."""

    __slots__ = ("_copies", "_cursor", "_early", "_mark", "_raw", "_reply", "call", "id", "name")

    def __init__(self, mark: Mark, cursor: Cursor, reply: Reply) -> None:
        self.name = ""
        self.id: str | None = None
        self.call: Call | None = None
        self._mark: Mark | None = mark  # None: settled
        self._cursor = cursor
        self._reply = reply
        self._early = Held()
        self._raw = Held()
        self._copies = False

    @property
    def announced(self) -> bool:
        return self.call is not None

    @property
    def holds(self) -> bool:
        return self.call is None and self._mark is None

    def arguments(self, text: str) -> None:
        if self.call is None:
            self._early.append(text)
        else:
            self.call.arguments(text)

    def announce_or_hold(self) -> None:
        if self.name:
            self.announce()
        elif self._mark is not None:
            if not self._cursor.copies:  # else the text goes out as it is anyway
                self._copies = True
                self._cursor.copy_to(self._raw.append)
            self._cursor.settle(self._mark)
            self._mark = None

    def announce(self) -> None:
        if self.call is not None:
            return
        if self._mark is not None:
            self._cursor.settle(self._mark)
            self._mark = None
        self._stop_copying()
        self.call = self._reply.call(self.name, self.id)
        self.call.arguments(self._early.take())

    def release(self, *, lost: bool) -> None:
        """No name came: what was held is text, or a cut call's beginning where the reply ended in it."""
        raw = self._raw.take()
        self._stop_copying()
        if not lost:
            self._reply.content(raw)

    def _stop_copying(self) -> None:
        if self._copies:
            self._copies = False
            self._cursor.copy_to(None)
            self._raw = Held()


def _key(cursor: Cursor) -> Reading[str | None]:
    """Read the next key of an object and its colon; None where none stands."""
    yield from cursor.space()
    char = yield from cursor.peek()
    while char == ",":
        cursor.take(cursor.at + 1)
        yield from cursor.space()
        char = yield from cursor.peek()
        if not _DOUBLED_COMMA:
            break
    key = yield from _string(cursor)
    if key is None:
        return None
    yield from cursor.space()
    if (yield from cursor.peek()) != ":":
        return None
    cursor.take(cursor.at + 1)
    yield from cursor.space()
    return key


def _name(cursor: Cursor) -> Reading[str]:
    """Read a call's name or id; "" where none stands."""
    name = ((yield from _string(cursor)) or "").strip()
    return name if is_name(name) else ""


def _string(cursor: Cursor) -> Reading[str | None]:
    """Read a string and what it stands for; None where none stands or the reply ends in it."""
    char = yield from cursor.peek()
    if not char or char not in _QUOTES:
        return None
    pieces: list[str] = []
    closed = yield from json_text.string(cursor, pieces.append)
    return json_text.decoded("".join(pieces)) if closed else None
