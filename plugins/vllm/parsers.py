"""vLLM's tool parser class and reasoning parser class over the core; one class is made for each row of the registry.

- In vLLM's server one object reads a reply for both (`parser`). It uses these two for token ids and grammars.
- vLLM also makes one of them alone for its grammars, its thinking budget and its checks at start-up.
- Together with a parser of vLLM's own, or made by hand, each reads its share of the reply itself: the reasoning parser
  up to the first content, the tool parser the text that it is given.
- If an engine makes both without vLLM's composition, one of them reads the reply for both (`together`).

"Half" below is one of the two.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from dynamo_parsers.engines.boundary import guarded
from dynamo_parsers.events import ContentDelta, Event, ReasoningDelta, ToolArgumentsDelta, ToolCallStart
from dynamo_parsers.guarded import GuardedParser
from dynamo_parsers.message import fold
from dynamo_parsers.registry import (
    PREFIX,
    declared_count,
    partners,
    reasoning_parser_names,
    reasoning_row,
    tool_parser_names,
    tool_row,
)
from dynamo_parsers.request import any_strict, free_id, plain_tool_choice, plain_tools
from dynamo_parsers.rows import ReasoningRow, ToolRow, thinking_asked_for
from dynamo_parsers.token_ids import ReasoningIds, needs_special_tokens, opens_thoughts, reasoning_ids
from dynamo_parsers.write.functions import Level
from dynamo_parsers.write.structural_tags import (
    ToolChoiceError,
    answer_tag,
    frames_reply,
    has_structural_tag,
    structural_tag,
)
from dynamo_parsers.write.tag_text import Tag

from vllm.entrypoints.generate.base.protocol import (
    DeltaFunctionCall,
    DeltaMessage,
    DeltaToolCall,
    ExtractedToolCallInformation,
    FunctionCall,
    ToolCall,
)
from vllm.reasoning import ReasoningParser
from vllm.tool_parsers import ToolParser

from . import reasoning_class_name, together, tool_class_name
from ._versions import (
    FROM_START,
    MADE_ID,
    Refused,
    as_structural_tag,
    calls_before,
    check_tag,
    constrain_from_start,
    enforces_tags,
    function_tools,
    has_grammar,
    is_grammar,
    new_call_id,
    output_format_of,
    set_structural_tag,
)

if TYPE_CHECKING:
    from xgrammar import StructuralTag

    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.entrypoints.openai.responses.protocol import ResponsesRequest
    from vllm.tokenizers import TokenizerLike
    from vllm.tool_parsers.abstract_tool_parser import Tool
    from vllm.tool_parsers.tool_strict_level import ToolStrictLevel

    Request: TypeAlias = ChatCompletionRequest | ResponsesRequest

_LEVELS: Mapping[str, Level] = {"FUNCTION": "function", "PARAMETER": "parameter"}
"""vLLM's `--tool-strict-level`."""
_UNKNOWN_TOOLS: Sequence[object] = ({},)
"""The tools of a caller that passes no request: calls are read, without knowing the types of their arguments."""


def content_delta(text: str) -> DeltaMessage | None:
    """Return a delta with `text` as content; None if there is no text."""
    return DeltaMessage(content=text) if text else None


class DynamoReasoningParser(ReasoningParser):
    """The reasoning half. Each subclass sets a row of the registry."""

    row: ClassVar[ReasoningRow]
    engine_based_streaming = True

    def __init__(self, tokenizer: TokenizerLike, *args: object, **kwargs: object) -> None:
        super().__init__(tokenizer, *args, **kwargs)
        asked = kwargs.get("chat_template_kwargs")
        self.template_kwargs: Mapping[str, object] = asked if isinstance(asked, Mapping) else {}
        self._prompt_known = False
        self._inside: bool | None = None  # whether the prompt ended in open reasoning; None: it shows neither
        self._reading: Reading | None = None
        self._ended = False
        self.in_composition = False
        """Whether this half is part of vLLM's composition, which reads the reply or hands it over itself."""
        self.step: Sequence[int] | None = None
        """The list of token ids that came with the last piece."""
        self.events: list[Event] = []
        """The events of that piece."""
        self._asked: together.Asked | None = None

    @property
    def label(self) -> str:
        """The flag and the name that a log line shows."""
        return f"--reasoning-parser {PREFIX}{self.row.name}"

    # --- the prompt and token ids

    @property
    def _ids(self) -> ReasoningIds:
        return reasoning_ids(self.row, self.model_tokenizer)

    @property
    def reasoning_start_str(self) -> str | None:
        return self.row.open or None

    @property
    def reasoning_end_str(self) -> str | None:
        return self.row.close or None

    @guarded(lambda *_: None)
    def set_prompt_token_ids(self, prompt_token_ids: Sequence[int]) -> None:
        self._inside = self._ids.prompt_ends_inside(prompt_token_ids)
        self._prompt_known = True

    def adjust_initial_state_from_prompt(self, prompt_token_ids: Sequence[int]) -> None:
        self.set_prompt_token_ids(prompt_token_ids)

    def starts_inside(self, text: str | None = None) -> bool | None:
        """Return whether the reply starts in reasoning; None if the request and the format's default decide.

        Args:
            text: the whole reply. It counts if vLLM did not pass the prompt: a closer without an opener before it means
                that the reply starts in reasoning.
        """
        if self._prompt_known or text is None or not self.row.close:
            return self._inside
        if thinking_asked_for(self.template_kwargs) is False:
            return None
        closer = text.find(self.row.close)
        return True if closer >= 0 and self.row.open not in text[:closer] else None

    @property
    def prompt_ends_inside(self) -> bool:
        """Whether the prompt is known to end in open reasoning."""
        return self._inside is True

    @property
    def opens_thoughts(self) -> bool:
        """Whether a reply may open reasoning itself."""
        return opens_thoughts(self.row, self.model_tokenizer, self.template_kwargs)

    @property
    def is_closed(self) -> bool:
        """Whether the reply is known neither to start in reasoning nor to open a reasoning block."""
        if self._inside is None:
            return thinking_asked_for(self.template_kwargs) is False or not self.opens_thoughts
        return not self._inside

    @guarded(lambda *_: True)
    def is_reasoning_end(self, input_ids: Sequence[int]) -> bool:
        """Return whether the grammar begins with the reply, not after reasoning."""
        inside = self._ids.prompt_ends_inside(input_ids)
        asked = together.of_arguments(self.template_kwargs)
        if asked is not None:
            asked.inside = inside
            if asked.request is not None and not has_grammar(asked.request):
                return False  # without a grammar this half reads to the end of the reply
        if self.frames_reply or self.template_kwargs.get(FROM_START) is True:
            return True  # the grammar covers reasoning too
        if inside is None:
            off = thinking_asked_for(self.template_kwargs) is False
            return not self.opens_thoughts or (off and not self.row.starts.inside_for(self.template_kwargs))
        return not inside

    @guarded(lambda *_: False)
    def is_reasoning_end_streaming(self, input_ids: Sequence[int], delta_ids: Iterable[int]) -> bool:
        return self._ids.ends_in(input_ids, delta_ids)

    @guarded(lambda _, input_ids: input_ids)
    def extract_content_ids(self, input_ids: list[int]) -> list[int]:
        return self._ids.after_reasoning(input_ids)

    @guarded(lambda *_: 0)
    def count_reasoning_tokens(self, token_ids: Sequence[int]) -> int:
        inside = self._inside
        if inside is None:
            inside = self.row.starts.inside_for(self.template_kwargs)
        return self._ids.count(token_ids, inside)

    # --- the request

    def adjust_request(self, request: Request) -> Request:
        request = super().adjust_request(request)
        self._constrain_answer(request)
        self._keep_markers(request)
        self._join(request)
        return request

    @guarded(lambda *_: None)
    def _join(self, request: Request) -> None:
        if not self.in_composition:
            together.reasoning_half(request, self.row, self.template_kwargs)

    @guarded(lambda *_: None)
    def _constrain_answer(self, request: Request) -> None:
        """Make the grammar of an answer begin with the reply, and allow reasoning first."""
        if not self.frames_reply and (self.is_closed or not enforces_tags()):
            return  # it does so anyway, or the server does not allow tags
        answer = output_format_of(request)
        if answer is None:
            return
        tag = answer_tag(self.row.name, answer, in_reasoning=self.prompt_ends_inside)
        if is_grammar(tag) and constrain_from_start(request):
            set_structural_tag(request, tag)

    @guarded(lambda *_: None)
    def _keep_markers(self, request: Request) -> None:
        if needs_special_tokens(None, self.row, self.model_tokenizer):
            request.skip_special_tokens = False

    @property
    def frames_reply(self) -> bool:
        """Whether the format frames the whole reply."""
        return _frames_reply(self.row.name, declared_count())

    # --- one-shot

    @guarded(lambda _, model_output, *__: (None, model_output))
    def extract_reasoning(self, model_output: str, request: Request) -> tuple[str | None, str | None]:
        reading = self._begin(self.starts_inside(model_output), request)
        events = [*reading.feed(model_output), *reading.finish()]
        message = fold(events)
        if self._asked is None or self._asked.tool is None:
            return message.reasoning, message.content
        rest = message.content or message.tool_calls
        return message.reasoning, together.Rest.of(model_output, events) if rest else None

    # --- streaming

    @guarded(lambda self, _, __, delta_text, *____: self._give_up(delta_text))
    def extract_reasoning_streaming(
        self,
        previous_text: str,
        current_text: str,
        delta_text: str,
        previous_token_ids: Sequence[int],
        current_token_ids: Sequence[int],
        delta_token_ids: Sequence[int],
    ) -> DeltaMessage | None:
        if self._reading is None:
            self._reading = self._begin(self._inside, None)
        self.step, self.events = current_token_ids, self._reading.feed(delta_text)
        self._ended = self._ended or any(isinstance(event, ContentDelta) for event in self.events)
        return delta_message(self.events)

    def has_engine_confirmed_reasoning_end(self) -> bool:
        return self._ended and self._asked is None  # with `_asked` this half reads on, for both

    @guarded(lambda *_: None)
    def finish_streaming(self) -> DeltaMessage | None:
        if self._reading is None:
            return None
        if self._ended and self._asked is None:
            # The tool parser reads the rest: vLLM gives it all text from here on.
            return content_delta(self._reading.machine.let_go())
        return delta_message(self._reading.finish())

    def _give_up(self, delta_text: str) -> DeltaMessage | None:
        """After a defect: return the text that was not returned yet as content. The tool parser reads the rest."""
        unread = "" if self._reading is None else self._reading.machine.let_go()
        self._asked, self._ended, self.step = None, True, None
        return content_delta(unread if unread.endswith(delta_text) else unread + delta_text)

    def _begin(self, inside: bool | None, request: Request | None) -> Reading:
        """Begin to read a reply: for both halves, if a tool half has adjusted the same request."""
        asked = self._asked = together.of_arguments(self.template_kwargs) if request is None else None
        if request is not None and not self.in_composition:
            asked = self._asked = together.of_request(request)
        if asked is not None:
            request = asked.request
            asked.readers.add(self)
        tool = None if asked is None else asked.tool
        return Pair(tool, self.row, self.template_kwargs, self.label).begin(request, inside)


class DynamoToolParser(ToolParser):
    """The tool half. Each subclass sets a row of the registry."""

    row: ClassVar[ToolRow]
    engine_based_streaming = True
    # One machine reads the native markup and the JSON that vLLM forces, so vLLM must not read that itself.
    supports_required_and_named = False
    skip_reasoning_parsing = False
    """Set by vLLM if no reasoning parser is configured: then reasoning markup is text."""

    def __init__(self, tokenizer: TokenizerLike, tools: list[Tool] | None = None) -> None:
        super().__init__(tokenizer, tools)
        self._given = tools  # vLLM's base class keeps only some kinds of tools
        self.reasoning: DynamoReasoningParser | None = None
        """The reasoning half in the same composition, which sets it."""
        self.in_composition = False
        """Whether this half is part of vLLM's composition, which reads the reply or hands it over itself."""
        self._reading: Reading | None = None

    @property
    def label(self) -> str:
        """The flag and the name that a log line shows."""
        return f"--tool-call-parser {PREFIX}{self.row.name}"

    # --- the request

    def adjust_request(self, request: Request) -> Request:
        # vLLM sets the JSON schema of a forced choice only for parsers that let vLLM read that JSON.
        asked = copy.copy(self)
        asked.supports_required_and_named = True
        request = ToolParser.adjust_request(asked, request)
        self._keep_markers(request)
        self._tell(request)
        return request

    @guarded(lambda *_: None)
    def _tell(self, request: Request) -> None:
        if not self.in_composition:
            together.tool_half(request, self.row)

    @guarded(lambda *_: None)
    def _keep_markers(self, request: Request) -> None:
        if needs_special_tokens(self.row, None, self.model_tokenizer):
            request.skip_special_tokens = False

    @guarded(lambda *_, **__: None, passes=(Refused,))
    def get_structural_tag(
        self, request: Request, *, reasoning: bool = False, strict_level: ToolStrictLevel | None = None
    ) -> StructuralTag | None:
        """Return the tag that constrains the reply to `request`; None if vLLM is to force JSON or nothing."""
        tag = self.tag_of(request, strict_level)
        return None if tag is None else as_structural_tag(tag)

    def tag_of(self, request: Request, strict_level: ToolStrictLevel | None) -> Tag | None:
        """Return the same tag in our own type. Raises Refused for a request that cannot be served."""
        if not enforces_tags() or not has_structural_tag(self.row.name):
            return None
        choice, level = tool_choice_of(request), _LEVELS.get(getattr(strict_level, "name", ""), "auto")
        given, several = request.tools or (), request.parallel_tool_calls is not False
        if choice == "auto" and level == "auto" and several and not _any_strict(given):
            return None  # most requests end here
        beside = self.reasoning
        in_front = beside is not None and not beside.is_closed and constrain_from_start(request)
        try:
            tag = structural_tag(
                self.row.name,
                plain_tools(function_tools(given)),
                choice,
                several,
                level=level,
                reasoning_parser=beside.row.name if beside is not None and in_front else None,
                in_reasoning=beside is not None and beside.prompt_ends_inside,
            )
        except ToolChoiceError as error:
            raise Refused(str(error)) from error
        if tag is None:
            return None
        if frames_reply(self.row):
            constrain_from_start(request)
        check_tag(tag)
        return tag

    def tools_of(self, request: Request | None) -> Sequence[object]:
        """Return the request's tools as plain objects; without a request, the tools that this parser was made with."""
        return tools_of(self._given if request is None else request.tools)

    # --- one-shot

    @guarded(lambda _, text, *__: ExtractedToolCallInformation(tools_called=False, tool_calls=[], content=text))
    def extract_tool_calls(self, model_output: str, request: Request | None) -> ExtractedToolCallInformation:
        if isinstance(model_output, together.Rest):
            message = fold(model_output.events)
        else:
            reading = self._begin_whole(request)
            message = fold([*reading.feed(model_output), *reading.finish()])
        calls = [
            ToolCall(id=call.id, type="function", function=FunctionCall(name=call.name, arguments=call.arguments))
            for call in message.tool_calls
        ]
        self.prev_tool_call_arr = [{"name": call.name, "arguments": call.arguments} for call in message.tool_calls]
        return ExtractedToolCallInformation(tools_called=bool(calls), tool_calls=calls, content=message.content)

    # --- streaming

    @guarded(lambda _, __, ___, delta_text, *____: content_delta(delta_text))
    def extract_tool_calls_streaming(  # noqa: PLR0913
        self,
        previous_text: str,
        current_text: str,
        delta_text: str,
        previous_token_ids: Sequence[int],
        current_token_ids: Sequence[int],
        delta_token_ids: Sequence[int],
        request: Request | None,
    ) -> DeltaMessage | None:
        if self._reading is None:
            asked = None if self.in_composition else together.of_request(request)
            reader = None if asked is None else asked.reader_at(current_token_ids)
            if reader is not None:
                return self._said(reader.events)
            if asked is not None and asked.readers:
                asked.report_separate(self.label)
            self._reading = self._begin_alone(request, asked)
        return self._said(self._reading.feed(delta_text))

    @guarded(lambda *_: None)
    def finish_streaming(self) -> DeltaMessage | None:
        reading, self._reading = self._reading, None
        return None if reading is None else self._said(reading.finish())

    def _begin_alone(self, request: Request | None, asked: together.Asked | None) -> Reading:
        """Begin to read a reply by itself: all of it, or the part that a reasoning parser of vLLM's has left."""
        usual = reasoning_row(self.row.pairs[0]) if self.row.pairs else None
        if asked is None:
            reasoning = None if self.skip_reasoning_parsing else usual
            return Pair(self.row, reasoning, None, self.label).begin(request, False, self._known_tools(request))
        kwargs = asked.template_kwargs or getattr(request, "chat_template_kwargs", None) or {}
        # An engine may skip its reasoning parser if the request turns thinking off.
        reasoning = asked.reasoning or (usual if thinking_asked_for(kwargs) is False else None)
        return Pair(self.row, reasoning, kwargs, self.label).begin(request, asked.inside)

    def _begin_whole(self, request: Request | None) -> Reading:
        """Do the same for a whole reply. Without a reasoning half nothing is read as reasoning."""
        asked = None if self.in_composition else together.of_request(request)
        if asked is None or asked.reasoning is None:
            return Pair(self.row, None, None, self.label).begin(request, False, self._known_tools(request))
        return Pair(self.row, asked.reasoning, asked.template_kwargs, self.label).begin(request, asked.inside)

    def _known_tools(self, request: Request | None) -> Sequence[object]:
        return self.tools_of(request) or (_UNKNOWN_TOOLS if request is None else ())

    def _said(self, events: Iterable[Event]) -> DeltaMessage | None:
        delta = delta_message(events)
        # Other code in vLLM reads the calls so far from these attributes.
        for call in (delta.tool_calls if delta is not None else None) or ():
            if call.id is not None:
                self.prev_tool_call_arr.append({"name": call.function and call.function.name, "arguments": ""})
                self.streamed_args_for_tool.append("")
                self.current_tool_id = call.index
        return delta

    def get_remaining_unstreamed_args(self) -> str:
        return ""  # everything that is known has been sent


class Reading:
    """The reading of one reply: its machine, and the ids of its calls."""

    __slots__ = ("_before", "_ids", "_number", "_request", "machine", "unsaid")

    def __init__(
        self, machine: GuardedParser, row: ToolRow | None, request: Request | None, before: int | None = None
    ) -> None:
        """`before`: the number of calls in the conversation; None: count them in the request."""
        self.machine = machine
        self.unsaid: list[Event] = []
        """The events of the last step, in case that they have to be returned as text."""
        self._number = None if row is None else row.numbered_id
        self._request = request
        self._before = before
        self._ids: set[str] = set()

    def feed(self, text: str) -> list[Event]:
        """Read the next piece and return its events."""
        self.unsaid = self.machine.feed(text)
        return self._numbered(self.unsaid)

    def finish(self) -> list[Event]:
        """End the reply and return the last events."""
        last = self.machine.finish()
        self.unsaid = self.unsaid + last
        return self._numbered(last)

    def _numbered(self, events: list[Event]) -> list[Event]:
        """Give calls whose markup has no id the format's kind of id."""
        if self._number is None or self._request is None:
            return events
        return [self._with_id(event) if isinstance(event, ToolCallStart) else event for event in events]

    def _with_id(self, start: ToolCallStart) -> ToolCallStart:
        call_id = start.id
        if self._number is not None and self._request is not None and call_id.startswith(MADE_ID):
            if self._before is None:
                self._before = calls_before(self._request)
            call_id = free_id(self._number, start.name, self._before + len(self._ids), self._ids)
        self._ids.add(call_id)
        return ToolCallStart(start.index, call_id, start.name)


@dataclass(frozen=True, slots=True)
class Pair:
    """The rows of the two parsers that read a reply; either may be None."""

    tool: ToolRow | None
    reasoning: ReasoningRow | None
    template_kwargs: Mapping[str, object] | None
    label: str

    def begin(
        self,
        request: Request | None,
        inside: bool | None,
        tools: Sequence[object] | None = None,
        calls_before: int | None = None,
    ) -> Reading:
        """Begin to read a reply.

        Args:
            request: None if vLLM does not pass it.
            inside: whether the reply starts in reasoning; None: the request and the format's default decide.
            tools: used instead of the request's.
            calls_before: the number of calls in the conversation; None: count them in the request.
        """
        tool, reasoning = self.tool, self.reasoning
        if tools is None:
            tools = () if request is None else tools_of(request.tools)
        machine = GuardedParser(
            None if tool is None else tool.name,
            None if reasoning is None else reasoning.name,
            () if tool is None else tools,
            tool_choice_of(request),
            getattr(request, "parallel_tool_calls", True) is not False,
            self.template_kwargs,
            inside,
            new_id=(None if tool is None else tool.new_id) or new_call_id,
            label=self.label,
        )
        return Reading(machine, tool, request, calls_before)


def delta_message(events: Iterable[Event]) -> DeltaMessage | None:
    """Return the events of one step as vLLM's delta; None if there is nothing to send."""
    content = reasoning = ""
    calls: dict[int, DeltaToolCall] = {}
    functions: dict[int, DeltaFunctionCall] = {}
    for event in events:
        if isinstance(event, ToolArgumentsDelta):
            function = functions.get(event.index)
            if function is None:
                functions[event.index] = function = DeltaFunctionCall(arguments=event.text)
                calls[event.index] = DeltaToolCall(index=event.index, function=function)
            else:
                function.arguments = (function.arguments or "") + event.text
        elif isinstance(event, ContentDelta):
            content += event.text
        elif isinstance(event, ReasoningDelta):
            reasoning += event.text
        elif isinstance(event, ToolCallStart):
            functions[event.index] = function = DeltaFunctionCall(name=event.name, arguments="")
            calls[event.index] = DeltaToolCall(index=event.index, id=event.id, type="function", function=function)
    if not (content or reasoning or calls):
        return None
    # Set only the fields that have a value: vLLM serializes every field that was set, nulls included.
    message = DeltaMessage()
    if content:
        message.content = content
    if reasoning:
        message.reasoning = reasoning
    if calls:
        message.tool_calls = list(calls.values())
    return message


@cache
def _frames_reply(reasoning: str, _declared: int) -> bool:
    return any(frames_reply(tool) for tool in partners(reasoning_row(reasoning)))


def _any_strict(tools: Sequence[Any]) -> bool:
    """Return whether one of a request's tools is strict. The tools of Chat Completions take the fast path."""
    try:
        return True in [tool.function.strict for tool in tools]
    except AttributeError:
        return any_strict(function_tools(tools))


def tools_of(tools: Sequence[object] | None) -> Sequence[object]:
    """Return a request's tools as plain objects."""
    return plain_tools(function_tools(tools or ()))


def tool_choice_of(request: Request | None) -> object:
    return plain_tool_choice(getattr(request, "tool_choice", None))


def tool_class(row: ToolRow, name: str = "") -> type[DynamoToolParser]:
    """Return the class of a tool parser, made on first use. `name`: one of the row's names; by default the first."""
    name = name or row.name
    made: type[DynamoToolParser] | None = globals().get(tool_class_name(name))
    if made is None:
        said: dict[str, object] = {"row": row, "__module__": __name__}
        if has_structural_tag(name):
            said["structural_tag_model"] = PREFIX + name  # if it is set, vLLM calls `get_structural_tag`
        made = globals()[tool_class_name(name)] = type(tool_class_name(name), (DynamoToolParser,), said)
    return made


def reasoning_class(row: ReasoningRow, name: str = "") -> type[DynamoReasoningParser]:
    """Return the class of a reasoning parser; see `tool_class`."""
    name = name or row.name
    made: type[DynamoReasoningParser] | None = globals().get(reasoning_class_name(name))
    if made is None:
        said: dict[str, object] = {"row": row, "__module__": __name__}
        made = type(reasoning_class_name(name), (DynamoReasoningParser,), said)
        globals()[reasoning_class_name(name)] = made
    return made


for _name in tool_parser_names():
    tool_class(tool_row(_name), _name)
for _name in reasoning_parser_names():
    reasoning_class(reasoning_row(_name), _name)
