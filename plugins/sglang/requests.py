"""Passes a request to the detectors that SGLang makes while it answers it.

- `tell` is called in the task that answers a request (`hooks`), `told` in the same task or in one that it started.
- `tell_grammars` is called before a request's prompt is made, `takes_tags` while it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from dynamo_parsers.handover import Beside
from dynamo_parsers.request import plain_tool_choice, plain_tools
from dynamo_parsers.token_ids import ReasoningIds


@dataclass(frozen=True, slots=True)
class Told:
    """A request and its prompt."""

    tools: list[dict[str, object]]
    tool_choice: object
    parallel_tool_calls: bool
    chat_template_kwargs: Mapping[str, object]
    prompt_ids: Sequence[int]
    tool_parser: str | None
    """The server's tool parser, without the prefix; None if it is not ours."""
    calls_before: int = 0
    """The number of calls in the conversation."""

    @property
    def beside(self) -> Beside | None:
        """The settings of our tool detector for this request; None if the server has none."""
        if self.tool_parser is None:
            return None
        return Beside(self.tool_parser, self.tools, self.tool_choice, self.parallel_tool_calls)

    def prompt_ends_inside(self, ids: ReasoningIds) -> bool | None:
        """Return whether the prompt ends in open reasoning; None if it shows neither or is not known."""
        return ids.prompt_ends_inside(self.prompt_ids)


_told: ContextVar[Told | None] = ContextVar("dynamo_parsers_told", default=None)


_takes_tags: ContextVar[bool] = ContextVar("dynamo_parsers_takes_tags", default=True)


def tell_grammars(backend: object) -> None:
    """Store the server's grammar backend, by SGLang's name for it; None is SGLang's default, xgrammar."""
    _takes_tags.set(backend in (None, "xgrammar"))


def takes_tags() -> bool:
    """Return whether the server's backend supports structural tags; the others fail a request that has one."""
    return _takes_tags.get()


def told() -> Told | None:
    """Return the request that is being answered; None if `tell` was not called."""
    return _told.get()


def tell(request: object, tools: Sequence[object] | None, prompt_ids: object, tool_parser: str | None) -> None:
    """Store the chat request that is being answered. `prompt_ids` may be None or text if SGLang has no ids yet."""
    ids = prompt_ids if isinstance(prompt_ids, Sequence) and not isinstance(prompt_ids, str) else ()
    _told.set(
        Told(
            plain_tools(tools),
            plain_tool_choice(getattr(request, "tool_choice", None)),
            getattr(request, "parallel_tool_calls", True) is not False,
            template_kwargs_of(request),
            ids,
            tool_parser,
            _calls_before(request),
        )
    )


def _calls_before(request: object) -> int:
    messages = getattr(request, "messages", None)
    if not isinstance(messages, Sequence):
        return 0
    spoken = [each for each in messages if getattr(each, "role", None) == "assistant"]
    return sum(len(getattr(each, "tool_calls", None) or ()) for each in spoken)


def template_kwargs_of(request: object) -> Mapping[str, object]:
    """Return the template arguments of a request, with `reasoning_effort`, which SGLang keeps separately."""
    kwargs = dict(getattr(request, "chat_template_kwargs", None) or {})
    effort = getattr(request, "reasoning_effort", None)
    # A default is not something that the client asked for.
    if effort is not None and "reasoning_effort" in getattr(request, "model_fields_set", ()):
        kwargs.setdefault("reasoning_effort", effort)
    return kwargs
