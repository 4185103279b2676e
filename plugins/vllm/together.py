"""One reading for two halves that an engine makes and asks one by one, without vLLM's composition.

vLLM's own server composes (`compose`). Other front ends over vLLM's parser classes make a tool parser and a reasoning
parser for each choice themselves, give every piece to the reasoning half first, and to the tool half what they think is
left for it. What the halves know of each other is what such an engine hands from one to the other:

- Both adjust the same request. The tool half opens an `Asked` for it, the reasoning half joins.
- The reasoning half writes the name of the `Asked` into the template arguments that it was made with. The halves that
  read are made with the same arguments, and are given the same request.
- If both joined, the reasoning half reads for both, and never says that reasoning is over. The tool half, asked about a
  step, gives out what the other read in that step: the one that was given the same list of token ids.
- A half that is not told any of this stands alone.
"""

from __future__ import annotations

import logging
import uuid
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from dynamo_parsers.events import Event
from dynamo_parsers.rows import ReasoningRow, ToolRow

if TYPE_CHECKING:
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.entrypoints.openai.responses.protocol import ResponsesRequest

    Request = ChatCompletionRequest | ResponsesRequest

logger = logging.getLogger("dynamo_parsers")

NAME = "_dynamo_parsers_request"
"""The template argument that holds the name of an `Asked`."""


class Reader(Protocol):
    """A reasoning half that reads for both."""

    step: Sequence[int] | None
    """The list of token ids that came with the last piece."""
    events: list[Event]
    """What was read in it."""


class Asked:
    """A request, and what its halves have told of it. It lives as long as the request."""

    def __init__(self, request: Request, name: str) -> None:
        self._request = weakref.ref(request, lambda _: _forget(name))
        self.name = name
        self.id = id(request)
        self.tool: ToolRow | None = None
        self.reasoning: ReasoningRow | None = None
        self.template_kwargs: Mapping[str, object] = {}
        self.inside: bool | None = None
        """How the prompt ended, as far as a reasoning half was told."""
        self.readers: weakref.WeakSet[Reader] = weakref.WeakSet()
        self._reported = False

    @property
    def request(self) -> Request | None:
        return self._request()

    def reader_at(self, step: Sequence[int]) -> Reader | None:
        """The half that read the piece which came with just this list of token ids."""
        for reader in self.readers:
            if reader.step is step:
                return reader
        return None

    def stands_alone(self, label: str) -> None:
        """Say once that a tool half reads by itself, although a reasoning half reads for it."""
        if not self._reported:
            self._reported = True
            logger.warning(
                "%s: asked about another text than the reasoning parser of this request; each reads its own", label
            )


_asked: dict[str, Asked] = {}  # by name
_of_request: dict[int, Asked] = {}  # by the request's identity, while it lives


def _forget(name: str) -> None:
    asked = _asked.pop(name, None)
    if asked is not None and _of_request.get(asked.id) is asked:
        del _of_request[asked.id]


def of_request(request: object) -> Asked | None:
    """What was told of `request`; None if nothing was."""
    asked = _of_request.get(id(request))
    return asked if asked is not None and asked.request is request else None


def of_arguments(template_kwargs: Mapping[str, object]) -> Asked | None:
    """What was told of the request whose template arguments these are; None if nothing was, or in another process."""
    name = template_kwargs.get(NAME)
    return _asked.get(name) if isinstance(name, str) else None


def _of(request: Request) -> Asked:
    asked = of_request(request)
    if asked is None:
        asked = Asked(request, uuid.uuid4().hex)
        _asked[asked.name] = _of_request[asked.id] = asked
    return asked


def tool_half(request: Request, row: ToolRow) -> None:
    """A tool half that is not part of a composition has adjusted `request`."""
    _of(request).tool = row


def reasoning_half(request: Request, row: ReasoningRow, template_kwargs: Mapping[str, object]) -> None:
    """A reasoning half that is not part of a composition has adjusted `request`; a tool half has done so before."""
    if not isinstance(template_kwargs, dict):
        return
    asked = of_request(request)
    if asked is None:
        if request.tools and request.tool_choice != "none":
            return  # a tool half of somebody else may wait for the end of reasoning
        asked = _of(request)
    asked.reasoning, asked.template_kwargs = row, template_kwargs
    template_kwargs[NAME] = asked.name


class Rest(str):
    """A whole reply that the reasoning half has read for both, as it is handed to the tool half."""

    events: Sequence[Event]

    @classmethod
    def of(cls, text: str, events: Sequence[Event]) -> Rest:
        rest = cls(text)
        rest.events = events
        return rest
