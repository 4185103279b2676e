"""What a demo model stands in for: one family's parsers, markers and replies, kept beside its weights."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from ..registry import reasoning_row, tool_row

FILE = "demo.json"
# The tool call and the thought that every `sample` of the registry holds.
SAMPLE_TOOL, SAMPLE_KEY, SAMPLE_VALUE = "get_weather", "city", "Paris"
SAMPLE_THOUGHT = "plan"


class DemoModel(BaseModel):
    model_config = ConfigDict(frozen=True)

    tool_parser: str
    reasoning_parser: str | None
    turn_end: str
    think_open: str
    think_close: str
    # Raw replies in the family's markup.
    call: str
    reasoning: str

    @classmethod
    def of(cls, tool_parser: str, reasoning_parser: str | None = None) -> DemoModel:
        """The family of `tool_parser`; without a second name, the reasoning parser it usually goes with."""
        tool = tool_row(tool_parser)
        name = reasoning_parser or next(iter(tool.pairs), None)
        reasoning = reasoning_row(name) if name else None
        return cls(
            tool_parser=tool.name,
            reasoning_parser=reasoning.name if reasoning else None,
            turn_end=tool.turn_end,
            think_open=reasoning.open if reasoning else "",
            think_close=reasoning.close if reasoning else "",
            call=tool.sample,
            reasoning=reasoning.sample if reasoning else "",
        )

    @classmethod
    def read(cls, checkpoint: Path) -> DemoModel | None:
        """The demo model in a checkpoint folder; None if the checkpoint is any other model's."""
        file = checkpoint / FILE
        return cls.model_validate_json(file.read_bytes()) if file.is_file() else None
