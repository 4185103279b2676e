"""`dynamo-parsers response-template`: writes a family's markup in Hugging Face's language for tokenizer_config.json."""

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
        str, typer.Option(metavar="TEXT", help="The text with which the prompt opens the model's message.")
    ] = "",
) -> None:
    r"""Write the response_template of a family as JSON. Exit status 1: the language cannot express its markup.

    Put it into tokenizer_config.json as "response_template". docs/response-templates.md lists its limits.
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
        fail(f"give --start-anchor: {error}")
    if not anchor:
        fail("give --start-anchor TEXT: this package has no chat template for the family")
    try:
        made = template_of_family(tool, beside, anchor)
    except Unsayable as unsayable:
        note(f"the language cannot express the markup of {PREFIX}{tool.name}: {unsayable}")
        raise typer.Exit(int(Exit.FOUND)) from None
    typer.echo(json.dumps({"response_template": made}, ensure_ascii=False, indent=2))
