"""Turns what the machine reads into events: white space, turn ends, call numbers, ids, the request's policy.

- White space is content only between two pieces of content, so it is held until there is content on both sides.
- A turn-end token is text only if more text follows.
- This module decides, for all formats, which calls the client gets (`tool_choice`, `parallel_tool_calls`).
"""

from __future__ import annotations

import re
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .arguments.wrapped import Wrapped, wrapped
from .cursor import NO_MARKERS, SPACE, Cursor, Markers, Sink, union
from .doubtful import Doubt, DoubtfulCall, HeldCall, Said
from .events import ContentDelta, Event, ReasoningDelta, ToolArgumentsDelta, ToolCallEnd, ToolCallStart
from .held import Held
from .recovery import rule
from .schema import Tools

_CUT_REHEARSAL = rule("a call in reasoning that the end of reasoning cuts off", contract="Doubtful calls")
_SENTENCE_ENDS = frozenset(".!?…。！？")
_AFTER_SENTENCE = "\"'”’)]*_`"
"""Characters that may follow the end of a sentence."""
_LINE = 64
"""How many characters of reasoning are remembered, to know whether a marker is at the start of a line."""
_CONTENT = "content"
_NATIVE_INDEX = re.compile(r"(.*?)(\d{1,9})\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Policy:
    """Which of the model's calls the client gets."""

    returned: bool = True  # False: tool_choice "none"
    only: str | None = None  # a named choice
    parallel: bool = True


@dataclass(frozen=True, slots=True)
class Doubts:
    """Which calls are doubtful, and what they become if they count."""

    rehearsed: bool = True  # those in open reasoning
    undeclared: bool = True  # those under a name that the request does not declare
    verbatim: bool = False  # one that counts is verbatim content, not a call


NO_DOUBTS = Doubts(rehearsed=False, undeclared=False)


@dataclass(slots=True)
class Body:
    """A message of calls: the offset of its text, and the sink for the text if the calls do not count."""

    begin: int
    text: Sink
    called: bool = False
    """Whether a call of it was announced; the beginning of the message belongs to the first one."""


class Call:
    """One announced call: it takes its argument text and its end."""

    __slots__ = ("_reply", "_wrapped", "index", "name")

    def __init__(self, reply: Reply | HeldCall | None, index: int, name: str, wrapped: Wrapped | None = None) -> None:
        # None: the client does not get this call. A HeldCall: that is not known yet.
        self._reply = reply
        self._wrapped = wrapped  # None: the arguments are not wrapped
        self.index = index
        self.name = name

    def arguments(self, text: str) -> None:
        reply = self._reply
        if reply is None or not text:
            return
        if self._wrapped is not None:
            known = self._wrapped.add(text)
            if known is None:
                return
            self._wrapped, text = None, known
        reply.say(self, text)

    def end(self, complete: bool) -> None:
        if self._reply is None:
            return
        if self._wrapped is not None and (text := self._wrapped.end(complete)):
            self._reply.say(self, text)
        self._reply.call_ends(self, complete)


class Reply:
    """The reply so far. The machine writes to it; the parser takes its events (`take_events`)."""

    __slots__ = (
        "_after_call",
        "_after_reasoning",
        "_before",
        "_calls",
        "_deferred",
        "_doubt",
        "_doubts",
        "_events",
        "_ids",
        "_in_content",
        "_kind",
        "_last",
        "_line",
        "_new_id",
        "_numbers",
        "_pieces",
        "_reasoning_closes",
        "_reasoning_space",
        "_space",
        "body",
        "calls_read",
        "content_seen",
        "cursor",
        "owed_closer",
        "policy",
        "reasoning_begun",
        "reasoning_opens",
        "rehearsed",
        "stops",
        "tools",
        "turn_ends",
    )

    def __init__(  # noqa: PLR0913
        self,
        cursor: Cursor,
        tools: Tools,
        policy: Policy,
        *,
        doubts: Doubts = NO_DOUBTS,
        defer_reasoning: bool = False,
        new_id: Callable[[], str] | None = None,
        turn_ends: Markers = NO_MARKERS,
        stops: Markers = NO_MARKERS,
        reasoning_opens: Markers = NO_MARKERS,
        reasoning_closes: Markers = NO_MARKERS,
    ) -> None:
        self._events: list[Event] = []
        # Text of one kind that is not an event yet: a feed gives one event per run of text.
        self._kind: str | Call = ""
        self._pieces: list[str] = []
        self.cursor = cursor
        self.tools = tools
        self.policy = policy
        self._doubts = doubts
        self._doubt: Doubt | None = None
        self.rehearsed: Sink | None = None  # takes the text of a call that is read in open reasoning
        self.body: Body | None = None  # the message that is being read
        self.turn_ends = turn_ends
        self.stops = stops
        self.reasoning_opens = reasoning_opens
        self._reasoning_closes = reasoning_closes
        self.calls_read = 0  # including those that the client does not get
        self.owed_closer = ""  # the closer that the last call lacked: it may come late
        self._new_id = new_id or _random_id
        self._calls = 0
        self._ids: set[str] = set()
        self._numbers: dict[str, int] = {}  # the next one for a repeated native id
        # White space: `_space` since the last output, `_before` between content and the first call after it.
        self._space: list[str] = []
        self._before: list[str] = []
        self.content_seen = False
        self._in_content = not defer_reasoning  # only white space came after the last content
        self._after_reasoning = False
        self._after_call = False
        self._last = ""  # the last content
        self._line: deque[str] = deque(maxlen=_LINE)  # the last reasoning
        # Reasoning: white space at the start of a block, and the text that `force_nonempty_content` holds back.
        self.reasoning_begun = False
        self._reasoning_space: list[str] = []
        self._deferred: Held | None = Held() if defer_reasoning else None

    # --- content

    def content(self, text: str) -> None:
        if self._doubt is not None and self._waits(self.content, text):
            return
        body = text.rstrip(SPACE)
        space = text[len(body) :]
        if body:
            self._last = body
            if self._space or not self._in_content or not self.content_seen:
                body = self._lead(body)
            if self._kind is not _CONTENT:
                self._flush()
                self._kind = _CONTENT
            self._pieces.append(body)
        if space:
            self._space.append(space)

    def _lead(self, body: str) -> str:
        """Return `body` with the part of the white space before it that is content."""
        space = "".join(self._space)
        self._space.clear()
        self.give_reasoning()
        if self.content_seen:
            whole = "".join(self._before) + space + body
        else:
            whole = space + body
            bare = whole.lstrip(SPACE)
            if self._after_reasoning and not self._after_call:
                lead = whole[: len(whole) - len(bare)]
                bare = lead[lead.rfind("\n") + 1 :] + bare
            whole = bare
        self._before.clear()
        self.content_seen = True
        self._in_content = True
        self._after_call = self._after_reasoning = False
        return whole

    def call_text(self) -> Sink:
        """Return a sink for the markup of a call that stays content."""
        begun = False

        def say(text: str) -> None:
            nonlocal begun
            if not begun:
                begun = True
                self._boundary()
            self.content(text)

        return say

    def ends_with(self, markers: tuple[str, ...]) -> bool:
        """Return whether the content so far ends with one of these."""
        return self._last.endswith(markers)

    def pending_space(self) -> str:
        """Return the white space that is content if more content follows."""
        if not self.content_seen:
            return ""
        return "".join(self._space if self._in_content else self._before)

    def tail(self, token: str) -> None:
        """Take a turn-end token, or a closer that nothing opened, in content: it is text only if more text follows."""
        if self._doubt is not None:
            self._later(lambda: self.tail(token))
            return
        self._space.append(token)

    def is_apart(self, *, in_reasoning: bool) -> bool:
        """Return whether a tag here is not part of a sentence: it starts a line, or follows a marker or a sentence."""
        if self._doubt is not None:
            return True
        for piece in reversed(self._reasoning_space if in_reasoning else self._space):
            if piece[0] not in SPACE or "\n" in piece:
                return True
        if in_reasoning:
            before = "".join(self._line)[-_LINE:]
            line = before.rpartition("\n")[2]
            blank = line != before and not line.strip(SPACE)
            return not self.reasoning_begun or blank or before.rstrip(_AFTER_SENTENCE)[-1:] in _SENTENCE_ENDS
        sentence_ends = self._last.rstrip(_AFTER_SENTENCE)[-1:] in _SENTENCE_ENDS and not self._space
        return not self._in_content or not self.content_seen or sentence_ends

    def _boundary(self) -> None:
        """Note that a call or reasoning starts: only white space right after content may still be content."""
        if self._in_content and self.content_seen:
            # A turn-end token among it was the end of a turn, so it is dropped.
            self._before, self._space = [space for space in self._space if space[0] in SPACE], []
        else:
            self._space.clear()
        self._in_content = False

    # --- reasoning

    def reasoning_starts(self) -> None:
        if self._doubt is not None:
            self._later(self.reasoning_starts)
            return
        self._boundary()
        self.reasoning_begun = False
        self._line.clear()
        self._reasoning_space.clear()

    def reasoning(self, text: str) -> None:
        if self._doubt is not None and self._waits(self.reasoning, text):
            return
        if not text:  # an empty section passes "", which only counts while a doubtful call waits
            return
        self._line.append(text)
        if self.reasoning_begun and not self._reasoning_space and self._deferred is None:
            if self._kind != "reasoning":
                self._flush()
                self._kind = "reasoning"
            self._pieces.append(text)
            return
        if (self._reasoning_space or not self.reasoning_begun) and not text.strip(SPACE):
            self._reasoning_space.append(text)
            return
        self.reasoning_begun = True
        if self._reasoning_space:
            text = "".join(self._reasoning_space) + text
            self._reasoning_space.clear()
        if self._deferred is not None:
            self._deferred.append(text)
        else:
            self.say("reasoning", text)

    def reasoning_tail(self, token: str) -> None:
        """Take a turn-end token or a closer that nothing opened, in reasoning: text only if more text follows."""
        if self._doubt is not None:
            self._later(lambda: self.reasoning_tail(token))
            return
        self._reasoning_space.append(token)

    def reasoning_ends(self) -> None:
        last = None if self._doubt is None else self._doubt.items[-1]
        if _CUT_REHEARSAL and isinstance(last, DoubtfulCall) and not last.call.complete:
            self.release()  # the end of reasoning cuts the call off
        if self._doubt is not None:
            self._later(self.reasoning_ends)
            return
        self._reasoning_space.clear()
        self._after_reasoning = self._after_reasoning or self.reasoning_begun  # only white space is not reasoning
        self._after_call = False

    def give_reasoning(self) -> None:
        """Output reasoning that was held back, because the reply has content or a call."""
        deferred, self._deferred = self._deferred, None
        if deferred is not None and (text := deferred.take()):
            self.say("reasoning", text)

    # --- calls

    def call(self, name: str, native_id: str | None = None, said: int = 0) -> Call:
        """Announce a call.

        Args:
            name: the name as the model wrote it.
            native_id: the id in the markup before or with the name.
            said: how many characters of the held text were passed on as text before the call.
        """
        name = self.tools.meant(name)
        self.calls_read += 1
        self.owed_closer = ""
        doubtful = (self.rehearsed is not None and self._doubts.rehearsed) or (
            self._doubts.undeclared and not self.tools.may_declare(name)
        )
        body, begin = self.body, self.cursor.last_hold + said
        if body is not None:
            begin, body.called = begin if body.called else body.begin, True
        if doubtful or self._doubt is not None:
            return self._held_call(name, native_id, begin, doubtful=doubtful)
        return self._announce(name, native_id)

    def _announce(self, name: str, native_id: str | None) -> Call:
        self._boundary()
        self._after_call = True
        self._after_reasoning = False
        self.give_reasoning()
        if not self._allows(name, self._calls):
            return Call(None, -1, name)
        index = self._calls
        self._calls += 1
        self._put(ToolCallStart(index, self._unique(native_id), name))
        return Call(self, index, name, wrapped(self.tools.parameters(name)))

    # --- doubtful calls

    def _held_call(self, name: str, native_id: str | None, begin: int, *, doubtful: bool) -> Call:
        doubt = self._doubt = self._doubt or Doubt(self.cursor)
        held = HeldCall(name, native_id)
        if not doubtful:
            doubt.certain(held, begin)
        else:
            text = self.body.text if self.body is not None else self.rehearsed or self.content
            doubt.doubtful(held, begin, text)
        return Call(held, -1, name)

    def construct_ends(self) -> None:
        """Note that a construct, calls and the markup around them, has been read."""
        if self._doubt is not None:
            self._doubt.stop_reading()
            if self._doubt.text_follows:
                self.release()

    @property
    def ends_rehearsal(self) -> Markers:
        """The markers that end the open reasoning in which a call is read."""
        return NO_MARKERS if self.rehearsed is None else self._reasoning_closes

    @property
    def ends_strings(self) -> Markers:
        """The markers, besides those of calls, that may end an unclosed string: they end the turn or the reasoning.

        A string cannot open reasoning: closers count only if reasoning is open around the call.
        """
        return self.turn_ends if self.rehearsed is None else union(self.turn_ends, self._reasoning_closes)

    @property
    def doubts(self) -> bool:
        """Whether output waits for a doubtful call."""
        return self._doubt is not None

    def _waits(self, say: Sink, text: str) -> bool:
        """Return whether `text` waits for the doubtful call before it. Any text but white space decides that call."""
        doubt = self._doubt
        assert doubt is not None
        if doubt.reading is not None:  # the text is part of the call's own
            doubt.text_follows = doubt.text_follows or text.strip(SPACE) != "" or not text
            return True
        if text.strip(SPACE):
            self.release()
            return False
        self._later(lambda: say(text), text)
        return True

    def _later(self, say: Callable[[], None], space: str = "") -> None:
        """Output it when the doubtful calls before it are decided. `space`: its text, if that is white space."""
        assert self._doubt is not None
        self._doubt.items.append(Said(say, space))

    def release(self) -> None:
        """Decide that doubtful calls are text in their place, because other text follows them."""
        doubt, self._doubt = self._doubt, None
        if doubt is None:
            return
        doubt.stop_reading()
        for item in doubt.items:
            if isinstance(item, HeldCall):
                self._tell(item)
            elif isinstance(item, DoubtfulCall):
                item.text(item.raw.take())
            else:
                item.say()

    def _count(self) -> None:
        """Decide that doubtful calls count, because the reply has ended."""
        doubt, self._doubt = self._doubt, None
        if doubt is None:
            return
        doubt.stop_reading()
        text = self.call_text()
        for item in doubt.items:
            if isinstance(item, HeldCall):
                self._tell(item)
            elif isinstance(item, DoubtfulCall) and self._doubts.verbatim:
                text(item.raw.take())
            elif isinstance(item, DoubtfulCall):
                self._tell(item.call)
            elif self._doubts.verbatim:
                text(item.space)

    def _tell(self, held: HeldCall) -> Call:
        call = self._announce(held.name, held.native_id)
        call.arguments(held.arguments_text.take())
        if held.complete is not None:
            call.end(held.complete)
        return call

    @property
    def calls_made(self) -> bool:
        return self._after_call or self._calls > 0 or self._doubt is not None

    def _unique(self, native_id: str | None) -> str:
        chosen = native_id or self._new_id()
        while chosen in self._ids:
            numbered = _NATIVE_INDEX.match(chosen) if native_id else None
            if numbered is None:
                chosen = self._new_id()
                continue
            number = max(self._numbers.get(numbered[1], 0), int(numbered[2]) + 1)
            self._numbers[numbered[1]] = number + 1
            chosen = f"{numbered[1]}{number}"
        self._ids.add(chosen)
        return chosen

    def _allows(self, name: str, before: int) -> bool:
        policy = self.policy
        return policy.returned and policy.only in (None, name) and (policy.parallel or not before)

    def call_ends(self, call: Call, complete: bool) -> None:
        self._put(ToolCallEnd(call.index, complete))

    # --- events

    def say(self, kind: str | Call, text: str) -> None:
        """Output text of a kind: "reasoning", or a call for its arguments."""
        if kind is not self._kind:
            self._flush()
            self._kind = kind
        self._pieces.append(text)

    def _put(self, event: Event) -> None:
        self._flush()
        self._events.append(event)

    def _flush(self) -> None:
        pieces, kind = self._pieces, self._kind
        if not pieces:
            return
        text = pieces[0] if len(pieces) == 1 else "".join(pieces)
        self._pieces = []
        if kind is _CONTENT:
            self._events.append(ContentDelta(text))
        elif isinstance(kind, Call):
            self._events.append(ToolArgumentsDelta(kind.index, text))
        elif kind == "reasoning":
            self._events.append(ReasoningDelta(text))

    def take_events(self) -> list[Event]:
        """Return the events since the last time."""
        if self._pieces:
            self._flush()
        events = self._events
        if events:
            self._events = []
            return events
        return []

    # --- the end

    def end(self) -> None:
        """End the reply. Doubtful calls count; held white space, turn ends and closers were framing."""
        self._count()
        if self._deferred is not None:
            deferred, self._deferred = self._deferred, None
            self._space.clear()
            if text := deferred.take():
                self.content(text)


def _random_id() -> str:
    return "call_" + secrets.token_hex(12)
