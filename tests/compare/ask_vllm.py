"""Ask vLLM's own parsers, composed, constructed and fed as its server does it (tests/vllm_harness.py).

    PYTHONPATH=tests:tests/support python tests/compare/ask_vllm.py QUESTIONS.jsonl ANSWERS.jsonl

- Runs in vLLM's environment; with the tree of a newer vLLM in front on PYTHONPATH, that one is asked.
- The tokenizer is the demo model's of the family, so `pieces` are its tokens, one a delta: markers are one token.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from peer_names import VLLM_REASONING, VLLM_TOOLS, NoCounterpart, counterparts
from pydantic import ValidationError
from records import WAYS, Answer, Answered, Call, Question, Way, read, write
from time_limit import TookTooLong, time_limit
from vllm_harness import TURN, Exchange, chat_request, responses_request, tokenizer_for

SECONDS = 10

TOKEN_SUFFIX = {"hy_v3": ":opensource"}
"""What the config of such a checkpoint's tokenizer says, for the parsers of vLLM that read it there."""


def request_of(question: Question) -> Any:
    said: dict[str, object] = {
        "parallel_tool_calls": question.parallel_tool_calls,
        "chat_template_kwargs": question.chat_template_kwargs,
    }
    choice = question.tool_choice
    if not isinstance(choice, dict) or "function" in choice:
        said["skip_special_tokens"] = (
            False  # whether a real tokenizer calls a marker special differs from model to model
        )
    if question.tools and choice != "auto":
        said["tool_choice"] = choice
    made = responses_request if isinstance(choice, dict) and "function" not in choice else chat_request
    return made(question.tools, **said)


def ask(question: Question, way: Way) -> Answer:
    tokenizer = tokenizer_for(question.tool_parser, question.reasoning_parser)
    tokenizer.init_kwargs["token_suffix"] = TOKEN_SUFFIX.get(
        question.tool_parser or question.reasoning_parser or "", ""
    )
    exchange = Exchange(
        *counterparts(question, VLLM_TOOLS, VLLM_REASONING),
        request=request_of(question),
        prompt=TURN + question.prompt_tail,
        tokenizer=tokenizer,
    )
    if way == "pieces":
        return folded(exchange.said(list(exchange.deltas(question.text))))
    heard = exchange.one_shot(question.text)
    return Answer(
        reasoning=heard.reasoning,
        content=heard.content,
        calls=[Call(name=name or "", arguments=arguments or "") for name, arguments in heard.calls],
    )


def folded(deltas: Iterable[Any]) -> Answer:
    """Deltas as the OpenAI clients fold them, however odd they are."""
    reasoning = content = ""
    calls: dict[int, list[str]] = {}
    for delta in filter(None, deltas):
        reasoning += delta.reasoning or ""
        content += delta.content or ""
        for call in delta.tool_calls or []:
            known = calls.setdefault(call.index, ["", ""])
            known[0] += (call.function and call.function.name) or ""
            known[1] += (call.function and call.function.arguments) or ""
    made = [Call(name=name, arguments=arguments) for name, arguments in calls.values()]
    return Answer(reasoning=reasoning or None, content=content or None, calls=made)


def answered(question: Question, way: Way) -> Answered:
    try:
        with time_limit(SECONDS):
            try:
                return Answered(id=question.id, way=way, answer=ask(question, way))
            except (TypeError, ValidationError):
                return Answered(id=question.id, way=way, answer=ask(question.narrowed(), way))
    except NoCounterpart as none:
        why = str(none)
    except ValidationError:
        why = "refuses the request"
    except TookTooLong:
        why = f"more than {SECONDS} s"
    except Exception as wrong:  # whatever its parsers raise is an answer too
        why = f"raises {type(wrong).__name__}"
    return Answered(id=question.id, way=way, refused=why)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    questions = read(Path(sys.argv[1]), Question)
    write(Path(sys.argv[2]), [answered(question, way) for question in questions for way in WAYS])
