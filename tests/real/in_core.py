"""Ask the core, whole and in pieces as tokens cut a reply.

PYTHONPATH=tests .venv-core/bin/python -m real.in_core [FAMILY ...]
"""

from __future__ import annotations

import re
from functools import cache

from dynamo_parsers import Parser, __version__, fold
from dynamo_parsers.registry import tool_row

from .outcome import Answer
from .questions import Question, reasoning_of
from .running import OURS, Asker, families_said, run

TOKEN = r"\s?\w{1,4}|\s+|[^\w\s]{1,2}"


@cache
def _tokens(family: str) -> re.Pattern[str]:
    """A marker is one token; other text comes a few characters at a time."""
    markers = sorted(tool_row(family).format.markers, key=len, reverse=True)
    return re.compile("|".join([*map(re.escape, markers), TOKEN]))


def ask(question: Question, way: str) -> Answer:
    parser = Parser(question.family, reasoning_of(question.family), question.tools)
    pieces = [question.reply] if way == "whole" else _tokens(question.family).findall(question.reply)
    assert "".join(pieces) == question.reply
    events = [event for piece in pieces for event in parser.feed(piece)]
    message = fold([*events, *parser.finish()])
    return Answer(message.content, [(call.name, call.arguments) for call in message.tool_calls])


if __name__ == "__main__":
    run([Asker(f"core {__version__}", OURS, ask)], families_said())
