"""The parts of a family's markup, taken from what its renderer writes.

A renderer writes whole calls. Broken replies need their parts: `pieces_of` has calls of made-up names written and
takes the texts apart where these names are, so that a new family's parts are known as soon as it has a renderer.

- A part keeps the white space that the family's template writes after it.
- `calls` is what opens a section of calls (Kimi, DeepSeek, MiniMax), or the wrapper of each (Hermes, Qwen, Seed-OSS);
  "" if a call has neither (GLM, Mistral).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from dynamo_parsers.registry import tool_row
from dynamo_parsers.write.markup import RENDERERS, Call, Renderer

_NAME, _KEY, _VALUE = "NAME0", "KEY0", "VALUE0"
_CALL = Call.of(_NAME, {_KEY: _VALUE})


@dataclass(frozen=True)
class Pieces:
    """One family's parts of a call, in the order in which a reply has them."""

    calls: str
    """Opens a section, or the wrapper of one call."""
    call: str
    """Opens a call; the name follows."""
    arg: str
    """Opens a string parameter; its name follows. "" if the arguments are JSON text."""
    key_end: str
    arg_close: str
    call_close: str
    calls_close: str
    section: bool
    """Whether `calls` may hold several calls."""
    renderer: Renderer

    def head(self, name: str, index: int) -> str:
        """What opens the call number `index` of a reply, up to its arguments; some families number their calls."""
        text = self.renderer.calls([*[Call.of("other", {})] * index, Call.of(name, _CALL.arguments)])
        opener = self.call.replace('"0"', f'"{index}"')  # an id before the name
        return text[text.rindex(opener + name) : text.rindex(self.arg + _KEY if self.arg else _CALL.text)]

    def arg_open(self, key: str) -> str:
        return f"{self.arg}{key}{self.key_end}"

    def parameter(self, key: str, value: object) -> str:
        """A whole parameter, as a value of this type is written."""
        before = self.calls + self.head("f", 0)
        after = self.renderer.calls([Call.of("f", {})]).removeprefix(before)
        return self.renderer.calls([Call.of("f", {key: value})]).removeprefix(before).removesuffix(after)

    def arg_end(self, key: str) -> str:
        return self.arg_close.replace(_KEY, key)


@cache
def pieces_of(name: str) -> Pieces | None:
    """The parts of a tool parser's calls; None if a call does not come apart so (its name stands twice, or no tags)."""
    taken = _Apart(RENDERERS[name], _longest_first(tool_row(name).format.markers))
    opening = _split_opening(taken.opening, _longest_first(tool_row(name).call_openers) or taken.markers)
    if opening is None:
        return None
    if taken.renderer.json_bodies:
        return taken.pieces(*opening, "", "", "")
    to_key, behind = taken.behind.split(_KEY, 1)
    key_end, behind = behind.split(_VALUE, 1)
    places = _places(to_key, taken.markers)
    if not places:
        return None
    name_end, arg = to_key[: places[-1]], to_key[places[-1] :]
    closing = taken.renderer.calls([Call.of(_NAME, {})]).rsplit(_NAME, 1)[1].removeprefix(name_end)
    return taken.pieces(*opening, arg, key_end, behind.removesuffix(closing))


@dataclass(frozen=True)
class _Apart:
    """A written call, and where it comes apart."""

    renderer: Renderer
    markers: Sequence[str]

    @cached_property
    def written(self) -> str:
        return self.renderer.calls([_CALL])

    @property
    def opening(self) -> str:
        return self.written[: self.written.rindex(_NAME)]

    @property
    def behind(self) -> str:
        return self.written[self.written.rindex(_NAME) + len(_NAME) :]

    def pieces(self, calls: str, call: str, arg: str, key_end: str, arg_close: str) -> Pieces:
        value = _VALUE if arg else _CALL.text
        closing = self.behind.split(value, 1)[1].removeprefix(arg_close)
        # What stands between two calls says what closes one of them only.
        twice = self.renderer.calls([_CALL, _CALL]).split(value, 1)[1].removeprefix(arg_close)
        section = not twice.startswith(closing)
        if call.startswith("{"):
            end = 1
        elif section:
            end = _common(twice[: twice.index(_NAME)].removesuffix(call), closing)
        else:
            end = _places(closing, self.markers)[-1] if calls else len(closing)
        return Pieces(calls, call, arg, key_end, arg_close, closing[:end], closing[end:], section, self.renderer)


def _split_opening(text: str, openers: Sequence[str]) -> tuple[str, str] | None:
    """What stands before a name, split before the call's own opener."""
    places = _places(text, openers)
    if not places or _NAME in text:
        return None
    at = text.rindex("{") if "{" in text else places[-1]
    return text[:at], text[at:]


def _longest_first(markers: frozenset[str]) -> list[str]:
    return sorted((marker for marker in markers if len(marker) > 2), key=len, reverse=True)


def _places(text: str, markers: Sequence[str]) -> list[int]:
    """Where markers start in a text, one after the other."""
    places: list[int] = []
    at = 0
    while at < len(text):
        found = next((marker for marker in markers if text.startswith(marker, at)), "")
        if found:
            places.append(at)
        at += len(found) or 1
    return places


def _common(one: str, other: str) -> int:
    """How many characters two texts have in common at their start."""
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    return same
