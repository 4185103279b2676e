"""Our markups in Hugging Face's language: transformers reads the corpus's well-formed replies as our parsers do.

A reply is well-formed if the family's renderer writes it from what the case says comes of it, but for white space
between its parts. Where transformers reads one otherwise, it has to be for a reason of `LIMITS`, which
docs/response-templates.md lists.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

import pytest
from corpus import CASES, Called, Case, Text, load
from dynamo_parsers.detect import family_of
from dynamo_parsers.registry import TOOL_ROWS, reasoning_row, tool_row
from dynamo_parsers.response_templates.families import Unsayable, start_anchor_of, template_of_family
from dynamo_parsers.response_templates.language import read_template
from dynamo_parsers.rows import ReasoningRow, ToolRow
from dynamo_parsers.schema import Parameters
from dynamo_parsers.shapes.gemma import GemmaCalls
from dynamo_parsers.shapes.pythonic import Pythonic
from dynamo_parsers.write.markup import RENDERERS, Call, Part

chat_parsing = pytest.importorskip("transformers.utils.chat_parsing", reason="it is of transformers 5.13 and newer")

_KEY = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:')
_WORD = re.compile(r"\w+")
_DOTTED = re.compile(r"[A-Za-z_][\w.]*")
ANCHOR = "<assistant>"
PAGE = CASES.parents[1] / "docs" / "response-templates.md"


@cache
def template_of(row: ToolRow) -> dict[str, Any] | None:
    """The family's template; None: the language cannot say it, or this transformers does not know all of it."""
    try:
        made = template_of_family(row, reasoning_row(row.pairs[0]), ANCHOR)
        chat_parsing.response_parser.load_response_template(made)
    except (Unsayable, ValueError):
        return None
    return made


# What shares another's markers is said as that one is.
SAID = [row for row in TOOL_ROWS if row.name != "default" and not row.kin and template_of(row) is not None]
rows = pytest.mark.parametrize("row", SAID, ids=lambda row: row.name)


@dataclass(frozen=True)
class Reply:
    """A well-formed reply and what comes of it."""

    case: Case
    row: ToolRow
    reasoning: str | None
    content: str | None
    calls: tuple[tuple[str, str], ...]
    prefix: str
    texts: Counter[str]

    @property
    def marks(self) -> frozenset[str]:
        think = reasoning_row(self.row.pairs[0]).think
        return frozenset(self.row.format.markers) | {
            *think.opens,
            *think.closes,
            self.row.turn_end,
            *self.row.turn_ends,
        }


def parts_of(case: Case) -> Iterator[Part]:
    for kind, records in groupby(case.records, lambda record: record.kind if isinstance(record, Text) else "calls"):
        if kind == "calls":
            calls = [each for each in records if isinstance(each, Called)]
            yield Part(kind, calls=tuple(Call(each.name, json.loads(each.arguments), each.arguments) for each in calls))
        else:
            yield Part(kind, "".join(each.text for each in records if isinstance(each, Text)))


def is_plain(case: Case) -> bool:
    """Whether the request asks for nothing that a template knows nothing of."""
    request = case.request
    whole = all(isinstance(each, Text) or each.state == "call" for each in case.records)
    return bool(
        whole and case.tools and request.tool_choice == "auto" and request.parallel_tool_calls and not case.todo
    )


def well_formed(row: ToolRow) -> Iterator[Reply]:
    think: ReasoningRow = reasoning_row(row.pairs[0])
    for case in load(CASES / f"{row.name}.md").cases:
        if not is_plain(case) or case.request.reasoning_parser not in (None, *row.pairs):
            continue
        parts = list(parts_of(case))
        reply = case.reply
        for end in (row.turn_end, *row.turn_ends):
            reply = reply.removesuffix(end)
        marks = (think.open + think.think.label, think.close)
        written = RENDERERS[row.name].write(parts, marks)
        prefix = ANCHOR
        if parts and parts[0].kind == "reasoning" and not reply.lstrip().startswith(think.open):
            prefix, written[0] = ANCHOR + marks[0], written[0].removeprefix(marks[0])
        pattern = r"\s*".join(("", *(re.escape(text.strip()) for text in written), ""))
        if not re.fullmatch(pattern, reply):
            continue
        said = {kind: "".join(part.text for part in parts if part.kind == kind) for kind in ("reasoning", "content")}
        calls = tuple((call.name, call.text) for part in parts for call in part.calls)
        texts = Counter(part.kind for part in parts)
        yield Reply(case, row, said["reasoning"], said["content"], calls, prefix, texts)


def answer_of(message: Mapping[str, Any]) -> tuple[str, str, list[tuple[str, object]]]:
    calls = [each["function"] for each in message.get("tool_calls") or ()]
    said = [str(message.get(key) or "").strip() for key in ("thinking", "content")]
    return said[0], said[1], [(call["name"], call["arguments"]) for call in calls]


def properties(reply: Reply, name: str) -> Mapping[str, Any]:
    known: dict[str, Any] = {each["function"]["name"]: each["function"] for each in reply.case.tools or ()}  # type: ignore[index]
    found = known.get(name, {}).get("parameters") or {}
    return found.get("properties") or {}  # type: ignore[no-any-return]


def values(reply: Reply) -> Iterator[tuple[object, frozenset[str] | None]]:
    """Every value, and its types; None: it is not declared, or not by `type` (`$ref`, `allOf`, `enum`)."""
    for name, text in reply.calls:
        declared = Parameters({"properties": properties(reply, name)})
        for key, value in json.loads(text).items():
            said = properties(reply, name).get(key)
            yield value, declared.types(key) if isinstance(said, dict) and "type" in said else None


def is_cast(reply: Reply) -> bool:
    """Whether a value's text could be of another type: transformers casts by the first type that fits, and only texts.

    What is not declared is a text in a markup of text, and so is `null` under a type that is not null.
    """
    if any(isinstance(value, str) and types and "string" not in types for value, types in values(reply)):
        return True
    return RENDERERS[reply.row.name].schema_types and any(
        value is None or types is None or len(types) > 1 for value, types in values(reply)
    )


LIMITS: dict[str, Callable[[Reply], bool]] = {
    # The first one that holds is said.
    "places": lambda reply: max(reply.texts.values(), default=0) > 1,
    "markers": lambda reply: any(
        mark in text or json.dumps(mark)[1:-1] in text
        for text in (*(text for _, text in reply.calls), reply.content or "", reply.reasoning or "")
        for mark in reply.marks
    ),
    "types": is_cast,
    "control characters": lambda reply: (
        isinstance(reply.row.format, GemmaCalls)
        and any(char in text for _, text in reply.calls for char in ("\\u0001", "\\u0002"))
    ),
    "keys": lambda reply: (
        isinstance(reply.row.format, GemmaCalls)
        and any(not _WORD.fullmatch(key) for _, text in reply.calls for key in _KEY.findall(text))
    ),
    "names": lambda reply: (
        isinstance(reply.row.format, Pythonic) and any(not _DOTTED.fullmatch(name) for name, _ in reply.calls)
    ),
}


def read_by_transformers(reply: Reply) -> object:
    made = template_of(reply.row)
    try:
        return answer_of(
            chat_parsing.parse_response(reply.case.reply, made, prefix=reply.prefix, tools=reply.case.tools)
        )
    except (ValueError, KeyError) as error:
        return error


@rows
def test_transformers_reads_well_formed_replies_as_we_do(row: ToolRow) -> None:
    seen = 0
    others: Counter[str] = Counter()
    for reply in well_formed(row):
        seen += 1
        calls = [(name, json.loads(text)) for name, text in reply.calls]
        right = ((reply.reasoning or "").strip(), (reply.content or "").strip(), calls)
        read = read_by_transformers(reply)
        if read != right:
            limit = next((name for name, holds in LIMITS.items() if holds(reply)), None)
            assert limit, f"{reply.case.place} {reply.case.reply!r}: {read} and not {right}"
            others[limit] += 1
    assert seen >= 20
    assert others.total() < seen / 2
    line = f"| `{row.name}` | yes | {', '.join(name for name in LIMITS if others[name])} |"
    assert line in PAGE.read_text(encoding="utf-8").splitlines(), f"{PAGE.name} needs the line {line}"


def why_not(row: ToolRow) -> str:
    """Why the language cannot say a family's markup; "" if it can."""
    try:
        template_of_family(row, None, ANCHOR)
    except Unsayable as unsayable:
        return str(unsayable)
    return ""


@pytest.mark.parametrize("row", [row for row in TOOL_ROWS if why_not(row)], ids=lambda row: row.name)
def test_what_cannot_be_said(row: ToolRow) -> None:
    assert f"| `{row.name}` | no: {why_not(row)} | |" in PAGE.read_text(encoding="utf-8").splitlines()


@rows
def test_our_own_detection_knows_it(row: ToolRow) -> None:
    found = family_of(read_template(template_of(row)))
    assert found is row


@rows
def test_the_prompt_is_cut_where_the_message_begins(row: ToolRow) -> None:
    made = template_of(row)
    assert made is not None
    prompt = f"{ANCHOR}Hi.{row.turn_end}<user>And?{row.turn_end}{ANCHOR}"
    assert chat_parsing.parse_response(f"Hello.{row.turn_end}", made, prefix=prompt)["content"] == "Hello."


@pytest.mark.parametrize(("family", "anchor"), [("kimi_k2", "<|im_middle|>"), ("hermes", "<|im_start|>assistant\n")])
def test_the_anchor_is_what_the_chat_template_writes(family: str, anchor: str) -> None:
    assert start_anchor_of(tool_row(family)).endswith(anchor)
    assert start_anchor_of(tool_row("lfm2")) == ""
