"""How much work the first replies of a process are, with each pair of parsers: run as a program of its own.

    python tests/support/first_reply.py core|vllm|sglang FAMILY ...

Prints a line of JSON for each pair: its names, and how many calls of Python functions the first reply took and the
second did. Work is counted, as time varies. Each pair has a process of its own, forked before anything was compiled.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

Read = Callable[[str], object]

TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
        },
    }
]
SIZE = 4
"""Characters of a delta."""


def pieces(text: str) -> Iterator[str]:
    return (text[at : at + SIZE] for at in range(0, len(text), SIZE))


def core(tool: str, reasoning: str | None) -> Read:
    from dynamo_parsers import Parser
    from dynamo_parsers.warm import start

    start(tool, reasoning)

    def read(text: str) -> None:
        parser = Parser(tool, reasoning, TOOLS)
        for piece in pieces(text):
            parser.feed(piece)
        parser.finish()

    return read


def vllm(tool: str, reasoning: str | None) -> Read:
    from vllm.parser import ParserManager
    from vllm_harness import chat_request, encode, tokenizer_for

    tokenizer = tokenizer_for(tool, reasoning)
    composed: Any = ParserManager.get_parser(
        tool_parser_name=f"dynamo_{tool}",
        reasoning_parser_name=reasoning and f"dynamo_{reasoning}",
        enable_auto_tools=True,
        tokenizer=tokenizer,
    )
    request = chat_request(TOOLS)
    prompt = encode(tokenizer, "Hello")

    def read(text: str) -> None:
        parser = composed(tokenizer, request.tools, chat_template_kwargs={}, model_config=None)
        for piece in pieces(text):
            parser.parse_delta(piece, [], request, prompt, finished=False)
        parser.parse_delta("", [], request, prompt, finished=True)

    return read


def sglang(tool: str, reasoning: str | None) -> Read:
    from dynamo_parsers.sglang.requests import tell
    from sglang.srt.entrypoints.openai.protocol import ChatCompletionRequest, Tool
    from sglang.srt.function_call.function_call_parser import FunctionCallParser
    from sglang.srt.parser.reasoning_parser import ReasoningParser
    from sglang_harness import chat_request, serving

    names = f"dynamo_{tool}", reasoning and f"dynamo_{reasoning}"
    _, engine = serving(*names)
    tools = [Tool.model_validate(each) for each in TOOLS]
    request = ChatCompletionRequest.model_validate(chat_request(TOOLS))

    def read(text: str) -> None:
        tell(request, tools, [], tool)
        active = {"tokenizer": engine.tokenizer, "tool_call_parser_active": True}
        thinks = ReasoningParser(names[1], **active).detector if names[1] else None
        calls = FunctionCallParser(tools, names[0]).detector
        for piece in pieces(text):
            if thinks is not None:
                piece = thinks.parse_streaming_increment(piece).normal_text
            calls.parse_streaming_increment(piece, tools)
        if thinks is not None:
            calls.parse_streaming_increment(thinks.finish().normal_text, tools)
        calls.finish(tools)

    return read


def counted(read: Read, text: str) -> int:
    total = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal total
        total += event == "call"

    sys.setprofile(count)
    try:
        read(text)
    finally:
        sys.setprofile(None)
    return total


def main(how: str, families: list[str]) -> None:
    from dynamo_parsers.registry import reasoning_row, tool_row

    prepared = {"core": core, "vllm": vllm, "sglang": sglang}[how]
    if how != "core":
        __import__(f"{how}_harness")
    for row in map(tool_row, families):
        reasoning = row.pairs[0] if row.pairs else None
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            continue
        try:
            read = prepared(row.name, reasoning)
            text = f"{reasoning_row(reasoning).sample if reasoning else ''}Hello there.\n{row.sample}"
            print(json.dumps([row.name, reasoning, counted(read, text), counted(read, text)]), flush=True)
        finally:
            os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
