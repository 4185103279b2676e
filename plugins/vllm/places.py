"""The places in vLLM that this plugin needs, and what is lost without each."""

from __future__ import annotations

from dynamo_parsers.engines.places import Place, Version

NEWEST: Version = (0, 33)
"""The newest vLLM that this was tested with."""

_OPENAI = "vllm.entrypoints.openai"
_FORCED = "a forced call and response_format do nothing to a model that does not think"

PLACES: tuple[Place, ...] = (
    Place(
        (
            "vllm.tool_parsers:ToolParserManager.register_lazy_module",
            "vllm.tool_parsers.abstract_tool_parser:ToolParserManager.register_lazy_module",
        ),
        "our tool parsers have no names",
    ),
    Place(
        (
            "vllm.reasoning:ReasoningParserManager.register_lazy_module",
            "vllm.reasoning.abs_reasoning_parsers:ReasoningParserManager.register_lazy_module",
        ),
        "our reasoning parsers have no names",
    ),
    Place(
        ("vllm.parser.parser_manager:ParserManager.get_parser",),
        "a reply is read by two parsers that know neither the request nor each other, and gpt-oss not at all",
        ("tool_parser_name", "reasoning_parser_name"),
    ),
    Place(
        ("vllm.parser.abstract_parser:DelegatingParser.parse_delta",),
        "streams are read by two parsers that know neither the request nor each other",
        ("delta_text", "request", "prompt_token_ids", "finished"),
    ),
    Place(
        ("vllm.parser.abstract_parser:DelegatingParser.parse",),
        "whole replies are read by two parsers that know neither the request nor each other",
        ("model_output", "request"),
    ),
    Place(
        ("vllm.entrypoints.generate.base.protocol:DeltaMessage",),
        "no parser of ours can be loaded",
    ),
    Place(
        (
            "vllm.renderers.chat_utils:make_tool_call_id",
            "vllm.renderers.chat_utils.tool_call:make_tool_call_id",
            "vllm.entrypoints.chat_utils:make_tool_call_id",
        ),
        "calls have ids of our own making",
    ),
    Place(
        ("vllm.tool_parsers.utils:get_function_tools",),
        "functions of a namespace and custom tools are not known to the parser",
        since=(0, 32),
    ),
    Place(
        ("vllm.parser.utils:count_history_tool_calls",),
        "numbered ids of calls begin at 0 in every reply",
    ),
    Place(
        ("vllm.envs:VLLM_ENFORCE_STRICT_TOOL_CALLING",),
        "the server's switch for structural tags is not seen",
    ),
    Place(
        ("vllm.tool_parsers.abstract_tool_parser:ToolParser.get_structural_tag",),
        "calls are not constrained to the model's own markup",
        ("request",),
    ),
    Place(
        ("vllm.parser.abstract_parser:DelegatingParser._apply_structural_tag",),
        "a request with strict tools costs a copy of each tool and of the grammar",
        ("request",),
    ),
    Place(
        (f"{_OPENAI}.chat_completion.protocol:ChatCompletionRequest._grammar_from_parser",),
        _FORCED,
    ),
    Place(
        ("vllm.renderers.online_renderer:OnlineRenderer.preprocess_chat",),
        f"how the prompt ended is not known: {_FORCED}",
        ("request", "parser"),
        until=(0, 33),
    ),
    Place(
        ("vllm.parser.abstract_parser:structured_outputs_to_format",),
        "response_format does nothing to a model that does not think",
    ),
    Place(
        ("vllm.sampling_params:check_json_nesting",),
        "a strict tool that nests too deep is an error in the stream, not HTTP 400",
        since=(0, 32),
    ),
    Place(
        ("vllm.exceptions:VLLMValidationError",),
        "a request that cannot be served may be HTTP 500, not 400",
    ),
    Place(
        (f"{_OPENAI}.chat_completion.serving:OpenAIServingChat.chat_completion_full_generator",),
        "a whole reply that was cut in a call says tool_calls, not length",
        until=(0, 33),
    ),
    Place(
        ("vllm.entrypoints.anthropic.serving:AnthropicServingMessages.messages_full_converter",),
        "a cut call in /v1/messages is HTTP 500",
    ),
    Place(
        ("vllm.entrypoints.anthropic.serving:AnthropicServingMessages.create_messages",),
        "a request to /v1/messages that is refused is logged, with the name of its function",
    ),
    Place(("vllm.parser.harmony:HarmonyParser.process_chunk",), "gpt-oss is not read", ("token_ids",)),
    Place(("vllm.parser.harmony:Segment",), "gpt-oss is not read"),
)
