"""Every case of tests/cases: whole, at every cut, in pieces; and the case files themselves."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import corpus
import pytest
from corpus import Called, Case, CorpusError, case_files, cuts, feed, lines_of, load, merge
from dynamo_parsers import fold, parse, reasoning_parser_names, tool_parser_names
from dynamo_parsers.cursor import SPACE
from dynamo_parsers.format import ToolFormat
from dynamo_parsers.registry import REASONING_ROWS, TOOL_ROWS, reasoning_row, tool_row


def _cases() -> list[Case]:
    cases: list[Case] = []
    for path in case_files():
        with suppress(CorpusError):  # `test_file` says what is wrong with it
            cases += load(path).cases
    return cases


CASES = _cases()

KEEPS_ALL = frozenset({"Order and completeness", "No tools", "Own markers", "Calls in prose"})
"""Groups whose replies have nothing that is dropped but markup."""


HEADERS = {
    "harmony": (
        *(f"<|channel|>{channel}" for channel in ("analysis", "commentary", "final")),
        *("<|start|>assistant", " to=functions.", "<|constrain|>json"),
    ),
    "kimi_k3": (
        *("<|open|>tools", "<|close|>tools", "<|open|>message role=", " tool=", " key="),
        *(f' index="{number}"' for number in range(1, 4)),
        *(f' type="{kind}"' for kind in ("string", "number", "boolean", "object", "array", "null")),
    ),
    "inkling": ('"args": ',),
    "muse": ("<|start|>assistant", " to=self", " to=user", " to="),
}
"""What the headers of framed replies say, which no client gets."""
HEADERS["gpt_oss"] = HEADERS["harmony"]


@pytest.mark.parametrize("path", case_files(), ids=lambda path: path.name)
def test_file(path: Path) -> None:
    assert load(path).complaints() == []


def test_every_parser_has_a_file() -> None:
    files = {path.name for path in case_files()}
    missing = [f"{row.name}.md" for row in TOOL_ROWS if files.isdisjoint(f"{name}.md" for name in row.names)]
    missing += [
        f"{row.name}.reasoning.md"
        for row in REASONING_ROWS
        if files.isdisjoint(f"{name}.reasoning.md" for name in row.names)
    ]
    assert missing == []


FEWEST = {False: 40, True: 15}
"""Cases of a tool format, and of a reasoning format."""


@pytest.mark.parametrize("path", case_files(), ids=lambda path: path.name)
def test_file_has_cases_enough(path: Path) -> None:
    assert len(load(path).cases) >= FEWEST[path.name.endswith(".reasoning.md")]


@pytest.mark.parametrize("name", tool_parser_names())
def test_sample_is_a_case(name: str) -> None:
    """The sample in a format's docstring is a reply of its file, under each of its names one call."""
    row = tool_row(name)
    assert any(case.reply == row.sample for case in CASES if case.file in row.names)
    message = parse(row.sample, tool_parser=name, tools=list(corpus.declared_tools().values()))
    assert [(call.name, json.loads(call.arguments), call.complete) for call in message.tool_calls] == [
        ("get_weather", {"city": "Paris"}, True)
    ]


@pytest.mark.parametrize("name", reasoning_parser_names())
def test_reasoning_under_every_name(name: str) -> None:
    row = reasoning_row(name)
    plan = row.frame.reasoning_sample if row.frame is not None else f"{row.open}plan{row.close}"
    message = parse(plan, reasoning_parser=name, in_reasoning=False)
    assert (message.reasoning, message.content) == (("plan", None) if row.splits else (None, plan))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case) -> None:
    """The reply gives the events, the message and the finish reason."""
    events = feed(case, [case.reply] if case.reply else [])
    wanted = lines_of(case.records, case.records)
    assert lines_of(merge(events), case.records) == wanted

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
    assert lines_of(corpus.message_records(message, case.reply), folded) == lines_of(folded, folded)
    assert lines_of(corpus.message_records(fold(events)), folded) == lines_of(folded, folded)
    assert message.finish_reason == case.finish


@pytest.mark.parametrize("case", CASES, ids=str)
def test_cuts(case: Case) -> None:
    """How the reply is cut does not matter."""
    whole = merge(feed(case, [case.reply] if case.reply else []))
    for pieces in cuts(case.reply):
        if merge(feed(case, pieces)) != whole:
            assert (pieces, lines_of(merge(feed(case, pieces)), whole)) == (pieces, lines_of(whole, whole))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_truncated(case: Case) -> None:
    """Where the reply ends early, the calls up to there are the same; only the last of them may be cut."""
    whole = _calls(case, case.reply)
    for end in range(1, len(case.reply), 1 + len(case.reply) // 100):
        calls = _calls(case, case.reply[:end])
        assert [(call.name, call.id) for call in calls] == [(call.name, call.id) for call in whole[: len(calls)]]
        assert calls[:-1] == whole[: len(calls)][:-1]


def _calls(case: Case, reply: str) -> list[Called]:
    return [record for record in merge(feed(case, [reply])) if isinstance(record, Called)]


@pytest.mark.parametrize("case", [case for case in CASES if case.starts], ids=str)
def test_starts(case: Case) -> None:
    """What has been read is handed on at once, however the reply is cut."""
    for start in case.starts:
        wanted = lines_of(start.records, start.records)
        for pieces in ([start.text], list(start.text)):
            events = merge(feed(case, pieces, finish=False), finished=False)
            assert lines_of(events, start.records) == wanted, start.text


@pytest.mark.parametrize("case", [case for case in CASES if case.group in KEEPS_ALL], ids=str)
def test_nothing_is_lost(case: Case) -> None:
    markup: set[str] = set()
    if case.request.tool_parser is not None:
        tool = tool_row(case.request.tool_parser)
        markup |= {*tool.format.markers, tool.turn_end, *tool.turn_ends, *HEADERS.get(tool.name, ())}
    if case.request.reasoning_parser is not None:
        reasoning = reasoning_row(case.request.reasoning_parser)
        markup |= {*reasoning.think.opens, *reasoning.think.closes}
        if reasoning.frame is not None:
            markup |= {*reasoning.frame.markers, *reasoning.turn_ends, *HEADERS[reasoning.name]}
    assert corpus.lost_words(case.reply, merge(feed(case, [case.reply])), markup) == []


def reads_text(case: Case) -> bool:
    """Whether a tool parser reads it that keeps what stands around calls; formats of frames drop these."""
    name = case.request.tool_parser
    return name is not None and isinstance(tool_row(name).format, ToolFormat)


@pytest.mark.parametrize("case", [case for case in CASES if reads_text(case)], ids=str)
def test_without_tools_a_reply_is_its_content(case: Case) -> None:
    """Calls are read there too, to know where they end, and every character of them goes out."""
    assert case.request.tool_parser is not None
    row = tool_row(case.request.tool_parser)
    message = parse(case.reply, tool_parser=row.name)
    rest, before = case.reply, ""
    while rest != before:
        before = rest
        rest = rest.rstrip(SPACE)
        for end in (row.turn_end, *row.turn_ends):
            rest = rest.removesuffix(end)
    assert (message.content or "").split() == rest.split()


# --- the loader

HEAD = '# hermes\n```defaults\n{"tool_parser": "hermes"}\n```\n'
CASE = '### one\n~~~~reply\nHi\n~~~~\n~~~~events\ncontent "Hi"\n~~~~\n'


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (HEAD + "## Whatever\n" + CASE, "is no group"),
        (HEAD + "## Fit\n## Fit\n", "stands twice"),
        (HEAD + "## Fit\n" + CASE + CASE, "stands twice"),
        (HEAD + CASE, "before the `defaults` block or the first group"),
        (HEAD + "## Fit\n### one\n~~~~reply\nHi\n~~~~\n", "lacks"),
        (HEAD + "## Fit\n### one\n~~~~reply\nHi\n", "not closed"),
        (HEAD + "## Fit\n### one\n~~~~answer\nHi\n~~~~\n", "not due"),
        (HEAD + "## Fit\n" + CASE.replace("content", "contents"), "is no event"),
        (HEAD + "## Fit\n" + CASE.replace('"Hi"', "Hi"), "Expecting value"),
        (HEAD.replace("tool_parser", "tools_parser") + "## Fit\n" + CASE, "tools_parser"),
        (HEAD + "## Fit\n" + CASE + "~~~~start\nHo\n~~~~\n~~~~so far\n~~~~\n", "no start"),
    ],
)
def test_loader_refuses(text: str, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "hermes.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match=wrong):
        load(path)


def test_loader_names_missing_groups(tmp_path: Path) -> None:
    path = tmp_path / "hermes.md"
    path.write_text(HEAD + "## Fit\n## Names\n" + CASE + "## Framing\nn/a: JSON\n", encoding="utf-8")
    complaints = load(path).complaints()
    assert "no group 'Drift'" in complaints
    assert "'Fit' needs either cases or a line `n/a: why`" in complaints
    assert not any("Names" in each or "Framing" in each for each in complaints)
