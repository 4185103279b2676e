"""vLLM's own parser tests, run against our classes: what fails is listed here with the reason, and nothing else may.

vLLM's newest sources and tests come from its source release (`make vllm-next`); where that cannot be had the tests
are skipped. They run in a process of their own with the plugin `vllm_peer`, which puts our classes in place of vLLM's.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

pytest.importorskip("vllm")

pytestmark = [pytest.mark.peer, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
VERSION = "0.33.0"
TREE = ROOT / ".cache" / f"vllm-{VERSION}"
HERE = Path(__file__).resolve().parent

FILES = {
    "vllm_peer_common.py": str(HERE / "vllm_peer_common.py"),
    "vllm_peer_replay.py": str(HERE / "vllm_peer_replay.py"),
    "test_kimi_k2_tool_parser.py": "tests/tool_parsers/test_kimi_k2_tool_parser.py",
    "test_qwen3coder_tool_parser.py": "tests/tool_parsers/test_qwen3coder_tool_parser.py",
    "test_hermes_tool_parser.py": "tests/tool_parsers/test_hermes_tool_parser.py",
    "test_kimi_k2_reasoning_parser.py": "tests/reasoning/test_kimi_k2_reasoning_parser.py",
    "test_qwen3_reasoning_parser.py": "tests/reasoning/test_qwen3_reasoning_parser.py",
    **{
        f"test_{family}_tool_parser.py": f"tests/tool_parsers/test_{family}_tool_parser.py"
        for family in (
            *("glm47_moe", "glm4_moe", "minimax_m2", "deepseekv3", "deepseekv31", "deepseekv32", "deepseekv4"),
            *("jamba", "llama3_json", "gemma4"),
        )
    },
    **{
        f"test_{family}_reasoning_parser.py": f"tests/reasoning/test_{family}_reasoning_parser.py"
        for family in ("deepseekr1", "glm4_moe", "minimax_m2", "minimax_m2_append", "nemotron_v3")
    },
}

# Reasons. What stands in quotation marks is the contract.

SPACE = '"White space is content only between two pieces of content": it is dropped before a call that ends the reply'
HELD = '"... and held until that is known": the delta after it has it'
OUTSIDE = (
    'no opener, and a prompt that says nothing: "then the format\'s default", which is outside for this parser; a '
    "server's prompt says where the reply starts"
)
MENTION = '"what stops fitting is released verbatim as content (in open reasoning: as reasoning)"'
NO_TOOLS = '"No tools in the request: no call is returned, call markup stays in content verbatim"'
REASONING_SPACE = '"nothing trimmed inside it": white space before the closer is reasoning'
NAMES = '"Names are forwarded as written", an id without a number is a name'
KEPT = '"Text before, between and after calls is kept, in both modes"'
REPAIR = 'repaired: "missing closing brackets are added where a marker or the end follows a finished value"'
INSIDE_VLLM = "looks at attributes of vLLM's own engine"
MOCK = "the request is a mock without the field `parallel_tool_calls`, which every request has"
SPECIAL = (
    '"call markup stays in content verbatim", so its special tokens are kept without tools and with choice "none" too'
)
START_SPACE = (
    'white space "is dropped at the start and the end of the reply", "and between reasoning and the first content"'
)
NULL = '"Content or reasoning of only white space is null", and so is none at all'
MARKUP_TYPES = '"Where the markup types the value (DSML `string=`, ...) the markup decides"'
NUMBERS = "a number stays as the model wrote it: 5.0 does not become 5"
UNTYPED = 'no schema in that request: "undeclared: JSON if it is an object, array, number, ..."'
COMPACT = '"The other formats build compact JSON"; the test compares text'
SECTIONS = '"All section names of one family (singular, plural, older, newer) are read by each of its formats"'
WRAPPED = 'a parameter is what its tag says: "Never an invented value"'
BARE = (
    '"Calls without any marker count only where the format writes them so (at the start of the reply or of a line ...)"'
)
TRUNCATED = '"What was streamed stands and the argument text stays open"'
DOUBTFUL = '"Doubtful calls": the call waits for the end of the reply, which the test does not give'
NOT_SPECIAL = "the markers of this family are no special tokens, so nothing is to be kept"
EXPECTED = "an expected failure of vLLM's parser (xfail, strict), which does not fail with ours"
AT_ONCE = "vLLM's server gives the template arguments to the constructor; the test gives them with the request only"

DIFFERENT: Mapping[str, Mapping[str, str]] = {
    "vllm_peer_common.py": {},
    "vllm_peer_replay.py": {
        "test_*[kimi_k2-empty-tool-block*]": NO_TOOLS,
        "test_*[kimi_k2-trailing-reasoning-whitespace*]": REASONING_SPACE,
        "test_*[qwen3-empty-tool-block*]": MENTION,
        "test_*[nemotron_v3-empty-tool-block*]": MENTION,
        "test_*[minimax_m2-empty-tool-block*]": MENTION,
        "test_*[deepseek_v32-content-only*]": OUTSIDE.replace("outside", "inside"),
        "test_*[deepseek_v32-empty-tool-block*]": OUTSIDE.replace("outside", "inside"),
    },
    "test_kimi_k2_tool_parser.py": {
        "TestExtractToolCalls::test_extract_tool_calls[*]": SPACE,
        "TestExtractToolCalls::test_invalid_funcall_id_skipped": NAMES,
        "TestStreamingEdgeCases::test_content_after_tool_section": KEPT,
        "TestAdjustRequest::test_sets_skip_special_tokens_false": MOCK,
        "TestAdjustRequest::test_no_change_when_tool_choice_none": MOCK,
        "TestAdjustRequest::test_no_change_when_no_tools": SPECIAL,
    },
    "test_qwen3coder_tool_parser.py": {},
    "test_hermes_tool_parser.py": {
        "test_hermes_parser_streaming_just_forward_text[llama]": HELD,
        "test_hermes_parser_non_streaming_tool_call_invalid_json[llama]": REPAIR,
    },
    "test_kimi_k2_reasoning_parser.py": {
        "test_extract_reasoning_tool_section_ends_reasoning": MENTION,
        "test_streaming_reasoning_then_content": INSIDE_VLLM,
        "test_streaming_tool_section_ends_reasoning": INSIDE_VLLM,
    },
    "test_qwen3_reasoning_parser.py": {
        "test_reasoning[*-tool_call_with_think_no_end_stream]": DOUBTFUL,
        "test_reasoning[*-without_start_token_stream]": OUTSIDE,
        "test_reasoning[*-without_start_token_complete_reasoning_stream]": OUTSIDE,
        "test_reasoning[*-without_think]": OUTSIDE,
        "test_reasoning[*-without_think_stream]": OUTSIDE,
        "test_reasoning[*-truncated_no_start_token]": OUTSIDE,
        "test_reasoning[*-truncated_no_start_token_stream]": OUTSIDE,
        "test_reasoning[*-tool_call_no_think_end]": OUTSIDE,
        "test_reasoning[*-tool_call_no_think_end_stream]": OUTSIDE,
        "test_reasoning_streaming_multi_token_deltas[*-end_token_grouped_with_content]": OUTSIDE,
        "test_reasoning_streaming_multi_token_deltas[*-no_start_end_grouped_with_content]": OUTSIDE,
        "test_reasoning_streaming_multi_token_deltas[*-tool_call_implicit_reasoning_end]": OUTSIDE,
    },
    "test_glm47_moe_tool_parser.py": {
        "TestGlm47ExtractToolCalls::test_namespace_tool_call_round_trip_to_responses_output": COMPACT,
    },
    "test_glm4_moe_tool_parser.py": {},
    "test_minimax_m2_tool_parser.py": {
        "TestContentStreaming::test_content_before_tool_call": SPACE,
        "TestSingleInvoke::test_multiple_params": UNTYPED,
        "TestLargeChunks::test_header_and_params_in_separate_chunks": UNTYPED,
    },
    "test_deepseekv3_tool_parser.py": {
        "TestDeepSeekV3ToolParser::test_malformed_input[False]": EXPECTED,
    },
    "test_deepseekv31_tool_parser.py": {
        "test_extract_tool_calls_with_multiple_tools": KEPT,
    },
    "test_deepseekv32_tool_parser.py": {
        "TestDelimiterPreservation::test_delimiter_preserved_fast_detokenization": SPACE,
        "TestDelimiterPreservation::test_tool_detection_skip_special_tokens_false": NOT_SPECIAL,
        "TestExtractToolCalls::test_content_before_tool_call": SPACE,
        "TestExtractToolCalls::test_null_coerced_back_to_string_by_schema": MARKUP_TYPES,
        "TestExtractToolCalls::test_number_param": NUMBERS,
        "TestExtractToolCalls::test_string_attr_true_coerced_by_schema": MARKUP_TYPES,
        "TestExtractToolCalls::test_string_attr_true_coerced_by_composed_schema": MARKUP_TYPES,
        "TestExtractToolCallsStreaming::test_string_attr_true_coerced_by_schema_streaming": MARKUP_TYPES,
        "TestExtractToolCallsStreaming::test_streaming_matches_non_streaming_conversion_fallbacks": MARKUP_TYPES,
    },
    "test_deepseekv4_tool_parser.py": {
        "test_extract_tool_calls": SPACE,
        "test_function_calls_wrapper_is_not_recognized": SECTIONS,
    },
    "test_jamba_tool_parser.py": {
        "test_extract_tool_calls[single_tool_with_content]": START_SPACE,
        "test_extract_tool_calls_streaming[single_tool]": START_SPACE,
        "test_extract_tool_calls_streaming[single_tool_with_content]": START_SPACE,
        "test_extract_tool_calls_streaming[parallel_tools]": START_SPACE,
    },
    "test_llama3_json_tool_parser.py": {
        "test_extract_tool_calls_simple": BARE,
        "test_extract_tool_calls_multiple_json_with_surrounding_text": BARE,
        "test_regex_timeout_handling": INSIDE_VLLM,
    },
    "test_gemma4_tool_parser.py": {
        "TestExtractToolCalls::test_incomplete_tool_call": TRUNCATED,
        "TestStreamingExtraction::test_basic_streaming_single_tool": DOUBTFUL,
        "TestStreamingExtraction::test_streaming_does_not_duplicate_plain_text_after_tool_call": DOUBTFUL,
        "TestStreamingExtraction::test_streaming_empty_args": DOUBTFUL,
        "TestStreamingExtraction::test_streaming_html_argument_does_not_duplicate_tag_prefixes": DOUBTFUL,
        "TestStreamingExtraction::test_streaming_multi_arg": DOUBTFUL,
        "TestStreamingExtraction::test_streaming_multi_chunk_batched_tool_calls": DOUBTFUL,
        "TestStreamingExtraction::test_streaming_name_no_call_prefix": DOUBTFUL,
        "TestStreamingExtraction::test_streaming_no_extra_brace": DOUBTFUL,
        "TestStreamingExtraction::test_streaming_no_unquoted_keys": DOUBTFUL,
        "TestStreamingExtraction::test_streaming_single_chunk_complete_tool_call": DOUBTFUL,
        "TestStreamingExtraction::test_streaming_split_delimiter_no_invalid_json": DOUBTFUL,
        "TestBareAndMalformedOpeners::test_malformed_no_brace_bounded": MENTION,
        "TestBareAndMalformedOpeners::test_malformed_then_well_formed": MENTION,
        "TestBareAndMalformedOpeners::test_bare_malformed_then_well_formed": MENTION,
        "TestBareAndMalformedOpeners::test_three_mixed_calls": MENTION,
    },
    "test_deepseekr1_reasoning_parser.py": {
        "test_reasoning[empty]": NULL,
        "test_reasoning[shortest_streaming]": NULL,
        "test_reasoning[shortest_with_think]": NULL,
        "test_reasoning[new_line]": REASONING_SPACE,
        "test_reasoning[new_line_streaming]": START_SPACE,
    },
    "test_glm4_moe_reasoning_parser.py": {
        "test_reasoning[without_think]": OUTSIDE,
        "test_reasoning[without_think_stream]": OUTSIDE,
        "test_reasoning[without_open_think_stream]": OUTSIDE,
        "test_glm53_template_forces_reasoning[*]": INSIDE_VLLM,
        "test_glm53_template_forces_reasoning_streaming": OUTSIDE,
        "test_glm47_template_honors_thinking_disable": INSIDE_VLLM,
    },
    "test_minimax_m2_reasoning_parser.py": {},
    "test_minimax_m2_append_reasoning_parser.py": {
        "test_reasoning[empty]": NULL,
    },
    "test_nemotron_v3_reasoning_parser.py": {
        "test_nemotron_v3_without_thinking_moves_into_content": AT_ONCE,
        "test_nemotron_v3_force_nonempty_content_moves_into_content": AT_ONCE,
        "test_nemotron_v3_streaming_promotes_reasoning_to_content": AT_ONCE,
    },
}
"""The tests of a file that fail (`*` stands for anything), and why they should."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What became of every test, by file."""
    if not (TREE / "done").exists():
        fetched = subprocess.run(
            [sys.executable, str(ROOT / ".ci" / "vllm_source.py"), VERSION, str(TREE)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if fetched.returncode:
            pytest.skip(f"the source release of vLLM {VERSION} cannot be had: {fetched.stdout[-300:]}")
    report = tmp_path_factory.mktemp("peer") / "outcomes.json"
    path = [str(TREE / "hybrid"), str(ROOT / "tests"), str(ROOT / "tests" / "support"), str(HERE)]
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "vllm_peer", "--noconftest", "-p", "no:cacheprovider"),
            *("-c", os.devnull, "--rootdir", str(TREE), "-q", "--tb=no", *FILES.values()),
        ],
        cwd=TREE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "VLLM_PEER_REPORT": str(report), "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if not report.exists():
        pytest.fail(f"vLLM's tests did not run:\n{run.stdout[-3000:]}")
    by_file: dict[str, dict[str, str]] = {name: {} for name in FILES}
    for test, outcome in json.loads(report.read_text(encoding="utf-8")).items():
        file, _, name = test.partition("::")
        by_file[file][name] = outcome
    return by_file


def matches(pattern: str, name: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name) is not None


@pytest.mark.parametrize("file", FILES)
def test_file(file: str, outcomes: dict[str, dict[str, str]]) -> None:
    found, different = outcomes[file], DIFFERENT[file]
    assert "passed" in found.values(), f"nothing of {file} ran"
    failed = {name for name, outcome in found.items() if outcome == "failed"}
    unexplained = sorted(name for name in failed if not any(matches(pattern, name) for pattern in different))
    assert not unexplained
    stale = sorted(pattern for pattern in different if not any(matches(pattern, name) for name in failed))
    assert not stale, "these pass by now"
