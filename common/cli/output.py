"""Code that the subcommands share: exit statuses, one-line errors, input files, JSON and tables.

- Answers go to stdout, everything else to stderr; with `--json` stdout has one JSON value and nothing else.
- `rich` writes colours only to a terminal, so piped output is plain text.
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
    """The exit statuses."""

    OK = 0
    FOUND = 1
    """It worked and found something: a fault, a problem, or that there is no answer."""
    UNUSABLE = 2
    """The command line is wrong, or a file or an endpoint cannot be used."""


AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Write one JSON value instead of text.")]


def console() -> Console:
    # A pipe has no width. Brackets are text here, so rich's own markup is off.
    return Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 200)


def fail(message: str) -> NoReturn:
    """Exit with status 2 and one line on stderr: the command line is wrong, or an input cannot be used."""
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(int(Exit.UNUSABLE))


def note(message: str) -> None:
    """Write one line to stderr."""
    typer.echo(message, err=True)


def checked(make: Callable[[], T]) -> T:
    """Return the result of `make`; if it raises ValueError (an unknown parser name), exit with status 2."""
    try:
        return make()
    except ValueError as error:
        fail(str(error))


def read_text(file: str) -> str:
    """Return the text of a file, or of stdin for "-", unchanged: newlines are not translated."""
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        fail(f"{file}: not UTF-8 at byte {error.start}")


def read_json(file: str, shape: TypeAdapter[T]) -> T:
    """Return the value of a JSON file of the given type; exit with status 2 if it does not fit."""
    try:
        return shape.validate_json(read_text(file))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        fail(f"{file}: {f'{place}: ' if place else ''}{first['msg']}")


def write_json(value: object) -> None:
    """Write one JSON value to stdout."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
