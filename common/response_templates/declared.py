"""The template that a server's checkpoint declares: where it is, and the parsers that are made of it.

For the adapters: `parsers_of` once a tokenizer; what it raises stops the server, with the reason.
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
"""What stands behind the prefix in place of a parser's name."""

_TOOL = {"function": {"name": "get_weather", "parameters": {"properties": {"city": {"type": "string"}}}}}


@dataclass(frozen=True, slots=True)
class Declared:
    """The parsers of a template. A part that it does not declare has none."""

    tool: ToolRow | None
    reasoning: ReasoningRow | None
    why: str
    """One line for the log."""


def template_of(tokenizer: object) -> Mapping[str, object] | None:
    """The template of a Hugging Face tokenizer; older versions of transformers keep it among what they do not know."""
    said = getattr(tokenizer, NAME, None)
    if not isinstance(said, Mapping):
        kwargs = getattr(tokenizer, "init_kwargs", None)
        said = kwargs.get(NAME) if isinstance(kwargs, Mapping) else None
    return said if isinstance(said, Mapping) else None


def parsers_of(spec: Mapping[str, object]) -> Declared:
    """The parsers of a template, made and known to the registry. Raises Refused: what in it cannot be served, and why.

    The calls of the template's own sample have to come back; a reply that it reads otherwise is not known here.
    """
    return _parsers_of(_Frozen(spec))


def tool_of(declared: Declared) -> ToolRow:
    """The tool-call parser. Raises Refused if the template declares no calls."""
    if declared.tool is None:
        raise Refused("response_template: it has no field of calls, tool_calls")
    return declared.tool


def reasoning_of(declared: Declared) -> ReasoningRow:
    """The reasoning parser. Raises Refused if the template declares no reasoning."""
    if declared.reasoning is None:
        raise Refused("response_template: it has no field of reasoning, thinking or reasoning_content")
    return declared.reasoning


def template_for(tokenizer: object, name: str) -> Mapping[str, object]:
    """`template_of`. Raises Refused, which tells the parser's `name`, if there is none."""
    spec = template_of(tokenizer)
    if spec is None:
        raise Refused(f"{name}: the tokenizer has no response_template; name a parser (`dynamo-parsers list`)")
    return spec


class _Frozen:
    """A template by its digest."""

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
    """Raises Refused if the sample is not read as its call."""
    beside = None if reasoning is None else reasoning.name
    message = parse(tool.sample + tool.turn_end, tool.name, beside, [_TOOL], in_reasoning=False)
    read = [(call.name, call.arguments.replace(" ", ""), call.complete) for call in message.tool_calls]
    if read != [("get_weather", '{"city":"Paris"}', True)] or message.content or message.reasoning:
        raise Refused(f"fields.tool_calls: the call {tool.sample!r}, which it describes, is not read back as one")
