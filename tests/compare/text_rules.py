"""Why texts differ. From the narrow to the wide: the first rule that applies is the reason."""

from __future__ import annotations

from collections import Counter

from difference import Difference, is_part, squeezed
from dynamo_parsers.format import ToolFormat
from rules import Reason, Rule


def _spaced(d: Difference) -> bool:
    ours, theirs = d.ours, d.theirs
    return (squeezed(ours.reasoning), squeezed(ours.content)) == (squeezed(theirs.reasoning), squeezed(theirs.content))


def _marked(d: Difference) -> bool:
    """Without their markers the texts are the same."""
    our_reasoning, our_content, reasoning, content = d.bare
    return (our_reasoning, our_content) == (reasoning, content)


def _verbatim(d: Difference) -> bool:
    """Where no call came and no reasoning, our content is the whole reply."""
    ours, reply = d.ours, d.without_ends(d.question.text)
    return bool(ours.calls or ours.reasoning) or squeezed(ours.content) == squeezed(reply)


def _loses(d: Difference) -> bool:
    """The peer's texts are parts of ours."""
    our_reasoning, our_content, reasoning, content = d.bare
    return is_part(reasoning, our_reasoning) and is_part(content, our_content)


def _adds(d: Difference) -> bool:
    """Our texts are parts of the peer's."""
    our_reasoning, our_content, reasoning, content = d.bare
    return is_part(our_reasoning, reasoning) and is_part(our_content, content)


def _ends_in_an_opener(d: Difference) -> bool:
    """What the peer's content has more is the end of the reply, and begins with a marker."""
    more = (d.theirs.content or "").removeprefix((d.ours.content or "").rstrip()).lstrip()
    return d.question.text.endswith(more) and any(more.startswith(marker) for marker in d.markers)


def _in_a_section(d: Difference) -> bool:
    return bool(d.ours.calls) and isinstance(d.format, ToolFormat) and len(d.format.closers.all) > 1 and _adds(d)


def _leaked_thoughts(d: Difference) -> bool:
    """The peer leaves markers of reasoning in its texts."""
    think = d.think
    marks = () if think is None else (*think.think.opens, *think.think.closes)
    return any(d.their_text.count(mark) > d.our_text.count(mark) for mark in marks) and d.moved


def _second_block(d: Difference) -> bool:
    return d.think is not None and d.moved and sum(map(d.question.text.count, d.think.think.opens)) > 1


def _closer_alone(d: Difference) -> bool:
    """Reasoning is closed that no opener opened."""
    if d.think is None or not d.moved:
        return False
    text = d.question.text
    opened = min((text.find(mark) for mark in d.think.think.opens if mark in text), default=len(text))
    return any(mark in text[:opened] for mark in d.think.think.closes)


def texts_of_calls(d: Difference) -> bool:
    """What one has as text the other has as a call."""
    theirs, ours = d.their_text, d.our_text
    return any(call.name in theirs or call.arguments in theirs for call in d.missing) or any(
        call.name in ours for call in d.extra
    )


def _separated(d: Difference) -> bool:
    """What the peer's content has in addition comes between calls."""
    return bool(d.ours.calls) and [_joined(text) for text in d.bare[:2]] == [_joined(text) for text in d.bare[2:]]


def _joined(text: str) -> str:
    return text.replace(";", "").replace(",", "")


def _fragment(d: Difference) -> bool:
    """What the peer's content has more is a piece of a marker."""
    more = d.bare[3].removeprefix(d.bare[1])
    return _adds(d) and bool(d.ours.calls) and len(more) > 1 and any(more in marker for marker in d.markers)


def _unframed(d: Difference) -> bool:
    return d.framed and (d.leaked or d.kept or _loses(d) or _adds(d))


TEXTS = (
    Rule(Reason("White space", "content only between two pieces of content; kept there, dropped elsewhere"), _spaced),
    Rule(
        Reason("Formats that frame the whole reply", "unframed with and without tools; the channel decides"), _unframed
    ),
    Rule(
        Reason("Start", "markers are read whether thinking is on or off"),
        lambda d: _leaked_thoughts(d) and not _second_block(d),
    ),
    Rule(
        Reason("An opener repeated", "a second block after content is reasoning again; a stray closer is dropped"),
        _second_block,
    ),
    Rule(
        Reason("Start", "the format's default if the request does not decide; a stray closer is dropped"), _closer_alone
    ),
    Rule(
        Reason("Start", "the format's default if the request does not decide"),
        lambda d: d.think is not None and d.moved,
    ),
    Rule(
        Reason("Order and completeness", "text before, between and after calls is kept, as what it was written as"),
        lambda d: d.think is not None and _within(d),
    ),
    Rule(
        Reason("No leaks", "no marker in content or reasoning, but of what was no construct"),
        lambda d: _marked(d) and d.leaked,
    ),
    Rule(
        Reason("Fit", "what does not fit is text, released verbatim"), lambda d: _marked(d) and d.kept and _verbatim(d)
    ),
    Rule(Reason("Fit", "an opener that does not fit is text"), lambda d: _loses(d) and d.kept and _verbatim(d)),
    Rule(
        Reason("Order and completeness", "text before, between and after calls is kept"),
        lambda d: _loses(d) and not d.kept,
    ),
    Rule(
        Reason("An opener or a cut header at the very end", "the start of a cut call: dropped"),
        lambda d: _adds(d) and _ends_in_an_opener(d),
    ),
    Rule(Reason("Sections", "between the calls of a section everything is dropped"), _in_a_section),
    Rule(Reason("Calls without any marker", "what a format puts between calls is markup"), _separated),
    Rule(Reason("No leaks", "no marker in content or reasoning"), _fragment),
    Rule(Reason("No leaks", "no marker in content or reasoning"), lambda d: _adds(d) and d.leaked),
)


def _within(d: Difference) -> bool:
    """The peer says no character that we do not say."""
    our_reasoning, our_content, reasoning, content = d.bare
    return Counter(reasoning + content) <= Counter(our_reasoning + our_content)
