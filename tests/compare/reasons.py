"""Why an answer of ours differs from a peer's: the rules of the contract that make the difference.

- Calls and texts are explained each for itself; a difference is explained once all of it is. No rule: nobody knows.
- A rule takes our answer to be right as far as it goes, so an unsound one (soundness.py) is never explained.
"""

from __future__ import annotations

from call_rules import CALLS
from difference import Difference
from rules import Reason, Rule
from soundness import complaints
from text_rules import TEXTS, texts_of_calls

ONE_ANSWER = Reason("The contract", "the same from every engine, streaming and not")
FINISH = Reason("finish_reason", "`stop` becomes `tool_calls` once a call was emitted; others are kept")


def explain(d: Difference) -> list[Reason] | None:
    """The reasons for a difference; None if no rule explains all of it."""
    if complaints(d):
        return None
    if d.way == "pieces" and d.whole is not None and _equal_to_ours(d):
        return [ONE_ANSWER]
    reasons: list[Reason] = []
    for part in d.parts():
        reason = _first(CALLS, part)
        if reason is None:
            return None
        reasons.append(reason)
    if d.texts_differ:
        if d.calls_differ and texts_of_calls(d):
            return reasons
        reason = _first(TEXTS, d)
        if reason is None:
            return None
        reasons.append(reason)
    if not reasons and [call.name for call in d.ours.calls] != [call.name for call in d.theirs.calls]:
        return None  # the same calls in another order
    return reasons or [FINISH]


def equal(d: Difference) -> bool:
    """Whether there is nothing to explain."""
    told = d.theirs.finish_reason is None or d.theirs.finish_reason == d.ours.finish_reason
    return not d.calls_differ and not d.texts_differ and told


def _equal_to_ours(d: Difference) -> bool:
    assert d.whole is not None
    whole = Difference(d.question, "whole", d.ours, d.whole, None)
    return equal(whole)


def _first(rules: tuple[Rule, ...], d: Difference) -> Reason | None:
    return next((rule.reason for rule in rules if rule.applies(d)), None)
