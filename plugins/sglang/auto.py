"""Parsers in SGLang that the tokenizer decides, when the server starts.

- `dynamo_auto`: those that the tokenizer and its chat template show.
- `dynamo_response_template`: those that are made of the template which the tokenizer's config declares. They have a
  name of their own, and other processes of the server get the template in the environment.

SGLang's launcher checks its arguments once, before it starts any other process. Right behind that the two flags are
given the chosen names, so that every process knows these alone; where nothing can be chosen, the launch ends with it.
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
"""Holds the template whose parsers a server was launched with, as JSON."""

logger = logging.getLogger("dynamo_parsers")


class ServerArguments(Protocol):
    """SGLang's `ServerArgs`, as far as it says what to choose and by which tokenizer."""

    tool_call_parser: str | None
    reasoning_parser: str | None
    tokenizer_path: str
    tokenizer_mode: str
    tokenizer_backend: str
    trust_remote_code: bool
    revision: str | None


class AutoToolDetector(DynamoToolDetector):
    """What stands under the name in SGLang's table. No server makes one: it has another name by then."""

    row = TOOL_ROWS[0]

    def __init__(self) -> None:
        _refuse()


class AutoReasoningDetector(DynamoReasoningDetector):
    """The same for reasoning."""

    row = REASONING_ROWS[0]

    def __init__(self, stream_reasoning: bool = True, force_reasoning: bool | None = None) -> None:
        _refuse()


def _refuse() -> NoReturn:
    raise ValueError(f"{AUTO} and {DECLARED} are decided when a server starts; here the parser has to be named")


def install(registry: Registry, hook_types: HookTypes) -> None:
    """Register the hook that chooses."""
    registry.register("sglang.srt.server_args.ServerArgs.check_server_args", _check, hook_types.AROUND)


def _check(original: Original, arguments: ServerArguments, *args: object, **kwargs: object) -> object:
    """Around what checks the arguments of a launch. Raises NotConclusive."""
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
    """Raises ValueError if SGLang's Rust server is to have a parser of ours: it would answer 400 to every request."""
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
    """The names of the parsers that are made of the tokenizer's template. Raises Refused."""
    spec = declared.template_for(tokenizer, DECLARED)
    parsers = declared.parsers_of(spec)
    names: dict[str, str] = {}
    if "tool_call_parser" in wanted:
        names["tool_call_parser"] = PREFIX + declared.tool_of(parsers).name
    if "reasoning_parser" in wanted:
        names["reasoning_parser"] = PREFIX + declared.reasoning_of(parsers).name
    publish(spec)
    logger.info("%s is made of %s", DECLARED, parsers.why)
    return names


def publish(spec: Mapping[str, object]) -> None:
    """Have the parsers of a template known in this process and in those that it starts."""
    os.environ[_TEMPLATE] = json.dumps(spec)
    register_published()


def register_published() -> None:
    """Make the parsers of the server's template known to SGLang, if it has one."""
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
    """The arguments with what SGLang itself has decided so far, which it notes apart."""
    from sglang.srt.arg_groups.overrides import resolving_view

    return resolving_view(arguments)  # type: ignore[no-any-return]


def _declare(arguments: ServerArguments, names: dict[str, str]) -> None:
    """Give the arguments other parsers, by SGLang's own way."""
    from sglang.srt.arg_groups.overrides import declare_resolution

    declare_resolution(arguments, "dynamo-parsers", **names)
