"""A parser for the adapters: a defect of ours must not cost a request, and what is odd in a reply is told.

- Whatever is raised is logged once, and the reply goes on as content from the last event on. A call that was only
  announced, and not handed on, is content too.
- At most one warning a reply: the parser, what was wrong and where. Never the text, but at debug level.
- Watchers are told of every kind of oddity once a reply; the adapters count them where their engine shows counters.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from .cursor import RECOVERED
from .events import ContentDelta, Event, ToolCallEnd, ToolCallStart
from .parser import Parser
from .reply import Call, Reply

logger = logging.getLogger("dynamo_parsers")

MALFORMED = "malformed"
"""A call whose arguments are no JSON object, or that cannot be read on."""
TRUNCATED = "truncated"
"""A call that the reply ends in."""
DEFECT = "defect"
"""This package's own fault."""

_watchers: list[Callable[[str, str], None]] = []


def watch(watcher: Callable[[str, str], None]) -> None:
    """Call `watcher` with a parser's flag and name, and a kind of oddity: one of this module's or a cursor's remark."""
    if watcher not in _watchers:
        _watchers.append(watcher)


def tell_watchers(label: str, kind: str) -> None:
    """Tell every watcher of an oddity."""
    for watcher in _watchers:
        try:
            watcher(label, kind)
        except Exception:  # a counter must not cost a request
            logger.debug("a watcher failed", exc_info=True)


class _Reply(Reply):
    """A reply that knows where its last call begins."""

    begins: int
    said: int

    def content(self, text: str) -> None:
        self.said = self.cursor.offset
        super().content(text)

    def reasoning(self, text: str) -> None:
        self.said = self.cursor.offset
        super().reasoning(text)

    def call(self, name: str, native_id: str | None = None, said: int = 0) -> Call:
        # A call is held until it is announced; what was held before and was none has been said.
        self.begins = max(self.cursor.last_hold, self.said)
        return super().call(name, native_id, said)


class GuardedParser(Parser):
    """A `Parser` whose `feed` and `finish` never raise."""

    reply_type = _Reply
    _reply: _Reply

    def __init__(self, *args: object, label: str = "", **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._reply.begins = self._reply.said = 0
        self._label = label
        self._broken = False
        self._malformed: int | None = None  # where the first malformed call ends

    def feed(self, text: str) -> list[Event]:
        if self._broken:
            return [ContentDelta(text)] if text else []
        try:
            events = super().feed(text)
        except Exception as error:
            return self._give_up(error)
        if self._malformed is None and events and _cut_call(events):
            self._malformed = self._cursor.offset
        return events

    def finish(self) -> list[Event]:
        if self._broken:
            return []
        try:
            events = super().finish()
        except Exception as error:
            return self._give_up(error)
        self._report(truncated=_cut_call(events))
        return events

    def let_go(self) -> str:
        """Stop reading, and return the text that no event has said. What is fed from now on comes back as content."""
        if self._broken:
            return ""
        self._broken = True
        return self._reply.pending_space() + self.unread

    def _report(self, *, truncated: bool) -> None:
        """Tell what was odd in the reply."""
        found = dict(self._cursor.remarks)
        if self._reply.owed_closer and not truncated:
            found.setdefault(RECOVERED, self._cursor.offset)
        if truncated:
            found[TRUNCATED] = self._cursor.offset
        if self._malformed is not None:
            found[MALFORMED] = self._malformed
            logger.warning(
                "%s: a call is malformed before character %d of the reply; what was read of it was passed on",
                self._label,
                self._malformed,
            )
        for kind in found:
            tell_watchers(self._label, kind)

    def _give_up(self, error: Exception) -> list[Event]:
        self._broken = True
        tell_watchers(self._label, DEFECT)
        logger.warning("%s: a defect in the parser (%s); the rest is content", self._label, type(error).__name__)
        logger.debug("the defect, and what was unread: %r", self.unread, exc_info=error)
        self._reply.release()
        events = self._reply.take_events()
        rest = self.unread
        if events and isinstance(events[-1], ToolCallStart):
            events.pop()
            rest = self._cursor.text_from(self._reply.begins) + self.held_back
        if rest:
            events.append(ContentDelta(self._reply.pending_space() + rest))
        return events


def _cut_call(events: list[Event]) -> bool:
    # For every token: `any` would make a generator each time.
    for event in events:  # noqa: SIM110
        if isinstance(event, ToolCallEnd) and not event.complete:
            return True
    return False
