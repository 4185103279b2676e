"""What the chat endpoint of 1.3 makes of a reply: both parsers are told when it is over."""

from dataclasses import dataclass, field

from ..executor.postproc_worker import PostprocArgs
from ..llmapi.reasoning_parser import ReasoningParserFactory, ReasoningParserResult
from .chat_utils import make_tool_call_id
from .openai_protocol import (
    ChatCompletionNamedToolChoiceParam,
    ChatCompletionResponse,
    ChatCompletionResponseChoice,
    ChatCompletionResponseStreamChoice,
    ChatCompletionStreamResponse,
    ChatMessage,
    DeltaFunctionCall,
    DeltaMessage,
    DeltaToolCall,
    FunctionCall,
    ToolCall,
)
from .tool_parser.core_types import StreamingParseResult
from .tool_parser.tool_parser_factory import ToolParserFactory


@dataclass(kw_only=True)
class ChatPostprocArgs(PostprocArgs):
    role: str
    model: str
    num_choices: int = 1
    tools: list | None = None
    tool_choice: object = None
    reasoning_parser: str | None = None
    tool_parser: str | None = None
    chat_template_kwargs: dict | None = None
    reasoning_parser_dict: dict = field(default_factory=dict)
    tool_parser_dict: dict = field(default_factory=dict)
    has_tool_call: dict = field(default_factory=dict)

    @classmethod
    def from_request(cls, request):
        return cls(
            role="assistant",
            model=request.model,
            num_choices=request.n or 1,
            tools=request.tools,
            tool_choice=request.tool_choice,
            chat_template_kwargs=request.chat_template_kwargs,
        )


def apply_reasoning_parser(args, output_index, text, streaming, finished=False):
    if args.reasoning_parser is None:
        return text, ""
    made = args.reasoning_parser_dict
    if output_index not in made:
        made[output_index] = ReasoningParserFactory.create_reasoning_parser(
            args.reasoning_parser, args.chat_template_kwargs
        )
    parser = made[output_index]
    result = parser.parse_delta(text) if streaming else parser.parse(text)
    if streaming and finished:
        last = parser.finish()
        result = ReasoningParserResult(
            content=result.content + last.content, reasoning_content=result.reasoning_content + last.reasoning_content
        )
    return result.content, result.reasoning_content


def apply_tool_parser(args, output_index, text, streaming, finished=False):
    if args.tool_parser is None or args.tools is None:
        return text, []
    made = args.tool_parser_dict
    if output_index not in made:
        made[output_index] = ToolParserFactory.create_tool_parser(args.tool_parser)
    parser = made[output_index]
    if not streaming:
        result = parser.detect_and_parse(text, args.tools)
    else:
        result = parser.parse_streaming_increment(text, args.tools)
        if finished:
            last = parser.finish(args.tools)
            result = StreamingParseResult(
                normal_text=result.normal_text + last.normal_text, calls=result.calls + last.calls
            )
    if args.tool_choice == "none":
        return result.normal_text, []
    if result.calls:
        args.has_tool_call[output_index] = True
    return result.normal_text, result.calls


def forced(args, items):
    """Of a named choice the first item of each step is kept, under the name that was asked for."""
    if not isinstance(args.tool_choice, ChatCompletionNamedToolChoiceParam) or not items:
        return items
    parser = ToolParserFactory.parsers[args.tool_parser.lower()]
    assert parser.extracts_forced_tool_calls, "the stand-in knows no grammar"
    if items[0].name:
        items[0].name = args.tool_choice.function.name
    return items[:1]


def chat_stream_post_processor(rsp, args):
    said = []

    def say(index, delta, finish_reason=None):
        choice = ChatCompletionResponseStreamChoice(index=index, delta=delta, finish_reason=finish_reason)
        chunk = ChatCompletionStreamResponse(model=args.model, choices=[choice])
        said.append(f"data: {chunk.model_dump_json(exclude_none=True)}\n\n")

    if args.first_iteration:
        for index in range(args.num_choices):
            say(index, DeltaMessage(role=args.role))
        args.first_iteration = False
    for output in rsp.outputs:
        finished = output.finish_reason is not None
        content, reasoning = apply_reasoning_parser(args, output.index, output.text_diff, True, finished)
        content, items = apply_tool_parser(args, output.index, content, True, finished)
        calls = [
            DeltaToolCall(
                id=make_tool_call_id() if item.name else None,
                index=item.tool_index,
                function=DeltaFunctionCall(name=item.name or None, arguments=item.parameters),
            )
            for item in forced(args, items)
        ]
        if not (content or reasoning or calls or finished or output.token_ids_diff):
            continue
        reason = output.finish_reason
        if reason == "stop" and args.has_tool_call.get(output.index):
            reason = "tool_calls"
        say(output.index, DeltaMessage(content=content, reasoning_content=reasoning, tool_calls=calls or None), reason)
    return said


def chat_response_post_processor(rsp, args):
    choices = []
    for output in rsp.outputs:
        content, reasoning = apply_reasoning_parser(args, output.index, output.text, False)
        content, items = apply_tool_parser(args, output.index, content, False)
        calls = [
            ToolCall(function=FunctionCall(name=item.name or "", arguments=item.parameters))
            for item in forced(args, items)
        ]
        reason = output.finish_reason
        if reason == "stop" and args.has_tool_call.get(output.index):
            reason = "tool_calls"
        message = ChatMessage(role=args.role, content=content, reasoning_content=reasoning, tool_calls=calls)
        choices.append(ChatCompletionResponseChoice(index=output.index, message=message, finish_reason=reason))
    return ChatCompletionResponse(model=args.model, choices=choices)
