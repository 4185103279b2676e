"""Folds events into the message that an OpenAI client gets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict, model_serializer

from .events import ContentDelta, Event, ReasoningDelta, ToolArgumentsDelta, ToolCallEnd, ToolCallStart
from .parser import Parser, named_choice


class ToolCall(BaseModel):
    """One call. `arguments` is JSON text; it is valid JSON if the call is `complete`."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    arguments: str
    complete: bool = True

    @model_serializer
    def _as_openai(self) -> dict[str, object]:
        return {
            "id": self.id,
            "type": "function",
            "function": {"name": self.name, "arguments": self.arguments},
        }


class Message(BaseModel):
    """An assistant message, and the finish reason of its choice. `model_dump()` is OpenAI's message object."""

    model_config = ConfigDict(frozen=True)

    content: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCall] = []
    finish_reason: str | None = None

    @model_serializer
    def _as_openai(self) -> dict[str, object]:
        message: dict[str, object] = {"role": "assistant", "content": self.content}
        if self.reasoning is not None:
            message["reasoning"] = self.reasoning
        if self.tool_calls:
            message["tool_calls"] = [call.model_dump() for call in self.tool_calls]
        return message


def fold(events: Iterable[Event], engine_finish: str | None = "stop", tool_choice: object = "auto") -> Message:
    """Return the message of the events of a whole reply.

    Args:
        events: all events of the reply.
        engine_finish: the engine's finish reason. "stop" becomes "tool_calls" if there are calls, unless the choice
            names a function.
        tool_choice: the request's `tool_choice`.
    """
    content: list[str] = []
    reasoning: list[str] = []
    starts: dict[int, ToolCallStart] = {}
    arguments: dict[int, list[str]] = {}
    complete: dict[int, bool] = {}
    for event in events:
        match event:
            case ContentDelta(text):
                content.append(text)
            case ReasoningDelta(text):
                reasoning.append(text)
            case ToolCallStart(index):
                starts[index] = event
                arguments[index] = []
            case ToolArgumentsDelta(index, text):
                arguments[index].append(text)
            case ToolCallEnd(index, whole):
                complete[index] = whole
    calls = [
        ToolCall(
            id=start.id,
            name=start.name,
            arguments="".join(arguments[index]),
            complete=complete.get(index, False),
        )
        for index, start in starts.items()
    ]
    turned = bool(calls) and engine_finish == "stop" and named_choice(tool_choice) is None
    return Message(
        content="".join(content) or None,
        reasoning="".join(reasoning) or None,
        tool_calls=calls,
        finish_reason="tool_calls" if turned else engine_finish,
    )


def parse(  # noqa: PLR0913
    text: str,
    tool_parser: str | None = None,
    reasoning_parser: str | None = None,
    tools: Sequence[object] | None = None,
    tool_choice: object = "auto",
    parallel_tool_calls: bool = True,
    chat_template_kwargs: Mapping[str, object] | None = None,
    in_reasoning: bool | None = None,
    engine_finish: str | None = "stop",
) -> Message:
    """Return the message of a whole reply. Arguments and errors are those of `Parser` and `fold`."""
    parser = Parser(
        tool_parser,
        reasoning_parser,
        tools,
        tool_choice,
        parallel_tool_calls,
        chat_template_kwargs,
        in_reasoning,
    )
    return fold([*parser.feed(text), *parser.finish()], engine_finish, tool_choice)
