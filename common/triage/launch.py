"""Parses a launch line: which engine, which model, which parsers.

- The line is as a shell gets it: assignments before the command, `env`, `docker run -e`, lines continued by a
  backslash.
- Flags are compared with dashes: vLLM accepts `--tool_call_parser` for `--tool-call-parser`, too.
- Nothing is run and no file of the line is read.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePath

from ..registry import PREFIX, reasoning_row, tool_row
from ..rows import ReasoningRow, ToolRow
from .engines import EngineName, reasoning_rows_called, tool_rows_called

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_SWITCHES = frozenset(
    {
        "enable-auto-tool-choice",
        "trust-remote-code",
        "enforce-eager",
        "enable-prefix-caching",
        "enable-reasoning",
        "skip-tokenizer-init",
        "disable-log-requests",
        "enable-expert-parallel",
        "skip-server-warmup",
        "disable-radix-cache",
        "enable-metrics",
        "disable-cuda-graph",
        "async-scheduling",
    }
)
"""Flags without a value, so that the next word may be the model's name."""


_FRONT_END = "dynamo.frontend"


@dataclass(frozen=True)
class Launch:
    """A parsed launch line. `flags`: each with its value, "" for a switch; names with dashes and without `--`."""

    engine: EngineName | None
    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    rust: bool = False
    """Whether the line starts an engine's Rust front end."""
    dynamo: bool = False
    """Whether the line starts a worker of Dynamo, which parses in its own front end."""
    front_end: bool = False
    """Whether the line starts Dynamo's front end; `engine` is the one whose parsers it uses, None for its own."""

    @property
    def tool_parser(self) -> str:
        given = self.flags
        return given.get("tool-call-parser") or given.get("tool-parser") or given.get("dyn-tool-call-parser") or ""

    @property
    def reasoning_parser(self) -> str:
        return self.flags.get("reasoning-parser") or self.flags.get("dyn-reasoning-parser") or ""


@dataclass(frozen=True, slots=True)
class Configured:
    """The parsers that a launch line names, as rows of the registry."""

    tool: ToolRow | None
    reasoning: ReasoningRow | None
    ours: bool
    """Whether the tool-call parser (or, without one, the reasoning parser) is from this package."""


def read_launch(line: str) -> Launch:
    """Parse a launch line. Raises ValueError if its quotes do not match."""
    try:
        words = shlex.split(line.replace("\\\n", " ").replace("\\\r\n", " "), comments=False)
    except ValueError as error:
        raise ValueError(f"the launch line cannot be read: {error}") from None
    return launch_of(words)


def launch_of(words: list[str]) -> Launch:
    environment = dict(_environment(words))
    engine, start = _engine(words)
    flags, loose = _flags(words[start:])
    model = next((flags[name] for name in ("model", "model-path") if flags.get(name)), "") or next(iter(loose), "")
    names = [PurePath(word).name for word in words]
    rust = "vllm-rs" in names or environment.get("VLLM_USE_RUST_FRONTEND", "0") not in ("", "0", "false")
    rust = rust or environment.get("SGLANG_RUST_SERVER", "0") not in ("", "0", "false")
    front_end = _FRONT_END in words
    if front_end:
        asked = flags.get("dyn-chat-processor") or environment.get("DYN_CHAT_PROCESSOR")
        engine = "vllm" if asked == "vllm" else "sglang" if asked == "sglang" else None
    dynamo = not front_end and any(word.startswith("dynamo.") for word in words)
    return Launch(engine, tuple(words), environment, flags, model, rust, dynamo, front_end)


def configured(launch: Launch) -> Configured:
    """Return the rows of the parsers that a line names; None for none, an unknown one, or `dynamo_auto`."""
    tool, reasoning = launch.tool_parser, launch.reasoning_parser
    if launch.dynamo:  # Dynamo's parsers have this package's names, without the prefix
        tool, reasoning = (PREFIX + name if name and not is_ours(name) else name for name in (tool, reasoning))
    return Configured(
        _tool(tool, launch.engine),
        _reasoning(reasoning, launch.engine),
        is_ours(launch.tool_parser or launch.reasoning_parser),
    )


def _tool(name: str, engine: EngineName | None) -> ToolRow | None:
    if is_ours(name):
        with suppress(ValueError):
            return tool_row(name)
        return None
    return next(iter(tool_rows_called(name, engine)), None)


def _reasoning(name: str, engine: EngineName | None) -> ReasoningRow | None:
    if is_ours(name):
        with suppress(ValueError):
            return reasoning_row(name)
        return None
    return next(iter(reasoning_rows_called(name, engine)), None)


def is_ours(name: str) -> bool:
    return name.startswith(PREFIX)


def _environment(words: list[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    leading = True  # nothing but assignments so far
    before = ""
    for word in words:
        said = word.removeprefix("--env=") if word.startswith("--env=") else word
        leading = leading and (word in ("env", "export") or _ASSIGNMENT.fullmatch(word) is not None)
        if _ASSIGNMENT.fullmatch(said) and (leading or said is not word or before in ("-e", "--env")):
            name, _, value = said.partition("=")
            found.append((name, value))
        before = word
    return found


def _engine(words: list[str]) -> tuple[EngineName | None, int]:
    """Return the engine that a line starts, and the index of its first argument."""
    for at, word in enumerate(words):
        name = PurePath(word).name
        following = words[at + 1] if at + 1 < len(words) else ""
        if name in ("vllm", "vllm-rs") and following == "serve":
            return "vllm", at + 2
        if name == "sglang" and following == "serve":
            return "sglang", at + 2
        if name in ("trtllm-serve", "dynamo-trtllm-serve"):
            return "trtllm", at + (2 if following == "serve" else 1)
        if word.startswith("vllm.entrypoints") or word == "dynamo.vllm":
            return "vllm", at + 1
        if word in ("sglang.launch_server", "dynamo.sglang"):
            return "sglang", at + 1
        if word in ("tensorrt_llm.commands.serve", "dynamo.trtllm"):
            return "trtllm", at + 1
        if word == _FRONT_END:
            return None, at + 1
    for at, word in enumerate(words):  # a container image whose entry point is the engine
        for title, engine in (("vllm", "vllm"), ("sglang", "sglang"), ("tensorrt", "trtllm"), ("trtllm", "trtllm")):
            if title in word.rpartition("/")[2] or f"/{title}" in word:
                return engine, at + 1  # type: ignore[return-value]
    return None, 0


def _flags(words: list[str]) -> tuple[dict[str, str], list[str]]:
    flags: dict[str, str] = {}
    loose: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if not word.startswith("-") or word in ("-", "--"):
            loose.append(word)
            continue
        name, equals, value = word.partition("=")
        name = name.lstrip("-").replace("_", "-")
        follows = at < len(words) and not words[at].startswith("--")
        if not equals and follows and name not in _SWITCHES:
            value = words[at]
            at += 1
        flags[name] = value
    return flags, loose
