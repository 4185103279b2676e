"""Removes secrets and people's words from an exchange, so that the verdict stays the same.

- Secrets (keys in flags, variables, headers and URLs, and texts that look like keys) are always removed.
- Words are masked on demand: letters become `x` and digits `1`, one for one. Markup, names of tools and arguments,
  the values of an `enum`, white space and punctuation stay, so every parser reads what it read before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache

from ..explain import Explanation, Kind, known_markers
from .exchange import Json, Token

REDACTED = "[redacted]"

_SECRETS = re.compile(
    r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{12,}|\bhf_[A-Za-z0-9]{12,}|\bnvapi-[A-Za-z0-9_-]{12,}|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bAKIA[A-Z0-9]{12,}|\bxox[abp]-[A-Za-z0-9-]{10,}|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}"
)
_BEARER = re.compile(r"(?i)(\bbearer\s+)[^\s\"']+")
_URL_USER = re.compile(r"(://)[^/\s:@\"']+:[^/\s@\"']+@")
_ASSIGNED = re.compile(
    r"(?i)(\b[A-Z0-9_]*(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)=)(\"[^\"]*\"|'[^']*'|[^\s]+)"
)
_FLAG = re.compile(r"(?i)(--?[a-z0-9-_]*(?:api[-_]?key|secret|password|hf[-_]?token|auth[-_]?token)[= ]+)(\S+)")
_NAMED = frozenset({"authorization", "api_key", "api-key", "x-api-key", "apikey", "password", "secret", "access_token"})
_SAID = frozenset({Kind.CONTENT, Kind.REASONING, Kind.ARGUMENTS, Kind.DROPPED})
_WORDS = frozenset({"true", "false", "null", "True", "False", "None"})


def without_secrets(text: str) -> str:
    """Return a text or launch line with everything that looks like a secret replaced."""
    text = _ASSIGNED.sub(rf"\g<1>{REDACTED}", text)
    text = _FLAG.sub(rf"\g<1>{REDACTED}", text)
    text = _BEARER.sub(rf"\g<1>{REDACTED}", text)
    text = _URL_USER.sub(rf"\g<1>{REDACTED}@", text)
    return _SECRETS.sub(REDACTED, text)


def json_without_secrets(value: object) -> object:
    """Return a JSON value without secrets, which are found by key and by their looks."""
    if isinstance(value, dict):
        return {
            key: REDACTED if key.lower() in _NAMED and isinstance(each, str) else json_without_secrets(each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [json_without_secrets(each) for each in value]
    return without_secrets(value) if isinstance(value, str) else value


class Mask:
    """Masks words in texts. Equal texts stay equal."""

    def __init__(self, tools: Sequence[Json]) -> None:
        self._keep = _WORDS | frozenset(_names(tools))

    def __call__(self, text: str) -> str:
        return _pattern().sub(self._masked, text)

    def raw(self, told: Explanation) -> str:
        """Return a raw reply with its content, reasoning and arguments masked."""
        return "".join(self(span.text) if span.kind in _SAID else span.text for span in told.spans)

    def request(self, body: Json) -> Json:
        """Return a request with the texts of messages and the descriptions of tools masked."""
        masked = {key: value for key, value in body.items() if key not in ("user", "metadata", "safety_identifier")}
        messages, tools = body.get("messages"), body.get("tools")
        if isinstance(messages, list):
            masked["messages"] = [
                self._value(each, ("role", "type", "name", "id", "tool_call_id")) for each in messages
            ]
        if isinstance(tools, list):
            masked["tools"] = [self._descriptions(each) for each in tools]
        return masked

    def message(self, message: Json) -> Json:
        """Return a response's message with its texts masked."""
        kept = ("role", "type", "name", "id")
        masked = self._value(message, kept)
        assert isinstance(masked, dict)
        return masked

    def _value(self, value: object, kept: Iterable[str]) -> object:
        if isinstance(value, dict):
            return {key: each if key in kept else self._value(each, kept) for key, each in value.items()}
        if isinstance(value, list):
            return [self._value(each, kept) for each in value]
        if not isinstance(value, str):
            return value
        return REDACTED if value.startswith("data:") else self(value)

    def _descriptions(self, value: object) -> object:
        if isinstance(value, dict):
            return {
                key: self(each)
                if key in ("description", "title") and isinstance(each, str)
                else self._descriptions(each)
                for key, each in value.items()
            }
        return [self._descriptions(each) for each in value] if isinstance(value, list) else value

    def _masked(self, found: re.Match[str]) -> str:
        text = found[0]
        if found.lastgroup == "keep" or text in self._keep:
            return text
        if found.lastgroup == "number":
            return re.sub(r"\d", "1", text)
        return "".join(_hidden(char) for char in text)


def _hidden(char: str) -> str:
    if char.isdigit():
        return "1"
    return "x" if char.isalpha() or not char.isascii() else char


@cache
def _pattern() -> re.Pattern[str]:
    markers = "|".join(
        re.escape(marker) for marker in sorted(known_markers(), key=len, reverse=True) if len(marker) > 2
    )
    return re.compile(
        rf"(?P<keep>{markers}|\\u[0-9a-fA-F]{{4}}|\\.)"
        r"|(?P<number>(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))"
        r"|(?P<word>[^\W\d]\w*)|(?P<rest>\w|[^\x00-\x7f])",
        re.DOTALL,
    )


def _names(tools: Sequence[Json]) -> Iterable[str]:
    """Yield the names of tools and arguments, and the strings in `enum` and `const`."""
    for tool in tools:
        function = tool.get("function")
        yield from _schema_names(function if isinstance(function, dict) else tool)


def _schema_names(schema: object) -> Iterable[str]:
    stack = [schema]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            name, listed = each.get("name"), [*_list(each.get("enum")), each.get("const")]
            yield from (text for text in (name, *listed) if isinstance(text, str))
            properties = each.get("properties")
            if isinstance(properties, dict):
                yield from properties
            stack.extend(value for key, value in each.items() if key not in ("description", "title"))
        elif isinstance(each, list):
            stack.extend(each)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def tokens_of(text: str, tokens: Sequence[Token], pieces: Sequence[bytes]) -> list[Json]:
    """Cut `text`, which replaces the text of `pieces` character for character, at the ends of the tokens."""
    given: list[Json] = []
    read = b""
    start = 0
    for piece in pieces[: len(tokens)]:
        read += piece
        stop = min(len(read.decode("utf-8", errors="ignore")), len(text))
        part = text[start:stop]
        given.append({"token": part, "bytes": list(part.encode())})
        start = stop
    if given and start < len(text):
        given[-1] = {"token": text[start:], "bytes": list(text[start:].encode())}
    return given


def parsed(text: str) -> Json:
    value = json.loads(text)
    return value if isinstance(value, dict) else {}
