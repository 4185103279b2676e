"""Ask the chat post-processors of TensorRT-LLM: over a stand-in of its interface, or its own files (`trtllm_harness`).

PYTHONPATH=tests:tests/support [TRTLLM_SOURCE=TREE] .venv-core/bin/python tests/matrix/in_trtllm.py OUT.json 1.3|source
"""

from __future__ import annotations

import sys
from typing import Any

from dynamo_parsers.parser import named_choice
from dynamo_parsers.registry import reasoning_row
from parity import markers
from pydantic import ValidationError
from questions import Answer, Question, Refused, measure
from trtllm_harness import Exchange, engine, tokens


def ask(question: Question) -> tuple[Answer, str]:
    if question.choice == "required":
        raise Refused("a required choice")
    case, body = question.case, question.body()
    choice: Any = body.get("tool_choice", "auto")
    if named_choice(choice) is not None and not case.tools:
        raise Refused("a named choice without tools")
    try:
        made = Exchange(
            engine(sys.argv[2]),
            question.tool and f"dynamo_{question.tool}",
            question.reasoning and f"dynamo_{question.reasoning}",
            body.get("tools"),  # type: ignore[arg-type]
            choice,
            case.request.chat_template_kwargs,
            _prompt(question),
            question.finish,
            case.request.parallel_tool_calls,
        )
    except ValidationError as error:
        raise Refused(error.errors()[0]["msg"][:100]) from error
    pieces = tokens(case.reply, markers(question.tool, question.reasoning)) or [""]
    given = made.stream(pieces) if question.streamed else made.one_shot(case.reply)
    return Answer(given.reasoning, given.content, given.calls, given.finish_reason), case.reply


def _prompt(question: Question) -> str:
    if question.reasoning is None or question.inside is None:
        return ""
    row = reasoning_row(question.reasoning)
    return f"{row.open}\n" if question.inside else f"{row.open}\n\n{row.close}\n\n"


if __name__ == "__main__":
    measure(sys.argv[2], ask, sys.argv[1])
