"""Ask the SGLang that is imported: its own serving of Chat Completions, from the request to the lines of the stream.

PYTHONPATH=TREE:tests:tests/support .venv-sglang/bin/python tests/matrix/in_sglang.py OUT.json
"""

# ruff: noqa: I001  (the harness makes SGLang importable)

from __future__ import annotations

import sys

import sglang_harness as harness
import sglang
from parity import prompt_for
from pydantic import ValidationError
from questions import Answer, Question, Refused, measure


def ask(question: Question) -> tuple[Answer, str]:
    body = {name: said for name, said in question.body().items() if name != "stream"}
    made = harness.Exchange(
        question.tool and f"dynamo_{question.tool}",
        question.reasoning and f"dynamo_{question.reasoning}",
        body=body,
        prompt=prompt_for(question.reasoning, question.inside),
        finish=question.finish,
    )
    try:
        given = made.answer("1" if question.streamed else "one-shot", question.case.reply)
    except ValidationError as error:
        raise Refused(error.errors()[0]["msg"][:100]) from error
    except harness.Refused as error:
        raise Refused(_reason(error.args[0])) from error
    return Answer(given.reasoning, given.content, given.calls, given.finish), made.seen(question.case.reply)


def _reason(said: object) -> str:
    """What SGLang answers, without the request's own words."""
    text = bytes(said).decode() if isinstance(said, bytes | memoryview) else str(said)
    return text.partition('"message":')[2][:80] or text[:80]


if __name__ == "__main__":
    measure(sglang.__version__, ask, sys.argv[1])
