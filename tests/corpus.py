"""The case corpus: Markdown that is documentation, and a test.

- A file is one parser's: `kimi_k2.md` a tool-call parser's, `kimi_k25.reasoning.md` a reasoning parser's. It
  starts with a `defaults` block: the request that its cases have in common.
- A `## ` heading is a group, one bold word of CONTRACT.md. A file has every group of its kind, or says
  `n/a: why` under the heading.
- A `### ` heading is a case and says what is right. Its blocks: `request` (what differs from the defaults),
  `reply` (the model's text), `events` (what comes of it), and pairs of `start` (of the reply) and `so far` (the
  events that are out once that start has been fed, and nothing more). Text between the blocks is for readers.
- A block is as it stands: the newline before its closing fence is not part of it. With `json` behind the
  block's name it is a JSON string, for text that an editor would spoil.

Lines of `events`, in the order of the reply (text deltas of one kind that follow each other are one line):

    reasoning "plan"
    content "Sure."
    call get_weather {"city": "Paris"}
    call get_weather id=functions.get_weather:0 {"city": "Paris"}
    cut get_weather {"city": "Pa
    open get_weather {"city": "Pa
    call get_time = "{\"timezone\":\n \"UTC\"}"
    finish length

`call` is a complete call, `cut` one that is over and not complete, `open` one that is not over. The argument text
is compared byte for byte; `=` puts it as a JSON string. An id is compared where the line has one; `id=call_*` is a
made one. `finish` stands where it is not "tool_calls" with calls and "stop" without.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

from dynamo_parsers import (
    ContentDelta,
    Event,
    Message,
    Parser,
    ReasoningDelta,
    ToolArgumentsDelta,
    ToolCallEnd,
    ToolCallStart,
)
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

CASES = Path(__file__).parent / "cases"

_TEXT = ("Order and completeness", "White space", "No leaks", "Fit", "Cut openers", "Turn ends")
_TOOLS = ("Unmarked calls", "Sections", "Framed replies", "No tools", "Choice")
_CALLS = (
    "Names",
    "Arguments",
    "Streaming",
    "Typing",
    "Framing",
    "Own markers",
    "Limits",
    "Calls in prose",
    "Drift",
    "Truncation",
    "Ids",
    "Finish reason",
)
_REASONING = ("Start", "Repeated openers", "Call in reasoning", "Never closed", "Guided JSON")

GROUPS = (*_TEXT, *_TOOLS, *_CALLS, *_REASONING, "Errors")
"""Every group: the bold words and headings of CONTRACT.md, and its two limits."""

TOOL_GROUPS = (*_TEXT, *_TOOLS, *_CALLS, "Errors")
REASONING_GROUPS = (*_TEXT, "Framed replies", "No tools", *_REASONING, "Errors")
"""The groups that a file of each kind must have."""

_FENCE = re.compile(r"(~{3,}|`{3,})([a-z ]+?)( json)?")
_CALL_LINE = re.compile(r"(call|cut|open) (\S+)(?: id=(\S+))?(?: (.*))?")
_MADE_ID = re.compile(r"call_[0-9a-f]{24}")
_OWN_ID = re.compile(r"[A-Za-z0-9]{9}")
ANY_ID = "call_*"


class CorpusError(Exception):
    """A case file that is not written as it should be."""


class Request(BaseModel):
    """What a request says to the parsers, and why the engine stopped."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tool_parser: str | None = None
    reasoning_parser: str | None = None
    tools: list[str | dict[str, object]] | None = None
    """Names are looked up in tools.json. Not given: all that stand there; null or []: none."""
    tool_choice: str | dict[str, object] = "auto"
    parallel_tool_calls: bool = True
    chat_template_kwargs: dict[str, object] = {}
    in_reasoning: bool | None = None
    engine_finish: str | None = "stop"


@dataclass(frozen=True, slots=True)
class Text:
    """A run of content or reasoning."""

    kind: Literal["content", "reasoning"]
    text: str

    def __str__(self) -> str:
        return f"{self.kind} {_quoted(self.text)}"


@dataclass(frozen=True, slots=True)
class Called:
    """A call."""

    state: Literal["call", "cut", "open"]
    name: str
    arguments: str
    id: str | None  # None in a case: any

    def __str__(self) -> str:
        written = self.arguments
        plain = written == written.strip() and written.isprintable() and not written.startswith("= ")
        arguments = written if plain else f"= {_quoted(written)}"
        return " ".join(filter(None, (self.state, self.name, self.id and f"id={self.id}", arguments)))


Record: TypeAlias = Text | Called
"""Events merged: what a line of `events` says."""


@dataclass(frozen=True, slots=True)
class Start:
    """The start of a reply, and what is out once it has been fed."""

    text: str
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Case:
    """One reply and what comes of it."""

    file: str
    group: str
    title: str
    line: int
    request: Request
    reply: str
    records: tuple[Record, ...]
    finish: str | None
    starts: tuple[Start, ...] = ()

    def __str__(self) -> str:
        return f"{self.file}/{self.group}/{self.title}"

    def parser(self, *, ids: Iterator[str] | None = None) -> Parser:
        """A parser for the request of this case. `ids`: the ids that it makes."""
        made = ids or (f"call_{number:024x}" for number in itertools.count())
        request = self.request
        return Parser(
            request.tool_parser,
            request.reasoning_parser,
            self.tools,
            request.tool_choice,
            request.parallel_tool_calls,
            request.chat_template_kwargs,
            request.in_reasoning,
            new_id=lambda: next(made),
        )

    @property
    def tools(self) -> list[dict[str, object]] | None:
        """The tools of the request, as OpenAI tool objects."""
        if "tools" not in self.request.model_fields_set:
            return list(declared_tools().values())
        if self.request.tools is None:
            return None
        known = declared_tools()
        return [known[tool] if isinstance(tool, str) else tool for tool in self.request.tools]


@dataclass(frozen=True)
class CaseFile:
    """A file of cases."""

    path: Path
    groups: tuple[str, ...]
    passed_over: dict[str, str]
    """Groups that do not apply, and why."""
    cases: tuple[Case, ...]

    def complaints(self) -> list[str]:
        """What the file lacks."""
        required = REASONING_GROUPS if self.path.name.endswith(".reasoning.md") else TOOL_GROUPS
        filled = {case.group for case in self.cases}
        found = [f"no group {group!r}" for group in required if group not in self.groups]
        for group in self.groups:
            if (group in filled) == (group in self.passed_over):
                found.append(f"{group!r} needs either cases or a line `n/a: why`")
        return found


@lru_cache(maxsize=1)
def declared_tools() -> dict[str, dict[str, object]]:
    """The tools of tools.json by name."""
    tools = json.loads((CASES / "tools.json").read_text(encoding="utf-8"))
    return {tool["function"]["name"]: tool for tool in tools}


def case_files() -> list[Path]:
    return sorted(CASES.glob("*.md"))


# --- reading a file


@dataclass(slots=True)
class _Block:
    name: str
    text: str
    line: int


def load(path: Path) -> CaseFile:
    """The cases of a file. Raises CorpusError, with the line, where it is not written as it should be."""
    defaults: dict[str, object] | None = None
    groups: list[str] = []
    passed_over: dict[str, str] = {}
    cases: list[Case] = []
    title, begun, blocks = "", 0, list[_Block]()

    def close_case() -> None:
        if not title:
            return
        if defaults is None or not groups:
            raise CorpusError(f"{path.name}:{begun}: a case before the `defaults` block or the first group")
        case = _case(path, groups[-1], title, begun, defaults, blocks)
        if any(str(case) == str(other) for other in cases):
            raise CorpusError(f"{path.name}:{begun}: {title!r} stands twice in {case.group!r}")
        cases.append(case)

    lines = enumerate(path.read_text(encoding="utf-8").split("\n"), 1)
    for number, line in lines:
        if fence := _FENCE.fullmatch(line):
            block = _block(path, number, fence, lines)
            if block.name == "defaults":
                defaults = _json_object(path, block)
            elif title:
                blocks.append(block)
            else:
                raise CorpusError(f"{path.name}:{number}: a block outside a case")
        elif line.startswith("### "):
            close_case()
            title, begun, blocks = line[4:].strip(), number, []
        elif line.startswith("## "):
            close_case()
            title = ""
            group = line[3:].strip()
            if group not in GROUPS or group in groups:
                raise CorpusError(f"{path.name}:{number}: {group!r} is no group, or stands twice")
            groups.append(group)
        elif line.startswith("n/a: ") and groups and not title:
            passed_over[groups[-1]] = line[5:].strip()
    close_case()
    return CaseFile(path, tuple(groups), passed_over, tuple(cases))


def _block(path: Path, number: int, fence: re.Match[str], lines: Iterator[tuple[int, str]]) -> _Block:
    inside: list[str] = []
    for _, line in lines:
        if line == fence[1]:
            text = "\n".join(inside)
            return _Block(fence[2], _string(json.loads(text)) if fence[3] else text, number)
        inside.append(line)
    raise CorpusError(f"{path.name}:{number}: the block is not closed")


def _json_object(path: Path, block: _Block) -> dict[str, object]:
    try:
        return TypeAdapter(dict[str, object]).validate_json(block.text)
    except ValidationError as wrong:
        raise CorpusError(f"{path.name}:{block.line}: {wrong}") from wrong


def _case(path: Path, group: str, title: str, line: int, defaults: dict[str, object], blocks: list[_Block]) -> Case:
    by_name: dict[str, _Block] = {}
    starts: list[Start] = []
    started: str | None = None
    for block in blocks:
        if block.name == "start" and started is None:
            started = block.text
        elif block.name == "so far" and started is not None:
            starts.append(Start(started, tuple(_record(path, block, each) for each in block.text.splitlines())))
            started = None
        elif block.name in ("request", "reply", "events") and block.name not in by_name:
            by_name[block.name] = block
        else:
            raise CorpusError(f"{path.name}:{block.line}: a block {block.name!r} is not due here")
    missing = {"reply", "events"} - by_name.keys()
    if missing or started is not None:
        raise CorpusError(f"{path.name}:{line}: the case lacks {missing or 'a block `so far`'}")
    said = dict(defaults)
    if "request" in by_name:
        said.update(_json_object(path, by_name["request"]))
    try:
        request = Request.model_validate(said)
    except ValidationError as wrong:
        raise CorpusError(f"{path.name}:{line}: {wrong}") from wrong
    reply = by_name["reply"].text
    lines = by_name["events"].text.splitlines()
    finish: str | None = None
    if lines and lines[-1].startswith("finish "):
        finish = lines.pop().removeprefix("finish ")
    records = tuple(_record(path, by_name["events"], each) for each in lines)
    if finish is None:
        called = any(isinstance(record, Called) for record in records)
        finish = "tool_calls" if called and request.engine_finish == "stop" else request.engine_finish
    for start in starts:
        if not reply.startswith(start.text):
            raise CorpusError(f"{path.name}:{line}: {start.text!r} is no start of the reply")
    return Case(path.stem, group, title, line, request, reply, records, finish, tuple(starts))


def _record(path: Path, block: _Block, line: str) -> Record:
    kind, _, text = line.partition(" ")
    try:
        if kind == "content":
            return Text("content", _string(json.loads(text)))
        if kind == "reasoning":
            return Text("reasoning", _string(json.loads(text)))
        found = _CALL_LINE.fullmatch(line)
        if found is not None:
            arguments = found[4] or ""
            if arguments.startswith("= "):
                arguments = _string(json.loads(arguments[2:]))
            state: Literal["call", "cut", "open"] = "call" if kind == "call" else "cut" if kind == "cut" else "open"
            return Called(state, found[2], arguments, found[3])
    except ValueError as wrong:
        raise CorpusError(f"{path.name}:{block.line}: {line!r}: {wrong}") from wrong
    raise CorpusError(f"{path.name}:{block.line}: {line!r} is no event")


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a JSON string is due")
    return value


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())


# --- running a case


def feed(case: Case, pieces: Iterable[str], *, finish: bool = True) -> list[Event]:
    """The events of a reply that comes in these pieces."""
    parser = case.parser()
    events: list[Event] = []
    for piece in pieces:
        events += parser.feed(piece)
    if finish:
        events += parser.finish()
    return events


def merge(events: Iterable[Event], *, finished: bool = True) -> list[Record]:
    """The events as records. Raises AssertionError where they break the protocol of `events.py`."""
    records: list[Record] = []
    pieces: list[str] = []  # of the last record
    kind = ""
    open_call: ToolCallStart | None = None
    ids: list[str] = []
    complete = False

    def close() -> None:
        nonlocal kind
        text = "".join(pieces)
        if kind == "call":
            assert start is not None
            if complete and open_call is None:
                assert isinstance(_loaded(text), dict), f"a complete call whose arguments are {text!r}"
            state: Literal["call", "cut", "open"] = "open" if open_call else "call" if complete else "cut"
            records.append(Called(state, start.name, text, start.id))
        elif kind == "content" or kind == "reasoning":
            records.append(Text("content" if kind == "content" else "reasoning", text))
        pieces.clear()
        kind = ""

    start: ToolCallStart | None = None
    for event in events:
        match event:
            case ContentDelta(text) | ReasoningDelta(text):
                assert text, "an event without text"
                assert open_call is None, f"text inside a call: {event}"
                new = "content" if isinstance(event, ContentDelta) else "reasoning"
                if kind != new:
                    close()
                    kind = new
                pieces.append(text)
            case ToolCallStart(index, id, name):
                assert open_call is None, f"a call inside a call: {event}"
                assert index == len(ids), f"calls are counted from 0: {event}"
                assert id, f"a call without an id: {event}"
                assert id not in ids, f"an id that is not unique: {event}"
                assert name, f"a call without a name: {event}"
                ids.append(id)
                close()
                kind, start, open_call, complete = "call", event, event, False
            case ToolArgumentsDelta(index, text):
                assert text, "an event without text"
                assert open_call is not None, f"arguments outside a call: {event}"
                assert index == open_call.index, f"arguments of another call: {event}"
                pieces.append(text)
            case ToolCallEnd(index, whole):
                assert open_call is not None, f"the end of a call that is over: {event}"
                assert index == open_call.index, f"the end of another call: {event}"
                open_call, complete = None, whole
                close()
    assert open_call is None or not finished, f"a call that is never over: {open_call}"
    close()
    return records


def _loaded(text: str) -> object:
    # Numbers as text: Python refuses to convert very long ones.
    return json.loads(text, parse_int=str, parse_float=str)


def lines_of(records: Sequence[Record], like: Sequence[Record]) -> list[str]:
    """The records as lines; ids where the records `like` them, of a case, have one."""
    lines = []
    for place, record in enumerate(records):
        if isinstance(record, Called):
            other = like[place] if place < len(like) else None
            wanted = other.id if isinstance(other, Called) else None
            shown = record.id if wanted else None
            if wanted == ANY_ID and shown and (shown == ANY_ID or _MADE_ID.fullmatch(shown)):
                shown = ANY_ID
            record = Called(record.state, record.name, record.arguments, shown)
        lines.append(str(record))
    return lines


def cuts(text: str) -> Iterator[list[str]]:
    """The text in every way of two pieces, and in pieces of 1 to 11 characters."""
    for at in range(1, len(text)):
        yield [text[:at], text[at:]]
    for size in range(1, 12):
        yield [text[at : at + size] for at in range(0, len(text), size)]


def message_records(message: Message, reply: str = "") -> list[Record]:
    """A message as records: reasoning, content, calls. A made id of a family's own kind is not in its `reply`."""
    records: list[Record] = []
    if message.reasoning is not None:
        records.append(Text("reasoning", message.reasoning))
    if message.content is not None:
        records.append(Text("content", message.content))
    for call in message.tool_calls:
        made = bool(_OWN_ID.fullmatch(call.id)) and bool(reply) and call.id not in reply
        shown = ANY_ID if made else call.id
        records.append(Called("call" if call.complete else "cut", call.name, call.arguments, shown))
    return records


def as_message(records: Iterable[Record]) -> list[Record]:
    """Records in the order of a message, its texts joined."""
    records = list(records)
    folded: list[Record] = []
    for kind in ("reasoning", "content"):
        text = "".join(record.text for record in records if isinstance(record, Text) and record.kind == kind)
        if text:
            folded.append(Text("reasoning" if kind == "reasoning" else "content", text))
    return [*folded, *(record for record in records if isinstance(record, Called))]


# --- nothing is lost

_WORD = re.compile(r"\w+")
_SYNTAX = frozenset({"name", "arguments", "parameters", "functions", "string", "json", "true", "false", "null", "none"})


def lost_words(reply: str, records: Iterable[Record], markup: Iterable[str]) -> list[str]:
    """The words of a reply, its markup taken out, that none of its records has.

    What a contract drops on purpose (a cut header, stray text in a section) is lost too: for replies without.
    """
    kept = " ".join(_SYNTAX)
    for text in _texts(records):
        kept += " " + _without(text, markup) + " " + _unescaped(_without(text, markup))
    kept = kept.lower()
    return [word for word in _WORD.findall(_unescaped(_without(reply, markup))) if word.lower() not in kept]


def _texts(records: Iterable[Record]) -> list[str]:
    """Every text that a client gets, texts of one kind that are split by a call or so joined too."""
    records = list(records)
    found = [record.text for record in as_message(records) if isinstance(record, Text)]
    for record in records:
        if isinstance(record, Text):
            found.append(record.text)
        else:
            found += [record.name, record.id or "", record.arguments, *strings_of(record.arguments)]
    return found


def _without(text: str, markup: Iterable[str]) -> str:
    for marker in sorted(markup, key=len, reverse=True):
        text = text.replace(marker, " ")
    return text


def _unescaped(text: str) -> str:
    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", " ", text)


def strings_of(arguments: str) -> list[str]:
    """Every string in a JSON text, keys included."""
    try:
        queue = [_loaded(arguments)]
    except ValueError:
        return []
    found: list[str] = []
    while queue:
        value = queue.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, list):
            queue.extend(value)
        elif isinstance(value, dict):
            queue.extend([*value.keys(), *value.values()])
    return found
