"""Drive NVIDIA Dynamo's vLLM chat processor in process: its front end without the router, the network and a worker.

What is Dynamo's own: `EngineFactory` and `VllmProcessor` (`--dyn-chat-processor vllm`), from the request to the chunks
that go to the client. It makes vLLM's renderer and detokenizer, and calls the two halves of a pair of parsers itself.
The worker that answers it sends a given reply, some tokens at a time.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any

from dynamo_chunks import TREE, Answer, Refused, Worker, of_chunks, processor_of, run
from parity import TURN

sys.path.append(str(TREE))  # last: what the environment has comes first
os.environ.setdefault("DYNAMO_DISABLE_NIXL_MM", "1")

from dynamo.frontend import vllm_processor
from dynamo.llm.exceptions import HttpError
from pydantic import ValidationError
from vllm.sampling_params import SamplingParams
from vllm.v1.engine.detokenizer import IncrementalDetokenizer
from vllm_harness import demo_model, encode


@cache
def processor(tool: str | None, reasoning: str | None) -> tuple[Any, Worker]:
    """Dynamo's processor for a model with these parsers, and the worker that answers it."""
    folder = demo_model(*(name and name.removeprefix("dynamo_") for name in (tool, reasoning)))[1]
    config = SimpleNamespace(
        preprocess_workers=0,
        trust_remote_code=False,
        kv_cache_block_size=16,
        exclude_tools_when_tool_choice_none=True,
    )
    flags = Namespace(tool_call_parser=tool, reasoning_parser=reasoning, enable_auto_tool_choice=True)
    factory = vllm_processor.EngineFactory(config, flags)
    return processor_of(vllm_processor, folder, lambda card, worker: factory.chat_engine_factory(None, card, worker))


@dataclass
class Exchange:
    """One request and how Dynamo answers it."""

    tool: str | None = None
    """A name for --tool-call-parser, and --reasoning-parser below; ours are `dynamo_...`."""
    reasoning: str | None = None
    body: Mapping[str, object] = field(default_factory=dict)
    prompt: str = TURN
    finish: str = "stop"
    interval: int = 1
    """Dynamo's `DYN_VLLM_STREAM_INTERVAL`: the tokens that it waits for before it reads them; its default is 20."""
    stream: bool = True

    def answer(self, reply: str, tokens: int | None = 1) -> Answer:
        """The answer if the worker gives `tokens` tokens at a time (None: all)."""
        made, worker = processor(self.tool, self.reasoning)
        made.output_processor.stream_interval = self.interval
        worker.will_say(encode(made.tokenizer, reply), tokens, made.tokenizer.eos_token_id, self.finish)
        asked = {**self.body, "stream": self.stream, "chat_template": "{{ " + repr(self.prompt) + " }}"}

        async def chunks() -> list[Any]:
            return [chunk async for chunk in made.generator(asked)]

        try:
            return of_chunks(run(chunks()))
        except (ValidationError, HttpError) as error:
            raise Refused(str(error)) from error

    def seen(self, reply: str) -> str:
        """What the detokenizer leaves of a reply. Asked after an answer."""
        made, worker = processor(self.tool, self.reasoning)
        sampling = SamplingParams(skip_special_tokens=bool(worker.asked["output_options"]["skip_special_tokens"]))
        asked = SimpleNamespace(request_id="r", sampling_params=sampling, prompt_token_ids=[], prompt_embeds=None)
        detokenizer = IncrementalDetokenizer.from_new_request(made.tokenizer, asked)  # type: ignore[arg-type]
        detokenizer.update(encode(made.tokenizer, reply), stop_terminated=False)
        return str(detokenizer.get_next_output_text(finished=True, delta=False))

    @property
    def grammar_from_start(self) -> bool:
        """Whether the worker was told to begin a grammar with the reply. Asked after an answer."""
        _, worker = processor(self.tool, self.reasoning)
        constrained = worker.asked["sampling_options"].get("guided_decoding") is not None
        return constrained and worker.asked.get("reasoning_ended") is True

    @property
    def special_tokens(self) -> list[str]:
        """What Dynamo removes from content if a parser is named."""
        return [token for token in processor(self.tool, self.reasoning)[0].tokenizer.all_special_tokens if token]
