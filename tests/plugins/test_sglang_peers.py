"""SGLang's own tests of its parsers, run against our classes: what fails is listed with the reason, nothing else may.

They are no part of SGLang's releases. If the environment variable `SGLANG_SOURCE` names a source tree they run, in a
process of their own with the plugin `sglang_peer`; else they are skipped. The table is that of the tree of 20 August
2026 (the commit "Exclude SM120 from attn-res TMA dispatch"); files that another tree does not have are skipped.
"""

from __future__ import annotations

import fnmatch
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

pytest.importorskip("sglang")

SOURCE = os.environ.get("SGLANG_SOURCE")
TESTS = Path(SOURCE or "", "test/registered").resolve()
HERE = Path(__file__).resolve().parent

pytestmark = [
    pytest.mark.peer,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not SOURCE, reason="SGLang's tests are only in its source tree: set SGLANG_SOURCE to one"),
]

# Reasons. What stands in quotation marks is the contract.

BARE = '"Calls without any marker": in Pythonic only at the start of the reply or of a line, not in a sentence'
BUFFER = "looks at `_buffer`, which is SGLang's own state: our detectors hold no text there"
CERTAIN = '"Certain calls": a complete call in content counts; quotation is not looked at'
CLOSERS = '"Only closers missing": the last value is finished, so the call is complete'
COMPACT = '"Other formats are written as compact JSON"; the test compares text'
CUT = '"No other repair": what is wrong passes as it is, and the call is not complete'
ESCAPED = '"What a row needs": only SGLang reads an escaped array, or a backslash and an n as a line break'
FORWARDED = '"A hallucinated tool name at the end of a reply still reaches the client"'
HELD = '"Holding an opener": also one that has only begun; the test does not end the reply'
INDEX = "the number is that of the call in the reply, and not that of the tool in the request"
INSIDE = "looks at the state, at the methods or at the base classes of SGLang's own detector"
JOINED = '"Adjacent blocks are joined": with nothing between them'
KEPT = '"Text before, between and after calls is kept"'
MENTION = '"If it stops fitting, it is released verbatim": what is no call does not end reasoning, and is not dropped'
NAMES = '"A name is forwarded as the model wrote it": a bare number is a name, and no tool is guessed'
NO_ARGUMENTS = '"No arguments": they are `{}`'
NO_LEAKS = '"No markers in text": the opener is not in the reasoning'
NO_MARKER = "our detector says that there is a call if it finds one, not if it finds a marker"
NO_VALIDATION = "calls are not validated against the schema: a key that it lacks, or twice the same, is the model's"
OUTSIDE = '"Start": then by the format\'s default, which is inside for this parser'
OWN_CLOSER = '"It was data": the value goes on to its own closer'
PIECES = "counts or parses the pieces in which a call comes: ours are streamed as the model writes them"
SPACE = '"White space is content only between two pieces of content": it is dropped before a call that ends the reply'
START_SPACE = 'white space "is dropped at the start and at the end", "and between reasoning and the first content"'
STRINGS = "adds our half's results to each other as plain strings; a server hands each to the next half as it is"
TAGS = "asks for SGLang's own structural tags; ours come from the family's description, and are tested with it"
TRUNCATED = '"Cut calls": what was streamed stays'
UNFRAMED = '"Section names": a complete call without its section, or its message, is a call'

DIFFERENT: Mapping[str, Mapping[str, str]] = {
    "function_call/test_kimik2_detector.py": {
        "TestKimiK2BareCounterParsing::test_bare_counter_infers_by_args": INSIDE,
        "TestKimiK2BareCounterParsing::test_bare_counter_no_args_multiple_tools_returns_none": INSIDE,
        "TestKimiK2BareCounterParsing::test_bare_counter_no_tools_returns_none": INSIDE,
        "TestKimiK2BareCounterParsing::test_bare_counter_single_tool": INSIDE,
        "TestKimiK2BareCounterParsing::test_detect_and_parse_bare_counter": NAMES,
        "TestKimiK2BareCounterParsing::test_detect_and_parse_bare_counter_skips_unknown": FORWARDED,
        "TestKimiK2BareCounterParsing::test_infer_by_argument_overlap": INSIDE,
        "TestKimiK2BareCounterParsing::test_infer_empty_args_returns_none": INSIDE,
        "TestKimiK2BareCounterParsing::test_infer_malformed_json_returns_none": INSIDE,
        "TestKimiK2BareCounterParsing::test_infer_no_matching_props_returns_none": INSIDE,
        "TestKimiK2BareCounterParsing::test_infer_no_tools": INSIDE,
        "TestKimiK2BareCounterParsing::test_infer_single_tool": INSIDE,
        "TestKimiK2BareCounterParsing::test_standard_format_with_functions_prefix": INSIDE,
        "TestKimiK2BareCounterParsing::test_standard_format_without_functions_prefix": INSIDE,
        "TestKimiK2BareCounterParsing::test_streaming_bare_counter_single_tool": NAMES,
        "TestKimiK2BareCounterParsing::test_unexpected_format_returns_none": INSIDE,
        "TestKimiK2DetectorBasic::test_has_tool_call": NO_MARKER,
        "TestKimiK2DetectorSpecialTokenLeakage::test_no_leak_of_argument_begin_token": MENTION,
        "TestKimiK2DetectorStreaming::test_streaming_state_reset_after_completion": INSIDE,
        "TestKimiK2ReasoningDetectorStreaming::test_streaming_normal_think_then_tool_call": MENTION,
        "TestKimiK2ReasoningDetectorStreaming::test_streaming_partial_marker_buffering": INSIDE,
    },
    "function_call/test_kimik3_detector.py": {
        "test_detector_capabilities_and_registration": TAGS,
        "test_stream_end_reports_truncated_tools_section": INSIDE,
        "test_streaming_bookkeeping_for_serving_layer": INSIDE,
        "test_streaming_split_markers*": PIECES,
        "test_streaming_two_calls": PIECES,
    },
    "unit/function_call/test_deepseekv4_detector.py": {
        "TestDeepSeekV4Streaming::test_parse_error_neither_swallows_nor_duplicates": INSIDE,
    },
    "unit/function_call/test_function_call_parser.py": {
        "TestDeepSeekV32Detector::test_get_model_structural_tag": TAGS,
        "TestDeepSeekV3Detector::test_parse_streaming_multiple_tool_calls_with_multi_token_chunk": PIECES,
        "TestDeepSeekV4Detector::test_get_model_structural_tag": TAGS,
        "TestGemma4Detector::test_detect_and_parse": SPACE,
        "TestGemma4Detector::test_detect_and_parse_multiple_calls": KEPT,
        "TestGemma4Detector::test_detect_and_parse_unknown_tool_index": INDEX,
        "TestGemma4Detector::test_nested_array_streaming": PIECES,
        "TestGetStructureConstraint::test_kimi_required_strict_uses_tool_schema": TAGS,
        "TestGetStructureConstraint::test_kimi_structural_tag_has_kimi_tokens": TAGS,
        "TestGigaChat3Detector::test_detect_and_parse_arguments_not_dict": CUT,
        "TestGigaChat3Detector::test_detect_and_parse_function_call_marker_invalid_json": CUT,
        "TestGigaChat3Detector::test_detect_and_parse_invalid_json": CUT,
        "TestGigaChat3Detector::test_detect_and_parse_missing_arguments": NO_ARGUMENTS,
        "TestGigaChat3Detector::test_has_tool_call": NO_MARKER,
        "TestGlm47MoeDetector::test_array_argument_with_escaped_json": ESCAPED,
        "TestGlm47MoeDetector::test_invalid_tool_call": FORWARDED,
        "TestGlm47MoeDetector::test_multiple_tool_calls": COMPACT,
        "TestGlm47MoeDetector::test_partial_tool_call": COMPACT,
        "TestGlm47MoeDetector::test_single_tool_call": COMPACT,
        "TestGlm47MoeDetector::test_streaming_multiple_tool_calls": COMPACT,
        "TestGlm47MoeDetector::test_streaming_tool_call": COMPACT,
        "TestGlm47MoeDetector::test_tool_call_id": INSIDE,
        "TestGlm4MoeDetector::test_array_argument_with_escaped_json": ESCAPED,
        "TestGlm4MoeDetector::test_invalid_tool_call": FORWARDED,
        "TestGlm4MoeDetector::test_multiple_tool_calls": COMPACT,
        "TestGlm4MoeDetector::test_partial_tool_call": COMPACT,
        "TestGlm4MoeDetector::test_single_tool_call": COMPACT,
        "TestGlm4MoeDetector::test_streaming_multiple_tool_calls": COMPACT,
        "TestGlm4MoeDetector::test_streaming_tool_call": COMPACT,
        "TestGlm4MoeDetector::test_tool_call_id": INSIDE,
        "TestGptOssDetector::test_get_model_structural_tag": TAGS,
        "TestKimiK2Detector::test_tool_call_completion": INSIDE,
        "TestKimiK2Detector::test_tool_name_streaming": PIECES,
        "TestLfm2Detector::test_detect_and_parse_unknown_function": FORWARDED,
        "TestLfm2Detector::test_streaming_json_split_across_chunks": PIECES,
        "TestLfm2Detector::test_streaming_pythonic_split_across_chunks": PIECES,
        "TestLfm2Detector::test_structure_info": TAGS,
        "TestMistralDetector::test_streaming_compact_args_format_emits_tool_calls": PIECES,
        "TestPythonicDetector::test_parse_streaming_complete_tool_call": BARE,
        "TestPythonicDetector::test_parse_streaming_multiple_tool_calls": INSIDE,
        "TestPythonicDetector::test_parse_streaming_opening_bracket_only": BARE,
        "TestPythonicDetector::test_parse_streaming_partial_nested_brackets": BARE,
        "TestPythonicDetector::test_parse_streaming_partial_tool_call": BARE,
        "TestPythonicDetector::test_parse_streaming_text_after_tool_call": BARE,
        "TestPythonicDetector::test_parse_streaming_text_before_tool_call": SPACE,
        "TestPythonicDetector::test_parse_streaming_with_python_start_and_end_token": BARE,
        "TestQwen3CoderDetector::test_has_tool_call_detection": NO_MARKER,
        "TestQwen3CoderDetector::test_supports_structural_tag": TAGS,
    },
    "unit/function_call/test_glm47_moe_detector.py": {
        "TestGlm47MoeDetector::test_array_argument_with_escaped_json": ESCAPED,
        "TestGlm47MoeDetector::test_error_undefined_tool": FORWARDED,
        "TestGlm47MoeDetector::test_invalid_tool_call": FORWARDED,
        "TestGlm47MoeDetector::test_multiple_tool_calls": COMPACT,
        "TestGlm47MoeDetector::test_single_tool_call": COMPACT,
        "TestGlm47MoeDetector::test_streamed_raw_length_buffer_only_partial_tag": INSIDE,
        "TestGlm47MoeDetector::test_streaming_multiple_tool_calls": COMPACT,
        "TestGlm47MoeDetector::test_streaming_tool_call": COMPACT,
        "TestGlm4ComplexJsonSchema::test_complex_schema_type_inference_scenarios": INSIDE,
        "TestGlm4ComplexJsonSchema::test_expected_behavior_for_complex_schemas": INSIDE,
        "TestGlm4ComplexJsonSchema::test_get_argument_type_anyof_type": INSIDE,
        "TestGlm4ComplexJsonSchema::test_get_argument_type_oneof_type": INSIDE,
        "TestGlm4ComplexJsonSchema::test_get_argument_type_type_array": INSIDE,
        "TestGlm4ComplexJsonSchema::test_type_inference_issue_reproduction": INSIDE,
    },
    "unit/function_call/test_hermes_detector.py": {
        "TestHermesDetector::test_streaming_normal_text_before_tool": SPACE,
        "TestHermesDetector::test_streaming_text_then_tool_call": SPACE,
        "TestHermesDetector::test_structure_info": TAGS,
    },
    "unit/function_call/test_hermes_detector_finish.py": {
        "*::test_partial_tool_call_at_end_is_flushed": BUFFER,
    },
    "unit/function_call/test_hunyuan_detector.py": {
        "TestHunyuanDetectorDetectAndParse::test_mixed_known_and_unknown_tools": FORWARDED,
        "TestHunyuanDetectorDetectAndParse::test_three_parallel_tool_calls": INDEX,
        "TestHunyuanDetectorDetectAndParse::test_unknown_tool_skipped": FORWARDED,
        "TestHunyuanDetectorFunctionCallParser::test_has_tool_call_through_parser": NO_MARKER,
        "TestHunyuanDetectorHasToolCall::test_has_tool_call_partial_tag": NO_MARKER,
        "TestHunyuanDetectorHasToolCall::test_has_tool_call_with_surrounding_text": NO_MARKER,
        "TestHunyuanDetectorStreaming::test_streaming_name_comes_before_args": PIECES,
        "TestHunyuanDetectorStructureInfo::test_structure_info_content": TAGS,
    },
    "unit/function_call/test_llama32_detector.py": {
        "TestLlama32Detector::test_convert_invalid_string_returns_original": INSIDE,
        "TestLlama32Detector::test_convert_python_dict_to_json": INSIDE,
        "TestLlama32Detector::test_normal_text_before_python_tag": SPACE,
        "TestLlama32Detector::test_streaming_normal_text_before_tool": SPACE,
        "TestLlama32Detector::test_streaming_text_then_tool_call": SPACE,
        "TestLlama32Detector::test_structure_info": TAGS,
    },
    "unit/function_call/test_minicpm5_detector.py": {
        "test_case_sensitive_param_name_invalid_v3": NO_VALIDATION,
        "test_duplicate_param_names_invalid_v3": NO_VALIDATION,
        "test_incomplete_missing_function_end_v3": CLOSERS,
        "test_streaming_increment_v3": SPACE,
        "test_unknown_tool_block_preserved_v3": FORWARDED,
    },
    "unit/function_call/test_minimax_m3_detector.py": {
        "TestMinimaxM3LenientClosingTags::test_wrong_name_then_correct_one": OWN_CLOSER,
        "TestMinimaxM3Malformed::test_truncated_no_closing_tags": CLOSERS,
    },
    "unit/function_call/test_mistral_detector.py": {
        "TestMistralDetector::test_extract_json_array": INSIDE,
        "TestMistralDetector::test_extract_json_array_nested_brackets": INSIDE,
        "TestMistralDetector::test_extract_json_array_no_marker": INSIDE,
        "TestMistralDetector::test_json_array_with_invalid_json": MENTION,
        "TestMistralDetector::test_streaming_normal_text_before_tool": SPACE,
        "TestMistralDetector::test_streaming_text_then_tool_call": SPACE,
        "TestMistralDetector::test_structure_info": TAGS,
    },
    "unit/function_call/test_muse_glimmer_detector.py": {
        "TestMuseGlimmerDetector::test_interleaved_reasoning_blocks_join_with_newline": JOINED,
        "TestMuseGlimmerDetector::test_invoke_inside_final_answer_is_not_a_call": CERTAIN,
        "TestMuseGlimmerDetector::test_invoke_inside_truncated_reasoning_is_not_a_call": HELD,
        "TestMuseGlimmerDetector::test_multiline_parameter_value": PIECES,
        "TestMuseGlimmerDetector::test_parallel_tool_calls": PIECES,
        "TestMuseGlimmerDetector::test_pipeline_preamble_before_tool_call_streams": PIECES,
        "TestMuseGlimmerDetector::test_pipeline_quoted_header_in_answer_is_not_a_call": CERTAIN,
        "TestMuseGlimmerDetector::test_pipeline_quoted_invoke_stays_content": CERTAIN,
        "TestMuseGlimmerDetector::test_prose_opening_with_to_equals_does_not_stall": HELD,
        "TestMuseGlimmerDetector::test_single_tool_call": PIECES,
        "TestMuseGlimmerDetector::test_stream_end_flushes_partial_marker": STRINGS,
        "TestMuseGlimmerDetector::test_tool_call_then_final_answer": PIECES,
        "TestMuseGlimmerDetector::test_truncated_tool_channel_drops_partial_invoke": TRUNCATED,
        "TestMuseGlimmerDetector::test_unframed_atem_is_content_not_a_call": UNFRAMED,
        "TestMuseGlimmerDetector::test_whitespace_before_header_is_tolerated": PIECES,
    },
    "unit/function_call/test_parallel_tool_calls.py": {},
    "unit/function_call/test_poolside_v1_detector.py": {
        "TestPoolsideV1Detector::test_leading_text_extracted_as_normal": SPACE,
        "TestPoolsideV1Detector::test_streaming_text_before_tool_call": SPACE,
        "TestPoolsideV1Detector::test_structure_info": TAGS,
        "TestPoolsideV1Detector::test_truncated_post_value_emits_no_calls": CLOSERS,
        "TestPoolsideV1Detector::test_truncated_pre_value_emits_no_calls": TRUNCATED,
        "TestPoolsideV1Detector::test_unknown_tool_dropped": FORWARDED,
    },
    "unit/function_call/test_qwen3_coder_detector.py": {},
    "unit/function_call/test_unknown_tool_name.py": {},
    "unit/parser/test_kimik3_reasoning_parser.py": {},
    "unit/parser/test_reasoning_parser.py": {
        "TestDeepSeekR1Detector::test_init": INSIDE,
        "TestGemma4Detector::test_streaming_force_reasoning": INSIDE,
        "TestGemma4Detector::test_streaming_full_start_sequence": INSIDE,
        "TestGemma4Detector::test_streaming_self_label_split_across_chunks": INSIDE,
        "TestGlm45Detector::test_detect_and_parse_multiple_tool_calls_find": MENTION,
        "TestGlm45Detector::test_detect_and_parse_tool_interrupt": MENTION,
        "TestGlm45Detector::test_forced_reasoning_mode": MENTION,
        "TestGlm45Detector::test_streaming_empty_reasoning_with_tool": MENTION,
        "TestGlm45Detector::test_streaming_no_stream_reasoning": NO_LEAKS,
        "TestGlm45Detector::test_streaming_normal_flow": INSIDE,
        "TestGlm45Detector::test_streaming_tool_interrupt_split_tokens": MENTION,
        "TestHunyuanDetector::test_init": INSIDE,
        "TestHunyuanDetector::test_reasoning_parser_streaming": MENTION,
        "TestHunyuanDetector::test_streaming_after_interrupt_is_normal": MENTION,
        "TestHunyuanDetector::test_streaming_tool_interrupt": MENTION,
        "TestKimiDetector::test_streaming_kimi_format": INSIDE,
        "TestKimiK2Detector::test_detect_and_parse_tool_interrupt": MENTION,
        "TestKimiK2Detector::test_streaming_after_interrupt_is_normal": MENTION,
        "TestKimiK2Detector::test_streaming_tool_interrupt": MENTION,
        "TestNemotron3Detector::test_detect_and_parse_no_thinking": OUTSIDE,
        "TestPoolsideV1Registered::test_explicit_enable_thinking_default": INSIDE,
        "TestPoolsideV1Registered::test_registered_to_qwen3_subclass": INSIDE,
        "TestReasoningParser::test_glm45_tool_interruption": MENTION,
        "TestReasoningParser::test_kimik2_tool_interruption": MENTION,
        "TestReasoningParser::test_parse_non_stream_preserves_payload_whitespace": START_SPACE,
        "TestReasoningParser::test_parse_stream_chunk_preserves_payload_whitespace": START_SPACE,
        "TestReasoningParserAdvanced::test_continue_final_message_with_request": INSIDE,
        "TestReasoningParserAdvanced::test_detector_map_aliases": INSIDE,
        "TestReasoningParserAdvanced::test_force_nonempty_content_via_chat_template_kwargs": INSIDE,
    },
}
"""For each file under `test/registered` the tests that fail, with the reason."""


def test_their_tests_run(ran: Mapping[str, str]) -> None:
    assert ran, "no test of SGLang's ran"


@pytest.mark.parametrize("file", DIFFERENT)
def test_their_tests(file: str, ran: Mapping[str, str]) -> None:
    if not (TESTS / file).exists():
        pytest.skip(f"no {file} in this source tree")
    found = {name.partition("::")[2]: each for name, each in ran.items() if name.partition("::")[0].endswith(file)}
    assert any(each == "passed" for each in found.values()), f"{file} was not collected, or nothing in it passes"
    listed = {name for name in found if any(fnmatch.fnmatchcase(name, known) for known in DIFFERENT[file])}
    failed = {name for name, outcome in found.items() if outcome == "failed"}
    assert failed <= listed, f"not as SGLang's tests want it: {sorted(failed - listed)}"
    assert listed <= failed, f"listed, and passes now: {sorted(listed - failed)}"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The outcome of each of their tests."""
    report = tmp_path_factory.mktemp("sglang") / "outcomes.json"
    files = [str(TESTS / file) for file in DIFFERENT if (TESTS / file).exists()]
    command = [sys.executable, "-m", "pytest", "-p", "sglang_peer", "-p", "no:cacheprovider", "--import-mode=importlib"]
    paths = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [*command, "-q", "--tb=native", "--rootdir", str(TESTS), "-c", os.devnull, *files],
        env={**os.environ, "PYTHONPATH": paths, "SGLANG_PEER_REPORT": str(report)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    outcomes: Mapping[str, str] = json.loads(report.read_text(encoding="utf-8"))
    return outcomes
