"""vLLM's own parser tests, run against our classes: what fails is listed here with the reason, and nothing else may.

vLLM's newest sources and tests come from its source release (`make vllm-next`); if that cannot be had the tests
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

from effort import some

pytestmark = [pytest.mark.peer, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
VERSION = "0.33.0"
TREE = (ROOT / ".cache" / f"vllm-{VERSION}").resolve()
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
            *("jamba", "llama3_json", "gemma4", "apertus", "dots", "ernie45_moe", "functiongemma", "gigachat3"),
            *("granite", "granite4", "granite_20b_fc", "hunyuan_a13b", "hy_v3", "internlm2", "k2_horizon", "lfm2"),
            *("llama4_pythonic", "longcat", "minicpm5xml", "olmo3", "phi4mini", "poolside_v1", "pythonic"),
            *("step3", "step3p5", "xlam"),
        )
    },
    **{
        f"test_{family}_reasoning_parser.py": f"tests/reasoning/test_{family}_reasoning_parser.py"
        for family in (
            *("deepseekr1", "glm4_moe", "minimax_m2", "minimax_m2_append", "nemotron_v3"),
            *("deepseekv3", "ernie45", "granite", "granite_thinking", "holo2", "hunyuan", "hy_v3", "k2_horizon"),
            *("olmo3", "step3"),
        )
    },
}
ASKED = some([*FILES], 4)

# Reasons. The text in quotation marks is the contract's.

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
GRAMMAR = "a grammar of the markup holds the choice; the test wants none"
CUT = '"Cut opener": the beginning of a call in which the reply ends is dropped'
STRAY = '"Stray closers": a closer of reasoning that nothing opened is dropped'
FORWARDED = '"Names are forwarded as written", also those that no tool has'
AS_WRITTEN = '"The JSON text": the arguments of a JSON call are sent as the model wrote them, and not typed again'
ANY_FORM = "a call counts in each form that the family has, whatever form the request asked for"
STREAMS = "the arguments are streamed as they are written, their first piece with the name"
SWAPPED = "the pair is of this plugin's stand-ins, which are not put together; vllm_peer_replay.py has such replies"
REUSED = "one parser is fed several replies, one after the other; a server makes one a reply"
FED_LATE = "the text before the delta is told and was not fed: ours read what they are fed"
FORCED = "a server without a grammar for this choice forces JSON, as vLLM's own default does; the test wants none"
DETOKENIZED = "a tokenizer's own characters for white space, which a detokenizer has replaced in a server"
BENCHMARK = '"Names are forwarded as written": the test renames functions of a benchmark'
NO_VALIDATION = "calls are not validated against the schema: a key that it does not have is the model's"
QUOTE = '"A quote closes where what follows can follow a string": here a bracket does, which Python leaves undecided'
PLAIN_SPACE = "white space alone is no reasoning"
AT_ONCE = "vLLM's server gives the template arguments to the constructor; the test gives them with the request only"

DIFFERENT: Mapping[str, Mapping[str, str]] = {
    "vllm_peer_common.py": {},
    "vllm_peer_replay.py": {
        "test_*[kimi_k2-empty-tool-block*]": NO_TOOLS,
        "test_*[kimi_k2-trailing-reasoning-whitespace*]": REASONING_SPACE,
        "test_*[qwen3-empty-tool-block*]": MENTION,
        "test_*[nemotron_v3-empty-tool-block*]": MENTION,
        "test_*[minimax_m2-empty-tool-block*]": MENTION,
        "test_*[granite_thinking_parser-empty-tool-block*]": MENTION,
        "test_*[mimo-empty-tool-block*]": MENTION,
        "test_*[plamo3-empty-tool-block*]": NO_TOOLS,
        "test_*[seed_oss-empty-tool-block*]": MENTION,
        "test_*[step3p5-empty-tool-block*]": MENTION,
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
        "test_hermes_parser_streaming_just_forward_text[*]": HELD,
        "test_hermes_parser_non_streaming_tool_call_invalid_json[*]": REPAIR,
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
    "test_glm47_moe_tool_parser.py": {},
    "test_glm4_moe_tool_parser.py": {},
    "test_minimax_m2_tool_parser.py": {
        "TestContentStreaming::test_content_before_tool_call": SPACE,
        "TestSingleInvoke::test_multiple_params": UNTYPED,
        "TestLargeChunks::test_header_and_params_in_separate_chunks": UNTYPED,
    },
    "test_deepseekv3_tool_parser.py": {"TestDeepSeekV3ToolParser::test_malformed_input[True]": REUSED},
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
    "test_apertus_tool_parser.py": {"TestStreamingExtraction::test_mtp_streaming_massive_chunk": SPACE},
    "test_dots_tool_parser.py": {
        "test_non_stream_unknown_tool_is_left_as_content": FORWARDED,
        "test_streaming_filters_unknown_tools_and_surfaces_content": FORWARDED,
        "test_streaming_malformed_block_does_not_block_later_valid_call": MENTION,
        "test_streaming_strips_stray_end_marker": MENTION,
        "test_streaming_flushes_partial_opening_marker_at_eof": CUT,
        "test_streaming_emits_complete_json_before_end_marker_without_duplication": STREAMS,
    },
    "test_ernie45_moe_tool_parser.py": {},
    "test_functiongemma_tool_parser.py": {
        "TestExtractToolCalls::test_single_tool_call": COMPACT,
        "TestParseArguments::*": INSIDE_VLLM,
        "TestAdjustRequest::test_skip_special_tokens_when_tool_choice_none": SPECIAL,
        "TestBufferDeltaText::*": INSIDE_VLLM,
    },
    "test_gigachat3_tool_parser.py": {},
    "test_granite_tool_parser.py": {},
    "test_granite4_tool_parser.py": {},
    "test_granite_20b_fc_tool_parser.py": {},
    "test_hunyuan_a13b_tool_parser.py": {
        "test_hunyuan_a13b_tool_parser_extract[*I will call the tool now. ]": SPACE,
        "test_hunyuan_a13b_tool_parser_extract[*Thank you!*]": KEPT,
    },
    "test_hy_v3_tool_parser.py": {},
    "test_internlm2_tool_parser.py": {},
    "test_k2_horizon_tool_parser.py": {
        "test_xml_default_parses_multiple_calls_and_coerces_schema": INSIDE_VLLM,
        "test_request_level_format_overrides[json*]": AS_WRITTEN,
        "test_number_schema_preserves_large_integer[True-*]": STREAMS,
        "test_invalid_request_format_rejected_before_generation[*]": ANY_FORM,
        "test_mismatched_formats_fail_closed[*]": ANY_FORM,
        "test_auto_required_and_named_use_ifm_parser[auto]": AS_WRITTEN,
        "test_auto_required_and_named_use_ifm_parser[required]": GRAMMAR,
        "test_auto_required_and_named_use_ifm_parser[tool_choice2]": GRAMMAR,
        "test_unknown_or_wrong_named_tool_fails_closed": FORWARDED,
        "test_character_split_streaming[*]": STREAMS,
        "test_streaming_flushes_incomplete_markup_as_content": CUT,
        "test_malformed_and_incomplete_input_is_content[*]": REPAIR,
        "test_named_tool_resolves_custom_choice": INSIDE_VLLM,
    },
    "test_lfm2_tool_parser.py": {
        "test_tool_call[nested_python_c_*]": QUOTE,
        "test_tool_call[leading_zero_int_*]": UNTYPED,
        "test_echoed_tool_call_body_not_leaked_to_content": KEPT,
        "test_adjust_request_disables_skip_special_tokens": SPECIAL,
        "test_regex_timeout_handling[False]": INSIDE_VLLM,
    },
    "test_llama4_pythonic_tool_parser.py": {"test_regex_timeout_handling[False]": INSIDE_VLLM},
    "test_longcat_tool_parser.py": {},
    "test_minicpm5xml_tool_parser.py": {
        "test_adjust_request_tool_choice_none": SPECIAL,
        "test_single_call_with_surrounding_text": KEPT,
        "test_multiple_calls_interleaved_text": KEPT,
        "test_tokenizer_space_marker": DETOKENIZED,
        "test_collapsed_param_tags_with_tokenizer_space_function": DETOKENIZED,
        "test_extract_tool_calls_streaming_tokenizer_space_marker": DETOKENIZED,
        "test_thinking_only_sentencepiece_normalized_in_content": DETOKENIZED,
        "test_unknown_tool_block_preserved": FORWARDED,
        "test_incomplete_missing_function_end": REPAIR,
        "test_duplicate_param_names_invalid": NO_VALIDATION,
        "test_case_sensitive_param_name_invalid": NO_VALIDATION,
        "test_properties_wrapped_arguments": WRAPPED,
        "test_wrapped_arguments_still_validate_schema": NO_VALIDATION,
        "test_extra_arguments_*": NO_VALIDATION,
        "test_zero_arg_tool_ignores_extra_arguments": NO_VALIDATION,
        "test_alias_*": BENCHMARK,
    },
    "test_olmo3_tool_parser.py": {"test_regex_timeout_handling[False]": INSIDE_VLLM},
    "test_phi4mini_tool_parser.py": {"TestPhi4MiniToolParser::test_malformed_input[True]": REUSED},
    "test_poolside_v1_tool_parser.py": {
        "test_*_skips_structured_outputs_*": FORCED,
        "test_auto_still_keeps_special_tokens": NOT_SPECIAL,
        "test_streaming_responses_request_*": INSIDE_VLLM,
    },
    "test_pythonic_tool_parser.py": {"test_regex_timeout_handling[False]": INSIDE_VLLM},
    "test_step3_tool_parser.py": {},
    "test_step3p5_tool_parser.py": {
        "test_extract_tool_calls_streaming_incremental": STREAMS,
        "test_extract_tool_calls_non_streaming_mixed_content_and_multiple_tool_calls": KEPT,
    },
    "test_xlam_tool_parser.py": {
        "test_preprocess_model_output": INSIDE_VLLM,
        "test_streaming_with_list_structure": INSIDE_VLLM,
        "test_extract_tool_calls_streaming_incremental[*]": STREAMS,
    },
    "test_deepseekv3_reasoning_parser.py": {
        "test_parser_selection[*]": INSIDE_VLLM,
        "test_count_reasoning_tokens_delegates[False-0]": AT_ONCE,
    },
    "test_ernie45_reasoning_parser.py": {},
    "test_granite_reasoning_parser.py": {"test_streaming_subcases[*]": FED_LATE},
    "test_granite_thinking_reasoning_parser.py": {
        "test_granite_thinking_disabled_*": AT_ONCE,
        "test_granite_thinking_force_nonempty_*": AT_ONCE,
        "test_granite_thinking_streaming_*": AT_ONCE,
    },
    "test_holo2_reasoning_parser.py": {
        "test_parser_selection[*]": INSIDE_VLLM,
        "test_holo2_default_parser_is_deepseekr1": INSIDE_VLLM,
        "test_reasoning[thinking_disabled_with_close_tag*]": STRAY,
    },
    "test_hunyuan_reasoning_parser.py": {"test_reasoning[*]": REASONING_SPACE},
    "test_hy_v3_reasoning_parser.py": {
        "test_reasoning[with_reasoning_effort_none*]": OUTSIDE,
        "test_constructor_*": INSIDE_VLLM,
    },
    "test_k2_horizon_reasoning_parser.py": {
        "test_reasoning_effort_*": INSIDE_VLLM,
        "test_invalid_reasoning_effort_raises[*]": ANY_FORM,
        "test_character_split_reasoning_stream[*]": PLAIN_SPACE,
        "test_latest_boundary_controls_reasoning_state": INSIDE_VLLM,
        "test_composed_streaming_reasoning_to_tool_handoff": SWAPPED,
    },
    "test_olmo3_reasoning_parser.py": {"test_reasoning[*]": START_SPACE},
    "test_step3_reasoning_parser.py": {"test_count_reasoning_tokens_stops_at_think_end": INSIDE_VLLM},
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
            *("-c", os.devnull, "--rootdir", str(TREE), "-q", "--tb=no", *(FILES[file] for file in ASKED)),
        ],
        cwd=TREE,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*path, os.environ.get("PYTHONPATH", "")]),
            "VLLM_PEER_REPORT": str(report),
            "HF_HUB_OFFLINE": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if not report.exists():
        pytest.fail(f"vLLM's tests did not run:\n{run.stdout[-3000:]}")
    by_file: dict[str, dict[str, str]] = {name: {} for name in ASKED}
    for test, outcome in json.loads(report.read_text(encoding="utf-8")).items():
        file, _, name = test.partition("::")
        by_file[file][name] = outcome
    return by_file


def matches(pattern: str, name: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name) is not None


@pytest.mark.parametrize("file", ASKED)
def test_file(file: str, outcomes: dict[str, dict[str, str]]) -> None:
    found, different = outcomes[file], DIFFERENT[file]
    assert "passed" in found.values(), f"nothing of {file} ran"
    failed = {name for name, outcome in found.items() if outcome == "failed"}
    unexplained = sorted(name for name in failed if not any(matches(pattern, name) for pattern in different))
    assert not unexplained
    stale = sorted(pattern for pattern in different if not any(matches(pattern, name) for name in failed))
    assert not stale, "these pass by now"
