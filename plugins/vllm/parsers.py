"""vLLM's two parser classes over the core, one pair of classes made from each row of the registry.

vLLM splits a reply between two objects that do not know each other. It makes them right after each other,
which is how the second finds the first (`_Pairing`); then both stand for one machine:

- The reasoning parser runs the machine up to the first call. vLLM is told then that reasoning has ended.
- The tool parser takes the machine over, tells it the request's `tool_choice`, and runs it to the end. What it
  meets of reasoning goes out as `DeltaMessage.reasoning`.
- One-shot, the reasoning parser reads the whole reply, and the tool parser gives out the calls it found.

A parser of ours that stands alone, or beside one of vLLM's, runs a machine of its own.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from dynamo_parsers.events import ContentDelta, Event, ReasoningDelta, ToolArgumentsDelta, ToolCallStart
from dynamo_parsers.guarded import GuardedParser
from dynamo_parsers.message import Message, fold
from dynamo_parsers.parser import LATER
from dynamo_parsers.registry import (
    PREFIX,
    ReasoningRow,
    ToolRow,
    partners,
    reasoning_parser_names,
    reasoning_row,
    thinking_asked_for,
    tool_parser_names,
    tool_row,
)
from dynamo_parsers.request import free_id, plain_tool_choice, plain_tools
from dynamo_parsers.structural_tags import (
    Level,
    ToolChoiceError,
    answer_tag,
    frames_reply,
    has_structural_tag,
    structural_tag,
)
from dynamo_parsers.token_ids import ReasoningIds, needs_special_tokens, reasoning_ids

from vllm.reasoning import ReasoningParser
from vllm.tool_parsers import ToolParser

from . import hooks, reasoning_class_name, tool_class_name
from ._versions import (
    as_structural_tag,
    calls_before,
    constrain_from_start,
    enforces_tags,
    function_tools,
    has_output_format,
    new_call_id,
    output_format_of,
    refusal,
    set_structural_tag,
)

if TYPE_CHECKING:
    from xgrammar import StructuralTag

    from vllm.entrypoints.generate.base.protocol import (
        DeltaFunctionCall,
        DeltaMessage,
        DeltaToolCall,
        ExtractedToolCallInformation,
        FunctionCall,
        ToolCall,
    )
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.entrypoints.openai.responses.protocol import ResponsesRequest
    from vllm.tokenizers import TokenizerLike
    from vllm.tool_parsers.abstract_tool_parser import Tool
    from vllm.tool_parsers.tool_strict_level import ToolStrictLevel

    Request: TypeAlias = ChatCompletionRequest | ResponsesRequest
else:
    from ._versions import (
        DeltaFunctionCall,
        DeltaMessage,
        DeltaToolCall,
        ExtractedToolCallInformation,
        FunctionCall,
        ToolCall,
    )

_LEVELS: Mapping[str, Level] = {"FUNCTION": "function", "PARAMETER": "parameter"}
"""vLLM's `--tool-strict-level`."""
_MADE_ID = "chatcmpl-tool-"
"""What vLLM's own ids begin with."""
_UNKNOWN_TOOLS: Sequence[object] = ({},)
"""Stands for the tools of a caller that gives no request: calls are read, their types unknown."""


class _Pairing(threading.local):
    """The reasoning parser that vLLM made last in this thread, until a tool parser is made beside it."""

    last: weakref.ref[DynamoReasoningParser] | None = None


_pairing = _Pairing()


class DynamoReasoningParser(ReasoningParser):
    """The reasoning half. Subclasses name a row of the registry."""

    row: ClassVar[ReasoningRow]
    engine_based_streaming = True

    def __init__(self, tokenizer: TokenizerLike, *args: object, **kwargs: object) -> None:
        super().__init__(tokenizer, *args, **kwargs)
        # vLLM's engine core makes one for its grammars alone, and gives it no configuration of the model.
        self._of_grammar = "model_config" not in kwargs
        asked = kwargs.get("chat_template_kwargs")
        self.template_kwargs: Mapping[str, object] = asked if isinstance(asked, Mapping) else {}
        self._inside: bool | None = None  # how the prompt ended
        self._prompt_known = False
        self.stream_told = False
        self._request: Request | None = None  # of the stream, where this parser stands alone
        self._until_call = False
        self._beside: weakref.ref[DynamoToolParser] | None = None
        self._ended = False
        # What the tool parser beside it takes over: the machine and what it said from the first call on, or
        # the whole message.
        self.machine: GuardedParser | None = None
        self.said: list[Event] = []
        self.message: Message | None = None
        _pairing.last = weakref.ref(self)

    def pair(self, tools: DynamoToolParser) -> None:
        """A tool parser was made right after this one."""
        self._beside = weakref.ref(tools)

    def _tools(self) -> DynamoToolParser | None:
        """The tool parser beside this one."""
        tools = self._beside() if self._beside is not None else None
        return tools if tools is not None and not tools.skip_reasoning_parsing else None

    def stream_begins(self, request: Request, prompt_token_ids: Sequence[int] | None, tool_parser: object) -> None:
        """Told before the first delta (`hooks`): the request, its prompt, and the tool parser beside this one."""
        self.stream_told = True
        if tool_parser is None:
            self._request = request
        self._until_call = not (tool_parser is None or isinstance(tool_parser, DynamoToolParser))
        if prompt_token_ids is not None:
            self.set_prompt_token_ids(prompt_token_ids)

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

    def set_prompt_token_ids(self, prompt_token_ids: Sequence[int]) -> None:
        self._inside = self._ids.prompt_ends_inside(prompt_token_ids)
        self._prompt_known = True

    def adjust_initial_state_from_prompt(self, prompt_token_ids: Sequence[int]) -> None:
        self.set_prompt_token_ids(prompt_token_ids)

    @property
    def told_inside(self) -> bool | None:
        """Whether the reply starts in reasoning; None: outside, or nobody knows."""
        return self._inside if self._prompt_known else True if self._starts_inside() else None

    @property
    def told_closed(self) -> bool:
        """Whether it is known that the reply does not start in reasoning, nor open one."""
        return self._inside is False or thinking_asked_for(self.template_kwargs) is False

    def is_reasoning_end(self, input_ids: Sequence[int]) -> bool:
        if self._of_grammar and self._frames_reply:
            return True  # the grammar speaks of reasoning too
        if self.stream_told and self._tools() is None:
            # This is the stream, and not the grammar's question. Without a tool parser of ours the whole stream is
            # ours, so that later blocks and stray markers are read.
            return False
        self.set_prompt_token_ids(input_ids)
        if self._inside is None:
            return thinking_asked_for(self.template_kwargs) is False and not self._starts_inside()
        return not self._inside

    def is_reasoning_end_streaming(self, input_ids: Sequence[int], delta_ids: Iterable[int]) -> bool:
        return self._ids.ends_in(input_ids, delta_ids)

    def extract_content_ids(self, input_ids: list[int]) -> list[int]:
        return self._ids.behind_reasoning(input_ids)

    def count_reasoning_tokens(self, token_ids: Sequence[int]) -> int:
        return self._ids.count(token_ids, self._starts_inside())

    def adjust_request(self, request: Request) -> Request:
        request = super().adjust_request(request)
        answer = output_format_of(request) if self._frames_reply else None
        tag = None if answer is None else answer_tag(partners(self.row)[0].name, answer)
        if tag is not None:
            set_structural_tag(request, tag)
            constrain_from_start(request)
        if needs_special_tokens(None, self.row, self.model_tokenizer):
            request.skip_special_tokens = False
        return request

    @property
    def _frames_reply(self) -> bool:
        return any(frames_reply(tool) for tool in partners(self.row))

    # --- one-shot

    def extract_reasoning(self, model_output: str, request: Request) -> tuple[str | None, str | None]:
        inside = self._inside if self._prompt_known else self._guessed_inside(model_output)
        tools = self._tools()
        machine = self._new_machine(inside, tools, request)
        self.message = fold([*machine.feed(model_output), *machine.finish()])
        return self.message.reasoning, self.message.content

    def _guessed_inside(self, text: str) -> bool | None:
        """How the prompt ended, where vLLM does not tell: a closer without an opener before it tells too."""
        if not self.row.close or thinking_asked_for(self.template_kwargs) is False:
            return None
        closer = text.find(self.row.close)
        return True if closer >= 0 and self.row.open not in text[:closer] else None

    # --- streaming

    def extract_reasoning_streaming(
        self,
        previous_text: str,
        current_text: str,
        delta_text: str,
        previous_token_ids: Sequence[int],
        current_token_ids: Sequence[int],
        delta_token_ids: Sequence[int],
    ) -> DeltaMessage | None:
        tools = self._tools()
        if self.machine is None:
            self.machine = self._new_machine(self._inside, tools, self._request, streamed=True)
        events = self.machine.feed(delta_text)
        if tools is not None:
            self._ended = self.machine.waits or any(isinstance(event, ToolCallStart) for event in events)
            if self._ended:
                self.said = events
                return None
        self._ended = self._ended or self.machine.rest is not None
        return delta_message(events)

    def has_engine_confirmed_reasoning_end(self) -> bool:
        return self._ended

    def finish_streaming(self) -> DeltaMessage | None:
        if self.machine is None or self.said:
            return None
        if self._ended:
            rest = self.machine.rest
            return DeltaMessage(content=rest) if rest else None
        return delta_message(self.machine.finish())

    def _new_machine(
        self, inside: bool | None, tools: DynamoToolParser | None, request: Request | None, *, streamed: bool = False
    ) -> GuardedParser:
        """The machine for this parser and the one beside it, which in a stream tells it the request later."""
        return GuardedParser(
            None if tools is None else tools.row.name,
            self.row.name,
            () if tools is None else tools.tools_of(request),
            LATER if streamed and tools is not None else tool_choice_of(request),
            getattr(request, "parallel_tool_calls", True) is not False,
            self.template_kwargs,
            inside,
            until_call=streamed and tools is None and self._until_call,
            new_id=new_call_id if tools is None else tools.row.new_id or new_call_id,
            label=f"--reasoning-parser {PREFIX}{self.row.name}",
        )

    def _starts_inside(self) -> bool:
        if self._inside is None:
            return self.row.starts.inside_for(self.template_kwargs)
        return self._inside


class DynamoToolParser(ToolParser):
    """The tool half. Subclasses name a row of the registry."""

    row: ClassVar[ToolRow]
    engine_based_streaming = True
    # One machine reads the native markup and the JSON that vLLM forces, so vLLM must not read that itself.
    supports_required_and_named = False
    skip_reasoning_parsing = False
    """Set by vLLM where no reasoning parser is configured: reasoning markup is text then."""

    def __init__(self, tokenizer: TokenizerLike, tools: list[Tool] | None = None) -> None:
        super().__init__(tokenizer, tools)
        self._given = tools  # vLLM's base class keeps only some kinds
        self._request: Request | None = None
        self._ids: set[str] = set()
        self._machine: GuardedParser | None = None
        made_last, _pairing.last = _pairing.last, None
        self._made_before = made_last() if made_last is not None else None
        if self._made_before is not None:
            self._made_before.pair(self)

    @property
    def _beside(self) -> DynamoReasoningParser | None:
        """The reasoning parser beside this one."""
        return None if self.skip_reasoning_parsing else self._made_before

    def adjust_request(self, request: Request) -> Request:
        hooks.install_in_serving(DynamoToolParser)
        # On this instance, made to adjust one request, let vLLM set the schema of a forced choice.
        self.supports_required_and_named = True
        request = super().adjust_request(request)
        del self.supports_required_and_named
        if needs_special_tokens(self.row, None, self.model_tokenizer):
            request.skip_special_tokens = False
        return request

    def get_structural_tag(
        self, request: Request, *, reasoning: bool = False, strict_level: ToolStrictLevel | None = None
    ) -> StructuralTag | None:
        """What constrains the reply to what `request` allows; None where vLLM is to force JSON, or nothing."""
        if not enforces_tags() or not has_structural_tag(self.row.name):
            return None
        # Beside a format of the answer vLLM gives the model the choice: then it says where the grammar starts.
        beside = None if has_output_format(request) else self._beside
        reasons = beside is not None and not beside.told_closed and constrain_from_start(request)
        level = _LEVELS.get(getattr(strict_level, "name", ""), "auto")
        try:
            tag = structural_tag(
                self.row.name,
                self.tools_of(request),
                tool_choice_of(request),
                request.parallel_tool_calls is not False,
                level=level,
                reasoning_parser=beside.row.name if beside is not None and reasons else None,
                in_reasoning=beside.told_inside if beside is not None else None,
            )
        except ToolChoiceError as error:
            raise refusal(str(error)) from error
        if tag is not None and frames_reply(self.row):
            constrain_from_start(request)
        return None if tag is None else as_structural_tag(tag)

    def tools_of(self, request: Request | None) -> Sequence[object]:
        """The request's tools as plain objects; without a request, those that this parser was made with."""
        tools = self._given if request is None else request.tools
        return plain_tools(function_tools(tools or ()))

    def extract_tool_calls(self, model_output: str, request: Request | None) -> ExtractedToolCallInformation:
        message = self._beside.message if self._beside is not None else None
        if message is None or (message.content or "") != model_output:
            machine = self._new_machine(request, None)
            message = fold([*machine.feed(model_output), *machine.finish()])
        calls = [
            ToolCall(
                id=self._numbered(call.id, call.name, request),
                type="function",
                function=FunctionCall(name=call.name, arguments=call.arguments),
            )
            for call in message.tool_calls
        ]
        self.prev_tool_call_arr = [{"name": call.name, "arguments": call.arguments} for call in message.tool_calls]
        return ExtractedToolCallInformation(tools_called=bool(calls), tool_calls=calls, content=message.content)

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
        events: list[Event] = []
        if self._machine is None:
            self._machine, events = self._first_machine(request)
        self._request = request
        return self._said(events + self._machine.feed(delta_text))

    def finish_streaming(self) -> DeltaMessage | None:
        return None if self._machine is None else self._said(self._machine.finish())

    def _said(self, events: list[Event]) -> DeltaMessage | None:
        delta = delta_message(events)
        for call in (delta.tool_calls if delta is not None else None) or ():
            if call.id is not None and call.function is not None:
                call.id = self._numbered(call.id, call.function.name or "", self._request)
        self._keep_score(delta)
        return delta

    def _numbered(self, call_id: str, name: str, request: Request | None) -> str:
        """The id that a call goes out with: the markup's own, or where none stood there the format's kind."""
        number = self.row.numbered_id
        if number is not None and request is not None and call_id.startswith(_MADE_ID):
            call_id = free_id(number, name, calls_before(request) + len(self._ids), self._ids)
        self._ids.add(call_id)
        return call_id

    def get_remaining_unstreamed_args(self) -> str:
        return ""  # what is known has been sent

    def _first_machine(self, request: Request | None) -> tuple[GuardedParser, list[Event]]:
        """The machine of the reasoning parser beside this one, with what it said last, or one of its own."""
        beside = self._beside
        if beside is None or beside.machine is None:
            return self._new_machine(request, self._reasoning_name()), []
        parallel = getattr(request, "parallel_tool_calls", True) is not False
        return beside.machine, beside.machine.decide(tool_choice_of(request), parallel, beside.said)

    def _reasoning_name(self) -> str | None:
        if self._beside is not None:
            return self._beside.row.name
        return None if self.skip_reasoning_parsing or not self.row.pairs else self.row.pairs[0]

    def _new_machine(self, request: Request | None, reasoning: str | None) -> GuardedParser:
        beside = self._beside
        return GuardedParser(
            self.row.name,
            reasoning,
            self.tools_of(request) or (_UNKNOWN_TOOLS if request is None else ()),
            tool_choice_of(request),
            getattr(request, "parallel_tool_calls", True) is not False,
            beside.template_kwargs if beside is not None else None,
            in_reasoning=False,
            new_id=self.row.new_id or new_call_id,
            label=f"--tool-call-parser {PREFIX}{self.row.name}",
        )

    def _keep_score(self, delta: DeltaMessage | None) -> None:
        """What other code of vLLM reads of a tool parser: the calls so far."""
        for call in (delta.tool_calls if delta is not None else None) or ():
            if call.id is not None:
                self.prev_tool_call_arr.append({"name": call.function and call.function.name, "arguments": ""})
                self.streamed_args_for_tool.append("")
                self.current_tool_id = call.index


def delta_message(events: list[Event]) -> DeltaMessage | None:
    """The events of one step as vLLM's delta; None where there are none."""
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
    # Only what is there is set: vLLM writes every field that was, nulls included.
    message = DeltaMessage()
    if content:
        message.content = content
    if reasoning:
        message.reasoning = reasoning
    if calls:
        message.tool_calls = list(calls.values())
    return message


def tool_choice_of(request: Request | None) -> object:
    return plain_tool_choice(getattr(request, "tool_choice", None))


def _make_classes() -> None:
    for name in tool_parser_names():
        said: dict[str, object] = {"row": tool_row(name), "__module__": __name__}
        if has_structural_tag(name):
            said["structural_tag_model"] = PREFIX + name  # vLLM asks `get_structural_tag` where there is one
        made = type(tool_class_name(name), (DynamoToolParser,), said)
        globals()[made.__name__] = made
    for name in reasoning_parser_names():
        made = type(
            reasoning_class_name(name),
            (DynamoReasoningParser,),
            {"row": reasoning_row(name), "__module__": __name__},
        )
        globals()[made.__name__] = made


hooks.install(DynamoReasoningParser)
_make_classes()
