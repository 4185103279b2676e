"""A reply in regions: reasoning and the answer each have an opener, and calls a markup of their own.

Text in no region is content. What opens a region ends the one before. A call in reasoning is text.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..cursor import Markers, Reading
from ..format import Span, Think
from ..machine import Grammar
from ..shapes.frames import FramedReply, Frames


@dataclass(frozen=True, eq=False)
class Regions(Frames):
    """The openers say what a text is."""

    thinks: frozenset[str] = frozenset()
    answers: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, think: Think, opens: tuple[str, ...], closes: tuple[str, ...], calls: Grammar, sample: str = ""
    ) -> Regions:
        """The frame of a reply.

        Args:
            think: the markers of reasoning.
            opens: what opens the answer, the usual one first.
            closes: what closes it; none if only the end of the reply does.
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
