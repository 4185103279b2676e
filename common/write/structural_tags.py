"""What an engine's grammar has to allow: a format's own markup, as an xgrammar structural tag in JSON.

- Everything is taken from the format: its sample says how calls are framed, its encoding how values are written.
- White space may stand between two parts, up to eight characters of it; within a part it is as the sample has it.
- A call is one of the request's functions, once a turn where only one is allowed. Arguments follow the function's
  schema where it is strict, and are any object otherwise; parameters come in the order of the schema.
- A forced call may have no text before it. A markup that frames the whole reply has its reasoning in the tag; for the
  others a grammar starts after reasoning, or has it in front (`reasoning_parser`).
- Reasoning in front is what the prompt left open, or a thought that the reply opens itself. Free text is not
  reasoning: a model that does not think would write it to the end.
- A string in a tag ends at the first closer: a model that is constrained cannot quote its own markup there.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from json.encoder import encode_basestring
from typing import Literal, TypeAlias

from ..arguments.elements import NAMESPACE
from ..arguments.json_object import JsonObject
from ..arguments.minimax_m3 import MinimaxM3Values
from ..arguments.tags import Tags
from ..format import Span
from ..formats.inkling import CALLS as INKLING_CALLS
from ..formats.inkling import Inkling
from ..formats.kimi_k3 import CALLS as KIMI_K3_CALLS
from ..formats.kimi_k3 import KimiK3
from ..formats.mistral import Mistral
from ..formats.muse import ATEM, Muse
from ..kept import Kept
from ..message import fold
from ..parser import Parser, named_choice
from ..registry import PREFIX, reasoning_row, tool_row
from ..rows import ReasoningRow, ToolRow
from ..schema import Parameters
from ..shapes.frames import Frames
from ..shapes.gemma import GemmaCalls
from ..shapes.json_calls import JsonCalls
from ..shapes.messages import Messages
from ..shapes.pythonic import Pythonic
from ..shapes.tagged import Tagged
from .literals import PYTHON, Literals, gemma
from .schemas import LIMITS, NOT_JSON, TEXT_LIMITS, Cleaned, content_of, is_bare, is_plain, words_of
from .tag_text import (
    ANY_TEXT,
    GAP,
    Format,
    Tag,
    any_of,
    any_text,
    as_json,
    const,
    dispatch,
    listed,
    optional,
    plus,
    regex,
    separated,
    sequence,
    star,
    tag,
    triggered,
)
from .values import SAMPLE_KEY, Function, parameter_tag, parameters_as_elements, parameters_as_json

Level: TypeAlias = Literal["auto", "function", "parameter"]
"""What is constrained at least: what the request asks for, the framing of every call, or every argument too."""

_log = logging.getLogger("dynamo_parsers")
_NAME, _ARGUMENTS = "get_weather", '{"city": "Paris"}'
"""What every format's sample calls."""
_THOUGHT = "plan"
_HALF = re.compile(rb"\xed[\xa0-\xbf]")
_DIGITS = re.compile(r"([0-9]+)")
_ANY_ID = "[a-zA-Z0-9]{9}"
_ANY_NUMBER = "[0-9]{1,4}"
_TAGS: Kept[Tag] = Kept(10_000_000)
"""Tags of requests, by what they were made of; sizes in characters."""
_FUNCTIONS: Kept[Function] = Kept(10_000_000)
"""Strict tools, by their names and schemas, with the formats that were made of them."""
_OVERHEAD = 2_000
"""What a tag has beside its schemas."""


class ToolChoiceError(ValueError):
    """A request that cannot be served. The message says what to change.

    Attributes:
        plain: the message without the client's own words, for a log.
    """

    def __init__(self, message: str, plain: str | None = None) -> None:
        super().__init__(message)
        self.plain = message if plain is None else plain


class NoStructuralTag(ToolChoiceError):
    """A format whose markup no structural tag can express."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Calls in a reply: what opens them, what may stand there, what closes them."""

    opens: tuple[str, ...]
    """Each of them may open the calls."""
    body: Format
    close: str
    repeats: bool
    """Whether further calls are further blocks."""
    bare: bool = False
    """Whether the markers may be missing. In text calls then count only between them."""
    before: str = ""
    """What may stand before the calls, outside of reasoning."""
    behind: str = ""
    """What may stand after the calls."""

    @property
    def opener(self) -> Format:
        return any_of(const(each) for each in self.opens)

    @property
    def marked(self) -> Format:
        if self.close:
            return tag(self.opens[0], self.body, self.close)
        return sequence(self.opener, self.body)

    def forced(self, reasoning: ReasoningRow | None, *, inside: bool, single: bool) -> Format:
        """Calls, written once, and what may be in front of them: reasoning, white space, markers that may be missing.

        Reasoning ends at its closer, or at the opener of a call.
        """
        calls, front, opener = self.marked, [GAP], None
        if self.bare:
            calls = sequence(self.body, *([optional(const(self.close))] if self.close else []))
            opener = self.opener
            front.append(optional(opener))
        elif self.repeats and not single:
            calls, front = plus(sequence(GAP, self.marked)), []
        if self.before:
            front.append(optional(const(self.before)))
        behind = [optional(const(self.behind))] if self.behind else []
        if reasoning is None:
            return sequence(*front, calls, *behind, GAP)
        closed = sequence(const(reasoning.close), *front)
        thought = any_text(reasoning.close, *self.opens)
        ended = sequence(thought, optional(closed) if opener is None else any_of((closed, opener)))
        if not inside:
            opened = sequence(GAP, const(reasoning.open), ended)
            ended = any_of((sequence(*front), opened)) if front else optional(opened)
        return sequence(ended, calls, *behind, GAP)

    def in_text(self, *, single: bool) -> Format:
        """Text in which calls may stand."""
        if not self.close:
            return dispatch(self.opens, self.body, loop=not single)
        return triggered(self.opens, self.marked, single=single)


def structural_tag(  # noqa: PLR0913
    tool_parser: str,
    tools: Sequence[object],
    tool_choice: object = "auto",
    parallel_tool_calls: bool = True,
    *,
    level: Level = "auto",
    reasoning_parser: str | None = None,
    in_reasoning: bool = False,
) -> Tag | None:
    """The structural tag that constrains a reply to what a request allows.

    Args:
        tool_parser: the format that the model writes.
        tools: the request's OpenAI tools.
        tool_choice: "auto", "none", "required" or a named function.
        parallel_tool_calls: False: at most one call.
        level: what is constrained at least.
        reasoning_parser: reasoning to allow in front of a forced call; None: the engine starts the grammar behind it.
            Where no call is forced, reasoning is text like any other.
        in_reasoning: whether the prompt ended inside that reasoning.

    Returns:
        The tag, or None where nothing has to be constrained.

    Raises:
        ToolChoiceError: a choice of a function that is not among the tools, no tools to choose from, two strict
            tools of one name, or a forced call under a name that the format cannot carry.
        NoStructuralTag: nothing in the markup of the format could be constrained as the request asks.
    """
    row = tool_row(tool_parser)
    asked = _asked(tools, level)
    named, forced = named_choice(tool_choice), tool_choice == "required"
    if named is not None and named not in (each.name for each in asked):
        known = ", ".join(each.name for each in asked) or "none"
        raise ToolChoiceError(
            f"tool_choice names the function {named!r}, which is not in tools (known: {known})",
            "tool_choice names a function that is not in tools",
        )
    if forced and not asked:
        raise ToolChoiceError("tool_choice is 'required', but tools has no function to call")
    if tool_choice == "none" or not asked:
        return None
    strict = any(each.strict for each in asked)
    if not (forced or named is not None or strict or level != "auto" or not parallel_tool_calls):
        return None
    if named is not None:
        asked = [each for each in asked if each.name == named]
    forced = forced or named is not None
    _check_names(row, asked, forced=forced)
    reply = _Reply(row, forced, named is not None or not parallel_tool_calls, reasoning_parser, in_reasoning)
    try:
        return reply.tag(asked)
    except NoStructuralTag:
        if forced or strict:
            raise
        return None


@dataclass(frozen=True, slots=True)
class _Reply:
    """What a reply may be, but for the functions that it may call."""

    row: ToolRow
    forced: bool
    single: bool
    reasoning_parser: str | None
    in_reasoning: bool

    def tag(self, asked: Sequence[_Asked]) -> Tag:
        """The tag for these functions; the same as before for what was asked before."""
        said = tuple([(each.name, content_of(each.parameters) if each.strict else b"") for each in asked])
        key = (self.row.name, said, self.forced, self.single, self.reasoning_parser, bool(self.in_reasoning))
        found = _TAGS.get(key)
        if found is None:
            left_out: dict[str, list[str]] = {}
            functions = [_function(*each, one.parameters, left_out) for each, one in zip(said, asked, strict=True)]
            found = self._made(functions)
            _say("no grammar enforces all of its schema; left out", left_out)
            _TAGS.put(key, found, _OVERHEAD + len(found.text) + sum(len(name) + len(schema) for name, schema in said))
        return found

    def _made(self, functions: Sequence[Function]) -> Tag:
        if _writes_text(self.row.format):
            literals = isinstance(self.row.format, GemmaCalls | Pythonic)
            what = "a grammar knows types and listed values only" if literals else "a string is any text"
            found = {each.name: words for each in functions if (words := _what_is_text(self.row, each, literals))}
            _say(f"in the markup of {PREFIX}{self.row.name} {what}; not enforced", found)
        format = self._format(functions)
        return Tag(format, (call for each in functions if each.doubtful for call in each.made[self.row.name].values()))

    def _format(self, functions: Sequence[Function]) -> Format:
        if isinstance(self.row.format, Frames):
            return _framed(self.row, self.row.format, functions, forced=self.forced, single=self.single)
        block = _block(self.row, functions, single=self.single)
        if not self.forced:
            return block.in_text(single=self.single)
        reasoning = None if self.reasoning_parser is None else reasoning_row(self.reasoning_parser)
        return block.forced(reasoning, inside=self.in_reasoning, single=self.single)


def frames_reply(row: ToolRow) -> bool:
    """Whether a tag for this format speaks of the whole reply, its reasoning included."""
    return isinstance(row.format, Frames)


def around_arguments(tool_parser: str, name: str) -> tuple[str, str, str] | None:
    """What stands before the arguments of a call of `name`, what behind them, and the opener that it begins with.

    None where a call is more than a JSON object between two texts.
    """
    format = tool_row(tool_parser).format
    if not isinstance(format, JsonCalls) or not format.spans[0].close:
        return None
    before, _, behind = format.sample.partition(_ARGUMENTS)
    if "[" in before:  # the texts stand around several calls
        return None
    return before.replace(_NAME, encode_basestring(name)[1:-1]), behind, format.spans[0].open


@cache
def has_structural_tag(tool_parser: str) -> bool:
    """Whether the format's markup can be expressed."""
    try:
        structural_tag(tool_parser, [{"function": {"name": "f"}}], "required")
    except NoStructuralTag:
        return False
    return True


def answer_tag(reasoning_parser: str, answer: Mapping[str, object], *, in_reasoning: bool = False) -> Tag:
    """The tag of a whole reply whose answer is `answer`.

    Args:
        reasoning_parser: the reasoning that may stand in front.
        answer: how the answer has to look, as a format of structural tags and an object.
        in_reasoning: whether the prompt ended inside that reasoning.
    """
    row = reasoning_row(reasoning_parser)
    if isinstance(row.frame, Frames):
        around = row.frame.answer or Span(row.close, _after_answer(row.frame))
        begun = sequence(star(_thought(row.frame)), const(around.open))
        return Tag(sequence(begun, as_json(answer), optional(const(around.close))))
    thought = sequence(any_text(row.close), const(row.close), GAP)
    before = thought if in_reasoning else optional(sequence(const(row.open), thought))
    return Tag(sequence(GAP, before, as_json(answer), GAP))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A function of a request: what a tag depends on."""

    name: str
    strict: bool
    parameters: object
    """The schema of its arguments, if it is strict."""


def _asked(tools: Sequence[object], level: Level) -> list[_Asked]:
    found: list[_Asked] = []
    for tool in tools:
        function = tool.get("function", tool) if isinstance(tool, Mapping) else None
        name = function.get("name") if isinstance(function, Mapping) else None
        if isinstance(function, Mapping) and isinstance(name, str):
            strict = level == "parameter" or function.get("strict") is True
            found.append(_Asked(name, strict, function.get("parameters") if strict else None))
    return found


_NOTHING = Parameters(None)


def _function(name: str, content: bytes, schema: object, left_out: dict[str, list[str]]) -> Function:
    """How a function is called.

    Args:
        name: what it is called.
        content: what the schema of its arguments is kept by; empty if it is not strict.
        schema: that schema.
        left_out: gets what cannot be enforced of a strict one, when it is met first.
    """
    if not content:
        return Function(name, _NOTHING, False)
    found = _FUNCTIONS.get((name, content))
    if found is None:
        is_json = not content.startswith(NOT_JSON)
        cleaned = Cleaned.of(schema if is_json else json.loads(content.removeprefix(NOT_JSON)))
        doubtful = not (is_json and is_plain(cleaned.schema)) or _has_half(name, content)
        found = Function(name, Parameters(cleaned.schema), True, doubtful, cleaned.limits)
        if cleaned.dropped:
            left_out[name] = list(dict.fromkeys(cleaned.dropped))
        _FUNCTIONS.put((name, content), found, _OVERHEAD + 5 * len(content))
    return found


def _has_half(name: str, content: bytes) -> bool:
    """Whether there may be half a character in a function, which xgrammar refuses."""
    return _HALF.search(content) is not None or not (name.isascii() or name.isprintable())


def _writes_text(format: object) -> bool:
    """Whether a string is written as it is, so that its grammar is any text."""
    if isinstance(format, Tagged):
        return not isinstance(format.arguments, JsonObject)
    return isinstance(format, GemmaCalls | Pythonic | KimiK3 | Muse)


def _say(what: str, found: Mapping[str, Sequence[str]]) -> None:
    """Say what the grammar of a request does not enforce of its strict tools: one line, the others for who debugs."""
    for at, (name, words) in enumerate(found.items()):
        others = f", and so for {len(found) - 1} other tools of the request" if at == 0 and len(found) > 1 else ""
        level = logging.DEBUG if at else logging.WARNING
        _log.log(level, "the tool %r is strict, but %s: %s%s", name, what, ", ".join(words), others)


def _what_is_text(row: ToolRow, function: Function, literals: bool) -> list[str]:
    """Which words of a strict function's parameters hold for JSON only; nothing if that was asked before."""
    words = LIMITS if literals else TEXT_LIMITS
    if not function.strict or row.name in function.said or words.isdisjoint(function.limits):
        return []
    function.said.add(row.name)
    root = function.parameters.root
    found: list[str] = []
    for name, part in function.parameters.declared.items():
        if not is_bare(part):
            found += [f"{name}: {word}" for word in _words_in(part, root, words, literals)]
    return list(dict.fromkeys(found))


def _words_in(part: object, root: object, words: frozenset[str], deep: bool) -> Sequence[str]:
    key = content_of(part)
    found = _WORDS.get((key, deep))
    if found is None:
        found = list(words_of(part, root, words, deep=deep))
        if b"$ref" not in key:
            _WORDS.put((key, deep), found, len(key))
    return found


_WORDS: Kept[Sequence[str]] = Kept(200_000)
"""Which words hold for JSON only, by the content of a parameter's schema."""
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Names that every format carries: OpenAI's own rule."""


def _check_names(row: ToolRow, functions: Sequence[_Asked], *, forced: bool) -> None:
    """Raises ToolChoiceError for names that a model could not be held to."""
    seen: dict[str, bool] = {}
    for function in functions:
        if function.name in seen and (function.strict or seen[function.name]):
            raise ToolChoiceError(
                f"two tools are called {function.name!r}, and one is strict: rename one of them",
                "two tools have the same name, and one is strict",
            )
        seen[function.name] = function.strict or seen.get(function.name, False)
        if forced and not (_PLAIN_NAME.fullmatch(function.name) or _carries(row, function.name)):
            raise ToolChoiceError(
                f"the markup of {PREFIX}{row.name} cannot carry the function name {function.name!r}: rename it "
                "(letters, digits, '_', '-' and '.' are safe)",
                f"the markup of {PREFIX}{row.name} cannot carry the name of a function",
            )


@lru_cache(maxsize=4096)
def _carries(row: ToolRow, name: str) -> bool:
    """Whether a call of `name`, written as the format's sample is, is read as one."""
    written = row.format.sample.replace(_NAME, name)
    parser = Parser(row.name, tools=[{"function": {"name": name}}])
    calls = fold([*parser.feed(written), *parser.finish()]).tool_calls
    return [call.name for call in calls] == [name]


# --- replies


def _framed(row: ToolRow, frame: Frames, functions: Sequence[Function], *, forced: bool, single: bool) -> Format:
    end = _after_call(frame)
    call, close = _message_calls(row, frame, functions)
    one = sequence(call, const(close)) if close else call
    calls = sequence(one if single else separated(call, end + frame.start, close), optional(const(end)))
    if forced:
        return sequence(star(_thought(frame)), calls)
    answer = sequence(
        const(_answer_begins(row)),
        any_text(frame.start),
    )
    before = any_of((_thought(frame), *_preambles(frame)))
    return sequence(star(before), any_of((calls, answer)))


def _thought(frame: Frames) -> Format:
    """A message of reasoning, and the start of the next message."""
    begin, _, end = frame.reasoning_sample.removeprefix(frame.start).partition(_THOUGHT)
    return tag(begin, ANY_TEXT, end + frame.start)


def _preambles(frame: Frames) -> Iterator[Format]:
    """Messages of content before calls, and the start of the next message."""
    channels = frame.channels if isinstance(frame, Messages) else ()
    begin, _, end = frame.reasoning_sample.partition(_THOUGHT)
    if len(channels) > 1:
        yield tag(begin.replace(channels[0], channels[1]), ANY_TEXT, end + frame.start)


def _answer_begins(row: ToolRow) -> str:
    return reasoning_row(row.pairs[0]).close


def _after_call(frame: Frames) -> str:
    """What ends the message of a call."""
    return next((closer for closer in sorted(frame.closers.all) if frame.sample.endswith(closer)), "")


def _after_answer(frame: Frames) -> str:
    return frame.reasoning_sample.rpartition(_THOUGHT)[2]


# --- calls


def _calls(
    row: ToolRow,
    functions: Sequence[Function],
    head: Callable[[str], Format],
    rest: Callable[[Function], Sequence[Format]],
    shape: str = "",
    around: tuple[Sequence[Format], Sequence[Format]] = ((), ()),
) -> Format:
    """One call: up to the end of its name, and the rest, which depends on the name only if the function is strict.

    `shape` tells the kinds of calls of one row apart. What is `around` each call is written once, not for each
    function: 512 of them take a tenth less to compile.
    """
    found: list[Format] = []
    if plain := [each.name for each in functions if not each.strict]:
        found.append(sequence(any_of(map(head, plain)), *rest(_ANY_FUNCTION)))
    for each in functions:
        if each.strict:
            made = each.made.setdefault(row.name, {})
            if shape not in made:
                made[shape] = sequence(head(each.name), *rest(each))
            found.append(made[shape])
    before, after = around
    return sequence(*before, any_of(found), *after)


_ANY_FUNCTION = Function("", _NOTHING, False)


def _block(row: ToolRow, functions: Sequence[Function], *, single: bool) -> _Block:
    format = row.format
    if isinstance(format, KimiK3):
        found = _tagged_block(row, KIMI_K3_CALLS, functions, single=single)
        # The prompt may have begun an answer, and the message may be closed after the calls.
        return replace(found, before="<|close|>response<|sep|>", behind="<|close|>message<|sep|>")
    if isinstance(format, Mistral):
        named = _tagged_block(row, format.by_name, functions, single=single)
        call = _json_call(row, _ARRAY_SAMPLE, format.as_json, functions)
        array = sequence(GAP, const("["), listed(call, ",", single=single), const("]"))
        return replace(named, body=any_of((named.body, array)))
    if isinstance(format, GemmaCalls):
        before, _, tail = format.sample.partition(_NAME)
        opener = min(format.openers.all, key=len)
        head = before.removeprefix(opener)
        call = _literal_call(row, gemma(format.marks.delimiter), functions, lambda name: f"{head}{name}{{", "}")
        return _Block((opener,), call, tail.rpartition("}")[2], repeats=True)
    if isinstance(format, Pythonic):
        span = format.as_json.spans[0]
        call = _literal_call(row, PYTHON, functions, "{}(".format, ")")
        if "[" not in format.sample:  # a line for each call, which counts between the markers only
            return _Block((span.open,), listed(call, "\n", single=single), span.close, repeats=False)
        body = sequence(const("["), listed(call, ",", single=single), const("]"))
        return _Block((span.open,), body, span.close, repeats=False, bare=format.bare != "")
    if isinstance(format, JsonCalls):
        return _json_block(row, format, functions, single=single)
    if isinstance(format, Tagged):
        return _tagged_block(row, format, functions, single=single)
    raise NoStructuralTag(
        f"the markup of {PREFIX}{row.name} has no structural tag: leave strict out of the tools, or force a call with "
        "tool_choice, which is then written as JSON"
    )


def _literal_call(
    row: ToolRow, written: Literals, functions: Sequence[Function], head: Callable[[str], str], close: str
) -> Format:
    for each in functions:
        if each.doubtful:
            each.made[row.name] = {"": written.call([each], head, close)}
    return written.call(functions, head, close)


_ARRAY_SAMPLE = '[{"name": "get_weather", "arguments": {"city": "Paris"}}]'


def _json_block(row: ToolRow, format: JsonCalls, functions: Sequence[Function], *, single: bool) -> _Block:
    span = format.spans[0]
    head = format.sample.partition("{")[0].rstrip()
    call = _json_call(row, format.sample, format, functions)
    if head.endswith("["):
        body = sequence(listed(call, ",", single=single), const("]"))
        if head == "[":  # without a marker: what may stand there in its place is the spans'
            return _Block((span.open,), sequence(GAP, const(head), body), span.close, repeats=False, bare=True)
        if span.close:
            return _Block((head,), sequence(body, GAP), span.close, repeats=False)
        # A family whose opener is a word may have tokens of its own for the same.
        tokens = [each for each in format.spans[1:] if each.open in row.special_tokens]
        closes = [optional(any_of(const(each.close) for each in tokens))] if tokens else []
        opens = (head, *(f"{each.open}[" for each in tokens))
        return _Block(opens, sequence(body, *closes), "", repeats=False)
    if format.separator:
        calls = listed(call, format.separator, single=single)
        return _Block((head,), calls, "", repeats=False, bare=bool(format.bare))
    return _Block((head,), sequence(GAP, call, *([GAP] if span.close else [])), span.close, repeats=True)


def _json_call(row: ToolRow, sample: str, format: JsonCalls, functions: Sequence[Function]) -> Format:
    """A call as an object, with the keys of `sample`, which `format` reads."""
    before, head, after = _json_parts(row, sample, format)
    return _calls(
        row,
        functions,
        lambda name: const(head(name)),
        parameters_as_json,
        "object",
        (before, after),
    )


def _json_parts(
    row: ToolRow, sample: str, format: JsonCalls
) -> tuple[Sequence[Format], Callable[[str], str], Sequence[Format]]:
    """What stands before the name in its quotes, what from the name to the arguments, and what after these."""
    at = sample.index("{")
    try:
        said, _ = json.JSONDecoder().raw_decode(sample, at)
    except ValueError:
        said = {}
    if said == {_NAME: json.loads(_ARGUMENTS)}:
        return [const('{"')], lambda name: f"{encode_basestring(name)[1:]}: ", (GAP, const("}"))
    id_key = next(iter(said)) if len(said) == 3 else ""
    name_key, key = (each for each in said if each != id_key) if len(said) == 2 + bool(id_key) else ("", "")
    if (
        id_key not in ("", format.id_key)
        or name_key not in format.names
        or key not in format.keys
        or (said[name_key], said[key]) != (_NAME, json.loads(_ARGUMENTS))
    ):
        raise ValueError(
            f"{PREFIX}{row.name} cannot be constrained: its sample, from character {at} on, is no call with the keys "
            f"that its reader knows: {_listed(format.names)}, then {_listed(format.keys)}"
        )
    if id_key:
        before = [const(f'{{"{id_key}": "'), regex(_ANY_NUMBER), const(f'", "{name_key}": "')]
    else:
        before = [const(f'{{"{name_key}": "')]
    # Where templates give a call an id of the model's and not before its name, it follows the arguments.
    behind = row.native_ids and not id_key
    ids = [optional(sequence(const(', "id": "'), regex(_ANY_ID), const('"')))] if behind else []
    return (
        before,
        lambda name: f'{encode_basestring(name)[1:]}, "{key}": ',
        (*ids, GAP, const("}")),
    )


def _listed(keys: Sequence[str]) -> str:
    return " or ".join(map(repr, keys))


def _tagged_block(row: ToolRow, format: Tagged, functions: Sequence[Function], *, single: bool) -> _Block:
    sample = row.format.sample
    section = next((span for span in format.sections if sample.startswith(span.open)), None)
    if section is not None:
        inner = sample.removeprefix(section.open).removesuffix(section.close).strip()
        calls = _tagged_call(row, format, inner, functions)
        return _Block((section.open,), listed(calls, "", single=single), section.close, False)
    span = format.wrapper or format.call
    close = span.close if sample.endswith(span.close) else ""
    inner = sample.removeprefix(span.open).removesuffix(close).strip()
    calls = _tagged_call(row, format, inner, functions)
    gap = [GAP] if format.wrapper is not None else []
    return _Block((span.open,), sequence(*gap, calls, *([GAP] if close else [])), close, repeats=True)


def _tagged_call(row: ToolRow, format: Tagged, sample: str, functions: Sequence[Function]) -> Format:
    """One call; `sample` is one, without the markers around it."""
    head, _, after = sample.partition(_NAME)
    rest = _tagged_rest(format, after)
    return _calls(row, functions, const, rest, around=([const(head)] if head else [], ()))


def _tagged_rest(format: Tagged, sample: str) -> Callable[[Function], Sequence[Format]]:
    """What follows the name of a call; `sample` does."""
    arguments = format.arguments
    if isinstance(arguments, JsonObject):
        between, _, tail = sample.partition(_ARGUMENTS)
    elif isinstance(arguments, MinimaxM3Values):
        # Each parameter is an element of its own name.
        opened, closed = f"{NAMESPACE}<{SAMPLE_KEY}>", f"{NAMESPACE}</{SAMPLE_KEY}>"
        between, tail = sample[: sample.index(opened)], sample[sample.index(closed) + len(closed) :]
    elif isinstance(arguments, Tags):
        between = sample[: sample.index(arguments.open)]
        tail = sample[sample.rindex(arguments.close) + len(arguments.close) :]
    else:
        raise NoStructuralTag("this encoding of arguments has no structural tag")
    values = sample[len(between) : len(sample) - len(tail)]
    head: list[Format] = []
    if format.id_open:
        ended = sequence(optional(sequence(const(format.id_open), regex(_ANY_ID))), const(format.name_end[0]))
        head.append(optional(ended))
    if between[:1].isspace():
        head.append(GAP)
    head += _counted(between.strip())
    end = [const(tail.strip())] if tail.strip() else []
    written = parameter_tag(arguments, values) if isinstance(arguments, Tags) else None

    def parts(function: Function) -> Sequence[Format]:
        if isinstance(arguments, MinimaxM3Values):
            return [*head, GAP, *parameters_as_elements(function, tail.strip()), *end]
        if written is not None:
            return [*head, GAP, *written.parameters(function), *end]
        return [*head, GAP, *parameters_as_json(function), *([GAP] if tail else []), *end]

    return parts


def _message_calls(row: ToolRow, frame: Frames, functions: Sequence[Function]) -> tuple[Format, str]:
    """A message that calls one of the functions, without its end: up to a fixed text, and that text."""
    sample = frame.sample.removeprefix(frame.start).removesuffix(_after_call(frame))
    if isinstance(frame, Muse):
        section = ATEM.sections[0]
        header, _, inner = sample.partition(section.open)
        before, _, after = inner.removesuffix(section.close).strip().partition(_NAME)
        tagged = _tagged_rest(ATEM, after)
        return _calls(
            row,
            functions,
            lambda name: sequence(
                const(header.replace(_NAME, name).rstrip()), GAP, const(section.open), GAP, const(before + name)
            ),
            lambda each: [*tagged(each), GAP],
        ), section.close
    if isinstance(frame, Inkling):
        header, _, _ = sample.partition("{")
        opened = header.removeprefix(_NAME)
        brace, head, ended = _json_parts(row, sample, INKLING_CALLS)
        return _calls(
            row,
            functions,
            lambda name: sequence(optional(const(name)), const(opened), *brace, const(head(name))),
            parameters_as_json,
            around=((), ended),
        ), ""
    if isinstance(frame, Messages):
        return _directed(row, frame, sample, functions), ""
    raise NoStructuralTag("this frame has no structural tag")


def _directed(row: ToolRow, frame: Messages, sample: str, functions: Sequence[Function]) -> Format:
    """The recipient may stand after the channel, or before it, where the role was."""
    header = sample.partition(_ARGUMENTS)[0]
    channel, recipient, constraint = re.split(r"(?<=[a-z]) (?=to=)|(?<=" + _NAME + ")(?= )", header)
    marker = channel.removesuffix(frame.channels[1])
    channels = any_of(const(f"{marker}{each}") for each in frame.channels)
    constrained, _, end = constraint.rpartition("<|message|>")[0], "", "<|message|>"
    either = optional(any_of((const(constrained), const(" " + constrained.rpartition("|>")[2]))))

    def head(name: str) -> Format:
        to = const(" " + recipient.replace(_NAME, name))
        return any_of((sequence(channels, to), sequence(to, channels)))

    return _calls(row, functions, head, lambda each: (either, const(end), GAP, *parameters_as_json(each)))


def _counted(text: str) -> Iterator[Format]:
    """`text`, whose digits count calls and may be any."""
    for number, part in enumerate(_DIGITS.split(text)):
        if part:
            yield regex("[0-9]{1,4}") if number % 2 else const(part)
