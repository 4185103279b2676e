"""A reply in regions: reasoning and the answer each have an opener, and calls have markup of their own.

Text outside any region is content. An opener of a region ends the region before it. A call in reasoning is text.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..cursor import Markers, Reading
from ..format import Span, Think
from ..machine import Grammar
from ..shapes.frames import FramedReply, Frames


@dataclass(frozen=True, eq=False)
class Regions(Frames):
    """The frame of such a reply: the opener before a text says what it is."""

    thinks: frozenset[str] = frozenset()
    answers: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, think: Think, opens: tuple[str, ...], closes: tuple[str, ...], calls: Grammar, sample: str = ""
    ) -> Regions:
        """Return the frame of a reply.

        Args:
            think: the markers of reasoning.
            opens: the openers of the answer, the usual one first.
            closes: its closers; none if only the end of the reply closes it.
            calls: the markup of calls.
            sample: a call in it; "" if there are none.
        """
        answer = Span(opens[0], closes[0] if closes else "")
        openers, closers = {*think.opens, *opens}, {*think.closes, *closes}
        return cls(
            sample=sample or f"{answer.open}Paris{answer.close}",
            reasoning_sample=f"{think.opens[0]}plan{think.closes[0]}",
            parts=Markers(openers | closers),
            closers=Markers(closers),
            in_reasoning=Markers(closers | {*opens}),
            in_content=Markers(openers | closers | calls.openers.all),
            calls=calls,
            answer=answer,
            thinks=frozenset(think.opens),
            answers=frozenset(opens),
        )

    def read_message(self, opener: str, into: FramedReply) -> Reading[bool]:
        yield from ()
        if opener in self.thinks:
            into.reasoning()
        elif opener in self.answers:
            into.content()
        return opener != "" and opener in self.thinks | self.answers
