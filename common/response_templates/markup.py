"""Makes formats from a template: its calls, its reasoning, and the frame of its answer.

- Calls become `JsonCalls`, `Tagged` or `Pythonic`, which stream, take quoted markers as data and type by the schema.
- Reasoning becomes `Think`. If the answer has an opener too, the reply is framed (`regions`).
- A template that the machine cannot read as declared is refused, with the reason in one sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..arguments.json_object import JsonObject
from ..arguments.lines import Lines
from ..arguments.tags import Tags
from ..cursor import NO_MARKERS
from ..format import Span, Think, ToolFormat
from ..machine import Grammar
from ..shapes.json_calls import JsonCalls
from ..shapes.pythonic import Pythonic
from ..shapes.tagged import Tagged
from .language import Field, Roles, Template, roles_of
from .patterns import Ahead, Alternative, Capture, Edge, Gap, Part, Refused, Run
from .regions import Regions
from .sentence import fullest, tag_alternatives, unclosed, written_call

_GAPS = ("", " ", "\n")
"""The spellings of white space inside a marker."""
_TAG = re.compile(r"<([A-Za-z][\w:.-]*)[^<>]*>")
_CLOSING_TAG = re.compile(r"</([A-Za-z][\w:.-]*)>")
_ANY_VALUE = re.compile(r"\(?(?:\.|\[\\s\\S\]|\[\^[^\]]*\])[*+]\??\)?")
_SAMPLE_NAME = "get_weather"
_SAMPLE_ARGUMENTS: dict[str, object] = {"city": "Paris"}
_UNTYPED = ("text", "int", "float", "bool", "json")


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A template's reasoning."""

    think: Think
    inside: bool
    """Whether a reply starts in it if the prompt does not tell."""


@dataclass(frozen=True, slots=True)
class Markup:
    """The formats of a template; None for a part that it does not declare."""

    calls: ToolFormat | None
    reasoning: Reasoning | None
    frame: Regions | None
    """The frame of the whole reply, if there is one; the calls are part of it."""
    turn_ends: tuple[str, ...]


def markup_of(template: Template) -> Markup:
    """Return the formats of a template. Raises Refused."""
    answer = template.content
    reasoning = None if template.thinking is None else _reasoning(template.thinking)
    calls = None if template.calls is None else _calls(template.calls)
    if answer is not None:
        _check_text(answer)
    if answer is None or not answer.open:
        ends = () if answer is None else texts_of(answer.close, f"{answer.scope}.close", none=True)
        short = next((end for end in ends if len(end) < 2), None)
        if short is not None:
            raise Refused(f"fields.content.close: {short!r} is a single character, not a marker that ends a turn")
        return Markup(calls, reasoning, None, ends)
    if template.thinking is None or reasoning is None:
        raise Refused("fields.content: it has an opener, and there is no field of reasoning beside it")
    closes = texts_of(answer.close, f"{answer.scope}.close", none=True)
    opens = texts_of(answer.open, f"{answer.scope}.open")
    # The answer's opener also closes reasoning that the prompt left open.
    think = Think(reasoning.think.opens, (*reasoning.think.closes, *opens))
    grammar = Grammar((calls,) if calls is not None else (), None, NO_MARKERS)
    frame = Regions.of(reasoning.think, opens, closes, grammar, "" if calls is None else calls.sample)
    return Markup(calls, Reasoning(think, reasoning.inside), frame, ())


# --- delimiters


def texts_of(alternatives: Sequence[Alternative], scope: str, *, none: bool = False) -> tuple[str, ...]:
    """Return the texts that a delimiter matches, without white space around them.

    The end of the message and lookaheads are dropped: the next region begins there, or nothing follows.

    Raises:
        Refused: it matches more than fixed texts; or nothing, unless `none` allows that.
    """
    texts = [text for alternative in alternatives for text in _spellings(alternative, scope)]
    if not texts and not none:
        raise Refused(f"{scope}: missing, or not a text")
    return tuple(dict.fromkeys(texts))


def _spellings(alternative: Alternative, scope: str) -> Iterator[str]:
    parts = [part for part in _trimmed(alternative) if not isinstance(part, Edge | Ahead)]
    texts = [""]
    for part in parts:
        if isinstance(part, str):
            texts = [text + part for text in texts]
        elif isinstance(part, Gap):
            texts = [text + gap for text in texts for gap in _GAPS[part.least > 0 :]]
        else:
            raise _not_a_text(part, scope)
    yield from (text.strip() or text for text in texts if text.strip())


def _trimmed(alternative: Alternative) -> Alternative:
    parts = list(alternative)
    while parts and isinstance(parts[-1], Gap):
        parts.pop()
    while parts and isinstance(parts[0], Gap):
        parts.pop(0)
    return tuple(parts)


def _not_a_text(part: Part, scope: str) -> Refused:
    if isinstance(part, Capture):
        return Refused(f"{scope}: the group {part.name!r} is not one that is used here")
    return Refused(f"{scope}: {getattr(part, 'source', part)!r} may be any text, but a delimiter must be fixed text")


def _check_text(field: Field) -> None:
    if field.content != "text" or field.transform is not None:
        raise Refused(f"{field.scope}: only text can be sent as it comes, but this is {field.content!r} or transformed")
    if field.join:
        raise Refused(f"{field.scope}.join: two blocks are joined without {field.join!r} between them")


# --- reasoning


def _reasoning(field: Field) -> Reasoning:
    _check_text(field)
    if not field.open:
        raise Refused(f"{field.scope}: it has no opener, so all text that no other field claims would be reasoning")
    starts = [
        alternative for alternative in field.open if all(isinstance(part, Edge | Ahead | Gap) for part in alternative)
    ]
    closes = texts_of(field.close, f"{field.scope}.close")
    opens = texts_of(field.open, f"{field.scope}.open", none=True)
    if not opens:  # the prompt writes the opener
        tags = [_CLOSING_TAG.fullmatch(close) for close in closes]
        opens = tuple(f"<{tag[1]}>" for tag in tags if tag is not None)
    if not opens:
        raise Refused(f"{field.scope}.open: it does not give the opener of reasoning")
    return Reasoning(Think(opens, closes), inside=bool(starts))


# --- calls


def _calls(field: Field) -> ToolFormat:
    if not field.open:
        raise Refused(f"{field.scope}: it has no opener, so all text that no other field claims would be a call")
    roles = roles_of(field)
    if field.content == "json":
        _check_json(field)
        return _tagged(field, roles, JsonObject()) if roles.name_captured else _json_calls(field, roles)
    if field.content == "python-call-list":
        spans = _spans(field)
        as_json = JsonCalls(sample="", spans=spans, words=_words(spans))
        return Pythonic(sample=_sample(field), as_json=as_json)
    if field.content not in ("xml-inline", "kv-lines"):
        raise Refused(f"{field.scope}.content: no call can be read as {field.content!r}")
    if not roles.name_captured:
        raise Refused(f"{field.scope}.transform: the name of the function is one of its arguments")
    return _tagged(field, roles, _tags(field) if field.content == "xml-inline" else _lines(field))


def _sample(field: Field) -> str:
    return written_call(field, _SAMPLE_NAME, _SAMPLE_ARGUMENTS)


def _check_json(field: Field) -> None:
    for key in ("unquoted_keys", "string_delims"):
        if field.args.get(key):
            raise Refused(f"{field.scope}.content_args.{key}: not JSON, and not the markup of a known family")


def _spans(field: Field) -> tuple[Span, ...]:
    opens = texts_of(field.open, f"{field.scope}.open")
    closes = texts_of(field.close, f"{field.scope}.close", none=True) or ("",)
    inner = next((text for text in opens if "{" in text), None)
    if inner is not None:
        raise Refused(f"{field.scope}.open: {inner!r} is the beginning of the JSON, not a marker before it")
    return tuple(Span(text, close) for text in opens for close in closes)


def _words(spans: Sequence[Span]) -> frozenset[str]:
    return frozenset(span.open for span in spans if span.open[0].isalnum())


def _json_calls(field: Field, roles: Roles) -> JsonCalls:
    spans = _spans(field)
    return JsonCalls(
        sample=_sample(field),
        spans=spans,
        words=_words(spans),
        keys=(roles.arguments,),
        names=(roles.name,),
        bare="",
    )


def _tagged(field: Field, roles: Roles, arguments: JsonObject | Tags | Lines) -> Tagged:
    """Return the format of calls that have their name in the opener."""
    scope = f"{field.scope}.open_pattern"
    before, after = _around_name(fullest(field.open), roles.name, scope)
    prefixes = [_around_name(alternative, roles.name, scope) for alternative in field.open]
    shortest = min((texts for texts, _ in prefixes), key=len)
    if any(texts[len(texts) - len(shortest) :] != shortest or end != after for texts, end in prefixes):
        raise Refused(f"{scope}: its alternatives differ by more than a marker around the call")
    closes = _close(field)
    if len(before) == 1:
        before = _split(before[0], closes)
        shortest = shortest if len(before) == 1 else before
    if not before or len(before) > 2:
        raise Refused(f"{scope}: more than one marker around a call's own")
    opener = before[-1]
    call_close = closes[0] if closes and (len(before) == 1 or len(closes) > 1) else ""
    if not call_close and not isinstance(arguments, JsonObject):
        call_close = "".join(f"</{tag}>" for tag in unclosed(opener, ""))
    if opener.endswith('"') and after.startswith('"'):
        opener, after = opener[:-1], after[1:]
    around = Span(before[0], closes[-1] if closes else "") if len(before) == 2 else None
    optional = len(shortest) < len(before)
    return Tagged(
        sample=_sample(field),
        call=Span(opener, call_close),
        name_end=(after,) if after else (),
        arguments=arguments,
        spellings=tuple(Span(opener, each) for each in _further_closers(field, closes)) if len(before) == 1 else (),
        wrapper=None if optional else around,
        sections=(around,) if around is not None and optional else (),
    )


def _around_name(alternative: Alternative, group: str, scope: str) -> tuple[tuple[str, ...], str]:
    """Return the texts before the name (white space may separate them), and the text after it."""
    parts = _trimmed(alternative)
    at = next((at for at, part in enumerate(parts) if isinstance(part, Capture) and part.name == group), None)
    if at is None:
        raise Refused(f"{scope}: the group {group!r}, which is the name, is not in each of its alternatives")
    rest = [part for part in (*parts[:at], *parts[at + 1 :]) if not isinstance(part, str | Gap)]
    if rest:
        raise _not_a_text(rest[0], scope)
    before = tuple(part.strip() for part in parts[:at] if isinstance(part, str) and part.strip())
    after = [part.strip() for part in parts[at + 1 :] if isinstance(part, str) and part.strip()]
    if not before:
        raise Refused(f"{scope}: a call begins with its name, without a marker")
    if any("{" in text for text in (*before, *after)):
        raise Refused(f"{scope}: the JSON of a call begins in it")
    if len(after) > 1:
        raise Refused(f"{scope}: {' and '.join(map(repr, after))} come after the name, instead of one text")
    return before, after[0] if after else ""


def _close(field: Field) -> tuple[str, ...]:
    """Return the closers of a call, the inner one first, from the fullest alternative."""
    scope = f"{field.scope}.close"
    others = [part for alternative in field.close for part in alternative if isinstance(part, Run | Capture)]
    if others:
        raise _not_a_text(others[0], scope)
    texts = [part.strip() for part in fullest(field.close) if isinstance(part, str)]
    closes: list[str] = []
    for text in texts:
        closes += [tag for tag in _CLOSING_TAG.sub(lambda found: f"{found[0]}\0", text).split("\0") if tag.strip()]
    stripped = tuple(close.strip() for close in closes)
    if any(close.startswith(("}", "]", ")")) for close in stripped):
        raise Refused(f"{scope}: {stripped[0]!r} ends the arguments, and is not a marker after them")
    if len(stripped) > 2:
        raise Refused(f"{scope}: more than one marker around a call's own")
    return stripped


def _further_closers(field: Field, closes: Sequence[str]) -> list[str]:
    """Return what may close a call instead of `closes`: the alternatives that are one text."""
    texts = (
        tuple(part.strip() for part in alternative if isinstance(part, str) and part.strip())
        for alternative in field.close
    )
    return [each[0] for each in texts if len(each) == 1 and each[0] not in closes]


def _split(opener: str, closes: Sequence[str]) -> tuple[str, ...]:
    """Split an opener without white space into the marker around a call and the call's own, if it has both."""
    tag = _TAG.match(opener)
    if tag is None or not opener[tag.end() :].strip() or not closes or closes[-1] != f"</{tag[1]}>":
        return (opener,)
    return tag[0], opener[tag.end() :].strip()


def _tags(field: Field) -> Tags:
    scope = f"{field.scope}.content_args.tag_pattern"
    if field.args.get("merge_duplicates"):
        raise Refused(
            f"{field.scope}.content_args.merge_duplicates: it makes a list of a repeated parameter, "
            "after a stream has sent the first value"
        )
    _check_value_parser(field)
    # Every markup of tags accepts a parameter that is ended by the next one.
    alternatives = [
        alternative
        for alternative in tag_alternatives(field)
        if not (alternative and isinstance(alternative[-1], Ahead))
    ]
    if len(alternatives) != 1:
        raise Refused(f"{scope}: more than one way to write a parameter")
    alternative = _trimmed(alternatives[0])
    places = {part.name: at for at, part in enumerate(alternative) if isinstance(part, Capture)}
    rest = [part for part in alternative if not isinstance(part, str | Gap | Capture)]
    if set(places) != {"key", "value"} or rest or places["key"] > places["value"]:
        raise Refused(f"{scope}: it is not one key, then one value, between texts")
    value = alternative[places["value"]]
    if isinstance(value, Capture) and not _ANY_VALUE.fullmatch(value.source):
        raise Refused(f"{scope}: the value is not any text up to its closing tag, but {value.source!r}")
    before, between, after = (
        [part for part in parts if isinstance(part, str)]
        for parts in (
            alternative[: places["key"]],
            alternative[places["key"] + 1 : places["value"]],
            alternative[places["value"] + 1 :],
        )
    )
    if len(before) != 1 or not between or len(after) != 1:
        raise Refused(f"{scope}: a parameter is not a text, its key, a text, its value and a text")
    opener, ends = before[0].strip(), [text.strip() for text in between if text.strip()]
    if opener.endswith('"') and ends[0].startswith('"'):
        opener, ends[0] = opener[:-1], ends[0][1:]
    return Tags(open=opener, name_end=tuple(ends), close=after[0].strip(), framed=_framed(alternative, places["value"]))


def _framed(alternative: Alternative, at: int) -> bool:
    """Return whether a line break next to the value at `at` is not part of it."""
    before, after = alternative[at - 1], alternative[at + 1]
    return isinstance(before, Gap) or (isinstance(before, str) and before.endswith("\n")) or isinstance(after, Gap)


def _lines(field: Field) -> Lines:
    _check_value_parser(field)
    args = field.args
    between, end = args.get("kv_sep", ":"), args.get("line_sep", "\n")
    if not isinstance(between, str) or not isinstance(end, str) or not between or not end:
        raise Refused(f"{field.scope}.content_args: a separator is empty")
    return Lines(between, end, args.get("strip") is not False)


def _check_value_parser(field: Field) -> None:
    said = field.args.get("value_parser") or {}
    name = said.get("name", "text") if isinstance(said, dict) else ""
    args = said.get("args") or {} if isinstance(said, dict) else {}
    plain = isinstance(args, dict) and not (args.get("string_delims") or args.get("unquoted_keys"))
    if name not in _UNTYPED or not plain:
        raise Refused(f"{field.scope}.content_args.value_parser: values that are neither text nor JSON")
