"""Reading the corpus: a parser's cases are those of its own file and the shapes that are for it.

- `tests/cases/kimi_k2.md` is a tool parser's file, `kimi_k25.reasoning.md` a reasoning parser's. Its head says the
  request that its cases have in common (`defaults:`), and what it takes over: `like: deepseek_v4` takes the own cases
  of another file, with `replace:` for what is spelled otherwise.
- `tests/shapes/*.md` have what is true of many families; `for:` in the head and under a case says of which.
- `except: Group/title: why` in a parser's file leaves out a case that it would take over. `todo: Group/title: why`,
  or `todo: why` under a case, says that the parser does not answer so yet.
- A parser has cases of every group of its kind, or says `n/a: why` under the group's heading. What a group needs, and
  the family's markup does not have (`groups_without`), goes without saying.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

from dynamo_parsers.registry import reasoning_parser_names, reasoning_row, tool_parser_names, tool_row
from pydantic import ValidationError

from .cases import CASES, REASONING_GROUPS, SHAPES, TOOL_GROUPS, Case, Request, Start
from .notation import Body, Written, WrittenFile, body_of, read_file
from .records import Called, Line, Record, Text
from .templates import Family, Reply, Unwritable, compact
from .traits import groups_without, holds, traits_of

_REASONING = ".reasoning"


@dataclass(frozen=True)
class CaseFile:
    """A parser's cases."""

    path: Path
    groups: tuple[str, ...]
    passed_over: dict[str, str]
    """Groups that do not apply, and why."""
    without: frozenset[str]
    """Groups that cannot apply."""
    cases: tuple[Case, ...]

    def complaints(self) -> list[str]:
        """What the cases lack."""
        required = REASONING_GROUPS if self.path.stem.endswith(_REASONING) else TOOL_GROUPS
        filled = {case.group for case in self.cases}
        found = []
        for group in dict.fromkeys((*required, *self.groups)):
            if group in self.passed_over and (group in filled or group in self.without):
                why = "it has cases" if group in filled else f"{self.path.stem} has nothing that it is about"
                found.append(f"the group {group!r} needs no line `n/a: ...`: {why}")
            elif group not in filled | self.passed_over.keys() and (group in self.groups or group not in self.without):
                found.append(f"the group {group!r} needs either cases or a line `n/a: why` under `## {group}`")
        return found


class _Chosen:
    """What of the corpus is looked at: all of it, unless `choose` was called."""

    files: list[Path] | None = None
    words: str = ""


def choose(family: str = "", words: str = "") -> None:
    """Look at one family's files only, and at cases with these words in their names.

    A tool parser's family has its own file and that of its usual reasoning parser, or of the one that is called as the
    family. Raises ValueError for a family without a file.
    """
    _Chosen.words = words
    _Chosen.files = None
    if not family:
        return
    names = [family]
    if not family.endswith(_REASONING) and family in tool_parser_names():
        row = tool_row(family)
        reasoning = reasoning_row(family if family in reasoning_parser_names() else row.pairs[0])
        names = [*row.names, *(f"{each}{_REASONING}" for each in reasoning.names)]
    _Chosen.files = [path for each in names if (path := CASES / f"{each}.md").exists()]
    if not _Chosen.files:
        known = ", ".join(sorted(path.stem for path in CASES.glob("*.md")))
        raise ValueError(f"no file tests/cases/{family}.md; there are {known}")


def case_files() -> list[Path]:
    """The files of all parsers, or of the chosen family."""
    return sorted(CASES.glob("*.md")) if _Chosen.files is None else _Chosen.files


def all_cases() -> list[Case]:
    """The cases of all parsers, or of the chosen family, but those still to do. Raises CorpusError."""
    return [case for case in _cases(tuple(case_files())) if not case.todo and _Chosen.words in str(case)]


def cases_to_do() -> list[Case]:
    """The cases that parsers do not answer yet as they say. Raises CorpusError."""
    return [case for case in _cases(tuple(case_files())) if case.todo and _Chosen.words in str(case)]


@cache
def _cases(files: tuple[Path, ...]) -> list[Case]:
    return [case for path in files for case in load(path).cases]


def load(path: Path, shapes: Path = SHAPES) -> CaseFile:
    """A parser's cases: its own, and those of a folder of shapes.

    Raises CorpusError, with the line, where something is not written as it should be.
    """
    written = _read(path)
    loader = _Loader(path, written)
    loader.add_own(written, {})
    loader.add_shapes(shapes)
    loader.check_directives()
    passed_over = {name: group.one("n/a") for name, group in written.groups.items() if group.said("n/a")}
    without = groups_without(traits_of(loader.family, loader.kind))
    return CaseFile(path, tuple(written.groups), passed_over, without, tuple(loader.cases.values()))


def family_of(path: Path) -> Family:
    """The pair of parsers that a file is for. Raises CorpusError."""
    head = _read(path).head
    return _family(_request(head, head.json_object("defaults")))


@cache
def _read_once(path: Path, changed: int) -> WrittenFile:
    return read_file(path)


def _read(path: Path) -> WrittenFile:
    return _read_once(path, path.stat().st_mtime_ns)


Item = TypeVar("Item")


@dataclass
class _Loader:
    path: Path
    written: WrittenFile
    cases: dict[tuple[str, str], Case] = field(default_factory=dict)

    def __post_init__(self) -> None:
        head = self.written.head
        self.kind = "reasoning" if self.path.stem.endswith(_REASONING) else "tools"
        self.defaults = head.json_object("defaults")
        if not self.defaults:
            raise head.error("the head lacks the line `defaults:`")
        request = _request(head, self.defaults)
        self.family = _family(request)
        self.excepted = _reasons(head, "except")
        self.todo = _reasons(head, "todo")
        self.unused = set(self.excepted) | set(self.todo)

    def add_own(self, file: WrittenFile, replaced: dict[str, object]) -> None:
        """The cases of this file, or of one like it, and of those that it is like."""
        for case in file.cases:
            self._add(case, partial(self._literal, case, replaced))
        if like := file.head.one("like"):
            other = self.path.with_name(f"{like}.md")
            self.add_own(_read(other), {**replaced, **file.head.json_object("replace")})

    def add_shapes(self, shapes: Path) -> None:
        for path in sorted(shapes.glob("*.md")):
            if path == self.path:
                continue
            shape = _read(path)
            if not shape.head.said("for"):
                raise shape.head.error("the head lacks the line `for:`")
            if self._is_for(shape.head):
                for case in shape.cases:
                    if self._is_for(case):
                        self._add(case, partial(self._rendered, case))

    def check_directives(self) -> None:
        if self.unused:
            raise self.written.head.error(f"no such case to leave out or do: {sorted(self.unused)}")

    def _is_for(self, written: Written) -> bool:
        try:
            return all(holds(said, traits_of(self.family, self.kind)) for said in written.said("for"))
        except ValueError as wrong:
            raise written.error(wrong) from wrong

    def _add(self, written: Written, make: Callable[[], Case]) -> None:
        name = f"{written.group}/{written.title}"
        if name in self.excepted and written.path != self.path:
            self.unused.discard(name)
            return
        case = make()
        if (written.group, written.title) in self.cases:
            own = "what is a parser's own says `(own)` behind its title"
            raise written.error(f"{self.path.stem}: {name!r} stands twice; {own}")
        self.cases[written.group, written.title] = case
        self.unused.discard(name)

    def _literal(self, written: Written, replaced: dict[str, object]) -> Case:
        """A case whose text is the family's own markup."""
        body = body_of(written)

        def spelled(text: str) -> str:
            for old, new in replaced.items():
                text = text.replace(old, str(new))
            return text

        def records(lines: list[Line]) -> tuple[Record, ...]:
            if not replaced:
                return tuple(line.record for line in lines)
            return tuple(_with_texts(line.record, spelled) for line in lines)

        reply, places = _without_places(spelled(body.reply), body.places)
        starts = self._starts(written, body, reply, places, records)
        return self._case(written, body, reply, records(body.events), starts)

    def _rendered(self, written: Written) -> Case:
        """A case of a shape, as the family writes it."""
        body = body_of(written)
        family = replace(self.family, tight=bool(written.one("tight")))
        try:
            reply = family.write(body.reply)

            def records(lines: list[Line]) -> tuple[Record, ...]:
                return _records(family, lines, reply)

            starts = self._starts(written, body, reply.text, reply.places, records)
            events = records(body.events)
        except (Unwritable, ValueError) as wrong:
            raise written.error(f"for {self.path.stem}: {wrong}") from wrong
        return self._case(written, body, reply.text, events, starts)

    def _starts(
        self,
        written: Written,
        body: Body,
        reply: str,
        places: dict[str, int],
        records: Callable[[list[Line]], tuple[Record, ...]],
    ) -> tuple[Start, ...]:
        if places.keys() != body.places.keys():
            raise written.error("the places in the reply are not those of the events")
        return tuple(Start(reply[:at], records(body.places[number])) for number, at in places.items())

    def _case(
        self, written: Written, body: Body, reply: str, records: tuple[Record, ...], starts: tuple[Start, ...]
    ) -> Case:
        request = _request(written, {**self.defaults, **written.json_object("request")})
        called = any(isinstance(record, Called) for record in records)
        finish = "tool_calls" if called and request.engine_finish == "stop" else request.engine_finish
        todo = self.todo.get(f"{written.group}/{written.title}", "") or written.one("todo")
        return Case(
            self.path.stem,
            written.group,
            written.title,
            written.line,
            request,
            reply,
            records,
            body.finish or finish,
            starts,
            "" if written.path == self.path else written.source,
            todo,
        )


def _records(family: Family, lines: list[Line], reply: Reply) -> tuple[Record, ...]:
    ids = _ids(family, reply)
    found: list[Record] = []
    for line in lines:
        record = line.record
        if isinstance(record, Text):
            record = Text(record.kind, family.write(record.text).text)
        elif not line.verbatim:
            written = family.in_json(record.arguments)
            arguments = written if family.json_bodies else compact(written)
            record = Called(record.state, record.name, arguments, record.id or ids(record.name))
        found.append(record)
    return tuple(found)


def _ids(family: Family, reply: Reply) -> Callable[[str], str | None]:
    """The ids that the markup gives, call by call."""
    number = tool_row(family.tool).numbered_id if family.tool is not None else None
    heads: Iterator[tuple[int, str]] = iter(enumerate(reply.calls))

    def next_of(name: str) -> str | None:
        place = next((at for at, each in heads if each == name), None)
        return number(name, place) if number is not None and place is not None else None

    return next_of


def _family(request: Request) -> Family:
    inside = request.in_reasoning
    if inside is None:
        row = reasoning_row(request.reasoning_parser) if request.reasoning_parser is not None else None
        inside = row is not None and row.starts.inside
    return Family(request.tool_parser, request.reasoning_parser, inside)


def _request(written: Written, said: dict[str, object]) -> Request:
    try:
        return Request.model_validate(said)
    except ValidationError as wrong:
        raise written.error(wrong) from wrong


def _reasons(head: Written, word: str) -> dict[str, str]:
    """The cases that a head names in `except` or `todo`, and why. Raises CorpusError for one without a reason."""
    found: dict[str, str] = {}
    for text in head.said(word):
        name, _, why = text.partition(" -- ")
        if not why.strip():
            raise head.error(f"`{word}: {name}` gives no reason: write ` -- ` and why")
        found[name.strip()] = why.strip()
    return found


def _without_places(reply: str, known: dict[str, list[Line]]) -> tuple[str, dict[str, int]]:
    """A reply without the marks of its places, and where they stood; braces around other numbers are text."""
    places: dict[str, int] = {}
    for number in known:
        places[number] = reply.find(f"{{{number}}}")
        if places[number] < 0:
            return reply, {}
        reply = reply.replace(f"{{{number}}}", "", 1)
    return reply, places


def _with_texts(record: Record, spelled: Callable[[str], str]) -> Record:
    if isinstance(record, Text):
        return Text(record.kind, spelled(record.text))
    return Called(record.state, record.name, spelled(record.arguments), record.id)
