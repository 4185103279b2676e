"""Runs the probe: every scenario in both modes, each failure repeated for its raw text, one result per probe.

- `concurrency` probes run at once; the turns of a scenario follow each other.
- To get the raw text of a failed reply, the request is repeated whole with `logprobs`. The repeat has to fail too: a
  different reply proves nothing.
- In a replay the raw text is known, and both modes are answers to the same one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from ..registry import reasoning_row, tool_row
from ..triage.exchange import NotAnExchange, read_response
from ..triage.raw import raw_text
from .endpoint import Exchange, ask
from .judge import Class, Fault, Ruling, disagreement, faults, ruling
from .replay import Replay
from .scenarios import MODES, Mode, Scenario, Turn, scenarios

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Outcome: TypeAlias = Literal["pass", "parser", "model", "endpoint", "inspect"]


class Result(BaseModel):
    """One probe: a scenario in one mode."""

    model_config = ConfigDict(frozen=True)

    scenario: str
    mode: Mode
    outcome: Outcome
    proven: bool = True
    faults: list[str] = []
    why: str = ""
    exchanges: list[Exchange] = []
    raw: str | None = None
    """The model's raw text in the turn that failed, if it is known."""


class Report(BaseModel):
    """A whole run. `family`: the tool-call parser whose markup the model writes, if it was given."""

    base_url: str
    model: str
    family: str | None
    replay: bool
    parsers: str = ""
    """The server's parsers, if they were given."""
    date: str
    results: list[Result]

    def count(self, *outcomes: Outcome) -> int:
        return sum(each.outcome in outcomes for each in self.results)

    @property
    def total(self) -> str:
        """The number of failures of all probes, as text."""
        return f"{len(self.results) - self.count('pass')} / {len(self.results)}"


class Probe:
    """A probe of one endpoint."""

    def __init__(self, client: AsyncOpenAI, model: str, family: str | None = None, *, replay: bool = False) -> None:
        self._client = client
        self._model = model
        self._family = family
        self._replay = Replay(family) if replay and family else None

    def scenarios(self, names: Sequence[str] = ()) -> tuple[Scenario, ...]:
        """Return all scenarios, or those named. Raises ValueError for an unknown name."""
        every = self._replay.scenarios() if self._replay else scenarios(self._family)
        unknown = set(names) - {each.name for each in every}
        if unknown:
            raise ValueError(f"no scenario {', '.join(sorted(unknown))}: there are {', '.join(s.name for s in every)}")
        return tuple(each for each in every if not names or each.name in names)

    async def run(
        self, chosen: Sequence[Scenario], concurrency: int = 4, done: Callable[[Result], None] = lambda _: None
    ) -> list[Result]:
        """Run the probes. `done` is called with each result. Returns them scenario by scenario, whole and streamed."""
        room = asyncio.Semaphore(concurrency)

        async def one(scenario: Scenario, mode: Mode) -> Result:
            async with room:
                result = await self._probe(scenario, mode)
            done(result)
            return result

        results = await asyncio.gather(*(one(scenario, mode) for scenario in chosen for mode in MODES))
        return self._compared(list(results))

    async def _probe(self, scenario: Scenario, mode: Mode) -> Result:
        messages = self._replay.messages(scenario) if self._replay else scenario.messages()
        exchanges: list[Exchange] = []
        for number, turn in enumerate(scenario.turns):
            request = {"model": self._model, "messages": messages, **scenario.request(), **self._effort(scenario)}
            exchange = await ask(self._client, request, mode)
            exchanges.append(exchange)
            if exchange.answer is None:
                return await self._no_answer(scenario, mode, exchanges, request)
            found = faults(exchange.answer, scenario, turn, mode)
            if found:
                return await self._failed(scenario, mode, number, exchanges, found, request)
            results = [
                {"role": "tool", "tool_call_id": each.id, "content": turn.results.get(each.name, "{}")}
                for each in exchange.answer.calls
            ]
            messages = [*messages, exchange.answer.message(), *results]  # type: ignore[list-item]
        return Result(scenario=scenario.name, mode=mode, outcome="pass", exchanges=exchanges)

    def _effort(self, scenario: Scenario) -> dict[str, object]:
        """Return the field that turns thinking on in families that only look at the effort."""
        pairs = tool_row(self._family).pairs if self._family else ()
        by_effort = bool(pairs) and reasoning_row(pairs[0]).starts.switch == "effort"
        asked = by_effort and scenario.chat_template_kwargs.get("enable_thinking") is True
        return {"reasoning_effort": "high"} if asked else {}

    async def _failed(
        self,
        scenario: Scenario,
        mode: Mode,
        number: int,
        exchanges: list[Exchange],
        found: Sequence[Fault],
        request: Mapping[str, object],
    ) -> Result:
        turn = scenario.turns[number]
        # An engine may keep a scripted model from its script, so the real text comes first.
        raw = await self._raw(scenario, turn, request, exchanges)
        if raw is None and self._replay:
            raw = self._replay.replies(scenario)[number]
        ruled = ruling(found, scenario, turn, raw, self._family)
        return Result(
            scenario=scenario.name,
            mode=mode,
            outcome=ruled.by,
            proven=ruled.proven,
            faults=[fault.what for fault in found],
            why=ruled.why,
            exchanges=exchanges,
            raw=raw,
        )

    async def _raw(
        self, scenario: Scenario, turn: Turn, request: Mapping[str, object], exchanges: list[Exchange]
    ) -> str | None:
        """Repeat the request and return the raw text of a reply that fails too; None if there is none."""
        exchange = await ask(self._client, {**request, "logprobs": True}, "whole")
        exchanges.append(exchange)
        if exchange.answer is None or not faults(exchange.answer, scenario, turn, "whole"):
            return None
        try:
            raw = raw_text(read_response(exchange.received))
        except NotAnExchange:
            return None
        return None if raw.gaps else raw.text

    async def _no_answer(
        self, scenario: Scenario, mode: Mode, exchanges: list[Exchange], request: Mapping[str, object]
    ) -> Result:
        failure = exchanges[-1].failure
        assert failure is not None
        ruled = Ruling("endpoint", True, "no usable response")
        if failure.status is not None and failure.status >= 500 and scenario.tools:
            without = {key: value for key, value in request.items() if key not in ("tools", "tool_choice")}
            exchanges.append(await ask(self._client, without, mode))
            if exchanges[-1].answer is not None:
                ruled = Ruling("parser", True, "the same request without tools is answered")
        return Result(
            scenario=scenario.name,
            mode=mode,
            outcome=ruled.by,
            proven=ruled.proven,
            faults=[failure.what],
            why=ruled.why,
            exchanges=exchanges,
        )

    def _compared(self, results: list[Result]) -> list[Result]:
        """Return the results; a stream fails if it differs from the whole answer to the same raw text."""
        if self._replay is None:
            return results
        for at in range(0, len(results), 2):
            whole, stream = results[at].exchanges[-1].answer, results[at + 1].exchanges[-1].answer
            same_turn = len(results[at].exchanges) == len(results[at + 1].exchanges)
            if whole is None or stream is None or not same_turn:
                continue
            differs = disagreement(whole, stream)
            if differs is not None and results[at + 1].outcome == "pass":
                verdict: Class = "parser"
                results[at + 1] = results[at + 1].model_copy(
                    update={"outcome": verdict, "faults": [differs], "why": "two answers to the same raw text"}
                )
        return results


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
