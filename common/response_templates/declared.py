"""Finds the template that a server's checkpoint declares, and makes its parsers.

An adapter calls `parsers_of` once for each tokenizer; if that raises, the server stops with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from ..format import FrameFormat, ToolFormat
from ..message import parse
from ..registry import declare
from ..rows import ReasoningRow, Starts, ToolRow
from .language import Template, read_template
from .markup import markup_of
from .patterns import Refused

NAME = "response_template"
"""The name of these parsers, after the prefix."""

_TOOL = {"function": {"name": "get_weather", "parameters": {"properties": {"city": {"type": "string"}}}}}


@dataclass(frozen=True, slots=True)
class Declared:
    """The parsers of a template; None for a part that it does not declare."""

    tool: ToolRow | None
    reasoning: ReasoningRow | None
    why: str
    """One line for the log."""


def template_of(tokenizer: object) -> Mapping[str, object] | None:
    """Return the template of a Hugging Face tokenizer; None if it has none.

    Older versions of transformers keep it in `init_kwargs`, with other keys that they do not know.
    """
    said = getattr(tokenizer, NAME, None)
    if not isinstance(said, Mapping):
        kwargs = getattr(tokenizer, "init_kwargs", None)
        said = kwargs.get(NAME) if isinstance(kwargs, Mapping) else None
    return said if isinstance(said, Mapping) else None


def parsers_of(spec: Mapping[str, object]) -> Declared:
    """Make the parsers of a template, and add them to the registry.

    The call that the template itself describes has to be read back.

    Raises:
        Refused: it cannot be served; the message says which part, and why.
    """
    return _parsers_of(_Frozen(spec))


def tool_of(declared: Declared) -> ToolRow:
    """Return the tool-call parser. Raises Refused if the template declares no calls."""
    if declared.tool is None:
        raise Refused("response_template: it has no field of calls, tool_calls")
    return declared.tool


def reasoning_of(declared: Declared) -> ReasoningRow:
    """Return the reasoning parser. Raises Refused if the template declares no reasoning."""
    if declared.reasoning is None:
        raise Refused("response_template: it has no field of reasoning, thinking or reasoning_content")
    return declared.reasoning


def template_for(tokenizer: object, name: str) -> Mapping[str, object]:
    """Return the template of a tokenizer. Raises Refused, with the parser's `name`, if there is none."""
    spec = template_of(tokenizer)
    if spec is None:
        raise Refused(f"{name}: the tokenizer has no response_template; name a parser (`dynamo-parsers list`)")
    return spec


class _Frozen:
    """A template that is hashed and compared by its digest."""

    def __init__(self, spec: Mapping[str, object]) -> None:
        self.template = read_template(spec)

    def __hash__(self) -> int:
        return hash(self.template.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frozen) and self.template.digest == other.template.digest


@lru_cache(maxsize=16)
def _parsers_of(frozen: _Frozen) -> Declared:
    tool, reasoning = _rows(frozen.template)
    declare(tool, reasoning)
    if tool is not None:
        _check(tool, reasoning)
    return Declared(tool, reasoning, f"the checkpoint's response_template ({frozen.template.digest})")


def _rows(template: Template) -> tuple[ToolRow | None, ReasoningRow | None]:
    markup = markup_of(template)
    name = f"{NAME}-{template.digest}"
    models = "the checkpoint that declares it"
    end, *further = markup.turn_ends or ("",)
    tool: ToolRow | None = None
    reasoning: ReasoningRow | None = None
    calls: ToolFormat | FrameFormat | None = markup.calls if markup.frame is None else markup.frame
    if markup.calls is not None and calls is not None:
        pairs = (name if markup.reasoning is not None else "basic",)
        tool = ToolRow(name, calls, models, pairs, turn_end=end, turn_ends=tuple(further))
    if markup.reasoning is not None:
        starts = Starts(inside=markup.reasoning.inside, switch="off" if markup.reasoning.inside else "")
        reasoning = ReasoningRow(
            name, markup.reasoning.think, models, starts, turn_ends=markup.turn_ends, frame=markup.frame
        )
    return tool, reasoning


def _check(tool: ToolRow, reasoning: ReasoningRow | None) -> None:
    """Raise Refused if the sample is not read as its call."""
    beside = None if reasoning is None else reasoning.name
    message = parse(tool.sample + tool.turn_end, tool.name, beside, [_TOOL], in_reasoning=False)
    read = [(call.name, call.arguments.replace(" ", ""), call.complete) for call in message.tool_calls]
    if read != [("get_weather", '{"city":"Paris"}', True)] or message.content or message.reasoning:
        raise Refused(f"fields.tool_calls: the call {tool.sample!r}, which it describes, is not read back as one")
