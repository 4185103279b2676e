"""Parsers in SGLang that are chosen by the tokenizer when the server starts.

- `dynamo_auto`: the parsers that fit the tokenizer and its chat template.
- `dynamo_response_template`: parsers made from the template that the tokenizer's config declares. They have a name of
  their own, and other processes of the server get the template through the environment.

SGLang's launcher checks its arguments once, before it starts any other process. Right after that the two flags are set
to the chosen names, so that every process knows only these; if nothing can be chosen, the launch fails.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from typing import NoReturn, Protocol

from dynamo_parsers.auto import NAME, choose, reasoning_of
from dynamo_parsers.registry import PREFIX, REASONING_ROWS, TOOL_ROWS
from dynamo_parsers.response_templates import declared

from .detectors import DynamoReasoningDetector, DynamoToolDetector, reasoning_detector, tool_detector
from .hooks import HookTypes, Original, Registry

AUTO = PREFIX + NAME
DECLARED = PREFIX + declared.NAME
_TEMPLATE = "DYNAMO_PARSERS_RESPONSE_TEMPLATE"
"""The environment variable with the template, as JSON, whose parsers a server was launched with."""

logger = logging.getLogger("dynamo_parsers")


class ServerArguments(Protocol):
    """The part of SGLang's `ServerArgs` that names the parsers and the tokenizer."""

    tool_call_parser: str | None
    reasoning_parser: str | None
    tokenizer_path: str
    tokenizer_mode: str
    tokenizer_backend: str
    trust_remote_code: bool
    revision: str | None


class AutoToolDetector(DynamoToolDetector):
    """The entry in SGLang's table for these names. No server makes one: by then the flag has another name."""

    row = TOOL_ROWS[0]

    def __init__(self) -> None:
        _refuse()


class AutoReasoningDetector(DynamoReasoningDetector):
    """The same for reasoning parsers."""

    row = REASONING_ROWS[0]

    def __init__(self, stream_reasoning: bool = True, force_reasoning: bool | None = None) -> None:
        _refuse()


def _refuse() -> NoReturn:
    raise ValueError(f"{AUTO} and {DECLARED} are resolved when a server starts; here, name the parser itself")


def install(registry: Registry, hook_types: HookTypes) -> None:
    """Register the hook that chooses the parsers."""
    registry.register("sglang.srt.server_args.ServerArgs.check_server_args", _check, hook_types.AROUND)


def _check(original: Original, arguments: ServerArguments, *args: object, **kwargs: object) -> object:
    """Hook around the check of a launch's arguments. Raises NotConclusive, or Refused for a declared template."""
    result = original(arguments, *args, **kwargs)
    said = _resolving(arguments)
    _refuse_rust(said)
    flags = {name: getattr(said, name) for name in ("tool_call_parser", "reasoning_parser")}
    chosen = [name for name, parser in flags.items() if parser == AUTO]
    made = [name for name, parser in flags.items() if parser == DECLARED]
    if chosen or made:
        tokenizer = _tokenizer(said)
        names = _chosen(tokenizer, chosen) if chosen else {}
        _declare(arguments, {**names, **(_made(tokenizer, made) if made else {})})
    return result


def _refuse_rust(said: ServerArguments) -> None:
    """Raise ValueError if SGLang's Rust server is given one of our names: it would answer 400 to every request."""
    from sglang.srt.environ import envs

    flag = getattr(envs, "SGLANG_RUST_SERVER", None)
    if flag is None or not flag.get():
        return
    for option, name in (("--tool-call-parser", said.tool_call_parser), ("--reasoning-parser", said.reasoning_parser)):
        if name is not None and name.startswith(PREFIX):
            raise ValueError(
                "SGLang's Rust server (SGLANG_RUST_SERVER) loads no Python parsers: unset the variable, or name its "
                f"own in place of {option} {name}, which is {name.removeprefix(PREFIX)} if it has that one"
            )


def _chosen(tokenizer: object, wanted: list[str]) -> dict[str, str]:
    chosen = choose(tokenizer)
    names: dict[str, str] = {}
    if "tool_call_parser" in wanted:
        names["tool_call_parser"] = PREFIX + chosen.tool.name
    if "reasoning_parser" in wanted:
        names["reasoning_parser"] = (PREFIX + reasoning_of(chosen).name).lower()
    if chosen.tool.name.startswith(declared.NAME):
        publish(declared.template_for(tokenizer, AUTO))
    logger.info("%s chose %s", AUTO, chosen.why)
    return names


def _made(tokenizer: object, wanted: list[str]) -> dict[str, str]:
    """Return the names of the parsers made from the tokenizer's template, by flag. Raises Refused."""
    spec = declared.template_for(tokenizer, DECLARED)
    parsers = declared.parsers_of(spec)
    names: dict[str, str] = {}
    if "tool_call_parser" in wanted:
        names["tool_call_parser"] = PREFIX + declared.tool_of(parsers).name
    if "reasoning_parser" in wanted:
        names["reasoning_parser"] = PREFIX + declared.reasoning_of(parsers).name
    publish(spec)
    logger.info("%s was made from %s", DECLARED, parsers.why)
    return names


def publish(spec: Mapping[str, object]) -> None:
    """Make the parsers of a template known in this process and in the processes that it starts."""
    os.environ[_TEMPLATE] = json.dumps(spec)
    register_published()


def register_published() -> None:
    """Register the parsers of the server's template with SGLang; do nothing if there is no template."""
    from sglang.srt.function_call.function_call_parser import FunctionCallParser
    from sglang.srt.parser.reasoning_parser import ReasoningParser

    published = os.environ.get(_TEMPLATE)
    if published is None:
        return
    made = declared.parsers_of(json.loads(published))
    if made.tool is not None:
        FunctionCallParser.ToolCallParserEnum.setdefault(PREFIX + made.tool.name, tool_detector(made.tool.name))
    if made.reasoning is not None:
        name = made.reasoning.name
        ReasoningParser.DetectorMap.setdefault(PREFIX + name, reasoning_detector(name))


def _tokenizer(said: ServerArguments) -> object:
    from sglang.srt.utils.hf_transformers_utils import get_tokenizer

    return get_tokenizer(
        said.tokenizer_path,
        tokenizer_mode=said.tokenizer_mode,
        trust_remote_code=said.trust_remote_code,
        revision=said.revision,
        tokenizer_backend=said.tokenizer_backend,
    )


def _resolving(arguments: ServerArguments) -> ServerArguments:
    """Return the arguments with SGLang's own decisions so far, which it stores separately."""
    from sglang.srt.arg_groups.overrides import resolving_view

    return resolving_view(arguments)  # type: ignore[no-any-return]


def _declare(arguments: ServerArguments, names: dict[str, str]) -> None:
    """Set the parsers in the arguments, through SGLang's own function for that."""
    from sglang.srt.arg_groups.overrides import declare_resolution

    declare_resolution(arguments, "dynamo-parsers", **names)
