"""Microseconds a token of the core alone: a token is four characters, each fed by itself.

    .venv-core/bin/python -m pytest tests/benchmarks/test_speed.py --benchmark-only

One format of each kind of markup. The table at the end says for each workload how the longest reply compares with the
shortest, which is 1 where the cost is linear, and the budget of the core; nothing fails by the clock. `calls` is what a
token of the longest reply costs in multiples of a Python method call that makes an event, measured in the same breath:
it means the same on a fast machine and on a noisy one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest
from dynamo_parsers import ContentDelta, Parser, fold
from dynamo_parsers.registry import tool_row
from dynamo_parsers.write import markup
from replies import Request, events_of, tool

SIZES = (500, 4_000, 16_000)
TOKEN = 4

FORMATS = ("kimi_k2", "qwen3_coder", "hermes", "glm47", "deepseek_v4", "gemma4", "pythonic", "minimax_m3", "harmony")

CODE = "    if value and not done:\n        print(value)\n"
TOOL = tool("f", text={"type": "string"}, array={"type": "array"})

Arguments = dict[str, object]


def small(length: int) -> Arguments:
    """As many parameters as are about `length` characters in JSON."""
    return {f"p{number}": number if number % 2 else f"word{number}" for number in range(length // 15)}


WORKLOADS: dict[str, tuple[Callable[[int], str | Arguments], float]] = {
    "one long string": (lambda length: {"text": CODE * (length // len(CODE) + 1)}, 2.0),
    "prose": (lambda length: "If a < b [as in c] then {d}, <e> and [f]. " * (length // 42 + 1), 2.0),
    "many small values": (small, 4.0),
    "one array": (lambda length: {"array": [f"element {number}" for number in range(length // 16)]}, 4.0),
}
"""What a reply of so many characters says, and microseconds a token that it may cost."""


def reply(name: str, workload: str, size: int) -> str:
    said = WORKLOADS[workload][0](size * TOKEN)
    return said if isinstance(said, str) else markup.RENDERERS[name].calls([markup.Call.of("f", said)])


# --- measuring

measured: dict[tuple[str, str], dict[int, float]] = {}
"""Microseconds a token by size, of a format and workload."""
multiples: dict[tuple[str, str], float] = {}
"""A token of the longest reply in method calls."""


class Maker:
    """What a multiple is a multiple of."""

    def event(self, text: str) -> ContentDelta:
        return ContentDelta(text)


def method_call() -> float:
    """Microseconds of one method call that makes an event: the best of some thousands, several times."""
    make, best = Maker().event, float("inf")
    for _ in range(5):
        started = time.process_time()
        for _ in range(20_000):
            make("text")
        best = min(best, (time.process_time() - started) / 20_000)
    return best * 1e6


@pytest.fixture(scope="module", autouse=True)
def table(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    sizes = "".join(f"{size:>9}" for size in SIZES)
    lines = [f"\n\n{'us a token':<14}{'tokens':<20}{sizes}{'last / first':>14}{'budget':>8}{'calls':>8}"]
    for (name, workload), found in measured.items():
        cells = "".join(f"{found[size]:>9.2f}" if size in found else f"{'-':>9}" for size in SIZES)
        growth = (
            f"{found[SIZES[-1]] / found[SIZES[0]]:>13.2f}x" if {SIZES[0], SIZES[-1]} <= found.keys() else f"{'-':>14}"
        )
        calls = f"{multiples[name, workload]:>8.1f}" if (name, workload) in multiples else f"{'-':>8}"
        lines.append(f"{name:<14}{workload:<20}{cells}{growth}{WORKLOADS[workload][1]:>8}{calls}")
    capture = request.config.pluginmanager.get_plugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        print("\n".join(lines))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.timeout(600)
@pytest.mark.benchmark(timer=time.process_time)  # what else runs on the machine does not count
def test_speed(name: str, workload: str, size: int, benchmark: Callable[..., None]) -> None:
    text = reply(name, workload, size)
    request = Request(name, tool_row(name).pairs[0], [TOOL], in_reasoning=False)
    said = WORKLOADS[workload][0](size * TOKEN)
    calls = fold(events_of(request, [text])).tool_calls
    assert [json.loads(call.arguments) for call in calls] == ([] if isinstance(said, str) else [said])
    tokens = [text[at : at + TOKEN] for at in range(0, len(text), TOKEN)]

    def fresh() -> tuple[tuple[Parser], dict[str, object]]:
        return (request.parser(),), {}

    def parse(parser: Parser) -> None:
        for token in tokens:
            parser.feed(token)
        parser.finish()

    benchmark.pedantic(parse, setup=fresh, rounds=5, warmup_rounds=1)  # type: ignore[attr-defined]
    best = benchmark.stats.stats.min  # type: ignore[attr-defined]
    measured.setdefault((name, workload), {})[size] = best / len(tokens) * 1e6
    if size == SIZES[-1]:
        multiples[name, workload] = measured[name, workload][size] / method_call()
