"""A parser for the adapters: a defect of ours must not cost a request.

Whatever is raised is logged once, and the reply goes on as content from the last event on.
"""

from __future__ import annotations

import logging

from .events import ContentDelta, Event
from .parser import Parser

logger = logging.getLogger("dynamo_parsers")


class GuardedParser(Parser):
    """A `Parser` whose `feed` and `finish` never raise. `logged`: that there is a defect has been said already."""

    __slots__ = ("_broken", "_label", "_logged")

    def __init__(self, *args: object, label: str = "", logged: bool = False, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._label = label
        self._logged = logged
        self._broken = False

    @property
    def broken(self) -> bool:
        """Whether there was a defect."""
        return self._broken

    def feed(self, text: str) -> list[Event]:
        if self._broken:
            return [ContentDelta(text)] if text else []
        try:
            return super().feed(text)
        except Exception as error:
            return self._give_up(error)

    def finish(self) -> list[Event]:
        if self._broken:
            return []
        try:
            return super().finish()
        except Exception as error:
            return self._give_up(error)

    def decide(self, tool_choice: object, parallel_tool_calls: bool, events: list[Event]) -> list[Event]:
        if self._broken:
            return events
        try:
            return super().decide(tool_choice, parallel_tool_calls, events)
        except Exception as error:
            return events + self._give_up(error)

    def _give_up(self, error: Exception) -> list[Event]:
        self._broken = True
        if not self._logged:
            logger.warning("%s: a defect in the parser (%s); the rest is content", self._label, type(error).__name__)
        logger.debug("the defect, and what was unread: %r", self.unread, exc_info=error)
        events = self._reply.take_events()
        if self.unread:
            events.append(ContentDelta(self.unread))
        return events
