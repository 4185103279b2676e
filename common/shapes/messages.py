"""Frames of Harmony and its dialects: `<|start|>assistant to=get_weather<|message|>`.

- A header's parts come in any order, and few of them are needed. It fits with a known channel, a recipient or the role,
  or with a single word in their place.
- A message with a recipient that is a function's name is a call. Its text is the arguments as JSON, or a call in a
  markup of its own (`inner`).
- A dialect is a value: its words, the channels, and which of these and of the recipients are reasoning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import partial

from ..arguments.json_object import FENCE, begins, read_fence, read_object
from ..arguments.json_text import inside
from ..arguments.name import is_name, read_name
from ..arguments.strays import read_strays
from ..cursor import NO_MARKERS, SPACE, Cursor, Mark, Markers, Reading, union, within
from ..machine import Grammar
from ..recovery import recovering, recovers, rule
from ..reply import Reply
from ..schema import Tools
from .frames import NO_CALLS, FramedReply, Frames
from .tagged import Tagged

_WORD = re.compile(rf"""[^<>{{}}\[\]()"'`,;={SPACE}]*""")
_MAX_WORD = 64
_STOPS = ".:!"
"""Characters that do not begin a name, but may follow a marker in a sentence."""
_TYPES = ("json", "code")
"""Types of text in a header."""
_ODD_WORDS = recovering("words in a header that mean nothing", 3, off=0)
"""The most words without a meaning in a header."""
_PARTS = 8
"""The most markers in a header, so that many in a row are not read again from each of them."""
_IN_WORDS = r"[\w.:/=-]"
_MAX_HEADER = 256
_QUOTES = recovering("arguments as a JSON string", "\"'", off="", contract="Wrapped arguments")

_CALL_WITHOUT_END = rule("a header without its end, before a call's arguments")
_CUT_HEADER = rule("a header cut off at the end", contract="Cut opener")
_DOUBLED_END = rule("the end of a header doubled")
_STUCK_RECIPIENT = rule("the recipient stuck to the word before it")
_STUCK_TEXT = rule("text stuck to the channel's name")
_WITHOUT_END = rule("a header without its end, before text")
_WITHOUT_TEXT = rule("a header without its end, before the end of the message")


@dataclass(frozen=True, slots=True)
class Words:
    """The markers and words of headers; "" for those that a dialect does not have."""

    start: str = "<|start|>"
    role: str = "assistant"
    """The author of a message: the model."""
    channel: str = "<|channel|>"
    to: str = "to="
    """The text before a recipient."""
    constrain: str = "<|constrain|>"
    """The marker before the type of the text."""
    message: str = "<|message|>"
    """The marker that ends a header."""
    people: tuple[str, ...] = ("user", "self")
    """The recipients that are not functions."""

    @property
    def markers(self) -> frozenset[str]:
        return frozenset((self.start, self.channel, self.constrain, self.message)) - {""}


HARMONY_WORDS = Words()


@dataclass(frozen=True, slots=True)
class Header:
    """The content of a message's header."""

    channel: str = ""
    recipient: str = ""
    cut: bool = False
    """Whether the reply ends inside it."""
    body: int | None = None
    """The offset of the text if the header lacks its end; None: it ends here."""


@dataclass(frozen=True, eq=False)
class Messages(Frames):
    """One dialect."""

    parts: Markers = field(init=False)
    in_reasoning: Markers = field(init=False)
    in_content: Markers = field(init=False)
    calls: Grammar = field(init=False)
    start: str = field(init=False)
    inner: Tagged | None = None
    words: Words = HARMONY_WORDS
    channels: tuple[str, ...] = ()
    """The channels in headers: of reasoning, of calls, and others."""
    thinks: tuple[str, ...] = ()
    """The channels, or recipients, whose messages are reasoning; "": messages without a recipient are."""
    prefix: str = ""
    """The text before a function's name."""
    _bare: Markers = field(init=False, repr=False)
    _channel: re.Pattern[str] = field(init=False, repr=False)
    _to: Markers = field(init=False, repr=False)
    _end: Markers = field(init=False, repr=False)
    _next: re.Pattern[str] = field(init=False, repr=False)
    _part_of_next: re.Pattern[str] = field(init=False, repr=False)
    _thinking: tuple[str, ...] = field(init=False, repr=False)
    _thinking_to: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        words, put = self.words, partial(object.__setattr__, self)
        # Without channels, the model may change the recipient without ending the message.
        between = self.closers.all | {words.start, words.channel or words.to}
        put(
            "inner",
            self.inner and replace(self.inner, message_ends=self._message_ends, headers=Markers((words.message,))),
        )
        put("parts", Markers(self.closers.all | words.markers))
        put("in_reasoning", Markers(between))
        put("in_content", Markers(between) if self.inner is None else Markers(between | self.inner.openers.all))
        put("calls", NO_CALLS if self.inner is None else Grammar((self.inner,), None, NO_MARKERS))
        put("start", words.start + words.role)
        super().__post_init__()
        put("_bare", Markers({words.role, words.to, *self.channels, words.message, words.constrain} - {""}))
        put("_channel", re.compile(rf"(?:{'|'.join(self.channels)})(?![a-z])" if self.channels else "(?!)"))
        put("_to", Markers((words.to,)))
        put("_end", Markers((words.message,)))
        put("_next", self._next_header())
        put("_part_of_next", self._part_of_header())
        put("_thinking", tuple(each for each in self.thinks if each in self.channels))
        put("_thinking_to", frozenset(self.thinks).difference(self.channels))

    def _next_header(self) -> re.Pattern[str]:
        """Return a pattern for the end of a message, which may be missing, and the next header.

        Without the start of a message, the header needs a recipient.
        """
        start, to, message = map(re.escape, (self.words.start, self.words.to, self.words.message))
        ends = "|".join(map(re.escape, sorted(self.closers.all)))
        directed = rf"{to}[\w.:/-]+\s*"
        return re.compile(rf"(?:{ends}|[{SPACE}])*(?:{start}[\w\s]*(?:{directed})?|{directed}){message}")

    def _part_of_header(self) -> re.Pattern[str]:
        """Return a pattern for what may become such a header: words, markers, and the beginning of a marker."""
        marks = [each for each in (*self.closers.all, *self.words.markers) if not re.fullmatch(f"{_IN_WORDS}+", each)]
        begun = {re.escape(each[:end]) for each in marks for end in range(1, len(each))}
        whole = "|".join(map(re.escape, marks)) or "(?!)"
        # One character at a time: a repetition of runs would backtrack over every way to divide them.
        return re.compile(rf"(?:{whole}|{_IN_WORDS}|[{SPACE}])*(?:{'|'.join(sorted(begun, reverse=True))})?")

    @recovers("what is open at a message's end", off=False, contract="A frame's end")
    def _message_ends(self, cursor: Cursor) -> Reading[bool]:
        while True:
            text = cursor.text[cursor.at : cursor.at + _MAX_HEADER]
            if self._next.match(text):
                return True
            if cursor.ended or len(text) == _MAX_HEADER or not self._part_of_next.fullmatch(text):
                return False
            yield

    def read_message(self, opener: str, into: FramedReply) -> Reading[bool]:
        cursor = into.cursor
        mark = cursor.mark(len(opener))
        header = yield from within(self._header(opener, cursor, fresh=into.fresh), None)
        if header is None:
            cursor.rewind(mark, len(opener))
            return False
        body = cursor.offset if header.body is None else header.body
        if header.body is None and header.recipient not in ("", self.words.role, *self.words.people):
            call = _cut() if header.cut else self.read_directed(header, mark, cursor, into.reply)
            if (yield from self.read_message_call(call, mark, into, is_reasoning=self.is_reasoning(header))):
                return True
            if opener == self.words.to:
                cursor.rewind(mark, len(opener))
                return False
        cursor.rewind(mark, body - mark.offset)
        (into.reasoning if self.is_reasoning(header) else into.content)()
        return True

    def is_reasoning(self, header: Header) -> bool:
        return header.channel.startswith(self._thinking) or header.recipient in self._thinking_to

    def read_directed(self, header: Header, mark: Mark, cursor: Cursor, reply: Reply) -> Reading[bool | None]:
        """Read the call of a message. Returns False if it is not one, None if the reply ends before that is known."""
        if self.inner is None:
            return (yield from self._json_call(header, mark, cursor, reply))
        yield from cursor.space()
        opener = yield from cursor.match(self.inner.openers)
        if opener is not None:
            return (yield from self.inner.read(opener, mark, cursor, reply))
        if cursor.at_end or cursor.cut_of(self.inner.openers):
            return None
        if (yield from cursor.peek()) == "{":
            return (yield from self._json_call(header, mark, cursor, reply))
        return False

    def _json_call(self, header: Header, mark: Mark, cursor: Cursor, reply: Reply) -> Reading[bool | None]:
        """Read the arguments of a call as JSON. Returns False if there are none, None if the reply ends before them."""
        fits = yield from cursor.ahead(self._json_fits(cursor), False)
        if not fits:
            return fits
        cursor.settle(mark)
        name = self._without_type(header.recipient, reply.tools)
        call = reply.call(name)
        fence = yield from read_fence(cursor)
        required = reply.tools.parameters(name).required
        ends = union(self.parts, fence)
        complete = yield from read_object(cursor, call.arguments, ends, inside(self.parts), required)
        if fence.all:  # without a fence, the end of the object ends the call
            yield from read_strays(cursor, fence, once=True)
        call.end(complete)
        return True

    @recovers("a word of the header stuck to a call's name", off=lambda _, name, __: name)
    def _without_type(self, name: str, tools: Tools) -> str:
        """Return `name` without a word of the header that is stuck to it, if only the rest is a declared name."""
        for word in () if tools.declares(name) else (*self.channels, *_TYPES):
            rest = name.removesuffix(word)
            if rest != name and tools.declares(rest):
                return rest
        return name

    def _json_fits(self, cursor: Cursor) -> Reading[bool | None]:
        yield from cursor.space()
        quote = yield from cursor.peek()
        if not quote or quote not in _QUOTES:
            yield from read_fence(cursor)
            return (yield from begins(cursor, union(self.parts, FENCE)))
        # The string has to contain an object, as a message to a tool may also be code.
        cursor.take(cursor.at + 1)
        yield from cursor.space()
        char = yield from cursor.peek()
        return None if not char else char in ("{", quote)

    # --- headers

    def _header(self, opener: str, cursor: Cursor, *, fresh: bool) -> Reading[Header | None]:
        """Read a header after `opener`. Returns None if it does not fit. `fresh`: its end may be missing."""
        if not opener:
            yield from cursor.space()
            if (yield from cursor.stands(self._bare)) is None:
                return None
        draft = _Draft(self, opener, fresh)
        if opener == self.words.to:
            draft.recipient = yield from self._recipient(cursor)
        while True:
            gap = yield from cursor.space()
            draft.gap(gap, cursor.offset)
            part = yield from cursor.stands(self.parts)
            if part == self.words.message:
                return (yield from self._header_end(draft, cursor))
            if part in self.closers.all:
                return draft.without_text()
            if part is not None:
                if not draft.takes_part():
                    return draft.unended
                cursor.take(cursor.at + len(part))
                draft.part(part, cursor.offset)
            elif self._ends_in(draft, cursor):
                return draft.cut()
            elif (yield from cursor.match(self._to)) is not None:
                draft.recipient = yield from self._recipient(cursor)
                draft.goes_on(cursor.offset)
            elif _CALL_WITHOUT_END and draft.says_call and (yield from cursor.peek()) == "{":
                return draft.header()
            elif opener == self.words.to and not draft.marked:
                return None
            elif not (yield from self._header_word(draft, bool(gap), cursor)):
                return draft.unended

    def _ends_in(self, draft: _Draft, cursor: Cursor) -> bool:
        """Return whether the reply ends in the header, perhaps with the beginning of a marker, which is consumed."""
        if cursor.cut_of(self.parts):
            draft.marked = draft.marked or not cursor.text.endswith(tuple(self.parts.firsts))
            return True
        return cursor.at_end

    def _header_end(self, draft: _Draft, cursor: Cursor) -> Reading[Header | None]:
        cursor.take(cursor.at + len(self.words.message))
        if not draft.fits:
            return None
        while _DOUBLED_END and (yield from cursor.match(self._end)) is not None:
            pass
        return draft.header()

    def _header_word(self, draft: _Draft, apart: bool, cursor: Cursor) -> Reading[bool]:
        """Read a word of a header. Returns whether a word may be there. `apart`: white space was before it."""
        if cursor.cut_of(self._to):
            return True
        word = yield from cursor.run(_WORD, _MAX_WORD)
        to, sign = self.words.to[:-1], self.words.to[-1]
        if _STUCK_RECIPIENT and to and word.endswith(to) and (yield from cursor.peek()) == sign:
            word = word.removesuffix(to)  # the recipient is stuck to it
            cursor.at -= len(to)
        return bool(word) and draft.word(word, apart, cursor.offset)

    def known(self, channel: str) -> str | None:
        """Return the known channel with which `channel` begins, else None."""
        found = self._channel.match(channel)
        return None if found is None or not (_STUCK_TEXT or found.group() == channel) else found.group()

    def _recipient(self, cursor: Cursor) -> Reading[str]:
        return self.name((yield from read_name(cursor)))

    def name(self, written: str) -> str:
        name = written.removeprefix(self.prefix)
        return name if is_name(name) else ""


class _Draft:
    """A header, as far as it has been read."""

    def __init__(self, dialect: Messages, opener: str, fresh: bool) -> None:
        self._dialect = dialect
        self._words = dialect.words
        self._fresh = fresh
        self._place = opener  # the marker before the next word
        self._role = self.channel = self.recipient = ""
        self._body: int | None = None  # where the text begins if the header has no end
        self._glued = True  # its words directly follow their markers, as in a template
        self._text = False  # something that may be text is stuck to the channel
        self._odd = self._parts = 0
        self.marked = opener not in ("", dialect.words.to)

    @property
    def fits(self) -> bool:
        said = self._dialect.known(self.channel) or self.recipient or self._role == self._words.role
        return bool(said) or (self._glued and not self._odd)

    @property
    def says_call(self) -> bool:
        """Whether JSON may follow without the header's end. Other words show that this may be a sentence."""
        return self.recipient != "" and (self.marked or not self._odd)

    def header(self) -> Header:
        return Header(self.channel, self.recipient)

    @property
    def unended(self) -> Header | None:
        """The header if its end is missing and text is here; None if that cannot be."""
        ended = _WITHOUT_END and self._fresh and self.marked and self._body is not None
        return Header(self.channel, body=self._body) if ended else None

    def without_text(self) -> Header | None:
        """Return the header if its end is missing and the message ends here; None if that cannot be."""
        if self._odd or self._text:
            return self.unended
        return self.header() if _WITHOUT_TEXT and self._fresh and self.marked and self.fits else None

    def cut(self) -> Header | None:
        """Return the header if the reply ends here; None if that cannot be."""
        if self._text or (self._odd and not self.recipient):
            return self.unended
        return Header(self.channel, self.recipient, cut=True) if _CUT_HEADER and self.marked and self.fits else None

    def gap(self, space: str, offset: int) -> None:
        if self._body == offset - len(space):
            self._body = offset

    def goes_on(self, offset: int) -> None:
        if self._dialect.known(self.channel):
            self._body = offset

    def takes_part(self) -> bool:
        """Count another marker, and return whether it may be here."""
        self._parts += 1
        return (not self._odd or self.recipient != "") and self._parts <= _PARTS

    def part(self, part: str, offset: int) -> None:
        self._place, self.marked = part, True
        if part == self._words.start:
            self._role = self.channel = self.recipient = ""
        elif part == self._words.channel:
            self.channel = ""
        else:
            self.goes_on(offset)

    def word(self, word: str, apart: bool, offset: int) -> bool:
        """Take the next word. Returns False if the header cannot go on with it."""
        dialect, words, place = self._dialect, self._words, self._place or None
        if not self._role and (place == words.start or (not self.marked and word == words.role)):
            self._role = word
            self._glued = self._glued and not apart and word[0] not in _STOPS
        elif dialect.prefix and word.startswith(dialect.prefix) and not self.recipient:
            self.recipient = dialect.name(word)
        elif not self.channel and (place == words.channel or (not self.marked and word in dialect.channels)):
            self.channel = word
            self._glued = self._glued and not apart and word[0] not in _STOPS
            known = dialect.known(word)
            self._body = None if known is None else offset - len(word) + len(known)
            self._text = known not in (None, word)
        elif place == words.constrain:
            self._place = ""
            self.goes_on(offset)
        else:
            self._odd += 1
        return not self._odd or ((self.marked or self.recipient != "") and self._odd <= _ODD_WORDS)


def _cut() -> Reading[bool | None]:
    return None
    yield  # a generator, as all reads are
