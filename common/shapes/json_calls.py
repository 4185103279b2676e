"""The shape of families that write a whole call as JSON: `{"name": ..., "arguments": {...}}`, alone or in arrays.

- The keys come in any order; arguments before the name are held until the name, and an id counts only before it.
  Further keys are skipped.
- A call is announced when its name and what follows it fit: the first piece of the arguments, or the end.
- A body without a name is not a call but text. So is one without arguments if another key may be one of them.
- If a family writes no `name`, the first key with an object is the name: `{"get_weather": {...}}`.
- After an opener, `function` may hold the call, as in OpenAI's API, or the name of a declared tool.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from operator import itemgetter

from ..arguments import json_text
from ..arguments.json_object import FENCES, begins, read_object
from ..arguments.json_text import inside
from ..arguments.literals import Read
from ..arguments.name import is_name
from ..arguments.strays import read_foreign, read_strays, read_surplus
from ..cursor import NO_MARKERS, Cursor, Mark, Markers, Reading, drop, union, within
from ..format import ORDINARY, PLAIN_TAG, Span, ToolFormat
from ..proposed import Proposed, attempt, sound_call
from ..recovery import drift, recovering, recovers, rule
from ..reply import Reply

_QUOTES = recovering("keys and names in single quotes", "\"'", off='"', contract="Python's JSON")
_SEPARATORS = (",", *drift("what separates calls", ";"))
_ARRAY_END = Markers("]")
_FUNCTION = "function"
_JSON_GOES_ON = ':,"'
_NO_OBJECT = re.compile(r"[^{<\[]*")
_START = re.compile(r'(?:\{|"(?P<key>\w)?)?')
_BROKEN_START = re.compile(rf"\w?{_START.pattern}")
_MOST_TRIED = 8
"""How many objects in an array are tried as calls if the first is not a call."""
_DEBRIS = re.compile(r"[^{}\[\]<]*")
_WORDS = re.compile(r"\w")
_MAX_DEBRIS = recovering("text between the calls of an array, or after a call's arguments", 64, off=0)
_ABOUT_CALL = frozenset({"type", "index"})
"""Keys that, like an id, are never arguments; in a call without arguments, any other key may be one."""

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
_SECOND_KEY = rule("a second call in the same object")
_SURPLUS_BRACKETS = rule("an array's closing bracket that nothing opened, or doubled")
_TRAILING_SEPARATOR = rule("a separator after the last call")
_WITHOUT_BRACE = rule("a call without its closing brace before a marker", contract="Missing brackets")
_WORD_IN_TAG = rule("an opener that is a word, after one that is a tag")


UNMARKED = recovering("calls without any marker", "start", off="", contract="Unmarked JSON")
"""Where a family's calls count without an opener, which models sometimes leave out."""

_KEYS = recovering("other keys of the arguments", ("arguments", "parameters"), off=(), contract="Keys of the arguments")
_NAMES = recovering("another key of the name", ("name",), off=(), contract="Keys of the arguments")


@dataclass(frozen=True)
class JsonCalls(ToolFormat):
    """One family's markup of calls."""

    sample: str
    spans: tuple[Span, ...]
    words: frozenset[str] = frozenset()
    bare: str = UNMARKED
    bare_starts: str = "[{`"
    keys: tuple[str, ...] = ("arguments", "parameters")
    """The keys of the arguments; the two defaults are always read."""
    keyed: bool = False
    """Whether a call's name is the key of its arguments."""
    names: tuple[str, ...] = ("name",)
    """The keys of the function's name; `name` is always read."""
    id_key: str = "id"
    """The key of a call's id; `id` is always read."""
    framed: bool = False
    """Whether a call is a message's body: its markers are the frame's, and need not be followed by a call."""
    plain_closers: frozenset[str] = field(init=False, repr=False)
    """The closers that are tags in plain text, in place of which models write other tags, and "", for none."""
    _ends: Markers = field(init=False, repr=False)
    _words: Markers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "keys", tuple(dict.fromkeys((*self.keys, *_KEYS))))
        put(self, "names", tuple(dict.fromkeys((*self.names, *_NAMES))))
        put(self, "openers", Markers(span.open for span in self.spans))
        put(self, "closers", Markers(span.close for span in self.spans))
        put(self, "markers", self.openers.all | self.closers.all)
        put(self, "words", self.words.union(filter(ORDINARY.fullmatch, self.markers)))
        put(self, "plain_closers", frozenset(("", *filter(PLAIN_TAG.fullmatch, self.closers.all))))
        # A word is a marker only before an array.
        put(self, "_ends", Markers(self.markers - self.words | {f"{word}[" for word in self.words}))
        put(self, "_words", Markers(self.words))

    def read(self, opener: str, mark: Mark, cursor: Cursor, reply: Reply, *, named: str = "") -> Reading[bool | None]:
        """Read the calls after `opener`; see `ToolFormat.read`. `named`: the first call's name, if it has none."""
        space = yield from cursor.space()
        tagged = bool(opener) and opener not in self.words
        if tagged and _WORD_IN_TAG and (yield from cursor.match(self._words)):
            yield from cursor.space()
        fenced = (yield from cursor.match(FENCES)) is not None
        if fenced:
            yield from cursor.space()
        in_array = yield from self._enter_array(cursor)
        close = next((span.close for span in self.spans if span.open == opener), "")
        if in_array and tagged and (yield from cursor.maybe(self._ends_empty(cursor, reply), False)):
            cursor.settle(mark)
            yield from read_strays(cursor, self.closers)
            return True
        calls_read = reply.calls_read
        begins = in_array or (not close and (yield from _begins_broken(cursor, glued=not space)))
        fits = yield from self._call((mark,), cursor, reply, strict=not opener, named=named)
        if fits is False and opener and begins:
            fits = yield from self._call_after_opener(mark, cursor, reply)
        if not fits:
            return fits
        further = True
        while further:
            named_one = reply.calls_read > calls_read
            while (
                yield from self._further_call(
                    cursor, reply, strict=not (named_one and (opener or in_array)), in_array=in_array
                )
            ):
                pass
            if reply.calls_read == calls_read:
                return True
            while (yield from read_strays(cursor, _ARRAY_END, once=True)) and _SURPLUS_BRACKETS:
                yield from read_surplus(cursor)
            further = close != "" and (yield from self._further_array(cursor, reply))
        if fenced:
            yield from read_strays(cursor, FENCES, once=True)
        closers = yield from read_strays(cursor, self.closers)
        while _FOREIGN and close in self.plain_closers and (yield from self._foreign_closer(cursor, reply)):
            closers |= yield from read_strays(cursor, self.closers)
        if not closers:
            reply.owed_closer = close
        return True

    def read_inner(self, marks: tuple[Mark, ...], cursor: Cursor, reply: Reply) -> Reading[bool | None]:
        """Read the calls in place of a name in another format, up to the closers around them; see `ToolFormat.read`."""
        yield from cursor.space()
        in_array = yield from self._enter_array(cursor)
        fits = yield from self._call(marks, cursor, reply)
        if fits:
            while (yield from self._further_call(cursor, reply, strict=False, in_array=in_array)):
                pass
            yield from read_strays(cursor, _ARRAY_END, once=True)
        return fits

    def _foreign_closer(self, cursor: Cursor, reply: Reply) -> Reading[bool]:
        """Read a garbled or foreign closer if a closer, a call, a turn end or the end of the reply follows it."""
        known = union(self.closers, reply.stops)
        return read_foreign(cursor, known, union(self.closers, self.openers, reply.turn_ends))

    def _enter_array(self, cursor: Cursor) -> Reading[bool]:
        """Read the opening bracket of an array, which may be doubled. Returns whether there is one."""
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
        """Read the end of an empty array. Returns whether there is one, and a closer or the reply's end after it."""
        start = cursor.offset
        while (yield from cursor.match(_ARRAY_END)) is not None:
            yield from cursor.space()
        ends = union(self.closers, reply.turn_ends)
        return cursor.offset > start and (not (yield from cursor.peek()) or bool((yield from cursor.stands(ends))))

    @recovers("another array in the same tag", off=False)
    def _further_array(self, cursor: Cursor, reply: Reply) -> Reading[bool]:
        """Read another array of the same tag, up to and with its first call. Consumes nothing if it returns False."""

        def read(mark: Mark) -> Reading[bool | None]:
            yield from cursor.space()
            if (yield from cursor.peek()) != "[":
                return False
            cursor.skip(1)
            yield from cursor.space()
            return (yield from self._call((mark,), cursor, reply))

        return (yield from attempt(read, cursor)) is True

    def _further_call(self, cursor: Cursor, reply: Reply, *, strict: bool, in_array: bool) -> Reading[bool]:
        """Read another call of the same body, in an array with a little text before it, which is dropped.

        Returns:
            True if there was one; else False. Nothing is consumed then, except the beginning of a call that the reply
            ends in, or the separator after the last call.
        """
        mark = cursor.mark()
        found = yield from within(self._further(mark, cursor, reply, strict=strict, in_array=in_array), None)
        if found is None:
            cursor.rewind(mark)
        return found is True

    def _further(
        self, mark: Mark, cursor: Cursor, reply: Reply, *, strict: bool, in_array: bool
    ) -> Reading[bool | None]:
        """Return True if a call was read, False if the end of the calls was, None if neither is here."""
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
            if fits is None and _CUT_CALL and (in_array or (separated and not strict)):
                cursor.take(len(cursor.text))  # the beginning of a call that was cut off
                cursor.settle(mark)
                return False
        ends = union(self._ends, self.openers, reply.turn_ends)
        if separated and _TRAILING_SEPARATOR and (not char or char == "]" or (yield from cursor.stands(ends))):
            cursor.settle(mark)
            return False
        return None

    @recovers("a broken call before a sound one in an array", off=False, contract="Local damage")
    def _call_after_opener(self, mark: Mark, cursor: Cursor, reply: Reply) -> Reading[bool]:
        """Read the first sound call in an array whose first object is not a call; see `sound_call`."""

        def call(marks: tuple[Mark, ...], lost: str) -> Reading[bool | None]:
            return self._call(marks, cursor, reply, strict=True, lost=lost)

        return sound_call(self._next_object, call, mark, cursor, tries=_MOST_TRIED, ahead=1)

    def _next_object(self, cursor: Cursor) -> Reading[bool]:
        """Read up to the next object. Returns whether there is one before a marker or the end of the reply."""
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
        """Read one call object; see `ToolFormat.read`.

        Args:
            marks: hold its text until it fits.
            strict: it fits only with a declared name, arguments, and only a call's own keys before both are there.
            named: its name, if it has arguments and no name.
            lost: text before it, which is output when it fits.
        """
        if (yield from cursor.peek()) != "{":
            return None if cursor.at_end else False
        cursor.take(cursor.at + 1)
        doubled = _DOUBLED_BRACE and (yield from cursor.peek()) == "{"
        if doubled:
            cursor.take(cursor.at + 1)
        body = _Body(self, marks, cursor, reply, lost, strict=strict)
        step = _Step.ON
        while step is _Step.ON:
            key = yield from _key(cursor, body.ends)
            step = (yield from body.no_key()) if key is None else (yield from body.member(key))
        if step is _Step.ENDS:
            return (yield from body.read_end(doubled, named))
        if body.gives_up():
            return True
        return None if step is _Step.CUT else False


def _begins_broken(cursor: Cursor, *, glued: bool) -> Reading[bool]:
    """Return whether an object is here, even without its bracket, or with another character for it if `glued`."""
    found = yield from cursor.look(_BROKEN_START if glued else _START)
    return found.group() != "" and (found.group()[-1] == "{" or found["key"] is not None)


class _Step(Enum):
    """How the reading of a call goes on after a member."""

    ON = "on"
    ENDS = "ends"
    NO_CALL = "no call"
    CUT = "cut"  # the reply ends inside it


class _Body(Proposed):
    """The members of a call object. It is announced when its name is known; until then all of its text is held."""

    __slots__ = ("_complete", "_enveloped", "_foreign", "_format", "_holds", "_strict", "_within", "ends")

    def __init__(
        self, format: JsonCalls, marks: tuple[Mark, ...], cursor: Cursor, reply: Reply, lost: str, *, strict: bool
    ) -> None:
        super().__init__("", None, marks, cursor, reply, lost)
        self._format = format
        self.ends = union(format._ends, reply.stops)
        self._within = inside(
            union(format._ends, reply.ends_strings), True, NO_MARKERS if format.framed else format.openers
        )
        self._strict = strict
        self._complete: bool | None = None  # None: no arguments yet
        self._foreign = False  # there is another key, which may be an argument
        self._enveloped = False  # the call is inside `function`
        self._holds = False  # it fits, but its name is still missing

    def no_key(self) -> Reading[_Step]:
        """Go on if there is no key here: the envelope ends, or else the call does."""
        if not self._enveloped or (yield from self.cursor.peek()) != "}":
            return _Step.ENDS
        self.cursor.take(self.cursor.at + 1)
        self._enveloped = False
        return _Step.ON

    def member(self, key: str) -> Reading[_Step]:
        """Read the value of `key`."""
        char = yield from self.cursor.peek()
        if key == _FUNCTION and _ENVELOPE and not self.name and char == "{":
            self.cursor.take(self.cursor.at + 1)
            self._enveloped = True
            return _Step.ON
        if char == "{" and self._is_second(key):
            self._next_call(key)
            return (yield from self._arguments())
        if key in self._format.keys and self._complete is None:
            return (yield from self._arguments())
        if self._format.keyed and not self.name and (char == "{" or self.reply.tools.declares(key)) and is_name(key):
            self.name = key
            fits = not self._strict or self.reply.tools.may_declare(key)
            return (yield from self._arguments()) if fits else _Step.ENDS
        if key in self._format.names and not self.name:
            self.name = yield from _name(self.cursor, self.ends)
            return (
                _Step.ON if self.name and (not self._strict or self.reply.tools.may_declare(self.name)) else _Step.ENDS
            )
        if self._strict and self.call is None:
            return (yield from self._about_call(key))
        if char and char in _QUOTES and not self.name:
            if key == _FUNCTION and _FUNCTION_AS_NAME:
                name = yield from _name(self.cursor, self.ends)
                self.name = name if self.reply.tools.may_declare(name) else ""
                self._foreign = self._foreign or not self.name
                return _Step.ON
            if key in (self._format.id_key, "id"):
                self.id = (yield from _name(self.cursor, self.ends)) or None
                return _Step.ON
        if not _FURTHER_KEYS:
            return _Step.NO_CALL
        self._foreign = self._foreign or not self._is_about_call(key)
        read = yield from json_text.value(self.cursor, drop, self.ends, self._within)
        return _Step.ON if read else _Step.ENDS

    def _is_second(self, key: str) -> bool:
        """Return whether `key` names another call in the object of a call."""
        return _SECOND_KEY and self._format.keyed and self.call is not None and self.reply.tools.declares(key)

    def _next_call(self, name: str) -> None:
        """End the call and begin another one in the same object, whose arguments come next."""
        self.end(self._complete is True)
        self.name, self.call, self._complete = name, None, None
        self._marks = ()

    def _is_about_call(self, key: str) -> bool:
        return key in _ABOUT_CALL or key in (self._format.id_key, "id")

    def _about_call(self, key: str) -> Reading[_Step]:
        """Read the value of a key about the call itself, the only keys that a call without a marker may have."""
        if not _BESIDE_NAME or not self._is_about_call(key):
            return _Step.NO_CALL
        pieces: list[str] = []
        if not (yield from json_text.value(self.cursor, pieces.append, self.ends, self._within)):
            return _Step.CUT if self.cursor.at_end else _Step.NO_CALL
        text = json_text.decoded("".join(pieces))
        if key == "type":
            return _Step.ON if text == _FUNCTION else _Step.NO_CALL
        if key in (self._format.id_key, "id") and not self.name:
            self.id = text if text and is_name(text) else None
        return _Step.ON

    def _arguments(self) -> Reading[_Step]:
        cursor = self.cursor
        if self.call is None:
            fits = yield from begins(cursor, self.ends)
            if fits is None:
                return _Step.CUT
            if (yield from cursor.stands(self.reply.ends_strings)) is not None:
                return _Step.NO_CALL
            if not fits and (self._strict or not self.name):
                return _Step.NO_CALL
            self._announce_or_hold()
        # The required parameters are known only with the name.
        required = frozenset[str]() if self.call is None else self.reply.tools.parameters(self.call.name).required
        sink = (self.call or self).arguments
        self._complete = yield from read_object(cursor, sink, self.ends, self._within, required)
        return _Step.ON

    def _rest(self) -> Reading[None]:
        """Read text before the end of the object that is not a member: the rest of broken arguments, or stray text."""
        cursor = self.cursor
        char = yield from cursor.peek()
        if self.call is None or char in ("", "{", "}") or (yield from cursor.stands(self.ends)):
            return
        if _BROKEN and not self._complete and char in _JSON_GOES_ON:
            yield from json_text.rest(cursor, self.arguments, self.ends, self._within)
            return
        yield from cursor.maybe(self._debris(), False)

    def _debris(self) -> Reading[bool]:
        """Read a little stray text. Returns whether to drop it: the end of the object or a marker follows."""
        text = yield from _debris(self.cursor, self.ends)
        marker = yield from self.cursor.stands(self.ends)
        # After an unclosed object, words before any marker but a closer are the answer.
        dropped = marker in self._format.closers.all or (marker is not None and not _WORDS.search(text))
        return dropped or (yield from self.cursor.peek()) == "}"

    def gives_up(self) -> bool:
        """Give up the call. Returns whether its text was held as a call's; then it is output as text."""
        if self._holds:
            self._release(lost=False)
        return self._holds

    def read_end(self, doubled: bool, named: str) -> Reading[bool | None]:
        """Read the end of the object. Returns the result of `_call`."""
        cursor = self.cursor
        yield from self._rest()
        char = yield from cursor.peek()
        closed = char == "}" or bool(_WITHOUT_BRACE and char and (yield from self._ends_here()))
        if char == "}":
            cursor.take(cursor.at + 1)
            if doubled and (yield from cursor.peek()) == "}":
                cursor.take(cursor.at + 1)
        complete = self._complete
        if complete is None and self._foreign:
            return False if char else None
        if closed and complete is not None:  # in a reply that is cut, a name might still have come
            self.name = self.name or named
        if self._names_call(closed):
            self.announce()
        if self.call is None:
            if not self._holds:
                return False if char else None
            self._release(lost=not char and not self._strict)
            return True
        if complete is None and closed:
            self.arguments("{}")
        self.call.end(closed if complete is None else complete)
        yield from read_surplus(cursor)
        return True

    def _ends_here(self) -> Reading[bool]:
        """Return whether a marker ends the call here. The end of reasoning cuts off a call without arguments."""
        marker = yield from self.cursor.stands(self.ends)
        return marker is not None and not (self._complete is None and marker in self.reply.ends_rehearsal.all)

    def _names_call(self, closed: bool) -> bool:
        """Return whether a call was read, which may be cut."""
        if not self.name or not (closed or self._complete is not None):
            return False
        fits = self.call is not None or self._holds
        return not self._strict or (fits and self.reply.tools.may_declare(self.name))

    def _announce_or_hold(self) -> None:
        if self.name:
            self.announce()
        elif not self._holds:
            self._holds = True
            size = len(self.cursor.held(self._marks[0]))
            self.cursor.rewind(self._marks[0], size)
            self._marks = (self.cursor.mark(size, room=None),)

    def _release(self, *, lost: bool) -> None:
        """Release the held text, as no name came: it is text, or if `lost` a cut call's beginning, which is dropped."""
        raw = "" if lost or self.cursor.copies else self.cursor.held(self._marks[0])
        self._settle()
        self.reply.owed_closer = ""  # there is no call whose closer may follow
        (self.reply.rehearsed or self.reply.content)(raw)


def _debris(cursor: Cursor, ends: Markers) -> Reading[str]:
    """Read a little text up to a bracket or a marker of the format; other tags are text."""
    text = yield from cursor.run(_DEBRIS, _MAX_DEBRIS)
    while len(text) < _MAX_DEBRIS and (yield from cursor.peek()) == "<" and not (yield from cursor.stands(ends)):
        text += cursor.take(cursor.at + 1)
        text += yield from cursor.run(_DEBRIS, _MAX_DEBRIS)
    return text


def _key(cursor: Cursor, ends: Markers) -> Reading[str | None]:
    """Read the next key of an object and its colon. Returns None if there is none."""
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
    """Read a call's name or id. Returns "" if there is none."""
    name = ((yield from _string(cursor, ends)) or "").strip()
    return name if is_name(name) else ""


def _string(cursor: Cursor, ends: Markers) -> Reading[str | None]:
    """Read a key or a name and return its decoded text; None if there is none or the reply ends inside it.

    A string that contains a marker is taken for unclosed, and not consumed.
    """
    return (yield from cursor.ahead(_closed_string(cursor, ends), (None, False), itemgetter(1)))[0]


def _closed_string(cursor: Cursor, ends: Markers) -> Reading[tuple[str | None, bool]]:
    """Read a string. Returns its decoded text, and whether to consume it: it is closed, or the reply ends inside it."""
    char = yield from cursor.peek()
    if not char or char not in _QUOTES:
        return None, False
    pieces: list[str] = []
    closed = (yield from json_text.string(cursor, pieces.append)) is Read.DONE
    text = "".join(pieces)
    if _OPEN_KEY and any(end in text for end in ends.all):
        return None, False
    return json_text.decoded(text) if closed else None, True
