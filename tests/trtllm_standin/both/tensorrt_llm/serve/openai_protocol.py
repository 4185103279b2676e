"""The parts of the request and the answer that the post-processors touch."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    model_config = ConfigDict(extra="allow")


class FunctionDefinition(Model):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ChatCompletionToolsParam(Model):
    type: Literal["function"] = "function"
    function: FunctionDefinition


class ChatCompletionNamedFunction(Model):
    name: str


class ChatCompletionNamedToolChoiceParam(Model):
    type: Literal["function"] = "function"
    function: ChatCompletionNamedFunction


class FunctionCall(Model):
    name: str
    arguments: str


class ToolCall(Model):
    id: str = Field(default_factory=lambda: "chatcmpl-tool-0")
    type: Literal["function"] = "function"
    function: FunctionCall


class DeltaFunctionCall(Model):
    name: str | None = None
    arguments: str | None = None


class DeltaToolCall(Model):
    id: str | None = None
    type: Literal["function"] = "function"
    index: int
    function: DeltaFunctionCall | None = None


class ChatMessage(Model):
    role: str
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] = []


class DeltaMessage(Model):
    role: str | None = None
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[DeltaToolCall] | None = None


class ChatCompletionResponseChoice(Model):
    index: int
    message: ChatMessage
    finish_reason: str | None = None
    stop_reason: int | str | None = None


class ChatCompletionResponse(Model):
    model: str
    choices: list[ChatCompletionResponseChoice]


class ChatCompletionResponseStreamChoice(Model):
    index: int
    delta: DeltaMessage
    finish_reason: str | None = None
    stop_reason: int | str | None = None


class ChatCompletionStreamResponse(Model):
    id: str = ""
    created: int = 0
    model: str
    choices: list[ChatCompletionResponseStreamChoice]


def to_disaggregated_params(_):
    return None


def __getattr__(name):
    """Any other model: whatever it is given."""
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (Model,), {"__module__": __name__})
