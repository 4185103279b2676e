"""Microseconds of CPU that vLLM's serving takes for a token and for a request: no parsers, vLLM's own, ours.

    .venv-vllm/bin/python tests/benchmarks/serving.py [--families qwen3_coder,hermes] [--rounds 5] [--write]

vLLM's `OpenAIServingChat` in process, in place of a server: its engine gives out the same tokens to all three, so
nothing but the parsers differs. Each takes its turn in every round; the median counts. A token is a step of the stream
up to the line for the client. A request is all from its JSON to the end of a short answer; its tools are new objects
each time, and the chat template leaves them out. `tags_in_requests.py` has the part of a request's grammar.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import platform
import re
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "support")]

from declared_tools import tools  # noqa: E402
from dynamo_parsers.registry import tool_row  # noqa: E402
from vllm.entrypoints.generate.base.protocol import RequestResponseMetadata  # noqa: E402
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest  # noqa: E402
from vllm.entrypoints.openai.chat_completion.serving import OpenAIServingChat  # noqa: E402
from vllm.entrypoints.openai.models.protocol import BaseModelPath  # noqa: E402
from vllm.entrypoints.openai.models.serving import OpenAIServingModels  # noqa: E402
from vllm.outputs import CompletionOutput, RequestOutput  # noqa: E402
from vllm.renderers.online_renderer import OnlineRenderer  # noqa: E402
from vllm.sampling_params import SamplingParams  # noqa: E402
from vllm.v1.engine.detokenizer import IncrementalDetokenizer  # noqa: E402
from vllm_gpt_oss import tokens  # noqa: E402
from vllm_harness import TURN, VERSION, encode  # noqa: E402
from vllm_serving import Replay  # noqa: E402
from workloads import FAMILIES, KINDS, TOOL, WORKLOADS, parsers, script  # noqa: E402

TEMPLATE = "{% for message in messages %}<|im_start|>{{ message.content }}{% endfor %}<|im_start|>assistant\n"
REQUESTS = 15
SHOWN = "128 strict tools"
"""The request in the table of the page."""
PAGE = Path(__file__).parents[2] / "docs" / "vllm.md"
BEGIN, END = "<!-- table of the cost: made by `make bench-servers` -->", "<!-- end of the table of the cost -->"


class Engine(Replay):
    """Outputs the steps that it is given."""

    outputs: Sequence[RequestOutput] = ()

    async def generate(self, *_: object, **__: object) -> AsyncIterator[RequestOutput]:
        for output in self.outputs:
            yield output


@dataclass
class Served:
    """vLLM's serving of chats for one kind of parsers."""

    family: str
    kind: str

    def __post_init__(self) -> None:
        row = tool_row(self.family)
        tool, reasoning = parsers(self.family, self.kind)
        self.engine: Any = Engine(row.name, row.pairs[0])
        self.is_harmony = self.family == "harmony"
        models = OpenAIServingModels(self.engine, [BaseModelPath(name="m", model_path="m")])
        flags = {"enable_auto_tools": tool is not None, "tool_parser": tool, "reasoning_parser": reasoning or ""}
        templates: Any = {"chat_template": TEMPLATE, "chat_template_content_format": "string", "request_logger": None}
        renderer = OnlineRenderer(
            model_config=self.engine.model_config, renderer=self.engine.renderer, **templates, **flags
        )
        if self.is_harmony and self.kind != "none":
            self.engine.model_config.hf_config.model_type = "gpt_oss"
        self.serving = OpenAIServingChat(
            self.engine, models, "assistant", online_renderer=renderer, **templates, **flags
        )
        self.tokenizer: Any = tokens() if self.is_harmony else self.engine.tokenizer
        self.prompt = encode(self.engine.tokenizer, TURN)

    def request(self, tools: Sequence[Mapping[str, object]]) -> ChatCompletionRequest:
        body = {
            "model": "m",
            "messages": [{"role": "user", "content": "hi"}],
            "tools": list(tools),
            "tool_choice": "none" if self.kind == "none" else "auto",
            "stream": True,
            "max_tokens": 2000,
        }
        return ChatCompletionRequest.model_validate_json(json.dumps(body))

    def outputs(self, text: str) -> list[RequestOutput]:
        """A reply as the engine outputs it, one token per step."""
        request = self.request([TOOL])
        if self.serving.parser_cls is not None:
            adjusting = self.serving.parser_cls(self.tokenizer, request.tools, model_config=None)
            request = adjusting.adjust_request(request)
        ids = encode(self.tokenizer, text)
        pieces = list(self._texts(ids, request.skip_special_tokens is not False))
        last = len(ids) - 1
        return [
            RequestOutput(
                "r",
                None,
                self.prompt,
                None,
                [CompletionOutput(0, piece, [each], None, None, finish_reason="stop" if number == last else None)],
                number == last,
            )
            for number, (piece, each) in enumerate(zip(pieces, ids, strict=True))
        ]

    def _texts(self, ids: list[int], skips: bool) -> list[str]:
        if self.is_harmony:  # ASCII, so that each token is text by itself
            return [self.tokenizer.decode([each]) for each in ids]
        made = SimpleNamespace(
            request_id="r",
            sampling_params=SamplingParams(skip_special_tokens=skips),
            prompt_token_ids=self.prompt,
            prompt_embeds=None,
        )
        detokenizer = IncrementalDetokenizer.from_new_request(self.tokenizer, made)  # type: ignore[arg-type]
        texts = []
        for number, each in enumerate(ids):
            detokenizer.update([each], stop_terminated=False)
            texts.append(detokenizer.get_next_output_text(finished=number == len(ids) - 1, delta=True))
        return texts

    async def stream(self, request: ChatCompletionRequest, outputs: Sequence[RequestOutput]) -> list[str]:
        """The lines for the client, as vLLM writes them."""
        self.engine.outputs = outputs
        lines = self.serving.chat_completion_stream_generator(
            request,
            self.engine.generate(),
            "r",
            "m",
            [],
            self.tokenizer,
            RequestResponseMetadata(request_id="r"),
            chat_template_kwargs={},
        )
        return [line async for line in lines]

    async def answer(self, tools: Sequence[Mapping[str, object]], outputs: Sequence[RequestOutput]) -> list[str]:
        """The same from the request on."""
        self.engine.outputs = outputs
        made = await self.serving.create_chat_completion(self.request(tools))
        assert hasattr(made, "__aiter__"), made
        return [line async for line in made]


def calls_of(lines: Sequence[str]) -> int:
    """How many calls a stream begins."""
    chunks = (json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {"))
    choices = (choice for chunk in chunks for choice in chunk["choices"])
    return sum(bool(call["function"].get("name")) for each in choices for call in each["delta"].get("tool_calls") or ())


async def in_turn(rounds: int, ways: Mapping[str, Callable[[], Any]]) -> dict[str, list[float]]:
    """Seconds of CPU of each way, in each round; the first round is for warming up."""
    found: dict[str, list[float]] = {kind: [] for kind in ways}
    for number in range(1 + rounds):
        for kind, way in ways.items():
            start = time.process_time()
            await way()
            if number:
                found[kind].append(time.process_time() - start)
    return found


async def a_token(served: Mapping[str, Served], workload: str, rounds: int) -> dict[str, list[float]]:
    """Microseconds a token."""
    family = next(iter(served.values())).family
    text = script(family, WORKLOADS[workload])
    outputs = {kind: each.outputs(text) for kind, each in served.items()}
    due = sum(len(part.calls) for part in WORKLOADS[workload])
    for kind in served:
        lines = await served[kind].stream(served[kind].request([TOOL]), outputs[kind])
        assert any('"finish_reason":"' in line for line in lines), "the stream has not ended"
        made = due if kind == "none" else calls_of(lines)
        if made != due:
            print(f"  {family}, {workload}: {kind} made {made} calls of {due}")

    def way(kind: str) -> Callable[[], Any]:
        request = served[kind].request([TOOL])
        return lambda: served[kind].stream(request, outputs[kind])

    seconds = await in_turn(rounds, {kind: way(kind) for kind in served})
    return {kind: [1e6 * each / len(outputs[kind]) for each in every] for kind, every in seconds.items()}


async def a_request(served: Mapping[str, Served], count: int, strict: bool) -> dict[str, list[float]]:
    """Microseconds a request of `count` tools."""
    outputs = {kind: each.outputs("Hi.") for kind, each in served.items()}
    declared = tools(count, strict)
    return {
        kind: [1e6 * each for each in every]
        for kind, every in (
            await in_turn(
                REQUESTS, {kind: lambda kind=kind: served[kind].answer(declared, outputs[kind]) for kind in served}
            )
        ).items()
    }


def cells(found: Mapping[str, Sequence[float]]) -> str:
    """Medians and what they range over; then ours in parts of vLLM's own."""
    median = {kind: statistics.median(every) for kind, every in found.items()}
    shown = "".join(
        f"{median[kind]:10.1f} {f'({min(every):.1f}-{max(every):.1f})':<18}" for kind, every in found.items()
    )
    return f"{shown}{median['ours'] / median['own']:8.2f}"


@dataclass
class Costs:
    """A family's, by what was measured."""

    tokens: dict[str, dict[str, list[float]]]
    requests: dict[str, dict[str, list[float]]]

    def cells(self) -> list[str]:
        """Of a token: means over all workloads, and how ours compare; of a request of many tools: milliseconds."""
        medians = [{kind: statistics.median(every) for kind, every in found.items()} for found in self.tokens.values()]
        means = [f"{statistics.mean(each[kind] for each in medians):.0f}" for kind in KINDS]
        ratios = [each["ours"] / each["own"] for each in medians]
        found = self.requests.get(SHOWN, {})
        request = [f"{statistics.median(found[kind]) / 1000:.1f}" if found else "" for kind in KINDS]
        return [*means, f"{min(ratios):.2f} to {max(ratios):.2f}", *request]


def table(costs: Mapping[str, Costs]) -> str:
    """What docs/vllm.md shows."""
    lines = [
        f"| family | µs a token: no parser | vLLM's own | ours | ours / own | ms a request, {SHOWN}: no parser "
        "| vLLM's own | ours |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *(f"| {family} | {' | '.join(each.cells())} |" for family, each in costs.items())])


def write(costs: Mapping[str, Costs]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{machine()}\n\n{table(costs)}\n\n{END}{after}", encoding="utf-8")


def machine() -> str:
    """What was measured, and on what."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return f"vLLM {VERSION}, Python {platform.python_version()}, {cpu[1] if cpu else platform.machine()}:"


async def measure(said: argparse.Namespace) -> dict[str, Costs]:
    costs: dict[str, Costs] = {}
    head = "".join(f"{kind:>10} {'':<18}" for kind in KINDS)
    for family in said.families.split(","):
        served = {kind: Served(family, kind) for kind in KINDS}
        costs[family] = Costs({}, {})
        gc.collect()
        gc.freeze()  # as vLLM's server does once it has started
        print(f"{'us a token':<14}{'':<22}{head}{'ours/own':>8}")
        for workload in WORKLOADS:
            found = costs[family].tokens[workload] = await a_token(served, workload, said.rounds)
            print(f"{family:<14}{workload:<22}{cells(found)}", flush=True)
        if family == "harmony":
            continue  # its requests are rendered by the model's own encoding
        print(f"{'us a request':<14}{'':<22}{head}")
        for count in map(int, said.tools.split(",")):
            for strict in (False, True):
                what = f"{count} {'strict' if strict else 'plain'} tools"
                found = costs[family].requests[what] = await a_request(served, count, strict)
                print(f"{family:<14}{what:<22}{cells(found)}", flush=True)
    return costs


def main(said: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tools", default="1,20,128,512")
    parser.add_argument("--write", action="store_true", help="put the table into docs/vllm.md")
    asked = parser.parse_args(said)
    costs = asyncio.run(measure(asked))
    print(table(costs))
    if asked.write:
        write(costs)


if __name__ == "__main__":
    main()
