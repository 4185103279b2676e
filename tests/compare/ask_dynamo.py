"""Ask Dynamo: its own OpenAI front end on loopback, in front of a worker that says what the question holds.

    python tests/compare/ask_dynamo.py QUESTIONS.jsonl ANSWERS.jsonl

- Runs in an environment with `ai-dynamo-runtime`, `tokenizers` and `aiohttp`. No GPU, no network, no other service.
- The worker's tokenizer has one token a byte; a piece of the question is one step of the engine.
- One model is registered for each pair of parsers. What the prompt ends with is the template's last word.
- Harmony's parsers need a vocabulary that is downloaded at run time, so they are not asked.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

# Read when the runtime is imported.
os.environ.setdefault("DYN_COMPUTE_THREADS", "0")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import aiohttp
from dynamo import _core as dynamo
from records import WAYS, Answer, Answered, Call, Question, Way, read, write
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

END = 256
"""The id after those of the bytes: the end of a turn."""
NEEDS_A_DOWNLOAD = {"harmony", "gpt_oss"}
WORKS_ONLY_PAIRED = {"deepseek_v41"}
"""Its tool parser reads calls beside the reasoning parser of the same name alone."""
SECONDS = 20
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""The names that its front end takes: tools of other names are not declared."""


def write_model(folder: Path) -> None:
    """A model of nothing but a byte tokenizer and a template that says the messages."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable} | {byte: chr(256 + at) for at, byte in enumerate(rest)}
    tokenizer = Tokenizer(models.BPE(vocab={letter: byte for byte, letter in letters.items()}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|compare_end|>", special=True)])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": 512,
        "hidden_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "intermediate_size": 64,
        "max_position_embeddings": 1_000_000,
        "bos_token_id": END,
        "eos_token_id": END,
    }
    template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    says = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|compare_end|>", "chat_template": template}
    for name, content in (
        ("config.json", config),
        ("tokenizer_config.json", says),
        ("generation_config.json", {"eos_token_id": END}),
    ):
        (folder / name).write_text(json.dumps(content), encoding="utf-8")


def name_of(tool: dict[str, object]) -> str:
    function = tool.get("function")
    return str(function.get("name")) if isinstance(function, dict) else ""


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


class FrontEnd:
    """Dynamo's front end, and the models it knows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}/v1"
        self.replies: dict[str, tuple[list[bytes], str]] = {}
        self.models: dict[tuple[str | None, str | None], str] = {}
        self.tasks: list[asyncio.Future[Any]] = []

    async def start(self) -> None:
        self.runtime = dynamo.DistributedRuntime(asyncio.get_running_loop(), "mem", "tcp")
        port = int(self.url.split(":")[2].split("/")[0])
        engine = await dynamo.make_engine(
            self.runtime, dynamo.EntrypointArgs(dynamo.EngineType.Dynamic, http_host="127.0.0.1", http_port=port)
        )
        self.tasks.append(asyncio.ensure_future(dynamo.run_input(self.runtime, "http", engine)))
        self.http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS))
        await self._served("")

    async def work(self, request: Any, context: Any = None) -> AsyncIterator[dict[str, object]]:
        """The engine: the pieces of the question whose number the prompt starts with."""
        prompt = bytes(token for token in request["token_ids"] if token < END)
        pieces, finish = self.replies[prompt.split(b"#")[1].decode()]
        for number, piece in enumerate(pieces, 1):
            step: dict[str, object] = {"token_ids": list(piece)}
            if number == len(pieces):
                step["finish_reason"] = finish
            yield step

    async def model(self, tool: str | None, reasoning: str | None) -> str:
        pair = tool, reasoning
        if pair in self.models:
            return self.models[pair]
        self.models[pair] = await self.named(f"m{len(self.models)}", *pair)
        return self.models[pair]

    async def named(self, name: str, tool: str | None = None, reasoning: str | None = None) -> str:
        """The name of a new model, with the template that the folder holds now."""
        endpoint = self.runtime.endpoint(f"compare.{name}.generate")
        config = dynamo.ModelRuntimeConfig()
        config.tool_call_parser, config.reasoning_parser = tool, reasoning
        self.tasks.append(asyncio.ensure_future(endpoint.serve_endpoint(self.work, graceful_shutdown=False)))
        await dynamo.register_model(
            *(dynamo.ModelInput.Tokens, dynamo.ModelType.Chat, endpoint, str(self.folder), name),
            worker_type=dynamo.WorkerType.Aggregated,
            runtime_config=config,
        )
        await self._served(name)
        return name

    async def _served(self, name: str) -> None:
        """Wait until the front end answers, and knows this model."""
        for _ in range(200):
            with suppress(aiohttp.ClientConnectorError):
                async with self.http.get(f"{self.url}/models") as response:
                    if name in ["", *(model["id"] for model in (await response.json())["data"])]:
                        return
            await asyncio.sleep(0.05)
        raise RuntimeError("Dynamo's front end does not come up")

    async def ask(self, number: str, question: Question, way: Way) -> Answer:
        """Raises RuntimeError if Dynamo refuses."""
        model = await self.model(question.tool_parser, beside(question))
        pieces = [question.text] if way == "whole" else question.pieces
        self.replies[number] = [piece.encode() for piece in pieces if piece] or [b""], question.engine_finish or "stop"
        body: dict[str, object] = {
            "model": model,
            "messages": [{"role": "user", "content": f"#{number}#{question.prompt_tail}"}],
            "stream": way == "pieces",
            "max_tokens": 100_000,
        }
        tools = [tool for tool in question.tools or [] if NAME.fullmatch(name_of(tool))]
        if tools:
            body |= {"tools": tools, "tool_choice": question.tool_choice}
            if not question.parallel_tool_calls:
                body["parallel_tool_calls"] = False
        if question.chat_template_kwargs:
            body["chat_template_kwargs"] = question.chat_template_kwargs
        async with self.http.post(f"{self.url}/chat/completions", json=body) as response:
            said = await response.text()
            if response.status != 200:
                raise RuntimeError(f"HTTP {response.status}: {said[:300]}")
        return folded(said) if way == "pieces" else message(json.loads(said)["choices"][0])


def message(choice: dict[str, Any]) -> Answer:
    said = choice["message"]
    return Answer(
        reasoning=said.get("reasoning_content") or None,
        content=said.get("content") or None,
        calls=[Call(**_named(call["function"])) for call in said.get("tool_calls") or []],
        finish_reason=choice["finish_reason"],
    )


def _named(function: dict[str, Any]) -> dict[str, str]:
    return {"name": function.get("name") or "", "arguments": function.get("arguments") or ""}


def folded(stream: str) -> Answer:
    """Server-sent events as the OpenAI clients fold them."""
    texts = {"reasoning_content": "", "content": ""}
    calls: dict[int, dict[str, str]] = {}
    finish: str | None = None
    for line in stream.split("\n"):
        if not line.startswith("data: ") or line == "data: [DONE]":
            continue
        for choice in json.loads(line[6:]).get("choices") or []:
            delta = choice.get("delta") or {}
            for kind in texts:
                texts[kind] += delta.get(kind) or ""
            for call in delta.get("tool_calls") or []:
                known = calls.setdefault(call["index"], {"name": "", "arguments": ""})
                for key, value in _named(call.get("function") or {}).items():
                    known[key] += value
            finish = choice.get("finish_reason") or finish
    return Answer(
        reasoning=texts["reasoning_content"] or None,
        content=texts["content"] or None,
        calls=[Call(**calls[index]) for index in sorted(calls)],
        finish_reason=finish,
    )


def beside(question: Question) -> str | None:
    paired = question.tool_parser in WORKS_ONLY_PAIRED
    return question.reasoning_parser if paired else question.told_reasoning


def refused(question: Question) -> str | None:
    known_tools, known_reasoning = dynamo.get_tool_parser_names(), dynamo.get_reasoning_parser_names()
    for name, known in ((question.tool_parser, known_tools), (beside(question), known_reasoning)):
        if name in NEEDS_A_DOWNLOAD:
            return "needs a vocabulary that is downloaded at run time"
        if name is not None and name not in known:
            return f"no parser for {name}"
    if any("\ud800" <= char <= "\udfff" for char in question.text):
        return "no tokenizer writes a lone surrogate"
    return None


async def ask_all(questions: list[Question], answers: Path) -> None:
    said: list[Answered] = []
    with tempfile.TemporaryDirectory(prefix="dynamo-parsers-") as folder:
        write_model(Path(folder))
        front_end = FrontEnd(Path(folder))
        await front_end.start()
        for number, question in enumerate(questions):
            why = refused(question)
            for way in WAYS:
                if why is not None:
                    said.append(Answered(id=question.id, way=way, refused=why))
                    continue
                try:
                    answer = await front_end.ask(f"{number}{way}", question, way)
                    said.append(Answered(id=question.id, way=way, answer=answer))
                except (RuntimeError, ValueError, KeyError, aiohttp.ClientError, asyncio.TimeoutError) as wrong:
                    said.append(Answered(id=question.id, way=way, refused=f"{type(wrong).__name__}: {wrong}"[:120]))
            if number % 500 == 499:
                print(f"Dynamo: {number + 1} of {len(questions)}", flush=True)
        write(answers, said)
    sys.stdout.flush()
    os._exit(0)  # the runtime's threads would wait for each other


if __name__ == "__main__":
    asyncio.run(ask_all(read(Path(sys.argv[1]), Question), Path(sys.argv[2])))
