"""Makes the xgrammar structural tag, in JSON, that constrains a reply to a format's own markup.

- Everything is derived from the format: its sample shows how calls are framed, its encoding how values are written.
- Between two parts there may be up to eight characters of white space; within a part it is as the sample has it.
- A call is one of the request's functions, once per turn if only one is allowed. Arguments follow the function's schema
  if it is strict, and are any object otherwise; parameters come in the order of the schema.
- A forced call may have no text before it. If a markup frames the whole reply, its reasoning is in the tag; for the
  others a grammar starts after reasoning, or allows it first (`reasoning_parser`).
- That reasoning is the block that the prompt left open, or one that the reply opens itself. Free text is never
  reasoning: a model that does not think would write it to the end.
- A string in a tag ends at the first closer: a constrained model cannot quote its own markup there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from ..format import Span
from ..kept import Kept
from ..message import fold
from ..parser import Parser, named_choice
from ..registry import PREFIX, reasoning_row, tool_row
from ..rows import ToolRow
from ..shapes.frames import Frames
from ..shapes.json_calls import JsonCalls
from .functions import Asked, Function, Level, asked_of, function_of, say, what_is_text
from .literals import Literals
from .schemas import content_of
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
    optional,
    plus,
    separated,
    sequence,
    star,
    tag,
    triggered,
)
from .template import Block, Frame, Unwritable, markup_of, texts_of, written
from .values import PARIS, Call, JsonText

_TAGS: Kept[Tag] = Kept(10_000_000)
"""Tags of earlier requests, by everything on which they depend; sizes are in characters."""
_OVERHEAD = 2_000
"""The size of a tag without its schemas."""


class ToolChoiceError(ValueError):
    """A request that cannot be served. The message says what to change.

    Attributes:
        plain: the message without the client's own names, for a log.
    """

    def __init__(self, message: str, plain: str | None = None) -> None:
        super().__init__(message)
        self.plain = message if plain is None else plain


class NoStructuralTag(ToolChoiceError):
    """No structural tag can express the markup of a format."""


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
    """Return the structural tag that constrains a reply to what a request allows.

    Args:
        tool_parser: the format that the model writes.
        tools: the request's OpenAI tools.
        tool_choice: "auto", "none", "required" or a named function.
        parallel_tool_calls: False: at most one call.
        level: the least to constrain.
        reasoning_parser: reasoning to allow before a forced call; None: the engine starts the grammar after it.
            If no call is forced, reasoning is text like any other.
        in_reasoning: whether the prompt ended inside that reasoning.

    Returns:
        The tag, or None if nothing has to be constrained.

    Raises:
        ToolChoiceError: the chosen function is not among the tools, a call is required but there are no tools, two
            tools of one name of which one is strict, or a forced call with a name that the format cannot write.
        NoStructuralTag: the markup of the format cannot be constrained as the request requires.
    """
    row = tool_row(tool_parser)
    asked = asked_of(tools, level)
    named = _named(asked, tool_choice)
    forced = named is not None or tool_choice == "required"
    if tool_choice == "none" or not asked:
        return None
    strict = any(each.strict for each in asked)
    if not (forced or strict or level != "auto" or not parallel_tool_calls):
        return None
    if named is not None:
        asked = [each for each in asked if each.name == named]
    _check_names(row, asked, forced=forced)
    reply = _Reply(row, forced, named is not None or not parallel_tool_calls, reasoning_parser, in_reasoning)
    try:
        return reply.tag(asked)
    except NoStructuralTag:
        if forced or strict:
            raise
        return None


def _named(asked: Sequence[Asked], tool_choice: object) -> str | None:
    """Return the function that a request names. Raises ToolChoiceError if a call is required that is not possible."""
    named = named_choice(tool_choice)
    if named is not None and named not in (each.name for each in asked):
        known = ", ".join(each.name for each in asked) or "none"
        raise ToolChoiceError(
            f"tool_choice names the function {named!r}, which is not in tools (known: {known})",
            "tool_choice names a function that is not in tools",
        )
    if tool_choice == "required" and not asked:
        raise ToolChoiceError("tool_choice is 'required', but tools has no function to call")
    return named


@dataclass(frozen=True, slots=True)
class _Reply:
    """The constraints on a reply, except the functions that it may call."""

    row: ToolRow
    forced: bool
    single: bool
    reasoning_parser: str | None
    in_reasoning: bool

    def tag(self, asked: Sequence[Asked]) -> Tag:
        """Return the tag for these functions, from the cache if it is known."""
        said = tuple([(each.name, content_of(each.parameters) if each.strict else b"") for each in asked])
        key = (self.row.name, said, self.forced, self.single, self.reasoning_parser, bool(self.in_reasoning))
        found = _TAGS.get(key)
        if found is None:
            left_out: dict[str, list[str]] = {}
            functions = [function_of(*each, one.parameters, left_out) for each, one in zip(said, asked, strict=True)]
            found = self._made(functions)
            say("no grammar enforces all of its schema; left out", left_out)
            _TAGS.put(key, found, _OVERHEAD + len(found.text) + sum(len(name) + len(schema) for name, schema in said))
        return found

    def _made(self, functions: Sequence[Function]) -> Tag:
        markup = _markup_of(self.row)
        if not isinstance(values := markup.forms[0].values, JsonText):
            literals = isinstance(values, Literals)
            what = "a grammar knows types and listed values only" if literals else "a string is any text"
            found = {each.name: words for each in functions if (words := what_is_text(self.row, each, literals))}
            say(f"in the markup of {PREFIX}{self.row.name} {what}; not enforced", found)
        format = self._format(markup, functions)
        return Tag(format, (each.made[form] for each in functions if each.doubtful for form in markup.forms))

    def _format(self, markup: Block | Frame, functions: Sequence[Function]) -> Format:
        if isinstance(markup, Frame):
            return self._messages(markup, functions)
        body = markup.body(functions, single=self.single)
        if self.forced:
            return self._calls(markup, body)
        if not markup.close:
            return dispatch(markup.opens, body, loop=not self.single)
        return triggered(markup.opens, _marked(markup, body), single=self.single)

    def _calls(self, markup: Block, body: Format) -> Format:
        """Return the format of forced calls, with what may come before: reasoning, white space, optional markers.

        Reasoning ends at its closer, or at the opener of a call.
        """
        calls, front, opener = _marked(markup, body), [GAP], None
        if markup.bare:
            calls = sequence(body, *([optional(const(markup.close))] if markup.close else []))
            opener = _opener(markup)
            front.append(optional(opener))
        elif markup.separator is None and not self.single:
            calls, front = plus(sequence(GAP, calls)), []
        if markup.front:
            front.append(optional(const(markup.front)))
        behind = [optional(const(markup.behind))] if markup.behind else []
        if self.reasoning_parser is None:
            return sequence(*front, calls, *behind, GAP)
        reasoning = reasoning_row(self.reasoning_parser)
        closed = sequence(const(reasoning.close), *front)
        thought = any_text(reasoning.close, *markup.opens)
        ended = sequence(thought, optional(closed) if opener is None else any_of((closed, opener)))
        if not self.in_reasoning:
            opened = sequence(GAP, const(reasoning.open), ended)
            ended = any_of((sequence(*front), opened)) if front else optional(opened)
        return sequence(ended, calls, *behind, GAP)

    def _messages(self, markup: Frame, functions: Sequence[Function]) -> Format:
        call = markup.form.format(functions)
        one = sequence(call, const(markup.close)) if markup.close else call
        several = one if self.single else separated(call, markup.end + markup.start, markup.close)
        calls = sequence(several, optional(const(markup.end)))
        thought = _message(markup.thought, markup.start)
        if self.forced:
            return sequence(star(thought), calls)
        answer = sequence(const(markup.answer.open), any_text(markup.start))
        before = [thought, *([_message(markup.preamble, markup.start)] if markup.preamble else [])]
        return sequence(star(any_of(before)), any_of((calls, answer)))


def _markup_of(row: ToolRow) -> Block | Frame:
    """Return a row's markup of calls. Raises NoStructuralTag if it is not known how calls are written."""
    try:
        return markup_of(row)
    except Unwritable:
        raise NoStructuralTag(
            f"the markup of {PREFIX}{row.name} has no structural tag: leave strict out of the tools, or force a call "
            "with tool_choice, which is then written as JSON"
        ) from None


def _opener(markup: Block) -> Format:
    return any_of(const(each) for each in markup.opens)


def _marked(markup: Block, body: Format) -> Format:
    """Return the format of calls with their opener and closer."""
    return tag(markup.opens[0], body, markup.close) if markup.close else sequence(_opener(markup), body)


def _message(text: Span, start: str) -> Format:
    """Return the format of a message of text with the start of the next message."""
    return tag(text.open, ANY_TEXT, text.close + start)


def frames_reply(row: ToolRow) -> bool:
    """Return whether a tag for this format covers the whole reply, its reasoning included."""
    return isinstance(row.format, Frames)


def around_arguments(tool_parser: str, name: str) -> tuple[str, str, str] | None:
    """Return the texts before and after the arguments of a call of `name`, and the opener with which the first begins.

    Returns:
        None if a call is more than a JSON object between two fixed texts.
    """
    row = tool_row(tool_parser)
    markup = markup_of(row) if isinstance(row.format, JsonCalls) else None
    if not isinstance(markup, Block) or markup.separator is not None or not markup.close:
        return None
    form = markup.form
    opened, closed = written((*markup.before, *form.before), name), written((*form.after, *markup.after))
    return markup.opens[0] + opened, closed + markup.close, markup.opens[0]


@cache
def has_structural_tag(tool_parser: str) -> bool:
    """Return whether a structural tag can express the format's markup."""
    try:
        structural_tag(tool_parser, [{"function": {"name": "f"}}], "required")
    except NoStructuralTag:
        return False
    return True


def answer_tag(reasoning_parser: str, answer: Mapping[str, object], *, in_reasoning: bool = False) -> Tag:
    """Return the tag of a whole reply whose answer is constrained.

    Args:
        reasoning_parser: the reasoning that may come first.
        answer: the constraint on the answer, as a format of structural tags (an object).
        in_reasoning: whether the prompt ended inside that reasoning.
    """
    row = reasoning_row(reasoning_parser)
    if isinstance(row.frame, Frames):
        thought, around = texts_of(row.frame, row.close)
        begun = sequence(star(_message(thought, row.frame.start)), const(around.open))
        return Tag(sequence(begun, as_json(answer), optional(const(around.close))))
    closed = sequence(any_text(row.close), const(row.close), GAP)
    before = closed if in_reasoning else optional(sequence(const(row.open), closed))
    return Tag(sequence(GAP, before, as_json(answer), GAP))


_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Names that every format can write: OpenAI's own rule."""


def _check_names(row: ToolRow, functions: Sequence[Asked], *, forced: bool) -> None:
    """Raise ToolChoiceError for names that cannot be constrained."""
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
    """Return whether a call of `name`, written like the format's sample, is read as a call."""
    reply = _markup_of(row).write([Call(name, PARIS.arguments, PARIS.text)])
    parser = Parser(row.name, tools=[{"function": {"name": name}}])
    calls = fold([*parser.feed(reply), *parser.finish()]).tool_calls
    return [call.name for call in calls] == [name]
