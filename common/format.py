"""What a format has to offer: the machine knows these classes and no family.

A format is a value. Its docstring is a sample of the markup: one call of `get_weather` with
`{"city": "Paris"}`, and is a test case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from .cursor import Cursor, Mark, Markers, Reading
from .recovery import drift, rule
from .reply import Reply

ORDINARY = re.compile(r"[\w\s:.,'!?-]+")
"""A marker that is words: a sentence may have them, too."""
PLAIN_TAG = re.compile(r"</[A-Za-z][\w:.-]*>")
"""A closer in plain text: prose may name it, and a model may write another in its place. A special token it is not."""
_LABEL_ENDS = ("\n", *drift("what ends a label", "\r\n", " \n"))
_LABEL_ALONE = rule("a label without its line break, before a closer")


@dataclass(frozen=True, slots=True)
class Span:
    """Text between two markers."""

    open: str
    close: str

    def __str__(self) -> str:
        return f"{self.open} ... {self.close}"


@dataclass(frozen=True, slots=True)
class Think:
    """The markup of a family's reasoning."""

    opens: tuple[str, ...]
    closes: tuple[str, ...]
    label: str = ""
    """What may stand right behind an opener and says nothing."""
    words: frozenset[str] = frozenset()
    """The openers that are ordinary phrases."""
    cited: Span | None = None
    """What stands around a passage with a source, and says nothing here; the closer ends with the sources and `>`."""
    answers: tuple[Span, ...] = ()
    """What may stand around an answer, and says nothing: `<response>`. Where a closer is "", only the opener is."""

    @property
    def labels(self) -> tuple[str, ...]:
        """How the label is written: its line break may be another one, or missing before a closer."""
        word = self.label.rstrip()
        ends = (*_LABEL_ENDS, *(self.closes if _LABEL_ALONE else ())) if word else ()
        return tuple(word + end for end in ends)


THINK = Think(("<think>",), ("</think>",))


class Calls(Enum):
    """What becomes of the calls in a reply."""

    READ = "read"
    VERBATIM = "verbatim"  # they end reasoning, and their markup is content


@dataclass(frozen=True, slots=True)
class Forced:
    """A choice that the engine may force as JSON."""

    name: str | None  # of the one function, or None: any


@dataclass(frozen=True, slots=True)
class Task:
    """How one reply is to be read."""

    inside: bool  # it starts in reasoning
    splits: bool  # reasoning is split off; else it is content
    calls: Calls
    forced: Forced | None
    holds: bool = True  # whether doubtful calls wait for the end of the reply, which the engine tells


class ToolFormat:
    """The markup of a family's tool calls."""

    sample: str
    """A reply that is one call of `get_weather` with `{"city": "Paris"}`."""
    openers: Markers
    """What may start a call or a section of calls."""
    closers: Markers
    """What closes a call or a section, dropped where it stands alone behind a call."""
    named_closer: str = ""
    """What begins a closer whose name may be any; `>` ends it."""
    markers: frozenset[str]
    """Every marker of the markup."""
    words: frozenset[str] = frozenset()
    """The markers that are ordinary words or brackets: text where a reply ends in one."""
    bare: str = ""
    """Where a call counts without an opener: "start" of the reply, start of a "line", or nowhere ("")."""
    bare_starts: str = ""
    """The characters that such a call can start with."""

    def read(self, opener: str, mark: Mark, cursor: Cursor, reply: Reply) -> Reading[bool | None]:
        """Read what `opener` starts, which has been read; "" for a call without an opener.

        Returns True once it was a construct and has been read; False where it does not fit; None where the
        reply ends before that is known. `mark` stands before the opener: it is settled as soon as the opener
        fits, and left alone otherwise. Raises `Overrun` where the fit is not known within a mark's room.
        """
        raise NotImplementedError


class FrameFormat:
    """A markup that frames the whole reply: every text stands in a channel, which says what the text is."""

    sample: str
    """A reply that is one call of `get_weather` with `{"city": "Paris"}`."""
    reasoning_sample: str
    """A reply that is reasoning, and nothing else."""
    parts: Markers
    """The markers of headers, and what ends a message."""
    markers: frozenset[str]
    """Every marker of the markup."""
    answer: Span | None
    """What opens and closes the answer, if it is not what closes reasoning."""

    def read_reply(self, cursor: Cursor, reply: Reply, task: Task) -> Reading[None]:
        """Read a whole reply."""
        raise NotImplementedError
