"""The model's raw text, rebuilt from the bytes of `logprobs.content`.

- A character may be split over tokens, so bytes are joined before they are decoded.
- If an engine gives no bytes, or those of U+FFFD for a part of a character, the text around the gap is looked up in
  the message; if that does not give exactly one text, the gap stays and is reported.
- Some servers log only the channel of the answer: then the reasoning of the message is not in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from pydantic import BaseModel, ConfigDict

from .exchange import Response, Token

GAP = "�"
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_ESCAPED = re.compile(r"\\x([0-9a-fA-F]{2})")
_TOKEN_ID = re.compile(r"token_id:\d+")
_AROUND = 12
_SIZES = (12, 8, 5, 3, 2)
_LONGEST = 8
"""The most characters that one gap may replace."""


class RawText(BaseModel):
    """The model's text. `text`: None if the response has no usable logprobs."""

    model_config = ConfigDict(frozen=True)

    text: str | None
    gaps: int = 0
    """How many characters are unknown."""
    filled: int = 0
    """How many characters were taken from the message."""
    reasoning_missing: bool = False
    """Whether the reasoning is missing in the logprobs."""
    notes: list[str] = []


def raw_text(response: Response) -> RawText:
    """Return the raw text of a response; its `text` is None without logprobs."""
    if not response.tokens:
        return RawText(text=None, notes=["the response has no logprobs"])
    notes: list[str] = []
    ids = sum(_TOKEN_ID.fullmatch(token.token) is not None and _given(token) is None for token in response.tokens)
    if ids == len(response.tokens):
        return RawText(text=None, notes=["the tokens are logged as ids only: leave out return_tokens_as_token_ids"])
    text = b"".join(bytes_of(response.tokens)).decode("utf-8", errors="replace")
    without = sum(token.bytes is None for token in response.tokens)
    if without:
        notes.append(f"{without} of {len(response.tokens)} tokens have no bytes: their text was used")
    damaged = text.count(GAP)
    text = _filled(text, _said(response))
    gaps = text.count(GAP)
    if damaged:
        notes.append(f"{damaged} characters were split over tokens and lost, {damaged - gaps} known from the message")
    missing = (response.completion_tokens or 0) - len(response.tokens)
    if missing > 1:
        notes.append(f"{missing} of {response.completion_tokens} tokens are not in the logprobs")
    reasoning = response.reasoning.strip()
    absent = bool(reasoning) and reasoning[:200] not in text and _plain(reasoning[:200]) not in _plain(text)
    if absent:
        notes.append("the reasoning channel is not in the logprobs: reasoning was not compared")
    return RawText(text=text, gaps=gaps, filled=damaged - gaps, reasoning_missing=absent, notes=notes)


def bytes_of(tokens: Sequence[Token]) -> list[bytes]:
    """Return the bytes of each token."""
    return [_bytes(token) for token in tokens]


def _given(token: Token) -> bytes | None:
    """Return the bytes that an entry gives; None if there are none, or if they only repeat a token id."""
    if token.bytes is None or any(not 0 <= each < 256 for each in token.bytes):
        return None
    given = bytes(token.bytes)
    return (
        None if given == token.token.encode("utf-8", errors="replace") and _TOKEN_ID.fullmatch(token.token) else given
    )


def _bytes(token: Token) -> bytes:
    given = _given(token)
    if given is not None:
        return given
    if found := _BYTE.fullmatch(token.token):
        return bytes([int(found[1], 16)])
    if token.token.startswith("bytes:") and (parts := _ESCAPED.findall(token.token)):
        return bytes(int(part, 16) for part in parts)
    if _TOKEN_ID.fullmatch(token.token):
        return GAP.encode()
    return token.token.encode("utf-8", errors="replace")


def _said(response: Response) -> list[str]:
    calls = [call.arguments for call in response.calls]
    return [response.content, response.reasoning, *calls, *(_unescaped(each) for each in calls)]


def _unescaped(arguments: str) -> str:
    return arguments.replace("\\n", "\n").replace('\\"', '"').replace("\\t", "\t").replace("\\\\", "\\")


def _filled(text: str, said: list[str]) -> str:
    """Return `text` with each gap filled from the message, if the message gives exactly one text for it."""
    at = 0
    while (start := text.find(GAP, at)) >= 0:
        end = start
        while text[end : end + 1] == GAP:
            end += 1
        before, after = _near(text[max(0, start - _AROUND) : start]), text[end : end + _AROUND].split(GAP)[0]
        # The message may begin right before the gap, so shorter contexts are tried too.
        found = next((some for size in _SIZES if (some := _known(said, before[-size:], after[:size]))), set())
        if len(found) == 1:
            known = found.pop()
            text = text[:start] + known + text[end:]
            at = start + len(known)
        else:
            at = end
    return text


def _known(said: Iterable[str], before: str, after: str) -> set[str]:
    return {each for one in said for each in _between(one, before, after)}


def _near(text: str) -> str:
    """Return the part of a text after its last gap, which the message may have too."""
    return text.rsplit(GAP, 1)[-1]


def _between(said: str, before: str, after: str) -> Iterator[str]:
    """Yield each text without ASCII characters that a message has between `before` and `after`, or at its end."""
    at = 0
    while before and (at := said.find(before, at) + len(before)) >= len(before):
        stop = at
        while stop < len(said) and not said[stop].isascii() and stop - at < _LONGEST:
            stop += 1
        if stop > at and (stop == len(said) or said.startswith(after, stop)):
            yield said[at:stop]


def _plain(text: str) -> str:
    return " ".join(text.replace(GAP, "").split())
