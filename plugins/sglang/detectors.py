"""SGLang's two detector classes over the core, one class made from each row of the registry.

SGLang gives every piece of the reply to the reasoning detector, and what that leaves to the tool detector. Both make
detectors often (for each choice, and only to ask for a grammar), so a constructor does next to nothing.

- `dynamo_parsers.handover` makes one machine of the two; each stands alone as well.
- What the request says comes from `requests.told`, as SGLang does not tell a detector. Untold, SGLang's own guess
  (`force_reasoning`) decides how the reply starts.
- Untold, it is not SGLang's server that asks but other code over its parsers, which may never call `finish`: a call
  counts at once, and the tool detector joins the reasoning detector if it is given the first content.
- `prev_tool_call_arr` stays empty and no call is marked as incomplete: what is known has been sent, and a stream gets
  the finish_reason of the same reply sent whole.
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
"""Stands for tools that nobody told: calls are read, their types unknown."""
_READS_FORCED_MARKUP = hasattr(BaseFormatDetector, "parses_without_tools")
"""Whether SGLang (0.5.23 and newer) gives a forced reply to our detector on every path, so that it may be markup."""


_MADE_ID = re.compile(r"call_[0-9a-f]{24}")
"""The ids that the core makes for most formats; they are in SGLang's style."""
_NUMBERED: Mapping[str, Callable[[str, int], str]] = {"kimi_k3": "{}:{}".format}
"""Ids that SGLang makes from a function and its number in the conversation, beside those that the registry has."""


class CallItem(ToolCallItem):
    """SGLang's item, with the id of the call that it begins."""

    id: str | None = Field(default=None, exclude=True)


def _as_content(_: object, text: str = "", *__: object, **___: object) -> StreamingParseResult:
    """After a defect: the text, with the calls that its reasoning half has kept for the tool half."""
    if isinstance(text, Content):
        kept = text.source.fetch()
        text = "".join(event.text for event in kept if isinstance(event, ContentDelta | ToolArgumentsDelta)) or text
    return StreamingParseResult(normal_text=str(text))


def _kept_as_content(self: DynamoToolDetector, text: str, *_: object) -> StreamingParseResult:
    """The same if it has been asked about that text before."""
    if self._kept is None or self._kept[0] != text:
        return _as_content(self, text)
    found = self._kept[2]
    calls = "".join(call.parameters for call in found.calls)
    return StreamingParseResult(normal_text=(found.normal_text or "") + calls)


def _as_answer(_: object, text: str = "", *__: object) -> ReasoningResult:
    return ReasoningResult(normal_text=str(text), reasoning_text="")


class DynamoToolDetector(BaseFormatDetector):
    """The tool half. Subclasses name a row of the registry."""

    row: ClassVar[ToolRow]

    @property
    def label(self) -> str:
        """What a log line shows."""
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
        """What the next piece gives rise to: one item for each call that it says something of."""
        if self._half is None:
            self._half = self._new_half()
        return self._result(self._half.feed(new_text, plain_tools(tools)), self._ids)

    @guarded(lambda *_: StreamingParseResult())
    def finish(self, tools: Sequence[Tool]) -> StreamingParseResult:
        """The last of a stream; another one may follow."""
        half, self._half = self._half, None
        ids, self._ids = self._ids, set()
        return self._result([] if half is None else half.finish(), ids)

    @guarded(lambda *_: True)
    def has_tool_call(self, text: str) -> bool:
        """Whether `detect_and_parse` makes anything else of `text` than content as it stands."""
        found = self._whole(text, self._tools_told)
        return bool(found.calls) or found.normal_text != text

    @guarded(_kept_as_content)
    def detect_and_parse(self, text: str, tools: Sequence[Tool]) -> StreamingParseResult:
        """The content and the calls of a whole reply, one item a call."""
        return self._whole(text, plain_tools(tools))

    def _whole(self, text: str, tools: list[dict[str, object]] | None) -> StreamingParseResult:
        """The result for `text`, the one kept where it was asked for before."""
        if self._kept is not None and self._kept[0] == text:
            if tools is None or tools == self._kept[1]:
                return self._kept[2]
            text = str(text)  # the reasoning half has been asked already
        if tools is None:
            return self._result(self._new_half().whole(str(text), _UNKNOWN_TOOLS), set())
        self._kept = text, tools, self._result(self._new_half().whole(text, tools), set())
        return self._kept[2]

    def _result(self, events: list[Event], ids: set[str]) -> StreamingParseResult:
        """The events of one step; `ids` are those that the reply has had."""
        content, pieces = folded(events)
        calls: list[ToolCallItem] = []
        for each in pieces:
            chosen = None if each.id is None else self._id_of(each.id, each.name or "", each.index, ids)
            calls.append(CallItem(tool_index=each.index, name=each.name, parameters=each.arguments, id=chosen))
        return StreamingParseResult(normal_text=content, calls=calls)

    def _id_of(self, call_id: str, name: str, index: int, ids: set[str]) -> str:
        """The id that a call goes out with: the markup's own, or where none stood there the format's kind."""
        numbered = self.row.numbered_id or _NUMBERED.get(self.row.name)
        if numbered is not None and _MADE_ID.fullmatch(call_id):
            call_id = free_id(numbered, name, self._calls_before + index, ids)
        ids.add(call_id)
        return call_id

    def _new_half(self) -> ToolHalf:
        return ToolHalf(self.row.name, self._choice, self._parallel, end_is_told=not self._untold)

    @classmethod
    def parses_without_tools(cls) -> bool:
        """SGLang (0.5.23 and newer) is to ask without tools too: frames and turn ends are no content then either."""
        return True

    # --- forced choices: what SGLang forces, markup or JSON, this detector reads

    @guarded(lambda self, *_: self)
    def get_required_tool_parser(self, tool_choice: object) -> DynamoToolDetector | None:
        """This detector where a choice is forced."""
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
        """What constrains forced calls, and those of strict tools; None where a forced call is to be JSON.

        A markup that frames the whole reply has none: SGLang starts a grammar behind reasoning, and not with the reply.
        """
        if _is_forced(tool_choice) and not (_READS_FORCED_MARKUP and takes_tags()):
            return None
        return self._tag(tools, plain_tool_choice(tool_choice), parallel_tool_calls, "function")

    @guarded(lambda *_, **__: None, passes=(ToolChoiceError,))
    def get_auto_tool_call_structural_tag(
        self, tools: Sequence[Tool] | None = None, thinking_mode: bool = False, parallel_tool_calls: bool = True
    ) -> StructuralTag | None:
        """What constrains calls that need not be, of tools that are not strict: only how many they are."""
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
            raise ToolChoiceError(error.plain) from None  # SGLang puts it into its log, and goes on without a tag
        return None if tag is None else MadeTag.of(tag)

    def supports_structural_tag(self) -> bool:
        return False

    def structure_info(self) -> Callable[[str], object]:
        raise NotImplementedError(f"{PREFIX}{self.row.name} has no structural tags for SGLang")

    def build_ebnf(self, tools: Sequence[Tool]) -> str:
        raise NotImplementedError(f"{PREFIX}{self.row.name} has no grammar for SGLang")


class MadeTag(StructuralTag):
    """A tag of ours as SGLang asks for one.

    SGLang writes a tag as JSON, and takes text as it is. Pydantic has nothing to find out about it, so there are no
    fields.
    """

    _text: str = PrivateAttr()

    @classmethod
    def of(cls, tag: Tag) -> MadeTag:
        """`tag` as SGLang wants it; the same object for the same tag."""
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
    """The reasoning half. Subclasses name a row of the registry."""

    row: ClassVar[ReasoningRow]

    @property
    def label(self) -> str:
        """What a log line shows."""
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
        # The four arguments that every SGLang knows; the rest are attributes that others read.
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
        self._held: list[str] = []  # reasoning, where it is not to be streamed

    @guarded(_as_answer)
    def detect_and_parse(self, text: str) -> ReasoningResult:
        """Reasoning and content of a whole reply."""
        reasoning, content = self._half.whole(text)
        return ReasoningResult(normal_text=content, reasoning_text=reasoning)

    @guarded(_as_answer)
    def parse_streaming_increment(self, new_text: str) -> ReasoningResult:
        """Reasoning and content that the next piece gives rise to."""
        return self._given(self._half.feed(new_text), last=False)

    @guarded(lambda *_: ReasoningResult(normal_text="", reasoning_text=""))
    def finish(self) -> ReasoningResult:
        """The last of a stream."""
        return self._given(self._half.finish(), last=True)

    def _given(self, said: tuple[str, str], *, last: bool) -> ReasoningResult:
        reasoning, content = said
        if not self.stream_reasoning:
            self._held.append(reasoning)
            reasoning = ""
            # Content that a tool detector may join is true though there is none.
            if last or len(content) > 0 or (content and not self._half.may_be_joined):
                reasoning = "".join(self._held)
                self._held.clear()
        return ReasoningResult(normal_text=content, reasoning_text=reasoning)


def _reasoning_default(starts: Starts) -> str:
    """SGLang's word for how a reply starts where the chat template does not tell it."""
    if starts.switch == "effort":
        return "mistral"
    if starts.inside:
        return "always" if not starts.switch else "enable_thinking"
    return "explicit_thinking" if starts.switch == "on" else "explicit_enable_thinking"


def _left_inside(row: ReasoningRow, text: str, otherwise: bool | None) -> bool | None:
    """Whether `text`, the message to be continued, ends inside reasoning."""
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
    """The class of tool parser `name`, the same one for all names of a row."""
    return _tool_class(tool_row(name))


def reasoning_detector(name: str) -> type[DynamoReasoningDetector]:
    """The class of reasoning parser `name`, the same one for all names of a row."""
    return _reasoning_class(reasoning_row(name))
