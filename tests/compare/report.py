"""The reports: a table a format with every difference, and a summary of them all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from records import Answer, Answered, Question
from rules import Reason

SHOWN = 600
"""Characters of a reply or an answer in a report."""


@dataclass(frozen=True)
class Judged:
    """One answer of a peer beside ours. `reasons`: empty if they are equal, None if there is none."""

    question: Question
    peer: str
    said: Answered
    ours: Answer
    reasons: list[Reason] | None = None

    @property
    def verdict(self) -> str:
        if self.said.answer is None:
            return "not asked"
        if self.reasons is None:
            return "unknown"
        return "explained" if self.reasons else "equal"


COLUMNS = ("equal", "explained", "unknown", "not asked")


def write(found: Sequence[Judged], folder: Path, summary: Path | None) -> int:
    """Write everything; returns the number of differences that nobody can explain."""
    folder.mkdir(parents=True, exist_ok=True)
    formats = sorted({each.question.format for each in found})
    for name in formats:
        of_format = [each for each in found if each.question.format == name]
        (folder / f"{name}.md").write_text(_format_page(name, of_format), encoding="utf-8", errors="backslashreplace")
    text = _summary(formats, found)
    (folder / "summary.md").write_text(text, encoding="utf-8", errors="backslashreplace")
    if summary is not None:
        summary.write_text(text, encoding="utf-8", errors="backslashreplace")
    return sum(each.verdict == "unknown" for each in found)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def _counts(found: Iterable[Judged]) -> list[int]:
    counted = Counter(each.verdict for each in found)
    return [counted[column] for column in COLUMNS]


def _format_page(name: str, found: Sequence[Judged]) -> str:
    peers = sorted({(each.peer, each.said.way) for each in found})
    rows = [
        [peer, way, *_counts(each for each in found if (each.peer, each.said.way) == (peer, way))]
        for peer, way in peers
    ]
    head = (
        "peer",
        "reply",
        "equal",
        "different, and the contract says why",
        "different, and nobody knows why",
        "not asked",
    )
    parts = [f"# {name}\n", _table(head, rows)]
    differ = [each for each in found if each.verdict in ("explained", "unknown")]
    for each in sorted(
        differ, key=lambda each: (each.verdict != "unknown", each.question.id, each.peer, each.said.way)
    ):
        why = "; ".join(map(str, each.reasons)) if each.reasons else "**nobody knows**"
        parts.append(
            f"## {each.question.id}\n\n{each.peer}, {each.said.way}: {why}\n\n"
            f"~~~~\nreply {_quoted(each.question.text)}\n"
            f"ours  {_said(each.ours)}\npeer  {_said(each.said.answer)}\n~~~~\n"
        )
    return "\n".join(parts)


def _quoted(text: str) -> str:
    shown = json.dumps(text, ensure_ascii=not text.isprintable() and not text.replace("\n", "").isprintable())
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}... ({len(text)} characters)"


def _said(answer: Answer | None) -> str:
    if answer is None:
        return "-"
    texts = [
        f"{kind} {_quoted(text)}"
        for kind, text in (("reasoning", answer.reasoning), ("content", answer.content))
        if text
    ]
    calls = [f"{'call' if call.complete else 'cut'} {call.name} {_quoted(call.arguments)}" for call in answer.calls]
    return (
        "; ".join([*texts, *calls, *([f"finish {answer.finish_reason}"] if answer.finish_reason else [])]) or "nothing"
    )


def _summary(formats: Sequence[str], found: Sequence[Judged]) -> str:
    peers = list(dict.fromkeys(each.peer for each in found))
    rows = [
        [
            name,
            *(_cell([each for each in found if each.question.format == name and each.peer == peer]) for peer in peers),
        ]
        for name in [*formats]
    ]
    rows.append(["**all**", *(_cell([each for each in found if each.peer == peer]) for peer in peers)])
    reasons = Counter(
        (str(reason), each.peer) for each in found if each.reasons for reason in dict.fromkeys(each.reasons)
    )
    by_reason = Counter(str(reason) for each in found if each.reasons for reason in dict.fromkeys(each.reasons))
    reason_rows = [[reason, *(reasons[reason, peer] for peer in peers)] for reason, _ in by_reason.most_common()]
    refused = Counter((each.peer, each.said.refused.split(":")[0]) for each in found if each.said.refused is not None)
    return "\n".join(
        [
            _HEAD,
            "## Formats\n",
            "Equal / different, and the contract says why / different, and nobody knows why.\n"
            "A dash: the peer has no such parser.\n",
            _table(("format", *peers), rows),
            "## Reasons\n",
            "How often a rule of the contract is the reason for a difference.\n",
            _table(("rule", *peers), reason_rows),
            "## Not asked\n",
            _table(("peer", "why", "answers"), [[*why, count] for why, count in sorted(refused.items())]),
        ]
    )


_HEAD = """# Compared with other parsers

`make compare` gives every reply of the corpus (tests/shapes, tests/cases) to this package and to the parsers of
Dynamo (its own front end), vLLM (composed as its server composes them) and SGLang (its detectors, joined as its chat
endpoint joins them): as a whole, and in pieces. In pieces each marker is whole, as one token, and other text comes a
few characters at a time; for vLLM the pieces are the tokens of the demo model. It takes a quarter of an hour, writes
a page per format with every difference under .run/compare, and this summary.

- Arguments are compared as JSON values, texts to the character, and the finish reason if a peer tells it.
- If an answer of ours is different, the report names the rule of [the contract](contract.md) that makes the
  difference. Rules are predicates over the reply and the two answers (tests/compare), never over a case or a peer. If
  no rule applies, the reason is the heading of the case.
- A difference is never explained if our answer is not the one that the case requires.
- A reasoning parser is left out if a reply has no reasoning: only a guess of how the reply starts could be compared.

`make compare JSONL=answers.jsonl` compares with the answers in a file (tests/compare/questions.py describes how the
file is written). `PYTHONPATH=tests:tests/support python tests/compare/spoiled.py answers.jsonl` checks the rules
themselves: spoiled answers of ours must stay unexplained.
"""


def _cell(found: Sequence[Judged]) -> str:
    equal, explained, unknown, _ = _counts(found)
    cell = f"{equal} / {explained} / {unknown}"
    return "-" if cell == "0 / 0 / 0" else cell
