"""What the matrix asks of every version of an engine, and how the answers are counted.

- A share of the corpus: one in `CASES_EVERY` cases, and four times as many of those whose request chooses a tool
  (`required`, a function by name, `none`).
- Each case is two requests, one whole and one streamed a token at a time, with different sets of parsers: both of ours,
  the tool parser alone, the reasoning parser alone (without tools: vLLM takes none then). Which ones turns from case
  to case.
- The core's answer to what the engine's detokenizer leaves of the reply is right. Nothing excuses a difference.
"""

from __future__ import annotations

import json
import os
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import corpus
from corpus import Case
from dynamo_parsers import Message, Parser, fold
from dynamo_parsers.parser import named_choice
from parity import compositions, markers

EVERY = int(os.environ.get("CASES_EVERY", "16"))
MESSAGES = [{"role": "user", "content": "hi"}]


@dataclass(frozen=True)
class Question:
    """A case, and the way it is asked."""

    case: Case
    parsers: str
    """`both`, `tool` or `reasoning`."""
    tool: str | None
    reasoning: str | None
    streamed: bool

    @property
    def choice(self) -> str:
        return "named" if isinstance(self.case.request.tool_choice, dict) else str(self.case.request.tool_choice)

    @property
    def inside(self) -> bool | None:
        """How the prompt ends, as far as there is somebody to see it."""
        return None if self.reasoning is None else self.case.request.in_reasoning

    @property
    def finish(self) -> str:
        """Why the engine ends the reply."""
        return "length" if self.case.request.engine_finish == "length" else "stop"

    def body(self) -> dict[str, object]:
        """The chat request."""
        request = self.case.request
        body: dict[str, object] = {
            "model": "m",
            "messages": MESSAGES,
            "parallel_tool_calls": request.parallel_tool_calls,
            "chat_template_kwargs": dict(request.chat_template_kwargs),
            "stream": self.streamed,
        }
        if self.case.tools and self.tool is not None:
            body["tools"] = list(self.case.tools)
            if request.tool_choice != "auto":
                named = named_choice(request.tool_choice)
                body["tool_choice"] = (
                    request.tool_choice if named is None else {"type": "function", "function": {"name": named}}
                )
        return body

    def right(self, seen: str) -> Answer:
        """What the core says of what is left of the reply."""
        request = self.case.request
        parser = Parser(
            tool_parser=self.tool,
            reasoning_parser=self.reasoning,
            tools=self.case.tools if self.tool is not None else None,
            tool_choice=request.tool_choice,
            parallel_tool_calls=request.parallel_tool_calls,
            chat_template_kwargs=request.chat_template_kwargs,
            in_reasoning=self.inside,
        )
        return Answer.of(fold([*parser.feed(seen), *parser.finish()], self.finish))


@dataclass(frozen=True)
class Answer:
    """What a client gets. Ids are not compared: most are random."""

    reasoning: str | None
    content: str | None
    calls: tuple[tuple[str, str], ...]
    finish: str | None

    @classmethod
    def of(cls, message: Message) -> Answer:
        calls = tuple((call.name, call.arguments) for call in message.tool_calls)
        return cls(message.reasoning, message.content, calls, message.finish_reason)

    def differs(self, right: Answer) -> str | None:
        """Which parts differ; None if they are the same."""
        parts = [
            name for name in ("reasoning", "content", "calls", "finish") if getattr(self, name) != getattr(right, name)
        ]
        return ", ".join(parts) or None


class Refused(Exception):
    """The engine takes no such request. The text says why."""


def questions() -> Iterator[Question]:
    """The share of this run, by parsers: what serves a pair of them is made once."""
    cases = [case for case in corpus.all_cases() if not any("\ud800" <= char <= "\udfff" for char in case.reply)]
    said = [case for case in cases if case.request.tool_choice != "auto"]
    share = said[:: max(1, EVERY // 4)] + [case for case in cases if case.request.tool_choice == "auto"][::EVERY]
    found = [each for case in share for each in _ways(case)]
    yield from sorted(found, key=lambda each: (each.tool or "", each.reasoning or ""))


def _ways(case: Case) -> Iterator[Question]:
    chosen = case.request.tool_choice != "auto"
    ways = [way for way in compositions(case) if not (chosen and way[1] is None)]
    if not ways:
        return
    at = zlib.crc32(str(case).encode()) % len(ways)
    yield Question(case, *ways[at], streamed=False)
    yield Question(case, *ways[(at + 1) % len(ways)], streamed=True)


@dataclass
class Count:
    """What became of the questions."""

    same: Counter[str] = field(default_factory=Counter)
    """By `tool_choice`."""
    refused: Counter[str] = field(default_factory=Counter)
    """By the engine's reason."""
    differs: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """By what differs, the parsers, whole or streamed, and `tool_choice`."""
    examples: dict[tuple[str, str, str, str], str] = field(default_factory=dict)

    def add(self, question: Question, differs: str | None) -> None:
        if differs is None:
            self.same[question.choice] += 1
            return
        kind = (differs, question.parsers, "streamed" if question.streamed else "whole", question.choice)
        self.differs[kind] += 1
        self.examples.setdefault(kind, str(question.case))

    def plain(self) -> dict[str, object]:
        names = ("what", "parsers", "mode", "tool_choice")
        differs = [
            {**dict(zip(names, kind, strict=True)), "count": count, "example": self.examples[kind]}
            for kind, count in sorted(self.differs.items())
        ]
        return {"same": dict(self.same), "refused": dict(self.refused), "differs": differs}


def measure(version: str, ask: Callable[[Question], tuple[Answer, str]], out: str) -> None:
    """Ask all questions and write what became of them to the file `out`.

    Args:
        ask: the engine's answer, and what its detokenizer left of the reply. Raises Refused.
    """
    started, count = time.monotonic(), Count()
    log = Path(out).with_suffix(".log").open("w", encoding="utf-8")
    for question in questions():
        try:
            given, seen = ask(question)
        except Refused as why:
            count.refused[str(why)] += 1
            continue
        except Exception as error:
            count.add(question, f"error: {type(error).__name__}")
            print(f"{question}\n  {error!r}", file=log)
            continue
        right = question.right(seen)
        reply = question.case.reply
        lost = [each for each in markers(question.tool, question.reasoning) if each in reply and each not in seen]
        differs = "special tokens" if lost else given.differs(right)
        count.add(question, differs)
        if differs:
            way = (question.parsers, question.streamed, question.choice, question.inside)
            print(f"{question.case} {way}: {differs} {lost}\n  given {given}\n  right {right}", file=log)
    found = {"version": version, "seconds": round(time.monotonic() - started), **count.plain()}
    Path(out).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{version}: same {count.same.total()}, differs {count.differs.total()}, refused {count.refused.total()}")
    sys.stdout.flush()
