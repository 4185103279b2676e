"""`dynamo-parsers response-template`: a family's markup in Hugging Face's language, for a tokenizer_config.json."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from .output import Exit, checked, fail, note


def response_template(
    family: Annotated[str, typer.Argument(metavar="PARSER", help="A tool-call parser's name, such as kimi_k2.")],
    reasoning: Annotated[
        str, typer.Option("--reasoning-parser", metavar="NAME", help="Its reasoning parser; none: no reasoning.")
    ] = "",
    start_anchor: Annotated[
        str, typer.Option(metavar="TEXT", help="What the prompt opens the model's message with.")
    ] = "",
) -> None:
    r"""The response_template of a family that has none, as JSON. Exit status 1: the language cannot say its markup.

    Put it into tokenizer_config.json as "response_template". What it reads otherwise is in docs/response-templates.md.
    """
    from ..registry import PREFIX, reasoning_row, tool_row
    from ..render import Unrenderable
    from ..response_templates.families import Unsayable, start_anchor_of, template_of_family

    tool = checked(lambda: tool_row(family))
    name = reasoning or tool.pairs[0]
    beside = None if name == "none" else checked(lambda: reasoning_row(name))
    try:
        anchor = start_anchor.replace("\\n", "\n") or start_anchor_of(tool)
    except Unrenderable as error:
        fail(f"say --start-anchor: {error}")
    if not anchor:
        fail("say --start-anchor TEXT: this package has no chat template of the family")
    try:
        made = template_of_family(tool, beside, anchor)
    except Unsayable as unsayable:
        note(f"the language cannot say the markup of {PREFIX}{tool.name}: {unsayable}")
        raise typer.Exit(int(Exit.FOUND)) from None
    typer.echo(json.dumps({"response_template": made}, ensure_ascii=False, indent=2))
