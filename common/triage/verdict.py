"""The cause of a wrong reply: the model, the configuration, the parser, or a limit.

The raw text is read by the configured pair of parsers and by every other pair. Then, in this order:

1. The launch line makes the server use no parser: the configuration.
2. The configured pair reads calls that the response lacks or changed: the parser; or the configuration, if there is no
   launch line and they came out as text or as another pair reads them.
3. Another pair reads calls that the configured one does not: the configuration.
4. Reasoning came out as content, or the answer as reasoning: the configuration.
5. A limit cut the reply off: truncation.
6. A call is broken, undeclared, or its arguments do not fit the schema; or there is no call: the model.
7. Content or reasoning differs from the raw text: the parser.
8. Otherwise there is no fault; or no verdict, if nothing shows how the text should be read.

Rule: for an engine's own parser, this package's parser of the same markup is used.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from ..detect import detect_raw, families, left_markers, pieces, read_raw, share, starts_inside
from ..message import Message, parse
from ..registry import PREFIX, reasoning_row, tool_row
from ..rows import ReasoningRow, ToolRow
from .doctor import check
from .exchange import Call, Json, Request, Response
from .launch import Launch, configured, is_ours
from .raw import GAP, RawText, raw_text

Fault: TypeAlias = Literal["ok", "model", "configuration", "parser", "truncation", "inconclusive"]

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


class Difference(BaseModel):
    """A difference between the raw text and the response. `raw` and `response` are texts."""

    model_config = ConfigDict(frozen=True)

    where: str
    raw: str
    response: str


class PairReading(BaseModel):
    """A summary of how one pair reads the raw text."""

    model_config = ConfigDict(frozen=True)

    tool_parser: str
    reasoning_parser: str
    calls: int
    complete: bool
    markers_left: int
    agrees: bool
    """Whether the response has what this pair reads."""


class Verdict(BaseModel):
    """What went wrong, and the evidence."""

    model_config = ConfigDict(frozen=True)

    fault: Fault
    summary: str
    evidence: list[str] = []
    flags: str | None = None
    """The flags with which the server should be launched instead."""
    raw: RawText
    configured: str | None = None
    """The configured pair, as the launch line names it."""
    differences: list[Difference] = []
    readings: list[PairReading] = []
    message: dict[str, object] | None = None
    """The message that was read from the raw text."""


@dataclass(frozen=True)
class _Exchange:
    request: Request
    response: Response
    launch: Launch | None
    raw: RawText
    text: str

    @property
    def tools(self) -> list[Json]:
        return self.request.tools or []

    @property
    def limit(self) -> int | None:
        return self.request.max_completion_tokens or self.request.max_tokens

    @property
    def cut(self) -> bool:
        """Whether a limit cut the reply off, although some servers report "tool_calls" then."""
        used = self.response.completion_tokens
        return self.response.finish_reason == "length" or (self.limit is not None and used == self.limit)


@dataclass(frozen=True)
class _Reading:
    """How one pair reads the raw text."""

    tool: ToolRow | None
    reasoning: ReasoningRow | None
    message: Message
    fits: float
    """The share of the tool row's markup that is in the text."""

    @property
    def names(self) -> str:
        tool = f"{PREFIX}{self.tool.name}" if self.tool else "no tool-call parser"
        return f"{tool} with {PREFIX + self.reasoning.name if self.reasoning else 'no reasoning parser'}"

    @property
    def whole_calls(self) -> int:
        return sum(call.complete for call in self.message.tool_calls)

    @property
    def whole(self) -> bool:
        calls = self.message.tool_calls
        return bool(calls) and all(call.complete for call in calls) and not left_markers(self.message)

    @property
    def flags(self) -> str:
        tool = f"--tool-call-parser {PREFIX}{self.tool.name}" if self.tool else ""
        reasoning = f" --reasoning-parser {PREFIX}{self.reasoning.name}" if self.reasoning else ""
        return (tool + reasoning).strip()


def triage(request: Request, response: Response, launch: Launch | None = None) -> Verdict:
    """Return the verdict on one exchange; without logprobs by the message alone. `launch`: the server's launch line."""
    raw = raw_text(response)
    if raw.text is None:
        return _without_raw_text(request, response, launch, raw)
    return _Triage(_Exchange(request, response, launch, raw, raw.text)).verdict()


def _without_raw_text(request: Request, response: Response, launch: Launch | None, raw: RawText) -> Verdict:
    """Return the verdict by the message alone: call markup in its content is a call that was not read."""
    found = detect_raw(response.content + response.reasoning, request.tools)
    name = _configured_name(launch)
    if found.tool_parser is not None and not response.calls:
        ours = configured(launch).tool if launch else None
        if ours is None or ours is not tool_row(found.tool_parser):
            flags = f"--tool-call-parser {found.tool_parser}"
            flags += f" --reasoning-parser {found.reasoning_parser}" if found.reasoning_parser else ""
            return Verdict(
                fault="configuration",
                summary=f"the content holds call markup that {found.tool_parser} reads and the server did not",
                evidence=[each.text for each in found.evidence],
                flags=flags,
                raw=raw,
                configured=name,
            )
    return Verdict(
        fault="inconclusive",
        summary="this needs the raw text: send the request again with logprobs: true, or --repro BASE_URL",
        evidence=list(raw.notes),
        raw=raw,
        configured=name,
    )


def _configured_name(launch: Launch | None) -> str | None:
    if launch is None or not (launch.tool_parser or launch.reasoning_parser):
        return None
    return f"{launch.tool_parser or 'no tool-call parser'} with {launch.reasoning_parser or 'no reasoning parser'}"


class _Triage:
    """One exchange, and the readings of every pair."""

    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange
        self._said = exchange.response
        self._pairs = [self._read(row, reasoning_row(row.pairs[0])) for row in families()]
        self._own = self._configured()
        self._best = self._fittest()

    def verdict(self) -> Verdict:
        return (
            self._not_used()
            or self._lost_by_the_parser()
            or self._another_pair()
            or self._reasoning_misread()
            or self._cut_off()
            or self._models_mistake()
            or self._text_lost()
            or self._agrees()
        )

    # --- readings

    def _read(self, tool: ToolRow | None, reasoning: ReasoningRow | None) -> _Reading:
        exchange = self._exchange
        message = parse(
            exchange.text,
            tool.name if tool else None,
            reasoning.name if reasoning else None,
            exchange.tools,
            exchange.request.choice,
            exchange.request.parallel_tool_calls is not False,
            exchange.request.template_kwargs,
            self._inside(reasoning),
            exchange.response.finish_reason,
        )
        fits = 0.0
        if tool is not None and message.tool_calls:
            # A markup without markers is all there as soon as it is read.
            fits = read_raw(tool, exchange.text, exchange.tools or None).share if pieces(tool) else 1.0
        return _Reading(tool, reasoning, message, fits)

    def _inside(self, reasoning: ReasoningRow | None) -> bool | None:
        """Return whether the prompt ended inside reasoning; None if neither the text nor the response shows it."""
        if reasoning is None:
            return None
        text = self._exchange.text
        if self._exchange.raw.reasoning_missing:
            return False
        if starts_inside(text, reasoning.think):
            return True
        if any(opener in text for opener in reasoning.think.opens):
            return False
        said = self._said
        # No marker shows it. An engine that knew the prompt has put the start of the text into the right field.
        start = text.lstrip()[:40]
        if said.reasoning.strip() and start.startswith(said.reasoning.strip()[:40]):
            return True
        return False if said.content.strip() and start.startswith(said.content.strip()[:40]) else None

    def _configured(self) -> _Reading | None:
        """Return the configured pair's reading; None if the pair is not known."""
        launch = self._exchange.launch
        if launch is None:
            return None
        pair = configured(launch)
        named = launch.tool_parser or launch.reasoning_parser
        if pair.tool is None and pair.reasoning is None and named:
            return None  # dynamo_auto, or a parser that is not known here
        reasoning = pair.reasoning if launch.reasoning_parser else None
        return self._read(pair.tool if launch.tool_parser else None, reasoning)

    def _fittest(self) -> _Reading | None:
        """Return the reading of the pair that fits the text best; None if there is none to trust."""
        reading = [each for each in self._pairs if each.message.tool_calls]
        if self._own is not None and self._own.tool is not None and self._own.message.tool_calls:
            reading.insert(0, self._own)

        def rank(each: _Reading) -> tuple[bool, float, int, int]:
            return each.whole, each.fits, each.whole_calls, len(pieces(each.tool)) if each.tool else 0

        best = max(reading, key=rank, default=None)
        if best is not None and best.fits < 1 and not self._trusted(best):
            return None
        return best

    def _trusted(self, reading: _Reading) -> bool:
        """Return whether a reading counts although not all of its markup is in the text: drift, or no markers."""
        if self._own is not None and reading.tool is self._own.tool:
            return True
        others = [each for each in self._pairs if each.message.tool_calls and each.tool is not reading.tool]
        return reading.fits > max((each.fits for each in others), default=0.0)

    def _reads_as_well(self, reading: _Reading) -> bool:
        """Return whether the configured pair reads the same calls as `reading`, or at least as many complete ones."""
        own = self._own
        if own is None or own.tool is None:
            return False
        return _same_calls(own.message, reading.message) or own.whole_calls >= max(reading.whole_calls, 1)

    # --- verdicts, in the order in which they are tried

    def _not_used(self) -> Verdict | None:
        """Return the verdict for a launch line with which no parser runs."""
        launch, best = self._exchange.launch, self._best
        if launch is None or best is None or self._said.calls or not self._exchange.tools:
            return None
        rules = ("auto-tool-choice", "plugins", "rust", "name")
        wrong = next((each for each in check(launch) if each.level == "error" and each.rule in rules), None)
        if wrong is None:
            return None
        return self._verdict("configuration", wrong.text, [f"the raw text holds {_calls(best)}"], best, wrong.fix)

    def _reference(self) -> _Reading | None:
        """Return the reading whose calls the response should have; None if that is not known."""
        if self._best is None:
            return None
        if self._own is not None:
            return self._own if self._reads_as_well(self._best) else None
        return self._best

    def _lost_by_the_parser(self) -> Verdict | None:
        reading = self._reference()
        if reading is None or not self._exchange.tools or self._exchange.request.choice == "none":
            return None
        lost = _call_differences(reading.message, self._said.calls)
        if not lost:
            return None
        if self._own is None and not self._said.calls and self._came_out_as_text(reading):
            return self._verdict(
                "configuration",
                f"the call's markup came out as text: no parser was configured, or not {reading.names}",
                [f"the raw text holds {_calls(reading)}", "the response holds its markers and no call"],
                reading,
                reading.flags,
            )
        foreign = self._explained_by_another(reading)
        if self._own is None and foreign is not None:
            return self._verdict(
                "configuration",
                f"the response is what {foreign.names} reads, and the raw text is for {reading.names}",
                [f"the raw text holds {_calls(reading)}"],
                reading,
                reading.flags,
            )
        if self._exchange.cut and not reading.whole_calls:
            return None
        what = "has no call" if not self._said.calls else "has other calls"
        launch = self._exchange.launch
        native = launch is not None and launch.tool_parser and not is_ours(launch.tool_parser)
        return self._verdict(
            "parser",
            f"the raw text holds {_calls(reading)} and the response {what}",
            [f"{reading.names} reads it"],
            reading,
            reading.flags if native else None,
            lost,
        )

    def _came_out_as_text(self, reading: _Reading) -> bool:
        """Return whether the markup of the calls is in the response as text."""
        said = self._said.content + self._said.reasoning
        wanted = pieces(reading.tool) if reading.tool else frozenset[str]()
        names = [f"{call.name}(" for call in reading.message.tool_calls]
        return bool(left_markers_in(self._said)) or all(piece in said for piece in wanted or names)

    def _explained_by_another(self, reading: _Reading) -> _Reading | None:
        """Return another pair's reading that differs from `reading` and has exactly the response's calls, else None."""
        for each in self._pairs:
            if each.tool is reading.tool or _same_calls(each.message, reading.message):
                continue
            if self._said.calls and not _call_differences(each.message, self._said.calls):
                return each
        return None

    def _another_pair(self) -> Verdict | None:
        best = self._best
        if best is None or self._own is None or self._reads_as_well(best) or not self._exchange.tools:
            return None
        if not best.whole_calls and self._exchange.cut:
            return None
        if not _call_differences(best.message, self._said.calls):
            return None  # the response has these calls, so the launch line is that of another server
        own = self._own
        evidence = [f"the raw text holds {_calls(best)}, read by {best.names}", f"{own.names} reads {_calls(own)}"]
        left = left_markers_in(self._said)
        if left:
            evidence.append(f"the response holds its markers as text: {' '.join(left[:3])}")
        return self._verdict(
            "configuration",
            f"the model writes a different markup from that of the configured {own.names}",
            evidence,
            best,
            best.flags,
        )

    def _reasoning_misread(self) -> Verdict | None:
        """Return the verdict for an answer in reasoning, or reasoning in the answer."""
        said, text = self._said, self._exchange.text
        rows = [each for each in self._pairs if each.reasoning is not None]
        markers = {marker for each in rows if each.reasoning for marker in (*each.reasoning.think.opens,)}
        closed = {marker for each in rows if each.reasoning for marker in (*each.reasoning.think.closes,)}
        shown = sorted(marker for marker in closed | markers if len(marker) > 3 and marker in said.content)
        own = self._own
        if shown and not said.calls and (own is None or own.reasoning is None):
            best = next((each for each in rows if each.reasoning and shown[0] in _think(each.reasoning)), None)
            flags = f"--reasoning-parser {PREFIX}{best.reasoning.name}" if best and best.reasoning else None
            return self._verdict(
                "configuration",
                f"reasoning came out as content: no reasoning parser reads {shown[0]}",
                [f"the raw text and the content hold {shown[0]}"],
                self._best or own,
                flags,
            )
        marked = any(marker in text for marker in closed | markers)
        starts = own is not None and own.reasoning is not None and own.reasoning.starts.inside
        if said.reasoning and not said.content and not said.calls and not marked and starts and not self._exchange.cut:
            assert own is not None
            return self._verdict(
                "configuration",
                f"the answer came out as reasoning: {own.names} takes a reply for reasoning until it is closed",
                ["the raw text holds no reasoning marker, so the model did not reason"],
                own,
                "a reasoning parser that starts outside (dynamo-parsers list reasoning), or thinking off",
            )
        return None

    def _cut_off(self) -> Verdict | None:
        if not self._exchange.cut:
            return None
        limit = self._exchange.limit
        said = f"after {self._said.completion_tokens} tokens" if self._said.completion_tokens else "by its limit"
        evidence = [f"finish_reason is {self._said.finish_reason}{f', max_tokens {limit}' if limit else ''}"]
        reading = self._best or self._own
        calls = reading.message.tool_calls if reading is not None else []
        if calls and not calls[-1].complete:
            evidence.append(f"the raw text ends inside the call of {calls[-1].name}: …{self._exchange.text[-60:]!r}")
            return self._verdict("truncation", f"the reply was cut off {said}, inside a call", evidence, reading)
        evidence.append(f"the raw text ends: …{self._exchange.text[-60:]!r}")
        return self._verdict("truncation", f"the reply was cut off {said}", evidence, reading)

    def _models_mistake(self) -> Verdict | None:
        exchange, best = self._exchange, self._best
        reading = best or self._own
        if best is None:
            return self._no_call(reading)
        if not exchange.tools:
            return self._verdict("model", "the model wrote a call, and the request declares no tools", [], best)
        wrong = [
            fault for call in best.message.tool_calls for fault in _faults(call.name, call.arguments, exchange.tools)
        ]
        broken = [call for call in best.message.tool_calls if not call.complete]
        if broken:
            evidence = [f"the arguments of {call.name} are {call.arguments[:200]!r}" for call in broken]
            return self._verdict("model", "the model wrote a call with arguments that are not JSON", evidence, best)
        if wrong:
            return self._verdict("model", f"the model made a wrong call: {wrong[0]}", wrong[1:], best)
        return None

    def _no_call(self, reading: _Reading | None) -> Verdict | None:
        """Return the verdict for a raw text in which no pair reads a call."""
        exchange = self._exchange
        if not exchange.tools or exchange.request.choice == "none":
            return None
        if self._said.calls:
            return self._verdict(
                "parser", "the response has calls that the raw text does not hold", [], reading, None,
                [Difference(where="tool_calls", raw="", response=_shown(each)) for each in self._said.calls],
            )  # fmt: skip
        if self._lost_text(reading):
            return None
        begun = sorted(
            {piece for row in families() for piece in pieces(row) if len(piece) > 5 and piece in exchange.text}
        )
        markers = [each for each in begun if not each.startswith('"')]
        if markers:
            closest = max(families(), key=lambda row: share(row, exchange.text))
            evidence = [
                f"it holds {' '.join(markers[:4])}, most like {PREFIX}{closest.name}, and no parser reads a call in it",
                f"it begins: {exchange.text[:160]!r}",
            ]
            return self._verdict("model", "the model wrote a broken call", evidence, reading)
        evidence = [f"it begins: {exchange.text[:160]!r}"]
        return self._verdict("model", "the raw text holds no call: the model answered in text", evidence, reading)

    def _lost_text(self, reading: _Reading | None) -> list[Difference]:
        if reading is None:
            return []
        return _text_differences(reading.message, self._said, self._exchange.raw)

    def _text_lost(self) -> Verdict | None:
        reading = self._reference() or self._own
        lost = self._lost_text(reading)
        if not lost or reading is None:
            return None
        where = " and ".join(each.where for each in lost)
        return self._verdict(
            "parser", f"the response's {where} is not what the raw text says", [f"{reading.names} reads it"],
            reading, None, lost,
        )  # fmt: skip

    def _agrees(self) -> Verdict:
        reading = self._reference() or self._own
        calls = f"{len(self._said.calls)} call{'' if len(self._said.calls) == 1 else 's'}"
        if reading is None and not self._said.calls and self._said.content.strip() != self._exchange.text.strip():
            return self._verdict("inconclusive", "name the server's launch line with --launch", [], None)
        return self._verdict("ok", f"the response says what the model wrote: {calls}, nothing lost", [], reading)

    def _verdict(
        self,
        fault: Fault,
        summary: str,
        evidence: Sequence[str],
        reading: _Reading | None,
        flags: str | None = None,
        differences: Sequence[Difference] = (),
    ) -> Verdict:
        exchange = self._exchange
        return Verdict(
            fault=fault,
            summary=summary,
            evidence=[*evidence, *exchange.raw.notes],
            flags=flags,
            raw=exchange.raw,
            configured=_configured_name(exchange.launch),
            differences=list(differences),
            readings=[
                PairReading(
                    tool_parser=PREFIX + (each.tool.name if each.tool else ""),
                    reasoning_parser=PREFIX + (each.reasoning.name if each.reasoning else ""),
                    calls=len(each.message.tool_calls),
                    complete=each.whole,
                    markers_left=len(left_markers(each.message)),
                    agrees=not _call_differences(each.message, self._said.calls)
                    and not _text_differences(each.message, self._said, exchange.raw),
                )
                for each in self._pairs
                if each.message.tool_calls
            ],
            message=reading.message.model_dump() if reading is not None else None,
        )


# --- comparing


def left_markers_in(response: Response) -> tuple[str, ...]:
    """Return the markers in a response's content and reasoning."""
    return left_markers(Message(content=response.content or None, reasoning=response.reasoning or None))


def _think(row: ReasoningRow) -> tuple[str, ...]:
    return (*row.think.opens, *row.think.closes)


def _calls(reading: _Reading) -> str:
    calls = reading.message.tool_calls
    if not calls:
        return "no call"
    named = ", ".join(call.name for call in calls[:4])
    return f"{len(calls)} call{'' if len(calls) == 1 else 's'} ({named})"


def _same_calls(one: Message, other: Message) -> bool:
    calls = [[(call.name, _value(call.arguments)) for call in each.tool_calls] for each in (one, other)]
    return bool(calls[0]) and calls[0] == calls[1]


def _value(arguments: str) -> object:
    """Return arguments as a value to compare; text that is not JSON as it is."""
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments


def _call_differences(message: Message, said: Sequence[Call]) -> list[Difference]:
    found = []
    for index in range(max(len(message.tool_calls), len(said))):
        raw = message.tool_calls[index] if index < len(message.tool_calls) else None
        call = said[index] if index < len(said) else None
        where = f"tool_calls[{index}]"
        if raw is None or call is None:
            text = f"{raw.name} {raw.arguments}" if raw else ""
            found.append(Difference(where=where, raw=text, response=_shown(call) if call else ""))
        elif raw.name != call.name:
            found.append(Difference(where=f"{where}.name", raw=raw.name, response=call.name))
        elif not _same_arguments(raw.arguments, call.arguments):
            found.append(Difference(where=f"{where}.arguments", raw=raw.arguments, response=call.arguments))
    return found


def _same_arguments(raw: str, said: str) -> bool:
    """Return whether arguments are the same; a character that the logprobs lost matches anything."""
    one, other = _value(raw), _value(said)
    if one == other:
        return True
    return GAP in raw and _matches(raw, said)


def _matches(raw: str, said: str) -> bool:
    """Return whether `said` is `raw` with its gaps filled."""
    at = 0
    for number, part in enumerate(each for each in raw.split(GAP)):
        found = said.find(part, at)
        if found < 0 or (number == 0 and found):
            return False
        at = found + len(part)
    return at == len(said) or raw.endswith(GAP)


def _shown(call: Call) -> str:
    return f"{call.name} {call.arguments}"


def _text_differences(message: Message, said: Response, raw: RawText) -> list[Difference]:
    found = []
    pairs = [("content", message.content or "", said.content)]
    if not raw.reasoning_missing:
        pairs.append(("reasoning", message.reasoning or "", said.reasoning))
    for where, expected, got in pairs:
        if expected.strip() != got.strip() and not (GAP in expected and _matches(expected.strip(), got.strip())):
            found.append(Difference(where=where, raw=expected, response=got))
    return found


def _faults(name: str, arguments: str, tools: Sequence[Json]) -> list[str]:
    """Return what the declared tools show to be wrong with a call: name, missing or unknown arguments, types."""
    declared = {_name(tool): tool for tool in tools}
    if name not in declared:
        return [f"{name} is not among the declared tools ({', '.join(sorted(declared)) or 'none'})"]
    value = _value(arguments)
    if not isinstance(value, dict):
        return [f"the arguments of {name} are not a JSON object: {arguments[:200]!r}"]
    schema = _member(_function(declared[name]), "parameters")
    properties = _member(schema, "properties")
    required = schema.get("required")
    found = [
        f"{name} lacks the required argument {each!r}"
        for each in (required if isinstance(required, list) else ())
        if each not in value
    ]
    for key, each in value.items():
        wanted = _member(properties, key).get("type")
        if key not in properties and schema.get("additionalProperties") is False:
            found.append(f"{name} has no argument {key!r}")
        elif isinstance(wanted, str) and wanted in _TYPES and not _is(each, wanted):
            shown = json.dumps(each, ensure_ascii=False)[:80]
            found.append(f"the argument {key!r} of {name} is not of type {wanted}: {shown}")
    return found


def _is(value: object, wanted: str) -> bool:
    if isinstance(value, bool) and wanted in ("integer", "number"):
        return False
    return isinstance(value, _TYPES[wanted])


def _name(tool: Json) -> str:
    name = _function(tool).get("name")
    return name if isinstance(name, str) else ""


def _function(tool: Json) -> Json:
    return _member(tool, "function") or tool


def _member(value: Json, key: str) -> Json:
    found = value.get(key)
    return found if isinstance(found, dict) else {}
