"""What every character of a reply became: content, reasoning, a name, arguments, markup, or nothing.

The parser itself tells: the same machine runs over a cursor and a reply that write down where they stand.

- What the machine hands to the client as content or reasoning ends where its cursor stands, so its place is known.
- A marker is what the cursor read as one and the machine did not hand on as text.
- A call's arguments are what was read between its announcement and the last of its argument text, less markers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import groupby

from pydantic import BaseModel, ConfigDict

from .arguments import name as names
from .cursor import _SPACES as SPACES
from .cursor import SPACE, Cursor, Markers, Reading, Sink
from .doubtful import DoubtfulCall, HeldCall
from .events import Event
from .message import Message, fold
from .parser import Parser
from .registry import REASONING_ROWS, TOOL_ROWS
from .reply import Call, Reply

_QUOTES = "\"'"
_PUNCTUATION = frozenset("{}[]()\"',;:=`" + SPACE)
_TAG_CHARS = frozenset("<>|`")
_PREFIX = "functions."
_KEY = re.compile(r'[{,]("(?:[^"\\]|\\.)*"):', re.DOTALL)
_KEY_FOLLOWS = re.compile(r"\s*:")


class Kind(str, Enum):
    """What a span of the model's text became."""

    CONTENT = "content"
    REASONING = "reasoning"
    NAME = "name"
    ARGUMENTS = "arguments"
    MARKER = "marker"
    """Markup: markers, tags, and the JSON around a name and its arguments."""
    SPACE = "space"
    """White space that is framing."""
    DROPPED = "dropped"
    """Text that the client does not get: between the calls of a section, a cut opener."""


class Span(BaseModel):
    """`text` stands at `start` (in characters) of the reply and ends before `end`."""

    model_config = ConfigDict(frozen=True)

    start: int
    end: int
    kind: Kind
    text: str
    call: int | None = None
    """The index of the call whose name or arguments it is; None also for a call that the client does not get."""


class Explanation(BaseModel):
    """A reply, what became of each part of it, and the message. The spans follow each other without a gap."""

    model_config = ConfigDict(frozen=True)

    text: str
    spans: list[Span]
    message: Message

    def joined(self, kind: Kind, call: int | None = None) -> str:
        """The text of all spans of a kind."""
        return "".join(span.text for span in self.spans if span.kind is kind and call in (None, span.call))


def explain(  # noqa: PLR0913
    text: str,
    tool_parser: str | None = None,
    reasoning_parser: str | None = None,
    tools: Sequence[object] | None = None,
    tool_choice: object = "auto",
    parallel_tool_calls: bool = True,
    chat_template_kwargs: Mapping[str, object] | None = None,
    in_reasoning: bool | None = None,
    engine_finish: str | None = "stop",
) -> Explanation:
    """What became of each part of a whole reply. Arguments as for `parse`."""
    parser = _TracingParser(
        tool_parser, reasoning_parser, tools, tool_choice, parallel_tool_calls, chat_template_kwargs, in_reasoning
    )
    events, spans = parser.explained(text)
    return Explanation(text=text, spans=spans, message=fold(events, engine_finish, tool_choice))


def known_markers() -> frozenset[str]:
    """Every marker of every markup."""
    found: set[str] = set()
    for tool in TOOL_ROWS:
        found |= tool.format.markers | {tool.turn_end, *tool.turn_ends, *tool.special_tokens, *tool.added_tokens}
    for row in REASONING_ROWS:
        found |= {*row.think.opens, *row.think.closes, *row.turn_ends, *row.special_tokens, *row.added_tokens}
        if row.frame is not None:
            found |= row.frame.markers
    return frozenset(found - {""})


_MARKERS = known_markers()


class _Trace:
    """The kinds of the characters read so far."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self.text = ""
        self.kinds: list[Kind | None] = []  # None: text of which nothing is known yet
        self.calls: list[int | None] = []
        self.names: list[tuple[int, int]] = []  # where names were read
        self.floor = 0  # nothing before it belongs to the next call
        self.late = False  # what is said was read before
        self.late_end: int | None = None  # up to this offset
        self.indices: dict[int, int | None] = {}  # of the calls that were held, by the number they had then

    @property
    def offset(self) -> int:
        """How many characters of the reply have been read."""
        return self._cursor.offset

    def read(self, start: int, end: int) -> None:
        self.kinds[start:end] = [None] * (end - start)
        self.calls[start:end] = [None] * (end - start)

    def put(self, start: int, end: int, kind: Kind, call: int | None = None) -> None:
        self.kinds[start:end] = [kind] * (end - start)
        self.calls[start:end] = [call] * (end - start)

    def put_of_call(self, start: int, end: int, kind: Kind, call: int | None) -> None:
        """Put a part of a call, unless its text stays in the message as it is."""
        if call is not None or Kind.CONTENT not in self.kinds[start:end]:
            self.put(start, end, kind, call)

    def fill(self, start: int, end: int, kind: Kind) -> None:
        """Put `kind` where nothing is known yet."""
        self.kinds[start:end] = [kind if each is None else each for each in self.kinds[start:end]]

    def marker(self, marker: str) -> None:
        if marker in _MARKERS or not _TAG_CHARS.isdisjoint(marker):
            self.fill(self.offset - len(marker), self.offset, Kind.MARKER)

    def place(self, said: str) -> int | None:
        """Where `said`, which was just handed on, stands; None if the reply does not hold it, or it is said late."""
        if self.late:
            return None if self.late_end is None else self.late_end - len(said)
        start = self.offset - len(said)
        if self.text[max(start, 0) : self.offset] == said:
            return start
        start = self.text.rfind(said, self.floor, self.offset)
        return None if start < 0 else start

    def said(self, start: int, end: int, kind: Kind) -> None:
        self.put(start, end, kind)
        self.floor = max(self.floor, end)

    # --- calls

    def call_starts(self, name: str, index: int | None) -> _Body:
        start = self._name(name)
        opener = self.offset if start is None else start
        while opener > self.floor and self.kinds[opener - 1] is not Kind.MARKER:
            opener -= 1
        self.fill(self.floor if opener == self.floor else opener, self.offset, Kind.MARKER)
        if start is not None:
            self.put_of_call(start, start + len(name), Kind.NAME, index)
        body = _Body(self, index, self.floor)
        self.floor = self.offset
        return body

    def _name(self, name: str) -> int | None:
        """Where the name of a call that is announced here stands."""
        for start, end in reversed(self.names):
            written = self.text[start:end]
            prefixed = written.startswith(_PREFIX) and not name.startswith(_PREFIX)
            place = start + written.find(name, len(_PREFIX) if prefixed else 0)
            if self.floor <= start <= place and place + len(name) <= self.offset:
                return place
        end = self.offset
        while (found := self.text.rfind(name, self.floor, end)) >= 0:
            behind = found + len(name)
            quoted = found > 0 and self.text[found - 1] in _QUOTES and self.text[behind : behind + 1] in _QUOTES
            if quoted and not _KEY_FOLLOWS.match(self.text, behind + 1):
                return found
            end = behind - 1
        found = self.text.rfind(name, self.floor, self.offset)
        return None if found < 0 else found

    def finished(self, read: int) -> list[Span]:
        """The spans of the whole reply, of which `read` characters were read."""
        self.calls = [self.indices.get(call, call) if call is not None else None for call in self.calls]
        missing = len(self.text) - len(self.kinds)
        self.kinds += [None] * missing
        self.calls += [None] * missing
        self.kinds[read:] = [None] * (len(self.text) - read)
        at = 0
        for kind, group in groupby(self.kinds[:]):
            end = at + len(list(group))
            if kind is None:
                self._settle(at, end)
            at = end
        self._join()
        return self._spans()

    def _join(self) -> None:
        """White space inside arguments, and on one line inside markup, is theirs."""
        at = 0
        runs = [(run, len(list(group))) for run, group in groupby(zip(self.kinds, self.calls, strict=True))]
        for place, ((kind, _), size) in enumerate(runs):
            if kind is Kind.SPACE and 0 < place < len(runs) - 1 and runs[place - 1][0] == runs[place + 1][0]:
                around, call = runs[place - 1][0]
                on_a_line = "\n" not in self.text[at : at + size]
                if around is Kind.ARGUMENTS or (around is Kind.MARKER and on_a_line):
                    self.put(at, at + size, around, call)
            at += size

    def _settle(self, start: int, end: int) -> None:
        piece = self.text[start:end]
        if not piece.strip(SPACE):
            self.put(start, end, Kind.SPACE)
        elif _PUNCTUATION.issuperset(piece):
            self.put(start, end, Kind.MARKER)
        else:
            self.put(start, end, Kind.DROPPED)

    def _spans(self) -> list[Span]:
        spans: list[Span] = []
        at = 0
        for (kind, call), group in groupby(zip(self.kinds, self.calls, strict=True)):
            end = at + len(list(group))
            assert kind is not None
            spans.append(Span(start=at, end=end, kind=kind, text=self.text[at:end], call=call))
            at = end
        return spans


class _Body:
    """The arguments of one call, as far as they have been read."""

    def __init__(self, trace: _Trace, index: int | None, before: int) -> None:
        self._trace = trace
        self._index = index
        self._called = trace.offset
        # A call is announced with its first argument text: the header of that one stands before.
        self._first = self._start = trace.names[-1][1] if trace.names else trace.offset
        self._before = before  # where the call may begin
        self._json: int | None = None  # where a body in JSON begins
        self._begun = False

    def argument_text(self, text: str) -> None:
        """`text` went out as argument text."""
        trace = self._trace
        end = trace.offset
        if not self._begun:
            self._begun = True
            if text == "{" and trace.text[end - 1 : end] == "{":
                self._json = end - 1
            elif text.startswith("{") and len(text) > 2:
                early = trace.text.rfind(text, self._before, end)
                if early >= 0:  # arguments that stand before the name
                    trace.put_of_call(early, early + len(text), Kind.ARGUMENTS, self._index)
        if self._json is not None:
            trace.put_of_call(self._json, end, Kind.ARGUMENTS, self._index)
            self._json = end
        else:
            self._values(text, end)
            self._rest(end)
            if found := _KEY.fullmatch(text):
                self._header(_decoded(found[1]), end)
        trace.floor = max(trace.floor, end)

    def _values(self, text: str, end: int) -> None:
        """Put the text of values: a piece of a string, which ends here, or all strings of a value sent whole."""
        trace = self._trace
        written = _decoded(f'"{text}"')
        if isinstance(written, str):
            # The line break before a closer is held: it may be framing.
            for stop in (end, end - 1) if trace.text[end - 1 : end] == "\n" else (end,):
                start = stop - len(written)
                if written and start >= self._start - 1 and trace.text[start:stop] == written:
                    trace.put_of_call(start, stop, Kind.ARGUMENTS, self._index)
                    return
            return
        at = self._start
        for string in _strings(_decoded(text)):
            for spelled in (string, json.dumps(string, ensure_ascii=False)[1:-1]):
                found = trace.text.find(spelled, at, end) if spelled else -1
                if found >= 0:
                    at = found + len(spelled)
                    trace.put_of_call(found, at, Kind.ARGUMENTS, self._index)
                    break

    def _header(self, key: object, end: int) -> None:
        """In the tag that ends here only the key is an argument's; attributes are markup."""
        trace, stop = self._trace, end
        if end == self._called and isinstance(key, str):
            at = trace.text.rfind(key, self._first, end)
            if at >= 0:
                trace.put_of_call(at, at + len(key), Kind.ARGUMENTS, self._index)
            return
        while stop > self._first and trace.kinds[stop - 1] in (Kind.MARKER, Kind.SPACE):
            stop -= 1
        start = stop
        while start > self._first and trace.kinds[start - 1] is not Kind.MARKER:
            start -= 1
        tag = trace.text[start:stop]
        if isinstance(key, str) and key in tag and self._first < start < stop < end:
            at = start + tag.index(key)
            trace.put_of_call(start, stop, Kind.MARKER, None)
            trace.put_of_call(at, at + len(key), Kind.ARGUMENTS, self._index)

    def _rest(self, end: int) -> None:
        """What was read since the last argument text and is no marker: keys, and what a value is written in."""
        trace = self._trace
        at = self._start
        for kind, group in groupby(trace.kinds[self._start : end]):
            stop = at + len(list(group))
            piece = trace.text[at:stop].strip(SPACE)
            if kind is None and piece:
                start = trace.text.index(piece, at)
                trace.put_of_call(start, start + len(piece), Kind.ARGUMENTS, self._index)
            at = stop
        self._start = end


def _strings(value: object) -> Iterator[str]:
    """Every string in a JSON value, keys included, in order; nesting is kept on a list, never recursed."""
    stack = [iter([value])]
    while stack:
        for each in stack[-1]:
            if isinstance(each, str):
                yield each
            elif isinstance(each, dict):
                stack.append(iter([part for pair in each.items() for part in pair]))
                break
            elif isinstance(each, list):
                stack.append(iter(each))
                break
        else:
            stack.pop()


def _decoded(text: str) -> object:
    """A JSON value; None where `text` is none."""
    try:
        found: object = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return found


class _Placed(str):
    """White space, or a turn's end token, that is held, and where it stands."""

    start: int | None

    @classmethod
    def at(cls, text: str, start: int | None) -> _Placed:
        placed = cls(text)
        placed.start = start
        return placed


class _TracingCursor(Cursor):
    """A cursor that writes down what it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.trace = _Trace(self)

    def feed(self, text: str) -> bool:
        self.passes = None  # what goes on without the reader would not be written down
        return super().feed(text)

    def take(self, end: int) -> str:
        start = self.offset
        self.trace.read(start, start + end - self.at)
        return super().take(end)

    def until(self, markers: Markers, sink: Sink, cut: Sink | None = None, *, read: bool = True) -> Reading[str | None]:
        marker = yield from super().until(markers, sink, cut, read=read)
        if marker is not None and read:
            self.trace.marker(marker)
        return marker

    def skip(self, size: int) -> str:
        marker = super().skip(size)
        self.trace.marker(marker)
        return marker

    def match(self, markers: Markers) -> Reading[str | None]:
        marker = yield from super().match(markers)
        if marker is not None:
            self.trace.marker(marker)
        return marker

    def run(self, pattern: re.Pattern[str], limit: int | None = None) -> Reading[str]:
        found = yield from super().run(pattern, limit)
        end = self.offset
        if pattern is names._NAME:
            self.trace.names.append((end - len(found), end))
        elif pattern is SPACES:
            self.trace.fill(end - len(found), end, Kind.SPACE)
        return found


class _TracedCall(Call):
    """A call that writes down its arguments."""

    __slots__ = ("body",)
    body: _Body

    def arguments(self, text: str) -> None:
        if text:
            self.body.argument_text(text)
        super().arguments(text)


class _TracingReply(Reply):
    """A reply that writes down where in the text stands what it is told."""

    trace: _Trace
    _body: tuple[int, int] | None = None  # where the content stands that is being said
    _deferred_places: tuple[int, ...] = ()
    _numbers_held: dict[int, int]

    def content(self, text: str) -> None:
        if self._doubt is not None and self._waits(self.content, text):
            return
        start = self.trace.place(text)
        body = len(text.rstrip(SPACE))
        self._body = None if start is None else (start, start + body)
        super().content(text)
        if self._body is not None and body:
            self.trace.said(*self._body, Kind.CONTENT)
        self._body = None
        if body < len(text):
            self._space[-1] = _Placed.at(text[body:], None if start is None else start + body)

    def _lead(self, body: str) -> str:
        held = [*(self._before if self.content_seen else ()), *self._space]
        place, self._body = self._body, None
        whole = super()._lead(body)
        if place is not None:
            self.trace.said(max(place[0], place[1] - len(whole)), place[1], Kind.CONTENT)
        rest = len(whole) - len(body)
        for piece in reversed(held):
            if rest <= 0:
                break
            kept = min(rest, len(piece))
            if isinstance(piece, _Placed) and piece.start is not None:
                end = piece.start + len(piece)
                self.trace.said(end - kept, end, Kind.CONTENT)
            rest -= kept
        return whole

    def tail(self, token: str) -> None:
        super().tail(token)
        if self.doubts:
            return
        self._space[-1] = _Placed.at(token, self.trace.place(token))

    def reasoning(self, text: str) -> None:
        if self._doubt is not None and self._waits(self.reasoning, text):
            return
        start = self.trace.place(text)
        held = list(self._reasoning_space)
        super().reasoning(text)
        if len(self._reasoning_space) > len(held):
            self._reasoning_space[-1] = _Placed.at(text, start)
            return
        for piece in (*held, _Placed.at(text, start)):
            if isinstance(piece, _Placed) and piece.start is not None:
                self.trace.said(piece.start, piece.start + len(piece), Kind.REASONING)
                if self._deferred is not None:
                    self._deferred_places += tuple(range(piece.start, piece.start + len(piece)))

    def reasoning_tail(self, token: str) -> None:
        super().reasoning_tail(token)
        if self.doubts:
            return
        self._reasoning_space[-1] = _Placed.at(token, self.trace.place(token))

    def call(self, name: str, native_id: str | None = None, said: int = 0) -> Call:
        made = super().call(name, native_id, said)
        traced = _TracedCall(made._reply, made.index, made.name)
        index = made.index if made.index >= 0 else None
        if isinstance(made._reply, HeldCall):
            index = self._numbers_held[id(made._reply)] = -2 - len(self._numbers_held)
        traced.body = self.trace.call_starts(made.name, index)
        return traced

    def _later(self, say: Callable[[], None], space: str = "") -> None:
        end = self.trace.offset

        def say_there() -> None:
            self.trace.late_end = end
            say()
            self.trace.late_end = None

        super()._later(say_there, space)

    def release(self) -> None:
        self.trace.late, before = True, self.trace.late
        super().release()
        self.trace.late = before

    def _count(self) -> None:
        self.trace.late = True
        super()._count()
        self.trace.late = False

    def _say_text(self, item: DoubtfulCall, sink: Sink) -> None:
        size = len(item.raw.text())
        super()._say_text(item, sink)
        if self._kind in ("content", "reasoning"):
            self.trace.put(item.begin, item.begin + size, Kind(self._kind))

    def _tell(self, held: HeldCall) -> Call:
        call = super()._tell(held)
        self.trace.indices[self._numbers_held[id(held)]] = call.index if call.index >= 0 else None
        return call

    def end(self) -> None:
        self._count()
        held = "" if self._deferred is None else "".join(self.trace.text[at] for at in self._deferred_places)
        super().end()
        if held.strip(SPACE):  # reasoning that turned out to be the answer
            lead = len(held) - len(held.lstrip(SPACE))
            kept = range(lead, len(held.rstrip(SPACE)))
            for number, place in enumerate(self._deferred_places):
                self.trace.put(place, place + 1, Kind.CONTENT if number in kept else Kind.SPACE)


class _TracingParser(Parser):
    """A parser whose machine writes down what it reads."""

    cursor_type = _TracingCursor
    reply_type = _TracingReply

    def explained(self, text: str) -> tuple[list[Event], list[Span]]:
        cursor, reply = self._cursor, self._reply
        assert isinstance(cursor, _TracingCursor)
        assert isinstance(reply, _TracingReply)
        cursor.trace.text = text
        reply.trace = cursor.trace
        reply._numbers_held = {}
        events = [*self.feed(text), *self.finish()]
        return events, cursor.trace.finished(cursor.offset)
