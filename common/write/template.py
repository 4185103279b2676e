"""Derives how a family writes calls from its sample. A reply and a grammar are two folds of the same pieces.

- A sample is one call of `get_weather` with `{"city": "Paris"}`. These are holes; the text around them is fixed.
- White space with a line break in it may be other white space in a grammar. Digits after a name count the calls.
- Each call has markers of its own, or several calls share the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from json.encoder import encode_basestring
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

from ..arguments.elements import NAMESPACE
from ..arguments.json_object import JsonObject
from ..arguments.lines import Lines
from ..arguments.minimax_m3 import MinimaxM3Values
from ..arguments.tags import Tags
from ..format import FrameFormat, Span
from ..registry import PREFIX, reasoning_row
from ..rows import ToolRow
from ..shapes.frames import Frames
from ..shapes.gemma import GemmaCalls
from ..shapes.json_calls import JsonCalls
from ..shapes.messages import Messages
from ..shapes.pythonic import Pythonic
from ..shapes.tagged import Tagged
from .functions import ANY_FUNCTION, Function
from .lines import LineValues
from .literals import PYTHON, Literals, gemma
from .tag_text import GAP, Format, any_of, const, listed, optional, quote, regex, sequence
from .values import PARIS, Call, Elements, JsonText, ParameterTags, Values

THOUGHT, KEY, VALUE = "plan", "city", "Paris"
"""The reasoning, key and value in every sample."""


class Piece(NamedTuple):
    """A part of a call or of the markup around it. Characters without a meaning are holes, which a call fills in."""

    text: str
    """Its text."""
    format: Format
    """Its format in a grammar."""

    @property
    def is_space(self) -> bool:
        return self.format == GAP


Pieces: TypeAlias = "tuple[Piece, ...]"


def said(text: str) -> Piece:
    return Piece(text, const(text))


def space(text: str = "") -> Piece:
    """White space, as the template writes it."""
    return Piece(text, GAP)


def maybe(*pieces: Piece, written: bool = True) -> Piece:
    """Pieces that may be missing."""
    return Piece(_joined(pieces) if written else "", optional(sequence(*allowed(pieces))))


def either(*ways: Pieces) -> Piece:
    """One of several alternatives; the first is written."""
    return Piece(_joined(ways[0]), any_of(sequence(*allowed(way)) for way in ways))


NAME, QUOTED = said("\ufdd0"), said("\ufdd1")
"""The name of the function, as it is and inside a JSON string."""
ID = Piece("", regex("[a-zA-Z0-9]{9}"))
"""An id that the model makes up. It is allowed and not written."""
_COUNT = "\ufdd2"
_COUNTED = re.compile(rf"{_COUNT}([0-9]+)")
_HOLE, _QUOTED_HOLE = (quote(piece.text)[1:-1] for piece in (NAME, QUOTED))


def count(first: str) -> Piece:
    """Return the part for a number that counts the calls of a reply."""
    return Piece(_COUNT + first, regex("[0-9]{1,4}"))


def written(pieces: Iterable[Piece], name: str = "", number: int = 0) -> str:
    """Return pieces as text, for call `number` of the reply."""
    text = _joined(pieces).replace(NAME.text, name).replace(QUOTED.text, encode_basestring(name)[1:-1])
    return _COUNTED.sub(lambda first: str(int(first[1]) + number), text)


def allowed(pieces: Sequence[Piece]) -> list[Format]:
    """Return pieces as formats of a grammar, with holes."""
    return [each.format for at, each in enumerate(pieces) if not (each.is_space and at and pieces[at - 1].is_space)]


def _joined(pieces: Iterable[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def _called(formats: Iterable[Format], name: str) -> list[Format]:
    """Return formats with a name in their holes."""
    quoted = quote(encode_basestring(name)[1:-1])[1:-1]
    return [each.replace(_HOLE, quote(name)[1:-1]).replace(_QUOTED_HOLE, quoted) for each in formats]


def _closed_up(pieces: Pieces) -> Pieces:
    """Return pieces without the white space at their end."""
    return pieces[:-1] if pieces and pieces[-1].is_space else pieces


@dataclass(frozen=True, eq=False)
class Form:
    """One call."""

    before: Pieces
    """The pieces before the arguments."""
    values: Values | Literals
    after: Pieces = ()

    def write(self, call: Call, number: int) -> str:
        before, after = (written(pieces, call.name, number) for pieces in (self.before, self.after))
        return before + self.values.write(call) + after

    @cached_property
    def _parts(self) -> tuple[list[Format], ...]:
        """The pieces before the name, those that depend on it, those up to the arguments, and those after them."""
        before = self.before
        named = [at for at, piece in enumerate(before) if _HOLE in piece.format or _QUOTED_HOLE in piece.format]
        first, last = named[0], named[-1] + 1
        return tuple(map(allowed, (before[:first], before[first:last], before[last:], self.after)))

    def format(self, functions: Sequence[Function]) -> Format:
        """Return the format of a call. Pieces that do not depend on the function occur once, to compile faster."""
        if isinstance(self.values, Literals):
            return self._as_literals(self.values, functions)
        before, head, between, after = self._parts
        found: list[Format] = []
        if plain := [each.name for each in functions if not each.strict]:
            heads = any_of(sequence(*_called(head, name)) for name in plain)
            found.append(sequence(heads, *between, *self.values.formats(ANY_FUNCTION)))
        for each in functions:
            if each.strict:
                if self not in each.made:
                    each.made[self] = sequence(*_called(head, each.name), *between, *self.values.formats(each))
                found.append(each.made[self])
        return sequence(*before, any_of(found), *after)

    def _as_literals(self, literals: Literals, functions: Sequence[Function]) -> Format:
        head, close = partial(written, self.before), written(self.after)
        for each in functions:
            if each.doubtful:
                each.made[self] = literals.call([each], head, close)
        return literals.call(functions, head, close)


@dataclass(frozen=True, eq=False)
class Block:
    """Calls in a reply, with their opener and closer."""

    opens: tuple[str, ...]
    """The openers; the first is written."""
    form: Form
    close: str = ""
    before: Pieces = ()
    after: Pieces = ()
    """The pieces before and after the calls, between the markers."""
    separator: str | None = None
    """The text between calls in the same markers, in a grammar; None: each call has its own markers."""
    between: str = "\n"
    """The text between calls, in a reply."""
    bare: bool = False
    """Whether the markers may be missing. In free text, calls are then constrained only between markers."""
    others: tuple[Block, ...] = ()
    """Alternatives to what is between the markers."""
    front: str = ""
    """Optional text before the calls, outside of reasoning."""
    behind: str = ""
    """Optional text after the calls."""

    @property
    def forms(self) -> tuple[Form, ...]:
        return (self.form, *(each.form for each in self.others))

    def write(self, calls: Sequence[Call]) -> str:
        texts = [self.form.write(call, number) for number, call in enumerate(calls)]
        each = texts if self.separator is None else [self.between.join(texts)]
        opened, closed = self.opens[0] + written(self.before), written(self.after) + self.close
        return self.between.join(f"{opened}{text}{closed}" for text in each)

    def body(self, functions: Sequence[Function], *, single: bool) -> Format:
        """Return the format of everything between the markers."""
        call = self.form.format(functions)
        before, after = self.before, self.after
        if self.separator is not None:  # a list has white space around each call
            call = listed(call, self.separator, single=single)
            before, after = _closed_up(before), _closed_up(after[::-1])[::-1]
        own = sequence(*allowed(before), call, *allowed(after))
        return any_of([own, *(each.body(functions, single=single) for each in self.others)])


@dataclass(frozen=True, eq=False)
class Frame:
    """Calls of which each is a message."""

    start: str
    form: Form
    close: str
    """The text before the end of a message with a call."""
    end: str
    thought: Span
    answer: Span
    preamble: Span | None
    """The texts around content before a call."""

    @property
    def forms(self) -> tuple[Form, ...]:
        return (self.form,)

    def write(self, calls: Sequence[Call]) -> str:
        return "".join(f"{self.start}{self.form.write(each, 0)}{self.close}{self.end}" for each in calls)


@runtime_checkable
class Beside(Protocol):
    """A format with calls and an answer in tags of its own, all in one message."""

    calls: Tagged
    answer: Span
    close: str


class Unwritable(ValueError):
    """A format has none of the shapes that are known here."""


@lru_cache(maxsize=512)
def markup_of(row: ToolRow) -> Block | Frame:
    """Return how a row's calls are written; the same object each time.

    Raises:
        Unwritable: the format has another shape.
        ValueError: the sample is not a call in the markup of its format.
    """
    made = _frame(row, row.format) if isinstance(row.format, Frames) else _block(row, row.format)
    return replace(made, between=row.between) if isinstance(made, Block) and row.between is not None else made


def texts_of(frame: FrameFormat, close: str) -> tuple[Span, Span]:
    """Return the texts around reasoning and around the answer in a frame, without the start of a message.

    `close`: the closer of reasoning, which begins the answer if the frame has no opener for it.
    """
    begin, end = frame.reasoning_sample.removeprefix(start_of(frame)).split(THOUGHT)
    return Span(begin, end), frame.answer or Span(close, end)


def start_of(frame: object) -> str:
    """Return the start of each message except the first, whose start is in the prompt."""
    return frame.start if isinstance(frame, Frames) else ""


# --- reading samples


_KEYS = re.compile(r'"([^"]*)":')
_HOLES = re.compile(rf"({PARIS.name}|(?<=[:\"])[0-9]+|\s*\n\s*)")


def _pieces(sample: str) -> Pieces:
    """Return the pieces before or after the arguments in a sample."""
    return tuple(
        NAME if text == PARIS.name else space(text) if "\n" in text else count(text) if text.isdigit() else said(text)
        for text in _HOLES.split(sample)
        if text
    )


def _encoding(row: ToolRow, arguments: object) -> tuple[str, Callable[[re.Match[str], str], Values]]:
    """Return a pattern for a sample's arguments; a function makes their `Values` of its match and what follows."""
    match arguments:
        case MinimaxM3Values():
            return re.escape(f"{NAMESPACE}<{KEY}>{VALUE}{NAMESPACE}</{KEY}>"), lambda found, after: Elements(after)
        case Tags():
            opened, close = re.escape(arguments.open), re.escape(arguments.close)
            pattern = rf"(?P<opened>{opened}.*?){KEY}(?P<between>.*?){VALUE}(?P<framed>\s*){close}(?P<gap>\s*)"
            return pattern, lambda found, after: ParameterTags(values=arguments, **found.groupdict())
        case Lines():
            pattern = (
                rf"{KEY}(?P<between>{re.escape(arguments.between)}[ \t]*){VALUE}(?P<end>{re.escape(arguments.end)})"
            )
            return pattern, lambda found, after: LineValues(**found.groupdict(), closer=after)
        case JsonObject():
            return re.escape(PARIS.text), lambda found, after: JsonText()
    raise Unwritable(
        f"{PREFIX}{row.name} cannot be written: {type(arguments).__name__} is not an encoding that `_encoding` knows"
    )


def _form(row: ToolRow, format: Tagged, sample: str) -> Form:
    """Return the form of a call with its name before its arguments. `sample`: the text between the markers."""
    pattern, values_of = _encoding(row, format.arguments)
    found = re.search(pattern, sample, re.DOTALL)
    before, after = (_pieces(sample[: found.start()]), _pieces(sample[found.end() :])) if found else ((), ())
    if found is None or NAME not in before:
        raise ValueError(
            f"{PREFIX}{row.name} cannot be written: its sample is not a call of {PARIS.name} with {PARIS.text} in the "
            "markup of its format"
        )
    if isinstance(format.arguments, Lines):  # the end of a line is part of the markup
        before = tuple(said(each.text) if each.is_space else each for each in before)
    else:
        before = (*before, space())
    if format.id_open:
        at = before.index(NAME) + 1
        before = (
            *before[:at],
            maybe(maybe(said(format.id_open), ID, written=False), said(format.name_end[0])),
            *before[at:],
        )
    values = values_of(found, written(after).strip())
    if isinstance(values, JsonText) and after:
        after = (space(), *after)
    return Form(before, values, after)


def _object(row: ToolRow, format: JsonCalls, sample: str) -> tuple[str, Form, str]:
    """Return the text before a call that is an object, the call with the sample's keys, and the text after it."""
    at = max(sample.find("{"), 0)
    head, _, tail = sample[at:].partition(PARIS.text)
    end, bracket, tail = tail.partition("}")
    *others, key = _KEYS.findall(head) or ("",)
    ids, name = others[:-1], "".join(others[-1:])
    alone = key == PARIS.name and not others  # the name is the key of the arguments
    known = alone or (name in format.names and key in format.keys and ids in ([], [format.id_key]))
    if not known or not bracket or end.strip():
        raise ValueError(
            f"{PREFIX}{row.name} cannot be constrained: its sample, from character {at}, is not a call with the keys "
            f"that its reader knows: {_listed(format.names)}, then {_listed(format.keys)}"
        )
    before = tuple(QUOTED if each == NAME else each for each in _pieces(head))
    # An id that the model makes up, and that is not before the name, follows the arguments.
    native = row.native_ids and not alone and not ids
    behind = (maybe(said(', "id": "'), ID, said('"'), written=False),) if native else ()
    return sample[:at], Form(before, JsonText(), (*behind, space(), said("}"))), tail


def _listed(keys: Sequence[str]) -> str:
    return " or ".join(map(repr, keys))


# --- shapes


def _block(row: ToolRow, format: object) -> Block:
    match format:
        case Tagged():
            first = _tagged(row, format)
            return replace(first, others=tuple(_inside(first, _block(row, each)) for each in format.written))
        case JsonCalls():
            return _json(row, format)
        case Pythonic():
            return _python(row, format)
        case GemmaCalls():
            form = Form((said("call:"), NAME, said("{")), gemma(format.marks.delimiter), (said("}"),))
            return Block(format.marks.openers[:1], form, format.marks.end, between="")
        case Beside():
            # The prompt may have opened an answer, and the message may be closed after the calls.
            return replace(_block(row, format.calls), front=format.answer.close, behind=format.close)
    raise Unwritable(f"{PREFIX}{row.name} cannot be written: {type(format).__name__} is not a format of `_block`")


def _inside(first: Block, other: Block) -> Block:
    """Return the block `other` as it is written after the opener of `first`."""
    if not other.opens[0].startswith(first.opens[0]):
        raise ValueError(f"{other.opens[0]!r} is not opened by {first.opens[0]!r}")
    opener = said(other.opens[0].removeprefix(first.opens[0]))
    return replace(other, before=(space(), opener, *other.before), after=_closed_up(other.after))


def _tagged(row: ToolRow, format: Tagged) -> Block:
    sample = format.sample
    section = next((span for span in format.sections if sample.startswith(span.open)), None)
    span = section or format.wrapper or format.call
    close = span.close if sample.endswith(span.close) else ""
    inner = sample.removeprefix(span.open).removesuffix(close)
    form = _form(row, format, inner.lstrip())
    first, last = inner[: len(inner) - len(inner.lstrip())], ""
    while form.after and form.after[-1].is_space:
        form, last = replace(form, after=form.after[:-1]), form.after[-1].text + last
    before = (space(first),) if first or span is format.wrapper else ()
    after = (space(last),) if close else ()
    if section is None:
        return Block((span.open,), form, close, before, after)
    return Block((span.open,), form, close, before, after, separator="", between=first)


def _json(row: ToolRow, format: JsonCalls) -> Block:
    head, form, tail = _object(row, format, format.sample)
    span, tokens = format.spans[0], [each for each in format.spans[1:] if each.open in row.special_tokens]
    opener, gap, last = head.rstrip(), head[len(head.rstrip()) :], tail[: len(tail) - len(tail.lstrip())]
    first, behind = (space(gap),), (space(last), said("]"))
    if not opener.endswith("["):
        if row.between is not None and row.between.strip():
            return Block((opener,), form, separator=row.between.strip(), bare=bool(format.bare))
        return Block((opener,), form, span.close, first, (space(last),) if span.close else ())
    array = Block((opener,), form, span.close, first, (*behind, space()), separator=",", between=f",{gap or ' '}")
    if opener == "[":  # the template writes no marker; the markers of the spans are optional
        return replace(array, opens=(span.open,), before=(space(), said("[")), after=behind, bare=True)
    if span.close:
        return array
    # A family whose opener is a word may also have special tokens as markers.
    closes = (maybe(either(*((said(each.close),) for each in tokens)), written=False),) if tokens else ()
    return replace(array, opens=(opener, *(f"{each.open}[" for each in tokens)), after=(*behind, *closes))


def _python(row: ToolRow, format: Pythonic) -> Block:
    span = format.as_json.spans[0]
    form = Form((NAME, said("(")), PYTHON, (said(")"),))
    if "[" not in format.sample:  # calls without a list count only between the markers
        inner = format.sample.removeprefix(span.open).removesuffix(span.close)
        before, after = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
        separator = (row.between or "").strip() or "\n"
        return Block((span.open,), form, span.close, (space(before),), (space(after),), separator=separator)
    bare = format.bare != ""
    return Block((span.open,), form, span.close, (said("["),), (said("]"),), separator=",", between=", ", bare=bare)


def _frame(row: ToolRow, frame: Frames) -> Frame:
    sample = frame.sample.removeprefix(frame.start)
    end = next((closer for closer in sorted(frame.closers.all) if sample.endswith(closer)), "")
    sample, close = sample.removesuffix(end), ""
    if isinstance(frame.inner, Tagged):
        close = next((span.close for span in frame.inner.sections), "")
        form = _form(row, frame.inner, sample.removesuffix(close))
    elif isinstance(frame.inner, JsonCalls):
        head, form, _ = _object(row, frame.inner, sample)
        # The object has the name too, so the header's may be missing.
        header = (maybe(each) if each == NAME else each for each in _pieces(head))
        form = replace(form, before=(*header, *form.before))
    elif isinstance(frame, Messages):
        form = _directed(frame)
    else:
        raise Unwritable(
            f"{PREFIX}{row.name} cannot be written: {type(frame).__name__} is not a frame that `_frame` knows"
        )
    thought, answer = texts_of(frame, reasoning_row(row.pairs[0]).close)
    preamble = None
    if isinstance(frame, Messages) and frame.channels:
        preamble = Span(f"{frame.words.channel}{frame.channels[1]}{frame.words.message}", thought.close)
    return Frame(frame.start, form, close, end, thought, answer, preamble)


def _directed(frame: Messages) -> Form:
    """Return the form of a directed message: the recipient is after the channel, or before it, after the role."""
    words, (_, usual, *_) = frame.words, frame.channels
    others = [each for each in frame.channels if each != usual]
    channel = either(*((said(f"{words.channel}{each}"),) for each in (usual, *others)))
    to: Pieces = (said(f" {words.to}{frame.prefix}"), NAME)
    head: Pieces = (either((channel, *to), (*to, channel)),)
    if words.constrain:
        head = *head, maybe(either((said(f" {words.constrain}json"),), (said(" json"),)))
    return Form((*head, said(words.message), space()), JsonText())
