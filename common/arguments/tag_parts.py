"""What the readers of tagged parameters tell each other: tags as they were read, ends of values, and protocols."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple, Protocol

from ..cursor import Cursor, Markers, Reading
from .text_value import SeenTags


class Announced(Protocol):
    """A call that was announced."""

    def arguments(self, text: str) -> None:
        """The next piece of the arguments' JSON text."""
        ...


class Sink(Protocol):
    """A call whose arguments are read."""

    def announce(self) -> Announced:
        """The call fits: it is announced, if it was not."""
        ...


class Around(Protocol):
    """What stands around the parameters of a call."""

    @property
    def closers(self) -> Markers:
        """Closers of the call and of anything around it."""
        ...

    @property
    def call_closers(self) -> Markers:
        """Those of the call."""
        ...

    @property
    def outer_closers(self) -> Markers:
        """Those that end a whole run of closers here: of what this call was opened with."""
        ...

    @property
    def openers(self) -> Markers:
        """Openers of calls and of what stands around calls."""
        ...

    @property
    def turn_ends(self) -> Markers: ...

    @property
    def stops(self) -> Markers:
        """Turn ends, and the markers of reasoning."""
        ...

    @property
    def ends_rehearsal(self) -> Markers:
        """The closers of the open reasoning that the call is in."""
        ...

    def call_fits(self, opener: str, cursor: Cursor, *, declared: bool) -> Reading[list[Level]]:
        """Read a call behind `opener` up to the first piece of its arguments; what it has opened, empty if it is none.

        `declared`: only a call of a declared function.
        """
        ...


class Text(Protocol):
    """What is done with the text of a value."""

    @property
    def in_json_string(self) -> bool:
        """Whether the text so far ends inside a string of a JSON value."""
        ...

    def text(self, piece: str) -> None:
        """The next piece of the text, not empty."""
        ...

    @property
    def tags(self) -> SeenTags:
        """The tags in the text."""
        ...

    @property
    def at_line_start(self) -> bool:
        """Whether the text so far ends with a line break, in a markup with a newline on each side of a value."""
        ...

    def is_finished(self) -> bool:
        """Whether the text so far is all of the value, which may not be a string."""
        ...

    def end(self) -> None:
        """The text is over."""
        ...


class Level(Enum):
    """What is open inside a value that quotes calls."""

    AROUND = "section or wrapper"
    CALL = "call"
    PARAMETER = "parameter"


class Header(NamedTuple):
    """What a parameter's opening tag says."""

    name: str
    """"" in an element without a name."""
    attributes: Mapping[str, str]
    valued: bool = True
    """Whether the value's own opener stood there, in markups that have one."""
    drift: bool = False
    """Whether its opener was drift."""
    closed_by: str = ""
    """The name in its closing tag, in markups where that has one."""


class End(NamedTuple):
    """How a value ended."""

    closed: bool
    """False: the reply ended in it."""
    header: Header | None = None
    """The next parameter's, if it was read."""
    over: bool = False
    """Whether the parameters ended with it, whatever follows."""
