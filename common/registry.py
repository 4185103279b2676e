"""The one table: every parser's name, aliases, markup, models, special tokens and partners.

- A name is known with and without the prefix `dynamo_`; aliases are names of the same row.
- Which rows go together is said once, on the tool row (`pairs`).
- `starts` says how a reply begins when nobody knows what the prompt ended with.
"""

from __future__ import annotations

import difflib
import secrets
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeVar

from .cursor import Markers
from .format import THINK, FrameFormat, Think, ToolFormat
from .formats.deepseek_v3 import DEEPSEEK_V3
from .formats.deepseek_v3 import TOKENS as DEEPSEEK_V3_TOKENS
from .formats.deepseek_v3_1 import DEEPSEEK_V3_1
from .formats.deepseek_v3_2 import DEEPSEEK_V3_2
from .formats.deepseek_v4 import DEEPSEEK_V4
from .formats.deepseek_v41 import DEEPSEEK_V41
from .formats.default import DEFAULT
from .formats.gemma4 import GEMMA4
from .formats.glm47 import GLM47
from .formats.harmony import HARMONY
from .formats.hermes import HERMES
from .formats.inkling import INKLING
from .formats.internlm2 import INTERNLM2
from .formats.jamba import JAMBA
from .formats.kimi_k2 import KIMI_K2
from .formats.kimi_k3 import KIMI_K3
from .formats.kimi_k3 import TURN_ENDS as KIMI_K3_ENDS
from .formats.lfm2 import LFM2
from .formats.llama3_json import LLAMA3_JSON
from .formats.minimax_m2 import MINIMAX_M2
from .formats.minimax_m3 import MINIMAX_M3
from .formats.mistral import MISTRAL
from .formats.muse import MUSE
from .formats.nemotron_deci import NEMOTRON_DECI
from .formats.phi4 import PHI4
from .formats.pythonic import PYTHONIC
from .formats.qwen3_coder import QWEN3_CODER
from .formats.seed_oss import SEED_OSS
from .formats.siblings import siblings_of
from .machine import Grammar
from .recovery import drift

PREFIX = "dynamo_"


@dataclass(frozen=True, slots=True)
class Native:
    """The names of the engines' own parsers that read the same markup."""

    vllm: tuple[str, ...] = ()
    sglang: tuple[str, ...] = ()
    trtllm: tuple[str, ...] = ()

    def of(self, engine: Literal["vllm", "sglang", "trtllm"]) -> tuple[str, ...]:
        return {"vllm": self.vllm, "sglang": self.sglang, "trtllm": self.trtllm}[engine]


@dataclass(frozen=True, slots=True)
class ToolRow:
    """A tool-call parser."""

    name: str
    format: ToolFormat | FrameFormat
    models: str
    pairs: tuple[str, ...]
    """The reasoning parsers it goes with, the usual one first."""
    aliases: tuple[str, ...] = ()
    special_tokens: tuple[str, ...] = ()
    """Markers that are special tokens of the model: an engine's detokenizer removes them unless told not to."""
    added_tokens: tuple[str, ...] = ()
    """Markers that are one token but no special one."""
    turn_end: str = "<|im_end|>"
    """The token that ends a turn."""
    turn_ends: tuple[str, ...] = ()
    """Further tokens that may end a reply."""
    native_ids: bool = False
    """Whether the markup gives a call's id."""
    new_id: Callable[[], str] | None = None
    """Makes a call's id where the family's templates take no other kind; None: any will do."""
    numbered_id: Callable[[str, int], str] | None = None
    """The id of a call from its function and its number in the conversation, where the templates write it so."""
    model_types: tuple[str, ...] = ()
    """What `model_type` in the config of such a model says, where it tells the family."""
    engines: Native = Native()

    @property
    def sample(self) -> str:
        return self.format.sample

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)

    @property
    def call_openers(self) -> frozenset[str]:
        """The markers that open a call, where they open nothing else."""
        return self.format.openers.all if isinstance(self.format, ToolFormat) else frozenset()


@dataclass(frozen=True, slots=True)
class Starts:
    """How a reply starts: inside reasoning or not, and whether the request can change it."""

    inside: bool = False
    switch: str = "off"
    """"off": inside unless thinking is turned off; "on": outside unless it is turned on; "effort": outside unless
    `reasoning_effort` asks for some; "mode": outside unless `thinking_mode` is "enabled"; "": never changed."""

    def inside_for(self, chat_template_kwargs: Mapping[str, object]) -> bool:
        """How the reply to a request with these template arguments starts."""
        if self.switch == "effort":
            return chat_template_kwargs.get("reasoning_effort", "none") not in ("none", None)
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
    """For a markup that frames the whole reply: how a prompt opens and closes reasoning."""
    models: str
    starts: Starts = Starts()
    aliases: tuple[str, ...] = ()
    special_tokens: tuple[str, ...] = ()
    added_tokens: tuple[str, ...] = ()
    turn_ends: tuple[str, ...] = ()
    frame: FrameFormat | None = None
    engines: Native = Native()
    splits: bool = True
    """Whether reasoning is split off; else it stays content, behind the opener that the prompt ended with."""

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


_THINK_TOKENS = ("<think>", "</think>")
_QWEN_ENDS = ("<|im_end|>", *drift("what may end a reply of Qwen", "<|endoftext|>", contract="Turn ends"))
_KIMI_ENDS = ("<|im_end|>", *drift("what may end a reply of Kimi", "[EOS]", "[EOT]", contract="Turn ends"))
_OLMO_ENDS = drift("what may end a reply of Olmo 3", *_QWEN_ENDS, contract="Turn ends of Olmo 3")
_DEEPSEEK_END = "<｜end▁of▁sentence｜>"
_LLAMA_ENDS = (
    "<|eot_id|>",
    *drift("what may end a reply of Llama", "<|eom_id|>", "<|end_of_text|>", contract="Turn ends"),
)
_LLAMA_4_ENDS = drift("what may end a reply of Llama 4", "<|eom|>", *_LLAMA_ENDS, contract="Turn ends")
_GLM_ENDS = (
    "<|user|>",
    *drift("what may end a reply of GLM", "<|observation|>", "<|endoftext|>", contract="Turn ends"),
)
_JAMBA_ENDS = drift("what may end a reply of Jamba", "<|endoftext|>", contract="Turn ends")
_PHI_ENDS = drift("what may end a reply of Phi", "<|endoftext|>", contract="Turn ends")
_INTERNLM_ENDS = drift("what may end a reply of InternLM2", "</s>", contract="Turn ends")
_LFM_ENDS = drift("what may end a reply of LFM2", "<|endoftext|>", contract="Turn ends")
_MINIMAX_END = "[e~["
_MISTRAL_END = "</s>"
_GEMMA_ENDS = drift("what may end a reply of Gemma", "<|tool_response>", "<eos>", contract="Turn ends")
# What begins the next message ends this one.
_HARMONY_ENDS = ("<|end|>", "<|call|>", "<|start|>")
_XTML_TOKENS = ("<|open|>", "<|close|>", "<|sep|>", "<|end_of_msg|>")
_MUSE_ENDS = ("<|eom|>", "<|end_of_text|>", "<|start|>")
_MUSE_TOKENS = ("<|message|>", "<|eot|>", *_MUSE_ENDS)

_ON_UNLESS_OFF = Starts(inside=True)
_OFF_UNLESS_ON = Starts(inside=False, switch="on")
_NEVER_CHANGED = Starts(inside=True, switch="")
_OUTSIDE = Starts(inside=False, switch="")


def _nine_characters() -> str:
    """An id as Mistral's templates and tokenizers want it."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(9))


TOOL_ROWS = (
    ToolRow(
        "kimi_k2",
        KIMI_K2,
        "Kimi K2, K2-Thinking, K2.5, K2.6",
        pairs=("kimi_k25", "kimi_k2"),
        aliases=("kimi_k25",),
        special_tokens=tuple(sorted(KIMI_K2.markers)),
        turn_ends=_KIMI_ENDS,
        native_ids=True,
        numbered_id="functions.{}:{}".format,
        model_types=("kimi_k2", "kimi_k25", "deepseek_v3"),
        engines=Native(vllm=("kimi_k2",), sglang=("kimi_k2",), trtllm=("kimi_k2",)),
    ),
    ToolRow(
        "qwen3_coder",
        QWEN3_CODER,
        "Qwen3-Coder, Qwen3.5, Qwen3.6, Nemotron Nano",
        pairs=("qwen3", "qwen3_coder", "nemotron_nano"),
        aliases=("qwen3", "nemotron_nano"),
        added_tokens=("<tool_call>", "</tool_call>"),
        turn_ends=_QWEN_ENDS,
        model_types=("qwen3", "qwen3_moe", "qwen3_next", "qwen3_5", "qwen3_5_moe", "nemotron_h"),
        engines=Native(vllm=("qwen3_coder", "qwen3_xml"), sglang=("qwen3_coder",), trtllm=("qwen3_coder",)),
    ),
    ToolRow(
        "hermes",
        HERMES,
        "Hermes 2/3/4, Qwen2.5, Qwen3",
        pairs=("qwen3", "basic"),
        aliases=("qwen25",),
        added_tokens=("<tool_call>", "</tool_call>"),
        turn_ends=_QWEN_ENDS,
        model_types=("qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "qwen3_next"),
        engines=Native(vllm=("hermes", "qwen3_json"), sglang=("hermes", "qwen25", "qwen"), trtllm=("qwen3",)),
    ),
    ToolRow(
        "glm47",
        GLM47,
        "GLM-4.5, 4.6, 4.7, 5, 5.1",
        pairs=("glm45", "glm47"),
        aliases=("glm45",),
        added_tokens=tuple(sorted(GLM47.markers)),
        turn_end="<|user|>",
        turn_ends=_GLM_ENDS,
        model_types=("glm4_moe", "glm_moe_dsa"),
        engines=Native(vllm=("glm47", "glm45"), sglang=("glm47", "glm45", "glm"), trtllm=("glm47", "glm4")),
    ),
    ToolRow(
        "minimax_m2",
        MINIMAX_M2,
        "MiniMax M2, M2.5, M2.7",
        pairs=("minimax_m2", "minimax_append_think"),
        added_tokens=("<minimax:tool_call>", "</minimax:tool_call>"),
        turn_end=_MINIMAX_END,
        model_types=("minimax_m2",),
        engines=Native(vllm=("minimax_m2",), sglang=("minimax-m2",), trtllm=("minimax_m2",)),
    ),
    ToolRow(
        "deepseek_v3",
        DEEPSEEK_V3,
        "DeepSeek V3, V3-0324, R1",
        pairs=("deepseek_v3", "deepseek_r1"),
        added_tokens=DEEPSEEK_V3_TOKENS,
        turn_end=_DEEPSEEK_END,
        model_types=("deepseek_v3",),
        engines=Native(vllm=("deepseek_v3",), sglang=("deepseekv3",), trtllm=("deepseek_v3",)),
    ),
    ToolRow(
        "deepseek_v3_1",
        DEEPSEEK_V3_1,
        "DeepSeek V3.1",
        pairs=("deepseek_v3_1", "deepseek_v3"),
        added_tokens=DEEPSEEK_V3_TOKENS,
        turn_end=_DEEPSEEK_END,
        model_types=("deepseek_v3",),
        engines=Native(vllm=("deepseek_v31",), sglang=("deepseekv31",), trtllm=("deepseek_v31",)),
    ),
    ToolRow(
        "deepseek_v3_2",
        DEEPSEEK_V3_2,
        "DeepSeek V3.2",
        pairs=("deepseek_v3_2",),
        added_tokens=("｜DSML｜",),
        turn_end=_DEEPSEEK_END,
        model_types=("deepseek_v32",),
        engines=Native(vllm=("deepseek_v32",), sglang=("deepseekv32",), trtllm=("deepseek_v32",)),
    ),
    ToolRow(
        "deepseek_v4",
        DEEPSEEK_V4,
        "DeepSeek V4",
        pairs=("deepseek_v4",),
        aliases=("deepseek-v4", "deepseekv4"),
        added_tokens=("｜DSML｜",),
        turn_end=_DEEPSEEK_END,
        model_types=("deepseek_v4",),
        engines=Native(vllm=("deepseek_v4",), sglang=("deepseekv4",), trtllm=("deepseek_v4",)),
    ),
    ToolRow(
        "deepseek_v41",
        DEEPSEEK_V41,
        "DeepSeek V4.1",
        pairs=("deepseek_v41",),
        added_tokens=("｜DSML｜",),
        turn_end=_DEEPSEEK_END,
        model_types=("deepseek_v4",),
        engines=Native(vllm=("deepseek_v41",), sglang=("deepseekv41",)),
    ),
    ToolRow(
        "nemotron_deci",
        NEMOTRON_DECI,
        "Llama-Nemotron Super and Ultra",
        pairs=("nemotron_deci",),
        turn_end="<|eot_id|>",
        turn_ends=_LLAMA_ENDS,
        model_types=("nemotron-nas",),
    ),
    ToolRow(
        "default",
        DEFAULT,
        "models without a parser of their own",
        pairs=("basic",),
        special_tokens=("<|python_tag|>",),
        turn_end="<|eot_id|>",
        turn_ends=_LLAMA_ENDS,
    ),
    ToolRow(
        "jamba",
        JAMBA,
        "Jamba 1.5, 1.6, 1.7",
        pairs=("basic",),
        added_tokens=("<tool_calls>", "</tool_calls>"),
        turn_end="<|eom|>",
        turn_ends=_JAMBA_ENDS,
        model_types=("jamba",),
        engines=Native(vllm=("jamba",)),
    ),
    ToolRow(
        "phi4",
        PHI4,
        "Phi-4-mini",
        pairs=("basic",),
        special_tokens=("<|tool_call|>", "<|/tool_call|>"),
        turn_end="<|end|>",
        turn_ends=_PHI_ENDS,
        model_types=("phi3", "phi4mm"),
        engines=Native(vllm=("phi4_mini_json",)),
    ),
    ToolRow(
        "llama3_json",
        LLAMA3_JSON,
        "Llama 3.1, 3.2, 3.3",
        pairs=("basic",),
        special_tokens=("<|python_tag|>",),
        turn_end="<|eot_id|>",
        turn_ends=_LLAMA_ENDS,
        model_types=("llama4",),
        engines=Native(vllm=("llama3_json", "llama4_json"), sglang=("llama3",)),
    ),
    ToolRow(
        "mistral",
        MISTRAL,
        "Mistral, Ministral, Devstral, Magistral",
        pairs=("mistral",),
        special_tokens=("[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"),
        turn_end=_MISTRAL_END,
        native_ids=True,
        new_id=_nine_characters,
        model_types=("mistral", "mistral3", "ministral3"),
        engines=Native(vllm=("mistral",), sglang=("mistral",)),
    ),
    ToolRow(
        "harmony",
        HARMONY,
        "gpt-oss",
        pairs=("gpt_oss",),
        special_tokens=tuple(sorted(HARMONY.markers)),
        turn_end="<|return|>",
        turn_ends=_HARMONY_ENDS,
        model_types=("gpt_oss",),
        engines=Native(vllm=("openai",), sglang=("gpt-oss",)),
    ),
    ToolRow(
        "kimi_k3",
        KIMI_K3,
        "Kimi K3",
        pairs=("kimi_k3",),
        aliases=("kimi-k3",),
        special_tokens=_XTML_TOKENS,
        turn_end="<|end_of_msg|>",
        turn_ends=KIMI_K3_ENDS,
        model_types=("kimi_k3",),
        engines=Native(vllm=("kimi_k3",), sglang=("kimi_k3",), trtllm=("kimi_k3",)),
    ),
    ToolRow(
        "inkling",
        INKLING,
        "Inkling, Inkling Small",
        pairs=("inkling",),
        special_tokens=tuple(sorted(INKLING.markers)),
        turn_end="<|content_model_end_sampling|>",
        turn_ends=("<|end_message|>",),
        model_types=("inkling",),
        engines=Native(vllm=("inkling",), sglang=("inkling",)),
    ),
    ToolRow(
        "muse",
        MUSE,
        "Muse Glimmer",
        pairs=("muse",),
        aliases=("muse_glimmer",),
        special_tokens=_MUSE_TOKENS,
        turn_end="<|eot|>",
        turn_ends=_MUSE_ENDS,
        model_types=("muse_glimmer",),
        engines=Native(vllm=("muse_glimmer",), sglang=("muse",)),
    ),
    ToolRow(
        "seed_oss",
        SEED_OSS,
        "Seed-OSS",
        pairs=("seed_oss",),
        added_tokens=("<seed:tool_call>", "</seed:tool_call>"),
        turn_end="<seed:eos>",
        model_types=("seed_oss",),
        engines=Native(vllm=("seed_oss",)),
    ),
    ToolRow(
        "gemma4",
        GEMMA4,
        "Gemma 4",
        pairs=("gemma4",),
        aliases=("gemma-4",),
        special_tokens=("<|tool_call>", "<tool_call|>", '<|"|>'),
        turn_end="<turn|>",
        turn_ends=_GEMMA_ENDS,
        model_types=("gemma4", "gemma4_text"),
        engines=Native(vllm=("gemma4",), sglang=("gemma4",), trtllm=("gemma4",)),
    ),
    ToolRow(
        "pythonic",
        PYTHONIC,
        "Llama 4, Llama 3.2, Olmo 3",
        pairs=("basic",),
        special_tokens=("<|python_start|>", "<|python_end|>"),
        turn_end="<|eot|>",
        turn_ends=(*_LLAMA_4_ENDS, *_OLMO_ENDS),
        model_types=("llama4", "olmo3"),
        engines=Native(vllm=("pythonic", "llama4_pythonic", "olmo3"), sglang=("pythonic",)),
    ),
    ToolRow(
        "internlm2",
        INTERNLM2,
        "InternLM2, InternLM2.5",
        pairs=("basic",),
        aliases=("internlm",),
        special_tokens=("<|action_start|>", "<|plugin|>", "<|action_end|>"),
        turn_ends=_INTERNLM_ENDS,
        model_types=("internlm2",),
        engines=Native(vllm=("internlm",), sglang=("interns1",)),
    ),
    ToolRow(
        "lfm2",
        LFM2,
        "LFM2, LFM2.5",
        pairs=("basic",),
        special_tokens=("<|tool_call_start|>", "<|tool_call_end|>"),
        turn_ends=_LFM_ENDS,
        model_types=("lfm2", "lfm2_moe", "lfm2_vl"),
        engines=Native(vllm=("lfm2",), sglang=("lfm2",)),
    ),
    ToolRow(
        "minimax_m3",
        MINIMAX_M3,
        "MiniMax M3",
        pairs=("minimax_m3",),
        aliases=("minimax-m3", "minimax_m3_nom", "minimax-m3-nom"),
        added_tokens=("]<]minimax[>[",),
        turn_end=_MINIMAX_END,
        model_types=("minimax_m3",),
        engines=Native(vllm=("minimax_m3",), sglang=("minimax-m3",), trtllm=("minimax_m3",)),
    ),
)

REASONING_ROWS = (
    ReasoningRow("basic", THINK, "any model that writes `<think>`", _OUTSIDE, added_tokens=_THINK_TOKENS),
    ReasoningRow(
        "qwen3",
        THINK,
        "Qwen3, Qwen3.5, Qwen3.6, QwQ",
        _OUTSIDE,
        aliases=("qwen3_coder",),
        added_tokens=_THINK_TOKENS,
        turn_ends=_QWEN_ENDS,
        engines=Native(vllm=("qwen3",), sglang=("qwen3",), trtllm=("qwen3",)),
    ),
    ReasoningRow(
        "kimi_k25",
        THINK,
        "Kimi K2-Thinking, K2.5, K2.6",
        _ON_UNLESS_OFF,
        added_tokens=_THINK_TOKENS,
        turn_ends=_KIMI_ENDS,
        engines=Native(vllm=("kimi_k2",), sglang=("kimi_k2",), trtllm=("kimi_k25", "kimi_k2")),
    ),
    ReasoningRow(
        "kimi_k2",
        THINK,
        "Kimi K2",
        _OUTSIDE,
        added_tokens=_THINK_TOKENS,
        turn_ends=_KIMI_ENDS,
        engines=Native(vllm=("kimi_k2",), sglang=("kimi_k2",), trtllm=("kimi_k2",)),
    ),
    ReasoningRow(
        "kimi",
        Think(("◁think▷",), ("◁/think▷",)),
        "Kimi-VL, Kimi K1.5",
        _OUTSIDE,
        added_tokens=("◁think▷", "◁/think▷"),
        turn_ends=_KIMI_ENDS,
        engines=Native(sglang=("kimi",)),
    ),
    ReasoningRow(
        "glm45",
        THINK,
        "GLM-4.5, 4.6, 4.7, 5, 5.1",
        _OUTSIDE,
        aliases=("glm47",),
        added_tokens=_THINK_TOKENS,
        turn_ends=_GLM_ENDS,
        engines=Native(vllm=("glm45", "glm47"), sglang=("glm45",), trtllm=("glm45", "glm47", "glm")),
    ),
    ReasoningRow(
        "deepseek_r1",
        THINK,
        "DeepSeek R1",
        _ON_UNLESS_OFF,
        added_tokens=_THINK_TOKENS,
        turn_ends=(_DEEPSEEK_END,),
        engines=Native(vllm=("deepseek_r1",), sglang=("deepseek-r1",), trtllm=("deepseek-r1",)),
    ),
    ReasoningRow(
        "deepseek_v3",
        THINK,
        "DeepSeek V3, V3.1",
        _OFF_UNLESS_ON,
        aliases=("deepseek_v3_1",),
        added_tokens=_THINK_TOKENS,
        turn_ends=(_DEEPSEEK_END,),
        engines=Native(vllm=("deepseek_v3",), sglang=("deepseek-v3",)),
    ),
    ReasoningRow(
        "deepseek_v3_2",
        THINK,
        "DeepSeek V3.2",
        _ON_UNLESS_OFF,
        added_tokens=_THINK_TOKENS,
        turn_ends=(_DEEPSEEK_END,),
    ),
    ReasoningRow(
        "deepseek_v4",
        THINK,
        "DeepSeek V4",
        _OUTSIDE,
        aliases=("deepseek-v4", "deepseekv4"),
        added_tokens=_THINK_TOKENS,
        turn_ends=(_DEEPSEEK_END,),
        engines=Native(vllm=("deepseek_v4",), sglang=("deepseek-v4",), trtllm=("deepseek_v4",)),
    ),
    ReasoningRow(
        "deepseek_v41",
        THINK,
        "DeepSeek V4.1",
        _OUTSIDE,
        added_tokens=_THINK_TOKENS,
        turn_ends=(_DEEPSEEK_END,),
        engines=Native(vllm=("deepseek_v41",), sglang=("deepseek-v41",)),
    ),
    ReasoningRow(
        "step3",
        THINK,
        "Step-3",
        _NEVER_CHANGED,
        added_tokens=_THINK_TOKENS,
        turn_ends=("<|EOT|>",),
        engines=Native(vllm=("step3",), sglang=("step3",)),
    ),
    ReasoningRow(
        "nemotron_deci",
        THINK,
        "Llama-Nemotron Super and Ultra",
        _OUTSIDE,
        added_tokens=_THINK_TOKENS,
        turn_ends=_LLAMA_ENDS,
    ),
    ReasoningRow(
        "nemotron_nano",
        THINK,
        "Nemotron Nano, Nemotron 3",
        _ON_UNLESS_OFF,
        aliases=("nemotron3", "nemotron_v3"),
        added_tokens=_THINK_TOKENS,
        turn_ends=_QWEN_ENDS,
        engines=Native(vllm=("nemotron_v3",), sglang=("nemotron_3",), trtllm=("nano-v3", "nemotron-v3")),
    ),
    ReasoningRow(
        "mistral",
        Think(("[THINK]",), ("[/THINK]",)),
        "Magistral, Ministral 3",
        Starts(inside=False, switch="effort"),
        special_tokens=("[THINK]", "[/THINK]"),
        turn_ends=(_MISTRAL_END,),
        engines=Native(vllm=("mistral",), sglang=("mistral",)),
    ),
    ReasoningRow(
        "minimax_m2",
        THINK,
        "MiniMax M2, M2.5, M2.7",
        _ON_UNLESS_OFF,
        added_tokens=_THINK_TOKENS,
        turn_ends=(_MINIMAX_END,),
        engines=Native(vllm=("minimax_m2",), sglang=("minimax",), trtllm=("minimax_m2",)),
    ),
    ReasoningRow(
        "granite",
        Think(
            ("Here's my thought process:", "Here is my thought process:"),
            ("Here's my response:", "Here is my response:"),
            words=frozenset({"Here's my thought process:", "Here is my thought process:"}),
        ),
        "Granite 3.2",
        _OUTSIDE,
        turn_ends=("<|end_of_text|>",),
        engines=Native(vllm=("granite",)),
    ),
    ReasoningRow(
        "minimax_append_think",
        THINK,
        "MiniMax M2, for clients that read `<think>` themselves",
        _NEVER_CHANGED,
        added_tokens=_THINK_TOKENS,
        turn_ends=(_MINIMAX_END,),
        splits=False,
        engines=Native(
            vllm=("minimax_m2_append_think",), sglang=("minimax-append-think",), trtllm=("minimax_m2_append_think",)
        ),
    ),
    ReasoningRow(
        "gpt_oss",
        Think(("<|channel|>analysis<|message|>",), ("<|channel|>final<|message|>",)),
        "gpt-oss",
        _OUTSIDE,
        special_tokens=tuple(sorted(HARMONY.markers)),
        turn_ends=("<|return|>", *_HARMONY_ENDS),
        frame=HARMONY,
        engines=Native(vllm=("openai_gptoss",), sglang=("gpt-oss",)),
    ),
    ReasoningRow(
        "kimi_k3",
        Think(("<|open|>think<|sep|>",), ("<|close|>think<|sep|>",)),
        "Kimi K3",
        _ON_UNLESS_OFF,
        aliases=("kimi-k3",),
        special_tokens=_XTML_TOKENS,
        turn_ends=KIMI_K3_ENDS,
        frame=KIMI_K3,
        engines=Native(vllm=("kimi_k3",), sglang=("kimi_k3",), trtllm=("kimi_k3",)),
    ),
    ReasoningRow(
        "inkling",
        # A closed message says nothing of the next one, but its kind does.
        Think(("<|content_thinking|>",), ("<|content_text|>",)),
        "Inkling, Inkling Small",
        _OUTSIDE,
        special_tokens=tuple(sorted(INKLING.markers)),
        turn_ends=("<|content_model_end_sampling|>", "<|end_message|>"),
        frame=INKLING,
        engines=Native(vllm=("inkling",), sglang=("inkling",)),
    ),
    ReasoningRow(
        "muse",
        Think((" to=self<|message|>",), (" to=user<|message|>",)),
        "Muse Glimmer",
        _OUTSIDE,
        aliases=("muse_glimmer",),
        special_tokens=_MUSE_TOKENS,
        turn_ends=("<|eot|>", *_MUSE_ENDS),
        frame=MUSE,
        engines=Native(vllm=("muse_glimmer",), sglang=("muse",)),
    ),
    ReasoningRow(
        "seed_oss",
        Think(("<seed:think>",), ("</seed:think>",)),
        "Seed-OSS",
        _OUTSIDE,
        added_tokens=("<seed:think>", "</seed:think>"),
        turn_ends=("<seed:eos>",),
        engines=Native(vllm=("seed_oss",)),
    ),
    ReasoningRow(
        "gemma4",
        Think(("<|channel>",), ("<channel|>",), label="thought\n"),
        "Gemma 4",
        _OUTSIDE,
        aliases=("gemma-4",),
        special_tokens=("<|channel>", "<channel|>"),
        turn_ends=("<turn|>", *_GEMMA_ENDS),
        engines=Native(vllm=("gemma4",), sglang=("gemma4",), trtllm=("gemma4",)),
    ),
    ReasoningRow(
        "minimax_m3",
        Think(("<mm:think>",), ("</mm:think>",)),
        "MiniMax M3",
        Starts(inside=False, switch="mode"),
        aliases=("minimax-m3",),
        added_tokens=("<mm:think>", "</mm:think>"),
        turn_ends=(_MINIMAX_END,),
        engines=Native(vllm=("minimax_m3",), sglang=("minimax-m3",), trtllm=("minimax_m3",)),
    ),
)


def thinking_asked_for(chat_template_kwargs: Mapping[str, object]) -> bool | None:
    """Whether a request's template arguments turn thinking on or off; None where they say nothing."""
    for name in ("enable_thinking", "thinking"):
        said = chat_template_kwargs.get(name)
        if isinstance(said, bool):
            return said
    mode = chat_template_kwargs.get("thinking_mode")
    if isinstance(mode, str):
        return mode not in ("chat", "disabled", "off", "none", "no_think")
    return False if chat_template_kwargs.get("reasoning_effort") == "none" else None


Row = TypeVar("Row", ToolRow, ReasoningRow)


def _table(rows: Iterable[Row]) -> dict[str, Row]:
    table: dict[str, Row] = {}
    for row in rows:
        for name in row.names:
            if name in table:
                raise ValueError(f"two parsers are called {name!r}")
            table[name] = row
    return table


_TOOLS = _table(TOOL_ROWS)
_REASONING = _table(REASONING_ROWS)


def tool_parser_names() -> list[str]:
    """Every name of a tool-call parser, aliases included, without the prefix."""
    return sorted(_TOOLS)


def reasoning_parser_names() -> list[str]:
    """Every name of a reasoning parser, aliases included, without the prefix."""
    return sorted(_REASONING)


def tool_row(name: str) -> ToolRow:
    """The row of a tool-call parser. Raises ValueError, with close matches, for an unknown name."""
    return _row(name, _TOOLS, "tool-call parser")


def reasoning_row(name: str) -> ReasoningRow:
    """The row of a reasoning parser. Raises ValueError, with close matches, for an unknown name."""
    return _row(name, _REASONING, "reasoning parser")


def _row(name: str, table: Mapping[str, Row], kind: str) -> Row:
    found = table.get(name) or table.get(name.removeprefix(PREFIX))
    if found is not None:
        return found
    close = difflib.get_close_matches(name.removeprefix(PREFIX), table, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(sorted(table))}"
    raise ValueError(f"unknown {kind} {name!r}: {hint}")


def partners(row: ReasoningRow) -> tuple[ToolRow, ...]:
    """The tool-call parsers that a reasoning parser goes with."""
    return tuple(tool for tool in TOOL_ROWS if not set(row.names).isdisjoint(tool.pairs))


@cache
def grammar_for(tool: ToolRow | None, reasoning: ReasoningRow | None) -> Grammar:
    """What a machine for this pair reads. Without a tool parser: the calls of every partner, as ends of reasoning."""
    rows = (tool,) if tool is not None else partners(reasoning) if reasoning is not None else ()
    ends = {end for row in rows for end in (row.turn_end, *row.turn_ends)}
    if reasoning is not None:
        ends.update(reasoning.turn_ends)
    frames = [row.format for row in rows if not isinstance(row.format, ToolFormat)]
    formats = {id(row.format): row.format for row in rows if isinstance(row.format, ToolFormat)}
    frame = reasoning.frame if reasoning is not None and not frames else None
    unsplit = None
    if reasoning is None and tool is not None:
        unsplit = _REASONING[tool.pairs[0]].think
    elif reasoning is not None and not reasoning.splits:
        unsplit = reasoning.think
    return Grammar(
        (*formats.values(), *siblings_of(list(formats.values()))),
        reasoning.think if reasoning is not None and reasoning.splits else None,
        Markers(ends),
        frames[0] if frames else frame,
        reopened=reasoning.open if reasoning is not None and not reasoning.splits else "",
        unsplit=unsplit,
    )
