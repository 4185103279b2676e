"""Compare our answers with other parsers', and say for each difference which rule of the contract makes it.

    PYTHONPATH=tests:tests/support python tests/compare/compare.py FOLDER [--summary docs/compare.md]
    PYTHONPATH=tests:tests/support python tests/compare/compare.py FOLDER --jsonl FILE

- `FOLDER` holds `questions.jsonl` and one `<peer>.jsonl` for each peer that was asked; the reports go there, one a
  format. With `--jsonl` questions and answers both come from that file (see questions.py for what it holds).
- A question of the project's corpus that we answer as its case says is explained by the heading of its case, where no
  rule of reasons.py is nearer. Any other difference without a rule is one that nobody can explain: exit code 1.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import corpus
import questions
import report
import typer
from difference import Difference
from reasons import equal, explain
from records import Answer, Answered, Question, Way, read
from rules import Reason

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def judged(
    question: Question, peer: str, said: Answered, whole: Answer | None, ours: dict[Way, Answer], pinned: Answer | None
) -> report.Judged:
    """What becomes of one peer's answer. `pinned`: what the case says is right."""
    if said.answer is None:
        return report.Judged(question, peer, said, ours[said.way])
    difference = Difference(question, said.way, ours[said.way], said.answer, whole if said.way == "pieces" else None)
    if equal(difference):
        return report.Judged(question, peer, said, ours[said.way], reasons=[])
    reasons = explain(difference)
    if pinned is not None and question.group is not None:
        as_pinned = equal(Difference(question, said.way, ours[said.way], pinned, None))
        pins = Reason(question.group, "as in the case under this heading")
        reasons = (reasons or [pins]) if as_pinned else None
    return report.Judged(question, peer, said, ours[said.way], reasons=reasons)


def judge(asked: list[Question], answers: dict[str, list[Answered]], pinned: dict[str, Answer]) -> list[report.Judged]:
    by_id = {question.id: question for question in asked}
    ours = {question.id: questions.ours(question) for question in asked}
    found = []
    for peer, said in answers.items():
        wholes = {each.id: each.answer for each in said if each.way == "whole"}
        for each in said:
            if each.id in by_id:
                question = by_id[each.id]
                found.append(judged(question, peer, each, wholes.get(each.id), ours[each.id], pinned.get(each.id)))
    return found


@app.command()
def main(
    folder: Path,
    jsonl: Annotated[Path | None, typer.Option(help="Questions with others' answers.")] = None,
    summary: Annotated[Path | None, typer.Option(help="Where the summary goes, besides the folder.")] = None,
) -> None:
    pinned: dict[str, Answer] = {}
    if jsonl is not None:
        asked, answers = questions.of_file(jsonl)
    else:
        asked = read(folder / "questions.jsonl", Question)
        answers = {path.stem: read(path, Answered) for path in sorted(folder.glob("*.jsonl")) if path.stem in PEERS}
        answers = {PEERS[stem]: said for stem, said in answers.items()}
        pinned = {str(case): questions.expected(case) for case in corpus.all_cases()}
    found = judge(asked, answers, pinned)
    unknown = report.write(found, folder, summary)
    print(f"{len(asked)} replies, {len(found)} answers of others, {unknown} differences without a reason")
    sys.exit(1 if unknown else 0)


PEERS = {"dynamo": "Dynamo 1.6.1", "vllm": "vLLM 0.33.0", "sglang": "SGLang 0.5.23"}

if __name__ == "__main__":
    app()
