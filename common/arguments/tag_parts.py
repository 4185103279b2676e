"""What the readers of arguments in tags tell each other, and the shape that these stand in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple, Protocol

from ..cursor import NO_MARKERS, Cursor, Markers, Reading
from ..reply import Call, Reply
from ..schema import Parameters


class Sink(Protocol):
    """A call whose arguments are read."""

    def announce(self) -> Call:
        """The call fits: it is announced, if it was not."""
        ...


class Around(NamedTuple):
    """What stands around the arguments of a call."""

    closers: Markers
    """Closers of the call and of anything around it."""
    call_closers: Markers
    """Those of the call."""
    outer_closers: Markers
    """Those that end a whole run of closers here: of what this call was opened with."""
    openers: Markers
    """Openers of calls and of what stands around calls."""
    reply: Reply
    turn_ends: Markers
    stops: Markers
    """Turn ends, and the markers of reasoning."""
    ends_rehearsal: Markers
    """The closers of the open reasoning that the call is in."""
    message_ends: Callable[[Cursor], Reading[bool]]
    """Whether the next message's whole header is here, behind ends of this one or without; nothing is read."""
    opens: Callable[[str, Cursor, Around, bool], Reading[list[Level]]]

    def call_fits(self, opener: str, cursor: Cursor, *, declared: bool) -> Reading[list[Level]]:
        """Read a call behind `opener` up to the first piece of its arguments; what it has opened, empty if it is none.

        `declared`: only a call of a declared function.
        """
        return self.opens(opener, cursor, self, declared)


class Arguments:
    """An encoding of the arguments of one call."""

    first: Markers = NO_MARKERS
    """What opens a parameter."""
    key_end: Markers = NO_MARKERS
    """What ends a parameter's name and can end nothing else."""

    @property
    def markers(self) -> frozenset[str]:
        return frozenset()

    @property
    def closers(self) -> frozenset[str]:
        """What closes a value, dropped where it stands alone behind a call."""
        return frozenset()

    @property
    def named_closer(self) -> str:
        """What begins a value's closer that ends with the parameter's name and `>`, if the markup has such ones."""
        return ""

    def read(self, cursor: Cursor, call: Sink, parameters: Parameters, around: Around, key: str = "") -> Reading[bool]:
        """Read arguments up to a closer around them, which is not read; whether they are whole.

        `call` is told that it fits with the first piece. `key`: the value of this parameter is here, its opener is not.
        """
        raise NotImplementedError

    def read_foreign_closer(self, cursor: Cursor, call: Sink, around: Around) -> Reading[bool]:
        """Read a closing tag that stands in place of one around the arguments; whether there was one."""
        yield from ()
        return False


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
    bracketed: bool = False
    """Whether the tag ended with the opening bracket of text: what is in it ends with the closing one."""
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
