"""The placeholders of a shape: the parts of a reply that each family writes in its own markup.

    {call get_weather {"city": "Paris"}}    a whole call; calls that follow each other stand as the family writes them
    {calls} {/calls}                        what stands around calls: a section, or the wrapper of one
    {call get_weather} {/call}              a call's head, up to its arguments; and its closer
    {arg city="Paris"}                      a whole parameter
    {arg city} {/arg}                       what opens a parameter that is a string; and what closes it
    {think} {/think}                        the reasoning markers
    {answer}                                what ends reasoning and begins the answer, where the reply is framed
    {inside}                                {think}, unless the reply of this family starts in reasoning
    {end} {end 2}                           the family's turn end; the second of them
    {mark calls} {mark call} {mark /arg}    the marker in such a part alone
    {mark call get_weather} {mark arg city} such a part without the white space around it
    {cut calls} {cut call get_wea}          a marker without its last character; a head that is cut in its name
    {markers}                               every marker of the calls, a line each, with ` (x)` after it
    {1}                                     a place: lines `1 =>` say what is out there

A part has the white space that the family's template writes around it, unless the shape says `tight: yes`. In JSON (the
arguments in a placeholder or an event, the text of an event) placeholders stand in strings. A brace before anything
else is a brace.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from dynamo_parsers.registry import reasoning_row, tool_row
from dynamo_parsers.rows import ReasoningRow
from dynamo_parsers.write.markup import RENDERERS, Call
from dynamo_parsers.write.template import start_of, texts_of

from .pieces import Pieces, pieces_of

_OF_CALLS = {"calls", "/calls", "call", "/call", "arg", "/arg"}
_WORDS = _OF_CALLS | {"think", "/think", "answer", "inside", "end", "mark", "cut", "markers"}
_PLACEHOLDER = re.compile(r"\{(/?[a-z]+|\d)(?=[ }])")
_JSON_FOLLOWS = re.compile(r"(?P<name>[^\s=}]*)[ =](?=[\[{\"\-0-9]|true|false|null)")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_SPACE = re.compile(r"\s+")
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
    """The parameter that was opened last."""
    places: dict[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "".join(self.texts)


@dataclass(frozen=True)
class Family:
    """A pair of parsers, and how its replies are written."""

    tool: str | None
    reasoning: str | None
    inside: bool = False
    """Whether its replies start in reasoning."""
    tight: bool = False
    """Whether parts of calls are written without the white space around them."""

    @property
    def json_bodies(self) -> bool:
        return self.tool is not None and RENDERERS[tool_row(self.tool).name].json_bodies

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
        """A JSON text, or the start of one, with the placeholders in its strings written. Raises Unwritable."""
        return _STRING.sub(lambda found: self._in_string(found[0]), text)

    def _in_string(self, written: str) -> str:
        def quoted(slot: Slot) -> str:
            return json.dumps(self._spaced(slot, Reply()), ensure_ascii=False)[1:-1]

        return "".join(part if isinstance(part, str) else quoted(part) for part in parts_of(written))

    @property
    def _pieces(self) -> Pieces:
        found = pieces_of(self._tool_name) if self.tool is not None else None
        if found is None:
            raise Unwritable("the markup does not come apart")
        return found

    @property
    def _tool_name(self) -> str:
        if self.tool is None:
            raise Unwritable("the family has no calls")
        return tool_row(self.tool).name

    @property
    def _reasoning_row(self) -> ReasoningRow:
        if self.reasoning is None:
            raise Unwritable("the family has no reasoning")
        return reasoning_row(self.reasoning)

    def _whole(self, calls: Sequence[Call], before: int) -> str:
        write = RENDERERS[self._tool_name].calls
        pieces = pieces_of(self._tool_name)
        if pieces is None or pieces.head("f", 0) == pieces.head("f", before):
            return write(calls)
        # The family numbers its calls, and goes on counting.
        text = write([*[Call.of("other", {})] * before, *calls])
        return pieces.calls + text[text.index(pieces.head(calls[0].name, before)) :]

    def _spaced(self, slot: Slot, reply: Reply) -> str:
        text = self._part(slot, reply)
        return text.strip() if self.tight and slot.word in _OF_CALLS else text

    def _part(self, slot: Slot, reply: Reply) -> str:
        word, name = slot.word, slot.name
        if word.isdigit():
            reply.places[word] = len(reply.text)
            return ""
        match word:
            case "mark":
                return self._marker(name, reply)
            case "cut":
                return self._cut(name)
            case "markers":
                return "".join(f"{marker} (x)\n" for marker in sorted(self._markers))
            case "inside" if self.inside:
                return ""
            case "inside" | "think":
                return self._reasoning_row.open + self._reasoning_row.think.label
            case "/think":
                return self._reasoning_row.close
            case "answer":
                return self._answer()
            case "end":
                return self._end(name)
        return self._of_call(slot, reply)

    def _answer(self) -> str:
        row = self._reasoning_row
        if row.frame is None:
            return row.close
        thought, answer = texts_of(row.frame, row.close)
        return thought.close + start_of(row.frame) + answer.open

    @property
    def _markers(self) -> frozenset[str]:
        return tool_row(self._tool_name).format.markers

    def _marker(self, said: str, reply: Reply) -> str:
        word, _, name = said.partition(" ")
        if name or word not in _OF_CALLS:
            return self._part(Slot(word, name), reply).strip()
        if word.endswith("calls") and pieces_of(self._tool_name) is None:
            return self._around_calls(word)
        part = self._opener(word) if word in ("call", "arg") else self._of_call(Slot(word), reply)
        if word == "/arg" and self._pieces.arg_end("") != self._pieces.arg_end("x"):
            return part.strip()  # an element's closer has its name in it
        found = [marker for marker in self._markers if marker in part]
        return min(found, key=lambda marker: (part.index(marker), -len(marker)), default=part.strip())

    def _around_calls(self, word: str) -> str:
        """The first or the last marker that is written, where calls do not come apart."""
        written = RENDERERS[self._tool_name].calls([Call.of("f", {})])
        found = [marker for marker in self._markers if marker in written]
        place = written.rindex if word == "/calls" else written.index
        return (max if word == "/calls" else min)(found, key=place)

    def _cut(self, said: str) -> str:
        word, _, name = said.partition(" ")
        return self._opener(word) + name if name else self._marker(word, Reply())[:-1]

    def _opener(self, word: str) -> str:
        return self._pieces.call if word == "call" else self._pieces.arg

    def _end(self, number: str) -> str:
        place = int(number or 1) - 1
        if place >= len(self.turn_ends):
            raise Unwritable("the family has fewer turn ends")
        return self.turn_ends[place]

    def _of_call(self, slot: Slot, reply: Reply) -> str:
        pieces = self._pieces
        match slot.word:
            case "calls":
                return pieces.calls
            case "/calls":
                return pieces.calls_close
            case "/call":
                return pieces.call_close
            case "call":
                reply.calls.append(slot.name)
                return pieces.head(slot.name, len(reply.calls) - 1)
        if not pieces.arg:
            raise Unwritable("the arguments are JSON text")
        if slot.word == "/arg":
            return pieces.arg_end(reply.key)
        reply.key = slot.name
        if slot.text:
            return pieces.parameter(slot.name, json.loads(self.in_json(slot.text)))
        return pieces.arg_open(slot.name)


@cache
def parts_of(template: str) -> tuple[str | Slot, ...]:
    """The text and the placeholders of a template. Raises Unwritable for a placeholder that is not known."""
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


def _slot(template: str, found: re.Match[str]) -> tuple[Slot, int]:
    """The placeholder that starts here, and where it ends."""
    word, at = found[1], found.end()
    if word not in _WORDS and not word.isdigit():
        raise Unwritable(f"{{{word}}} is no placeholder; known are {', '.join(sorted(_WORDS))}")
    if template[at] == "}":
        return Slot(word), at + 1
    if word in ("call", "arg") and (said := _JSON_FOLLOWS.match(template, at + 1)):
        return _with_json(template, found, said)
    end = template.find("}", at)
    if end < 0:
        raise Unwritable(f"{template[found.start() :][:60]!r} is not closed")
    return Slot(word, template[at + 1 : end]), end + 1


def _with_json(template: str, found: re.Match[str], said: re.Match[str]) -> tuple[Slot, int]:
    try:
        _, end = _DECODER.raw_decode(template, said.end())
    except ValueError as wrong:
        raise Unwritable(f"{template[found.start() :][:60]!r}: {wrong}") from wrong
    if template[end : end + 1] != "}":
        raise Unwritable(f"{template[found.start() : end]!r} is not closed")
    return Slot(found[1], said["name"], template[said.end() : end]), end + 1


def compact(text: str) -> str:
    """A JSON text, or the start of one, without the white space between its parts."""
    texts: list[str] = []
    at = 0
    for found in _STRING.finditer(text):
        texts += [_SPACE.sub("", text[at : found.start()]), found[0]]
        at = found.end()
    return "".join([*texts, _SPACE.sub("", text[at:])])
