"""Make a vLLM server generate a given text, token by token, whatever its weights would generate.

    vllm serve MODEL --logits-processors dynamo_parsers.vllm.scripted:ScriptedReply

For demos and tests. The text is the first of these that is there:
1. `vllm_xargs: {"script": "text"}` of the request, or `{"script_ids": [1, 2]}`;
2. the last user message: the text between `<<<SCRIPT` and `SCRIPT>>>`, for clients that cannot add a field;
3. with a demo model (`dynamo-parsers demo-model`): the reply that `dynamo_parsers.demo.answer` makes up.

Without any of these the model samples as usual.

Rules:
- Markers in a script become their single token ids. `vllm_xargs: {"script_split": 1}` writes all other text
  one character at a time.
- The end-of-turn token is forced after a script, so the reply ends with `stop`; `{"script_free_tail": 1}`
  lets the model go on instead. That token inside a script ends the reply there, unless the request says
  `ignore_eos`.
- Structured output masks the logits first, but a script is generated all the same: if it breaks the grammar,
  vLLM fails the request. A reply that a demo model makes up gives way to the grammar instead.
- It is loaded by the flag above only: an entry point would load it into every server of every
  user. vLLM refuses it together with speculative decoding, and it needs the V1 model runner
  (`VLLM_USE_V2_MODEL_RUNNER=0`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from vllm.sampling_params import SamplingParams
from vllm.v1.sample.logits_processor import AdapterLogitsProcessor

from ..demo.answer import answer
from ..demo.model import DemoModel

if TYPE_CHECKING:
    import torch

    from vllm.config import VllmConfig

MINUS_INFINITY = float("-inf")


class ScriptedReply(AdapterLogitsProcessor):
    def __init__(self, vllm_config: VllmConfig, device: torch.device, is_pin_memory: bool) -> None:
        super().__init__(vllm_config, device, is_pin_memory)
        config = vllm_config.model_config
        self._tokenizer = AutoTokenizer.from_pretrained(
            config.tokenizer, revision=config.tokenizer_revision, trust_remote_code=config.trust_remote_code
        )
        self._demo = DemoModel.read(Path(config.model))

    @classmethod
    def validate_params(cls, sampling_params: SamplingParams) -> None:
        given = sampling_params.extra_args or {}
        script = given.get("script", "")
        # JSON may hold a lone surrogate, but no tokenizer accepts one, and an error there would end the engine.
        if not isinstance(script, str) or re.search("[\ud800-\udfff]", script):
            raise ValueError("vllm_xargs.script must be a string of Unicode characters")
        ids = given.get("script_ids", [])
        if not isinstance(ids, list) or not all(isinstance(i, int) for i in ids):
            raise ValueError("vllm_xargs.script_ids must be a list of token ids")

    def is_argmax_invariant(self) -> bool:
        return False  # so that it is called for greedy requests too

    def new_req_logits_processor(
        self, params: SamplingParams
    ) -> Callable[[list[int], list[int], torch.Tensor], torch.Tensor]:
        return _Reply(self._tokenizer, self._demo, params.extra_args or {})


class _Reply:
    """One request: decides its script at the first call, and forces one token per call."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, demo: DemoModel | None, given: dict[str, object]) -> None:
        self._tokenizer = tokenizer
        self._demo = demo
        self._given = given
        self._script: tuple[list[int], bool] | None = None

    # vLLM passes the prompt as the first argument only to a function with three parameters.
    def __call__(self, prompt_ids: list[int], output_ids: list[int], logits: torch.Tensor) -> torch.Tensor:
        if self._script is None:
            self._script = self._decide(prompt_ids)
        ids, scripted = self._script
        position = len(output_ids)
        if position < len(ids) and 0 <= ids[position] < len(logits):
            if not scripted and logits[ids[position]] == MINUS_INFINITY:
                self._script = [], False  # the grammar forbids the token: the model generates the rest
                return logits
            logits.fill_(MINUS_INFINITY)
            logits[ids[position]] = 0.0
        return logits

    def _decide(self, prompt_ids: list[int]) -> tuple[list[int], bool]:
        """Return the token ids to generate, and whether they are forced against a grammar."""
        given = self._given.get("script_ids")
        if isinstance(given, list):
            return self._ended(given), True
        text = self._given.get("script")
        if isinstance(text, str):
            return self._ended(self._encode(text)), True
        prompt = self._tokenizer.decode(prompt_ids, skip_special_tokens=False, spaces_between_special_tokens=False)
        found = answer(str(prompt), self._demo)
        return (self._ended(self._encode(found.text)), found.scripted) if found else ([], False)

    def _ended(self, ids: list[int]) -> list[int]:
        return ids if self._given.get("script_free_tail") else [*ids, self._tokenizer.eos_token_id]

    def _encode(self, text: str) -> list[int]:
        if not self._given.get("script_split"):
            return list(self._tokenizer.encode(text, add_special_tokens=False))
        markers = sorted(self._tokenizer.get_added_vocab(), key=len, reverse=True)
        # One marker, or any one character.
        units = re.findall("|".join([*map(re.escape, markers), "(?s:.)"]), text)
        return [i for unit in units for i in self._tokenizer.encode(unit, add_special_tokens=False)]
