"""Checks a launch line before it is run, and shows what is installed in this environment.

- A rule is a function that yields findings; it sees only the line, its environment variables and the model's files.
- `error`: the server will not start, or calls will be wrong. `warning`: they may be wrong. `note`: good to know.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from .. import __version__
from ..chat_templates import TEMPLATES, ChatTemplate
from ..detect import Detection, Model, detect, model_in
from ..engines.floors import floor, is_too_old
from ..engines.places import Place, look, numbers
from ..registry import PREFIX, reasoning_parser_names, reasoning_row, tool_parser_names, tool_row
from ..response_templates.declared import parsers_of, reasoning_of, tool_of
from ..response_templates.patterns import Refused
from ..rows import Native, ReasoningRow, ToolRow
from ..template_words import has_words
from .engines import (
    AUTO,
    DECLARED,
    DISTRIBUTIONS,
    ENGINES,
    PLUGIN_GROUPS,
    PLUGIN_VARIABLES,
    REASONING_NAMES,
    TITLES,
    TOOL_NAMES,
    EngineName,
)
from .launch import Configured, Launch, configured, is_ours

_NAME = "dynamo_parsers"
_NUMBERS = re.compile(r"\d+")
_OFF = ("", "0", "false", "False")
_SPECULATIVE = ("speculative-config", "speculative-algorithm", "speculative-model", "speculative-draft-model-path")


class Finding(BaseModel):
    """One finding of a rule, and what to do about it."""

    model_config = ConfigDict(frozen=True)

    level: Literal["error", "warning", "note"]
    rule: str
    text: str
    fix: str = ""


class NeededPlace(BaseModel):
    """A place in an engine that our plugin needs, whether it is there, and what is lost without it."""

    model_config = ConfigDict(frozen=True)

    name: str
    present: bool
    lost: str


class Installed(BaseModel):
    """An engine in this environment. `registered`: whether its plugin group names this package."""

    model_config = ConfigDict(frozen=True)

    engine: str
    distribution: str
    version: str
    registered: bool | None
    places: list[NeededPlace] = []


class Environment(BaseModel):
    """The versions in this environment."""

    model_config = ConfigDict(frozen=True)

    dynamo_parsers: str
    engines: list[Installed]


@dataclass(frozen=True)
class _Case:
    """The input of the rules."""

    launch: Launch
    parsers: Configured
    variables: Mapping[str, str]
    versions: Mapping[EngineName, str]
    model: Model | None
    found: Detection | None

    @property
    def engine(self) -> EngineName | None:
        return self.launch.engine

    @property
    def ours(self) -> bool:
        return is_ours(self.launch.tool_parser) or is_ours(self.launch.reasoning_parser)

    @property
    def is_gpt_oss(self) -> bool:
        return self.model is not None and self.model.kind == "gpt_oss"


def check(launch: Launch, variables: Mapping[str, str] | None = None) -> list[Finding]:
    """Return the findings of all rules, errors first. `variables`: those of the shell; the line's own win."""
    model = _model(launch)
    case = _Case(
        launch,
        configured(launch),
        {**(variables or {}), **launch.environment},
        {each.engine: each.version for each in installed().engines},  # type: ignore[misc]
        model,
        detect(model) if model is not None else None,
    )
    found = [finding for rule in _RULES for finding in rule(case)]
    return sorted(found, key=lambda each: ("error", "warning", "note").index(each.level))


def installed() -> Environment:
    """Return what is installed in this environment. Imports no engine."""
    engines: list[Installed] = []
    for engine in ENGINES:
        for distribution in DISTRIBUTIONS[engine]:
            version = _version(distribution)
            if version is not None and not any(each.engine == engine for each in engines):
                group = PLUGIN_GROUPS.get(engine)
                registered = None if group is None else _registered(group)
                engines.append(
                    Installed(
                        engine=engine,
                        distribution=distribution,
                        version=version,
                        registered=registered,
                        places=_places(engine, version),
                    )
                )
    return Environment(dynamo_parsers=__version__, engines=engines)


def _places(engine: EngineName, version: str) -> list[NeededPlace]:
    """Return the places that the plugin for an engine needs, looked up without importing the engine."""
    try:
        known: Sequence[Place] = import_module(f"{_NAME}.{engine}.places").PLACES
    except ImportError:
        return []
    return [
        NeededPlace(name=place.name, present=present, lost=place.lost)
        for place, present in look(known, numbers(version))
    ]


def _registered(group: str) -> bool:
    return any(point.name == _NAME for point in importlib.metadata.entry_points(group=group))


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _model(launch: Launch) -> Model | None:
    """Return the model's files if the line names a folder on this machine, else None."""
    folder = Path(launch.model)
    if not launch.model or not folder.is_dir():
        return None
    try:
        return model_in(folder)
    except (OSError, ValueError):
        return None


# --- rules


def _the_engine(case: _Case) -> Iterator[Finding]:
    if case.launch.dynamo:
        yield Finding(
            level="error" if case.ours else "note",
            rule="dynamo",
            text="Dynamo's workers hand tokens to Dynamo's own front end, which parses there: this package's parsers, "
            "--tool-call-parser and --reasoning-parser do nothing in it",
            fix="--dyn-tool-call-parser and --dyn-reasoning-parser, with the names without dynamo_; or name these "
            "parsers on dynamo.frontend with --dyn-chat-processor (docs/dynamo.md); or use the engine's server",
        )
    elif case.engine is None and not case.launch.front_end:
        yield Finding(
            level="error",
            rule="engine",
            text="the line starts no known engine: vllm serve, sglang serve, trtllm-serve or their modules",
            fix="dynamo-parsers doctor --engine vllm -- <the server's arguments>",
        )
    dynamos = [name for name in case.launch.flags if name.startswith("dyn-") and "parser" in name]
    if dynamos and not case.launch.dynamo:
        yield Finding(
            level="error",
            rule="dynamo-flags",
            text=f"--{dynamos[0]} is a flag of Dynamo's workers",
            fix=f"--{dynamos[0].removeprefix('dyn-')} {PREFIX}{case.launch.flags[dynamos[0]].removeprefix(PREFIX)}",
        )


def _names(case: _Case) -> Iterator[Finding]:
    for flag, name, ours, native in (
        ("tool-call parser", case.launch.tool_parser, tool_parser_names(), TOOL_NAMES),
        ("reasoning parser", case.launch.reasoning_parser, reasoning_parser_names(), REASONING_NAMES),
    ):
        at_start = name in (AUTO, DECLARED) and case.engine != "trtllm"
        if not name or name == "auto" or at_start or case.launch.dynamo:
            continue
        bare = name.removeprefix(PREFIX)
        if is_ours(name) and bare not in ours:
            close = [PREFIX + each for each in difflib.get_close_matches(bare, ours, n=3)]
            yield _unknown(flag, name, close)
        elif not is_ours(name) and not _is_native(name, case.engine, native):
            known = _native_names(case.engine, native)
            close = difflib.get_close_matches(name, known, n=2) + ([PREFIX + name] if name in ours else [])
            title = TITLES[case.engine] if case.engine else "the engine"
            yield Finding(
                level="warning",
                rule="name",
                text=f"{name} is not a {flag} of this package, nor a known one of {title}",
                fix=f"did you mean {' or '.join(close)}?" if close else "dynamo-parsers list",
            )


def _unknown(flag: str, name: str, close: list[str]) -> Finding:
    fix = f"did you mean {' or '.join(close)}?" if close else "dynamo-parsers list"
    return Finding(level="error", rule="name", text=f"no {flag} is called {name}", fix=fix)


def _is_native(name: str, engine: EngineName | None, native: Mapping[str, Native]) -> bool:
    return name in _native_names(engine, native)


def _native_names(engine: EngineName | None, native: Mapping[str, Native]) -> list[str]:
    engines = ENGINES if engine is None else (engine,)
    return [name for each in native.values() for one in engines for name in each.of(one)]


def _pair(case: _Case) -> Iterator[Finding]:
    tool, reasoning = case.parsers.tool, case.parsers.reasoning
    names = (case.launch.tool_parser, case.launch.reasoning_parser)
    if tool is not None and reasoning is not None and not _go_together(tool, reasoning):
        usual = PREFIX + tool.pairs[0]
        yield Finding(
            level="error" if case.ours else "warning",
            rule="pair",
            text=f"{names[0]} and {names[1]} are for different models: a call in open reasoning would not end it",
            fix=f"--reasoning-parser {usual}, or another tool-call parser",
        )
    if all(names) and is_ours(names[0]) != is_ours(names[1]):
        yield Finding(
            level="warning",
            rule="mixed",
            text=f"{names[0]} and {names[1]} are from different packages: each reads the reply without the other",
            fix="both from this package",
        )
    if tool is not None and not names[1] and any(reasoning_row(name).splits for name in tool.pairs):
        thinks = case.found is None or case.found.reasoning_parser is not None
        if thinks:
            usual = (case.found.reasoning_parser if case.found else None) or PREFIX + tool.pairs[0]
            yield Finding(
                level="warning",
                rule="no-reasoning-parser",
                text="there is no reasoning parser: if the model reasons, its reasoning stays in content",
                fix=f"--reasoning-parser {usual}",
            )
    if names[1] and not names[0]:
        yield Finding(
            level="note", rule="no-tool-parser", text="there is no tool-call parser: calls stay in content as markup"
        )
    if not any(names) and not case.launch.dynamo and case.engine is not None:
        yield Finding(
            level="note",
            rule="no-parsers",
            text="the line names no parser: calls and reasoning stay in content as markup",
            fix="dynamo-parsers detect MODEL_DIR tells which fit",
        )


def _go_together(tool: ToolRow, reasoning: ReasoningRow) -> bool:
    return not set(reasoning.names).isdisjoint(tool.pairs)


def _vllm_flags(case: _Case) -> Iterator[Finding]:
    if case.engine != "vllm" or case.launch.dynamo or case.launch.front_end:
        return
    flags = case.launch.flags
    switch = "enable-auto-tool-choice" in flags
    if case.launch.tool_parser and not switch:
        yield Finding(
            level="error",
            rule="auto-tool-choice",
            text="without --enable-auto-tool-choice vLLM does not use the tool-call parser, and answers requests with "
            "tools with HTTP 400",
            fix="--enable-auto-tool-choice",
        )
    if switch and not case.launch.tool_parser:
        yield Finding(
            level="error",
            rule="auto-tool-choice",
            text="--enable-auto-tool-choice needs a tool-call parser: vLLM does not start",
            fix="--tool-call-parser",
        )
    if "enable-reasoning" in flags:
        yield Finding(
            level="error",
            rule="enable-reasoning",
            text="--enable-reasoning is not a flag of vLLM any more",
            fix="leave it out: --reasoning-parser is enough",
        )
    if case.ours and {"tool-parser-plugin", "reasoning-parser-plugin"} & set(flags):
        yield Finding(level="note", rule="plugin-flag", text="this package's parsers need no --tool-parser-plugin flag")
    if "skip-tokenizer-init" in flags and (case.launch.tool_parser or case.launch.reasoning_parser):
        yield Finding(
            level="error", rule="no-text", text="--skip-tokenizer-init: without a tokenizer there is no text to parse"
        )


def _plugins(case: _Case) -> Iterator[Finding]:
    if case.engine is None or not case.ours:
        return
    variable = PLUGIN_VARIABLES.get(case.engine)
    listed = case.variables.get(variable) if variable else None
    if listed is not None and _NAME not in [each.strip() for each in listed.split(",")]:
        yield Finding(
            level="error",
            rule="plugins",
            text=f"{variable}={listed} leaves this package out: its names are unknown to {TITLES[case.engine]}",
            fix=f"{variable}={listed + ',' if listed else ''}{_NAME}, or unset it",
        )


_LOADS_PLUGINS = "sglang.srt.plugins:load_plugins"


def _dynamo(case: _Case) -> Iterator[Finding]:
    """Check Dynamo's front end, which parses with its own parsers or with those of an engine."""
    if not (case.launch.front_end and case.ours):
        return
    if case.engine is None:
        yield Finding(
            level="error",
            rule="dynamo-processor",
            text="Dynamo's front end knows these names only with the parsers of an engine: it does not start",
            fix="--dyn-chat-processor vllm (or sglang), as the workers are",
        )
    given = case.launch.flags.get("frontend-route-extension"), case.variables.get("DYN_FRONTEND_ROUTE_EXTENSIONS")
    if case.engine == "sglang" and not any(_LOADS_PLUGINS in (each or "").split() for each in given):
        yield Finding(
            level="error",
            rule="dynamo-plugins",
            text="nothing loads SGLang's plugins in Dynamo's front end: every request fails with an unknown parser",
            fix=f"--frontend-route-extension {_LOADS_PLUGINS}",
        )


def _rust(case: _Case) -> Iterator[Finding]:
    variable = {"vllm": "VLLM_USE_RUST_FRONTEND", "sglang": "SGLANG_RUST_SERVER"}.get(case.engine or "")
    on = case.launch.rust or (variable is not None and case.variables.get(variable, "") not in _OFF)
    if on and case.ours and case.engine is not None:
        yield Finding(
            level="error",
            rule="rust",
            text=f"{TITLES[case.engine]}'s Rust front end loads no Python parsers and refuses their names",
            fix=f"unset {variable}, or name the Rust front end's own parsers, which have no {PREFIX} in front",
        )


def _versions(case: _Case) -> Iterator[Finding]:
    if case.engine is None or not case.ours:
        return
    version = case.versions.get(case.engine)
    if version is None:
        yield Finding(
            level="note",
            rule="version",
            text=f"{TITLES[case.engine]} is not installed in this environment, so its version was not checked",
            fix="run doctor in the environment that serves",
        )
        return
    if is_too_old(case.engine, version):
        yield Finding(
            level="error",
            rule="version",
            text=f"{TITLES[case.engine]} {version} is too old for the parsers of this package",
            fix=f"{floor(case.engine)} or newer",
        )
    workers = case.launch.flags.get("tokenizer-worker-num", "1")
    if case.engine == "sglang" and workers.isdigit() and int(workers) > 1 and _numbers(version) < (0, 5, 23):
        yield Finding(
            level="error",
            rule="workers",
            text=f"SGLang {version} loads no plugins in the HTTP workers of --tokenizer-worker-num {workers}",
            fix="0.5.23 or newer, or --tokenizer-worker-num 1",
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in _NUMBERS.findall(version.split("+")[0])[:3])


def _gpt_oss(case: _Case) -> Iterator[Finding]:
    if not case.is_gpt_oss or not case.ours:
        return
    wanted = (f"{PREFIX}harmony", f"{PREFIX}gpt_oss")
    if (case.launch.tool_parser or wanted[0], case.launch.reasoning_parser or wanted[1]) != wanted:
        yield Finding(
            level="error",
            rule="gpt-oss",
            text="the model is a gpt-oss, which no other pair of this package reads",
            fix=f"--tool-call-parser {wanted[0]} --reasoning-parser {wanted[1]}",
        )


def _tokenizer(case: _Case) -> Iterator[Finding]:
    if case.model is None or not case.model.tokens_known or not case.parsers.ours:
        return
    rows = [row for row in (case.parsers.tool, case.parsers.reasoning) if row is not None]
    for row in rows:
        missing = [token for token in row.special_tokens if token not in case.model.tokens]
        if missing:
            every = len(missing) == len(row.special_tokens)
            listed = " ".join(missing[:3])
            yield Finding(
                level="error" if every else "warning",
                rule="tokens",
                text=f"the tokenizer of {case.launch.model} has no {listed}, which {PREFIX}{row.name} reads",
                fix="dynamo-parsers detect tells which parser fits" if every else "",
            )


def _template(case: _Case) -> Iterator[Finding]:
    named = case.launch.flags.get("chat-template", "")
    if named and "{" not in named and not Path(named).is_file() and "/" in named:
        yield Finding(level="error", rule="template", text=f"--chat-template {named}: no such file")
    ours = _packaged_template(named)
    if ours is not None and has_words(ours.text):
        model = case.launch.model or "MODEL"
        yield Finding(
            level="warning",
            rule="template",
            text=f"the chat template {ours.name} describes the tools in this package's own words, "
            "which the model was not trained on",
            fix=f'--chat-template "$(dynamo-parsers template {ours.name} --model {model})": in its own',
        )
    found = case.found
    if found is None or named or not case.launch.tool_parser:
        return
    if found.template_writes_calls is False and found.chat_template:
        yield Finding(
            level="warning",
            rule="template",
            text="the model's own chat template does not write calls: the model does not see its earlier calls",
            fix=f'--chat-template "$(dynamo-parsers template {found.chat_template})"',
        )


_PRINTED = re.compile(r"dynamo-parsers\s+template\s+(\w+)\s*\)")


def _packaged_template(named: str) -> ChatTemplate | None:
    """Return this package's template that a line names by its path or by the command that prints it, else None."""
    printed = _PRINTED.search(named)
    known = {each.name: each for each in TEMPLATES}
    if printed:
        return known.get(printed[1])
    path = Path(named)
    ours = known.get(path.stem)
    return ours if ours is not None and path.is_file() and path.resolve() == ours.path.resolve() else None


def _evidence(case: _Case) -> Iterator[Finding]:
    found = case.found
    chooses = case.engine != "trtllm" and AUTO in (case.launch.tool_parser, case.launch.reasoning_parser)
    if found is None:
        if chooses:
            yield Finding(
                level="note",
                rule="auto",
                text=f"{AUTO} chooses by the tokenizer and its chat template, which are not on this machine",
                fix="dynamo-parsers detect MODEL_DIR",
            )
        return
    if chooses:
        if not found.conclusive:
            yield Finding(
                level="error",
                rule="auto",
                text=f"{AUTO} would refuse this model: {found.reason}",
                fix="name the parsers",
            )
        elif case.launch.reasoning_parser == AUTO and found.reasoning_parser is None:
            yield Finding(
                level="error",
                rule="auto",
                text=f"--reasoning-parser {AUTO} would refuse this model: nothing shows that it reasons",
                fix="leave --reasoning-parser out",
            )
        else:
            yield Finding(
                level="note",
                rule="auto",
                text=f"{AUTO} would choose {found.tool_parser} with {found.reasoning_parser or 'no reasoning parser'}",
            )
    tool = case.parsers.tool
    if found.tool_parser is None or found.is_declared:
        return
    if tool is not None and tool_row(found.tool_parser) is not tool:
        yield Finding(
            level="error",
            rule="evidence",
            text=f"{case.launch.tool_parser} does not fit the model: {found.evidence[0].text}",
            fix=f"--tool-call-parser {found.tool_parser}"
            + (f" --reasoning-parser {found.reasoning_parser}" if found.reasoning_parser else ""),
        )


def _declared(case: _Case) -> Iterator[Finding]:
    """Check the template of `dynamo_response_template`, which may be missing or impossible to serve."""
    names = {"--tool-call-parser": case.launch.tool_parser, "--reasoning-parser": case.launch.reasoning_parser}
    asked = [flag for flag, name in names.items() if name == DECLARED]
    if not asked or case.engine == "trtllm" or case.model is None:
        return
    try:
        if case.model.declared is None:
            raise Refused("the tokenizer's config has no response_template")
        made = parsers_of(case.model.declared)
        for flag in asked:
            (tool_of if flag == "--tool-call-parser" else reasoning_of)(made)
    except Refused as refused:
        yield Finding(
            level="error",
            rule="response-template",
            text=f"{DECLARED} would refuse this model: {refused}",
            fix="dynamo-parsers detect MODEL_DIR",
        )


def _several_tokens(case: _Case) -> Iterator[Finding]:
    flags = case.launch.flags
    speculative = next((name for name in _SPECULATIVE if name in flags), None)
    interval = flags.get("stream-interval", "1")
    said = f"--{speculative}" if speculative else f"--stream-interval {interval}" if interval not in ("", "1") else ""
    if not said or not (case.launch.tool_parser or case.launch.reasoning_parser):
        return
    if case.ours:
        yield Finding(
            level="note", rule="deltas", text=f"{said}: several tokens come in one delta; our parsers read any number"
        )
    else:
        yield Finding(
            level="warning",
            rule="deltas",
            text=f"{said}: several tokens come in one delta, where many parsers of the engines lose arguments or calls",
            fix="the parsers of this package do not: dynamo-parsers list",
        )


def _trtllm_names(case: _Case) -> Iterator[Finding]:
    if case.engine == "trtllm" and case.launch.flags.get("tool-call-parser"):
        yield Finding(
            level="error",
            rule="flag",
            text="TensorRT-LLM calls the flag --tool_parser",
            fix=f"--tool_parser {case.launch.tool_parser}",
        )


_RULES = (
    _the_engine,
    _names,
    _pair,
    _vllm_flags,
    _trtllm_names,
    _plugins,
    _dynamo,
    _rust,
    _versions,
    _gpt_oss,
    _tokenizer,
    _template,
    _evidence,
    _declared,
    _several_tokens,
)
