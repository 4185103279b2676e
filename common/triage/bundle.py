"""A bug report as one zip file: the request, the response, the model's raw text, and the verdict."""

from __future__ import annotations

import io
import json
import platform
import zipfile
from pathlib import Path

from ..explain import Explanation, explain
from .doctor import installed
from .exchange import Json, Request, Response, read_request, read_response
from .launch import Launch, configured, read_launch
from .page import page
from .raw import bytes_of, raw_text
from .redact import Mask, json_without_secrets, parsed, tokens_of, without_secrets
from .verdict import Verdict, triage

_README = """What a bug report about tool calls needs, collected by `dynamo-parsers triage`.

request.json      the request
response.json     the response, with logprobs
raw.txt           the model's text, rebuilt from the logprobs
explanation.html  what each part of it became
verdict.json      the verdict and its evidence
launch.txt        the server's launch line
versions.json     the versions installed where this file was made

{redaction}
"""


def write_bundle(file: Path, request: str, response: str, launch: str, *, redact_text: bool) -> Verdict:
    """Write the zip file, and return the verdict on its content. Raises OSError, NotAnExchange."""
    launch = without_secrets(launch)
    asked, answered = _clean(parsed(request)), response
    if not response.lstrip().startswith("{"):
        answered = without_secrets(response)  # a stream's lines
    else:
        answered = json.dumps(_clean(parsed(response)), ensure_ascii=False, indent=1)
    line = read_launch(launch) if launch else None
    if redact_text:
        asked, answered = _without_words(asked, answered, line)
    asked_text = json.dumps(asked, ensure_ascii=False, indent=1)
    read, got = read_request(asked_text), read_response(answered)
    verdict = triage(read, got, line)
    said = "People's words are masked: letters are x, digits are 1." if redact_text else "Only secrets were removed."
    files = {
        "README.txt": _README.format(redaction=said),
        "request.json": asked_text,
        "response.json" if answered.lstrip().startswith("{") else "response.sse": answered,
        "verdict.json": verdict.model_dump_json(indent=1),
        "launch.txt": launch + "\n",
        "versions.json": json.dumps(
            {**installed().model_dump(), "python": platform.python_version(), "platform": platform.platform()}, indent=1
        ),
    }
    if verdict.raw.text is not None:
        files["raw.txt"] = verdict.raw.text
        files["explanation.html"] = page(_explained(read, got, verdict, line))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    file.write_bytes(content.getvalue())
    return verdict


def _clean(body: Json) -> Json:
    cleaned = json_without_secrets(body)
    assert isinstance(cleaned, dict)
    return cleaned


def _explained(request: Request, response: Response, verdict: Verdict, line: Launch | None) -> Explanation:
    """Explain the raw text by the configured pair of parsers, else by the one that reads it best."""
    best = max(verdict.readings, key=lambda each: (each.agrees, each.complete, each.calls), default=None)
    pair = configured(line) if line is not None else None
    tool = pair.tool.name if pair and pair.tool else best.tool_parser if best else None
    reasoning = pair.reasoning.name if pair and pair.reasoning else best.reasoning_parser if best else None
    return explain(
        verdict.raw.text or "",
        tool or "default",
        reasoning or "basic",
        request.tools,
        request.choice,
        chat_template_kwargs=request.template_kwargs,
        engine_finish=response.finish_reason,
    )


def _without_words(asked: Json, answered: str, line: Launch | None) -> tuple[Json, str]:
    """Return request and response with people's words masked; a stream becomes a whole response."""
    request, response = read_request(json.dumps(asked)), read_response(answered)
    mask = Mask(request.tools or [])
    raw = raw_text(response)
    message: Json = {"role": "assistant", "content": response.content or None}
    if response.reasoning:
        message["reasoning"] = response.reasoning
    if response.calls:
        message["tool_calls"] = [
            {"type": "function", "function": each.function.model_dump()} for each in response.calls
        ]
    choice: Json = {"index": 0, "finish_reason": response.finish_reason, "message": mask.message(message)}
    if raw.text is not None and response.tokens:
        told = _explained(request, response, triage(request, response, line), line)
        pieces = bytes_of(response.tokens)
        if raw.filled:
            pieces = [raw.text.encode()]
        choice["logprobs"] = {"content": tokens_of(mask.raw(told), response.tokens, pieces)}
    body: Json = {"choices": [choice], "usage": {"completion_tokens": response.completion_tokens}}
    return mask.request(asked), json.dumps(body, ensure_ascii=False, indent=1)
