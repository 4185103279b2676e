"""The rows of the registry: a parser's name, aliases, markup, models, special tokens and partners.

- A name is known with and without the prefix `dynamo_`; aliases are names of the same row. The engines' own names for
  the same markup are aliases, too, unless another row has them (`registry.py`).
- Only the tool row says which rows go together (`pairs`).
- `starts` says how a reply begins if the end of the prompt is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from .format import FrameFormat, Think, ToolFormat
from .recovery import drift


@dataclass(frozen=True, slots=True)
class Native:
    """The names of the engines' own parsers that read the same markup."""

    vllm: tuple[str, ...] = ()
    sglang: tuple[str, ...] = ()
    trtllm: tuple[str, ...] = ()

    def of(self, engine: Literal["vllm", "sglang", "trtllm"]) -> tuple[str, ...]:
        return {"vllm": self.vllm, "sglang": self.sglang, "trtllm": self.trtllm}[engine]

    @property
    def all(self) -> frozenset[str]:
        return frozenset((*self.vllm, *self.sglang, *self.trtllm))


_BASIC = ("basic",)


@dataclass(frozen=True, slots=True)
class ToolRow:
    """A tool-call parser."""

    name: str
    format: ToolFormat | FrameFormat
    models: str
    pairs: tuple[str, ...] = _BASIC
    """The reasoning parsers that can be used with it, the usual one first."""
    aliases: tuple[str, ...] = ()
    special_tokens: tuple[str, ...] = ()
    """Markers that are special tokens of the model: an engine's detokenizer removes them unless told not to."""
    added_tokens: tuple[str, ...] = ()
    """Markers that are one token, but not a special one."""
    turn_end: str = "<|im_end|>"
    """The token that ends a turn."""
    turn_ends: tuple[str, ...] = ()
    """Further tokens that may end a reply."""
    native_ids: bool = False
    """Whether the markup gives a call's id."""
    new_id: Callable[[], str] | None = None
    """Makes a call's id if the family's templates accept only one kind; None: they accept any."""
    numbered_id: Callable[[str, int], str] | None = None
    """Makes a call's id from its function and its number in the conversation, if the templates write such ids."""
    model_types: tuple[str, ...] = ()
    """The values of `model_type` in the models' configs, if they identify the family."""
    engines: Native = Native()
    between: str | None = None
    """The text between two calls in the templates, if the sample does not show it: white space, or a separator."""
    kin: str = ""
    """The family whose markers it shares, which comes first if a text may be either's."""

    @property
    def sample(self) -> str:
        return self.format.sample

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)

    @property
    def call_openers(self) -> frozenset[str]:
        """The markers that open a call and nothing else."""
        return self.format.openers.all if isinstance(self.format, ToolFormat) else frozenset()


_NO_EFFORT = ("none", "no_think")


@dataclass(frozen=True, slots=True)
class Starts:
    """How a reply starts: inside reasoning or not, and whether the request can change it."""

    inside: bool = False
    switch: str = "off"
    """"off": inside unless thinking is turned off; "on": outside unless it is turned on; "effort": outside unless
    `reasoning_effort` asks for some; "mode": outside unless `thinking_mode` is "enabled"; "": never changed."""

    def inside_for(self, chat_template_kwargs: Mapping[str, object]) -> bool:
        """Return whether the reply to a request with these template arguments starts inside reasoning."""
        if self.switch == "effort":
            return chat_template_kwargs.get("reasoning_effort", "none") not in (*_NO_EFFORT, None)
        if self.switch == "mode":
            return chat_template_kwargs.get("thinking_mode") == "enabled"
        thinking = thinking_asked_for(chat_template_kwargs)
        if not self.switch or thinking is None:
            return self.inside
        return thinking and (self.inside or self.switch == "on")


@dataclass(frozen=True, slots=True)
class ReasoningRow:
    """A reasoning parser."""

    name: str
    think: Think
    """The markers; for a markup that frames the whole reply, those with which a prompt opens and closes reasoning."""
    models: str
    starts: Starts = Starts()
    aliases: tuple[str, ...] = ()
    special_tokens: tuple[str, ...] = ()
    added_tokens: tuple[str, ...] = ()
    turn_ends: tuple[str, ...] = ()
    frame: FrameFormat | None = None
    engines: Native = Native()
    splits: bool = True
    """Whether reasoning is split off; else it stays content, after the opener that the prompt ended with."""

    @property
    def open(self) -> str:
        return self.think.opens[0]

    @property
    def close(self) -> str:
        return self.think.closes[0]

    @property
    def sample(self) -> str:
        if self.frame is not None:
            return self.frame.reasoning_sample
        return f"{self.open}{self.think.label}plan{self.close}"

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


def family(tool: ToolRow, think: Think, starts: Starts, **own: Any) -> tuple[ToolRow, ReasoningRow]:
    """Return the two rows of a family, which share their name, models, aliases, turn ends and engines' names.

    Args:
        tool: the tool row. Without `pairs` it goes with this reasoning parser only.
        think, starts: of the reasoning row.
        own: further fields of the reasoning row.
    """
    ends = tuple(dict.fromkeys((tool.turn_end, *tool.turn_ends)))
    reasoning = ReasoningRow(tool.name, think, tool.models, starts, tool.aliases, turn_ends=ends, engines=tool.engines)
    pairs = (tool.name,) if tool.pairs == _BASIC else tool.pairs
    return replace(tool, pairs=pairs), replace(reasoning, **own)


THINK_TOKENS = ("<think>", "</think>")
QWEN_ENDS = ("<|im_end|>", *drift("what may end a reply of Qwen", "<|endoftext|>", contract="Turn ends"))
DEEPSEEK_END = "<｜end▁of▁sentence｜>"
LLAMA_ENDS = (
    "<|eot_id|>",
    *drift("what may end a reply of Llama", "<|eom_id|>", "<|end_of_text|>", contract="Turn ends"),
)
MINIMAX_END = "[e~["

ON_UNLESS_OFF = Starts(inside=True)
OFF_UNLESS_ON = Starts(inside=False, switch="on")
NEVER_CHANGED = Starts(inside=True, switch="")
OUTSIDE = Starts(inside=False, switch="")


def thinking_asked_for(chat_template_kwargs: Mapping[str, object]) -> bool | None:
    """Return whether a request's template arguments turn thinking on or off; None if they do neither."""
    for name in ("enable_thinking", "thinking", "reasoning"):
        said = chat_template_kwargs.get(name)
        if isinstance(said, bool):
            return said
    mode = chat_template_kwargs.get("thinking_mode")
    if isinstance(mode, str):
        return mode not in ("chat", "disabled", "off", "none", "no_think")
    return False if chat_template_kwargs.get("reasoning_effort") in _NO_EFFORT else None
