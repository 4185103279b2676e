"""`explain`: what each part of a reply became, checked against the message over the whole corpus."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from corpus import Case, case_files, load
from dynamo_parsers.explain import Explanation, Kind, explain
from dynamo_parsers.registry import reasoning_row


def _cases() -> Iterator[Case]:
    for path in case_files():
        yield from load(path).cases


CASES = list(_cases())


def explained(case: Case) -> Explanation:
    request = case.request
    return explain(
        case.reply,
        request.tool_parser,
        request.reasoning_parser,
        case.tools,
        request.tool_choice,
        request.parallel_tool_calls,
        request.chat_template_kwargs,
        request.in_reasoning,
    )


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_spans_are_the_message(case: Case) -> None:
    told = explained(case)
    assert "".join(span.text for span in told.spans) == case.reply
    assert all(span.text == case.reply[span.start : span.end] and span.text for span in told.spans)
    content = told.message.content or ""
    row = reasoning_row(case.request.reasoning_parser) if case.request.reasoning_parser else None
    if row is not None and not row.splits and not told.joined(Kind.CONTENT).startswith(row.open):
        content = content.removeprefix(row.open)  # what the prompt ended with, given back
    assert told.joined(Kind.CONTENT) == content
    assert told.joined(Kind.REASONING) == (told.message.reasoning or "")
    for index, call in enumerate(told.message.tool_calls):
        if call.name in case.reply:
            assert told.joined(Kind.NAME, index) == call.name
        arguments = told.joined(Kind.ARGUMENTS, index)
        try:
            values = list(_strings(json.loads(call.arguments)))
        except ValueError:
            continue
        for value in values:
            if value in case.reply:
                assert value.strip() in arguments or json.dumps(value)[1:-1].strip() in arguments
