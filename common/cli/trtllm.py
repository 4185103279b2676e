"""`dynamo-parsers trtllm enable | disable | status`: makes the parsers known to plain `trtllm-serve`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from .output import fail

trtllm = typer.Typer(name="trtllm", no_args_is_help=True, help="The parsers in plain trtllm-serve.")


@trtllm.command()
def enable() -> None:
    """Write one .pth file into this environment, so that trtllm-serve knows the parsers in each of its processes."""
    from ..trtllm import site_hook

    with _told():
        typer.echo(f"enabled: {site_hook.enable().path}")


@trtllm.command()
def disable() -> None:
    """Remove that file; nothing else was changed."""
    from ..trtllm import site_hook

    with _told():
        was = site_hook.disable()
        typer.echo(f"disabled: {was.path} is removed" if was.enabled else f"there is no {was.path}")


@trtllm.command()
def status() -> None:
    """Show the state of the file, the version of TensorRT-LLM and the number of names that it gets."""
    from importlib.metadata import PackageNotFoundError, version

    from ..trtllm import names, site_hook, wanted

    with _told():
        found = site_hook.state()
    said = "not enabled" if not found.enabled else "enabled" if found.current else "enabled by another version"
    typer.echo(f"{said}: {found.path}")
    try:
        typer.echo(f"TensorRT-LLM {version('tensorrt_llm')} ({wanted()} is needed)")
    except PackageNotFoundError:
        typer.echo(f"TensorRT-LLM is not installed here ({wanted()} is needed)")
    typer.echo(f"{len(names.tool_names())} tool parsers, {len(names.reasoning_names())} reasoning parsers")


@contextmanager
def _told() -> Iterator[None]:
    """Turn errors into one line and exit status 2."""
    from ..trtllm.site_hook import NotOurs

    try:
        yield
    except (NotOurs, OSError) as error:
        fail(str(error))
