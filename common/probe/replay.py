"""A perfect model of a family, played by a scripted demo model: its reply to each scenario, in the family's markup.

The replies are written by `markup`, which does not use the parsers. Two more scenarios have a call without its end, and
one that is cut off in an argument.
"""

from __future__ import annotations

from dataclasses import replace

from ..demo.conversation import disguised
from ..explain import known_markers
from ..registry import reasoning_row, tool_row
from ..write.markup import RENDERERS, Part, Renderer
from .scenarios import WEATHER, Demand, Json, Scenario, Turn, call, scenarios

_CALL_END = "<|call|>"
"""A turn end of gpt-oss that engines leave in the text, as it is part of the call."""


class Replay:
    """The perfect model of one family. Raises ValueError if the family's markup cannot be written."""

    def __init__(self, family: str) -> None:
        row = tool_row(family)
        if row.name not in RENDERERS:
            raise ValueError(f"no replay for {row.name}: nothing writes its markup")
        self.family = row.name
        self._renderer: Renderer = RENDERERS[row.name]
        think = reasoning_row(row.pairs[0]).think
        self._think = (think.opens[0] + think.label, think.closes[0])
        self._turn_ends = tuple(end for end in row.turn_ends if end != _CALL_END)
        reasoning = reasoning_row(row.pairs[0])
        # `basic` is the parser for any `<think>`: models that use it do not think unless asked.
        self._thinks_unasked = (reasoning.starts.inside or not reasoning.starts.switch) and reasoning.name != "basic"

    def scenarios(self) -> tuple[Scenario, ...]:
        """Return the scenarios, and the two that only a replay can ask for."""
        weather = call("get_weather", city="Porto")
        return (
            *scenarios(self.family),
            Scenario(
                "replay_missing_end",
                'What is the weather in "Porto"?',
                (Turn("I look it up.", "", (weather,), Demand("exact")),),
                (WEATHER,),
            ),
            Scenario(
                "replay_cut_off",
                'What is the weather in "Porto"?',
                (Turn("I look it up.", "", (weather,), Demand("cut")),),
                (WEATHER,),
            ),
        )

    def messages(self, scenario: Scenario) -> list[dict[str, Json]]:
        """Return the scenario's messages, with the demo model's scripts after the user's text."""
        messages = scenario.messages()
        scripts = "".join(f"\n{disguised(text, known_markers())}" for text in self.replies(scenario))
        messages[-1]["content"] = f"{messages[-1]['content']}{scripts}"
        return messages

    def replies(self, scenario: Scenario) -> list[str]:
        """Return the raw text of each turn's reply."""
        asked = scenario.chat_template_kwargs.get("enable_thinking")
        thinks = asked or (asked is None and self._thinks_unasked)
        texts = [self._text(turn if thinks else replace(turn, thought="")) for turn in scenario.turns]
        if asked:
            # The demo model's template has opened the reasoning already.
            texts[0] = texts[0].removeprefix("<think>")
        if scenario.name == "replay_missing_end":
            return [self._without_end(texts[0])]
        if scenario.name == "replay_cut_off":
            text = texts[0]
            return [text[: text.rindex("Porto") + 3]]
        return texts

    def _text(self, turn: Turn) -> str:
        parts = [
            *([Part("reasoning", turn.thought)] if turn.thought else ()),
            *([Part("content", turn.content)] if turn.content else ()),
            *([Part("calls", calls=turn.calls)] if turn.calls else ()),
        ]
        text = "".join(self._renderer.write(parts, self._think))
        # The token that ends a turn stops the engine, which does not return it.
        return text.removesuffix(next((end for end in self._turn_ends if text.endswith(end)), ""))

    def _without_end(self, text: str) -> str:
        """Return the reply without its last marker, which models often leave out."""
        return text.removesuffix(max((each for each in known_markers() if text.endswith(each)), key=len, default=""))
