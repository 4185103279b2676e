"""Why calls differ. From the narrow to the wide: the first rule that applies is the reason."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from decimal import Decimal

from corpus import strings_of
from difference import Difference, loaded, squeezed
from dynamo_parsers.format import ToolFormat
from records import Call
from rules import Reason, Rule


def _cut_last(d: Difference) -> bool:
    """All that differs are calls of ours that are not complete, and what the peer makes of them."""
    names = [call.name for call in d.missing]
    return bool(d.missing) and not any(call.complete for call in d.missing) and all(c.name in names for c in d.extra)


def _holds_markers(d: Difference) -> bool:
    return any(marker in _strings(call.arguments) for call in d.missing for marker in d.markers)


def _strings(arguments: str) -> str:
    return arguments.replace("\\n", "\n").replace('\\"', '"').replace("\\/", "/")


def _ends_in_the_call(d: Difference) -> bool:
    """The reply ends where our last call does."""
    cut = squeezed(_strings(d.missing[-1].arguments))
    tails = [part for part in re.split('["{:,]', cut) if part] or [d.missing[-1].name]
    text = squeezed(d.without_ends(d.question.text))
    if cut.endswith((":", ",", "[")):
        text = re.sub(r"[-+.\w]+$", "", text)  # a number without its end is held
    return text.rstrip(_OPEN).endswith(tails[-1])


_OPEN = '"{:,['
"""What may come after the last word of a cut call without being part of it yet."""


def _wrong_behind(d: Difference) -> bool:
    """The reply has what our last call passes on, before its end, a marker or a bracket."""
    reply, passed = squeezed(d.question.text), squeezed(d.missing[-1].arguments)
    _, found, behind = reply.rpartition(passed) if passed else ("", "", "")
    brackets = behind[: len(behind) - len(behind.lstrip("]}"))]
    if not found or any(isinstance(loaded(passed + brackets[:end]), dict) for end in range(len(brackets) + 1)):
        return False
    return not behind or bool(brackets) or any(map(behind.startswith, map(squeezed, d.markers)))


def _argument_values(d: Difference, agree: Callable[[object, object], bool]) -> bool:
    """Whether all that differs are arguments of calls of the same names, and these agree so."""
    pairs = d.swapped
    whole = all(one.complete for one, _ in pairs)
    return (
        whole
        and bool(pairs)
        and len(pairs) == len(d.missing) == len(d.extra)
        and all(agree(loaded(one.arguments), loaded(other.arguments)) for one, other in pairs)
    )


def _agree(one: object, other: object, leaf: Callable[[object, object], bool]) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_agree(one[key], other[key], leaf) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_agree(*pair, leaf) for pair in zip(one, other, strict=True))
    return one == other or leaf(one, other)


def _rounded(one: object, other: object) -> bool:
    return isinstance(one, Decimal) and isinstance(other, Decimal) and float(one) == float(other)


def _framed(one: object, other: object) -> bool:
    return isinstance(one, str) and isinstance(other, str) and squeezed(one) == squeezed(other)


def _entities(one: object, other: object) -> bool:
    return isinstance(one, str) and isinstance(other, str) and squeezed(html.unescape(one)) == squeezed(other)


def _typed(one: object, other: object) -> bool:
    return type(one) is not type(other)


def _undeclared(d: Difference) -> bool:
    return bool(d.missing) and not d.extra and not any(d.declared(call.name) for call in d.missing)


def _no_object(d: Difference) -> bool:
    """The peer's call has arguments that are no JSON object."""
    return bool(d.extra) and all(not isinstance(loaded(call.arguments), dict) for call in d.extra)


def _emptied(d: Difference) -> bool:
    return bool(d.swapped) and all(
        ours.complete and loaded(theirs.arguments) in ({}, "") and loaded(ours.arguments) != {}
        for ours, theirs in d.swapped
    )


def _without_opener(d: Difference) -> bool:
    """The peer's calls are text of ours, and there is no opener between them and the text before."""
    return (
        bool(d.extra)
        and not d.missing
        and isinstance(d.format, ToolFormat)
        and all(bool(call.name) and call.name in d.our_text for call in d.extra)
        and not any(_may_be_called(d, d.format, call) for call in d.extra)
    )


def _may_be_called(d: Difference, form: ToolFormat, call: Call) -> bool:
    """Whether the text has this call after an opener, or where the format needs none."""
    text = d.our_text
    for found in re.finditer(re.escape(call.name), text):
        before = text[: found.start()]
        for closer in form.closers.all - {""}:
            before = before.rpartition(closer)[2]
        if any(opener in before for opener in form.openers.all - set(form.bare_starts) - {""}):
            return True
        line = before.rpartition("\n")[2] if form.bare == "line" else before
        alone = not _SYNTAX.sub("", line)
        if form.bare and alone and d.declared(call.name) and _BODY.match(squeezed(text[found.end() :])):
            return True
    return False


_SYNTAX = re.compile(r"name|[\W_]")
"""What may come before the name of a call without any marker."""

_BODY = re.compile(r'\(|"?,?"?$|","(arguments|parameters)":(\{["}]|null|"")')
"""What comes after it."""


_NAME = re.compile(r"[^\s<>{(\",]{1,256}")


def _no_name(d: Difference) -> bool:
    """The peer's calls are text of ours, and have no name that the contract takes for one."""
    return bool(d.extra) and not d.missing and not any(_NAME.fullmatch(call.name) for call in d.extra)


def _no_tools(d: Difference) -> bool:
    return bool(d.extra) and not d.ours.calls and (not d.question.tools or d.question.tool_parser is None)


def _lacks_its_end(d: Difference) -> bool:
    """The last call is complete, and the reply ends without a closer."""
    if not _found(d) or d.missing[-1] != d.ours.calls[-1]:
        return False
    return not any(d.question.text.rstrip().endswith(closer) for closer in _closers(d))


def _found(d: Difference) -> bool:
    return bool(d.missing) and all(call.complete for call in d.missing) and not d.extra


def _closers(d: Difference) -> frozenset[str]:
    if isinstance(d.format, ToolFormat):
        return d.format.closers.all - {""}
    return frozenset(marker for marker in d.markers if "call|" in marker or "close|" in marker or "end" in marker)


def _has_no_arguments(d: Difference) -> bool:
    return _found(d) and all(loaded(call.arguments) == {} for call in d.missing)


def _repaired(d: Difference) -> bool:
    """The arguments are not in the reply as they are, though without their last brackets they are."""
    return _found(d) and all(
        call.arguments not in d.question.text and call.arguments.rstrip("]} \n") in d.question.text
        for call in d.missing
    )


def _unbalanced(d: Difference) -> bool:
    """The reply has not as many closers of calls and sections as openers."""
    if not _found(d) or not isinstance(d.format, ToolFormat):
        return False
    opened = sum(d.question.text.count(marker) for marker in d.format.openers.all - set("[{") - {""})
    return opened != sum(d.question.text.count(marker) for marker in _closers(d))


def _stands_there(d: Difference) -> bool:
    """Our calls are complete, and every word of them is in the reply."""
    emptied = any(loaded(ours.arguments) == {} for ours, _ in d.swapped)
    return (
        bool(d.missing) and not emptied and all(call.complete and _reads(call, d.question.text) for call in d.missing)
    )


def _reads(call: Call, reply: str) -> bool:
    words = [call.name, *(word for said in strings_of(call.arguments) for word in re.findall(r"[a-zA-Z]+", said))]
    return all(word in reply for word in words)


CALLS = (
    Rule(
        Reason("Own markers in values", "only the value's own closer counts; inside a JSON string nothing is a marker"),
        lambda d: _cut_last(d) and _holds_markers(d) and _ends_in_the_call(d),
    ),
    Rule(
        Reason("Truncation", "what was streamed stays, and the argument text stays open; nothing is invented"),
        lambda d: _cut_last(d) and _ends_in_the_call(d),
    ),
    Rule(
        Reason("Arguments", "what the closed list of repairs does not name is passed on, and the call is not complete"),
        lambda d: _cut_last(d) and _wrong_behind(d),
    ),
    Rule(Reason("Names", "forwarded as written, declared or not"), _undeclared),
    Rule(
        Reason("Typing", "integers of any size are exact"),
        lambda d: _argument_values(d, lambda one, other: _agree(one, other, _rounded)),
    ),
    Rule(
        Reason("Framing", "every character between the tags is the value's"),
        lambda d: _argument_values(d, lambda one, other: _agree(one, other, _framed)),
    ),
    Rule(
        Reason("Framing", "no entity decoding"),
        lambda d: _argument_values(d, lambda one, other: _agree(one, other, _entities)),
    ),
    Rule(
        Reason("Own markers in values", "a value's markers are data"),
        lambda d: bool(d.swapped) and _holds_markers(d),
    ),
    Rule(
        Reason("Typing", "the markup decides, else the schema, else JSON if it is not a string"),
        lambda d: _argument_values(d, lambda one, other: _agree(one, other, _typed)),
    ),
    Rule(Reason("Drift", "never `{}` in place of arguments that were there"), _emptied),
    Rule(Reason("Arguments", "the JSON text of an object"), _no_object),
    Rule(
        Reason("Calls without any marker", "only if the format writes them so, under a declared name"),
        _without_opener,
    ),
    Rule(Reason("Fit", "a name is 1-256 characters without white space and brackets"), _no_name),
    Rule(Reason("No tools in the request", "no call is returned"), _no_tools),
    Rule(Reason("Arguments", "no arguments give `{}`"), _has_no_arguments),
    Rule(Reason("Arguments", "missing closing brackets are added after a finished value"), _repaired),
    Rule(Reason("Truncation", "a finished value that lacks only closers is complete"), _lacks_its_end),
    Rule(Reason("Drift", "missing or doubled markers of sections and calls"), _unbalanced),
    Rule(Reason("Fit", "a call whose header and body fit is a call"), _stands_there),
)
