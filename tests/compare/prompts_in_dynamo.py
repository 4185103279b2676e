"""Does Dynamo render our chat templates as transformers does? `python tests/compare/prompts_in_dynamo.py PROMPTS.jsonl`

Its own front end gets each request, and its worker looks at the prompt. Runs where `ask_dynamo` does; exit
status 1 if a prompt differs.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from itertools import groupby
from pathlib import Path
from typing import Any

from ask_dynamo import END, FrontEnd, write_model


class Renderer(FrontEnd):
    """A front end whose worker keeps the prompt."""

    prompt = ""

    async def work(self, request: Any, context: Any = None) -> AsyncIterator[dict[str, object]]:
        end = b"<|compare_end|>"
        self.prompt = b"".join(end if token == END else bytes([token]) for token in request["token_ids"]).decode()
        yield {"token_ids": [ord("x")], "finish_reason": "stop"}

    async def render(self, model: str, body: dict[str, object]) -> str:
        self.prompt = ""
        async with self.http.post(f"{self.url}/chat/completions", json={"model": model, **body}) as response:
            return self.prompt or f"HTTP {response.status}: {await response.text()}"


def with_template(folder: Path, template: str) -> Path:
    folder.mkdir()
    write_model(folder)
    file = folder / "tokenizer_config.json"
    config = {**json.loads(file.read_text(encoding="utf-8")), "bos_token": "<|compare_end|>", "chat_template": template}
    file.write_text(json.dumps(config), encoding="utf-8")
    return folder


async def main(file: str) -> None:
    lines = [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]
    same: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="dynamo-parsers-") as scratch:
        front_end = Renderer(Path(scratch))
        await front_end.start()
        for number, (name, prompts) in enumerate(groupby(lines, key=lambda line: line["name"])):
            for prompt in prompts:
                if not asked[name]:
                    front_end.folder = with_template(Path(scratch, name), prompt["template"])
                    model = await front_end.named(f"t{number}")
                asked[name] += 1
                got = await front_end.render(model, prompt["body"])
                same[name] += got == prompt["prompt"]
                if got != prompt["prompt"]:
                    at = len(os.path.commonprefix([got, prompt["prompt"]]))  # noqa: RUF071
                    print(f"{name}: {got[at - 40 : at + 80]!r}\n  for {prompt['prompt'][at - 40 : at + 80]!r}")
            print(f"{name}: {same[name]} of {asked[name]} prompts are the same", flush=True)
    # The runtime's threads do not end by themselves.
    os._exit(0 if same == asked else 1)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
