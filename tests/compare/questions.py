"""The questions: every case of the corpus, or a JSON Lines file that holds other parsers' answers already.

    PYTHONPATH=tests:tests/support python tests/compare/questions.py OUT.jsonl

A JSON Lines file has, a line: `id`, `kind` ("toolcalling" or "reasoning"), `parser`, `text`, `chunks` (or null),
`tools` (functions, or null), `dynamo_1_6_1` (`batch`, `one_char_stream`), `dynamo_v2` and `june` (`dynamo`, `vllm`,
`sglang`), each an answer or null.
"""

from __future__ import annotations

import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Literal

import corpus
from corpus import Case
from dynamo_parsers import fold
from dynamo_parsers.format import ToolFormat
from dynamo_parsers.registry import reasoning_row, tool_row
from pydantic import BaseModel, ConfigDict
from records import Answer, Answered, Call, Question, Way, write

SIZE = 5
"""Characters in a piece, between markers."""


@cache
def markers(tool: str | None, reasoning: str | None) -> frozenset[str]:
    """Every marker of a pair: what a model writes as one token, as a rule."""
    found: set[str] = set()
    if tool is not None:
        row = tool_row(tool)
        found |= {*row.format.markers, *row.special_tokens, *row.added_tokens, row.turn_end, *row.turn_ends}
    if reasoning is not None:
        think = reasoning_row(reasoning)
        found |= {*think.think.opens, *think.think.closes, *think.special_tokens, *think.turn_ends}
        if think.frame is not None:
            found |= think.frame.markers
    return frozenset(found - {""})


@cache
def _marker_pattern(tool: str | None, reasoning: str | None) -> re.Pattern[str]:
    longest_first = sorted(markers(tool, reasoning), key=lambda marker: (-len(marker), marker))
    return re.compile(f"({'|'.join(map(re.escape, longest_first))})")


def pieces(text: str, tool: str | None, reasoning: str | None) -> list[str]:
    """The text as a stream brings it: a marker whole, everything else in short pieces."""
    cut: list[str] = []
    for number, part in enumerate(_marker_pattern(tool, reasoning).split(text)):
        if number % 2:
            cut.append(part)
        else:
            cut += [part[at : at + SIZE] for at in range(0, len(part), SIZE)]
    return cut


def _prompt_tail(reasoning: str | None, inside: bool | None) -> str:
    if reasoning is None or inside is None:
        return ""
    row = reasoning_row(reasoning)
    return row.open + "\n" if inside else f"{row.open}\n\n{row.close}\n\n"


def of_case(case: Case) -> Question:
    request = case.request
    tool, reasoning = request.tool_parser, request.reasoning_parser
    return Question(
        id=str(case),
        format=case.file,
        text=case.reply,
        pieces=pieces(case.reply, tool, reasoning),
        tool_parser=tool,
        reasoning_parser=reasoning,
        tools=case.tools,
        tool_choice=request.tool_choice,
        parallel_tool_calls=request.parallel_tool_calls,
        chat_template_kwargs=request.chat_template_kwargs,
        in_reasoning=request.in_reasoning,
        prompt_tail=_prompt_tail(reasoning, request.in_reasoning),
        reasons=_reasons(case),
        engine_finish=request.engine_finish,
        group=case.group,
    )


def _reasons(case: Case) -> bool:
    request = case.request
    if request.reasoning_parser is None:
        return False
    row = reasoning_row(request.reasoning_parser)
    marked = any(marker in case.reply for marker in (*row.think.opens, *row.think.closes))
    inside = request.in_reasoning
    if inside is None:
        inside = row.starts.inside_for(request.chat_template_kwargs)
    return marked or inside or _is_framed(request.tool_parser)


def _is_framed(name: str | None) -> bool:
    return name is not None and not isinstance(tool_row(name).format, ToolFormat)


def expected(case: Case) -> Answer:
    """What the case says is right."""
    return _answer(corpus.as_message(case.records), case.finish)


def _answer(records: list[corpus.Record], finish: str | None) -> Answer:
    texts = {record.kind: record.text for record in records if isinstance(record, corpus.Text)}
    calls = [
        Call(name=record.name, arguments=record.arguments, complete=record.state == "call", id=record.id or "")
        for record in records
        if isinstance(record, corpus.Called)
    ]
    return Answer(reasoning=texts.get("reasoning"), content=texts.get("content"), calls=calls, finish_reason=finish)


# --- a file of others' answers


class _Given(BaseModel):
    """An answer as such a file has it, in either of its two spellings."""

    model_config = ConfigDict(extra="ignore")

    content: str | None = None
    normal_text: str | None = None
    reasoning: str | None = None
    reasoning_text: str | None = None
    finish_reason: str | None = None
    tool_calls: list[_GivenCall] = []
    calls: list[_GivenCall] = []
    unavailable: object = None
    error: object = None

    def answer(self) -> Answer | None:
        if self.unavailable is not None or self.error is not None:
            return None
        return Answer(
            reasoning=self.reasoning or self.reasoning_text or None,
            content=self.content or self.normal_text or None,
            calls=[call.call() for call in (*self.tool_calls, *self.calls)],
            finish_reason=self.finish_reason,
        )


class _GivenCall(BaseModel):
    name: str
    arguments: str | dict[str, object]

    def call(self) -> Call:
        said = self.arguments
        return Call(name=self.name, arguments=said if isinstance(said, str) else json.dumps(said, ensure_ascii=False))


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str
    kind: Literal["toolcalling", "reasoning"]
    parser: str
    text: str
    chunks: list[str] | None
    tools: list[dict[str, object]] | None
    dynamo_1_6_1: dict[str, _Given | None]
    dynamo_v2: _Given | None
    june: dict[str, _Given | None]


def of_file(path: Path) -> tuple[list[Question], dict[str, list[Answered]]]:
    """The questions of a JSON Lines file, and the answers that it holds by peer. Raises pydantic's ValidationError."""
    questions: list[Question] = []
    answers: dict[str, list[Answered]] = {}
    for text in filter(None, path.read_text(encoding="utf-8").split("\n")):
        line = _Line.model_validate_json(text)
        tool = line.parser if line.kind == "toolcalling" else None
        reasoning = line.parser if line.kind == "reasoning" else None
        questions.append(
            Question(
                id=line.id,
                format=line.parser if tool else f"{line.parser}.reasoning",
                text=line.text,
                pieces=line.chunks or pieces(line.text, tool, reasoning),
                tool_parser=tool,
                reasoning_parser=reasoning,
                tools=None if line.tools is None else [{"type": "function", "function": tool} for tool in line.tools],
            )
        )
        # June's answers are to the chunks if there are any.
        june: Way = "whole" if line.chunks is None else "pieces"
        given: dict[tuple[str, Way], _Given | None] = {
            ("dynamo", "whole"): line.dynamo_1_6_1.get("batch"),
            ("dynamo", "pieces"): line.dynamo_1_6_1.get("one_char_stream"),
            ("dynamo v2", "whole"): line.dynamo_v2,
            **{(f"{peer} in June", june): said for peer, said in line.june.items()},
        }
        for (peer, way), said in given.items():
            if said is not None and (answer := said.answer()) is not None:
                answers.setdefault(peer, []).append(Answered(id=line.id, way=way, answer=answer))
    return questions, answers


# --- our answers


def ours(question: Question) -> dict[Way, Answer]:
    """What this package answers, in both ways."""
    return {"whole": _ours(question, [question.text]), "pieces": _ours(question, question.pieces)}


def _ours(question: Question, pieces: list[str]) -> Answer:
    case = Case("", "", question.id, 0, _request(question), question.text, (), None)
    records = corpus.merge(corpus.feed(case, [piece for piece in pieces if piece]))
    events = corpus.feed(case, [question.text] if question.text else [])
    finish = fold(events, question.engine_finish).finish_reason
    named = isinstance(question.tool_choice, dict)
    return _answer(corpus.as_message(records), question.engine_finish if named else finish)


def _request(question: Question) -> corpus.Request:
    return corpus.Request(
        tool_parser=question.tool_parser,
        reasoning_parser=question.reasoning_parser,
        tools=list(question.tools) if question.tools is not None else None,
        tool_choice=question.tool_choice,
        parallel_tool_calls=question.parallel_tool_calls,
        chat_template_kwargs=question.chat_template_kwargs,
        in_reasoning=question.in_reasoning,
        engine_finish=question.engine_finish,
    )


if __name__ == "__main__":
    write(Path(sys.argv[1]), map(of_case, corpus.all_cases()))
