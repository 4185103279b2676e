"""The shape of families that write a whole call as JSON: `{"name": ..., "arguments": {...}}`, alone or in arrays.

- The keys come in any order; arguments before the name are held until the name, and an id counts only before it.
  Further keys are passed over.
- A call is announced when its name and what follows it fit: the arguments' first piece, or the end.
- A body without a name is no call: it is text. So is one without arguments where another key may be one of them.
- Where a family writes no `name`, the first key that holds an object is it: `{"get_weather": {...}}`.
- Behind an opener `function` may hold the call, as OpenAI's API writes one, or name a tool that is declared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from operator import itemgetter

from ..arguments import json_text
from ..arguments.json_object import FENCES, JsonObject, read_object
from ..arguments.json_text import Inside, inside
from ..arguments.literals import Read
from ..arguments.name import is_name
from ..arguments.strays import read_foreign, read_strays, read_surplus
from ..cursor import Cursor, Mark, Markers, Reading, union, within
from ..format import PLAIN_TAG, Span
from ..held import Held
from ..proposed import attempt
from ..recovery import drift, recovering, recovers, rule
from ..reply import Call, Reply

_OBJECT = JsonObject()
_QUOTES = recovering("keys and names in single quotes", "\"'", off='"', contract="Python's JSON")
_SEPARATORS = (",", *drift("what separates calls", ";"))
_ARRAY_END = Markers("]")
_FUNCTION = "function"
_JSON_GOES_ON = ':,"'
_NO_OBJECT = re.compile(r"[^{<\[]*")
_START = re.compile(r'(?:\{|"(?P<key>\w)?)?')
_BROKEN_START = re.compile(rf"\w?{_START.pattern}")
_MOST_TRIED = 8
"""Objects in an array that are tried as calls, where the first is none."""
_DEBRIS = re.compile(r"[^{}\[\]<]*")
_MAX_DEBRIS = recovering("text between the calls of an array, or after a call's arguments", 64, off=0)
_ABOUT_CALL = frozenset({"type", "index"})
"""Keys that, like an id, say nothing of the arguments; where these lack, any other may be one of them."""

_BESIDE_NAME = rule("keys beside the name in a call without a marker", contract="Keys beside the name")
_BROKEN = rule("the rest of arguments that are no JSON", contract="No other repair")
_CUT_CALL = rule("the beginning of a further call, cut off at the end", contract="Cut opener")
_DOUBLED_BRACE = rule("a call's braces doubled")
_DOUBLED_BRACKET = rule("an array's opening bracket doubled")
_DOUBLED_COMMA = rule("a comma doubled between keys", contract="Doubled commas")
_ENVELOPE = rule("a call inside `function`, as OpenAI's API writes it", contract="OpenAI's envelope")
_FOREIGN = rule("a closer after a call that is garbled or foreign", contract="Foreign closers")
_FUNCTION_AS_NAME = rule("`function` in place of `name`")
_FURTHER_KEYS = rule("keys that a call does not have")
_OPEN_KEY = rule("a key or a name of a call that is not closed", contract="Local damage")
_SURPLUS_BRACKETS = rule("an array's closing bracket that nothing opened, or doubled")
_TRAILING_SEPARATOR = rule("a separator after the last call")
_WITHOUT_BRACE = rule("a call without its closing brace before a marker", contract="Missing brackets")
_WORD_IN_TAG = rule("an opener that is a word, after one that is a tag")


@dataclass(frozen=True)
class JsonCalls:
    """One family's markup of calls."""

    sample: str
    spans: tuple[Span, ...]
    words: frozenset[str] = frozenset()
    bare: str = ""
    """Where a call counts without any opener: "start" of the reply, start of a "line", or nowhere ("")."""
    bare_starts: str = "[{`"
    keys: tuple[str, ...] = ("arguments", "parameters")
    """What the arguments are called."""
    keyed: bool = False
    """Whether a call's name is the key of its arguments; `name` is read as well."""
    separator: str = ""
    """What stands between calls that only one opener stands before, without an array; "": each has its own."""
    names: tuple[str, ...] = ("name",)
    """What the function's name is called."""
    id_key: str = "id"
    """What a call's id is called; `id` is read too."""
    openers: Markers = field(init=False, repr=False)
    closers: Markers = field(init=False, repr=False)
    markers: frozenset[str] = field(init=False, repr=False)
    plain_closers: frozenset[str] = field(init=False, repr=False)
    """Those that are tags in plain text: models write other tags in place of them."""
    _ends: Markers = field(init=False, repr=False)
    _words: Markers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "openers", Markers(span.open for span in self.spans))
        put(self, "closers", Markers(span.close for span in self.spans))
        put(self, "markers", self.openers.all | self.closers.all)
        put(self, "plain_closers", frozenset(each for each in self.closers.all if PLAIN_TAG.fullmatch(each)))
        # A word is a marker before an array.
        put(self, "_ends", Markers(self.markers - self.words | {f"{word}[" for word in self.words}))
        put(self, "_words", Markers(self.words))

    def read(self, opener: str, mark: Mark, cursor: Cursor, reply: Reply, *, named: str = "") -> Reading[bool | None]:
        """Read the calls behind `opener`, as a format's `read` does. `named`: the first one's, where it names none."""
        space = yield from cursor.space()
        tagged = bool(opener) and opener not in self.words
        if tagged and _WORD_IN_TAG and (yield from cursor.match(self._words)):
            yield from cursor.space()
        fenced = (yield from cursor.match(FENCES)) is not None
        if fenced:
            yield from cursor.space()
        in_array = yield from self._enter_array(cursor)
        close = next((span.close for span in self.spans if span.open == opener), "")
        if in_array and tagged and (yield from self._ends_empty(cursor, reply)):
            cursor.settle(mark)
            yield from read_strays(cursor, self.closers)
            return True
        calls_read = reply.calls_read
        begins = in_array or (not close and (yield from _begins_broken(cursor, glued=not space)))
        fits = yield from self._call((mark,), cursor, reply, strict=not opener, named=named)
        if fits is False and opener and begins:
            fits = yield from self._call_behind(mark, cursor, reply)
        if not fits:
            return fits
        further = True
        while further:
            named_one = reply.calls_read > calls_read
            while (yield from self._further_call(cursor, reply, strict=not (opener and named_one), in_array=in_array)):
                pass
            if reply.calls_read == calls_read:
                return True
            while (yield from read_strays(cursor, _ARRAY_END, once=True)) and _SURPLUS_BRACKETS:
                pass
            further = close != "" and (yield from self._further_array(cursor, reply))
        if fenced:
            yield from read_strays(cursor, FENCES, once=True)
        closers = yield from read_strays(cursor, self.closers)
        while _FOREIGN and close in self.plain_closers and (yield from self._foreign_closer(cursor, reply)):
            closers |= yield from read_strays(cursor, self.closers)
        if not closers:
            reply.owed_closer = close
        return True

    def _foreign_closer(self, cursor: Cursor, reply: Reply) -> Reading[bool]:
        """Read a garbled or foreign closer, if a closer, a call, a turn end or the end comes next."""
        known = union(self.closers, reply.stops)
        return read_foreign(cursor, known, union(self.closers, self.openers, reply.turn_ends))

    def _enter_array(self, cursor: Cursor) -> Reading[bool]:
        """Read the opening bracket of an array, perhaps doubled; whether there is one."""
        found = False
        while (yield from cursor.peek()) == "[" and (yield from cursor.stands(self._ends)) is None:
            found = True
            cursor.take(cursor.at + 1)
            yield from cursor.space()
            if not _DOUBLED_BRACKET:
                break
        return found

    @recovers("an array without calls", off=False, contract="Empty arrays")
    def _ends_empty(self, cursor: Cursor, reply: Reply) -> Reading[bool]:
        """Read the end of an empty array, up to a closer or the end; False, and nothing read, if it is not."""
        mark = cursor.mark()
        while (yield from cursor.match(_ARRAY_END)) is not None:
            yield from cursor.space()
        ends = union(self.closers, reply.turn_ends)
        if cursor.held(mark) and (not (yield from cursor.peek()) or (yield from cursor.stands(ends)) is not None):
            cursor.settle(mark)
            return True
        cursor.rewind(mark)
        return False

    @recovers("another array in the same tag", off=False)
    def _further_array(self, cursor: Cursor, reply: Reply) -> Reading[bool]:
        """Read another array of the same tag, up to and with its first call; False, and nothing read, where none is."""

        def read(mark: Mark) -> Reading[bool | None]:
            yield from cursor.space()
            if (yield from cursor.peek()) != "[":
                return False
            cursor.skip(1)
            yield from cursor.space()
            return (yield from self._call((mark,), cursor, reply))

        return (yield from attempt(read, cursor)) is True

    def _further_call(self, cursor: Cursor, reply: Reply, *, strict: bool, in_array: bool) -> Reading[bool]:
        """Read another call of the same body; False, and nothing read, where none stands.

        In an array a little text before it is dropped.
        """
        mark = cursor.mark()
        found = yield from within(self._further(mark, cursor, reply, strict=strict, in_array=in_array), None)
        if found is None:
            cursor.rewind(mark)
        return found is True

    def _further(
        self, mark: Mark, cursor: Cursor, reply: Reply, *, strict: bool, in_array: bool
    ) -> Reading[bool | None]:
        """True: a call was read. False: what ends the calls was. None: neither is here."""
        yield from cursor.space()
        separated = False
        while (char := (yield from cursor.peek())) in _SEPARATORS:
            separated = True
            cursor.skip(1)
            yield from cursor.space()
        stray = ""
        if in_array and char not in ("", "{", "]"):
            inner = cursor.mark()
            stray = yield from _debris(cursor, self._ends)
            char = yield from cursor.peek()
            (cursor.settle if char == "{" else cursor.rewind)(inner)
        if char == "{":
            fits = yield from self._call((mark,), cursor, reply, strict=strict or stray != "")
            if fits:
                return True
            if fits is None and _CUT_CALL and (in_array or separated) and not strict:
                cursor.take(len(cursor.text))  # the beginning of a call that was cut off
                cursor.settle(mark)
                return False
        ends = union(self._ends, self.openers, reply.turn_ends)
        if separated and _TRAILING_SEPARATOR and (not char or char == "]" or (yield from cursor.stands(ends))):
            cursor.settle(mark)
            return False
        return None

    @recovers("a broken call before a sound one in an array", off=False, contract="Local damage")
    def _call_behind(self, mark: Mark, cursor: Cursor, reply: Reply) -> Reading[bool]:
        """Read the first sound call in an array whose first one is none; what stands before it is text.

        False, and nothing read, if there is none near.
        """
        start = cursor.mark()
        found = yield from within(self._sound_call(mark, start, cursor, reply), False)
        if not found:
            cursor.rewind(start)
        return found

    def _sound_call(self, mark: Mark, start: Mark, cursor: Cursor, reply: Reply) -> Reading[bool]:
        for _ in range(_MOST_TRIED):
            if not (yield from self._next_object(cursor)):
                break
            lost = "" if cursor.copies else cursor.held(mark)
            inner = cursor.mark()
            if (yield from self._call((mark, start, inner), cursor, reply, strict=True, lost=lost)):
                return True
            cursor.rewind(inner, 1)
        return False

    def _next_object(self, cursor: Cursor) -> Reading[bool]:
        """Read up to the next object; whether there is one before a marker or the end."""
        while True:
            text = yield from cursor.run(_NO_OBJECT)
            char = yield from cursor.peek()
            if char == "[" and text.endswith(tuple(self.words)):
                return False
            if char in ("", "{") or (yield from cursor.stands(self._ends)) is not None:
                return char == "{"
            cursor.take(cursor.at + 1)

    def _call(
        self,
        marks: tuple[Mark, ...],
        cursor: Cursor,
        reply: Reply,
        *,
        strict: bool = False,
        named: str = "",
        lost: str = "",
    ) -> Reading[bool | None]:
        """Read one call object, whose text the marks hold until it fits; `lost` is text before it, which is said then.

        `strict`: it fits only with a declared name, arguments, and no keys but those of a call before both are there.
        `named`: what the call is of where it has arguments and no name.
        """
        if (yield from cursor.peek()) != "{":
            return None if cursor.at_end else False
        cursor.take(cursor.at + 1)
        doubled = _DOUBLED_BRACE and (yield from cursor.peek()) == "{"
        if doubled:
            cursor.take(cursor.at + 1)
        ends = union(self._ends, reply.stops)
        within = inside(union(self._ends, reply.ends_strings), True)
        body = _Body(_Head(marks, cursor, reply, lost), self, ends, within, strict)
        step = _Step.ON
        while step is _Step.ON:
            key = yield from _key(cursor, ends)
            step = (yield from body.no_key()) if key is None else (yield from body.member(key))
        if step is _Step.ENDS:
            return (yield from body.end(doubled, named))
        if body.gives_up():
            return True
        return None if step is _Step.CUT else False


def _begins_broken(cursor: Cursor, *, glued: bool) -> Reading[bool]:
    """Whether an object is here, also without its bracket, or with another character for one if that is `glued`."""
    found = yield from cursor.look(_BROKEN_START if glued else _START)
    return found.group() != "" and (found.group()[-1] == "{" or found["key"] is not None)


class _Step(Enum):
    """How the reading of a call goes on behind a member."""

    ON = "on"
    ENDS = "ends"
    NO_CALL = "no call"
    CUT = "cut"  # the reply ends in it


class _Body:
    """The members of a call object."""

    __slots__ = (
        "_complete",
        "_cursor",
        "_ends",
        "_enveloped",
        "_foreign",
        "_head",
        "_ids",
        "_keyed",
        "_keys",
        "_names",
        "_strict",
        "_within",
    )

    def __init__(self, head: _Head, format: JsonCalls, ends: Markers, within: Inside, strict: bool) -> None:
        self._head = head
        self._cursor = head.cursor
        self._keys = format.keys
        self._ids = (format.id_key, "id")
        self._keyed = format.keyed
        self._names = format.names
        self._ends = ends
        self._within = within
        self._strict = strict
        self._complete: bool | None = None  # None: no arguments yet
        self._foreign = False  # another key stands, which may be an argument
        self._enveloped = False  # `function` holds the call

    def no_key(self) -> Reading[_Step]:
        """No key stands here: the envelope may end, and else the call does."""
        if not self._enveloped or (yield from self._cursor.peek()) != "}":
            return _Step.ENDS
        self._cursor.take(self._cursor.at + 1)
        self._enveloped = False
        return _Step.ON

    def member(self, key: str) -> Reading[_Step]:
        """Read the value of `key`."""
        head = self._head
        char = yield from self._cursor.peek()
        if key == _FUNCTION and _ENVELOPE and not head.name and char == "{":
            self._cursor.take(self._cursor.at + 1)
            self._enveloped = True
            return _Step.ON
        if key in self._keys and self._complete is None:
            return (yield from self._arguments())
        if self._keyed and not head.name and (char == "{" or head.is_declared(key)) and is_name(key):
            head.name = key
            fits = not self._strict or head.may_be_declared(key)
            return (yield from self._arguments()) if fits else _Step.ENDS
        if key in self._names and not head.name:
            head.name = yield from _name(self._cursor, self._ends)
            return _Step.ON if head.name and (not self._strict or head.may_be_declared(head.name)) else _Step.ENDS
        if self._strict and not (head.name and head.announced):
            return (yield from self._about_call(key))
        if char and char in _QUOTES and not head.name:
            if key == _FUNCTION and _FUNCTION_AS_NAME:
                name = yield from _name(self._cursor, self._ends)
                head.name = name if head.may_be_declared(name) else ""
                self._foreign = self._foreign or not head.name
                return _Step.ON
            if key in self._ids:
                head.id = (yield from _name(self._cursor, self._ends)) or None
                return _Step.ON
        if not _FURTHER_KEYS:
            return _Step.NO_CALL
        self._foreign = self._foreign or not self._is_about_call(key)
        read = yield from json_text.value(self._cursor, json_text.drop, self._ends, self._within)
        return _Step.ON if read else _Step.ENDS

    def _is_about_call(self, key: str) -> bool:
        return key in _ABOUT_CALL or key in self._ids

    def _about_call(self, key: str) -> Reading[_Step]:
        """Read a value that says what a call is: no other key stands in one that has no marker."""
        if not _BESIDE_NAME or not self._is_about_call(key):
            return _Step.NO_CALL
        pieces: list[str] = []
        if not (yield from json_text.value(self._cursor, pieces.append, self._ends, self._within)):
            return _Step.CUT if self._cursor.at_end else _Step.NO_CALL
        text = json_text.decoded("".join(pieces))
        if key == "type":
            return _Step.ON if text == _FUNCTION else _Step.NO_CALL
        if key in self._ids and not self._head.name:
            self._head.id = text if text and is_name(text) else None
        return _Step.ON

    def _arguments(self) -> Reading[_Step]:
        head, cursor = self._head, self._cursor
        if not head.announced:
            mark = cursor.mark()
            fits = yield from _OBJECT.fits(cursor, self._ends)
            cursor.rewind(mark)
            if fits is None:
                return _Step.CUT
            if (yield from cursor.stands(head.turn_ends)) is not None:
                return _Step.NO_CALL
            if not fits and (self._strict or not head.name):
                return _Step.NO_CALL
            head.announce_or_hold()
        sink = head.arguments if head.call is None else head.call.arguments
        self._complete = yield from read_object(cursor, sink, self._ends, self._within, head.required)
        return _Step.ON

    def _rest(self) -> Reading[None]:
        """Read what cannot be read before the end of the object: the arguments', or a little that is dropped."""
        cursor = self._cursor
        char = yield from cursor.peek()
        if not self._head.announced or char in ("", "{", "}") or (yield from cursor.stands(self._ends)):
            return
        if _BROKEN and not self._complete and char in _JSON_GOES_ON:
            yield from json_text.rest(cursor, self._head.arguments, self._ends, self._within)
            return
        mark = cursor.mark()
        yield from _debris(cursor, self._ends)
        if (yield from cursor.peek()) == "}" or (yield from cursor.stands(self._ends)) is not None:
            cursor.settle(mark)
        else:
            cursor.rewind(mark)

    def gives_up(self) -> bool:
        """It is no call: whether its text was held as a call's, which is then said."""
        if not self._head.holds:
            return False
        self._head.release(lost=False)
        return True

    def end(self, doubled: bool, named: str) -> Reading[bool | None]:
        """Read the end of the object; whether it was a call, as `_call` does."""
        head, cursor = self._head, self._cursor
        yield from self._rest()
        char = yield from cursor.peek()
        closed = char == "}" or bool(_WITHOUT_BRACE and char and (yield from cursor.stands(self._ends)))
        if char == "}":
            cursor.take(cursor.at + 1)
            if doubled and (yield from cursor.peek()) == "}":
                cursor.take(cursor.at + 1)
        complete = self._complete
        if complete is None and self._foreign:
            return False if char else None
        if closed and complete is not None:  # where the reply is cut, another name may have been due
            head.name = head.name or named
        if self._names_call(closed):
            head.announce()
        if head.call is None:
            if not head.holds:
                return False if char else None
            head.release(lost=not char and not self._strict)
            return True
        if complete is None and closed:
            head.arguments("{}")
        head.call.end(closed if complete is None else complete)
        yield from read_surplus(cursor)
        return True

    def _names_call(self, closed: bool) -> bool:
        """Whether what was read is a call, though perhaps a cut one."""
        head = self._head
        if not head.name or not (closed or self._complete is not None):
            return False
        if not self._strict:
            return True
        return (head.announced or head.holds) and head.may_be_declared(head.name)


class _Head:
    """A call that is announced once its name is known; until then its arguments, and all of its text, are held."""

    __slots__ = ("_early", "_lost", "_marks", "_reply", "call", "cursor", "holds", "id", "name")

    def __init__(self, marks: tuple[Mark, ...], cursor: Cursor, reply: Reply, lost: str) -> None:
        self.name = ""
        self.id: str | None = None
        self.call: Call | None = None
        self.holds = False  # it fits, and its name is to come
        self._marks = marks
        self._lost = lost
        self.cursor = cursor
        self._reply = reply
        self._early = Held()

    def may_be_declared(self, name: str) -> bool:
        return self._reply.tools.may_declare(name)

    def is_declared(self, name: str) -> bool:
        return self._reply.tools.declares(name)

    @property
    def announced(self) -> bool:
        return self.call is not None

    @property
    def required(self) -> frozenset[str]:
        """The arguments that the call's function requires, once it is known."""
        return frozenset() if self.call is None else self._reply.tools.parameters(self.call.name).required

    @property
    def turn_ends(self) -> Markers:
        return self._reply.turn_ends

    def arguments(self, text: str) -> None:
        if self.call is None:
            self._early.append(text)
        else:
            self.call.arguments(text)

    def announce_or_hold(self) -> None:
        if self.name:
            self.announce()
        elif not self.holds:
            self.holds = True
            size = len(self.cursor.held(self._marks[0]))
            self.cursor.rewind(self._marks[0], size)
            self._marks = (self.cursor.mark(size, room=None),)

    def _settle(self) -> None:
        for mark in reversed(self._marks):
            self.cursor.settle(mark)

    def announce(self) -> None:
        if self.call is None:
            self._settle()
            self.holds = False
            if self._lost:
                (self._reply.rehearsed or self._reply.content)(self._lost)
            self.call = self._reply.call(self.name, self.id, said=len(self._lost))
            self.call.arguments(self._early.take())

    def release(self, *, lost: bool) -> None:
        """No name came: what was held is text, or a cut call's beginning where the reply ended in it."""
        raw = "" if lost or self.cursor.copies else self.cursor.held(self._marks[0])
        self._settle()
        self._reply.owed_closer = ""  # what follows is no construct's
        (self._reply.rehearsed or self._reply.content)(raw)


def _debris(cursor: Cursor, ends: Markers) -> Reading[str]:
    """Read a little text up to a bracket or a marker; tags that are no markers of the format are text."""
    text = yield from cursor.run(_DEBRIS, _MAX_DEBRIS)
    while len(text) < _MAX_DEBRIS and (yield from cursor.peek()) == "<" and not (yield from cursor.stands(ends)):
        text += cursor.take(cursor.at + 1)
        text += yield from cursor.run(_DEBRIS, _MAX_DEBRIS)
    return text


def _key(cursor: Cursor, ends: Markers) -> Reading[str | None]:
    """Read the next key of an object and its colon; None where none stands."""
    yield from cursor.space()
    char = yield from cursor.peek()
    while char == ",":
        cursor.take(cursor.at + 1)
        yield from cursor.space()
        char = yield from cursor.peek()
        if not _DOUBLED_COMMA:
            break
    key = yield from _string(cursor, ends)
    if key is None:
        return None
    yield from cursor.space()
    if (yield from cursor.peek()) != ":":
        return None
    cursor.take(cursor.at + 1)
    yield from cursor.space()
    return key


def _name(cursor: Cursor, ends: Markers) -> Reading[str]:
    """Read a call's name or id; "" where none stands."""
    name = ((yield from _string(cursor, ends)) or "").strip()
    return name if is_name(name) else ""


def _string(cursor: Cursor, ends: Markers) -> Reading[str | None]:
    """Read a key or a name, and what it stands for; None where none stands or the reply ends in it.

    One that would go on over a marker is not closed: it is not read.
    """
    return (yield from cursor.ahead(_closed_string(cursor, ends), (None, False), itemgetter(1)))[0]


def _closed_string(cursor: Cursor, ends: Markers) -> Reading[tuple[str | None, bool]]:
    """A string, and whether it is one, or may be: the reply ends in it."""
    char = yield from cursor.peek()
    if not char or char not in _QUOTES:
        return None, False
    pieces: list[str] = []
    closed = (yield from json_text.string(cursor, pieces.append)) is Read.DONE
    text = "".join(pieces)
    if _OPEN_KEY and any(end in text for end in ends.all):
        return None, False
    return json_text.decoded(text) if closed else None, True
