"""The types that the readers of arguments in tags and the shapes around them share."""

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
        """Announce the call, which fits, if it was not announced yet. Returns it."""
        ...


class Around(NamedTuple):
    """What is around the arguments of a call."""

    closers: Markers
    """Closers of the call and of anything around it."""
    call_closers: Markers
    """Closers of the call."""
    outer_closers: Markers
    """Closers that end a whole run of closers here: those of what this call was opened with."""
    openers: Markers
    """Openers of calls and of what is around calls."""
    reply: Reply
    turn_ends: Markers
    stops: Markers
    """The ends of a turn, and the markers of reasoning."""
    ends_rehearsal: Markers
    """The closers of the open reasoning that the call is in."""
    message_ends: Callable[[Cursor], Reading[bool]]
    """Returns whether the next message's whole header is here, with or without ends of this one; consumes nothing."""
    opens: Callable[[str, Cursor, Around, bool], Reading[list[Level]]]

    def call_fits(self, opener: str, cursor: Cursor, *, declared: bool) -> Reading[list[Level]]:
        """Read a call after `opener` up to the first piece of its arguments.

        `declared`: only a call of a declared function counts.

        Returns:
            What the call has opened; empty if the text is not a call.
        """
        return self.opens(opener, cursor, self, declared)


class Arguments:
    """An encoding of the arguments of one call."""

    first: Markers = NO_MARKERS
    """The openers of a parameter."""
    key_end: Markers = NO_MARKERS
    """What ends a parameter's name and can end nothing else."""

    @property
    def markers(self) -> frozenset[str]:
        return frozenset()

    @property
    def closers(self) -> frozenset[str]:
        """The closers of a value, which are dropped if they come alone after a call."""
        return frozenset()

    @property
    def named_closer(self) -> str:
        """The beginning of a value's closer that ends with the parameter's name and `>`; "" without such closers."""
        return ""

    def read(self, cursor: Cursor, call: Sink, parameters: Parameters, around: Around, key: str = "") -> Reading[bool]:
        """Read the arguments up to a closer around them, which is not consumed.

        Args:
            cursor: Where the arguments begin.
            call: The call, which is announced with the first piece.
            parameters: The parameters of its function.
            around: What is around the arguments.
            key: The parameter whose value is here without its opener; "" if there is none.

        Returns:
            Whether the arguments are complete.
        """
        raise NotImplementedError

    def read_foreign_closer(self, cursor: Cursor, call: Sink, around: Around) -> Reading[bool]:
        """Read a closing tag in place of one around the arguments. Returns whether there was one."""
        yield from ()
        return False


class Level(Enum):
    """What a quoted call has opened inside a value."""

    AROUND = "section or wrapper"
    CALL = "call"
    CLOSED = "nothing: the call's tag closes itself"
    PARAMETER = "parameter"


class Header(NamedTuple):
    """The name and the attributes of a parameter's opening tag."""

    name: str
    """"" for an element without a name."""
    attributes: Mapping[str, str]
    valued: bool = True
    """Whether the value's own opener was there, in markups that have one."""
    drift: bool = False
    """Whether its opener was drift."""
    bracketed: bool = False
    """Whether the tag ended with the opening bracket of text: then the value ends with the closing one."""
    closed_by: str = ""
    """The name in its closing tag, in markups whose closing tags have one."""


class End(NamedTuple):
    """How a value ended."""

    closed: bool
    """False: the reply ended in it."""
    header: Header | None = None
    """The header of the next parameter, if it was read."""
    over: bool = False
    """Whether the parameters ended with it, whatever follows."""
