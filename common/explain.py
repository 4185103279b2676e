"""Shows what every character of a reply became: content, reasoning, a name, arguments, markup, or nothing.

This is a fold over the parser's events. The reply is fed one character at a time, so each event comes from the text up
to that point; its text is looked up between the previous event and there. Events do not depend on cuts, so these are
the events of the original reply. Text that no event has is markup, white space, or was dropped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from itertools import groupby

from pydantic import BaseModel, ConfigDict

from .cursor import SPACE
from .events import ContentDelta, Event, ReasoningDelta, ToolArgumentsDelta, ToolCallEnd, ToolCallStart
from .message import Message, fold
from .parser import Parser
from .registry import REASONING_ROWS, TOOL_ROWS


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
    """Text that the client does not get: between the calls of a section, a cut opener, a call too many."""


class Span(BaseModel):
    """A span of the reply: `text` from character `start` up to `end`, exclusive."""

    model_config = ConfigDict(frozen=True)

    start: int
    end: int
    kind: Kind
    text: str
    call: int | None = None
    """The index of the call whose name or arguments it is."""


class Explanation(BaseModel):
    """A reply, what each part of it became, and the message. The spans follow each other without a gap."""

    model_config = ConfigDict(frozen=True)

    text: str
    spans: list[Span]
    message: Message

    def joined(self, kind: Kind, call: int | None = None) -> str:
        """Return the text of all spans of a kind, and of a call if `call` is given."""
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
    """Return what each part of a whole reply became. Arguments and errors are those of `parse`."""
    parser = Parser(
        tool_parser, reasoning_parser, tools, tool_choice, parallel_tool_calls, chat_template_kwargs, in_reasoning
    )
    places = _Places(text)
    events: list[Event] = []
    for end, char in enumerate(text, 1):
        events += places.of(parser.feed(char), end)
    events += places.of(parser.finish(), len(text))
    return Explanation(text=text, spans=places.spans(), message=fold(events, engine_finish, tool_choice))


def known_markers() -> frozenset[str]:
    """Return every marker of every markup."""
    found: set[str] = set()
    for tool in TOOL_ROWS:
        found |= tool.format.markers | {tool.turn_end, *tool.turn_ends, *tool.special_tokens, *tool.added_tokens}
    for row in REASONING_ROWS:
        found |= {*row.think.opens, *row.think.closes, *row.turn_ends, *row.special_tokens, *row.added_tokens}
        if row.frame is not None:
            found |= row.frame.markers
    return frozenset(found - {""})


# Longer ones first, without words and single signs, which are often text.
_MARKERS = re.compile(
    "|".join(re.escape(each) for each in sorted(known_markers(), key=len, reverse=True) if re.search("[<>\\[|]", each))
)
_ENOUGH = 8
"""How many characters are compared to know whether a marker is part of an event's text."""
_LONGEST = max(map(len, known_markers()))
_PIECES = re.compile(
    rf"(?P<space>[{SPACE}]+)|(?P<markup>{_MARKERS.pattern}|</?[\w:.｜|▁-]+|[{{}}\[\]()\"',;:=`<>|])|(?P<other>.)",
    re.DOTALL,
)
_JSON = re.compile(r'"(?P<string>(?:[^"\\]|\\.)*)(?:"(?P<colon>\s*:)?|$)|(?P<word>[^\s\[\]{}:,"]+)', re.DOTALL)
_QUOTE = re.compile(r'(?<!\\)(?:\\\\)*"')


class _Places:
    """Finds the places in a reply of the texts of its events."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._kinds: list[Kind | None] = [None] * len(text)  # None: not part of an event
        self._calls: list[int | None] = [None] * len(text)
        self._floor = 0  # the end of the last event's text
        self._end = 0  # the latest end of the next event's text
        self._spoken = {Kind.CONTENT: 0, Kind.REASONING: 0}  # the end of the last text of each kind
        self._header = 0  # the start of the call's header
        self._late = False  # held output comes out: its texts are in order, from the floor on
        self._call: int | None = None
        self._name = ""
        self._in_string = False  # the argument text so far ends inside a string
        self._as_json = False  # the call's arguments are JSON text in the reply

    def of(self, events: list[Event], end: int) -> list[Event]:
        """Find the texts of `events`, which came when the reply had been fed up to `end`. Returns `events`."""
        self._end = end
        kinds = [type(event) for event in events]
        self._late = ToolCallStart in kinds and ToolCallEnd in kinds
        for event in events:
            match event:
                case ContentDelta(text=said):
                    self._said(said, Kind.CONTENT)
                case ReasoningDelta(text=said):
                    self._said(said, Kind.REASONING)
                case ToolCallStart():
                    self._call, self._name = event.index, event.name
                case ToolArgumentsDelta(text=said):
                    self._arguments(said)
                case ToolCallEnd():
                    self._call, self._in_string, self._as_json = None, False, False
        return events

    # --- text

    def _said(self, said: str, kind: Kind) -> None:
        goes_on = self._spoken[kind] == self._floor and self._text.startswith(said, self._floor)
        start = self._floor if goes_on else self._place(said)
        if start is None:
            start = self._end - (0 if self._late else self._shared(said))
            apart = len(said) - (self._end - start)
            self._pieces(said[:apart], self._spoken[kind], kind)
            said = said[apart:]
        if said:
            self._put(start, start + len(said), kind)
            self._spoken[kind] = start + len(said)

    def _shared(self, said: str) -> int:
        """Return how many characters at the end of `said` are equal to the last that were fed."""
        size = 0
        while (
            size < len(said) and said[-1 - size] == self._text[self._end - 1 - size] and self._end - size > self._floor
        ):
            size += 1
        return size

    def _pieces(self, said: str, at: int, kind: Kind) -> None:
        """Place text that is not contiguous: white space around calls, or text without the markers in it."""
        for number, char in enumerate(said):
            found = self._free(char, at)
            while found >= 0 and (marker := self._marker_at(found)) is not None:
                goes_on = marker.start() < found == at
                if goes_on or self._text.startswith(said[number : number + _ENOUGH], found):
                    break  # the marker is text
                found = self._free(char, marker.end())
            if found >= 0:
                self._put(found, found + 1, kind)
                at = found + 1

    def _free(self, char: str, at: int) -> int:
        """Return the next place of `char` that has no other kind; -1 if there is none."""
        at = self._text.find(char, at, self._end)
        while at >= 0 and self._kinds[at] not in (None, Kind.SPACE):
            at = self._text.find(char, at + 1, self._end)
        return at

    def _place(self, said: str) -> int | None:
        """Return the place of `said` after the floor: at the end of the fed text, else the earliest; None if none."""
        start = self._end - len(said)
        if start >= self._floor and not self._late and self._text.startswith(said, start):
            return start
        start = self._text.find(said, self._floor, self._end)
        return None if start < 0 else start

    def _put(self, start: int, end: int, kind: Kind, call: int | None = None) -> None:
        self._kinds[start:end] = [kind] * (end - start)
        self._calls[start:end] = [call] * (end - start)
        self._floor = max(self._floor, end)

    # --- calls

    def _arguments(self, said: str) -> None:
        if not said:
            return
        if self._name:
            self._call_begins(said)
        elif self._as_json:
            start = self._place(said)
            self._put(self._floor, self._end if start is None else start + len(said), Kind.ARGUMENTS, self._call)
        else:
            self._values(said)

    def _call_begins(self, said: str) -> None:
        """Place a call's header and its first argument text."""
        header = self._header = self._floor
        before = self._end
        start = self._place(said) if said.startswith("{") else None
        self._as_json = start is not None
        if start is not None:
            self._put(start, start + len(said), Kind.ARGUMENTS, self._call)
            before = start
        else:
            named = self._text.find(self._name, header, self._end)
            self._floor = named + len(self._name) if named >= 0 else header
            self._values(said, header=True)
            kinds = self._kinds[header : self._end]
            before = header + kinds.index(Kind.ARGUMENTS) if Kind.ARGUMENTS in kinds else before
        name, self._name = self._name, ""
        at = self._name_place(name, header, before)
        if at is not None:
            self._put(at, at + len(name), Kind.NAME, self._call)
        openers = [marker.start() for marker in _MARKERS.finditer(self._text, header, at or before)]
        self._settle(header, openers[-1] if openers else header, Kind.DROPPED)
        self._settle(openers[-1] if openers else header, self._floor, Kind.MARKER)

    def _name_place(self, name: str, start: int, end: int) -> int | None:
        """Return the place of a call's name in its header: the last one, if possible in quotes and not a key."""
        text, pattern = self._text, re.compile(re.escape(name))
        places = [found.start() for found in pattern.finditer(text, start, end)]
        if not places:  # the arguments come before the name
            places = [found.start() for found in pattern.finditer(text, end, self._end)][:1]
        free = [at for at in places if self._kinds[at] is None]
        quoted = re.compile(f"(?<=[\"']){re.escape(name)}[\"'](?!\\s*:)")
        in_quotes = [at for at in free if quoted.match(self._text, at)]
        found = in_quotes or free
        return found[0 if self._late and end == self._end else -1] if found else None

    def _values(self, said: str, *, header: bool = False) -> None:
        """Place argument text that is not JSON in the reply: find its keys, strings and numbers."""
        goes_on = self._in_string
        atoms = list(_atoms(said, in_string=goes_on))
        self._in_string ^= len(_QUOTE.findall(said)) % 2 == 1
        for number, (atom, is_key) in enumerate(atoms):
            if is_key and number == len(atoms) - 1:
                self._key(atom, header=header)
                continue
            found = self._value_place(atom, is_key, goes_on=goes_on and not number, last=number == len(atoms) - 1)
            if found is not None:
                if not header:
                    self._settle(self._floor, found[0], Kind.MARKER)
                self._put(*found, Kind.ARGUMENTS, self._call)
            elif not header:
                self._settle(self._floor, self._end, Kind.ARGUMENTS)

    def _value_place(self, atom: str, is_key: bool, *, goes_on: bool, last: bool) -> tuple[int, int] | None:
        """Return the place of a string, number or word: at the end of the fed text, at the floor, or the earliest."""
        text, floor, end = self._text, self._floor, self._end
        for spelled in (atom, json.dumps(atom, ensure_ascii=False)[1:-1]):
            size = len(spelled)
            ends = last and not self._late and end - size >= floor and text.startswith(spelled, end - size)
            if text.startswith(spelled, floor) and floor + size <= end and (goes_on or not ends):
                return floor, floor + size
            if ends:
                return end - size, end
            places = [found.start() for found in re.compile(re.escape(spelled)).finditer(text, floor, end)]
            free = [at for at in places if self._marker_at(at) is None]
            outside = [at for at in free if is_key or not text.endswith('="', 0, at)]
            before = text.find(spelled, self._header, floor)  # a value that comes before its key
            if before >= 0 and {None, Kind.DROPPED}.issuperset(self._kinds[before : before + size]):
                outside.append(before)
            for at in outside or free or places:
                return at, at + size
        return None

    def _marker_at(self, at: int) -> re.Match[str] | None:
        """Return the marker of which the character at `at` is a part; None if there is none."""
        found = _MARKERS.search(self._text, max(0, at - _LONGEST), at + _LONGEST)
        while found is not None and found.end() <= at:
            found = _MARKERS.search(self._text, found.end(), at + _LONGEST)
        return found if found is not None and found.start() <= at else None

    def _key(self, key: str, *, header: bool) -> None:
        """Place the markup before a value, which ends here: only the key in it is part of the arguments."""
        at = self._end
        while (at := self._text.rfind(key, self._floor, at)) >= 0:
            marker = self._marker_at(at)
            if marker is None and not self._text.startswith("=", at + len(key)):
                break
            at += len(key) - 1
        if at < 0:
            return
        floor = self._floor
        self._put(at, at + len(key), Kind.ARGUMENTS, self._call)
        if header:
            return
        line = max(self._text.rfind(sign, floor, at) for sign in ">\n") + 1
        tag = self._text.rfind("<", line, at)
        begins = tag if tag >= 0 else max(line, floor)
        self._settle(floor, begins, Kind.DROPPED)
        self._settle(begins, at, Kind.MARKER)

    # --- what no event says

    def _settle(self, start: int, end: int, kind: Kind) -> None:
        """Markup and white space are what they are; what else no event says from `start` to `end` is `kind`."""
        at = start
        while at < end:
            if self._kinds[at] is not None:
                at += 1
                continue
            stop = next((each for each in range(at, end) if self._kinds[each] is not None), end)
            for piece in _PIECES.finditer(self._text, at, stop):
                is_space, is_markup = piece.lastgroup == "space", piece.lastgroup == "markup"
                found = Kind.SPACE if is_space else Kind.MARKER if is_markup else kind
                self._kinds[piece.start() : piece.end()] = [found] * len(piece[0])
                if found is Kind.ARGUMENTS:
                    self._calls[piece.start() : piece.end()] = [self._call] * len(piece[0])
            at = stop

    def spans(self) -> list[Span]:
        """Return the spans of the whole reply."""
        self._settle(0, len(self._text), Kind.DROPPED)
        self._join()
        spans: list[Span] = []
        at = 0
        for (kind, call), group in groupby(zip(self._kinds, self._calls, strict=True)):
            end = at + len(list(group))
            assert kind is not None
            spans.append(Span(start=at, end=end, kind=kind, text=self._text[at:end], call=call))
            at = end
        return spans

    def _join(self) -> None:
        """White space inside arguments, and on one line inside markup, is theirs."""
        at = 0
        runs = [(run, len(list(group))) for run, group in groupby(zip(self._kinds, self._calls, strict=True))]
        for place, ((kind, _), size) in enumerate(runs):
            if kind is Kind.SPACE and 0 < place < len(runs) - 1 and runs[place - 1][0] == runs[place + 1][0]:
                around, call = runs[place - 1][0]
                if around is Kind.ARGUMENTS or (around is Kind.MARKER and "\n" not in self._text[at : at + size]):
                    self._kinds[at : at + size], self._calls[at : at + size] = [around] * size, [call] * size
            at += size


def _atoms(said: str, *, in_string: bool) -> Iterator[tuple[str, bool]]:
    """Yield the keys, strings, numbers and words in a piece of JSON text, decoded, and whether each is a key."""
    for piece in _JSON.finditer(('"' if in_string else "") + said):
        if piece["string"] is not None:
            text = _decoded(piece["string"])
            if text:
                yield text, piece["colon"] is not None
        elif piece["word"]:
            yield piece["word"], False


def _decoded(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text
