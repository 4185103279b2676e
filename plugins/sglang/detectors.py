"""SGLang's two detector classes over the core; one class is made for each row of the registry.

SGLang gives every piece of the reply to the reasoning detector, and what that returns as content to the tool detector.
It makes detectors often (for each choice, and only to get a grammar), so a constructor does next to nothing.

- `dynamo_parsers.handover` makes one machine for the two; each also works alone.
- The request comes from `requests.told`, as SGLang does not pass it to a detector. Without it, SGLang's own guess
  (`force_reasoning`) decides how the reply starts.
- Without it, the caller is not SGLang's server but other code that uses its parsers, and may never call `finish`: then
  a call counts at once, and the tool detector joins the reasoning detector when it gets the first content.
- `prev_tool_call_arr` stays empty and no call is marked as incomplete: everything that is known has been sent, and a
  stream gets the finish_reason of the same reply sent whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from dynamo_parsers.engines.boundary import guarded
from dynamo_parsers.events import ContentDelta, Event, ToolArgumentsDelta
from dynamo_parsers.handover import Content, ReasoningHalf, ToolHalf, folded
from dynamo_parsers.registry import PREFIX, reasoning_row, tool_row
from dynamo_parsers.request import free_id, plain_tool_choice, plain_tools
from dynamo_parsers.rows import ReasoningRow, Starts, ToolRow
from dynamo_parsers.token_ids import Tokenizer, reasoning_ids
from dynamo_parsers.write.functions import Level
from dynamo_parsers.write.structural_tags import ToolChoiceError, frames_reply, structural_tag
from dynamo_parsers.write.tag_text import Tag
from pydantic import Field, PrivateAttr
from xgrammar import StructuralTag

from sglang.srt.function_call.base_format_detector import BaseFormatDetector
from sglang.srt.function_call.core_types import StreamingParseResult, ToolCallItem
from sglang.srt.function_call.utils import get_json_schema_constraint
from sglang.srt.parser.reasoning_parser import BaseReasoningFormatDetector
from sglang.srt.parser.reasoning_parser import StreamingParseResult as ReasoningResult

from .requests import takes_tags, told

if TYPE_CHECKING:
    from sglang.srt.entrypoints.openai.protocol import Tool

_UNKNOWN_TOOLS: list[dict[str, object]] = [{}]
"""The tools of a caller that passes none: calls are read, without knowing the types of their arguments."""
_READS_FORCED_MARKUP = hasattr(BaseFormatDetector, "parses_without_tools")
"""Whether SGLang passes a forced reply to our detector on every path, so that it may be markup (0.5.23 and newer)."""


_MADE_ID = re.compile(r"call_[0-9a-f]{24}")
"""Matches the ids that the core makes for most formats, which are in SGLang's style."""
_NUMBERED: Mapping[str, Callable[[str, int], str]] = {"kimi_k3": "{}:{}".format}
"""Formats for which SGLang makes ids from the function's name and the call's number; the registry has the others."""


class CallItem(ToolCallItem):
    """SGLang's item with the id of the call that begins in it."""

    id: str | None = Field(default=None, exclude=True)


def _as_content(_: object, text: str = "", *__: object, **___: object) -> StreamingParseResult:
    """After a defect: return the text as content, with the calls that the reasoning half kept for the tool half."""
    if isinstance(text, Content):
        kept = text.source.fetch()
        text = "".join(event.text for event in kept if isinstance(event, ContentDelta | ToolArgumentsDelta)) or text
    return StreamingParseResult(normal_text=str(text))


def _kept_as_content(self: DynamoToolDetector, text: str, *_: object) -> StreamingParseResult:
    """Return the same if the text has been parsed before (`has_tool_call`)."""
    if self._kept is None or self._kept[0] != text:
        return _as_content(self, text)
    found = self._kept[2]
    calls = "".join(call.parameters for call in found.calls)
    return StreamingParseResult(normal_text=(found.normal_text or "") + calls)


def _as_answer(_: object, text: str = "", *__: object) -> ReasoningResult:
    return ReasoningResult(normal_text=str(text), reasoning_text="")


class DynamoToolDetector(BaseFormatDetector):
    """The tool half. Each subclass sets a row of the registry."""

    row: ClassVar[ToolRow]

    @property
    def label(self) -> str:
        """The name shown in log lines."""
        return f"tool parser {PREFIX}{self.row.name}"

    def __init__(self) -> None:
        super().__init__()
        request = told()
        self._choice: object = "auto" if request is None else request.tool_choice
        self._parallel = True if request is None else request.parallel_tool_calls
        self._tools_told = None if request is None else request.tools
        self._untold = request is None
        self._half: ToolHalf | None = None
        self._calls_before = 0 if request is None else request.calls_before
        self._ids: set[str] = set()  # of the stream
        self._kept: tuple[str, list[dict[str, object]], StreamingParseResult] | None = None

    @guarded(_as_content)
    def parse_streaming_increment(self, new_text: str, tools: Sequence[Tool]) -> StreamingParseResult:
        """Read the next piece and return its content and calls: one item for each call that goes on in it."""
        if self._half is None:
            self._half = self._new_half()
        return self._result(self._half.feed(new_text, plain_tools(tools)), self._ids)

    @guarded(lambda *_: StreamingParseResult())
    def finish(self, tools: Sequence[Tool]) -> StreamingParseResult:
        """End the stream and return the last content and calls. Another stream may follow."""
        half, self._half = self._half, None
        ids, self._ids = self._ids, set()
        return self._result([] if half is None else half.finish(), ids)

    @guarded(lambda *_: True)
    def has_tool_call(self, text: str) -> bool:
        """Return whether `detect_and_parse` would return anything but `text` itself as content."""
        found = self._whole(text, self._tools_told)
        return bool(found.calls) or found.normal_text != text

    @guarded(_kept_as_content)
    def detect_and_parse(self, text: str, tools: Sequence[Tool]) -> StreamingParseResult:
        """Return the content and the calls of a whole reply, one item per call."""
        return self._whole(text, plain_tools(tools))

    def _whole(self, text: str, tools: list[dict[str, object]] | None) -> StreamingParseResult:
        """Return the result for `text`; the stored one if it has been parsed before."""
        if self._kept is not None and self._kept[0] == text:
            if tools is None or tools == self._kept[1]:
                return self._kept[2]
            text = str(text)  # plain text: the calls of the reasoning half were fetched already
        if tools is None:
            return self._result(self._new_half().whole(str(text), _UNKNOWN_TOOLS), set())
        self._kept = text, tools, self._result(self._new_half().whole(text, tools), set())
        return self._kept[2]

    def _result(self, events: list[Event], ids: set[str]) -> StreamingParseResult:
        """Return the result for the events of one step. `ids`: the ids used in this reply so far."""
        content, pieces = folded(events)
        calls: list[ToolCallItem] = []
        for each in pieces:
            chosen = None if each.id is None else self._id_of(each.id, each.name or "", each.index, ids)
            calls.append(CallItem(tool_index=each.index, name=each.name, parameters=each.arguments, id=chosen))
        return StreamingParseResult(normal_text=content, calls=calls)

    def _id_of(self, call_id: str, name: str, index: int, ids: set[str]) -> str:
        """Return the id to send for a call: the markup's own, or one in the format's style if the markup has none."""
        numbered = self.row.numbered_id or _NUMBERED.get(self.row.name)
        if numbered is not None and _MADE_ID.fullmatch(call_id):
            call_id = free_id(numbered, name, self._calls_before + index, ids)
        ids.add(call_id)
        return call_id

    def _new_half(self) -> ToolHalf:
        return ToolHalf(self.row.name, self._choice, self._parallel, end_is_told=not self._untold)

    @classmethod
    def parses_without_tools(cls) -> bool:
        """Make SGLang (0.5.23 and newer) call this detector without tools too, to remove frames and turn ends."""
        return True

    # --- forced choices: this detector reads what SGLang forces, markup or JSON

    @guarded(lambda self, *_: self)
    def get_required_tool_parser(self, tool_choice: object) -> DynamoToolDetector | None:
        """Return this detector if a call is forced, else None."""
        if not _is_forced(tool_choice):
            return None
        self._choice = plain_tool_choice(tool_choice)
        return self

    def get_json_schema_constraint(
        self, tools: list[Tool], tool_choice: object, parallel_tool_calls: bool = True
    ) -> object:
        return get_json_schema_constraint(tools, tool_choice, parallel_tool_calls=parallel_tool_calls)

    # --- what constrains the markup itself

    @guarded(lambda *_, **__: None, passes=(ToolChoiceError,))
    def get_structural_tag(
        self,
        tools: Sequence[Tool] | None = None,
        tool_choice: object = "auto",
        thinking_mode: bool = False,
        parallel_tool_calls: bool = True,
    ) -> StructuralTag | None:
        """Return the tag for forced calls and for calls of strict tools; None if a forced call is to be JSON.

        A markup that frames the whole reply has no tag, as SGLang starts a grammar after reasoning, not with the reply.
        """
        if _is_forced(tool_choice) and not (_READS_FORCED_MARKUP and takes_tags()):
            return None
        return self._tag(tools, plain_tool_choice(tool_choice), parallel_tool_calls, "function")

    @guarded(lambda *_, **__: None, passes=(ToolChoiceError,))
    def get_auto_tool_call_structural_tag(
        self, tools: Sequence[Tool] | None = None, thinking_mode: bool = False, parallel_tool_calls: bool = True
    ) -> StructuralTag | None:
        """Return the tag for calls neither forced nor strict: it limits them to one. None if there is no limit."""
        if parallel_tool_calls or not takes_tags():
            return None
        return self._tag(tools, "auto", parallel_tool_calls, "auto")

    def _tag(
        self, tools: Sequence[Tool] | None, tool_choice: object, parallel_tool_calls: bool, level: Level
    ) -> StructuralTag | None:
        if frames_reply(self.row):
            return None
        try:
            tag = structural_tag(self.row.name, plain_tools(tools), tool_choice, parallel_tool_calls, level=level)
        except ToolChoiceError as error:
            raise ToolChoiceError(error.plain) from None  # SGLang logs the message and goes on without a tag
        return None if tag is None else MadeTag.of(tag)

    def supports_structural_tag(self) -> bool:
        return False

    def structure_info(self) -> Callable[[str], object]:
        raise NotImplementedError(f"{PREFIX}{self.row.name} has no structural tags for SGLang")

    def build_ebnf(self, tools: Sequence[Tool]) -> str:
        raise NotImplementedError(f"{PREFIX}{self.row.name} has no grammar for SGLang")


class MadeTag(StructuralTag):
    """One of our tags in the type that SGLang expects.

    SGLang only serializes a tag, and accepts text as it is; so there are no fields for pydantic to validate.
    """

    _text: str = PrivateAttr()

    @classmethod
    def of(cls, tag: Tag) -> MadeTag:
        """Return `tag` in this type; the same object for the same tag."""
        if not isinstance(tag.engine, cls):
            tag.engine = made = cls.model_construct(type="structural_tag")
            made._text = tag.text
        return tag.engine

    def model_dump(self, **_: Any) -> Any:
        return self._text

    def model_dump_json(self, **_: Any) -> str:
        return self._text


def _is_forced(tool_choice: object) -> bool:
    return tool_choice == "required" or not (tool_choice is None or isinstance(tool_choice, str))


class DynamoReasoningDetector(BaseReasoningFormatDetector):
    """The reasoning half. Each subclass sets a row of the registry."""

    row: ClassVar[ReasoningRow]

    @property
    def label(self) -> str:
        """The name shown in log lines."""
        return f"reasoning parser {PREFIX}{self.row.name}"

    def __init__(  # noqa: PLR0913
        self,
        stream_reasoning: bool = True,
        force_reasoning: bool | None = None,
        continue_final_message: bool = False,
        previous_content: str = "",
        force_nonempty_content: bool = False,
        tokenizer: Tokenizer | None = None,
        tool_call_parser_active: bool = False,
    ) -> None:
        # Only the arguments that every SGLang has; the rest are attributes that other code reads.
        super().__init__(
            self.row.open, self.row.close, force_reasoning=bool(force_reasoning), stream_reasoning=stream_reasoning
        )
        self.think_start_self_label = self.row.think.label
        self.think_excluded_tokens = None
        self.tool_start_token = None
        self.thinks_internally = False
        self.reasoning_default = _reasoning_default(self.row.starts)
        request = told()
        kwargs: Mapping[str, object] = {} if request is None else request.chat_template_kwargs
        inside = force_reasoning
        if continue_final_message and isinstance(previous_content, str):
            inside = _left_inside(self.row, previous_content, inside)
        if request is not None:
            inside = None if tokenizer is None else request.prompt_ends_inside(reasoning_ids(self.row, tokenizer))
        if force_nonempty_content:
            kwargs = {**kwargs, "force_nonempty_content": True}
        choice = "auto" if request is None else request.tool_choice
        beside = request.beside if request is not None and tool_call_parser_active else None
        self._half = ReasoningHalf(self.row.name, kwargs, inside, choice, beside, end_is_told=request is not None)
        self._half.may_be_joined = request is None
        self._held: list[str] = []  # reasoning that is not to be streamed

    @guarded(_as_answer)
    def detect_and_parse(self, text: str) -> ReasoningResult:
        """Return the reasoning and the content of a whole reply."""
        reasoning, content = self._half.whole(text)
        return ReasoningResult(normal_text=content, reasoning_text=reasoning)

    @guarded(_as_answer)
    def parse_streaming_increment(self, new_text: str) -> ReasoningResult:
        """Read the next piece and return its reasoning and content."""
        return self._given(self._half.feed(new_text), last=False)

    @guarded(lambda *_: ReasoningResult(normal_text="", reasoning_text=""))
    def finish(self) -> ReasoningResult:
        """End the stream and return the last reasoning and content."""
        return self._given(self._half.finish(), last=True)

    def _given(self, said: tuple[str, str], *, last: bool) -> ReasoningResult:
        reasoning, content = said
        if not self.stream_reasoning:
            self._held.append(reasoning)
            reasoning = ""
            # A `Content` for a tool detector to join is true even if it is empty.
            if last or len(content) > 0 or (content and not self._half.may_be_joined):
                reasoning = "".join(self._held)
                self._held.clear()
        return ReasoningResult(normal_text=content, reasoning_text=reasoning)


def _reasoning_default(starts: Starts) -> str:
    """Return SGLang's name for how a reply starts if the chat template does not tell."""
    if starts.switch == "effort":
        return "mistral"
    if starts.inside:
        return "always" if not starts.switch else "enable_thinking"
    return "explicit_thinking" if starts.switch == "on" else "explicit_enable_thinking"


def _left_inside(row: ReasoningRow, text: str, otherwise: bool | None) -> bool | None:
    """Return whether `text`, the message to be continued, ends inside reasoning; `otherwise` if it has no marker."""
    opened = max(text.rfind(marker) for marker in row.think.opens)
    closed = max(text.rfind(marker) for marker in row.think.closes)
    return otherwise if opened == closed else opened > closed


@cache
def _tool_class(row: ToolRow) -> type[DynamoToolDetector]:
    return type(f"DynamoToolDetector_{row.name}", (DynamoToolDetector,), {"row": row, "__module__": __name__})


@cache
def _reasoning_class(row: ReasoningRow) -> type[DynamoReasoningDetector]:
    return type(f"DynamoReasoningDetector_{row.name}", (DynamoReasoningDetector,), {"row": row, "__module__": __name__})


def tool_detector(name: str) -> type[DynamoToolDetector]:
    """Return the class of tool parser `name`, the same one for all names of a row."""
    return _tool_class(tool_row(name))


def reasoning_detector(name: str) -> type[DynamoReasoningDetector]:
    """Return the class of reasoning parser `name`, the same one for all names of a row."""
    return _reasoning_class(reasoning_row(name))
