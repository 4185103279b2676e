"""`dynamo-parsers triage`: finds the cause of a wrong reply from the request, the response and its logprobs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import AsJson, Exit, checked, console, fail, note, read_text, write_json

if TYPE_CHECKING:
    from ..triage.launch import Launch
    from ..triage.verdict import Verdict

_STYLES = {
    "ok": "bold green",
    "model": "bold yellow",
    "configuration": "bold magenta",
    "parser": "bold red",
    "truncation": "bold cyan",
    "inconclusive": "bold",
}


def triage_reply(  # noqa: PLR0913
    request: Annotated[str, typer.Argument(metavar="REQUEST.json", help="The body that was sent.")],
    response: Annotated[
        str, typer.Argument(metavar="[RESPONSE.json]", help="The body that came back, or the lines of a stream.")
    ] = "",
    launch: Annotated[str, typer.Option(metavar="COMMAND", help='The server\'s command: "vllm serve ...".')] = "",
    repro: Annotated[
        str, typer.Option(metavar="BASE_URL", help="Send the request again, with logprobs on and off.")
    ] = "",
    api_key: Annotated[str, typer.Option(envvar="OPENAI_API_KEY", help="With --repro: the bearer token.")] = "none",
    bundle: Annotated[Path | None, typer.Option(metavar="FILE.zip", help="Write what a bug report needs.")] = None,
    redact_text: Annotated[
        bool, typer.Option("--redact-text", help="In the bundle, mask people's words; secrets are always removed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find the cause of a wrong reply: the model, the configuration, the parser, or a limit.

    The response needs logprobs ("logprobs": true in the request). Exit status 1: there is a fault.
    """
    from ..triage.exchange import NotAnExchange, read_request, read_response
    from ..triage.launch import read_launch
    from ..triage.verdict import triage

    if not response and not repro:
        fail("give the response, or --repro BASE_URL to send the request again")
    line = checked(lambda: read_launch(launch)) if launch else None
    asked = read_text(request)
    answered = read_text(response) if response else ""
    try:
        read = read_request(asked)
        if repro:
            answered, verdict = _again(repro, asked, api_key, line)
        else:
            verdict = triage(read, read_response(answered), line)
    except NotAnExchange as error:
        fail(str(error))
    if bundle is not None:
        from ..triage.bundle import write_bundle

        try:
            write_bundle(bundle, asked, answered, launch, redact_text=redact_text)
        except OSError as error:
            fail(f"{bundle}: {error.strerror}")
        note(f"wrote {bundle}")
    if as_json:
        write_json(verdict)
    else:
        _show(verdict)
    if verdict.fault != "ok":
        raise typer.Exit(int(Exit.FOUND))


def _again(base_url: str, asked: str, api_key: str, line: Launch | None) -> tuple[str, Verdict]:
    """Send the request again; return the response and its verdict, those of the stream if only that is wrong."""
    from ..triage.exchange import read_request, read_response
    from ..triage.redact import parsed
    from ..triage.repro import Unreachable, repro
    from ..triage.verdict import triage

    try:
        got = repro(base_url, parsed(asked), api_key)
    except Unreachable as error:
        fail(str(error))
    request = read_request(asked)
    verdict = triage(request, read_response(got.whole), line)
    bare, whole = read_response(got.without_logprobs), read_response(got.whole)
    if (bare.content, bare.calls) != (whole.content, whole.calls):
        note("note: without logprobs the reply differs (because of sampling, or the server parses differently)")
    streamed = triage(request, read_response(got.streamed), line)
    if verdict.fault == "ok" and streamed.fault != "ok":
        note("note: the whole reply is right, the streamed one is not: the verdict is about the stream")
        return got.streamed, streamed
    return got.whole, verdict


def _show(verdict: Verdict) -> None:
    from rich.text import Text

    out = console()
    out.print(Text.assemble((verdict.fault, _STYLES[verdict.fault]), f": {verdict.summary}"))
    for each in verdict.evidence:
        out.print(f"  - {each}")
    for difference in verdict.differences:
        out.print(f"  {difference.where}")
        out.print(f"    raw       {_short(difference.raw)}")
        out.print(f"    response  {_short(difference.response)}")
    if verdict.configured:
        out.print(f"  configured: {verdict.configured}")
    if verdict.flags:
        out.print(f"  -> {verdict.flags}")


def _short(text: str) -> str:
    shown = text.replace("\n", "⏎")
    return shown if len(shown) <= 300 else f"{shown[:200]} … {shown[-80:]}"
