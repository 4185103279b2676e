"""`dynamo-parsers template`: gives the path or text of a chat template, also in a model's own words, or lists them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import AsJson, Exit, checked, console, fail, note, write_json

if TYPE_CHECKING:
    from ..chat_templates import ChatTemplate
    from ..template_words import Learned


def template(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="A template's name, such as gemma4_tool.")] = "",
    model: Annotated[
        str,
        typer.Option(
            metavar="DIR|ID", help="Use the words of this model's own template: a folder, a file, or a cached id."
        ),
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="With --model: only compare. Exit status 1: it differs.")
    ] = False,
    text: Annotated[bool, typer.Option("--print", help="Write the template itself instead of its path.")] = False,
    table: Annotated[bool, typer.Option("--list", help="All templates: models, parsers, arguments.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the path of a chat template, for --chat-template "$(dynamo-parsers template NAME --model MODEL)"."""
    from ..chat_templates import TEMPLATES, chat_template

    if table:
        if name or text or model:
            fail("--list shows all templates: leave out NAME, --model and --print")
        _list(as_json)
        return
    if not name:
        fail(f"name a template ({', '.join(each.name for each in TEMPLATES)}), or give --list")
    if check and not model:
        fail("--check goes with --model")
    chosen = checked(lambda: chat_template(name))
    if model:
        _in_the_words_of(model, chosen, check=check, text=text, as_json=as_json)
    else:
        _packaged(chosen, text=text, as_json=as_json)


def _packaged(chosen: ChatTemplate, *, text: bool, as_json: bool) -> None:
    note(
        f"note: the words around the tools in {chosen.name} are this package's own, not the model's; "
        "--model MODEL uses the model's"
    )
    if as_json:
        write_json({**chosen.described(), "path": str(chosen.path)} | ({"text": chosen.text} if text else {}))
    else:
        typer.echo(chosen.text if text else str(chosen.path), nl=not text)


def _in_the_words_of(model: str, chosen: ChatTemplate, *, check: bool, text: bool, as_json: bool) -> None:
    from ..template_words import learn, own_template

    own = checked(lambda: own_template(model, chosen.name))
    learned = checked(lambda: learn(chosen.text, own, chosen.name))
    path = None
    if not check and (as_json or not text):
        path = _place(f"{chosen.name}-{own.digest}.jinja")
        _write(path, learned.text)
    if as_json:
        write_json(_described(chosen, model, learned) | ({} if path is None else {"path": str(path)}))
    elif check:
        _show(chosen, model, learned)
    else:
        typer.echo(learned.text if text else str(path), nl=not text)
    if learned.note:
        note(f"note: {learned.note}")
    differ = len(learned.proof.unexplained)
    if differ and check:
        raise typer.Exit(int(Exit.FOUND))
    if differ:
        note(
            f"note: {differ} of {len(learned.proof.rows)} conversations differ from the model's own template "
            "without a reason: --check shows them"
        )


def _place(name: str) -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "dynamo-parsers" / "chat_templates" / name


def _write(path: Path, text: str) -> None:
    """Write the file atomically, as a server may be reading it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        fail(f"{path}: {error.strerror}")


def _described(chosen: ChatTemplate, model: str, learned: Learned) -> dict[str, object]:
    rows = [
        {"conversation": row.name, "verdict": row.verdict, "requirements": list(row.requirements), "why": row.why}
        for row in learned.proof.rows
    ]
    counted = learned.proof.counted
    return {
        "template": chosen.name,
        "model": model,
        "words": learned.words,
        "note": learned.note,
        "counted": counted,
        "conversations": rows,
    }


def _show(chosen: ChatTemplate, model: str, learned: Learned) -> None:
    from rich.table import Table

    out = console()
    counted = learned.proof.counted
    out.print(f"{chosen.name} in the words of {model}")
    out.print(
        f"{len(learned.proof.rows)} conversations: {counted['equal']} equal to the model's own template, "
        f"{counted['explained']} differ for a requirement, {counted['unexplained']} without a reason, "
        f"{counted['refused']} refused"
    )
    table = Table(show_edge=False, pad_edge=False)
    for column in ("conversation", "", "requirement", "why"):
        table.add_column(column, overflow="fold")
    for row in learned.proof.rows:
        if row.verdict != "equal":
            said = {"explained": "differs", "unexplained": "DIFFERS"}.get(row.verdict, row.verdict)
            table.add_row(row.name, said, ", ".join(map(str, row.requirements)), row.why)
    if table.row_count:
        out.print(table)


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
