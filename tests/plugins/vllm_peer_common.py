"""vLLM's common suite for tool parsers, told what our families write. Run by test_vllm_peers.py.

`xfail` marks what a test of that suite takes for granted and vLLM's server does not: that a parser is never
told the end of the stream.
"""

from __future__ import annotations

import json

import pytest
from tests.tool_parsers.common_tests import ToolParserTestConfig, ToolParserTests

DATA = {
    "string_field": "hello",
    "int_field": 42,
    "float_field": 3.14,
    "bool_field": True,
    "null_field": None,
    "array_field": ["a", "b"],
    "object_field": {"nested": "value"},
}
ESCAPED = {"quoted": 'He said "hi"', "path": "C:\\x", "newline": "a\nb"}
PROSE = "The weather is nice."


def kimi_k2(*calls: tuple[str, dict[str, object]]) -> str:
    written = "".join(
        f"<|tool_call_begin|>functions.{name}:{number}<|tool_call_argument_begin|>{json.dumps(arguments)}"
        "<|tool_call_end|>"
        for number, (name, arguments) in enumerate(calls)
    )
    return f"<|tool_calls_section_begin|>{written}<|tool_calls_section_end|>"


def hermes(*calls: tuple[str, dict[str, object]]) -> str:
    return "\n".join(
        f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>" for name, arguments in calls
    )


def qwen3_coder(*calls: tuple[str, dict[str, object]]) -> str:
    return "\n".join(
        f"<tool_call>\n<function={name}>\n"
        + "".join(
            f"<parameter={key}>\n{value if isinstance(value, str) else json.dumps(value)}\n</parameter>\n"
            for key, value in arguments.items()
        )
        + "</function>\n</tool_call>"
        for name, arguments in calls
    )


WRITTEN = {"kimi_k2": kimi_k2, "hermes": hermes, "qwen3_coder": qwen3_coder}

MALFORMED = {
    "kimi_k2": [
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0",
        "<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{not json}<|tool_call_end|>",
        "<|tool_calls_section_end|>",
    ],
    "hermes": [
        "<tool_call>{not json}</tool_call>",
        '<tool_call>{"name": "f"',
        "</tool_call>",
        "<tool_call></tool_call>",
    ],
    "qwen3_coder": ["<tool_call><function=f", "<function=f><parameter=a", "</function></tool_call>"],
}


class _Common(ToolParserTests):
    family: str

    @pytest.fixture
    def test_config(self) -> ToolParserTestConfig:
        write = WRITTEN[self.family]
        weather: tuple[str, dict[str, object]] = ("get_weather", {"city": "Tokyo"})
        return ToolParserTestConfig(
            parser_name=f"dynamo_{self.family}",
            no_tool_calls_output=PROSE,
            single_tool_call_output=write(weather),
            parallel_tool_calls_output=write(weather, ("get_time", {"timezone": "Asia/Tokyo"})),
            various_data_types_output=write(("f", DATA)),
            empty_arguments_output=write(("refresh", {})),
            surrounding_text_output=f"{PROSE}\n{write(weather)}\n{PROSE}",
            escaped_strings_output=write(("f", ESCAPED)),
            malformed_input_outputs=MALFORMED[self.family],
            allow_empty_or_json_empty_args=False,
        )


class TestKimiK2(_Common):
    family = "kimi_k2"


class TestHermes(_Common):
    family = "hermes"


class TestQwen3Coder(_Common):
    family = "qwen3_coder"
