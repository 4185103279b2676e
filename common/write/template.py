"""How a family writes calls, read off its sample once. A reply and a grammar are two folds of the same pieces.

- A sample is one call of `get_weather` with `{"city": "Paris"}`. These are holes; what stands between is the family's.
- White space with a line break in it may be other white space in a grammar. Digits after a name count the calls.
- Calls stand each between markers of their own, or several between the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from json.encoder import encode_basestring
from typing import Protocol, TypeAlias, runtime_checkable

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
from .tag_text import GAP, Format, any_of, const, listed, optional, regex, sequence
from .values import PARIS, Call, Elements, JsonText, ParameterTags, Values

THOUGHT, KEY, VALUE = "plan", "city", "Paris"
"""What every sample says."""


class Hole(Enum):
    """What a call fills in."""

    NAME = "name"
    QUOTED = "name in a JSON string"
    ARGUMENTS = "arguments"


@dataclass(frozen=True, slots=True)
class Space:
    """White space, as the template writes it."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """A number that counts the calls of a reply."""

    first: int


@dataclass(frozen=True, slots=True)
class Id:
    """An id that the model makes. It is not written."""


@dataclass(frozen=True, slots=True)
class Maybe:
    """What may be missing."""

    pieces: tuple[Piece, ...]
    written: bool = False


@dataclass(frozen=True, slots=True)
class Either:
    """One of several ways; the first is written."""

    ways: tuple[tuple[Piece, ...], ...]


Piece: TypeAlias = "str | Hole | Space | Count | Id | Maybe | Either"
Pieces: TypeAlias = "tuple[Piece, ...]"


def written(pieces: Sequence[Piece], name: str = "", arguments: str = "", number: int = 0) -> str:
    """Pieces as text."""
    texts: list[str] = []
    for piece in pieces:
        match piece:
            case str():
                texts.append(piece)
            case Space(text):
                texts.append(text)
            case Hole.ARGUMENTS:
                texts.append(arguments)
            case Hole():
                texts.append(_name(piece, name))
            case Count(first):
                texts.append(str(first + number))
            case Maybe(inner, True):
                texts.append(written(inner, name, arguments, number))
            case Either(ways):
                texts.append(written(ways[0], name, arguments, number))
    return "".join(texts)


def allowed(pieces: Sequence[Piece], name: str = "") -> list[Format]:
    """Pieces as a grammar has them."""
    formats: list[Format] = []
    for piece in pieces:
        match piece:
            case str():
                formats.append(const(piece))
            case Space() if GAP not in formats[-1:]:
                formats.append(GAP)
            case Hole():
                formats.append(const(_name(piece, name)))
            case Count():
                formats.append(regex("[0-9]{1,4}"))
            case Id():
                formats.append(regex("[a-zA-Z0-9]{9}"))
            case Maybe(inner):
                formats.append(optional(sequence(*allowed(inner, name))))
            case Either(ways):
                formats.append(any_of(sequence(*allowed(way, name)) for way in ways))
    return formats


def _name(piece: Hole, name: str) -> str:
    return encode_basestring(name)[1:-1] if piece is Hole.QUOTED else name


def _depends(piece: Piece) -> bool:
    """Whether a piece holds the name."""
    match piece:
        case Maybe(inner):
            return any(map(_depends, inner))
        case Either(ways):
            return any(_depends(each) for way in ways for each in way)
    return piece in (Hole.NAME, Hole.QUOTED)


@dataclass(frozen=True, eq=False)
class Form:
    """One call."""

    pieces: Pieces
    values: Values | Literals

    def write(self, call: Call, number: int) -> str:
        return written(self.pieces, call.name, self.values.write(call), number)

    @cached_property
    def around(self) -> tuple[Pieces, Pieces]:
        """What stands before the arguments, and what after them."""
        at = self.pieces.index(Hole.ARGUMENTS)
        return self.pieces[:at], self.pieces[at + 1 :]

    @cached_property
    def _parts(self) -> tuple[list[Format], Pieces, list[Format], list[Format]]:
        """What is before the name, what depends on it, what is between that and the arguments, and what follows."""
        before, after = self.around
        first, *others = [at for at, piece in enumerate(before) if _depends(piece)]
        last = max(first, *others, 0) + 1
        return allowed(before[:first]), before[first:last], allowed(before[last:]), allowed(after)

    def format(self, functions: Sequence[Function]) -> Format:
        """A call of one of the functions. What does not depend on it is written once: it takes less to compile."""
        if isinstance(self.values, Literals):
            return self._as_literals(self.values, functions)
        before, named, between, after = self._parts
        found: list[Format] = []
        if plain := [each.name for each in functions if not each.strict]:
            heads = any_of(sequence(*allowed(named, name)) for name in plain)
            found.append(sequence(heads, *between, *self.values.formats(ANY_FUNCTION)))
        for each in functions:
            if each.strict:
                if self not in each.made:
                    each.made[self] = sequence(*allowed(named, each.name), *between, *self.values.formats(each))
                found.append(each.made[self])
        return sequence(*before, any_of(found), *after)

    def _as_literals(self, literals: Literals, functions: Sequence[Function]) -> Format:
        before, after = self.around

        def head(name: str) -> str:
            return written(before, name)

        for each in functions:
            if each.doubtful:
                each.made[self] = literals.call([each], head, written(after))
        return literals.call(functions, head, written(after))


@dataclass(frozen=True, eq=False)
class Block:
    """Calls in a reply, and what opens and closes them."""

    opens: tuple[str, ...]
    """Each of them may open the calls; the first is written."""
    form: Form
    close: str = ""
    before: Pieces = ()
    after: Pieces = ()
    """What stands before and after the calls, between the markers."""
    separator: str | None = None
    """What a grammar has between calls in the same markers; None: each call has its own."""
    between: str = "\n"
    """What is written between calls."""
    bare: bool = False
    """Whether the markers may be missing. In text calls then count only between them."""
    others: tuple[Block, ...] = ()
    """Other ways to write what is between the markers."""
    front: str = ""
    """What may stand before the calls, outside of reasoning."""
    behind: str = ""
    """What may stand after the calls."""

    @property
    def forms(self) -> tuple[Form, ...]:
        return (self.form, *(each.form for each in self.others))

    def write(self, calls: Sequence[Call]) -> str:
        texts = [self.form.write(call, number) for number, call in enumerate(calls)]
        each = texts if self.separator is None else [self.between.join(texts)]
        opened, closed = self.opens[0] + written(self.before), written(self.after) + self.close
        return self.between.join(f"{opened}{text}{closed}" for text in each)

    def body(self, functions: Sequence[Function], *, single: bool) -> Format:
        """What is between the markers."""
        call = self.form.format(functions)
        before, after = self.before, self.after
        if self.separator is not None:  # a list has white space around each call
            call = listed(call, self.separator, single=single)
            before = before[: -1 if before and isinstance(before[-1], Space) else None]
            after = after[1 if after and isinstance(after[0], Space) else 0 :]
        own = sequence(*allowed(before), call, *allowed(after))
        return any_of([own, *(each.body(functions, single=single) for each in self.others)])


@dataclass(frozen=True, eq=False)
class Frame:
    """Calls that are a message each."""

    start: str
    form: Form
    close: str
    """What is before the end of a message."""
    end: str
    thought: Span
    answer: Span
    preamble: Span | None
    """Content before a call."""

    @property
    def forms(self) -> tuple[Form, ...]:
        return (self.form,)

    def write(self, calls: Sequence[Call]) -> str:
        return "".join(f"{self.start}{self.form.write(each, 0)}{self.close}{self.end}" for each in calls)


@runtime_checkable
class Beside(Protocol):
    """A format with calls beside an answer that has tags of its own, all in one message."""

    calls: Tagged
    answer: Span
    close: str


class Unwritable(ValueError):
    """A format of no shape that is known here."""


_MARKUPS: dict[str, tuple[ToolRow, Block | Frame]] = {}


def markup_of(row: ToolRow) -> Block | Frame:
    """How a row's calls are written: the same object each time.

    Raises Unwritable for a format of another shape, ValueError for a sample that is not as its format says.
    """
    known = _MARKUPS.get(row.name)
    if known is None or known[0] is not row:
        made = _frame(row, row.format) if isinstance(row.format, Frames) else _block(row, row.format)
        if isinstance(made, Block) and row.between is not None:
            made = replace(made, between=row.between)
        known = _MARKUPS[row.name] = row, made
    return known[1]


def texts_of(frame: FrameFormat, close: str) -> tuple[Span, Span]:
    """What is around reasoning and around the answer in a frame, but for the start of a message.

    `close`: what ends reasoning for an answer to begin, if the frame does not say how it begins.
    """
    begin, end = frame.reasoning_sample.removeprefix(start_of(frame)).split(THOUGHT)
    return Span(begin, end), frame.answer or Span(close, end)


def start_of(frame: object) -> str:
    """What starts each message but the first, whose start the prompt wrote."""
    return frame.start if isinstance(frame, Frames) else ""


# --- samples, read


def _pieces(sample: str, arguments: str) -> tuple[Pieces, re.Match[str] | None]:
    """The pieces of a sample, and the match of its `arguments`, a pattern."""
    holes = rf"(?P<name>{PARIS.name})|(?P<arguments>{arguments})|(?P<count>(?<=[:\"])[0-9]+)|(?P<space>\s*\n\s*)"
    pieces: list[Piece] = []
    at, said = 0, None
    for found in re.finditer(holes, sample, re.DOTALL):
        pieces += [sample[at : found.start()]] if at < found.start() else []
        at = found.end()
        if found["name"]:
            pieces.append(Hole.NAME)
        elif found["arguments"]:
            pieces.append(Hole.ARGUMENTS)
            said = found
        else:
            pieces.append(Count(int(found["count"])) if found["count"] else Space(found["space"]))
    return (*pieces, *([sample[at:]] if sample[at:] else [])), said


def _values(arguments: object, found: re.Match[str], after: str) -> Values:
    if isinstance(arguments, MinimaxM3Values):
        return Elements(after)
    if isinstance(arguments, Tags):
        return ParameterTags(arguments, found["opened"], found["between"], found["framed"], found["gap"])
    if isinstance(arguments, Lines):
        return LineValues(found["between"], found["gap"], after)
    return JsonText()


def _form(row: ToolRow, format: Tagged, sample: str) -> Form:
    """A call with its name before its arguments. `sample` is one, and what else is between the markers."""
    arguments = format.arguments
    if isinstance(arguments, MinimaxM3Values):
        pattern = re.escape(f"{NAMESPACE}<{KEY}>{VALUE}{NAMESPACE}</{KEY}>")
    elif isinstance(arguments, Tags):
        opened, close = re.escape(arguments.open), re.escape(arguments.close)
        pattern = rf"(?P<opened>{opened}.*?){KEY}(?P<between>.*?){VALUE}(?P<framed>\s*){close}(?P<gap>\s*)"
    elif isinstance(arguments, Lines):
        pattern = rf"{KEY}(?P<between>{re.escape(arguments.between)}[ \t]*){VALUE}(?P<gap>{re.escape(arguments.end)})"
    elif isinstance(arguments, JsonObject):
        pattern = re.escape(PARIS.text)
    else:
        raise Unwritable(
            f"{PREFIX}{row.name} cannot be written: {type(arguments).__name__} is no encoding that `_form` knows"
        )
    pieces, found = _pieces(sample, pattern)
    if isinstance(arguments, Lines):  # the end of a line is no white space
        pieces = tuple(each.text if isinstance(each, Space) else each for each in pieces)
    if found is None or Hole.NAME not in pieces:
        raise ValueError(
            f"{PREFIX}{row.name} cannot be written: its sample is no call of {PARIS.name} with {PARIS.text} in the "
            "markup that its format has"
        )
    name, at = pieces.index(Hole.NAME), pieces.index(Hole.ARGUMENTS)
    before, after = [*pieces[:at], *([] if isinstance(arguments, Lines) else [Space()])], [*pieces[at + 1 :]]
    if format.id_open:
        before.insert(name + 1, Maybe((Maybe((format.id_open, Id())), format.name_end[0]), written=True))
    values = _values(arguments, found, written(after).strip())
    if isinstance(values, JsonText) and after:
        after.insert(0, Space())
    return Form((*before, Hole.ARGUMENTS, *after), values)


def _object(row: ToolRow, format: JsonCalls, sample: str) -> tuple[str, Form, str]:
    """A call as an object: what is before it, the call with the keys of the sample, and what is after it."""
    at = max(sample.find("{"), 0)
    try:
        said, end = json.JSONDecoder().raw_decode(sample, at)
    except ValueError:
        said, end = {}, len(sample)
    before: Pieces
    behind: Pieces = ()
    keys = {json.dumps(value): key for key, value in said.items()}
    name, key = keys.pop(json.dumps(PARIS.name), ""), keys.pop(PARIS.text, "")
    id_key = next(iter(keys.values()), "")
    if said == {PARIS.name: PARIS.arguments}:
        before = '{"', Hole.QUOTED, '": '
    elif (
        list(said) != [*([id_key] if id_key else []), name, key]
        or name not in format.names
        or key not in format.keys
        or id_key not in ("", format.id_key)
    ):
        raise ValueError(
            f"{PREFIX}{row.name} cannot be constrained: its sample, from character {at} on, is no call with the keys "
            f"that its reader knows: {_listed(format.names)}, then {_listed(format.keys)}"
        )
    else:
        number: Pieces = (f'{{"{id_key}": "', Count(0), '", ') if id_key else ("{",)
        before = *number[:-1], f'{number[-1]}"{name}": "', Hole.QUOTED, f'", "{key}": '
        # Where templates give a call an id of the model's and not before its name, it follows the arguments.
        behind = (Maybe((', "id": "', Id(), '"')),) if row.native_ids and not id_key else ()
    return sample[:at], Form((*before, Hole.ARGUMENTS, *behind, Space(), "}"), JsonText()), sample[end:]


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
            form = Form(("call:", Hole.NAME, "{", Hole.ARGUMENTS, "}"), gemma(format.marks.delimiter))
            return Block(format.marks.openers[:1], form, format.marks.end, between="")
        case Beside():
            # The prompt may have begun an answer, and the message may be closed after the calls.
            return replace(_block(row, format.calls), front=format.answer.close, behind=format.close)
    raise Unwritable(f"{PREFIX}{row.name} cannot be written: {type(format).__name__} is no format that `_block` knows")


def _inside(first: Block, other: Block) -> Block:
    """What another way writes after the opener of the first."""
    if not other.opens[0].startswith(first.opens[0]):
        raise ValueError(f"{other.opens[0]!r} is not opened by {first.opens[0]!r}")
    after = tuple(other.after[: -1 if isinstance(other.after[-1], Space) else None])
    return replace(other, before=(Space(), other.opens[0].removeprefix(first.opens[0]), *other.before), after=after)


def _tagged(row: ToolRow, format: Tagged) -> Block:
    sample = format.sample
    section = next((span for span in format.sections if sample.startswith(span.open)), None)
    span = section or format.wrapper or format.call
    close = span.close if sample.endswith(span.close) else ""
    inner = sample.removeprefix(span.open).removesuffix(close)
    form = _form(row, format, inner.lstrip())
    first, last = inner[: len(inner) - len(inner.lstrip())], ""
    while isinstance(space := form.pieces[-1], Space):
        form, last = replace(form, pieces=form.pieces[:-1]), space.text + last
    before = (Space(first),) if first or span is format.wrapper else ()
    after = (Space(last),) if close else ()
    if section is None:
        return Block((span.open,), form, close, before, after)
    return Block((span.open,), form, close, before, after, separator="", between=first)


def _json(row: ToolRow, format: JsonCalls) -> Block:
    head, form, tail = _object(row, format, format.sample)
    span, tokens = format.spans[0], [each for each in format.spans[1:] if each.open in row.special_tokens]
    opener, gap, last = head.rstrip(), head[len(head.rstrip()) :], tail[: len(tail) - len(tail.lstrip())]
    first, behind = (Space(gap),), (Space(last), "]")
    if not opener.endswith("["):
        if row.between is not None and row.between.strip():
            return Block((opener,), form, separator=row.between.strip(), bare=bool(format.bare))
        return Block((opener,), form, span.close, first, (Space(last),) if span.close else ())
    array = Block((opener,), form, span.close, first, (*behind, Space()), separator=",", between=f",{gap or ' '}")
    if opener == "[":  # without a marker: what may stand there in its place is the spans'
        return replace(array, opens=(span.open,), before=(Space(), "["), after=behind, bare=True)
    if span.close:
        return array
    # A family whose opener is a word may have tokens of its own for the same.
    closes = (Maybe((Either(tuple((each.close,) for each in tokens)),)),) if tokens else ()
    return replace(array, opens=(opener, *(f"{each.open}[" for each in tokens)), after=(*behind, *closes))


def _python(row: ToolRow, format: Pythonic) -> Block:
    span = format.as_json.spans[0]
    form = Form((Hole.NAME, "(", Hole.ARGUMENTS, ")"), PYTHON)
    if "[" not in format.sample:  # calls without a list count between the markers only
        inner = format.sample.removeprefix(span.open).removesuffix(span.close)
        before, after = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
        separator = (row.between or "").strip() or "\n"
        return Block((span.open,), form, span.close, (Space(before),), (Space(after),), separator=separator)
    bare = format.bare != ""
    return Block((span.open,), form, span.close, ("[",), ("]",), separator=",", between=", ", bare=bare)


def _frame(row: ToolRow, frame: Frames) -> Frame:
    sample = frame.sample.removeprefix(frame.start)
    end = next((closer for closer in sorted(frame.closers.all) if sample.endswith(closer)), "")
    sample, close = sample.removesuffix(end), ""
    if isinstance(frame.inner, Tagged):
        close = next((span.close for span in frame.inner.sections), "")
        form = _form(row, frame.inner, sample.removesuffix(close))
    elif isinstance(frame.inner, JsonCalls):
        head, form, _ = _object(row, frame.inner, sample)
        header, _ = _pieces(head, "(?!)")
        # The object has the name as well.
        said = (Maybe((each,), written=True) if each is Hole.NAME else each for each in header)
        form = Form((*said, *form.pieces), form.values)
    elif isinstance(frame, Messages):
        form = _directed(frame)
    else:
        raise Unwritable(
            f"{PREFIX}{row.name} cannot be written: {type(frame).__name__} is no frame that `_frame` knows"
        )
    thought, answer = texts_of(frame, reasoning_row(row.pairs[0]).close)
    preamble = None
    if isinstance(frame, Messages) and frame.channels:
        preamble = Span(f"{frame.words.channel}{frame.channels[1]}{frame.words.message}", thought.close)
    return Frame(frame.start, form, close, end, thought, answer, preamble)


def _directed(frame: Messages) -> Form:
    """The recipient may stand after the channel, or before it, where the role was."""
    words, (_, usual, *_) = frame.words, frame.channels
    others = [each for each in frame.channels if each != usual]
    channel = Either(tuple((f"{words.channel}{each}",) for each in (usual, *others)))
    to: Pieces = (f" {words.to}{frame.prefix}", Hole.NAME)
    head: Pieces = (Either(((channel, *to), (*to, channel))),)
    if words.constrain:
        head = *head, Maybe((Either(((f" {words.constrain}json",), (" json",))),), written=True)
    return Form((*head, words.message, Space(), Hole.ARGUMENTS), JsonText())
