"""docs/contract.md is true: every example is run, and every rule names its case groups.

- A rule is a paragraph that starts with its name in bold; the fenced `example` blocks after it are its examples.
- The section "Not there yet" lists the rules that the code does not follow yet. Each listed rule must have an example
  that fails: a line whose rule is met has to be deleted.
- How an example is written is told on the page itself, "How to read an example".
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from corpus import GROUPS
from dynamo_parsers import (
    ContentDelta,
    Event,
    Parser,
    ReasoningDelta,
    ToolArgumentsDelta,
    ToolCallEnd,
    ToolCallStart,
)
from dynamo_parsers import fold as fold_events
from dynamo_parsers import parse as parse_reply

PAGE = Path(__file__).parent.parent / "docs" / "contract.md"
NOT_THERE = "Not there yet"
CUT = "‖"

_FENCE = re.compile(r"(~{3,}|`{3,})(\w*)")
_RULE = re.compile(r"\*\*(.+?)\.\*\*")
_LISTED = re.compile(r"- \*\*(.+?)\.\*\*")
_CALL = re.compile(r"(call|cut|open) (\S+)(?: id=(\S+))?(?: (.*))?")
_TOOL = re.compile(r"(\S+)\((.*)\)")


@dataclass
class Example:
    """One fenced `example` block."""

    rule: str
    line: int
    header: str
    reply: str
    results: list[str]

    def __str__(self) -> str:
        return f"{self.line}-{self.rule}"


@dataclass
class Rule:
    """One rule of the page: its examples and the case groups of its heading."""

    name: str
    groups: list[str]
    examples: list[Example] = field(default_factory=list)


@dataclass
class Page:
    """docs/contract.md as data."""

    rules: dict[str, Rule] = field(default_factory=dict)
    tools: list[dict[str, object]] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)

    @property
    def examples(self) -> list[Example]:
        return [example for rule in self.rules.values() for example in rule.examples]


@cache
def page() -> Page:
    """The contract, read once. Raises AssertionError with the line if it is not written as it should be."""
    found = Page()
    rule: Rule | None = None
    groups: list[str] = []
    section = ""
    lines = enumerate(PAGE.read_text(encoding="utf-8").split("\n"), 1)
    for number, line in lines:
        if fence := _FENCE.fullmatch(line):
            block = _until(fence[1], lines)
            if fence[2] == "tools":
                found.tools = [_tool(each) for each in block]
            elif fence[2] == "example" and rule is not None:
                rule.examples.append(_example(rule.name, number, block))
        elif line.startswith("#"):
            section, rule, groups = line.lstrip("# "), None, groups if line.startswith("####") else []
        elif line.startswith("Cases: "):
            groups.extend(re.findall(r"\*(.+?)\*", line))
        elif section == NOT_THERE and (listed := _LISTED.match(line)):
            found.listed.append(listed[1])
        elif (named := _RULE.match(line)) and section != NOT_THERE:
            rule = Rule(named[1], groups)
            assert rule.name not in found.rules, f"line {number}: two rules are called {rule.name!r}"
            found.rules[rule.name] = rule
    return found


def _until(end: str, lines: Iterator[tuple[int, str]]) -> list[str]:
    return list(itertools.takewhile(lambda line: line != end, (line for _, line in lines)))


def _example(rule: str, number: int, block: list[str]) -> Example:
    at = next((place for place, line in enumerate(block) if line.startswith("-> ")), None)
    assert at is not None, f"line {number}: an example without a result"
    assert all(line.startswith("-> ") for line in block[at:]), f"line {number}: text after the results"
    reply = "\n".join(block[1:at])
    if reply.startswith("= "):
        reply = json.loads(reply[2:])
    return Example(rule, number, block[0], reply, [line[3:] for line in block[at:]])


def _tool(line: str) -> dict[str, object]:
    written = _TOOL.fullmatch(line)
    assert written is not None, f"not a tool: {line!r}"
    properties: dict[str, object] = {}
    required: list[str] = []
    for parameter in filter(None, written[2].split(", ")):
        name, _, kind = parameter.partition(": ")
        if not name.endswith("?"):
            required.append(name)
        properties[name.rstrip("?")] = _schema(kind)
    schema = {"type": "object", "properties": properties, "required": required}
    return {"type": "function", "function": {"name": written[1], "parameters": schema}}


def _schema(kind: str) -> dict[str, object]:
    kind, _, default = kind.partition(" = ")
    kinds = kind.split(" or ")
    schema: dict[str, object] = {"type": kinds[0] if len(kinds) == 1 else kinds}
    return {**schema, "default": json.loads(default)} if default else schema


# --- running an example


def _request(example: Example) -> dict[str, object]:
    """The header line as the arguments of `Parser`, and `engine_finish`."""
    parsers, *options = example.header.split(" | ")
    tool, _, reasoning = parsers.partition(" + ")
    request: dict[str, object] = {"tools": page().tools, "tool_choice": "auto", "engine_finish": "stop"}
    request["tool_parser"] = tool if tool != "-" else None
    request["reasoning_parser"] = reasoning or None
    for option in options:
        key, _, value = option.partition(": ")
        if key == "tools":
            assert value == "none"
            request[key] = None
        elif key == "tool_choice":
            named = {"type": "function", "function": {"name": value}}
            request[key] = value if value in ("none", "auto", "required") else named
        elif key in ("parallel_tool_calls", "in_reasoning", "chat_template_kwargs"):
            request[key] = json.loads(value)
        else:
            assert key == "finish", f"line {example.line}: {key!r}"
            request["engine_finish"] = value
    return request


def _lines(events: Iterable[Event], results: list[str]) -> list[str]:
    """The events in the page's notation. An id is written only if the result in its place has one."""
    found: list[list[str]] = []  # kind, then texts or (name, id, arguments)
    for event in events:
        match event:
            case ContentDelta(text) | ReasoningDelta(text):
                kind = "content" if isinstance(event, ContentDelta) else "reasoning"
                if not found or found[-1][0] != kind:
                    found.append([kind, ""])
                found[-1][1] += text
            case ToolCallStart(_, made, name):
                found.append(["open", name, made, ""])
            case ToolArgumentsDelta(_, text):
                found[-1][3] += text
            case ToolCallEnd(_, complete):
                found[-1][0] = "call" if complete else "cut"
    lines = []
    for place, record in enumerate(found):
        if len(record) == 2:
            lines.append(f"{record[0]} {json.dumps(record[1], ensure_ascii=False)}")
            continue
        expected = _CALL.fullmatch(results[place]) if place < len(results) else None
        shown = f" id={record[2]}" if expected and expected[3] else ""
        plain = record[3].isprintable() and record[3] == record[3].strip()
        arguments = record[3] if plain else f"= {json.dumps(record[3], ensure_ascii=False)}"
        lines.append(f"{record[0]} {record[1]}{shown} {arguments}".rstrip())
    return lines


def _events(request: dict[str, object], pieces: Iterable[str], *, finish: bool = True) -> list[Event]:
    made = (f"call_{number:024x}" for number in itertools.count())
    arguments = {key: value for key, value in request.items() if key != "engine_finish"}
    build: Callable[..., Parser] = Parser
    parser = build(**arguments, new_id=lambda: next(made))
    events = [event for piece in pieces for event in parser.feed(piece)]
    return events + parser.finish() if finish else events


def _differences(example: Example) -> Iterator[str]:
    """What comes out otherwise than the example says, whole and character by character."""
    request = _request(example)
    reply = example.reply.replace(CUT, "")
    early = [each.removeprefix("so far: ") for each in example.results if each.startswith("so far: ")]
    sent = [] if early == ["nothing"] else early
    results = [each for each in example.results if not each.startswith("so far: ")]
    due = results.pop().removeprefix("finish ") if results and results[-1].startswith("finish ") else None
    results = [] if results == ["nothing"] else results
    for pieces in ([reply], list(reply)):
        events = _events(request, pieces)
        if (lines := _lines(events, results)) != results:
            yield f"comes out as {lines}"
    if early:
        lines = _lines(_events(request, [example.reply.partition(CUT)[0]], finish=False), sent)
        if lines != sent:
            yield f"so far: {lines}"
    if due is not None:
        build: Callable[..., object] = parse_reply
        message = build(reply, **request)
        if (found := getattr(message, "finish_reason", None)) != due:
            yield f"parse: finish {found}"
        folded = fold_events(events, str(request["engine_finish"])).finish_reason
        if request["tool_choice"] == "auto" and folded != due:
            yield f"fold: finish {folded}"


# --- the tests


@pytest.mark.parametrize("example", page().examples, ids=str)
def test_the_example_is_true(example: Example) -> None:
    if example.rule not in page().listed:
        assert not list(_differences(example)), f"docs/contract.md:{example.line}"


def test_what_is_listed_is_not_there() -> None:
    there = [
        name
        for name in page().listed
        if page().rules[name].examples and not any(any(_differences(each)) for each in page().rules[name].examples)
    ]
    assert not there, f"delete these lines of {NOT_THERE!r}, they are true"


def test_every_rule_names_its_cases_and_every_group_has_its_rule() -> None:
    named = {group for rule in page().rules.values() for group in rule.groups}
    assert named == set(GROUPS)
    assert not [rule.name for rule in page().rules.values() if not rule.groups]
