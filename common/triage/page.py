"""An explanation as one web page, without scripts or external resources."""

from __future__ import annotations

import json
from html import escape

from ..explain import Explanation, Kind

_COLOURS = {
    Kind.CONTENT: "#d7f5d7",
    Kind.REASONING: "#ecdcf7",
    Kind.NAME: "#bfe6f5",
    Kind.ARGUMENTS: "#fdf0c0",
    Kind.MARKER: "#e4e4e4",
    Kind.SPACE: "#f4f4f4",
    Kind.DROPPED: "#f8c9c9",
}

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>What a reply became</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: 14px/1.6 ui-monospace, monospace; padding: 1rem }
.raw { border: 1px solid #ccc } .message { background: #f6f6f6 }
"""


def page(told: Explanation) -> str:
    """Return the HTML of the page."""
    style = "".join(f".{kind.value} {{ background: {colour} }}\n" for kind, colour in _COLOURS.items())
    legend = " ".join(f'<span class="{kind.value}">&nbsp;{kind.value}&nbsp;</span>' for kind in Kind)
    spans = "".join(
        f'<span class="{span.kind.value}" title="{_title(span.kind, span.call, span.start, span.end)}">'
        f"{_shown(span.kind, span.text)}</span>"
        for span in told.spans
    )
    message = json.dumps(told.message.model_dump(), ensure_ascii=False, indent=2)
    return (
        f"{_HEAD}{style}</style></head><body>\n<h1>What a reply became</h1>\n<p>{legend}</p>\n"
        f'<pre class="raw">{spans}</pre>\n<h2>The message</h2>\n'
        f"<p>finish_reason: {escape(str(told.message.finish_reason))}</p>\n"
        f'<pre class="message">{escape(message)}</pre>\n'
        "</body></html>\n"
    )


def _title(kind: Kind, call: int | None, start: int, end: int) -> str:
    return f"{kind.value}{'' if call is None else f' of call {call}'}, characters {start} to {end}"


def _shown(kind: Kind, text: str) -> str:
    shown = escape(text)
    return shown.replace("\n", "⏎\n") if kind is Kind.SPACE else shown
