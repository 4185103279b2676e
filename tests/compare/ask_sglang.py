"""Ask SGLang's own detectors, put together as its chat endpoint does it: reasoning first, then calls in what is left.

    python tests/compare/ask_sglang.py QUESTIONS.jsonl ANSWERS.jsonl

- Runs in SGLang's environment; no server, no GPU.
- A detector is forced into reasoning where the question says that reasoning is open, or, where it says nothing, as the
  endpoint decides it without a template that tells: by the detector's own default and the request.
- `required` and a named function are read in the format's own markup, or as JSON where the detector leaves that to it.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("SGLANG_USE_CPU_ENGINE", "1")

from peer_names import SGLANG_REASONING, SGLANG_TOOLS, NoCounterpart, counterparts
from pydantic import ValidationError
from records import WAYS, Answer, Answered, Call, Question, Way, read, write
from sglang.srt.entrypoints.openai.protocol import ChatCompletionRequest, Tool
from sglang.srt.function_call.function_call_parser import FunctionCallParser
from sglang.srt.parser.reasoning_parser import ReasoningParser
from time_limit import TookTooLong, time_limit

SECONDS = 10


class _Folded:
    """What a client folds from the deltas of a stream."""

    def __init__(self) -> None:
        self.reasoning = ""
        self.content = ""
        self.calls: dict[int, list[str]] = {}

    def text(self, reasoning: str | None, content: str | None) -> None:
        self.reasoning += reasoning or ""
        self.content += content or ""

    def call(self, index: int, name: str | None, arguments: str | None) -> None:
        known = self.calls.setdefault(index, ["", ""])
        known[0] += name or ""
        known[1] += arguments or ""

    def answer(self) -> Answer:
        calls = [Call(name=name, arguments=arguments) for name, arguments in self.calls.values()]
        return Answer(reasoning=self.reasoning or None, content=self.content or None, calls=calls)


def forced(name: str, question: Question) -> bool:
    """Whether the endpoint takes the reply to start in reasoning, if no template tells."""
    if question.in_reasoning is not None:
        return question.in_reasoning
    kwargs = question.chat_template_kwargs
    if name == "minimax-m3":
        return kwargs.get("thinking_mode") == "enabled"
    mode = getattr(ReasoningParser.DetectorMap[name], "reasoning_default", None)
    if mode == "always":
        return True
    if mode == "mistral":
        return kwargs.get("reasoning_effort") not in (None, "none")
    if mode in ("thinking", "enable_thinking"):
        return kwargs.get(mode) is not False
    if mode in ("explicit_thinking", "explicit_enable_thinking"):
        return kwargs.get(mode.removeprefix("explicit_")) is True
    return False


class _Exchange:
    """One question, and the parsers that the endpoint makes for it."""

    def __init__(self, question: Question, *, streams: bool) -> None:
        self.question = question
        tool, reasoning = counterparts(question, SGLANG_TOOLS, SGLANG_REASONING)
        self.tools = [Tool.model_validate(tool) for tool in question.tools or []]
        request = ChatCompletionRequest.model_validate(
            {
                "model": "m",
                "messages": [{"role": "user", "content": "hi"}],
                "chat_template_kwargs": question.chat_template_kwargs or None,
            }
        )
        reads_calls = bool(tool and self.tools and question.tool_choice != "none")
        self.think = (
            ReasoningParser(
                reasoning,
                stream_reasoning=streams,
                force_reasoning=forced(reasoning, question),
                request=request,
                tool_call_parser_active=reads_calls,
            )
            if reasoning
            else None
        )
        self.calls = FunctionCallParser(self.tools, tool) if tool and reads_calls else None
        chosen = question.tool_choice not in ("auto", "none")
        self.forced_json = bool(reads_calls and chosen and self.calls and not self.calls.owns_tool_format())

    def whole(self) -> Answer:
        folded = _Folded()
        text = self.question.text
        if self.think is not None:
            reasoning, text = self.think.parse_non_stream(text)
            folded.text(reasoning, None)
        text = text or ""
        if self.forced_json:
            return self._json(folded, text)
        if self.calls is not None and self.calls.has_tool_call(text):
            try:
                text, calls = self.calls.parse_non_stream(text)
            except Exception:  # the endpoint catches it, and the text is content
                calls = []
            for ordinal, call in enumerate(calls):
                folded.call(ordinal, call.name, call.parameters)
        folded.text(None, text)
        return folded.answer()

    def _json(self, folded: _Folded, text: str) -> Answer:
        try:
            said = json.loads(text)
            for ordinal, call in enumerate(said if isinstance(said, list) else [said]):
                folded.call(ordinal, call["name"], json.dumps(call["parameters"], ensure_ascii=False))
        except (ValueError, KeyError, TypeError):
            folded.text(None, text)
        return folded.answer()

    def stream(self) -> Answer:
        folded = _Folded()
        for piece in self.question.pieces:
            reasoning, content = self.think.parse_stream_chunk(piece) if self.think is not None else (None, piece)
            folded.text(reasoning, None)
            self._content(folded, content or "")
        if self.think is not None:
            reasoning, content = self.think.parse_stream_end()
            folded.text(reasoning, None)
            self._content(folded, content or "")
        if self.calls is not None:
            text, calls = self.calls.parse_stream_end()
            self._said(folded, text, calls)
            self._rest(folded)
        return folded.answer()

    def _content(self, folded: _Folded, text: str) -> None:
        if not text:
            return
        if self.calls is None:
            folded.text(None, text)
        else:
            self._said(folded, *self.calls.parse_stream_chunk(text))

    def _said(self, folded: _Folded, text: str, calls: list[Any]) -> None:
        folded.text(None, text)
        for call in calls:
            folded.call(call.tool_index, call.name, call.parameters)

    def _rest(self, folded: _Folded) -> None:
        """What the endpoint adds at the end: arguments of the last call that were parsed and not sent."""
        assert self.calls is not None
        made = getattr(self.calls.detector, "prev_tool_call_arr", None) or []
        sent = getattr(self.calls.detector, "streamed_args_for_tool", None) or []
        last = len(made) - 1
        if not 0 <= last < len(sent):
            return
        arguments = made[last].get("arguments", {})
        written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        if written.startswith(sent[last]) and written != sent[last]:
            folded.call(last, None, written[len(sent[last]) :])


def made(question: Question, way: Way) -> _Exchange:
    try:
        return _Exchange(question, streams=way == "pieces")
    except ValidationError:
        return _Exchange(question.narrowed(), streams=way == "pieces")


def answered(question: Question, way: Way) -> Answered:
    try:
        with time_limit(SECONDS):
            exchange = made(question, way)
            if way == "pieces" and exchange.forced_json:
                return Answered(id=question.id, way=way, refused="forced JSON is streamed by the endpoint itself")
            return Answered(id=question.id, way=way, answer=exchange.whole() if way == "whole" else exchange.stream())
    except NoCounterpart as none:
        why = str(none)
    except ValidationError:
        why = "refuses the request"
    except TookTooLong:
        why = f"more than {SECONDS} s"
    except Exception as wrong:  # whatever its detectors raise is an answer too
        why = f"raises {type(wrong).__name__}"
    return Answered(id=question.id, way=way, refused=why)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    questions = read(Path(sys.argv[1]), Question)
    write(Path(sys.argv[2]), [answered(question, way) for question in questions for way in WAYS])
