"""TensorRT-LLM's tool parser over the core; one class is made for each row of the registry.

TensorRT-LLM makes a parser for each choice, without arguments, and passes the tools with every text. The rest of the
request comes from `requests.told`. TensorRT-LLM reads the class attributes without making an instance.
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
"""The tools of a caller that passes none: calls are read, without knowing the types of their arguments."""


def _as_content(_: object, text: str, *__: object) -> StreamingParseResult:
    """After a defect: return the text as content, with the calls that the reasoning half kept for the tool half."""
    if isinstance(text, Content):
        kept = text.source.fetch()
        text = "".join(event.text for event in kept if isinstance(event, ContentDelta | ToolArgumentsDelta)) or text
    return StreamingParseResult(normal_text=str(text), calls=[])


class DynamoToolParser(BaseToolParser):
    """A tool parser. Each subclass sets a row of the registry."""

    row: ClassVar[ToolRow]
    needs_raw_special_tokens: ClassVar[bool] = False
    """Whether markers are special tokens, which the detokenizer has to keep."""
    extracts_forced_tool_calls: ClassVar[bool] = True
    """The reply to a named choice is the model's own markup, as TensorRT-LLM does not constrain it."""
    markup_tokens: ClassVar[tuple[str, ...]] = ()
    streaming_matches_whole_parse: ClassVar[bool] = True
    """The answer does not depend on how the reply was cut."""
    single_call_stop: ClassVar[str | None] = None
    """Not set: a call may quote its closer, and the parser returns only the first call anyway."""

    @property
    def label(self) -> str:
        """The name shown in log lines."""
        return f"tool parser {PREFIX}{self.row.name}"

    def __init__(self) -> None:
        super().__init__()
        self._told = told()
        self._half = self._new_half()
        self._tools: list[dict[str, object]] | None = None

    @guarded(_as_content)
    def detect_and_parse(self, text: str, tools: Sequence[object]) -> StreamingParseResult:
        """Return the content and the calls of a whole reply, one item per call."""
        return _result(self._new_half().whole(text, plain_tools(tools)))

    @guarded(_as_content)
    def parse_streaming_increment(self, new_text: str, tools: Sequence[object]) -> StreamingParseResult:
        """Read the next piece and return its content and calls: one item for each call that goes on in it."""
        if self._tools is None:  # they are the same in every step
            self._tools = plain_tools(tools)
        return _result(self._half.feed(new_text, self._tools))

    @guarded(lambda *_: _result([]))
    def finish(self, tools: Sequence[object]) -> StreamingParseResult:
        """End the stream and return the last content and calls. TensorRT-LLM 1.2 does not call it."""
        return _result(self._half.finish())

    @guarded(lambda *_: True)
    def has_tool_call(self, text: str) -> bool:
        """Return whether `text` has a call, or at least a complete header of one."""
        events = ToolHalf(self.row.name).whole(str(text), _UNKNOWN_TOOLS)
        return any(isinstance(event, ToolCallStart) for event in events)

    def _new_half(self) -> ToolHalf:
        if self._told is None:
            return ToolHalf(self.row.name, end_is_told=end_is_told())
        choice, parallel = self._told.tool_choice, self._told.parallel_tool_calls
        return ToolHalf(self.row.name, choice, parallel, end_is_told=end_is_told())

    def supports_structural_tag(self) -> bool:
        """Return whether a call is a JSON object between two fixed texts, all that 1.2 and 1.3 can constrain."""
        return around_arguments(self.row.name, "") is not None

    @guarded(lambda *_: None, passes=(ToolChoiceError,))
    def build_strict_structural_tag_format(self, tools: Sequence[object]) -> dict[str, object] | None:
        """Return the tag for strict tools in newer versions: text is free, calls follow their schemas.

        The grammar begins with the reply; reasoning is free text too. None if no tool is strict or there is no tag.
        Raises ToolChoiceError for a request that cannot be served.
        """
        try:
            tag = structural_tag(self.row.name, plain_tools(tools))
        except NoStructuralTag:
            return None
        return None if tag is None else tag.format

    def structure_info(self) -> Callable[[str], StructureInfo]:
        """Return a function that gives the texts around a tool's arguments; TensorRT-LLM uses it for strict tools."""

        def info(name: str) -> StructureInfo:
            found = around_arguments(self.row.name, name)
            if found is None:
                raise NotImplementedError(f"{PREFIX}{self.row.name} has no structural tags for TensorRT-LLM")
            begin, end, trigger = found
            return StructureInfo(begin=begin, end=end, trigger=trigger)

        return info


def _result(events: list[Event]) -> StreamingParseResult:
    content, pieces = folded(events)
    # One item per call and step: for a named choice TensorRT-LLM keeps only the first item of a step.
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
"""The class of each name."""
