"""The places in TensorRT-LLM that this plugin needs, and what is lost without each."""

from __future__ import annotations

from dynamo_parsers.engines.places import Place, Version

NEWEST: Version = (1, 3)
"""The newest TensorRT-LLM whose interface these classes were written for."""

_BASE = "tensorrt_llm.serve.tool_parser.base_tool_parser:BaseToolParser"
_REASONING = "tensorrt_llm.llmapi.reasoning_parser"
_HANDLERS = "tensorrt_llm.serve.postprocess_handlers"
_UNTOLD = "parsers are not told the request: reasoning and calls are read apart"

PLACES: tuple[Place, ...] = (
    Place(
        ("tensorrt_llm.serve.tool_parser.tool_parser_factory:ToolParserFactory.parsers",),
        "our tool parsers have no names",
    ),
    Place(
        (
            f"{_REASONING}:register_reasoning_parser",  # since 1.3
            f"{_REASONING}:ReasoningParserFactory.parsers",
        ),
        "our reasoning parsers have no names",
    ),
    Place((f"{_HANDLERS}:apply_reasoning_parser",), _UNTOLD, ("args", "output_index")),
    Place((f"{_HANDLERS}:apply_tool_parser",), _UNTOLD, ("args", "output_index")),
    Place((f"{_HANDLERS}:ChatPostprocArgs.from_request",), "parallel_tool_calls is not seen", ("request",)),
    Place(
        (f"{_BASE}.finish",),
        "a parser is not told that a stream has ended: what it holds then is lost",
        since=(1, 3),
    ),
    Place((f"{_BASE}.structure_info",), "strict tools of dynamo_hermes and dynamo_internlm2 are not enforced"),
)
