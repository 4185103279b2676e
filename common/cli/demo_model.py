"""`dynamo-parsers demo-model`: builds a tiny model with one family's special tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo_model(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the checkpoint goes; made if missing.")],
    family: Annotated[str, typer.Option(help="A tool parser's name.")] = "kimi_k2",
    reasoning: Annotated[
        str | None, typer.Option(help="A reasoning parser's name; by default the family's usual one.")
    ] = None,
) -> None:
    """Build a tiny random-weight model with a family's tokenizer markers. Seconds, no download, no GPU."""
    from ..demo import checkpoint
    from ..demo.model import DemoModel

    try:
        model = DemoModel.of(family, reasoning)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    changed = checkpoint.write(folder, model)
    state = f"wrote {', '.join(changed)}" if changed else "up to date"
    parsers = f"tool parser {model.tool_parser}, reasoning parser {model.reasoning_parser or 'none'}"
    typer.echo(f"{folder}: {state} ({parsers})")
