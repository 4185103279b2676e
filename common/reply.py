"""What the machine reads, turned into events: white space, turn ends, call numbers, ids, request policy.

- White space is content only between two pieces of content, so it is held until content stands on both sides.
- A turn's end token is text only if more text follows.
- Which calls the client gets (`tool_choice`, `parallel_tool_calls`) is decided here, once for all formats.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from .cursor import NO_MARKERS, SPACE, Markers, Sink
from .events import ContentDelta, Event, ReasoningDelta, ToolArgumentsDelta, ToolCallEnd, ToolCallStart
from .held import Held
from .schema import Tools

_NATIVE_INDEX = re.compile(r"(.*?)(\d{1,9})\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Policy:
    """Which of the model's calls the client gets."""

    returned: bool = True  # False: tool_choice "none"
    only: str | None = None  # a named choice
    parallel: bool = True


class Call:
    """One announced call: a sink for its argument text, and its end."""

    __slots__ = ("_reply", "index", "name")

    def __init__(self, reply: Reply | None, index: int, name: str) -> None:
        self._reply = reply  # None: the client does not get this call
        self.index = index
        self.name = name

    def withhold(self) -> None:
        """The client does not get this call after all."""
        self._reply = None

    def arguments(self, text: str) -> None:
        if self._reply is not None and text:
            self._reply.say(self, text)

    def end(self, complete: bool) -> None:
        if self._reply is not None:
            self._reply.call_ends(self, complete)


class Reply:
    """The reply so far. The machine writes to it; the parser collects `events`."""

    __slots__ = (
        "_after_call",
        "_after_reasoning",
        "_before",
        "_calls",
        "_deferred",
        "_events",
        "_ids",
        "_in_content",
        "_kind",
        "_made",
        "_new_id",
        "_numbers",
        "_pieces",
        "_reasoning_space",
        "_space",
        "calls_read",
        "content_seen",
        "owed_closer",
        "policy",
        "reasoning_begun",
        "stops",
        "tools",
        "turn_ends",
    )

    def __init__(  # noqa: PLR0913
        self,
        tools: Tools,
        policy: Policy,
        *,
        defer_reasoning: bool = False,
        after_reasoning: bool = False,
        content_seen: bool = False,
        new_id: Callable[[], str] | None = None,
        turn_ends: Markers = NO_MARKERS,
        stops: Markers = NO_MARKERS,
    ) -> None:
        self._events: list[Event] = []
        # Text of one kind, not yet an event: a feed gives one event a run.
        self._kind: str | Call = ""
        self._pieces: list[str] = []
        self.tools = tools
        self.policy = policy
        self.turn_ends = turn_ends
        self.stops = stops
        self.calls_read = 0  # those that the client does not get included
        self.owed_closer = ""  # of the last call, which ended without it: it may come late
        self._new_id = new_id or _random_id
        self._calls = 0
        self._made: list[Call] = []
        self._ids: set[str] = set()
        self._numbers: dict[str, int] = {}  # the next one for a repeated native id
        # White space: `_space` since the last thing said, `_before` between content and the first call behind it.
        self._space: list[str] = []
        self._before: list[str] = []
        self.content_seen = content_seen
        self._in_content = not defer_reasoning  # nothing but white space since the last content
        self._after_reasoning = after_reasoning
        self._after_call = False
        # Reasoning: white space at the start of a block, and what `force_nonempty_content` holds back.
        self.reasoning_begun = False
        self._reasoning_space: list[str] = []
        self._deferred: Held | None = Held() if defer_reasoning else None

    # --- content

    def content(self, text: str) -> None:
        body = text.rstrip(SPACE)
        space = text[len(body) :]
        if body:
            if self._space or not self._in_content or not self.content_seen:
                body = self._lead(body)
            self.say("content", body)
        if space:
            self._space.append(space)

    def _lead(self, body: str) -> str:
        """`body` with the white space before it, as far as that is content."""
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
        """A sink for the markup of a call that stays content."""
        begun = False

        def say(text: str) -> None:
            nonlocal begun
            if not begun:
                begun = True
                self._boundary()
            self.content(text)

        return say

    def pending_space(self) -> str:
        """White space that is content if more content follows."""
        if not self.content_seen:
            return ""
        return "".join(self._space if self._in_content else self._before)

    def tail(self, token: str) -> None:
        """A turn's end token in content: text only if more text follows."""
        self._space.append(token)

    def _boundary(self) -> None:
        """A call or reasoning starts: white space next to content may still be content, other is not."""
        if self._in_content and self.content_seen:
            # A turn's end token before it was one.
            self._before, self._space = [space for space in self._space if space[0] in SPACE], []
        else:
            self._space.clear()
        self._in_content = False

    # --- reasoning

    def reasoning_starts(self) -> None:
        self._boundary()
        self.reasoning_begun = False
        self._reasoning_space.clear()

    def reasoning(self, text: str) -> None:
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
        """A turn's end token in reasoning: text only if more text follows."""
        self._reasoning_space.append(token)

    def reasoning_ends(self) -> None:
        self._reasoning_space.clear()
        self._after_reasoning = True
        self._after_call = False

    def give_reasoning(self) -> None:
        """The reply has content or a call: what was held as reasoning is reasoning."""
        deferred, self._deferred = self._deferred, None
        if deferred is not None and (text := deferred.take()):
            self.say("reasoning", text)

    # --- calls

    def call(self, name: str, native_id: str | None = None) -> Call:
        """Announce a call. `native_id` is the id that the markup gave before or with the name."""
        self._boundary()
        self._after_call = True
        self._after_reasoning = False
        self.give_reasoning()
        self.calls_read += 1
        self.owed_closer = ""
        if not self._allows(name, self._calls):
            return Call(None, -1, name)
        index = self._calls
        self._calls += 1
        self._put(ToolCallStart(index, self._unique(native_id), name))
        call = Call(self, index, name)
        self._made.append(call)
        return call

    @property
    def calls_made(self) -> bool:
        return self._after_call or self._calls > 0

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

    def restrict(self, policy: Policy, events: list[Event]) -> list[Event]:
        """Take on a policy late: what remains of `events`, all of those of the calls so far."""
        self.policy = policy
        kept: dict[int, int] = {}
        for call in self._made:
            if self._allows(call.name, len(kept)):
                kept[call.index] = len(kept)
            else:
                call.withhold()
        self._calls = len(kept)
        for call in self._made:
            call.index = kept.get(call.index, call.index)
        return [
            event if isinstance(event, ContentDelta | ReasoningDelta) else replace(event, index=kept[event.index])
            for event in events
            if isinstance(event, ContentDelta | ReasoningDelta) or event.index in kept
        ]

    def _allows(self, name: str, before: int) -> bool:
        policy = self.policy
        return policy.returned and policy.only in (None, name) and (policy.parallel or not before)

    def call_ends(self, call: Call, complete: bool) -> None:
        self._put(ToolCallEnd(call.index, complete))

    # --- events

    def say(self, kind: str | Call, text: str) -> None:
        """Text of "content", of "reasoning", or of a call's arguments."""
        if kind is not self._kind:
            self._flush()
            self._kind = kind
        self._pieces.append(text)

    def _put(self, event: Event) -> None:
        self._flush()
        self._events.append(event)

    def _flush(self) -> None:
        if not self._pieces:
            return
        text = self._pieces[0] if len(self._pieces) == 1 else "".join(self._pieces)
        self._pieces = []
        kind = self._kind
        if kind == "content":
            self._events.append(ContentDelta(text))
        elif kind == "reasoning":
            self._events.append(ReasoningDelta(text))
        elif isinstance(kind, Call):
            self._events.append(ToolArgumentsDelta(kind.index, text))

    def take_events(self) -> list[Event]:
        """What was said since the last call."""
        self._flush()
        events, self._events = self._events, []
        return events

    # --- the end

    def end(self) -> None:
        """Nothing more comes. Held white space and turn ends were framing."""
        if self._deferred is not None:
            deferred, self._deferred = self._deferred, None
            if text := deferred.take():
                self.content(text)


def _random_id() -> str:
    return "call_" + secrets.token_hex(12)
