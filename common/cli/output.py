"""What the subcommands share: exit statuses, errors in one line, input files, JSON or a table.

- Answers go to stdout, everything else to stderr; with `--json` stdout holds one JSON value and nothing else.
- `rich` writes colours only to a terminal, so what is piped is plain text.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Annotated, NoReturn, TypeAlias, TypeVar

import typer
from pydantic import BaseModel, TypeAdapter, ValidationError
from rich.console import Console

T = TypeVar("T")


class Exit(IntEnum):
    """What the exit status says."""

    OK = 0
    FOUND = 1
    """It worked and found something: a fault, a problem, or no answer where one was asked for."""
    UNUSABLE = 2
    """The command line is wrong, or a file or an endpoint cannot be used."""


AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Write one JSON value instead of text.")]


def console() -> Console:
    # What is piped has no width, and brackets are text here: rich's own markup stays off.
    return Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 200)


def fail(message: str) -> NoReturn:
    """End with one line on stderr: the command line is wrong, or a file or an endpoint cannot be used."""
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(int(Exit.UNUSABLE))


def note(message: str) -> None:
    """One line beside the answer."""
    typer.echo(message, err=True)


def checked(make: Callable[[], T]) -> T:
    """What `make` returns; its ValueError, such as an unknown parser name, ends the command as wrong usage."""
    try:
        return make()
    except ValueError as error:
        fail(str(error))


def read_text(file: str) -> str:
    """A file's text, or stdin's for "-". The text is not touched: no newline is translated."""
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        fail(f"{file}: not UTF-8 at byte {error.start}")


def read_json(file: str, shape: TypeAdapter[T]) -> T:
    """A JSON file of a certain shape."""
    try:
        return shape.validate_json(read_text(file))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        fail(f"{file}: {f'{place}: ' if place else ''}{first['msg']}")


def write_json(value: object) -> None:
    """One JSON value on stdout."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
