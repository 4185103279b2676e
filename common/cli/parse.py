"""`dynamo-parsers parse`: turns raw model text into the OpenAI message, and shows what each part of it became."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import AsJson, checked, console, fail, note, read_json, read_text, write_json

if TYPE_CHECKING:
    from ..explain import Explanation
    from ..parser import Parser

UNKNOWN_TOOLS: list[dict[str, object]] = [{}]
"""The tools if none are given: calls are read, without knowing the types of their arguments."""


def parse_text(  # noqa: PLR0913
    file: Annotated[str, typer.Argument(metavar="[FILE|-]", help="The model's text; - is stdin.")] = "-",
    tool_parser: Annotated[str, typer.Option(metavar="NAME", help="A tool-call parser (see: list).")] = "",
    reasoning_parser: Annotated[str, typer.Option(metavar="NAME", help="A reasoning parser.")] = "",
    tools: Annotated[
        str,
        typer.Option(metavar="FILE", help="The request's tools: a JSON list, or a whole request. They type arguments."),
    ] = "",
    no_tools: Annotated[
        bool, typer.Option("--no-tools", help="Read as for a request without tools: markup stays text.")
    ] = False,
    tool_choice: Annotated[str, typer.Option(metavar="CHOICE", help="auto, none, required, or a function.")] = "auto",
    in_reasoning: Annotated[
        bool | None,
        typer.Option("--in-reasoning/--not-in-reasoning", help="Whether the prompt ended inside reasoning."),
    ] = None,
    template_kwargs: Annotated[
        str, typer.Option(metavar="JSON", help='The request\'s chat_template_kwargs, such as {"thinking": true}.')
    ] = "{}",
    finish: Annotated[str, typer.Option(metavar="REASON", help="Why the engine stopped.")] = "stop",
    stream: Annotated[bool, typer.Option("--stream", help="Show the events as they come.")] = False,
    chunk: Annotated[int, typer.Option(min=1, help="With --stream: characters at a time.")] = 4,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each part of the text became.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the explanation as a web page.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read raw model output as a server would, and write the OpenAI message. Nothing is trimmed from the input.

    Without --tools calls are read and the types of their arguments guessed.
    """
    from ..message import fold
    from ..parser import Parser

    if not tool_parser and not reasoning_parser:
        fail("give --tool-parser, --reasoning-parser or both; `dynamo-parsers list` has the names")
    if stream and (explain or html):
        fail("--stream and --explain are two ways to look at a reply: choose one")
    kwargs = _object(template_kwargs)
    declared = [] if no_tools else declared_tools(tools) if tools else UNKNOWN_TOOLS
    choice: object = tool_choice
    if tool_choice not in ("auto", "none", "required"):
        choice = {"type": "function", "function": {"name": tool_choice}}
    arguments = (tool_parser or None, reasoning_parser or None, declared, choice, True, kwargs, in_reasoning)
    parser = checked(lambda: Parser(*arguments))
    text = read_text(file)
    if stream:
        _stream(parser, text, chunk, (finish, choice), as_json=as_json)
        return
    if explain or html:
        from ..explain import explain as explained

        told = explained(text, *arguments, engine_finish=finish)
        if html is not None:
            from ..triage.page import page

            try:
                html.write_text(page(told), encoding="utf-8")
            except OSError as error:
                fail(f"{html}: {error.strerror}")
            note(f"wrote {html}")
        if as_json:
            write_json({**_choice(told.message), "spans": [span.model_dump(mode="json") for span in told.spans]})
        elif explain:
            _show(told)
        return
    message = fold([*parser.feed(text), *parser.finish()], finish, choice)
    write_json(_choice(message) if as_json else message.model_dump())
    for call in message.tool_calls:
        if not call.complete and not as_json:
            note(f"note: the call of {call.name} is not complete: its text was cut off or is not a JSON object")


def _choice(message: object) -> dict[str, object]:
    from ..message import Message

    assert isinstance(message, Message)
    return {
        "message": message.model_dump(),
        "finish_reason": message.finish_reason,
        "incomplete_calls": [index for index, call in enumerate(message.tool_calls) if not call.complete],
    }


def declared_tools(file: str) -> list[dict[str, object]]:
    from pydantic import TypeAdapter

    given = read_json(file, TypeAdapter(object))
    found = given.get("tools") if isinstance(given, dict) else given
    if not isinstance(found, list) or not all(isinstance(tool, dict) for tool in found):
        fail(f"{file}: neither a list of tools nor a request with `tools`")
    return found


def _object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError as error:
        fail(f"--template-kwargs: not JSON ({error})")
    if not isinstance(value, dict):
        fail("--template-kwargs: not a JSON object")
    return value


def _stream(parser: Parser, text: str, chunk: int, ended: tuple[str, object], *, as_json: bool) -> None:
    """Show every event with the number of characters that had been fed when it came.

    `ended`: why the engine stopped, and the request's tool_choice.
    """
    from ..events import Event
    from ..message import fold

    def steps() -> Iterator[tuple[int, Event]]:
        for start in range(0, len(text), chunk):
            for event in parser.feed(text[start : start + chunk]):
                yield min(start + chunk, len(text)), event
        for event in parser.finish():
            yield len(text), event

    said: list[Event] = []
    rows: list[dict[str, object]] = []
    for read, event in steps():
        said.append(event)
        name, values = described(event)
        rows.append({"read": read, "event": name, **values})
        if not as_json:
            typer.echo(f"{read:6}  {name:<9} {' '.join(json.dumps(v, ensure_ascii=False) for v in values.values())}")
    message = fold(said, *ended)
    if as_json:
        write_json({**_choice(message), "events": rows})
    else:
        typer.echo(f"{'':6}  finish    {message.finish_reason}")


def described(event: object) -> tuple[str, dict[str, object]]:
    """Return an event's short name and its fields."""
    from ..events import ContentDelta, ReasoningDelta, ToolArgumentsDelta, ToolCallEnd, ToolCallStart

    match event:
        case ContentDelta(text):
            return "content", {"text": text}
        case ReasoningDelta(text):
            return "reasoning", {"text": text}
        case ToolCallStart(index, id, name):
            return "call", {"index": index, "name": name, "id": id}
        case ToolArgumentsDelta(index, text):
            return "arguments", {"index": index, "text": text}
        case ToolCallEnd(index, complete):
            return "end", {"index": index, "complete": complete}
    raise TypeError(event)


_STYLES = {
    "content": "green",
    "reasoning": "magenta italic",
    "name": "bold cyan",
    "arguments": "yellow",
    "marker": "dim",
    "space": "dim",
    "dropped": "red strike",
}


def _show(told: Explanation) -> None:
    """Show the text in colours on a terminal, else one line per span."""
    from rich.text import Text

    out = console()
    if not out.is_terminal:
        for span in told.spans:
            call = "" if span.call is None else f" {span.call}"
            typer.echo(f"{span.start:6} {span.end:6}  {span.kind.value + call:<12} {_quoted(span.text)}")
        return
    text = Text()
    for span in told.spans:
        text.append(_visible(span.text) if span.kind.value == "space" else span.text, _STYLES[span.kind.value])
    legend = Text("  ").join(Text(kind, style) for kind, style in _STYLES.items())
    out.print(text)
    out.print()
    out.print(legend)


def _visible(space: str) -> str:
    return space.replace("\n", "⏎\n").replace("\t", "⇥")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
