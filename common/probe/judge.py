"""Decides whose fault a failed probe is: the served parser's, the model's or the endpoint's, and if that is proven.

- Some faults are proven by the response itself: a broken API contract, a finish_reason that does not fit what was
  returned, two answers to the same raw text.
- Otherwise the raw text decides: read by the core, it has what was due (the parser's fault) or does not (the model's).
- Without the raw text a verdict is a guess from the response, called "likely". If nothing can be told, it is "inspect".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..detect import distinctive_markers
from ..message import Message, parse
from ..registry import TOOL_ROWS, tool_row
from ..rows import ToolRow
from ..write.markup import Call
from .answer import Answer
from .scenarios import Demand, Mode, Scenario, Turn, asked_text, declared

Class: TypeAlias = Literal["parser", "model", "endpoint", "inspect"]
CLASSES: tuple[Class, ...] = ("parser", "model", "endpoint", "inspect")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in an answer. `shown`: the response itself proves that it is the parser's."""

    what: str
    shown: bool = False
    hint: Class = "model"
    """Whose fault it is likely to be."""


@dataclass(frozen=True, slots=True)
class Ruling:
    by: Class
    proven: bool
    why: str


def faults(answer: Answer, scenario: Scenario, turn: Turn, mode: Mode) -> list[Fault]:
    """Return the faults in an answer to a turn of a scenario; an empty list if it passes."""
    found = [Fault(what, shown=True, hint="parser") for what in answer.broken]
    found += _finish_faults(answer, scenario)
    found += [] if turn.demand.calls == "cut" else _argument_faults(answer)
    found += [
        Fault(f"{place} holds the marker {marker!r}", hint="parser")
        for place, text in (("content", answer.content), ("reasoning", answer.reasoning))
        for marker in leaks(text or "", scenario)
    ]
    found += _unmet(answer, scenario, turn.demand, turn.calls)
    if mode == "stream" and turn.demand.in_many_deltas and answer.calls and not found:
        size = len(answer.calls[0].arguments)
        if answer.calls[0].deltas < 20:
            what = f"{size} characters of arguments came in {answer.calls[0].deltas} pieces"
            found.append(Fault(what, shown=True, hint="parser"))
    return found


def leaks(text: str, scenario: Scenario) -> list[str]:
    """Return the markers of any family in a text, except those that the request contains."""
    asked = asked_text(scenario)
    found = [marker for marker in distinctive_markers() if marker in text and marker.strip() not in asked]
    # Of overlapping markers, only the longest.
    return sorted(each for each in found if not any(each != other and each in other for other in found))


def _finish_faults(answer: Answer, scenario: Scenario) -> list[Fault]:
    finish = answer.finish_reason
    if finish is None:
        return []  # reported already
    named = isinstance(scenario.tool_choice, dict)
    if answer.calls and finish not in ("tool_calls", *(("stop",) if named else ()), "length"):
        return [Fault(f"finish_reason is {finish!r}, with {len(answer.calls)} calls", shown=True, hint="parser")]
    if not answer.calls and finish in ("tool_calls", "function_call"):
        return [Fault(f"finish_reason is {finish!r}, without a call", shown=True, hint="parser")]
    return []


def _argument_faults(answer: Answer) -> list[Fault]:
    found = []
    for each in answer.calls:
        if answer.finish_reason == "tool_calls" and _object(each.arguments) is None:
            found.append(
                Fault(f"the arguments of {each.name} are not a JSON object: {each.arguments[:200]}", hint="parser")
            )
    return found


def _unmet(answer: Answer, scenario: Scenario, demand: Demand, due: Sequence[Call]) -> list[Fault]:
    """Return what the demand asks for and the answer does not have."""
    found: list[Fault] = []
    given = [(each.name, _object(each.arguments)) for each in answer.calls]
    # If content was due and there is only reasoning, the reply was split at the wrong place.
    strayed: Class = "parser" if answer.reasoning and not answer.content else "model"
    if demand.calls == "none" and given:
        found.append(Fault(f"a call of {given[0][0]}, although none is due"))
    if demand.calls == "some" and not any(name in declared(scenario) for name, _ in given):
        found.append(Fault("no call of a declared tool"))
    if demand.calls in ("one at most", "cut") and len(given) > 1:
        found.append(Fault(f"{len(given)} calls, although one is the most", hint="parser"))
    if demand.calls == "cut":
        # The arguments that were sent stay open; nothing may be invented to close them.
        found += [
            Fault(f"a call was cut off and came back whole: {given[0]}", hint="parser") for each in given if each[1]
        ]
    if demand.calls == "exact":
        missing = list(due)
        for name, arguments in given:
            match = next((each for each in missing if each.name == name and same(arguments, each.arguments)), None)
            if match is not None:
                missing.remove(match)
                continue
            wanted = next((each for each in missing if each.name == name), None)
            if wanted is None:
                found.append(Fault(f"a call of {name} that is not due"))
            else:
                missing.remove(wanted)
                found.append(_differs(name, arguments, wanted))
        found += [Fault(f"no call of {each.name}") for each in missing]
    if demand.content and not answer.content:
        found.append(Fault("no content", hint=strayed))
    elif demand.content:
        content = (answer.content or "").lower()
        found += [Fault(f"the content lacks {each!r}") for each in demand.says if each.lower() not in content]
    if demand.reasoning is True and not answer.reasoning:
        found.append(Fault("no reasoning"))
    if demand.reasoning is False and answer.reasoning:
        found.append(Fault("reasoning, with thinking turned off", hint=strayed))
    return found


def _differs(name: str, arguments: object, wanted: Call) -> Fault:
    """Return the fault for arguments that are not those due; if cut at a marker, it is likely the parser's."""
    if not isinstance(arguments, dict):
        return Fault(f"the arguments of {name} are not those due")
    for key, value in wanted.arguments.items():
        got = arguments.get(key)
        if same(got, value):
            continue
        what = f"{name}: {key} is {json.dumps(got, ensure_ascii=False)[:200]}, due is {json.dumps(value)[:200]}"
        cut = isinstance(got, str) and isinstance(value, str) and _cut_at_marker(got, value)
        return Fault(what, hint="parser" if cut else "model")
    return Fault(
        f"{name}: arguments that nobody asked for: {', '.join(sorted(set(arguments) - set(wanted.arguments)))}"
    )


def _cut_at_marker(got: str, due: str) -> bool:
    common = next((at for at, (a, b) in enumerate(zip(got, due, strict=False)) if a != b), min(len(got), len(due)))
    near = due[max(0, common - 2) : common + 2]
    return any(marker[:2] in near or due[common:].lstrip().startswith(marker) for marker in distinctive_markers())


def same(given: object, due: object) -> bool:
    """Return whether two JSON values are equal and of one type; for a due float an equal integer is accepted."""
    if isinstance(due, dict):
        return isinstance(given, dict) and given.keys() == due.keys() and all(same(given[key], due[key]) for key in due)
    if isinstance(due, list):
        return (
            isinstance(given, list)
            and len(given) == len(due)
            and all(same(one, other) for one, other in zip(given, due, strict=True))
        )
    if isinstance(due, float):
        return isinstance(given, int | float) and not isinstance(given, bool) and given == due
    return type(given) is type(due) and given == due


def disagreement(whole: Answer, stream: Answer) -> str | None:
    """Return how two answers to the same raw text differ; None if they do not."""
    for part in ("content", "reasoning", "finish_reason"):
        one, other = getattr(whole, part), getattr(stream, part)
        if (one or "").strip() != (other or "").strip():
            return f"{part} is {one!r} whole and {other!r} streamed"[:400]
    calls = [[(each.name, each.arguments) for each in answer.calls] for answer in (whole, stream)]
    if calls[0] != calls[1]:
        return f"calls are {calls[0]} whole and {calls[1]} streamed"[:400]
    return None


# --- proof


def ruling(found: Sequence[Fault], scenario: Scenario, turn: Turn, raw: str | None, family: str | None) -> Ruling:
    """Return whose fault it is. `raw`: the model's raw text, if it is known; `family`: its tool-call parser."""
    shown = [fault.what for fault in found if fault.shown]
    if shown:
        return Ruling("parser", True, "the response itself shows it")
    if raw is not None:
        readings = _readings(raw, scenario, family)
        reader = next((name for name, answer in readings if not faults(answer, scenario, turn, "whole")), None)
        if reader is not None:
            return Ruling("parser", True, f"the raw text holds what was due: dynamo_{reader} reads it")
        if family is not None or any(_is_clean(answer, scenario) for _, answer in readings):
            return Ruling("model", True, "the raw text does not hold what was due")
        return Ruling("inspect", False, "no parser reads the raw text without leaving markers behind")
    hints = {fault.hint for fault in found}
    if len(hints) == 1:
        return Ruling(hints.pop(), False, "judged by the response alone: the endpoint gives no raw text")
    return Ruling("inspect", False, "the endpoint gives no raw text, and the faults are of both kinds")


def _readings(raw: str, scenario: Scenario, family: str | None) -> list[tuple[str, Answer]]:
    """Return how the family's parser, or every one, reads a raw text, for each possible end of the prompt.

    Families whose calls begin as one in the text does come first: others read their calls too.
    """
    written = "".join(raw.split())

    def begins_otherwise(row: ToolRow) -> bool:
        return "".join(row.sample.partition("get_weather")[0].split()) not in written

    rows = [tool_row(family)] if family is not None else sorted(TOOL_ROWS, key=begins_otherwise)
    return [
        (
            row.name,
            answer_of(
                parse(
                    raw,
                    tool_parser=row.name,
                    reasoning_parser=row.pairs[0] if row.pairs else None,
                    tools=scenario.tools,
                    tool_choice="auto" if scenario.tool_choice is None else scenario.tool_choice,
                    parallel_tool_calls=scenario.parallel_tool_calls is not False,
                    chat_template_kwargs=scenario.chat_template_kwargs,
                    in_reasoning=inside,
                )
            ),
        )
        for row in rows
        for inside in (None, True, False)
    ]


def _is_clean(answer: Answer, scenario: Scenario) -> bool:
    """Return whether no markup is left in an answer."""
    return not leaks(f"{answer.content}\0{answer.reasoning}", scenario) and not _argument_faults(answer)


def answer_of(message: Message) -> Answer:
    return Answer.model_validate(
        {
            "content": message.content,
            "reasoning": message.reasoning,
            "finish_reason": message.finish_reason,
            "calls": [{"id": each.id, "name": each.name, "arguments": each.arguments} for each in message.tool_calls],
        }
    )


def _object(text: str) -> dict[str, object] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def worst(classes: Iterable[Class]) -> Class | None:
    """Return the class that counts for a probe: a parser's fault comes before all others; None if there is none."""
    found = set(classes)
    return next((each for each in CLASSES if each in found), None)
