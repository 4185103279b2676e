"""What is wrong with an answer whatever the markup: a rule explains a difference only if nothing is.

- Nothing is invented: texts, names and values are in the reply, in their order.
- Nothing is lost: every word of the reply is in a text or a call, except markup and what the contract drops.
- Nothing leaks: no text has a closer without its opener, if the reply has both.
- Reasoning is what is in its tags.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

import corpus
from difference import Difference, is_part, loaded, squeezed
from dynamo_parsers.format import ToolFormat
from dynamo_parsers.registry import partners

_WORD = re.compile(r"\w+")
_LETTER = re.compile(r"[a-zA-Z]")


def complaints(d: Difference) -> list[str]:
    """What our answer does that no answer should."""
    return [*_invented(d), *_said_twice(d), *_lost(d), *_leaking(d), *_misplaced(d)]


def _invented(d: Difference) -> Iterator[str]:
    reply = squeezed(d.question.text)
    for text in (d.ours.reasoning, d.ours.content):
        if not is_part(squeezed(text), reply):
            yield f"{text!r} is not in the reply"
    for call in d.ours.calls:
        words = "".join(_WORD.findall(call.name + " " + _unescaped(call.arguments)))
        if not is_part(words, reply):
            yield f"the call {call.name} is not in the reply"


def _said_twice(d: Difference) -> Iterator[str]:
    """More letters in texts, names, keys and strings together than the reply has."""
    said = " ".join(
        [d.our_text, *(f"{call.name} {' '.join(corpus.strings_of(call.arguments))}" for call in d.ours.calls)]
    )
    more = Counter(_LETTER.findall(said)) - Counter(_LETTER.findall(d.question.text))
    if more:
        yield f"{dict(more)} is said twice"


def _unescaped(arguments: str) -> str:
    value = loaded(arguments)
    return (
        re.sub(r"\\[a-z]?", " ", arguments)
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False, default=str)
    )


def _lost(d: Difference) -> Iterator[str]:
    """Words of the reply that are nowhere, if nothing is dropped on purpose."""
    records: list[corpus.Record] = []
    for kind, text in (("reasoning", d.ours.reasoning), ("content", d.ours.content)):
        if text:
            records.append(corpus.Text("reasoning" if kind == "reasoning" else "content", text))
    records += [corpus.Called("call", call.name, call.arguments, call.id) for call in d.ours.calls]
    said = d.question.text
    if d.framed:
        for marker in sorted(d.markers, key=len, reverse=True):
            said = said.replace(marker, " > ")
        said = re.sub(r"(?<=> )(assistant|analysis|commentary|final)|to=\S*|\b(json|code)\b", " ", said)
    dropped = {*_header_at_the_end(d), *_dropped_at_the_end(d)}
    for word in corpus.lost_words(said, records, d.markers):
        if word not in dropped:
            yield f"{word!r} is lost"


def _header_at_the_end(d: Difference) -> list[str]:
    """The words after the last marker: of a header that was cut."""
    last = max((d.question.text.rfind(marker) for marker in d.markers), default=-1)
    return _WORD.findall(d.question.text[last:]) if last >= 0 and not d.ours.calls else []


def _dropped_at_the_end(d: Difference) -> list[str]:
    """The words of what the reply was cut in: a marker, or a number of our last call."""
    text = d.question.text
    starts = (marker[:size] for marker in d.markers for size in range(_A_CUT_MARKER, len(marker)))
    tails = [start for start in starts if text.endswith(start)]
    last = d.ours.calls[-1] if d.ours.calls else None
    if last is not None and not last.complete and last.arguments.rstrip().endswith((":", ",", "[")):
        tails += re.findall(r"[-+.\w]+$", text)
    return [word for tail in tails for word in _WORD.findall(tail)]


_A_CUT_MARKER = 8
"""So many characters of a marker are dropped at the end; fewer are text."""


def _leaking(d: Difference) -> Iterator[str]:
    if not isinstance(d.format, ToolFormat) or not d.question.tools:
        return
    openers = d.format.openers.all - set("[{") - d.format.words - {""}
    closers = d.format.closers.all - {""}
    text, reply = d.our_text, d.question.text
    opened, closed = (sum(map(text.count, marks)) for marks in (openers, closers))
    if closed > opened and sum(map(reply.count, openers)) >= sum(map(reply.count, closers)):
        yield "a closer without its opener"
    content = (d.ours.content or "").rstrip()
    ends = [closer for closer in closers if reply.endswith(closer) and not content.endswith(closer)]
    if d.ours.calls and any(content.endswith(closer[-3:]) for closer in ends):
        yield "a piece of a closer"


def _misplaced(d: Difference) -> Iterator[str]:
    """What is in tags is reasoning, the rest is not; for replies without calls and frames."""
    think = d.think
    if d.framed and d.ours.reasoning and not any(marker in d.question.text for marker in d.markers):
        yield "reasoning without any frame"
    if think is None or d.framed or not think.splits:
        return
    opened = any(mark in d.question.text for mark in think.think.opens)
    if d.ours.reasoning and not opened and not _starts_inside(d):
        yield "reasoning that nothing opened"
    if d.ours.calls:
        return
    calls = [opener for row in partners(think) for opener in row.call_openers - row.format.markers.intersection("[{")]
    if any(opener in d.question.text for opener in calls if opener not in ("[", "{", "functools")):
        return
    inside = _starts_inside(d)
    reasoning = content = ""
    marks = sorted((*think.think.opens, *think.think.closes), key=len, reverse=True)
    for part in re.split(f"({'|'.join(map(re.escape, marks))})", d.question.text):
        if part in marks:
            inside = part in think.think.opens
        elif inside:
            reasoning += part.removeprefix(think.think.label)
        else:
            content += part
    if (squeezed(reasoning), squeezed(content)) != (squeezed(d.ours.reasoning), squeezed(d.ours.content)):
        yield "reasoning is not what stands in its tags"


def _starts_inside(d: Difference) -> bool:
    told = d.question.in_reasoning
    if told is not None or d.think is None:
        return bool(told)
    return d.think.starts.inside_for(d.question.chat_template_kwargs)
