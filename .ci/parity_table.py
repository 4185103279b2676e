"""Write docs/parity.md from the results of the corpus in the engines.

    make parity
    python .ci/parity_table.py .run/parity.jsonl [more.jsonl ...]

A result is a line of JSON, as `tests/parity.py` (`record`) writes it for a case in an engine:

    {"engine": "SGLang 0.5.23", "file": "kimi_k2", "group": "Ids", "title": "...", "outcome": "same"}

- `outcome`: "same" as the core, by every way in; "refused: WHY", if the engine does not accept the request; "differs",
  which is a defect.
- Of several results for a case in an engine the last one counts, so a file may be added to.

Standard library only.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

TABLE = Path(__file__).resolve().parents[1] / "docs" / "parity.md"

HEAD = """\
# Parity

Every case of the corpus (`tests/shapes`, `tests/cases`) goes through the serving classes of each engine over our
parsers: with both parsers, with the tool parser alone and with the reasoning parser alone; whole, and as streams with
one token, with several tokens and with the whole reply in a delta. The client has to get what the core reads in the
same text. Made by `make parity`, last on {day}.

Dynamo is its front end with the parsers of an engine ([dynamo.md](dynamo.md)), and is asked a share of the cases: there
the client gets what the core reads as far as Dynamo asks the parsers. A forced choice in SGLang's is refused here,
because Dynamo reads it itself.
"""
KINDS = ("same", "refused", "differs")

Case = tuple[str, str, str]  # file, group, title


def read(files: Iterable[str]) -> dict[str, dict[Case, str]]:
    """The outcome of each case, for each engine."""
    found: dict[str, dict[Case, str]] = defaultdict(dict)
    for file in files:
        for line in Path(file).read_text(encoding="utf-8").splitlines():
            said = json.loads(line)
            found[said["engine"]][said["file"], said["group"], said["title"]] = said["outcome"]
    return dict(sorted(found.items()))


def kind(outcome: str) -> str:
    return outcome.partition(":")[0]


def table(header: list[str], rows: Iterable[list[object]]) -> str:
    lines = [header, ["---", *(["---:"] * (len(header) - 1))], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in lines) + "\n"


def parts(results: dict[str, dict[Case, str]]) -> Iterator[str]:
    yield HEAD.format(day=date.today())
    totals = {engine: Counter(map(kind, outcomes.values())) for engine, outcomes in results.items()}
    yield table(
        ["engine", "cases", *KINDS],
        ([engine, total.total(), *(total[each] for each in KINDS)] for engine, total in totals.items()),
    )
    why = Counter((engine, said) for engine, cases in results.items() for said in cases.values() if said != "same")
    if why:
        yield "## Cases that are not the same\n"
        yield table(["engine", "what", "cases"], ([*each, count] for each, count in sorted(why.items())))
    yield "## Cases that are the same, of all that the engine accepts, by file\n"
    yield table(["file", *results], rows_by_file(results))


def rows_by_file(results: dict[str, dict[Case, str]]) -> Iterator[list[object]]:
    for file in sorted({file for outcomes in results.values() for file, _, _ in outcomes}):
        row: list[object] = [file]
        for outcomes in results.values():
            kinds = Counter(kind(outcome) for (of, _, _), outcome in outcomes.items() if of == file)
            taken = kinds.total() - kinds["refused"]
            row.append(f"{kinds['same']} of {taken}" if taken else "")
        yield row


def main(files: list[str]) -> None:
    TABLE.write_text("\n".join(parts(read(files))), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
