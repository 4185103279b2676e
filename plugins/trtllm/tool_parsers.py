"""TensorRT-LLM's tool parser over the core: one class made from each row of the registry.

TensorRT-LLM makes a parser without arguments, one for each choice, and tells it the tools with every text. The rest
comes from `requests.told`. What it reads of a parser without an instance is a class attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from dynamo_parsers.engines.boundary import guarded
from dynamo_parsers.events import ContentDelta, Event, ToolArgumentsDelta, ToolCallStart
from dynamo_parsers.handover import Content, ToolHalf, folded
from dynamo_parsers.registry import PREFIX, tool_parser_names, tool_row
from dynamo_parsers.request import plain_tools
from dynamo_parsers.rows import ToolRow
from dynamo_parsers.write.structural_tags import NoStructuralTag, ToolChoiceError, around_arguments, structural_tag

from .requests import end_is_told, told

if TYPE_CHECKING:

    class BaseToolParser:
        pass

    class ToolCallItem:
        def __init__(self, *, tool_index: int, name: str | None, parameters: str) -> None: ...

    class StreamingParseResult:
        def __init__(self, *, normal_text: str, calls: list[ToolCallItem]) -> None: ...

    class StructureInfo:
        def __init__(self, *, begin: str, end: str, trigger: str) -> None: ...

else:
    from tensorrt_llm.serve.tool_parser.base_tool_parser import BaseToolParser
    from tensorrt_llm.serve.tool_parser.core_types import StreamingParseResult, StructureInfo, ToolCallItem

_UNKNOWN_TOOLS: Sequence[object] = ({},)
"""Stands for tools that nobody told: calls are read, their types unknown."""


def _as_content(_: object, text: str, *__: object) -> StreamingParseResult:
    """After a defect: the text, with the calls that its reasoning half has kept for the tool half."""
    if isinstance(text, Content):
        kept = text.source.fetch()
        text = "".join(event.text for event in kept if isinstance(event, ContentDelta | ToolArgumentsDelta)) or text
    return StreamingParseResult(normal_text=str(text), calls=[])


class DynamoToolParser(BaseToolParser):
    """Subclasses name a row of the registry."""

    row: ClassVar[ToolRow]
    needs_raw_special_tokens: ClassVar[bool] = False
    """Whether markers are special tokens, which the detokenizer has to leave in."""
    extracts_forced_tool_calls: ClassVar[bool] = True
    """The reply to a named choice is the model's own markup: TensorRT-LLM constrains it to nothing."""
    markup_tokens: ClassVar[tuple[str, ...]] = ()
    streaming_matches_whole_parse: ClassVar[bool] = True
    """A reply is read the same however it is cut."""
    single_call_stop: ClassVar[str | None] = None
    """No text to stop at after one call: a call may quote its closer, and the parser returns the first call alone."""

    @property
    def label(self) -> str:
        """What a log line shows."""
        return f"tool parser {PREFIX}{self.row.name}"

    def __init__(self) -> None:
        super().__init__()
        self._told = told()
        self._half = self._new_half()
        self._tools: list[dict[str, object]] | None = None

    @guarded(_as_content)
    def detect_and_parse(self, text: str, tools: Sequence[object]) -> StreamingParseResult:
        """The content and the calls of a whole reply, one item a call."""
        return _result(self._new_half().whole(text, plain_tools(tools)))

    @guarded(_as_content)
    def parse_streaming_increment(self, new_text: str, tools: Sequence[object]) -> StreamingParseResult:
        """What the next piece gives rise to: one item for each call that it says something of."""
        if self._tools is None:  # they are the same in every step
            self._tools = plain_tools(tools)
        return _result(self._half.feed(new_text, self._tools))

    @guarded(lambda *_: _result([]))
    def finish(self, tools: Sequence[object]) -> StreamingParseResult:
        """The last of a stream. TensorRT-LLM 1.2 does not ask for it."""
        return _result(self._half.finish())

    @guarded(lambda *_: True)
    def has_tool_call(self, text: str) -> bool:
        """Whether `text` has a call, or the whole beginning of one."""
        events = ToolHalf(self.row.name).whole(str(text), _UNKNOWN_TOOLS)
        return any(isinstance(event, ToolCallStart) for event in events)

    def _new_half(self) -> ToolHalf:
        if self._told is None:
            return ToolHalf(self.row.name, end_is_told=end_is_told())
        choice, parallel = self._told.tool_choice, self._told.parallel_tool_calls
        return ToolHalf(self.row.name, choice, parallel, end_is_told=end_is_told())

    def supports_structural_tag(self) -> bool:
        """Whether a call is a JSON object between two texts: 1.2 and 1.3 can constrain nothing else."""
        return around_arguments(self.row.name, "") is not None

    @guarded(lambda *_: None, passes=(ToolChoiceError,))
    def build_strict_structural_tag_format(self, tools: Sequence[object]) -> dict[str, object] | None:
        """What newer TensorRT-LLMs constrain a reply to if a tool is strict: text is free, calls follow their schemas.

        The grammar begins with the reply, and its reasoning is text like any other.
        """
        try:
            tag = structural_tag(self.row.name, plain_tools(tools))
        except NoStructuralTag:
            return None
        return None if tag is None else tag.format

    def structure_info(self) -> Callable[[str], StructureInfo]:
        """What stands around the arguments of a function, by its name. TensorRT-LLM asks for strict tools."""

        def info(name: str) -> StructureInfo:
            found = around_arguments(self.row.name, name)
            if found is None:
                raise NotImplementedError(f"{PREFIX}{self.row.name} has no structural tags for TensorRT-LLM")
            begin, end, trigger = found
            return StructureInfo(begin=begin, end=end, trigger=trigger)

        return info


def _result(events: list[Event]) -> StreamingParseResult:
    content, pieces = folded(events)
    # One item a call and step: of a named choice TensorRT-LLM keeps the first item of each.
    calls = [ToolCallItem(tool_index=each.index, name=each.name, parameters=each.arguments) for each in pieces]
    return StreamingParseResult(normal_text=content, calls=calls)


def _class_for(name: str) -> type[DynamoToolParser]:
    row = tool_row(name)
    return type(
        f"DynamoToolParser_{name.replace('-', '__')}",
        (DynamoToolParser,),
        {
            "__module__": __name__,
            "row": row,
            "needs_raw_special_tokens": bool(row.special_tokens),
            "markup_tokens": tuple(sorted(row.format.markers)),
        },
    )


CLASSES = {PREFIX + name.lower(): _class_for(name) for name in tool_parser_names()}
"""The class for each name."""
