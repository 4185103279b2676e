"""The notation of the corpus's files: Markdown that is documentation, and a test.

    ### a call in a sentence is a call
        request: {"parallel_tool_calls": false}
        I look: <tool_call>
        {"name": "ping"}
        </tool_call> Done.
        => content "I look:"
        => call ping {}
        => content " Done."

- A `## ` heading is a group. A `### ` heading is a case and says what is right.
- The case itself is indented by four spaces: directives, the reply as it stands, and a line `=>` for each event
  (`records` says how they are written), or one `=>` alone if nothing comes of the reply. `=> finish length` stands
  where the finish reason is not "tool_calls" with calls and "stop" without.
- `{1}` in a reply is a place, and lines `1 => open get_weather {"city": "Par` say what is out once the reply has been
  fed up to there, and nothing more.
- A reply that an editor would spoil is a JSON string after the word `json`.
- A directive is a line `word: text`: under a case `for:`, `request:`, `tight:`, `todo:`; in the head of a file `for:`,
  `defaults:`, `like:`, `replace:`, `except:`, `todo:`; under a group `n/a:`. What they mean is said in `loading`.
- A title with `(own)` is the parser's own variant of a shape that has the same title.
- Other text that is not indented is for readers.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from .cases import GROUPS, TESTS, CorpusError
from .records import Line, read_line, string

_INDENT = "    "
_HEAD = re.compile(r"(for|defaults|like|replace|except|todo|n/a): (.+)")
_IN_CASE = re.compile(r"(for|request|tight|todo): (.+)")
_EVENT = re.compile(r"(?:(\d) )?=>(?: (.*))?")
_OBJECT = TypeAdapter(dict[str, object])


@dataclass(slots=True)
class Written:
    """What is written under one heading, or in the head of a file."""

    path: Path
    line: int
    title: str = ""
    group: str = ""
    directives: list[tuple[str, str]] = field(default_factory=list)
    block: list[tuple[int, str]] = field(default_factory=list)
    """The lines of a case with their numbers, the indent taken off."""

    @property
    def source(self) -> str:
        inside = self.path.is_relative_to(TESTS)
        return f"tests/{self.path.relative_to(TESTS)}" if inside else str(self.path)

    def error(self, what: object, line: int | None = None) -> CorpusError:
        return CorpusError(f"{self.path.name}:{line or self.line}: {what}")

    def said(self, word: str) -> list[str]:
        """What the directives of this name say."""
        return [text for each, text in self.directives if each == word]

    def one(self, word: str) -> str:
        """The text of the only directive of this name; "" if there is none. Raises CorpusError if there are two."""
        said = self.said(word)
        if len(said) > 1:
            raise self.error(f"{word!r} stands twice")
        return said[0] if said else ""

    def json_object(self, word: str) -> dict[str, object]:
        """A directive's JSON object; an empty one if there is none."""
        try:
            return _OBJECT.validate_json(self.one(word) or "{}")
        except ValidationError as wrong:
            raise self.error(wrong) from wrong


@dataclass(slots=True)
class WrittenFile:
    """A file of the corpus, as it is written."""

    head: Written
    groups: dict[str, Written] = field(default_factory=dict)
    cases: list[Written] = field(default_factory=list)


@dataclass(slots=True)
class Body:
    """A case's reply and its events."""

    reply: str
    events: list[Line] = field(default_factory=list)
    finish: str | None = None
    places: dict[str, list[Line]] = field(default_factory=dict)
    """What is out at a place of the reply, by its number."""


def read_file(path: Path) -> WrittenFile:
    """What a file has. Raises CorpusError, with the line, if it is not written as it should be."""
    here = Written(path, 1)
    found = WrittenFile(here)
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if line.startswith("### "):
            if not found.groups:
                raise here.error("a case before the first group", number)
            here = Written(path, number, line[4:].strip(), next(reversed(found.groups)))
            found.cases.append(here)
        elif line.startswith("## "):
            group = line[3:].strip()
            if group not in GROUPS or group in found.groups:
                raise here.error(f"{group!r} is no group, or stands twice", number)
            here = found.groups[group] = Written(path, number, group=group)
        elif not here.title:
            if said := _HEAD.fullmatch(line):
                here.directives.append((said[1], said[2].strip()))
        elif line.startswith(_INDENT) or (here.block and not line):
            _add(here, number, line[len(_INDENT) :])
        elif here.block:
            raise here.error("text after a case's events; is its indent missing?", number)
    return found


def _add(case: Written, number: int, line: str) -> None:
    if not case.block and (said := _IN_CASE.fullmatch(line)):
        case.directives.append((said[1], said[2].strip()))
    else:
        case.block.append((number, line))


def body_of(case: Written) -> Body:
    """The reply and the events of a case. Raises CorpusError, with the line, if they are not as they should be."""
    reply: list[str] = []
    body: Body | None = None
    for number, line in case.block:
        event = _EVENT.fullmatch(line)
        if event is None and body is None:
            reply.append(line)
        elif event is None and line:
            raise case.error("text between or after the events", number)
        elif event is not None:
            body = body or Body(_reply(case, reply))
            _add_event(case, body, number, event)
    if body is None or not reply:
        raise case.error("the case lacks its reply or its events")
    return body


def _reply(case: Written, lines: list[str]) -> str:
    if len(lines) != 1 or not lines[0].startswith('json "'):
        return "\n".join(lines)
    try:
        return string(json.loads(lines[0].removeprefix("json ")))
    except ValueError as wrong:
        raise case.error(wrong) from wrong


def _add_event(case: Written, body: Body, number: int, event: re.Match[str]) -> None:
    place, text = event[1], event[2]
    lines = body.places.setdefault(place, []) if place else body.events
    if text is None:
        return
    if text.startswith("finish "):
        body.finish = text.removeprefix("finish ")
        return
    try:
        lines.append(read_line(text))
    except ValueError as wrong:
        raise case.error(f"{text!r}: {wrong}", number) from wrong
