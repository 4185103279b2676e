"""A parser for the adapters: a defect of ours never fails a request, and oddities in a reply are reported.

- An exception is logged once, and from the last event on the reply is content. A call that was announced in the same
  step, so that its event was not returned yet, is content too.
- There is at most one warning per reply: the parser, what was wrong and where. The text is logged only at debug level.
- Watchers are told every kind of oddity once per reply; adapters count them if their engine has counters.
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
"""The arguments of a call are not a JSON object, or its text cannot be read further."""
TRUNCATED = "truncated"
"""The reply ended inside a call."""
DEFECT = "defect"
"""A fault of this package."""

_watchers: list[Callable[[str, str], None]] = []


def watch(watcher: Callable[[str, str], None]) -> None:
    """Register `watcher`, which is called with a parser's flag and name, and a kind of oddity (here or in `cursor`)."""
    if watcher not in _watchers:
        _watchers.append(watcher)


def tell_watchers(label: str, kind: str) -> None:
    """Tell every watcher of an oddity."""
    for watcher in _watchers:
        try:
            watcher(label, kind)
        except Exception:  # a counter must not fail a request
            logger.debug("a watcher failed", exc_info=True)


class _Reply(Reply):
    """A reply that knows the offset of its last call."""

    begins: int
    said: int

    def content(self, text: str) -> None:
        self.said = self.cursor.offset
        super().content(text)

    def reasoning(self, text: str) -> None:
        self.said = self.cursor.offset
        super().reasoning(text)

    def call(self, name: str, native_id: str | None = None, said: int = 0) -> Call:
        # The text of a call is held until it is announced; text that was held before has become content.
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
        """Stop reading, and return the text that has not become an event. All text that is fed later is content."""
        if self._broken:
            return ""
        self._broken = True
        return self._reply.pending_space() + self.unread

    def _report(self, *, truncated: bool) -> None:
        """Report the oddities of the reply."""
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
    # This runs for every token: `any` would make a generator each time.
    for event in events:  # noqa: SIM110
        if isinstance(event, ToolCallEnd) and not event.complete:
            return True
    return False
