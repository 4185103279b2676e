"""The description of a demo model, a file beside its weights: one family's parsers, markers and replies."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from ..registry import reasoning_row, tool_row

FILE = "demo.json"
# The tool call and the reasoning that every `sample` of the registry has.
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
        """Return the model for the family of `tool_parser`; `reasoning_parser`: by default its usual one."""
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
        """Return the demo model of a checkpoint folder; None if it is not a demo model's."""
        file = checkpoint / FILE
        return cls.model_validate_json(file.read_bytes()) if file.is_file() else None
