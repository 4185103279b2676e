"""What the benchmarks of vLLM's serving have a model say, in the markup of each family, and which parsers read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dynamo_parsers.registry import reasoning_row, tool_row
from dynamo_parsers.triage.engines import native_reasoning_names, native_tool_names
from dynamo_parsers.write.markup import RENDERERS, Call, Part

FAMILIES = (
    *("qwen3_coder", "hermes", "kimi_k2", "glm47", "deepseek_v3_1", "minimax_m2", "llama3_json", "mistral"),
    *("harmony", "deepseek_v4", "gemma4"),
)
KINDS = ("none", "own", "ours")
"""Without parsers, with vLLM's own, with ours."""

PROSE = "If a < b [as in c] then {d}, <e> and [f], and nothing else happens that day.\n"
CODE = '    if value["key"] < 10 and not done:\n        print(f"{value} \\n")\n'
SMALL: Mapping[str, object] = {f"p{number}": number if number % 2 else f"word {number}" for number in range(60)}
Parts = Sequence[Part]
THOUGHT = Part("reasoning", "Let me see.")
"""Before each call: some families start in reasoning, in which a call is held."""
WORKLOADS: Mapping[str, Parts] = {
    "reasoning + content": (Part("reasoning", PROSE * 8), Part("content", PROSE * 8)),
    "one long argument": (
        THOUGHT,
        Part("calls", calls=(Call.of("f", {"text": CODE * 24}),)),
    ),
    "60 small arguments": (
        THOUGHT,
        Part("calls", calls=(Call.of("f", SMALL),)),
    ),
    "12 calls": (
        THOUGHT,
        Part("calls", calls=tuple(Call.of("f", {"p1": n, "p2": f"word {n}"}) for n in range(12))),
    ),
}
TOOL = {
    "type": "function",
    "function": {
        "name": "f",
        "parameters": {
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                **{name: {"type": "integer" if isinstance(value, int) else "string"} for name, value in SMALL.items()},
            },
        },
    },
}


def script(family: str, parts: Parts) -> str:
    """A reply in the markup of a family, without reasoning if vLLM has no parser for that of the family."""
    row = tool_row(family)
    if not _own_reasoning(family):
        parts = [part for part in parts if part.kind != "reasoning"]
    think = reasoning_row(row.pairs[0]).think
    text = "".join(RENDERERS[row.name].write(parts, (think.opens[0] + think.label, think.closes[0])))
    return text.removesuffix(next((end for end in row.turn_ends if end != "<|call|>" and text.endswith(end)), ""))


def _own_reasoning(family: str) -> str | None:
    return next(iter(native_reasoning_names(reasoning_row(tool_row(family).pairs[0])).of("vllm")), None)


def parsers(family: str, kind: str) -> tuple[str | None, str | None]:
    """The tool parser and the reasoning parser to name; ours are as many as vLLM's own.

    Raises LookupError if vLLM has no parser for the family.
    """
    if kind == "none":
        return None, None
    row = tool_row(family)
    tools, reasoning = native_tool_names(row).of("vllm"), _own_reasoning(family)
    if not tools:
        raise LookupError(f"vLLM has no parser for {family}")
    if kind == "own":
        return tools[0], reasoning
    return f"dynamo_{row.name}", f"dynamo_{row.pairs[0]}" if reasoning else None
