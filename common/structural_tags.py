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
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal, TypeAlias

from .arguments.elements import NAMESPACE
from .arguments.gemma import DELIMITER
from .arguments.json_object import JsonObject
from .arguments.minimax_m3 import MinimaxM3Values
from .arguments.tags import Tags
from .formats.frames import Frames
from .formats.gemma4 import Gemma4
from .formats.inkling import CALLS as INKLING_CALLS
from .formats.inkling import Inkling
from .formats.json_calls import JsonCalls
from .formats.kimi_k3 import CALLS as KIMI_K3_CALLS
from .formats.kimi_k3 import KimiK3
from .formats.messages import Messages
from .formats.mistral import Mistral
from .formats.muse import ATEM, Muse
from .formats.pythonic import Pythonic
from .formats.tagged import Tagged
from .message import fold
from .parser import Parser, named_choice
from .registry import PREFIX, ReasoningRow, ToolRow, reasoning_row, tool_row
from .schema import Tools
from .tag_formats import ANY_TEXT, GAP, Format, any_of, const, json_schema, listed, optional, regex, sequence, star, tag
from .tag_values import SAMPLE_KEY, Function, Literals, parameters_as_elements, parameters_in_tags

Level: TypeAlias = Literal["auto", "function", "parameter"]
"""What is constrained at least: what the request asks for, the framing of every call, or every argument too."""

_NAME, _ARGUMENTS = "get_weather", '{"city": "Paris"}'
"""What every format's sample calls."""
_THOUGHT = "plan"
_DIGITS = re.compile(r"([0-9]+)")
_ANY_ID = "[a-zA-Z0-9]{9}"


_GEMMA_KEY = r"[^,:={}\[\]()<>\"'\s]{1,64}"
_GEMMA = Literals(
    string=tag(DELIMITER, ANY_TEXT, DELIMITER),
    words=("true", "false", "null"),
    key="{}:".format,
    quote=lambda text: f"{DELIMITER}{text}{DELIMITER}",
    grammar=r"""
value ::= string | number | "true" | "false" | "null" | array | "{" gap members gap "}"
array ::= "[" gap (value (comma value)*)? gap "]"
members ::= (member (comma member)*)?
member ::= [^,:={}()<>"' \n\[\]]+ ":" gap value
string ::= "<|\"|>" ([^<] | "<"+ [^|<])* "<"* "<|\"|>"
number ::= "-"? [0-9]+ ("." [0-9]+)? ([eE] [+-]? [0-9]+)?
comma ::= gap "," gap
gap ::= " "* | "\n" " "*
""",
)
_PYTHON_KEY = r"[A-Za-z_][A-Za-z0-9_]{0,63}"
_PYTHON = Literals(
    string=regex(r"""'([^'\\\n]|\\[^\n])*'|"([^"\\\n]|\\[^\n])*\""""),
    words=("True", "False", "None"),
    key=lambda name: f"{name!r}: ",
    quote=repr,
    grammar=r"""
value ::= string | number | "True" | "False" | "None" | array | "{" gap members gap "}"
array ::= "[" gap (value (comma value)*)? gap "]"
members ::= (member (comma member)*)?
member ::= string gap ":" gap value
string ::= "'" ([^'\\\n] | "\\" [^\n])* "'" | "\"" ([^"\\\n] | "\\" [^\n])* "\""
number ::= "-"? [0-9]+ ("." [0-9]+)? ([eE] [+-]? [0-9]+)?
comma ::= gap "," gap
gap ::= " "* | "\n" " "*
""",
)


class ToolChoiceError(ValueError):
    """A request that cannot be served. The message says what to change."""


class NoStructuralTag(ToolChoiceError):
    """A format whose markup no structural tag can express."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Calls in a reply: what opens them, what may stand there, what closes them."""

    open: str
    body: Format
    close: str
    repeats: bool
    """Whether further calls are further blocks."""
    bare: bool = False
    """Whether the markers may be missing. In text calls then count only between them."""

    @property
    def whole(self) -> Format:
        if self.bare:
            closed = (optional(const(self.close)),) if self.close else ()
            return sequence(optional(const(self.open)), self.body, *closed)
        return self.marked

    @property
    def marked(self) -> Format:
        return tag(self.open, self.body, self.close) if self.close else sequence(const(self.open), self.body)

    def calls(self, *, single: bool) -> Format:
        """Calls between markers, from the first one on."""
        if self.repeats and not single:
            return sequence(self.marked, star(sequence(GAP, self.marked)))
        return self.marked

    def in_text(self, *, single: bool) -> Format:
        """Text in which calls may stand."""
        if not self.close:
            return {"type": "dispatch", "rules": [[self.open, self.body]], "loop": not single}
        return {
            "type": "triggered_tags",
            "triggers": [self.open],
            "tags": [self.marked],
            "at_least_one": False,
            "stop_after_first": single,
        }


def structural_tag(  # noqa: PLR0913
    tool_parser: str,
    tools: Sequence[object],
    tool_choice: object = "auto",
    parallel_tool_calls: bool = True,
    *,
    level: Level = "auto",
    reasoning_parser: str | None = None,
    in_reasoning: bool = False,
) -> dict[str, object] | None:
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
        The tag as JSON, or None where nothing has to be constrained.

    Raises:
        ToolChoiceError: a choice of a function that is not among the tools, no tools to choose from, two strict
            tools of one name, or a forced call under a name that the format cannot carry.
        NoStructuralTag: nothing in the markup of the format could be constrained as the request asks.
    """
    row = tool_row(tool_parser)
    functions = _functions(tools, level)
    named, forced = named_choice(tool_choice), tool_choice == "required"
    if named is not None and named not in (function.name for function in functions):
        known = ", ".join(function.name for function in functions) or "none"
        raise ToolChoiceError(f"tool_choice names the function {named!r}, which is not in tools (known: {known})")
    if forced and not functions:
        raise ToolChoiceError("tool_choice is 'required', but tools has no function to call")
    if tool_choice == "none" or not functions:
        return None
    strict = any(function.strict for function in functions)
    if not (forced or named is not None or strict or level != "auto" or not parallel_tool_calls):
        return None
    if named is not None:
        functions = [function for function in functions if function.name == named]
    forced = forced or named is not None
    _check_names(row, functions, forced=forced)
    single = named is not None or not parallel_tool_calls
    try:
        found = _reply(row, functions, forced=forced, single=single)
    except NoStructuralTag:
        if forced or strict:
            raise
        return None
    if reasoning_parser is not None and forced and not frames_reply(row):
        block = _block(row, functions, single=single)
        found = _behind_reasoning(
            found, block.calls(single=single), reasoning_row(reasoning_parser), block.open, in_reasoning
        )
    if forced and not frames_reply(row):
        found = sequence(GAP, found, GAP)
    return {"type": "structural_tag", "format": found}


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
    return before.replace(_NAME, json.dumps(name, ensure_ascii=False)[1:-1]), behind, format.spans[0].open


@cache
def has_structural_tag(tool_parser: str) -> bool:
    """Whether the format's markup can be expressed."""
    try:
        structural_tag(tool_parser, [{"function": {"name": "f"}}], "required")
    except NoStructuralTag:
        return False
    return True


def answer_tag(reasoning_parser: str, answer: Format, *, in_reasoning: bool = False) -> dict[str, object]:
    """The tag of a whole reply whose answer is `answer`.

    Args:
        reasoning_parser: the reasoning that may stand in front.
        answer: how the answer has to look, as a format of structural tags.
        in_reasoning: whether the prompt ended inside that reasoning.
    """
    row = reasoning_row(reasoning_parser)
    if isinstance(row.frame, Frames):
        begun = sequence(star(_thought(row.frame)), const(row.close))
        framed = sequence(begun, answer, optional(const(_after_answer(row.frame))))
        return {"type": "structural_tag", "format": framed}
    closed = sequence({"type": "any_text", "excludes": [row.close]}, const(row.close), GAP, answer)
    found = closed if in_reasoning else any_of((answer, sequence(const(row.open), closed)))
    return {"type": "structural_tag", "format": sequence(GAP, found, GAP)}


def _functions(tools: Sequence[object], level: Level) -> list[Function]:
    known = Tools(tools)
    found: list[Function] = []
    for tool in tools:
        function = tool.get("function", tool) if isinstance(tool, Mapping) else None
        name = function.get("name") if isinstance(function, Mapping) else None
        if isinstance(function, Mapping) and isinstance(name, str):
            strict = level == "parameter" or function.get("strict") is True
            found.append(Function(name, known.parameters(name), strict))
    return found


_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Names that every format carries: OpenAI's own rule."""


def _check_names(row: ToolRow, functions: Sequence[Function], *, forced: bool) -> None:
    """Raises ToolChoiceError for names that a model could not be held to."""
    seen: dict[str, bool] = {}
    for function in functions:
        if function.name in seen and (function.strict or seen[function.name]):
            raise ToolChoiceError(f"two tools are called {function.name!r}, and one is strict: rename one of them")
        seen[function.name] = function.strict or seen.get(function.name, False)
        if forced and not _carries(row, function.name):
            raise ToolChoiceError(
                f"the markup of {PREFIX}{row.name} cannot carry the function name {function.name!r}: rename it "
                "(letters, digits, '_', '-' and '.' are safe)"
            )


@lru_cache(maxsize=4096)
def _carries(row: ToolRow, name: str) -> bool:
    """Whether a call of `name`, written as the format's sample is, is read as one."""
    if _PLAIN_NAME.fullmatch(name):
        return True
    written = row.format.sample.replace(_NAME, name)
    parser = Parser(row.name, tools=[{"function": {"name": name}}])
    calls = fold([*parser.feed(written), *parser.finish()]).tool_calls
    return [call.name for call in calls] == [name]


# --- replies


def _reply(row: ToolRow, functions: Sequence[Function], *, forced: bool, single: bool) -> Format:
    if isinstance(row.format, Frames):
        return _framed(row, row.format, functions, forced=forced, single=single)
    block = _block(row, functions, single=single)
    if not forced:
        return block.in_text(single=single)
    found = block.whole if block.bare else block.calls(single=single)
    if isinstance(row.format, KimiK3):
        # The prompt may have begun an answer, and the message may be closed behind the calls.
        begun, closed = "<|close|>response<|sep|>", "<|close|>message<|sep|>"
        found = sequence(optional(const(begun)), found, optional(const(closed)))
    return found


def _framed(row: ToolRow, frame: Frames, functions: Sequence[Function], *, forced: bool, single: bool) -> Format:
    call = any_of(_message_call(frame, function) for function in functions)
    end = _after_call(frame)
    further = star(sequence(const(end + frame.start), call))
    calls = sequence(call, *(() if single else (further,)), optional(const(end)))
    if forced:
        return sequence(star(_thought(frame)), calls)
    answer = sequence(
        const(_answer_begins(row)),
        {"type": "any_text", "excludes": [frame.start]},
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
    return next(closer for closer in sorted(frame.closers.all) if frame.sample.endswith(closer))


def _after_answer(frame: Frames) -> str:
    return frame.reasoning_sample.rpartition(_THOUGHT)[2]


def _behind_reasoning(found: Format, calls: Format, row: ReasoningRow, opener: str, inside: bool) -> Format:
    """`found` after reasoning, which its closer ends, or `calls`, which begin with `opener`."""
    thought: Format = {"type": "any_text", "excludes": [row.close, opener]}
    closed = sequence(thought, const(row.close), GAP, found)
    ended = any_of((closed, sequence(thought, calls)))
    return ended if inside else any_of((found, sequence(const(row.open), ended)))


# --- calls


def _block(row: ToolRow, functions: Sequence[Function], *, single: bool) -> _Block:
    format = row.format
    if isinstance(format, KimiK3):
        return _tagged_block(KIMI_K3_CALLS, format.sample, functions, single=single)
    if isinstance(format, Mistral):
        named = _tagged_block(format.by_name, format.sample, functions, single=single)
        objects = listed(any_of(_json_call(_ARRAY_SAMPLE, each) for each in functions), ",", single=single)
        array = sequence(GAP, const("["), GAP, objects, GAP, const("]"))
        return _Block(named.open, any_of((named.body, array)), "", repeats=True)
    if isinstance(format, Gemma4):
        head, _, tail = format.sample.partition(_NAME)
        opener = min(format.openers.all, key=len)
        calls = any_of(
            sequence(
                const(f"{head.removeprefix(opener)}{each.name}{{"),
                GAP,
                _GEMMA.parameters(each, "{}:".format, _GEMMA_KEY),
                GAP,
                const("}"),
            )
            for each in functions
        )
        return _Block(opener, calls, tail.rpartition("}")[2], repeats=True)
    if isinstance(format, Pythonic):
        span = format.as_json.spans[0]
        call = any_of(
            sequence(const(f"{each.name}("), GAP, _PYTHON.parameters(each, "{}=".format, _PYTHON_KEY), GAP, const(")"))
            for each in functions
        )
        body = sequence(const("["), GAP, listed(call, ",", single=single), GAP, const("]"))
        return _Block(span.open, body, span.close, repeats=False, bare=True)
    if isinstance(format, JsonCalls):
        return _json_block(format, functions, single=single)
    if isinstance(format, Tagged):
        return _tagged_block(format, format.sample, functions, single=single)
    raise NoStructuralTag(
        f"the markup of {PREFIX}{row.name} has no structural tag: leave strict out of the tools, or force a call with "
        "tool_choice, which is then written as JSON"
    )


_ARRAY_SAMPLE = '[{"name": "get_weather", "arguments": {"city": "Paris"}}]'


def _json_block(format: JsonCalls, functions: Sequence[Function], *, single: bool) -> _Block:
    span = format.spans[0]
    head = format.sample.partition("{")[0].rstrip()
    calls = any_of(_json_call(format.sample, function) for function in functions)
    if head.endswith("["):
        body = sequence(GAP, listed(calls, ",", single=single), GAP, const("]"), *([GAP] if span.close else []))
        return _Block(head, body, span.close, repeats=False)
    if not span.close:
        body = sequence(GAP, listed(calls, ";", single=single))
        return _Block(head, body, "", repeats=False, bare=bool(format.bare))
    return _Block(head, sequence(GAP, calls, GAP), span.close, repeats=True)


def _json_call(sample: str, function: Function) -> Format:
    key = sample.partition('", "')[2].partition('"')[0]
    head = f'{{"name": {json.dumps(function.name, ensure_ascii=False)}, "{key}": '
    return sequence(const(head), json_schema(function.schema), GAP, const("}"))


def _tagged_block(format: Tagged, sample: str, functions: Sequence[Function], *, single: bool) -> _Block:
    section = next((span for span in format.sections if sample.startswith(span.open)), None)
    if section is not None:
        inner = sample.removeprefix(section.open).removesuffix(section.close).strip()
        calls = any_of(sequence(*_tagged_call(format, inner, function)) for function in functions)
        return _Block(section.open, sequence(GAP, listed(calls, "", single=single), GAP), section.close, False)
    span = format.wrapper or format.call
    close = span.close if sample.endswith(span.close) else ""
    inner = sample.removeprefix(span.open).removesuffix(close).strip()
    calls = any_of(sequence(*_tagged_call(format, inner, function)) for function in functions)
    gap = [GAP] if format.wrapper is not None else []
    return _Block(span.open, sequence(*gap, calls, *([GAP] if close else [])), close, repeats=True)


def _tagged_call(format: Tagged, sample: str, function: Function) -> Iterator[Format]:
    """The parts of one call; `sample` is one, without the markers around it."""
    head, _, rest = sample.partition(_NAME)
    arguments = format.arguments
    if isinstance(arguments, JsonObject):
        between, _, tail = rest.partition(_ARGUMENTS)
    elif isinstance(arguments, MinimaxM3Values):
        # Each parameter is an element of its own name.
        opened, closed = f"{NAMESPACE}<{SAMPLE_KEY}>", f"{NAMESPACE}</{SAMPLE_KEY}>"
        between, tail = rest[: rest.index(opened)], rest[rest.index(closed) + len(closed) :]
    elif isinstance(arguments, Tags):
        between, tail = rest[: rest.index(arguments.open)], rest[rest.rindex(arguments.close) + len(arguments.close) :]
    else:
        raise NoStructuralTag("this encoding of arguments has no structural tag")
    yield const(head + function.name)
    if format.id_open:
        ended = sequence(optional(sequence(const(format.id_open), regex(_ANY_ID))), const(format.name_end[0]))
        yield optional(ended)
    if between[:1].isspace():
        yield GAP
    yield from _counted(between.strip())
    if isinstance(arguments, MinimaxM3Values):
        yield from (GAP, *parameters_as_elements(function, tail.strip()))
    elif isinstance(arguments, Tags):
        yield GAP
        values = rest[len(between) : len(rest) - len(tail)]
        yield from parameters_in_tags(arguments, values, function)
    else:
        yield from (GAP, json_schema(function.schema), *([GAP] if tail else []))
    if tail.strip():
        yield const(tail.strip())


def _message_call(frame: Frames, function: Function) -> Format:
    """A message that calls `function`, without its end."""
    sample = frame.sample.removeprefix(frame.start).removesuffix(_after_call(frame))
    if isinstance(frame, Muse):
        header, opened, calls = sample.partition(ATEM.sections[0].open)
        block = _tagged_block(ATEM, opened + calls, [function], single=True)
        return sequence(const(header.replace(_NAME, function.name).rstrip()), GAP, block.whole)
    if isinstance(frame, Inkling):
        header, _, _ = sample.partition("{")
        key = next(key for key in INKLING_CALLS.keys if f'"{key}": ' in sample)
        call = _json_call(f'", "{key}"', function)
        return sequence(optional(const(function.name)), const(header.removeprefix(_NAME)), call)
    if isinstance(frame, Messages):
        return _directed(frame, sample, function)
    raise NoStructuralTag("this frame has no structural tag")


def _directed(frame: Messages, sample: str, function: Function) -> Format:
    """The recipient may stand behind the channel, or before it, where the role was."""
    header = sample.partition(_ARGUMENTS)[0]
    channel, recipient, constraint = re.split(r"(?<=[a-z]) (?=to=)|(?<=" + _NAME + ")(?= )", header)
    recipient = " " + recipient.replace(_NAME, function.name)
    marker = channel.removesuffix(frame.channels[1])
    channels = any_of(const(f"{marker}{each}") for each in frame.channels)
    constrained, _, end = constraint.rpartition("<|message|>")[0], "", "<|message|>"
    bare = " " + constrained.rpartition("|>")[2]
    either = any_of((sequence(channels, const(recipient)), sequence(const(recipient), channels)))
    return sequence(
        either, optional(any_of((const(constrained), const(bare)))), const(end), GAP, json_schema(function.schema)
    )


def _counted(text: str) -> Iterator[Format]:
    """`text`, whose digits count calls and may be any."""
    for number, part in enumerate(_DIGITS.split(text)):
        if part:
            yield regex("[0-9]{1,4}") if number % 2 else const(part)
