"""Drive NVIDIA Dynamo's SGLang chat processor in process: its front end without the router, the network and a worker.

What is Dynamo's own: what loads SGLang's plugins (`--frontend-route-extension`), `SglangEngineFactory` and
`SglangProcessor` (`--dyn-chat-processor sglang`), from the request to the chunks that go to the client. The worker
behind it says a given reply, some tokens at a time.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any

from dynamo_chunks import TREE, Answer, Refused, Worker, of_chunks, processor_of, run
from parity import TURN
from sglang_harness import encode, model_folder

sys.path.append(str(TREE))  # last: what the environment has comes first

from dynamo.frontend import sglang_processor
from dynamo.frontend.main import load_frontend_route_extensions
from dynamo.frontend.sglang_prepost import detect_force_reasoning_from_template
from dynamo.llm.exceptions import InvalidArgument

EXTENSION = "sglang.srt.plugins:load_plugins"
"""For `--frontend-route-extension`: Dynamo calls it as its front end starts, and it adds no route."""

assert load_frontend_route_extensions([EXTENSION]) == []


@cache
def processor(tool: str | None, reasoning: str | None) -> tuple[Any, Worker]:
    """Dynamo's processor for a model with these parsers, and the worker that answers it."""
    folder = model_folder(*(name and name.removeprefix("dynamo_") for name in (tool, reasoning)))
    config = SimpleNamespace(preprocess_workers=0, trust_remote_code=False, exclude_tools_when_tool_choice_none=True)
    factory = sglang_processor.SglangEngineFactory(config, tool_call_parser_name=tool, reasoning_parser_name=reasoning)
    return processor_of(sglang_processor, folder, lambda card, worker: factory.chat_engine_factory(None, card, worker))


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
    """Dynamo's `DYN_SGLANG_STREAM_INTERVAL`: the tokens that it waits for before it reads them; its default is 20."""

    def answer(self, reply: str, tokens: int | None = 1) -> Answer:
        """The answer if the worker gives `tokens` tokens at a time (None: all)."""
        made, worker = processor(self.tool, self.reasoning)
        made.stream_interval = self.interval
        # What Dynamo finds out of a model's template as it starts.
        made.tokenizer.chat_template = "{{ " + repr(self.prompt) + " }}"
        made.template_force_reasoning = self.starts_inside
        worker.will_say(encode(made.tokenizer, reply), tokens, made.tokenizer.eos_token_id, self.finish)

        async def chunks() -> list[Any]:
            return [chunk async for chunk in made.generator({**self.body, "stream": True})]

        try:
            return of_chunks(run(chunks()))
        except InvalidArgument as error:
            raise Refused(str(error)) from error

    @property
    def starts_inside(self) -> bool:
        """Whether Dynamo takes it that replies start in reasoning. It looks at the template, never at the request."""
        return detect_force_reasoning_from_template(self.prompt)

    def seen(self, reply: str) -> str:
        """What the detokenizer leaves of a reply."""
        made, _ = processor(self.tool, self.reasoning)
        reads = self.reasoning is not None or ("tools" in self.body and self.body.get("tool_choice") != "none")
        return str(made.tokenizer.decode(encode(made.tokenizer, reply), skip_special_tokens=not reads))
