"""Microseconds a token through vLLM's `parse_delta`, for our pairs and for vLLM's own of the same family.

    .venv-vllm/bin/python -m pytest tests/benchmarks/test_parse_delta.py --benchmark-only

One token a delta, both parsers composed, as a server streams. The table at the end compares.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import pytest

pytest.importorskip("vllm")

from vllm_harness import TURN, Exchange, Ids, chat_request, encode, tokenizer_for

SIZES = (500, 4_000, 16_000)

THEIRS = {"kimi_k2": ("kimi_k2", "kimi_k2"), "qwen3_coder": ("qwen3_coder", "qwen3"), "hermes": ("hermes", "qwen3")}
"""vLLM's tool parser and reasoning parser of a family."""

OURS = {
    "kimi_k2": ("dynamo_kimi_k2", "dynamo_kimi_k25"),
    "qwen3_coder": ("dynamo_qwen3_coder", "dynamo_qwen3"),
    "hermes": ("dynamo_hermes", "dynamo_qwen3"),
}

THOUGHT = "Let me see.</think>\n\n"
PROSE = "If a < b [as in c] then {d}, <e> and [f], and nothing else happens that day.\n"
CODE = '    if value["key"] < 10 and not done:\n        print(f"{value} \\n")\n'


def params(count: int) -> dict[str, object]:
    return {f"p{number}": number if number % 2 else f"word {number}" for number in range(count)}


def call(family: str, arguments: dict[str, object]) -> str:
    """A call of `f` in the markup of a family."""
    text = json.dumps(arguments)
    if family == "kimi_k2":
        call = f"<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{text}<|tool_call_end|>"
        return f"<|tool_calls_section_begin|>{call}<|tool_calls_section_end|>"
    if family == "hermes":
        return f'<tool_call>\n{{"name": "f", "arguments": {text}}}\n</tool_call>'
    values = "".join(
        f"<parameter={name}>\n{value if isinstance(value, str) else json.dumps(value)}\n</parameter>\n"
        for name, value in arguments.items()
    )
    return f"<tool_call>\n<function=f>\n{values}</function>\n</tool_call>"


WORKLOADS: dict[str, Callable[[str, int], str]] = {
    "prose": lambda family, count: PROSE * count,
    "one long string": lambda family, count: call(family, {"text": CODE * count}),
    "many small values": lambda family, count: call(family, params(count)),
    "one array": lambda family, count: call(family, {"items": [f"element {number}" for number in range(count)]}),
}


@dataclass(frozen=True)
class Stream:
    """A reply as one delta a token."""

    request: dict[str, object]
    deltas: list[tuple[str, Ids]]


@cache
def stream(family: str, workload: str, size: int) -> Stream:
    """A reply of about `size` tokens."""
    tool, think = (name.removeprefix("dynamo_") for name in OURS[family])
    tokenizer = tokenizer_for(tool, think)
    write = WORKLOADS[workload]
    unit = len(encode(tokenizer, write(family, 20))) / 20
    count = max(round(size / unit), 1)
    properties: dict[str, object] = {"text": {"type": "string"}, "items": {"type": "array"}}
    properties |= {name: {"type": type_of(value)} for name, value in params(count).items()}
    function = {"name": "f", "parameters": {"type": "object", "properties": properties}}
    tool_object = {"type": "function", "function": function}
    made = Exchange(*OURS[family], request=chat_request([tool_object]), prompt=TURN + "<think>\n")
    return Stream({"tools": [tool_object]}, list(made.deltas(THOUGHT + write(family, count), 1)))


def type_of(value: object) -> str:
    return "integer" if isinstance(value, int) else "string"


# --- measuring

measured: dict[tuple[str, str, int, str], float] = {}
"""Microseconds a token, by family, workload, size and whose."""


@pytest.fixture(scope="module", autouse=True)
def table(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    lines = [f"\n\n{'us a token':<14}{'':<20}{'tokens':>8}{'ours':>9}{'vLLM':>9}{'vLLM / ours':>13}"]
    for family, workload, size in dict.fromkeys(key[:3] for key in measured):
        ours, theirs = (measured.get((family, workload, size, whose)) for whose in ("ours", "vLLM"))
        cells = "".join(f"{value:>9.1f}" if value is not None else f"{'-':>9}" for value in (ours, theirs))
        ratio = f"{theirs / ours:>12.1f}x" if ours and theirs else ""
        lines.append(f"{family:<14}{workload:<20}{size:>8}{cells}{ratio}")
    capture = request.config.pluginmanager.get_plugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        print("\n".join(lines))


@pytest.mark.parametrize("whose", ["ours", "vLLM"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("family", OURS)
@pytest.mark.timeout(600)
def test_parse_delta(family: str, workload: str, size: int, whose: str, benchmark: Callable[..., None]) -> None:
    given = stream(family, workload, size)
    tool, think = (OURS if whose == "ours" else THEIRS)[family]
    made = Exchange(
        tool,
        think,
        request=chat_request(given.request["tools"]),  # type: ignore[arg-type]
        prompt=TURN + "<think>\n",
        tokenizer=tokenizer_for(*(name.removeprefix("dynamo_") for name in OURS[family])),
    )
    # Some of vLLM's read the whole reply again at every delta: half a minute a round.
    once = whose == "vLLM" and size == max(SIZES)
    if not once:
        assert len(made.stream_of(given.deltas).calls) == (workload != "prose")

    def fresh() -> tuple[tuple[object], dict[str, object]]:
        return (made.parser(),), {}

    def parse(parser: object) -> None:
        last = len(given.deltas) - 1
        for number, (text, ids) in enumerate(given.deltas):
            parser.parse_delta(text, ids, made.request, made.prompt_ids, finished=number == last)  # type: ignore[attr-defined]

    rounds = 1 if once else 5
    benchmark.pedantic(parse, setup=fresh, rounds=rounds, warmup_rounds=0 if once else 1)  # type: ignore[attr-defined]
    best = benchmark.stats.stats.min  # type: ignore[attr-defined]
    measured[family, workload, size, whose] = best / len(given.deltas) * 1e6
