"""The placeholders of a shape: the parts of a reply that each family writes in its own markup.

    {call get_weather {"city": "Paris"}}    a whole call; calls that follow each other are written as the family does
    {calls} {/calls}                        what stands around calls: a section, or the wrapper of one
    {call get_weather} {/call}              a call's head, up to its arguments; and its closer
    {arg city="Paris"}                      a whole parameter
    {arg city} {/arg}                       what opens a parameter that is a string; and what closes it
    {think} {/think}                        the reasoning markers
    {inside}                                {think}, unless the reply of this family starts in reasoning
    {end} {end 2}                           the family's turn end; the second of them
    {mark calls} {mark call} {mark /arg}    the marker in such a part alone
    {mark call get_weather} {mark arg city} such a part without the white space after it
    {cut calls} {cut call get_wea}          a marker without its last character; a head that is cut in its name
    {markers}                               every marker of the calls, a line each, with ` (x)` after it
    {1}                                     a place: lines `1 =>` say what is out there

A part has the white space that the family's template writes after it, unless the shape says `tight:`. In JSON (the arguments in a placeholder, the
texts of events) they stand in strings. A brace before anything else is a brace.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from dynamo_parsers.markup import RENDERERS, Call
from dynamo_parsers.registry import reasoning_row, tool_row

from .pieces import Pieces, pieces_of

_PLACEHOLDER = re.compile(r"\{(/?[a-z]+|\d)(?=[ }])")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_DECODER = json.JSONDecoder()


class Unwritable(Exception):
    """A placeholder that is not known, or that the family's markup has no part for."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A placeholder: its word, its name, and the JSON text that it holds."""

    word: str
    name: str = ""
    text: str = ""


@dataclass(slots=True)
class Reply:
    """A reply that is being written."""

    texts: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    """The names of the calls whose heads are written."""
    key: str = ""
    places: dict[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "".join(self.texts)


@dataclass(frozen=True)
class Family:
    """A pair of parsers, and what is written for it."""

    tool: str | None
    reasoning: str | None
    inside: bool = False
    """Whether its replies start in reasoning."""
    tight: bool = False
    """Whether parts are written without the white space around them."""

    @property
    def json_bodies(self) -> bool:
        return self.tool is not None and RENDERERS[tool_row(self.tool).name].json_bodies

    @property
    def pieces(self) -> Pieces:
        found = pieces_of(tool_row(self.tool).name) if self.tool is not None else None
        if found is None:
            raise Unwritable("the markup does not come apart")
        return found

    @property
    def turn_ends(self) -> tuple[str, ...]:
        ends: list[str] = []
        if self.tool is not None:
            row = tool_row(self.tool)
            ends += [row.turn_end, *row.turn_ends]
        if self.reasoning is not None:
            ends += reasoning_row(self.reasoning).turn_ends
        return tuple(dict.fromkeys(ends))

    def write(self, template: str) -> Reply:
        """A template as this family writes it. Raises Unwritable."""
        reply = Reply()
        run: list[Call] = []

        def end_run() -> None:
            if run:
                reply.texts.append(self._whole(run, len(reply.calls)))
                reply.calls += [call.name for call in run]
                run.clear()

        for part in parts_of(template):
            if isinstance(part, Slot) and part.word == "call" and part.text:
                text = self.in_json(part.text)
                run.append(Call(part.name, json.loads(text), text))
                continue
            end_run()
            reply.texts.append(part if isinstance(part, str) else self._spaced(part, reply))
        end_run()
        return reply

    def in_json(self, text: str) -> str:
        """A JSON text, or the start of one, whose strings hold placeholders."""
        return _STRING.sub(lambda found: self._in_string(found[0]), text)

    def _in_string(self, written: str) -> str:
        if _PLACEHOLDER.search(written) is None:
            return written
        parts = (part if isinstance(part, str) else json.dumps(self._spaced(part, Reply()), ensure_ascii=False)[1:-1] for part in parts_of(written))
        return "".join(parts)

    def _whole(self, calls: Sequence[Call], before: int) -> str:
        if self.tool is None:
            raise Unwritable("the family has no calls")
        renderer = RENDERERS[tool_row(self.tool).name]
        if not before:
            return renderer.calls(calls)
        # Families that number their calls go on counting.
        pieces = pieces_of(tool_row(self.tool).name)
        if pieces is None or pieces.head("f", 0) == pieces.head("f", before):
            return renderer.calls(calls)
        text = renderer.calls([*[Call.of("other", {})] * before, *calls])
        return pieces.calls + text[text.index(pieces.head(calls[0].name, before)) :]

    def _spaced(self, slot: Slot, reply: Reply) -> str:
        text = self._part(slot, reply)
        return text.strip() if self.tight and slot.word in _TIGHT else text

    def _part(self, slot: Slot, reply: Reply) -> str:
        word, name = slot.word, slot.name
        if word.isdigit():
            reply.places[word] = len(reply.text)
            return ""
        if word == "mark":
            return self._marker(name, reply)
        if word == "cut":
            return self._cut(name)
        if word == "markers":
            return "".join(f"{marker} (x)\n" for marker in sorted(self.markers))
        if word == "inside":
            return "" if self.inside else self._thinking("think")
        if word in ("think", "/think"):
            return self._thinking(word)
        if word == "end":
            return self._end(name)
        return self._of_call(slot, reply)

    @property
    def markers(self) -> frozenset[str]:
        if self.tool is None:
            raise Unwritable("the family has no calls")
        return tool_row(self.tool).format.markers

    def _marker(self, said: str, reply: Reply) -> str:
        word, _, name = said.partition(" ")
        if name or word not in ("calls", "/calls", "call", "/call", "arg", "/arg"):
            part = self._part(Slot(word, name), reply) if word != "think" else self._thinking(word)
            return part.strip()
        pieces = self.pieces
        part = {
            "calls": pieces.calls,
            "/calls": pieces.calls_close,
            "call": pieces.call,
            "/call": pieces.call_close,
            "arg": pieces.arg,
            "/arg": pieces.arg_end(reply.key),
        }[word]
        if word == "/arg" and pieces.arg_end("") != pieces.arg_end("x"):
            return part.strip()  # an element's closer has its name in it
        return max((marker for marker in self.markers if marker in part), key=len, default=part.strip())

    def _cut(self, said: str) -> str:
        word, _, name = said.partition(" ")
        if not name:
            return self._marker(word, Reply())[:-1]
        return f"{self.pieces.call if word == 'call' else self.pieces.arg}{name}"

    def _thinking(self, word: str) -> str:
        if self.reasoning is None:
            raise Unwritable("the family has no reasoning")
        row = reasoning_row(self.reasoning)
        return row.open + row.think.label if word == "think" else row.close

    def _end(self, number: str) -> str:
        ends = self.turn_ends
        place = int(number or 1) - 1
        if place >= len(ends):
            raise Unwritable("the family has fewer turn ends")
        return ends[place]

    def _of_call(self, slot: Slot, reply: Reply) -> str:
        pieces = self.pieces
        if slot.word in ("calls", "/calls", "/call"):
            return {"calls": pieces.calls, "/calls": pieces.calls_close, "/call": pieces.call_close}[slot.word]
        if slot.word == "call":
            reply.calls.append(slot.name)
            return pieces.head(slot.name, len(reply.calls) - 1)
        if not pieces.arg:
            raise Unwritable("the arguments are JSON text")
        if slot.word == "/arg":
            return pieces.arg_end(reply.key)
        reply.key = slot.name
        if not slot.text:
            return pieces.arg_open(slot.name)
        return self._parameter(slot.name, json.loads(self.in_json(slot.text)))

    def _parameter(self, key: str, value: object) -> str:
        pieces = self.pieces
        text = pieces.renderer.calls([Call.of("f", {key: value})])
        closing = pieces.renderer.calls([Call.of("f", {})]).removeprefix(pieces.calls + pieces.head("f", 0))
        return text.removeprefix(pieces.calls + pieces.head("f", 0)).removesuffix(closing)


@cache
def parts_of(template: str) -> tuple[str | Slot, ...]:
    """The text and the placeholders of a template. Raises Unwritable for one that is not known."""
    parts: list[str | Slot] = []
    at = 0
    while found := _PLACEHOLDER.search(template, at):
        if found.start() > at:
            parts.append(template[at : found.start()])
        slot, at = _slot(template, found)
        parts.append(slot)
    if at < len(template):
        parts.append(template[at:])
    return tuple(parts)


_TIGHT = {"calls", "/calls", "call", "/call", "arg", "/arg"}
_WORDS = {"calls", "/calls", "call", "/call", "arg", "/arg", "think", "/think", "inside", "end", "mark", "cut", "markers"}
_JSON_STARTS = re.compile(r"(?P<name>[^\s=}]*)(?P<gap> |=)(?=[\[{\"\-0-9tfn])")


def _slot(template: str, found: re.Match[str]) -> tuple[Slot, int]:
    """The placeholder that starts here, and where it ends."""
    word, at = found[1], found.end()
    if word not in _WORDS and not word.isdigit():
        raise Unwritable(f"{{{word}}} is no placeholder")
    if template[at] == "}":
        return Slot(word), at + 1
    at += 1
    if word in ("call", "arg") and (said := _JSON_STARTS.match(template, at)):
        try:
            _, end = _DECODER.raw_decode(template, said.end())
        except ValueError as wrong:
            raise Unwritable(f"{template[found.start() :][:60]!r}: {wrong}") from wrong
        if template[end : end + 1] != "}":
            raise Unwritable(f"{template[found.start() : end]!r} is not closed")
        return Slot(word, said["name"], template[said.end() : end]), end + 1
    end = template.find("}", at)
    if end < 0:
        raise Unwritable(f"{template[found.start() :][:60]!r} is not closed")
    return Slot(word, template[at:end]), end + 1


def compact(text: str) -> str:
    """A JSON text, or the start of one, without the white space between its parts."""
    return "".join(
        part if number % 2 else re.sub(r"\s+", "", part) for number, part in enumerate(re.split(f"({_STRING.pattern})", text, flags=re.DOTALL))
    )
