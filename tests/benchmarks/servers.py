"""CPU seconds of vLLM's API server for 1,000 streamed tokens: without parsers, with vLLM's own, and with ours.

    .venv-vllm/bin/python tests/benchmarks/servers.py [--families qwen3_coder,hermes] [--rounds 5]

Three servers with the demo model of a family say the same scripts, one server after the other, round after round. Only
the process that serves HTTP counts, which runs the parsers; the model has its own. Both servers without our parsers run
without our plugin. `serving.py` measures the same in process, without the noise of a server.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "live"), str(ROOT / "tests")]

from engine_server import MODEL_NAME, Server, free_port, start  # noqa: E402
from workloads import FAMILIES, KINDS, TOOL, WORKLOADS, parsers, script  # noqa: E402

STREAMS = 4
"""At once: if the API server is slower than the engine, it takes several tokens as one."""
REPLIES = 16
FLAGS = ("--max-num-seqs", str(STREAMS))
GPT_OSS = ("--hf-overrides", '{"model_type": "gpt_oss", "vocab_size": 201088}', "--load-format", "dummy")
"""What vLLM takes for a gpt-oss model, for which its own parser is hard-wired."""
BARE = {
    "VLLM_PLUGINS": "",  # not ours
    "VLLM_ENFORCE_STRICT_TOOL_CALLING": "0",  # a grammar of its own would not let the model say its script
}


def parser_flags(family: str, kind: str) -> list[str]:
    tool, reasoning = parsers(family, kind)
    flags = ["--enable-auto-tool-choice", "--tool-call-parser", tool] if tool else []
    return flags + (["--reasoning-parser", reasoning] if reasoning else [])


# --- one measurement


def cpu_seconds(pid: int) -> float:
    """What a process has used, its threads included and its children not."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Asked:
    """What a client got of a stream."""

    tokens: int
    calls: int


def ask(client: httpx.Client, server: Server, kind: str, text: str) -> Asked:
    """Have the model say `text`. Raises RuntimeError if it cannot."""
    body: dict[str, Any] = {
        "model": MODEL_NAME,
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 4000,
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [TOOL],
        # A server without parsers refuses "auto".
        "tool_choice": "none" if kind == "none" else "auto",
        "vllm_xargs": {"script": text},
    }
    with client.stream("POST", f"{server.url}/v1/chat/completions", json=body) as reply:
        read = b"".join(reply.iter_raw()).decode()  # taken apart when it is over: the client has a core to share
    usage = re.search(r'"completion_tokens":(\d+)', read)
    if usage is None:
        raise RuntimeError(read[-500:])
    return Asked(int(usage[1]), len(re.findall(r'"function":\{"name":"', read)))


def measured(client: httpx.Client, server: Server, kind: str, text: str) -> float:
    """CPU seconds for 1,000 tokens."""
    before = cpu_seconds(server.pid)
    with ThreadPoolExecutor(STREAMS) as pool:
        asked = list(pool.map(lambda _: ask(client, server, kind, text), range(REPLIES)))
    return 1000 * (cpu_seconds(server.pid) - before) / sum(each.tokens for each in asked)


# --- a family


@dataclass(frozen=True)
class Row:
    family: str
    workload: str
    seconds: Mapping[str, Sequence[float]]
    """By kind, one of each round."""

    def median(self, kind: str) -> float:
        return statistics.median(self.seconds[kind])

    def cells(self) -> list[str]:
        spread = (
            f"{self.median(kind):.3f} ({min(every):.3f}-{max(every):.3f})" for kind, every in self.seconds.items()
        )
        ratio = f"{self.median('ours') / self.median('own'):.2f}" if "own" in self.seconds else ""
        return [self.family, self.workload, *spread, ratio]


def family_rows(family: str, rounds: int) -> list[Row]:
    with ExitStack() as stack:
        servers: dict[str, Server] = {}
        for kind in KINDS:
            flags = (*FLAGS, *(GPT_OSS if family == "harmony" else ()))
            server = start(
                family,
                free_port(),
                say=lambda _: None,
                flags=flags,
                parsers=parser_flags(family, kind),
                environment=BARE if kind != "ours" else None,
            )
            stack.callback(server.stop)
            servers[kind] = server
            server.wait(lambda _: None)  # one after the other: two cores
        client = stack.enter_context(httpx.Client(timeout=600))
        texts = {workload: script(family, parts) for workload, parts in WORKLOADS.items()}
        for workload, text in texts.items():
            _check(client, servers, workload, text)
            for kind, server in servers.items():
                measured(client, server, kind, text)  # warm
        found = {workload: {kind: [] for kind in KINDS} for workload in texts}
        for _ in range(rounds):
            for workload, text in texts.items():
                for kind, server in servers.items():
                    found[workload][kind].append(measured(client, server, kind, text))
    return [Row(family, workload, seconds) for workload, seconds in found.items()]


def _check(client: httpx.Client, servers: Mapping[str, Server], workload: str, text: str) -> None:
    """Say it if a server's answer is not what was said: a parser that fails early is cheap."""
    calls = [call for part in WORKLOADS[workload] for call in part.calls]
    for kind in ("own", "ours"):
        asked = ask(client, servers[kind], kind, text)
        if asked.calls != len(calls):
            print(f"  {workload}: {kind} made {asked.calls} calls of {len(calls)}", flush=True)


def table(rows: Sequence[Row]) -> str:
    """Medians over the workloads of each family, as Markdown."""
    lines = ["| family | no parser | vLLM's own | ours | ours / vLLM's own |", "|---|---|---|---|---|"]
    for family in dict.fromkeys(row.family for row in rows):
        of = [row for row in rows if row.family == family]
        cells = [f"{statistics.mean(row.median(kind) for row in of):.3f}" for kind in KINDS]
        ratios = [row.median("ours") / row.median("own") for row in of]
        lines.append(f"| {family} | {' | '.join(cells)} | {min(ratios):.2f} to {max(ratios):.2f} |")
    return "\n".join(lines)


def main(said: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args(said)
    rows: list[Row] = []
    widths = (14, 20, 22, 22, 22, 11)
    heads = ["CPU s / 1,000", "tokens", *KINDS, "ours / own"]
    print("".join(f"{cell:<{width}}" for cell, width in zip(heads, widths, strict=True)), flush=True)
    for family in asked.families.split(","):
        for row in family_rows(family, asked.rounds):
            rows.append(row)
            print("".join(f"{cell:<{width}}" for cell, width in zip(row.cells(), widths, strict=True)), flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
