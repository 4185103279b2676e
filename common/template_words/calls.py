"""Finds the parsers that read the calls that a model's own template writes.

Words can be learned only for a template with the model's own call markup. If the markup is another one, the error says
which parser reads it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from ..chat_templates import chat_template
from ..detect import Model, detect
from ..message import parse
from ..registry import PREFIX, TOOL_ROWS
from ..render import Unrenderable
from .chats import ASK, BOTH, LOOK, Conversation, said
from .model import Own

_NAMED = 2
_CUT_TOKEN = re.compile(r"[<\[][^>\]<\s]*$")


def other_markup(own: Own, name: str) -> str:
    """Return advice if the calls of `own` have other markup than the template called `name`; "" if they do not."""
    reply = _called(own)
    parser = chat_template(name).tool_parser
    if not reply or _reads(parser, reply):
        return ""
    found = detect(Model(template=own.text)).tool_parser
    readers = [PREFIX + row.name for row in TOOL_ROWS if _reads(row.name, reply)] if found is None else [found]
    # If many parsers read the calls, none of them is certain to be the model's.
    known = f"those that {' or '.join(readers)} reads, and " if 0 < len(readers) <= _NAMED else ""
    return f". Its calls are {known}not {PREFIX}{parser}'s: use its own template, or name one of its family"


def _called(own: Own) -> str:
    """Return a call as the model's own template writes it after a question; "" if it writes none."""
    chat = Conversation("a call", [ASK, said("", LOOK)], BOTH, generate=False)
    try:
        prompt, whole = own.prompt(chat.but(messages=[ASK], generate=True)), own.prompt(chat)
    except Unrenderable:
        return ""
    start = next((at for at, (a, b) in enumerate(zip(prompt, whole, strict=False)) if a != b), len(prompt))
    cut = _CUT_TOKEN.search(whole[:start]) if start < len(prompt) else None
    return whole[start if cut is None else cut.start() :]


def _reads(parser: str, reply: str) -> bool:
    made: Mapping[str, object] = LOOK["function"]
    read = parse(reply, parser, None, list(BOTH)).tool_calls
    return [(each.name, json.loads(each.arguments)) for each in read if each.complete] == [
        (made["name"], made["arguments"])
    ]
