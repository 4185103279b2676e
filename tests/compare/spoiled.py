"""Whether the rules would explain a wrong answer: ours, spoiled on purpose if a peer answers the same.

    PYTHONPATH=tests:tests/support python tests/compare/spoiled.py FILE.jsonl

Rules that explain anything are worth nothing. Exit code 1 if they explain more than one spoiled answer in a hundred.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import questions
from difference import Difference
from reasons import equal, explain
from records import Answer, Call, Question

MOST = 0.01


def spoiled(answer: Answer, question: Question) -> Iterator[tuple[str, Answer]]:
    def but(**said: object) -> Answer:
        return answer.model_copy(update=said)

    content, reasoning, calls = answer.content or "", answer.reasoning or "", answer.calls
    yield "a text of nobody's", but(content=content + "Zebra")
    yield "a call of nobody's", but(calls=[*calls, Call(name="get_weather", arguments='{"location":"X"}')])
    if content:
        yield "no content", but(content=None)
        yield "half of the content", but(content=content[: len(content) // 2])
        yield "content as reasoning", but(content=None, reasoning=reasoning + content)
    if reasoning:
        yield "no reasoning", but(reasoning=None)
    if calls:
        *others, last = calls
        yield "no last call", but(calls=others)
        yield "the whole reply as content", but(calls=[], content=question.text)
        yield "no arguments", but(calls=[*others, last.model_copy(update={"arguments": "{}"})])
        yield (
            "a call cut short",
            but(calls=[*others, Call(name=last.name, arguments=last.arguments[:-3], complete=False)]),
        )
        yield "other arguments", but(calls=[*others, Call(name=last.name, arguments=last.arguments.replace("a", "b"))])
        yield "the end of the markup as content", but(content=content + question.text[-8:])


def main(path: Path) -> int:
    asked, answers = questions.of_file(path)
    by_id = {question.id: question for question in asked}
    seen: Counter[str] = Counter()
    explained: Counter[str] = Counter()
    for said in answers["dynamo"]:
        question = by_id[said.id]
        ours = questions.ours(question)[said.way]
        if said.answer is None or not equal(Difference(question, said.way, ours, said.answer, None)):
            continue
        for how, wrong in spoiled(ours, question):
            difference = Difference(question, said.way, wrong, said.answer, None)
            if not equal(difference):
                seen[how] += 1
                explained[how] += explain(difference) is not None
    for how, count in seen.items():
        print(f"{how}: {explained[how]} of {count} explained")
    return 1 if explained.total() > MOST * seen.total() else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
