"""The command `dynamo-parsers`.

Rule: one file per subcommand, which imports what only it needs when it runs, so that `--help` stays quick.
"""

from __future__ import annotations

import typer

from .demo_model import demo_model

app = typer.Typer(name="dynamo-parsers", no_args_is_help=True, add_completion=False)


@app.callback()
def dynamo_parsers() -> None:
    """Dynamo's tool-call and reasoning parsers."""


app.command("demo-model")(demo_model)
