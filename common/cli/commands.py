"""The subcommands of `dynamo-parsers`.

- One file per subcommand; it imports what only it needs when it runs, so that `--help` stays quick.
- A new subcommand is one import and one line at the end of this file.
- Exit status: 0 nothing is wrong, 1 something was found, 2 the command line is wrong or an input
  cannot be used (`output.Exit`).
"""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from .demo_model import demo_model
from .detect import detect_parsers
from .doctor import doctor
from .list import list_parsers
from .parse import parse_text
from .probe import probe
from .response_template import response_template
from .template import template
from .triage import triage_reply
from .trtllm import trtllm

app = typer.Typer(
    name="dynamo-parsers",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"dynamo-parsers {__version__}")
        raise typer.Exit


@app.callback()
def dynamo_parsers(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Dynamo's tool-call and reasoning parsers: read raw model output, choose a parser, find out what went wrong."""


app.command("list")(list_parsers)
app.command("parse")(parse_text)
app.command("detect")(detect_parsers)
app.command("triage")(triage_reply)
app.command("doctor")(doctor)
app.command("probe")(probe)
app.command("template")(template)
app.command("response-template")(response_template)
app.command("demo-model")(demo_model)
app.add_typer(trtllm)
