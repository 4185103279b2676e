"""`dynamo-parsers template`: where a chat template is, its text, or the table of them."""

from __future__ import annotations

from typing import Annotated

import typer

from .output import AsJson, checked, console, fail, write_json


def template(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="A template's name, such as gemma4_tool.")] = "",
    text: Annotated[bool, typer.Option("--print", help="Write the template itself instead of its path.")] = False,
    table: Annotated[bool, typer.Option("--list", help="All templates: models, parsers, arguments.")] = False,
    as_json: AsJson = False,
) -> None:
    """A chat template for agents: its path, for --chat-template "$(dynamo-parsers template NAME)"."""
    from ..chat_templates import TEMPLATES, chat_template

    if table:
        if name or text:
            fail("--list shows all templates: leave out NAME and --print")
        _list(as_json)
        return
    if not name:
        fail(f"name a template ({', '.join(each.name for each in TEMPLATES)}), or say --list")
    chosen = checked(lambda: chat_template(name))
    if as_json:
        write_json({**chosen.described(), "path": str(chosen.path)} | ({"text": chosen.text} if text else {}))
    else:
        typer.echo(chosen.text if text else str(chosen.path), nl=not text)


def _list(as_json: bool) -> None:
    from rich.table import Table

    from ..chat_templates import TEMPLATES
    from ..registry import PREFIX

    if as_json:
        write_json([{**each.described(), "path": str(each.path)} for each in TEMPLATES])
        return
    table = Table(show_edge=False, pad_edge=False)
    for column in ("template", "models", "--tool-call-parser", "--reasoning-parser", "chat_template_kwargs"):
        table.add_column(column, overflow="fold")
    for each in TEMPLATES:
        parsers = (f"{PREFIX}{each.tool_parser}", f"{PREFIX}{each.reasoning_parser}")
        table.add_row(each.name, each.models, *parsers, ", ".join(each.kwargs))
    console().print(table)
