"""Every case of the corpus: whole, at every cut, in pieces, cut short. A test is a parser's group of cases.

`--family seed_oss` loads and runs one family's cases only, `--case "cut in"` those with these words in their names.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from functools import partial

import corpus
import pytest
from case_report import Wrong, check_all, groups
from corpus import Called, Case, CorpusError, Record, cuts, feed, joint_cuts, lines_of, merge
from dynamo_parsers import fold, parse
from dynamo_parsers.arguments.tags import Tags
from dynamo_parsers.arguments.xtml import XtmlValues
from dynamo_parsers.cursor import SPACE
from dynamo_parsers.format import FrameFormat, ToolFormat
from dynamo_parsers.registry import reasoning_row, tool_row
from dynamo_parsers.shapes.frames import Frames
from dynamo_parsers.shapes.json_calls import JsonCalls
from dynamo_parsers.shapes.messages import Messages
from dynamo_parsers.shapes.tagged import Tagged
from dynamo_parsers.write.template import Beside
from effort import NIGHTLY, QUICK
from readers import of_follower

KEEPS_ALL = frozenset({"Order and completeness", "No tools", "Own markers", "Calls in prose"})
"""Groups whose replies have nothing that is dropped but markup."""

_TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
_XTML = (
    *("<|open|>tools", "<|close|>tools", "<|open|>message role=", " tool=", " key="),
    *(f' index="{number}"' for number in range(1, 4)),
    *(f' type="{kind}"' for kind in _TYPES),
)

_MADE_ID = re.compile(r"call_[0-9a-f]{24}")
_CLOSERS = '"}] \n'
"""What is added to arguments that are complete when the reply ends."""


try:
    CASES, TO_DO = corpus.all_cases(), corpus.cases_to_do()
except CorpusError as wrong:
    pytest.exit(f"the corpus cannot be read: {wrong}", returncode=2)


def reads_text(case: Case) -> bool:
    """Whether the tool parser that reads it keeps the text around calls; formats of frames drop it."""
    name = case.request.tool_parser
    return name is not None and isinstance(tool_row(name).format, ToolFormat)


@groups(CASES)
def test_cases(cases: list[Case]) -> None:
    """The reply gives the events, the message and the finish reason."""
    check_all(cases, check_case)


if TO_DO:

    @pytest.mark.parametrize(
        "case",
        [
            pytest.param(case, marks=pytest.mark.xfail(reason=case.todo, raises=(Wrong, AssertionError), strict=True))
            for case in TO_DO
        ],
        ids=str,
    )
    def test_todo(case: Case) -> None:
        """What is right, and not yet so."""
        check_case(case)
        check_starts(case)


def in_a_hurry(case: Case, request: pytest.FixtureRequest) -> bool:
    """For one family, in `make test-quick`, and by day if only the markers are the format's own."""
    return QUICK or bool(request.config.getoption("--family")) or (not NIGHTLY and of_follower(case))


@groups([*CASES, *TO_DO])
def test_cuts(cases: list[Case], request: pytest.FixtureRequest) -> None:
    """How the reply is cut does not matter. At night it is cut at each place by itself, by day at some together."""
    for_all = cuts if NIGHTLY else partial(joint_cuts, apart=8)
    check_all(
        cases, lambda case: check_cuts(case, partial(joint_cuts, apart=4) if in_a_hurry(case, request) else for_all)
    )


@groups([*CASES, *TO_DO])
def test_truncated(cases: list[Case], request: pytest.FixtureRequest) -> None:
    """Where the reply ends early, its calls are those of the whole reply, as far as they go, or text of it."""
    check_all(cases, lambda case: check_truncated(case, 100 if NIGHTLY and not in_a_hurry(case, request) else 8))


@groups(CASES, lambda case: bool(case.starts))
def test_starts(cases: list[Case]) -> None:
    """What has been read is handed on at once, however the reply is cut."""
    check_all(cases, check_starts)


@groups(CASES, lambda case: case.group in KEEPS_ALL)
def test_nothing_is_lost(cases: list[Case]) -> None:
    check_all(cases, check_nothing_is_lost)


@groups(CASES, reads_text)
def test_without_tools_a_reply_is_its_content(cases: list[Case]) -> None:
    """Calls are read there too, to know where they end, and every character of them is output."""
    check_all(cases, check_without_tools)


# --- what is checked of one case


def check_case(case: Case) -> None:
    events = feed(case, [case.reply] if case.reply else [])
    wanted = lines_of(case.records, case.records)
    equal("the events differ", wanted, lines_of(merge(events), case.records))
    request = case.request
    message = parse(
        case.reply,
        request.tool_parser,
        request.reasoning_parser,
        case.tools,
        request.tool_choice,
        request.parallel_tool_calls,
        request.chat_template_kwargs,
        request.in_reasoning,
        request.engine_finish,
    )
    folded = corpus.as_message(case.records)
    wanted = lines_of(folded, folded)
    equal("the message differs", wanted, lines_of(corpus.message_records(message, case.reply), folded))
    equal("the events folded differ", wanted, lines_of(corpus.message_records(fold(events)), folded))
    equal("the finish reason differs", [str(case.finish)], [str(message.finish_reason)])


def check_cuts(case: Case, ways: Callable[[str], Iterator[list[str]]]) -> None:
    whole = merge(feed(case, [case.reply] if case.reply else []))
    for pieces in ways(case.reply):
        merged = merge(feed(case, pieces))
        if merged != whole:
            equal(f"cut as {_shown(pieces)} the events differ", lines_of(whole, whole), lines_of(merged, whole))


def check_truncated(case: Case, places: int) -> None:
    whole = merge(feed(case, [case.reply]))
    for end in range(1, len(case.reply), 1 + len(case.reply) // places):
        calls = _calls(case, case.reply[:end])
        if strange := _strange(calls, whole):
            equal(f"ended at {case.reply[:end][-40:]!r} there are other calls", [], lines_of(strange, strange))


def _strange(calls: list[Called], whole: list[Record]) -> list[Called]:
    """The calls of a start of a reply that are neither calls of the whole, in their order, nor text of it.

    What follows may tell that a call was text, or that a value went on; at the end of the reply both count as they are.
    """
    texts = "\n".join(record.arguments if isinstance(record, Called) else record.text for record in whole)
    due = [record for record in whole if isinstance(record, Called)]
    strange: list[Called] = []
    for call in calls:
        if due and _is_start(call, due[0], last=call is calls[-1]):
            due.pop(0)
        elif call.name not in texts and (not call.arguments or call.arguments not in texts):
            strange.append(call)
    return strange


def _is_start(call: Called, whole: Called, *, last: bool) -> bool:
    """Whether this may be the call, as far as it was written; of the last, only its name and its id are known."""
    own_ids = not (_MADE_ID.fullmatch(call.id or "") and _MADE_ID.fullmatch(whole.id or ""))
    same = call.name == whole.name and (call.id == whole.id or not own_ids)
    return same and (last or call == whole or whole.arguments.startswith(call.arguments.rstrip(_CLOSERS)))


def check_starts(case: Case) -> None:
    for start in case.starts:
        wanted = lines_of(start.records, start.records)
        for pieces in ([start.text], list(start.text)):
            out = merge(feed(case, pieces, finish=False), finished=False)
            equal(f"fed up to {start.text[-40:]!r}, this is not out", wanted, lines_of(out, start.records))


def check_nothing_is_lost(case: Case) -> None:
    markup: set[str] = set()
    if case.request.tool_parser is not None:
        tool = tool_row(case.request.tool_parser)
        markup |= {*tool.format.markers, tool.turn_end, *tool.turn_ends, *words_of(tool.format)}
    if case.request.reasoning_parser is not None:
        reasoning = reasoning_row(case.request.reasoning_parser)
        think = reasoning.think
        markup |= {*think.opens, *(opener + think.label for opener in think.opens), *think.closes}
        markup |= {marker for span in think.answers for marker in (span.open, span.close)} - {""}
        if reasoning.frame is not None:
            markup |= {*reasoning.frame.markers, *reasoning.turn_ends, *words_of(reasoning.frame)}
    equal("words are lost", [], corpus.lost_words(case.reply, merge(feed(case, [case.reply])), markup))


def words_of(format: ToolFormat | FrameFormat) -> set[str]:
    """What a format writes beside its markers, which no client gets: keys, types and the words of headers."""
    found: set[str] = set()
    if isinstance(format, Messages):
        words = format.words
        found |= {f"{words.start}{words.role}", *(f" {words.to}{each}" for each in ("", format.prefix, *words.people))}
        found |= {f"{words.channel}{each}" for each in format.channels} | {f"{words.constrain}json"}
    inner: object = format.inner if isinstance(format, Frames) else format
    if isinstance(format, Beside):
        inner = format.calls
    if isinstance(inner, JsonCalls):
        found |= {f'"{key}"' for key in (*inner.names, inner.id_key, *(inner.keys if inner is not format else ()))}
    if isinstance(inner, Tagged) and isinstance(inner.arguments, XtmlValues):
        found |= set(_XTML)
    elif isinstance(inner, Tagged) and isinstance(inner.arguments, Tags) and inner.arguments.typed_by:
        words = {*_TYPES, *(word for _, word in inner.arguments.type_words)}
        found |= {f' {inner.arguments.typed_by}="{word}"' for word in words}
    return found


def check_without_tools(case: Case) -> None:
    assert case.request.tool_parser is not None
    row = tool_row(case.request.tool_parser)
    said = parse(case.reply, tool_parser=row.name).content or ""
    rest, before = case.reply, ""
    while rest != before:
        before = rest
        rest = rest.rstrip(SPACE)
        for end in (row.turn_end, *row.turn_ends):
            rest = rest.removesuffix(end)
    for end, opener in itertools.product((row.turn_end, *row.turn_ends), row.call_openers):
        # An end that a call follows is dropped, but in a value.
        rest, said = rest.replace(end + opener, opener), said.replace(end + opener, opener)
    think = reasoning_row(row.pairs[0]).think
    around = [re.escape(span.open) for span in think.answers]
    if think.cited is not None:
        around += [re.escape(think.cited.open), rf"{re.escape(think.cited.close)}[^>]*>?"]
    if around:  # this is dropped around an answer and in it, and text in a call
        rest, said = (re.sub("|".join(around), "", text) for text in (rest, said))
    equal("without tools the content is not the reply", rest.split(), said.split())


def equal(what: str, wanted: list[str], got: list[str]) -> None:
    if wanted != got:
        raise Wrong(what, wanted, got)


def _shown(pieces: list[str]) -> str:
    return repr(pieces) if len(pieces) < 3 else f"pieces of {len(pieces[0])} characters"


def _calls(case: Case, reply: str) -> list[Called]:
    return [record for record in merge(feed(case, [reply])) if isinstance(record, Called)]
