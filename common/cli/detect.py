"""`dynamo-parsers detect`: the parsers, chat template and flags that fit a model or a raw reply."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import AsJson, Exit, console, fail, read_text, write_json

if TYPE_CHECKING:
    from ..detect import Detection
    from ..triage.engines import EngineName


def detect_parsers(
    model: Annotated[Path | None, typer.Argument(metavar="[MODEL_DIR]", help="A model's folder.")] = None,
    raw: Annotated[str, typer.Option(metavar="FILE", help="A raw reply of the model instead; - is stdin.")] = "",
    tools: Annotated[str, typer.Option(metavar="FILE", help="With --raw: the request's tools.")] = "",
    as_json: AsJson = False,
) -> None:
    """Find the parser pair, chat template and flags that fit a model. Exit status 1: the evidence is not clear.

    The evidence is the model's chat template, tokens and config (its folder, as an engine would load it), never a name.
    """
    from ..detect import detect, detect_raw, model_in

    if (model is None) == (not raw):
        fail("give a model's folder or --raw FILE")
    if model is not None:
        try:
            found = detect(model_in(model))
        except (OSError, ValueError) as error:
            fail(str(error))
    else:
        from .parse import declared_tools

        found = detect_raw(read_text(raw), declared_tools(tools) if tools else None)
    if as_json:
        write_json({**found.model_dump(), "flags": flags_of(found)})
    else:
        _show(found)
    if not found.conclusive:
        raise typer.Exit(int(Exit.FOUND))


def flags_of(found: Detection) -> dict[EngineName, str]:
    """Return each engine's flags for the parsers that were found; {} if none were."""
    if found.tool_parser is None:
        return {}
    flags: dict[EngineName, str] = {
        "vllm": _flags("--enable-auto-tool-choice --tool-call-parser", "--reasoning-parser", found),
        "sglang": _flags("--tool-call-parser", "--reasoning-parser", found),
    }
    if not found.is_declared:  # TensorRT-LLM does not give a parser the tokenizer
        flags["trtllm"] = _flags("--tool_parser", "--reasoning_parser", found)
    return flags


def _flags(tool: str, reasoning: str, found: Detection) -> str:
    return f"{tool} {found.tool_parser}" + (f" {reasoning} {found.reasoning_parser}" if found.reasoning_parser else "")


def _show(found: Detection) -> None:
    from ..triage.engines import TITLES

    out = console()
    if found.tool_parser is None:
        out.print(f"no answer: {found.reason}")
        for candidate in found.candidates[:4]:
            out.print(f"  {candidate.tool_parser} {candidate.score:.2f}")
            for each in candidate.evidence:
                out.print(f"    {each.weight:+.1f}  {each.text}")
        return
    out.print(f"tool-call parser  {found.tool_parser}")
    out.print(f"reasoning parser  {found.reasoning_parser or 'none needed'}")
    out.print(f"score             {found.score:.2f}  ({found.reason})")
    for each in found.evidence:
        out.print(f"  {each.weight:+.1f}  {each.text}")
    if found.chat_template:
        out.print(f"chat template     {found.chat_template}: the model's own does not write calls")
        out.print(f'                  --chat-template "$(dynamo-parsers template {found.chat_template})"')
    out.print()
    for engine, flags in flags_of(found).items():
        out.print(f"{TITLES[engine] + ':':<14} {flags}")
