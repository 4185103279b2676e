"""What a request costs with our parsers and with an engine's own, asked in turn: cells, rows and marks of a table."""

from __future__ import annotations

import argparse
import gc
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count as counter
from typing import Protocol

_SALTS = counter()


class Side(Protocol):
    """Ours, or the engine's own, for one family."""

    def measure(self, count: int, strict: bool, choice: str, salt: str) -> tuple[float, int]:
        """Seconds of CPU for one request of `count` tools, and characters of its grammar."""


@dataclass(frozen=True)
class Cell:
    """Milliseconds of the first time and of later times, and KB; of ours and of vLLM's own."""

    ours: tuple[float, float, float]
    own: tuple[float, float, float]

    @classmethod
    def of(cls, sides: Mapping[str, Side], what: tuple[int, bool, str], rounds: int) -> Cell:
        found: dict[str, list[tuple[float, float, int]]] = {kind: [] for kind in sides}
        for _ in range(rounds):
            salt = str(next(_SALTS))
            for kind, side in sides.items():
                first, size = side.measure(*what, salt)
                found[kind].append((first, min(side.measure(*what, salt)[0] for _ in range(2)), size))
        ours, own = (
            (1000 * min(each[0] for each in every), 1000 * min(each[1] for each in every), every[0][2] / 1000)
            for every in (found["ours"], found["own"])
        )
        return cls(ours, own)

    @property
    def is_over(self) -> tuple[bool, bool]:
        return self.ours[0] > self.own[0], self.ours[1] > self.own[1]

    def __str__(self) -> str:
        times = (
            f"{mark}{_short(ours)} ({_short(own)}){mark}"
            for ours, own, over in zip(self.ours[:2], self.own[:2], self.is_over, strict=True)
            for mark in ["**" if over else ""]
        )
        return ", ".join(times)


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.2f}" if milliseconds < 1 else f"{milliseconds:.1f}"


def rows(
    label: str,
    sides: Mapping[str, Side],
    counts: Sequence[int],
    choices: Sequence[str],
    rounds: int,
    over: list[str],
) -> Iterator[str]:
    """A row for each choice. `over` gets the cells that are slower than the engine's own."""
    gc.collect()
    gc.freeze()  # as a server does once it has started
    for choice in choices:
        cells = {what: Cell.of(sides, (*what, choice), rounds) for what in kinds(counts)}
        for what, cell in cells.items():
            for when, is_over in zip(("first", "again"), cell.is_over, strict=True):
                if is_over:
                    over.append(f"{label}, {choice}, {_name(what)}, {when}")
        last = list(cells.values())[-1]
        sizes = f"; KB: {last.ours[2]:.0f} ({last.own[2]:.0f})"
        yield f"| {label}, `{choice}`{sizes} | {' | '.join(map(str, cells.values()))} |"


def kinds(counts: Sequence[int]) -> list[tuple[int, bool]]:
    return [(count, strict) for count in counts for strict in (False, True)]


def head(engine: str, counts: Sequence[int]) -> list[str]:
    """The first lines of the table."""
    names = " | ".join(map(_name, kinds(counts)))
    return [f"| ms: first, again ({engine}'s own) | {names} |", "|---" * (1 + 2 * len(counts)) + "|"]


def _name(what: tuple[int, bool]) -> str:
    return f"{what[0]} {'strict' if what[1] else 'plain'}"


def arguments(description: str | None, families: Sequence[str]) -> argparse.ArgumentParser:
    """What can be said of such a table on the command line."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", default=",".join(families))
    parser.add_argument("--tools", default="1,20,128,512")
    parser.add_argument("--choices", default="auto,required,named")
    parser.add_argument("--rounds", type=int, default=5)
    return parser


def table(
    engine: str, asked: argparse.Namespace, sides_of: Callable[[str], tuple[str, Mapping[str, Side]]]
) -> list[str]:
    """Measure and print the lines of the table, and what is slower. `sides_of`: a family's label, ours and its own."""
    logging.disable()  # what is not enforced of some tool
    over: list[str] = []
    counts = [int(each) for each in asked.tools.split(",")]
    lines = head(engine, counts)
    print("\n".join(lines), flush=True)
    for family in asked.families.split(","):
        label, sides = sides_of(family)
        for line in rows(label, sides, counts, asked.choices.split(","), asked.rounds, over):
            lines.append(line)
            print(line, flush=True)
    print(f"slower than {engine}'s own: " + ("; ".join(over) or "nothing"))
    return lines
