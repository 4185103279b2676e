"""pytest plugin: in vLLM's own tests, our parsers replace vLLM's, and no tokenizer is downloaded.

    PYTHONPATH=... python -m pytest -p vllm_peer --noconftest tests/tool_parsers/test_hermes_tool_parser.py

- Before the tests are collected, a class of vLLM is replaced by ours in the registry and in the modules that name
  it, since most test files import it from there.
- Its tests of single parsers offer no tools in the request, and expect calls: in a server such a request gets none,
  from vLLM's parsers too (`tool_choice` is "none" there). So ours are shown the tools that they were made with, or no
  request at all, which means unknown tools.
- What its tests compare as text of a call's arguments is compared as JSON: the contract keeps each family's spacing.
- A strict expected failure that does not fail counts as passed.
- Every tokenizer is the demo model's of the family that the asked-for name belongs to.
- `VLLM_PEER_REPORT`: a file that gets the outcome of each test, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dynamo_parsers.registry import REASONING_ROWS, TOOL_ROWS

NOT_SWAPPED = frozenset({"harmony", "gpt_oss"})
"""vLLM reads that markup by token ids, outside of its parsers."""

TOOL_PARSERS = {name: row.name for row in TOOL_ROWS if row.name not in NOT_SWAPPED for name in row.engines.vllm}
"""vLLM's name: ours."""

REASONING_PARSERS = {
    **{name: row.name for row in REASONING_ROWS if row.name not in NOT_SWAPPED for name in row.engines.vllm},
    # Of two rows, the one that starts as vLLM's does.
    "kimi_k2": "kimi_k25",
    "deepseek_v3": "deepseek_v3",
}

TOKENIZERS = {
    "kimi": ("kimi_k2", "kimi_k25"),
    "coder": ("qwen3_coder", "qwen3"),
    "glm": ("glm47", "glm45"),
    "minimax": ("minimax_m2", "minimax_m2"),
    "v3.1": ("deepseek_v3_1", "deepseek_v3"),
    "v3.2": ("deepseek_v3_2", "deepseek_v3_2"),
    "deepseek": ("deepseek_v3", "deepseek_r1"),
    "jamba": ("jamba", "basic"),
    "xlam": ("xlam", "basic"),
    "llama": ("llama3_json", "basic"),
    "nemotron": ("nemotron_nano", "nemotron_nano"),
    "granite-3": ("granite", "granite"),
    "ernie": ("ernie45", "ernie45"),
    "hy3": ("hy_v3", "hy_v3"),
    "hunyuan": ("hunyuan_a13b", "hunyuan_a13b"),
    "lfm2": ("lfm2", "basic"),
    "olmo": ("olmo3", "olmo3"),
    "step-3.5": ("step3p5", "step3p5"),
    "step3": ("step3", "step3"),
    "gemma": ("gemma4", "gemma4"),
    "holo": ("qwen3_coder", "holo2"),
    "": ("hermes", "qwen3"),
}
"""What a tokenizer's name contains, lower case: the parsers whose markers it knows. The first hit wins."""

outcomes: dict[str, str] = {}
files: dict[str, str] = {}


def pytest_configure() -> None:
    import transformers
    import vllm.tokenizers
    from vllm.entrypoints.generate.base.protocol import FunctionCall
    from vllm.reasoning import ReasoningParserManager
    from vllm.tool_parsers import ToolParserManager
    from vllm_harness import tokenizer_for

    FunctionCall.__eq__ = same_call  # type: ignore[method-assign]
    for theirs, ours in TOOL_PARSERS.items():
        replace(ToolParserManager.get_tool_parser, ToolParserManager.tool_parsers, theirs, ours)
    for theirs, ours in REASONING_PARSERS.items():
        replace(ReasoningParserManager.get_reasoning_parser, ReasoningParserManager.reasoning_parsers, theirs, ours)

    made = {part: tokenizer_for(*pair) for part, pair in TOKENIZERS.items()}

    def local(*names: object, **said: object) -> Any:
        asked = str(next(iter([*names, *said.values()]), "")).lower()
        return next(tokenizer for part, tokenizer in made.items() if part in asked)

    transformers.AutoTokenizer.from_pretrained = local  # type: ignore[method-assign]
    vllm.tokenizers.get_tokenizer = local


def same_call(one: Any, other: Any) -> bool:
    """Whether two function calls are the same, whatever white space their arguments have."""
    if not isinstance(other, type(one)):
        return False
    return one.name == other.name and _compact(one.arguments) == _compact(other.arguments)


def _compact(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments))
    except ValueError:
        return arguments


def with_tools(parser: Any) -> Any:
    """`parser`, for callers whose requests have no tools."""

    class Offered(parser):
        def extract_tool_calls(self, model_output: str, request: Any) -> Any:
            return super().extract_tool_calls(model_output, self._offered(request))

        def extract_tool_calls_streaming(self, *arguments: Any, **named: Any) -> Any:
            if "request" in named:
                named["request"] = self._offered(named["request"])
            else:
                arguments = (*arguments[:-1], self._offered(arguments[-1]))
            return super().extract_tool_calls_streaming(*arguments, **named)

        def _offered(self, request: Any) -> Any:
            if request is None or (isinstance(request.tools, list) and request.tools):
                return request
            offered = SimpleNamespace(tools=self.tools, tool_choice="auto", parallel_tool_calls=True)
            return offered if self.tools else None

    Offered.__name__, Offered.__module__ = parser.__name__, parser.__module__
    return Offered


def replace(get: Any, known: dict[str, Any], theirs: str, ours: str) -> None:
    old, new = get(theirs), get(f"dynamo_{ours}")
    if hasattr(new, "extract_tool_calls"):
        known[f"dynamo_{ours}"] = new = with_tools(new)
    for name in [name for name, value in known.items() if value is old]:
        known[name] = new
    known[theirs] = new
    import_module(old.__module__)
    for module in [each for name, each in sys.modules.items() if name.startswith("vllm.")]:
        for name, value in list(vars(module).items()):
            if value is old:
                setattr(module, name, new)


@pytest.fixture(scope="module")
def default_tokenizer() -> Any:
    """The tokenizer of vLLM's common tests."""
    from vllm_harness import tokenizer_for

    return tokenizer_for("hermes", "qwen3")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    files.update((item.nodeid, item.path.name) for item in items)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A test has failed if any of its phases has; an expected failure counts as passed."""
    if report.failed and str(report.longrepr).startswith("[XPASS(strict)]"):
        report.outcome = "passed"
    name = f"{files[report.nodeid]}::{report.nodeid.partition('::')[2]}"
    if report.failed or name not in outcomes or (report.when == "call" and outcomes[name] != "failed"):
        outcomes[name] = "passed" if hasattr(report, "wasxfail") and not report.failed else report.outcome


def pytest_sessionfinish() -> None:
    if path := os.environ.get("VLLM_PEER_REPORT"):
        Path(path).write_text(json.dumps(outcomes, indent=1), encoding="utf-8")
