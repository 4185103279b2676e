"""The interface of a format: the machine knows these classes and no family.

A format is a value. The docstring of its module has a sample of the markup, one call of `get_weather` with
`{"city": "Paris"}`, which is also a test case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from .cursor import Cursor, Mark, Markers, Reading
from .recovery import drift, rule
from .reply import Reply

ORDINARY = re.compile(r"[\w\s:.,'!?-]+")
"""Matches a marker that is ordinary words, which a sentence may contain."""
PLAIN_TAG = re.compile(r"</[A-Za-z][\w:.-]*>")
"""Matches a closer in plain text, not a special token: prose may name it, and a model may write another one instead."""
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
    """A text that may directly follow an opener and is dropped."""
    words: frozenset[str] = frozenset()
    """The markers that are ordinary phrases."""
    cited: Span | None = None
    """The markers around a passage with a source, which are dropped; the closer is followed by the sources and `>`."""
    answers: tuple[Span, ...] = ()
    """Markers that may be around an answer and are dropped, such as `<response>`; a closer "": only an opener is."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The spellings of the label: its line break may be another one, or missing before a closer."""
        word = self.label.rstrip()
        ends = (*_LABEL_ENDS, *(self.closes if _LABEL_ALONE else ())) if word else ()
        return tuple(word + end for end in ends)


THINK = Think(("<think>",), ("</think>",))


class Calls(Enum):
    """What the calls in a reply become."""

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
    """The markers that may start a call or a section of calls."""
    closers: Markers
    """The markers that close a call or a section; a single one after a call is dropped."""
    named_closer: str = ""
    """How a closer begins whose name may be any; `>` ends it."""
    markers: frozenset[str]
    """Every marker of the markup."""
    words: frozenset[str] = frozenset()
    """The markers that are ordinary words or brackets: text if a reply ends with one."""
    bare: str = ""
    """Where a call counts without an opener: at the "start" of the reply, at the start of a "line", or nowhere ("")."""
    bare_starts: str = ""
    """The characters that such a call can start with."""

    def read(self, opener: str, mark: Mark, cursor: Cursor, reply: Reply) -> Reading[bool | None]:
        """Read the construct that begins with `opener`, which has been read; "": a call without an opener.

        Args:
            mark: a mark before the opener. It is settled as soon as the opener fits, and not touched otherwise.

        Returns:
            True if it was a construct and has been read; False if the opener does not fit; None if the reply ends
            before that is known.

        Raises:
            Overrun: it is not known within the room of a mark whether the opener fits.
        """
        raise NotImplementedError


class FrameFormat:
    """A markup that frames the whole reply: every text is in a channel, which says what the text is."""

    sample: str
    """A reply that is one call of `get_weather` with `{"city": "Paris"}`."""
    reasoning_sample: str
    """A reply that is reasoning, and nothing else."""
    parts: Markers
    """The markers of headers, and those that end a message."""
    markers: frozenset[str]
    """Every marker of the markup."""
    answer: Span | None
    """The opener and closer of the answer; None if the closer of reasoning opens it."""

    def read_reply(self, cursor: Cursor, reply: Reply, task: Task) -> Reading[None]:
        """Read a whole reply."""
        raise NotImplementedError
