"""One object per reply: vLLM's `Parser` for every pair of our parsers, with one machine.

- The machine reads reasoning, content and calls together, and gets the request and how its prompt ended.
  `parse_delta` feeds it; `parse` feeds a whole reply and folds the events.
- The two parser classes only answer vLLM's questions about token ids; they do not read the reply.
- If anything raises here, the text becomes content, and one line is logged (`engines.boundary`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING

from dynamo_parsers.engines.boundary import guarded
from dynamo_parsers.events import ReasoningDelta, ToolCallEnd, ToolCallStart
from dynamo_parsers.message import fold
from dynamo_parsers.registry import PREFIX
from openai.types.responses.tool_choice_function import ToolChoiceFunction

from vllm.entrypoints.generate.base.protocol import DeltaMessage, FunctionCall
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionNamedToolChoiceParam
from vllm.parser.abstract_parser import DelegatingParser

from ._versions import Refused, set_structural_tag
from .parsers import (
    DynamoReasoningParser,
    DynamoToolParser,
    Pair,
    Reading,
    content_delta,
    delta_message,
)

if TYPE_CHECKING:
    from dynamo_parsers.write.tag_text import Tag

    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.entrypoints.openai.responses.protocol import ResponsesRequest
    from vllm.tokenizers import TokenizerLike
    from vllm.tool_parsers.abstract_tool_parser import Tool

    Request = ChatCompletionRequest | ResponsesRequest
    Parsed = tuple[str | None, str | None, list[FunctionCall] | None]


_prompt: ContextVar[Sequence[int] | None] = ContextVar("dynamo_parsers_prompt", default=None)
"""The prompt of the whole replies of this task; None if vLLM tells each parser itself, which it does since 0.32."""


def tell_prompt(prompt_token_ids: Sequence[int] | None) -> None:
    """Store the prompt whose whole replies are parsed in this task."""
    _prompt.set(prompt_token_ids)


class DynamoParser(DelegatingParser):
    """Reads one choice of one request. Subclasses set the tool parser's and the reasoning parser's class, or None."""

    always_adjust_request = True
    """Special tokens are kept for the parsers even if the request has no tools (since vLLM 0.32)."""

    def __init__(
        self, tokenizer: TokenizerLike, tools: list[Tool] | None = None, *args: object, **kwargs: object
    ) -> None:
        # Not super().__init__: vLLM's Harmony parser accepts only vLLM's own classes.
        DelegatingParser.__init__(self, tokenizer, tools, *args, **kwargs)
        half, beside = self._tool_parser, self._reasoning_parser
        self._tools = half if isinstance(half, DynamoToolParser) else None
        self._thinks = beside if isinstance(beside, DynamoReasoningParser) else None
        if self._tools is not None:
            self._tools.reasoning = self._thinks
        _tell_halves(half, beside)
        self._reading: Reading | None = None  # of a stream
        self._calls_before: int | None = None
        self._fed = False
        self._gave_up = False

    @property
    def label(self) -> str:
        """The flag and name shown in log lines and counters: the tool parser's, if there is one."""
        if self._tools is not None:
            return self._tools.label
        return f"--reasoning-parser {PREFIX}" if self._thinks is None else self._thinks.label

    # --- what vLLM tells

    @guarded(lambda *_: None)
    def set_prompt_token_ids(self, prompt_token_ids: Sequence[int]) -> None:
        if self._thinks is not None:
            self._thinks.set_prompt_token_ids(prompt_token_ids)

    @guarded(lambda *_: None)
    def set_history_tool_call_count(self, count: int) -> None:
        self._calls_before = count

    # --- what vLLM asks

    def _apply_structural_tag(self, request: Request) -> Request:
        """Set the structural tag, as vLLM does before the parsers adjust a request, without a copy of each tool.

        A request with a constraint of its own, or with another kind of tool choice, is left to vLLM.
        """
        tools = self._tools
        if tools is None or not _may_be_tagged(request) or request.extract_structured_outputs() is not None:
            return super()._apply_structural_tag(request)
        tag = self._tag_of(request)
        if tag is not None:
            set_structural_tag(request, tag)
        return request

    @guarded(lambda *_: None, passes=(Refused,))
    def _tag_of(self, request: Request) -> Tag | None:
        return None if self._tools is None else self._tools.tag_of(request, getattr(self, "tool_strict_level", None))

    @guarded(lambda *_: True)
    def is_reasoning_end(self, input_ids: list[int]) -> bool:
        return False if self._thinks is None else self._thinks.is_reasoning_end(input_ids)

    @guarded(lambda *_: 0)
    def count_reasoning_tokens(self, token_ids: Sequence[int]) -> int:
        return 0 if self._thinks is None else self._thinks.count_reasoning_tokens(token_ids)

    @guarded(lambda _, model_output, *__, **___: (None, model_output or None, None))
    def parse(
        self,
        model_output: str,
        request: Request,
        enable_auto_tools: bool = False,
        model_output_token_ids: Sequence[int] = (),
    ) -> Parsed:
        prompt = _prompt.get()
        if prompt is not None:
            self.set_prompt_token_ids(prompt)
        reading = self._begin(request, model_output)
        message = fold([*reading.feed(model_output), *reading.finish()])
        calls = [FunctionCall(id=call.id, name=call.name, arguments=call.arguments) for call in message.tool_calls]
        return message.reasoning, message.content, calls or None

    @guarded(lambda self, delta_text, *_, **__: self._give_up(delta_text))
    def parse_delta(
        self,
        delta_text: str,
        delta_token_ids: list[int],
        request: Request,
        prompt_token_ids: list[int] | None = None,
        *,
        finished: bool,
    ) -> DeltaMessage | None:
        if self._gave_up:
            return content_delta(delta_text)
        self._fed = False
        if self._reading is None:
            if prompt_token_ids is not None:
                self.set_prompt_token_ids(prompt_token_ids)
            self._reading = self._begin(request, None)
        self._reading.unsaid = []  # the events of the last step have been returned
        events = self._reading.feed(delta_text)
        self._fed = True
        if finished:
            events = events + self._reading.finish()
        if not getattr(request, "include_reasoning", True):
            events = [event for event in events if not isinstance(event, ReasoningDelta)]
        delta = delta_message(events)
        if finished:
            self._reading = None
        return delta

    # --- reading

    def _begin(self, request: Request | None, text: str | None) -> Reading:
        """Begin to read a reply.

        Args:
            request: None if vLLM does not pass it.
            text: the whole reply, or None for a stream.
        """
        tools, thinks = self._tools, self._thinks
        pair = Pair(
            None if tools is None else tools.row,
            None if thinks is None else thinks.row,
            None if thinks is None else thinks.template_kwargs,
            self.label,
        )
        return pair.begin(
            request,
            None if thinks is None else thinks.starts_inside(text),
            None if tools is None else tools.tools_of(request),
            self._calls_before,
        )

    def _give_up(self, delta_text: str) -> DeltaMessage | None:
        """After a defect: return the text that was not returned yet as content. All later text is content too."""
        reading, self._reading, self._gave_up = self._reading, None, True
        if reading is None:
            return content_delta(delta_text)
        if not (reading.unsaid or self._fed):
            return content_delta(reading.machine.let_go() + delta_text)
        said = "".join(event.text for event in reading.unsaid if not isinstance(event, ToolCallStart | ToolCallEnd))
        return content_delta(said + reading.machine.let_go())


def _may_be_tagged(request: Request) -> bool:
    """Return whether a request has tools, and a tool choice for which vLLM makes a tag."""
    choice = request.tool_choice
    return bool(request.tools) and (choice in ("auto", "required") or type(choice) in _NAMED)


_NAMED = (ChatCompletionNamedToolChoiceParam, ToolChoiceFunction)


def _tell_halves(*halves: object) -> None:
    for half in halves:
        if isinstance(half, DynamoToolParser | DynamoReasoningParser):
            half.in_composition = True


class Beside:
    """Mixin for vLLM's composition of one parser of ours and one of vLLM's: tells ours the prompt in every version."""

    always_adjust_request = True
    _reasoning_parser: object
    _tool_parser: object

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        _tell_halves(self._tool_parser, self._reasoning_parser)

    def set_prompt_token_ids(self, prompt_token_ids: Sequence[int]) -> None:
        if isinstance(self._reasoning_parser, DynamoReasoningParser):
            self._reasoning_parser.set_prompt_token_ids(prompt_token_ids)
        theirs = getattr(super(), "set_prompt_token_ids", None)
        if theirs is not None:
            theirs(prompt_token_ids)

    def parse(self, *args: object, **kwargs: object) -> object:
        prompt = _prompt.get()
        if prompt is not None:
            self.set_prompt_token_ids(prompt)
        return super().parse(*args, **kwargs)  # type: ignore[misc]
