"""Writes the report of a run: a table in Markdown, a web page, and JSON for the next comparison."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path

from ..explain import known_markers
from .run import Report, Result

_SHOWN = 20_000
"""How many characters of a response the page shows; the files have all of it."""


def write(report: Report, folder: Path) -> list[Path]:
    """Write the reports, and each request and response, into a folder. Returns the paths of the reports."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "report.md": markdown(report),
        "report.html": page(report),
        "report.json": report.model_dump_json(indent=1),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    exchanges = folder / "exchanges"
    exchanges.mkdir(exist_ok=True)
    for result in report.results:
        for number, exchange in enumerate(result.exchanges, 1):
            stem = f"{result.scenario}-{result.mode}-{number}"
            request = json.dumps(exchange.request, ensure_ascii=False, indent=1)
            (exchanges / f"{stem}.request.json").write_text(request, encoding="utf-8")
            kind = "txt" if exchange.mode == "stream" else "json"
            (exchanges / f"{stem}.response.{kind}").write_text(exchange.received, encoding="utf-8")
    return [folder / name for name in files]


def read(file: Path) -> Report:
    """Read a report.json. Raises OSError or pydantic's ValidationError."""
    return Report.model_validate_json(file.read_bytes())


def verdict(result: Result) -> str:
    """Return a result in a word or two."""
    if result.outcome in ("pass", "endpoint", "inspect"):
        return result.outcome
    return f"{result.outcome}, {'proven' if result.proven else 'likely'}"


def markdown(report: Report) -> str:
    what = "a scripted perfect model" if report.replay else "the served model"
    lines = [
        f"# Tool-calling probe of {report.model}",
        "",
        f"{report.base_url}, {report.date}; {what}"
        + (f" of {report.family}" if report.family else "")
        + (f"; parsed by {report.parsers}" if report.parsers else ""),
        "",
        "| probes failed | parser errors | other errors |",
        "|---|---|---|",
        f"| {report.total} | {report.count('parser')} | {report.count('model', 'endpoint', 'inspect')} |",
        "",
        "| scenario | whole | stream |",
        "|---|---|---|",
    ]
    for whole, stream in _rows(report.results):
        lines.append(f"| {whole.scenario} | {verdict(whole)} | {verdict(stream)} |")
    failed = [each for each in report.results if each.outcome != "pass"]
    if failed:
        lines += ["", "## Failures", ""]
    for each in failed:
        told = "; ".join(" ".join(fault.split()) for fault in each.faults).replace("|", "\\|")
        lines.append(f"- **{each.scenario}, {each.mode}** ({verdict(each)}): {told}. {each.why}.")
    return "\n".join(lines) + "\n"


def compared(before: Report, after: Report) -> list[tuple[str, str, str]]:
    """Return the changes between two runs: scenario and mode, the verdict before, the verdict after."""
    earlier = {(each.scenario, each.mode): verdict(each) for each in before.results}
    later = {(each.scenario, each.mode): verdict(each) for each in after.results}
    return [
        (f"{scenario}, {mode}", earlier.get((scenario, mode), "-"), later.get((scenario, mode), "-"))
        for scenario, mode in dict.fromkeys((*earlier, *later))
        if earlier.get((scenario, mode)) != later.get((scenario, mode))
    ]


def _rows(results: Sequence[Result]) -> list[tuple[Result, Result]]:
    """Return the pairs of each scenario's results, whole and streamed."""
    return list(zip(results[::2], results[1::2], strict=True))


# --- the page

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --code: #8881;
        --pass: #2e7d32; --parser: #c62828; --model: #ef6c00; --endpoint: #6a1b9a; --inspect: #546e7a; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } .sub { opacity: .75; margin-top: 0; overflow-wrap: anywhere; }
.sums { display: flex; gap: 1rem; flex-wrap: wrap; margin: 1.5rem 0; }
.sums div { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem 1.2rem; }
.sums b { display: block; font-size: 1.6rem; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; }
td, th { border-bottom: 1px solid var(--line); padding: .35rem .5rem; vertical-align: top; }
td:first-child { width: 14rem; font-family: ui-monospace, monospace; }
summary { cursor: pointer; display: inline-block; color: #fff; border-radius: 1rem; padding: .05rem .8rem; }
summary.pass { background: var(--pass); } summary.parser { background: var(--parser); }
summary.model { background: var(--model); } summary.endpoint { background: var(--endpoint); }
summary.inspect { background: var(--inspect); }
details[open] { margin-bottom: 1rem; } h3 { font-size: 1rem; margin: .8rem 0 .2rem; }
pre { background: var(--code); border: 1px solid var(--line); border-radius: .4rem; padding: .6rem; margin: .2rem 0;
      overflow: auto; max-height: 22rem; max-width: 40rem; white-space: pre-wrap; overflow-wrap: anywhere; }
mark { background: #ffd54f; color: #000; border-radius: .2rem; }
"""


def page(report: Report) -> str:
    """Return the page: a matrix of scenarios and modes, whose cells open to requests, raw text and responses."""
    what = f"{'replay of ' if report.replay else ''}{report.family or 'any family'}"
    sub = " · ".join(filter(None, (report.base_url, what, report.parsers, report.date)))
    sums = (
        ("probes failed", report.total),
        ("parser errors", report.count("parser")),
        ("model", report.count("model")),
        ("endpoint", report.count("endpoint")),
        ("to inspect", report.count("inspect")),
    )
    rows = "\n".join(
        f"<tr><td>{html.escape(whole.scenario)}</td><td>{_cell(whole)}</td><td>{_cell(stream)}</td></tr>"
        for whole, stream in _rows(report.results)
    )
    cards = "".join(f"<div><b>{value}</b>{label}</div>" for label, value in sums)
    title = f"Tool-calling probe of {html.escape(report.model)}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><h1>{title}</h1>'
        f'<p class="sub">{html.escape(sub)}</p><div class="sums">{cards}</div>'
        f"<table><thead><tr><th>scenario</th><th>whole</th><th>stream</th></tr></thead><tbody>\n{rows}\n"
        "</tbody></table></body></html>\n"
    )


def _cell(result: Result) -> str:
    parts = [f'<details><summary class="{result.outcome}">{html.escape(verdict(result))}</summary>']
    if result.faults:
        items = "".join(f"<li>{html.escape(fault)}</li>" for fault in result.faults)
        parts.append(f"<ul>{items}</ul><p>{html.escape(result.why)}.</p>")
    if result.raw is not None:
        parts.append(f"<h3>raw text</h3><pre>{_marked(result.raw)}</pre>")
    for number, exchange in enumerate(result.exchanges, 1):
        request = json.dumps(exchange.request, ensure_ascii=False, indent=1)
        received = exchange.received or (exchange.failure.what if exchange.failure else "")
        parts.append(f"<h3>request {number}</h3><pre>{html.escape(_cut(request))}</pre>")
        if exchange.answer is not None:
            answer = json.dumps(exchange.answer.model_dump(exclude_defaults=True), ensure_ascii=False, indent=1)
            parts.append(f"<h3>answer {number}</h3><pre>{html.escape(_cut(answer))}</pre>")
        parts.append(f"<h3>response {number}</h3><pre>{html.escape(_cut(received))}</pre>")
    return "".join(parts) + "</details>"


def _marked(raw: str) -> str:
    """Return the HTML of a raw text with the markers of all families highlighted."""
    markers = sorted((each for each in known_markers() if len(each) > 2 and each in raw), key=len, reverse=True)
    pieces, at = [], 0
    while at < len(raw):
        marker = next((each for each in markers if raw.startswith(each, at)), None)
        stop = at + len(marker or "x")
        text = html.escape(raw[at:stop])
        pieces.append(f"<mark>{text}</mark>" if marker else text)
        at = stop
    return "".join(pieces)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}\n… {len(text) - _SHOWN} characters more in the files"
