"""A Llama that writes a given text, token by token, whatever its weights would write.

What is said to a prompt is `dynamo_parsers.demo.answer`: the text between `<<<SCRIPT` and `SCRIPT>>>` in the last user
message, or what a demo model makes up.

- The grammar masks what it forbids afterwards. What is made up gives way to a grammar.
- The end-of-turn token comes behind the text. That token inside a script ends the reply there.
- A prompt has to come as a whole: no prefix cache and no chunked prefill.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from dynamo_parsers.demo.answer import answer
from dynamo_parsers.demo.model import DemoModel
from sglang.srt.models import llama
from transformers import AutoTokenizer

# Far enough apart for any temperature, and finite: a grammar's mask is minus infinity.
SAID, NOT_SAID = 1e4, -1e4


class LlamaForCausalLM(llama.LlamaForCausalLM):
    """Has the name of SGLang's class, and so takes its place for every Llama."""

    def __init__(self, config: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        folder = config._name_or_path
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._demo = DemoModel.read(Path(folder))
        # By the slot of the request: the ids to say, and the length of its prompt.
        self._replies: dict[int, tuple[list[int], int]] = {}

    @torch.no_grad()
    def forward(self, input_ids: Any, positions: Any, forward_batch: Any, *args: Any, **kwargs: Any) -> Any:
        output = super().forward(input_ids, positions, forward_batch, *args, **kwargs)
        logits = getattr(output, "next_token_logits", None)
        if logits is None:
            return output
        slots = forward_batch.req_pool_indices.tolist()
        lengths = forward_batch.seq_lens.tolist()
        grammars = getattr(forward_batch.sampling_info, "grammars", None) or [None] * len(slots)
        if forward_batch.forward_mode.is_extend():
            start = 0
            for number, size in enumerate(forward_batch.extend_seq_lens.tolist()):
                prompt = input_ids[start : start + size].tolist()
                start += size
                ids = self._decide(prompt, constrained=grammars[number] is not None)
                self._replies[slots[number]] = ids, lengths[number]
        for row, slot in zip(logits, slots, strict=False):
            self._say(row, *self._replies.get(slot, ([], 0)), lengths[slots.index(slot)])
        return output

    def _decide(self, prompt: list[int], *, constrained: bool) -> list[int]:
        """The ids to say to a prompt; none leave it to the weights."""
        text = self._tokenizer.decode(prompt, skip_special_tokens=False, spaces_between_special_tokens=False)
        found = answer(str(text), self._demo)
        if found is None or (constrained and not found.scripted):
            return []
        return [*self._tokenizer.encode(found.text, add_special_tokens=False), self._tokenizer.eos_token_id]

    def _say(self, logits: Any, ids: list[int], prompt_length: int, length: int) -> None:
        at = length - prompt_length
        if ids:
            logits.fill_(NOT_SAID)
            logits[ids[at] if 0 <= at < len(ids) else ids[-1]] = SAID


EntryClass = LlamaForCausalLM
