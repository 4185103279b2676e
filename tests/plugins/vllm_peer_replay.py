"""vLLM's replay suite over our pairs: its traces, its cuttings, its expectations. Run by test_vllm_peers.py.

The traces are made, and checked against vLLM's own engine, by `tests/parser/engine/trace_builder.py`.
"""

from __future__ import annotations

from typing import Any

import pytest
from dynamo_parsers.registry import reasoning_row, tool_parser_names
from pydantic import TypeAdapter
from tests.parser.engine.replay_harness import (
    CHUNK_SIZES,
    DUMMY_TOOLS,
    _test_request,
    assert_no_terminal_leakage,
    assert_parse_output,
    collect_output,
    make_mock_tokenizer,
    parse_non_streaming,
    replay_streaming,
    replay_with_text_holdback,
)
from tests.parser.engine.trace_builder import build_samples
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionToolsParam
from vllm.parser import ParserManager

PAIRS = {
    "kimi_k2": ("kimi_k2", "kimi_k25"),
    "qwen3": ("qwen3_coder", "qwen3"),
    "nemotron_v3": ("nemotron_nano", "nemotron_nano"),
    "glm47_moe": ("glm47", "glm45"),
    "minimax_m2": ("minimax_m2", "minimax_m2"),
    "deepseek_v32": ("deepseek_v3_2", "deepseek_v3_2"),
    "deepseek_v4": ("deepseek_v4", "deepseek_v4"),
    "deepseek_v41": ("deepseek_v41", "deepseek_v41"),
    "granite": ("granite", "granite"),
    "granite_thinking_parser": ("qwen3_coder", "granite_thinking_parser"),
    "mimo": ("mimo", "mimo"),
    "minimax_m3": ("minimax_m3", "minimax_m3"),
    "plamo3": ("plamo3", "plamo3"),
    "seed_oss": ("seed_oss", "seed_oss"),
    "step3p5": ("step3p5", "step3p5"),
}
"""vLLM's name of a family's traces: our parsers."""

OPENERS = {reasoning_row(reasoning).open for _, reasoning in PAIRS.values()}

TOOLS = TypeAdapter(list[ChatCompletionToolsParam])


def composed(tool: str, reasoning: str) -> Any:
    """What vLLM's server makes of the two names."""
    return ParserManager.get_parser(f"dynamo_{tool}", f"dynamo_{reasoning}", enable_auto_tools=True)


SAMPLES = [
    pytest.param(composed(*pair), sample, id=sample.id)
    for family, pair in PAIRS.items()
    if pair[0] in tool_parser_names()
    for sample in build_samples(family)
]
every_sample = pytest.mark.parametrize(("made", "sample"), SAMPLES)


def prompt_of(sample: Any) -> list[int]:
    """The prompt of a trace. If it is left out, vLLM's engines start inside reasoning; a server's prompt shows it."""
    if sample.prompt_token_ids is not None:
        return list(sample.prompt_token_ids)
    openers = [sample.vocab[opener] for opener in OPENERS if opener in sample.vocab]
    return openers[:1] if sample.expected_reasoning else []


def parser_for(made: Any, sample: Any) -> Any:
    tools = TOOLS.validate_python(sample.tools) if sample.tools else None
    return made(make_mock_tokenizer(sample), tools, chat_template_kwargs=sample.chat_template_kwargs)


@pytest.mark.parametrize("size", CHUNK_SIZES)
@pytest.mark.parametrize("held", [0, 6, 24])
@every_sample
def test_stream(made: Any, sample: Any, size: int | None, held: int) -> None:
    deltas = replay_streaming(
        parser_for(made, sample),
        sample.tokens,
        chunk_size=size,
        holdback_chars=held,
        finished_on_last=True,
        tools=sample.tools,
        prompt_token_ids=prompt_of(sample),
    )
    assert_parse_output(collect_output(deltas), sample)


@pytest.mark.parametrize("delay", [1, 2, 3])
@every_sample
def test_text_behind_ids(made: Any, sample: Any, delay: int) -> None:
    deltas = replay_with_text_holdback(
        parser_for(made, sample),
        sample.tokens,
        text_delay=delay,
        tools=sample.tools,
        prompt_token_ids=prompt_of(sample),
    )
    assert_parse_output(collect_output(deltas), sample)


@every_sample
def test_one_shot(made: Any, sample: Any) -> None:
    parser = parser_for(made, sample)
    parser.set_prompt_token_ids(prompt_of(sample))
    assert_parse_output(parse_non_streaming(parser, sample, _test_request(tools=sample.tools)), sample)


@every_sample
def test_tool_choice_none(made: Any, sample: Any) -> None:
    parser = parser_for(made, sample)
    parser.set_prompt_token_ids(prompt_of(sample))
    request = _test_request(tools=DUMMY_TOOLS)
    request.tool_choice = "none"
    output = parse_non_streaming(parser, sample, request)
    assert output.tool_calls == []
    assert_no_terminal_leakage(output, sorted(sample.vocab))
