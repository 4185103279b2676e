"""What an engine's grammar has to allow: a format's own markup, as an xgrammar structural tag in JSON.

- Everything is taken from the format: its sample says how calls are framed, its encoding how values are written.
- White space may stand between two parts, up to eight characters of it; within a part it is as the sample has it.
- A call is one of the request's functions, once a turn where only one is allowed. Arguments follow the function's
  schema where it is strict, and are any object otherwise; parameters come in the order of the schema.
- A forced call may have no text before it. A markup that frames the whole reply has its reasoning in the tag; for the
  others a grammar starts behind reasoning, or has it in front (`reasoning_parser`).
- A string in a tag ends at the first closer: a model that is constrained cannot quote its own markup there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from . import schema
from .arguments.elements import ITEM, NAMESPACE
from .arguments.json_object import JsonObject
from .arguments.minimax_m3 import MinimaxM3Values
from .arguments.tagged_values import TaggedValues
from .formats.frames import Frames
from .formats.inkling import CALLS as INKLING_CALLS
from .formats.inkling import Inkling
from .formats.json_calls import JsonCalls
from .formats.kimi_k3 import CALLS as KIMI_K3_CALLS
from .formats.kimi_k3 import KimiK3
from .formats.messages import Messages
from .formats.mistral import Mistral
from .formats.muse import ATEM, Muse
from .formats.tagged import Tagged
from .parser import named_choice
from .registry import PREFIX, ReasoningRow, ToolRow, reasoning_row, tool_row
from .schema import Parameters, Tools

Format: TypeAlias = Mapping[str, object]
"""A format of xgrammar's structural tags."""
Level: TypeAlias = Literal["auto", "function", "parameter"]
"""What is constrained at least: what the request asks for, the framing of every call, or every argument too."""

_NAME, _KEY, _VALUE, _ARGUMENTS = "get_weather", "city", "Paris", '{"city": "Paris"}'
"""What every format's sample calls."""
_THOUGHT = "plan"
_DIGITS = re.compile(r"([0-9]+)")
_ANY_KEY = r"[^\s<>\"'=|/\[\]{}]{1,64}"
_ANY_ID = "[a-zA-Z0-9]{9}"
_DEFINITIONS = ("$defs", "definitions")
_MAX_DEPTH = 8
"""Elements nested deeper are any text."""
_OF_ONE_TYPE: Mapping[str, Sequence[str]] = {
    "number": ("integer", "number"),
    "boolean": ("boolean",),
    "null": ("null",),
    "array": ("array",),
    "object": ("object",),
}


class ToolChoiceError(ValueError):
    """A request that cannot be served. The message says what to change."""


class NoStructuralTag(ToolChoiceError):
    """A format whose markup no structural tag can express."""


@dataclass(frozen=True, slots=True)
class _Function:
    name: str
    parameters: Parameters
    strict: bool

    @property
    def required(self) -> frozenset[str]:
        root = self.parameters.root
        names = root.get("required") if isinstance(root, Mapping) else None
        return frozenset(names) if isinstance(names, list | tuple) else frozenset()

    @property
    def further(self) -> bool:
        """Whether parameters that are not declared are allowed."""
        root = self.parameters.root
        allowed = root.get("additionalProperties", False) if isinstance(root, Mapping) else True
        return not self.strict or allowed is not False

    @property
    def schema(self) -> Format:
        """The schema of the arguments as JSON."""
        root = self.parameters.root
        if not self.strict or not isinstance(root, Mapping) or not root:
            return {"type": "object"}
        return {str(key): value for key, value in root.items()}

    def schema_of(self, name: str) -> object:
        """The schema of one parameter, with the definitions that it may refer to."""
        return _with_definitions(self.parameters.schema(name), self.parameters.root)


@dataclass(frozen=True, slots=True)
class _Block:
    """Calls in a reply: what opens them, what may stand there, what closes them."""

    open: str
    body: Format
    close: str
    repeats: bool
    """Whether further calls are further blocks."""

    @property
    def whole(self) -> Format:
        return _tag(self.open, self.body, self.close) if self.close else _sequence(_const(self.open), self.body)

    def in_text(self, *, single: bool) -> Format:
        """Text in which calls may stand."""
        if not self.close:
            return {"type": "dispatch", "rules": [[self.open, self.body]], "loop": not single}
        return {
            "type": "triggered_tags",
            "triggers": [self.open],
            "tags": [self.whole],
            "at_least_one": False,
            "stop_after_first": single,
        }


def structural_tag(
    tool_parser: str,
    tools: Sequence[object],
    tool_choice: object = "auto",
    parallel_tool_calls: bool = True,
    *,
    level: Level = "auto",
    reasoning_parser: str | None = None,
    in_reasoning: bool | None = False,
) -> dict[str, object] | None:
    """The structural tag that constrains a reply to what a request allows.

    Args:
        tool_parser: the format that the model writes.
        tools: the request's OpenAI tools.
        tool_choice: "auto", "none", "required" or a named function.
        parallel_tool_calls: False: at most one call.
        level: what is constrained at least.
        reasoning_parser: reasoning to allow in front; None: the engine starts the grammar behind it.
        in_reasoning: whether the prompt ended inside that reasoning; None: that is not known.

    Returns:
        The tag as JSON, or None where nothing has to be constrained.

    Raises:
        ToolChoiceError: a choice of a function that is not among the tools, or no tools to choose from.
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
    single = named is not None or not parallel_tool_calls
    try:
        found = _reply(row, functions, forced=forced, single=single)
    except NoStructuralTag:
        if forced or strict:
            raise
        return None
    if reasoning_parser is not None and not frames_reply(row):
        opener = _block(row, functions, single=single).open
        found = _behind_reasoning(found, reasoning_row(reasoning_parser), opener, in_reasoning)
    return {"type": "structural_tag", "format": found}


def frames_reply(row: ToolRow) -> bool:
    """Whether a tag for this format speaks of the whole reply, its reasoning included."""
    return isinstance(row.format, Frames)


def has_structural_tag(tool_parser: str) -> bool:
    """Whether the format's markup can be expressed."""
    try:
        structural_tag(tool_parser, [{"function": {"name": "f"}}], "required")
    except NoStructuralTag:
        return False
    return True


def answer_tag(tool_parser: str, answer: Format) -> dict[str, object] | None:
    """The tag of a reply whose answer is `answer`, where the format frames the whole reply; else None."""
    row = tool_row(tool_parser)
    if not isinstance(row.format, Frames):
        return None
    frame = row.format
    end = _after_answer(frame)
    framed = _sequence(_star(_thought(frame)), _const(_answer_begins(row)), answer, _optional(_const(end)))
    return {"type": "structural_tag", "format": framed}


def _functions(tools: Sequence[object], level: Level) -> list[_Function]:
    known = Tools(tools)
    found: list[_Function] = []
    for tool in tools:
        function = tool.get("function", tool) if isinstance(tool, Mapping) else None
        name = function.get("name") if isinstance(function, Mapping) else None
        if isinstance(function, Mapping) and isinstance(name, str):
            strict = level == "parameter" or function.get("strict") is True
            found.append(_Function(name, known.parameters(name), strict))
    return found


# --- replies


def _reply(row: ToolRow, functions: Sequence[_Function], *, forced: bool, single: bool) -> Format:
    if isinstance(row.format, Frames):
        return _framed(row, row.format, functions, forced=forced, single=single)
    block = _block(row, functions, single=single)
    if not forced:
        return block.in_text(single=single)
    found = block.whole
    if block.repeats and not single:
        found = _sequence(found, _star(_sequence(_GAP, block.whole)))
    if isinstance(row.format, KimiK3):
        # The prompt may have begun an answer, and the message may be closed behind the calls.
        begun, closed = "<|close|>response<|sep|>", "<|close|>message<|sep|>"
        found = _sequence(_optional(_const(begun)), found, _optional(_const(closed)))
    return found


def _framed(row: ToolRow, frame: Frames, functions: Sequence[_Function], *, forced: bool, single: bool) -> Format:
    call = _any_of(_message_call(frame, function) for function in functions)
    end = _after_call(frame)
    further = _star(_sequence(_const(end + frame.start), call))
    calls = _sequence(call, *(() if single else (further,)), _optional(_const(end)))
    if forced:
        return _sequence(_star(_thought(frame)), calls)
    answer = _sequence(
        _const(_answer_begins(row)),
        {"type": "any_text", "excludes": [frame.start]},
    )
    before = _any_of((_thought(frame), *_preambles(frame)))
    return _sequence(_star(before), _any_of((calls, answer)))


def _thought(frame: Frames) -> Format:
    """A message of reasoning, and the start of the next message."""
    begin, _, end = frame.reasoning_sample.removeprefix(frame.start).partition(_THOUGHT)
    return _tag(begin, _ANY_TEXT, end + frame.start)


def _preambles(frame: Frames) -> Iterator[Format]:
    """Messages of content before calls, and the start of the next message."""
    channels = frame.channels if isinstance(frame, Messages) else ()
    begin, _, end = frame.reasoning_sample.partition(_THOUGHT)
    if len(channels) > 1:
        yield _tag(begin.replace(channels[0], channels[1]), _ANY_TEXT, end + frame.start)


def _answer_begins(row: ToolRow) -> str:
    return reasoning_row(row.pairs[0]).close


def _after_call(frame: Frames) -> str:
    """What ends the message of a call."""
    return next(closer for closer in sorted(frame.closers.all) if frame.sample.endswith(closer))


def _after_answer(frame: Frames) -> str:
    return frame.reasoning_sample.rpartition(_THOUGHT)[2]


def _behind_reasoning(found: Format, row: ReasoningRow, opener: str, inside: bool | None) -> Format:
    """`found` behind reasoning, which its closer ends, or a call."""
    thought: Format = {"type": "any_text", "excludes": [row.close, opener]}
    closed = _sequence(thought, _const(row.close))
    ended = _any_of((closed, thought))
    opened = _sequence(_const(row.open), ended)
    if inside:
        return _sequence(ended, _GAP, found)
    return _sequence(_optional(opened if inside is False else _any_of((opened, closed))), _GAP, found)


# --- calls


def _block(row: ToolRow, functions: Sequence[_Function], *, single: bool) -> _Block:
    format = row.format
    if isinstance(format, KimiK3):
        return _tagged_block(KIMI_K3_CALLS, format.sample, functions, single=single)
    if isinstance(format, Mistral):
        named = _tagged_block(format.by_name, format.sample, functions, single=single)
        objects = _listed(_any_of(_json_call(_ARRAY_SAMPLE, each) for each in functions), ",", single=single)
        array = _sequence(_GAP, _const("["), _GAP, objects, _GAP, _const("]"))
        return _Block(named.open, _any_of((named.body, array)), "", repeats=True)
    if isinstance(format, JsonCalls):
        return _json_block(format, functions, single=single)
    if isinstance(format, Tagged):
        return _tagged_block(format, format.sample, functions, single=single)
    raise NoStructuralTag(
        f"the markup of {PREFIX}{row.name} has no structural tag: leave strict out of the tools, or force a call with "
        "tool_choice, which is then written as JSON"
    )


_ARRAY_SAMPLE = '[{"name": "get_weather", "arguments": {"city": "Paris"}}]'


def _json_block(format: JsonCalls, functions: Sequence[_Function], *, single: bool) -> _Block:
    span = format.spans[0]
    head = format.sample.partition("{")[0].rstrip()
    calls = _any_of(_json_call(format.sample, function) for function in functions)
    if head.endswith("["):
        body = _sequence(_GAP, _listed(calls, ",", single=single), _GAP, _const("]"), *([_GAP] if span.close else []))
        return _Block(head, body, span.close, repeats=False)
    if not span.close:
        return _Block(head, _sequence(_GAP, _listed(calls, ";", single=single)), "", repeats=False)
    return _Block(head, _sequence(_GAP, calls, _GAP), span.close, repeats=True)


def _json_call(sample: str, function: _Function) -> Format:
    key = sample.partition('", "')[2].partition('"')[0]
    head = f'{{"name": {json.dumps(function.name, ensure_ascii=False)}, "{key}": '
    return _sequence(_const(head), _json(function.schema), _GAP, _const("}"))


def _tagged_block(format: Tagged, sample: str, functions: Sequence[_Function], *, single: bool) -> _Block:
    section = next((span for span in format.sections if sample.startswith(span.open)), None)
    if section is not None:
        inner = sample.removeprefix(section.open).removesuffix(section.close).strip()
        calls = _any_of(_sequence(*_tagged_call(format, inner, function)) for function in functions)
        return _Block(section.open, _sequence(_GAP, _listed(calls, "", single=single), _GAP), section.close, False)
    span = format.wrapper or format.call
    close = span.close if sample.endswith(span.close) else ""
    inner = sample.removeprefix(span.open).removesuffix(close).strip()
    calls = _any_of(_sequence(*_tagged_call(format, inner, function)) for function in functions)
    gap = [_GAP] if format.wrapper is not None else []
    return _Block(span.open, _sequence(*gap, calls, *([_GAP] if close else [])), close, repeats=True)


def _tagged_call(format: Tagged, sample: str, function: _Function) -> Iterator[Format]:
    """The parts of one call; `sample` is one, without the markers around it."""
    head, _, rest = sample.partition(_NAME)
    arguments = format.arguments
    if isinstance(arguments, JsonObject):
        between, _, tail = rest.partition(_ARGUMENTS)
    elif isinstance(arguments, TaggedValues):
        between, tail = rest[: rest.index(arguments.open)], rest[rest.rindex(arguments.close) + len(arguments.close) :]
    elif isinstance(arguments, MinimaxM3Values):
        # Each parameter is an element of its own name.
        opened, closed = f"{NAMESPACE}<{_KEY}>", f"{NAMESPACE}</{_KEY}>"
        between, tail = rest[: rest.index(opened)], rest[rest.index(closed) + len(closed) :]
    else:
        raise NoStructuralTag("this encoding of arguments has no structural tag")
    yield _const(head + function.name)
    if format.id_open:
        ended = _sequence(_optional(_sequence(_const(format.id_open), _regex(_ANY_ID))), _const(format.name_end[0]))
        yield _optional(ended)
    if between[:1].isspace():
        yield _GAP
    yield from _counted(between.strip())
    if isinstance(arguments, TaggedValues):
        yield _GAP
        values = rest[len(between) : len(rest) - len(tail)]
        yield from _parameters(arguments, values, function)
    elif isinstance(arguments, MinimaxM3Values):
        yield from (_GAP, *_elements(function, tail.strip()))
    else:
        yield from (_GAP, _json(function.schema), *([_GAP] if tail else []))
    if tail.strip():
        yield _const(tail.strip())


def _message_call(frame: Frames, function: _Function) -> Format:
    """A message that calls `function`, without its end."""
    sample = frame.sample.removeprefix(frame.start).removesuffix(_after_call(frame))
    if isinstance(frame, Muse):
        header, opened, calls = sample.partition(ATEM.sections[0].open)
        block = _tagged_block(ATEM, opened + calls, [function], single=True)
        return _sequence(_const(header.replace(_NAME, function.name).rstrip()), _GAP, block.whole)
    if isinstance(frame, Inkling):
        header, _, _ = sample.partition("{")
        key = next(key for key in INKLING_CALLS.keys if f'"{key}": ' in sample)
        call = _json_call(f'", "{key}"', function)
        return _sequence(_optional(_const(function.name)), _const(header.removeprefix(_NAME)), call)
    if isinstance(frame, Messages):
        return _directed(frame, sample, function)
    raise NoStructuralTag("this frame has no structural tag")


def _directed(frame: Messages, sample: str, function: _Function) -> Format:
    """The recipient may stand behind the channel, or before it, where the role was."""
    header = sample.partition(_ARGUMENTS)[0]
    channel, recipient, constraint = re.split(r"(?<=[a-z]) (?=to=)|(?<=" + _NAME + ")(?= )", header)
    recipient = " " + recipient.replace(_NAME, function.name)
    marker = channel.removesuffix(frame.channels[1])
    channels = _any_of(_const(f"{marker}{each}") for each in frame.channels)
    constrained, _, end = constraint.rpartition("<|message|>")[0], "", "<|message|>"
    bare = " " + constrained.rpartition("|>")[2]
    either = _any_of((_sequence(channels, _const(recipient)), _sequence(_const(recipient), channels)))
    return _sequence(
        either, _optional(_any_of((_const(constrained), _const(bare)))), _const(end), _GAP, _json(function.schema)
    )


# --- parameters in tags


def _parameters(values: TaggedValues, sample: str, function: _Function) -> Iterator[Format]:
    tag = _ParameterTag.of(values, sample)
    if function.strict:
        for name in function.parameters.names:
            one = _sequence(tag.format(_const(name), function, name), _GAP)
            yield one if name in function.required else _optional(one)
    if function.further:
        yield _star(_sequence(tag.format(_regex(_ANY_KEY), function, None), _GAP))


@dataclass(frozen=True, slots=True)
class _ParameterTag:
    """How a parameter is written: around its name, around its value."""

    before: str
    behind: tuple[str, ...]
    """What stands between the name and the value; white space may stand between the parts."""
    close: str
    framed: bool
    typed_by: str

    @classmethod
    def of(cls, values: TaggedValues, sample: str) -> _ParameterTag:
        before, _, rest = sample.partition(_KEY)
        behind = rest.partition(_VALUE)[0].strip()
        parts: tuple[str, ...] = (behind,)
        if len(values.name_end) > 1:
            parts = values.name_end
        return cls(before, parts, values.close, values.framed, values.typed_by)

    def format(self, key: Format, function: _Function, name: str | None) -> Format:
        """One parameter; `name` None: any, of any type."""
        types = frozenset({"string"}) if name is None else function.parameters.types(name)
        part: object = True if name is None else function.schema_of(name)
        text = self._with(key, "string", _ANY_TEXT)
        if not self.typed_by:
            if "string" not in types:
                return self._with(key, "", _sequence(_GAP, _json(part), _GAP))
            choices = _choices(part)
            if choices is None:
                return text
            written = _any_of(_const(choice) for choice in choices)
            return self._with(key, "", _sequence(_GAP, written, _GAP) if self.framed else written)
        if name is None:
            types = frozenset({"string", "integer", "number", "boolean", "null", "array", "object"})
        found: list[Format] = []
        if "string" in types:
            choices = _choices(part)
            found.append(
                text if choices is None else self._with(key, "string", _any_of(_const(choice) for choice in choices))
            )
        if self.typed_by == "string":
            if types - {"string", "json string"}:
                found.append(self._with(key, "json", _sequence(_GAP, _json(part), _GAP)))
            return _any_of(found)
        for said, kinds in _OF_ONE_TYPE.items():
            kind = [kind for kind in kinds if kind in types]
            if kind:
                only = {"type": kind} if name is None or len(types) > 1 else part
                found.append(self._with(key, said, _sequence(_GAP, _json(only), _GAP)))
        return _any_of(found)

    def _with(self, key: Format, said: str, value: Format) -> Format:
        *between, last = self.behind
        if self.typed_by:
            kind = {"string": "true", "json": "false"}.get(said, said) if self.typed_by == "string" else said
            last = re.sub(rf'{self.typed_by}="[^"]*"', f'{self.typed_by}="{kind}"', last)
        parts: list[Format] = [_const(self.before), key]
        for part in between:
            parts += [_const(part), _GAP]
        return _sequence(*parts, _tag(last, value, self.close))


def _with_definitions(part: object, root: object) -> object:
    """A part of a schema, with the definitions that it may refer to."""
    if not isinstance(part, Mapping) or not isinstance(root, Mapping):
        return True
    return {**part, **{key: root[key] for key in _DEFINITIONS if key in root}}


def _choices(part: object) -> list[str] | None:
    """The strings that a schema allows, where it lists them."""
    if not isinstance(part, Mapping):
        return None
    listed = [part["const"]] if "const" in part else part.get("enum")
    if not isinstance(listed, list | tuple) or not listed or not all(isinstance(each, str) for each in listed):
        return None
    return list(listed)


# --- parameters as elements


def _elements(function: _Function, end: str) -> Iterator[Format]:
    """Parameters as elements, up to `end`."""
    root = function.parameters.root
    if function.further:
        excluded: Format = {"type": "any_text", "excludes": [end]}
        yield _optional(_sequence(_const(f"{NAMESPACE}<"), excluded))
    else:
        yield from _members(root, root, 0)


def _members(part: object, root: object, depth: int) -> Iterator[Format]:
    required = part.get("required") if isinstance(part, Mapping) else None
    for name, inner in schema.properties(part, root).items():
        one = _sequence(_element(str(name), inner, root, depth), _GAP)
        yield one if isinstance(required, list | tuple) and name in required else _optional(one)


def _element(name: str, part: object, root: object, depth: int) -> Format:
    return _tag(f"{NAMESPACE}<{name}>", _content(part, root, depth + 1), f"{NAMESPACE}</{name}>")


def _content(part: object, root: object, depth: int) -> Format:
    kinds = schema.types(part, root)
    if (choices := _choices(part)) is not None:
        return _any_of(_const(choice) for choice in choices)
    if depth > _MAX_DEPTH or "string" in kinds:
        return _ANY_TEXT
    written: list[Format] = [_json(_with_definitions(part, root))]
    if "object" in kinds:
        written.append(_sequence(_GAP, *_members(part, root, depth)))
    if "array" in kinds:
        item = _element(ITEM, schema.element(part, root, 0), root, depth)
        written.append(_star(_sequence(item, _GAP)))
    return _sequence(_GAP, _any_of(written), _GAP)


# --- xgrammar's formats


def _const(value: str) -> Format:
    return {"type": "const_string", "value": value}


def _regex(pattern: str) -> Format:
    return {"type": "regex", "pattern": pattern}


def _json(schema: object) -> Format:
    return {"type": "json_schema", "json_schema": schema}


def _tag(begin: str, content: Format, end: str) -> Format:
    return {"type": "tag", "begin": begin, "content": content, "end": end}


def _sequence(*elements: Format) -> Format:
    return elements[0] if len(elements) == 1 else {"type": "sequence", "elements": list(elements)}


def _any_of(elements: Iterator[Format] | Sequence[Format]) -> Format:
    listed = list(elements)
    return listed[0] if len(listed) == 1 else {"type": "or", "elements": listed}


def _optional(content: Format) -> Format:
    return {"type": "optional", "content": content}


def _star(content: Format) -> Format:
    return {"type": "star", "content": content}


def _listed(call: Format, separator: str, *, single: bool) -> Format:
    if single:
        return call
    between = (_GAP, _const(separator), _GAP) if separator else (_GAP,)
    return _sequence(call, _star(_sequence(*between, call)))


def _counted(text: str) -> Iterator[Format]:
    """`text`, whose digits count calls and may be any."""
    for number, part in enumerate(_DIGITS.split(text)):
        if part:
            yield _regex("[0-9]{1,4}") if number % 2 else _const(part)


_GAP = _regex(r"[ \n]{0,8}")
_ANY_TEXT: Format = {"type": "any_text"}
