"""The places in SGLang that this plugin needs, and what is lost without each."""

from __future__ import annotations

from dynamo_parsers.engines.places import Place, Version

NEWEST: Version = (0, 5, 23)
"""The newest SGLang that this was tested with."""

_CALLS = "sglang.srt.function_call"
_CHAT = "sglang.srt.entrypoints.openai.serving_chat:OpenAIServingChat"
_RESPONSES = "sglang.srt.entrypoints.openai.serving_responses:OpenAIServingResponses"
_UNTOLD = "parsers are not told the request: reasoning and calls are read apart"

PLACES: tuple[Place, ...] = (
    Place((f"{_CALLS}.function_call_parser:FunctionCallParser.ToolCallParserEnum",), "our tool parsers have no names"),
    Place(("sglang.srt.parser.reasoning_parser:ReasoningParser.DetectorMap",), "our reasoning parsers have no names"),
    Place(
        ("sglang.srt.plugins.hook_registry:HookRegistry.register",),
        _UNTOLD,
        ("target", "hook", "hook_type"),
    ),
    Place(
        (f"{_CALLS}.base_format_detector:BaseFormatDetector.finish",),
        "a parser is not told that the reply has ended: what it holds then is lost",
    ),
    Place(
        (f"{_CALLS}.base_format_detector:BaseFormatDetector.get_required_tool_parser",),
        "SGLang reads the JSON of a forced call itself, and not as the parser would",
    ),
    Place(
        (f"{_CALLS}.base_format_detector:BaseFormatDetector.parses_without_tools",),
        "frames and turn ends stay in content if a request has no tools, and a forced call is JSON",
        since=(0, 5, 23),
    ),
    Place((f"{_CALLS}.utils:get_json_schema_constraint",), "no parser of ours can be loaded"),
    Place((f"{_CHAT}.__init__",), "the first reply is read up to half a second later", ("tokenizer_manager",)),
    Place((f"{_CHAT}._process_messages",), f"special tokens may be missing, and {_UNTOLD}", ("request",)),
    Place((f"{_CHAT}._generate_chat_stream",), f"in a stream {_UNTOLD}", ("adapted_request", "request")),
    Place((f"{_CHAT}._handle_non_streaming_request",), f"in a whole reply {_UNTOLD}", ("adapted_request", "request")),
    Place((f"{_CHAT}._process_tool_call_id",), "calls do not have the ids that their markup gives"),
    Place(
        (f"{_CHAT}._tool_call_parsing_active",),
        "with tool_choice none the markup of calls is content",
    ),
    Place(
        ("sglang.srt.entrypoints.anthropic.serving:AnthropicServing._convert_response",),
        "in whole Messages the arguments of a cut call are lost, and logged",
        ("response",),
    ),
    Place(
        (f"{_RESPONSES}._tool_call_parsing_enabled",),
        "in streamed Responses with tool_choice none the markup of calls is content",
        since=(0, 5, 23),
    ),
    Place(
        (f"{_RESPONSES}._tool_parsing_active",),
        "in whole Responses with tool_choice none the markup of calls is content",
        since=(0, 5, 23),
    ),
    Place(("sglang.srt.server_args:ServerArgs.check_server_args",), "dynamo_auto chooses nothing"),
    Place(
        ("sglang.srt.environ:Envs.SGLANG_HTTP_SERVER_APP_PATH",),
        "HTTP workers (--tokenizer-worker-num) do not know our names",
        since=(0, 5, 23),
    ),
)
