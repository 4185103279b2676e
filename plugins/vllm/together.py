"""One reading of a reply for two parsers that an engine makes and calls one by one, without vLLM's composition.

vLLM's own server composes the two (`compose`). Other front ends that use vLLM's parser classes make a tool parser and a
reasoning parser for each choice themselves, give every piece to the reasoning parser first, and to the tool parser the
text that they think is left for it. The two recognise each other by what such an engine passes to both:

- Both adjust the same request. The tool parser opens an `Asked` for it, the reasoning parser joins.
- The reasoning parser writes the name of the `Asked` into the template arguments that it was made with. The parsers
  that read the reply are made with the same arguments, and get the same request.
- If both joined, the reasoning parser reads for both, and never reports the end of reasoning. When the tool parser is
  called for a step, it returns what the reasoning parser read in that step: the one with the same list of token ids.
- A parser that gets none of this reads alone.
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
    """A reasoning parser that reads for both."""

    step: Sequence[int] | None
    """The list of token ids that came with the last piece."""
    events: list[Event]
    """The events of that piece."""


class Asked:
    """A request, and what its two parsers have noted about it. It lives as long as the request."""

    def __init__(self, request: Request, name: str) -> None:
        self._request = weakref.ref(request, lambda _: _forget(name))
        self.name = name
        self.id = id(request)
        self.tool: ToolRow | None = None
        self.reasoning: ReasoningRow | None = None
        self.template_kwargs: Mapping[str, object] = {}
        self.inside: bool | None = None
        """Whether the prompt ended in open reasoning, if a reasoning parser was told."""
        self.readers: weakref.WeakSet[Reader] = weakref.WeakSet()
        self._reported = False

    @property
    def request(self) -> Request | None:
        return self._request()

    def reader_at(self, step: Sequence[int]) -> Reader | None:
        """Return the reasoning parser that read the piece with this very list of token ids; None if none did."""
        for reader in self.readers:
            if reader.step is step:
                return reader
        return None

    def report_separate(self, label: str) -> None:
        """Log, once, that a tool parser reads by itself although a reasoning parser reads for it."""
        if not self._reported:
            self._reported = True
            logger.warning(
                "%s: called for other text than the reasoning parser of this request; each reads by itself", label
            )


_asked: dict[str, Asked] = {}  # by name
_of_request: dict[int, Asked] = {}  # by the request's identity, while it lives


def _forget(name: str) -> None:
    asked = _asked.pop(name, None)
    if asked is not None and _of_request.get(asked.id) is asked:
        del _of_request[asked.id]


def of_request(request: object) -> Asked | None:
    """Return the `Asked` of `request`; None if there is none."""
    asked = _of_request.get(id(request))
    return asked if asked is not None and asked.request is request else None


def of_arguments(template_kwargs: Mapping[str, object]) -> Asked | None:
    """Return the `Asked` of the request with these template arguments; None if this process has none."""
    name = template_kwargs.get(NAME)
    return _asked.get(name) if isinstance(name, str) else None


def _of(request: Request) -> Asked:
    asked = of_request(request)
    if asked is None:
        asked = Asked(request, uuid.uuid4().hex)
        _asked[asked.name] = _of_request[asked.id] = asked
    return asked


def tool_half(request: Request, row: ToolRow) -> None:
    """Note that a tool parser outside vLLM's composition has adjusted `request`."""
    _of(request).tool = row


def reasoning_half(request: Request, row: ReasoningRow, template_kwargs: Mapping[str, object]) -> None:
    """Note that a reasoning parser outside vLLM's composition has adjusted `request`, after the tool parser."""
    if not isinstance(template_kwargs, dict):
        return
    asked = of_request(request)
    if asked is None:
        if request.tools and request.tool_choice != "none":
            return  # a tool parser that is not ours may wait for the end of reasoning
        asked = _of(request)
    asked.reasoning, asked.template_kwargs = row, template_kwargs
    template_kwargs[NAME] = asked.name


class Rest(str):
    """A whole reply that the reasoning parser has read for both, with its events, to be passed to the tool parser."""

    events: Sequence[Event]

    @classmethod
    def of(cls, text: str, events: Sequence[Event]) -> Rest:
        rest = cls(text)
        rest.events = events
        return rest
