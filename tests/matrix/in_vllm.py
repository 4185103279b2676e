"""Ask the vLLM that is imported: its own serving of Chat Completions, from the request to the lines of the stream.

PYTHONPATH=TREE:tests:tests/support .venv-vllm/bin/python tests/matrix/in_vllm.py OUT.json
"""

from __future__ import annotations

import asyncio
import json
import sys
from functools import cache
from typing import Any

import vllm
from parity import prompt_for
from pydantic import ValidationError
from questions import Answer, Question, Refused, measure
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.entrypoints.openai.chat_completion.serving import OpenAIServingChat
from vllm_serving import say, serving

PROMPT = "{{ messages[0]['content'] }}"
"""A chat template that makes of a request whatever its message says."""


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def ask(question: Question) -> tuple[Answer, str]:
    made = serving(OpenAIServingChat, question.tool, question.reasoning, PROMPT)
    return _loop().run_until_complete(_ask(made, question)), made.engine_client.seen


async def _ask(made: Any, question: Question) -> Answer:
    say(question.case.reply, question.finish)
    prompt = prompt_for(question.reasoning, question.inside)
    body = {**question.body(), "messages": [{"role": "user", "content": prompt}], "max_tokens": 3000}
    try:
        request = ChatCompletionRequest.model_validate(body)
        given = await made.create_chat_completion(request)
    except ValidationError as error:
        raise Refused(_reason(error.errors()[0]["msg"])) from error
    except ValueError as error:
        raise Refused(_reason(str(error))) from error
    if hasattr(given, "error"):
        raise Refused(_reason(given.error.message))
    if not question.streamed:
        (choice,) = given.choices
        calls = tuple((call.function.name, call.function.arguments) for call in choice.message.tool_calls)
        finish = _finish(choice.finish_reason, question, calls)
        return Answer(choice.message.reasoning or None, choice.message.content or None, calls, finish)
    return await _folded(given, question)


async def _folded(lines: Any, question: Question) -> Answer:
    """The lines of a stream, as the OpenAI clients fold them."""
    reasoning = content = ""
    calls: list[list[str]] = []
    finish: str | None = None
    async for line in lines:
        data = line.removeprefix("data: ").strip()
        said = {} if data == "[DONE]" else json.loads(data)
        if "error" in said:
            raise RuntimeError(said["error"]["message"])
        for choice in said.get("choices", ()):
            delta = choice["delta"]
            reasoning += delta.get("reasoning") or ""
            content += delta.get("content") or ""
            finish = choice.get("finish_reason") or finish
            for call in delta.get("tool_calls") or ():
                if call["index"] == len(calls):
                    calls.append([call["function"]["name"], ""])
                calls[call["index"]][1] += call["function"].get("arguments") or ""
    made = tuple((name, arguments) for name, arguments in calls)
    return Answer(reasoning or None, content or None, made, _finish(finish, question, made))


def _finish(said: str | None, question: Question, calls: object) -> str | None:
    """vLLM's word for why a reply ended; that of a named choice is `stop`."""
    return "tool_calls" if calls and question.choice == "named" and said == "stop" else said


def _reason(text: str) -> str:
    return text.splitlines()[0][:100]


if __name__ == "__main__":
    measure(vllm.__version__, ask, sys.argv[1])
