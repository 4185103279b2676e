"""pytest plugin: in vLLM's own tests, our parsers stand in place of vLLM's, and no tokenizer is downloaded.

    PYTHONPATH=... python -m pytest -p vllm_peer --noconftest tests/tool_parsers/test_hermes_tool_parser.py

- Before the tests are collected, a class of vLLM is replaced by ours in the registry and in the modules that name
  it, since most test files import it from there.
- Its tests of single parsers offer no tools in the request, and expect calls: in a server such a request gets none,
  from vLLM's parsers too (`tool_choice` is "none" there). So ours are shown the tools that they were made with, or no
  request at all, which stands for unknown tools.
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

TOOL_PARSERS = {
    "kimi_k2": "kimi_k2",
    "qwen3_coder": "qwen3_coder",
    "hermes": "hermes",
    "glm45": "glm47",
    "minimax_m2": "minimax_m2",
    "deepseek_v3": "deepseek_v3",
    "deepseek_v31": "deepseek_v3_1",
    "deepseek_v32": "deepseek_v3_2",
    "deepseek_v4": "deepseek_v4",
    "jamba": "jamba",
    "llama3_json": "llama3_json",
    "gemma4": "gemma4",
}
"""vLLM's name: ours."""

REASONING_PARSERS = {
    "kimi_k2": "kimi_k25",
    "qwen3": "qwen3",
    "glm45": "glm45",
    "minimax_m2": "minimax_m2",
    "minimax_m2_append_think": "minimax_append_think",
    "deepseek_r1": "deepseek_r1",
    "nemotron_v3": "nemotron_nano",
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
    "llama": ("llama3_json", "basic"),
    "nemotron": ("nemotron_nano", "nemotron_nano"),
    "": ("hermes", "qwen3"),
}
"""What a tokenizer's name contains, lower case: the parsers whose markers it knows. The first hit wins."""

outcomes: dict[str, str] = {}
files: dict[str, str] = {}


def pytest_configure() -> None:
    import transformers
    import vllm.tokenizers
    from vllm.reasoning import ReasoningParserManager
    from vllm.tool_parsers import ToolParserManager
    from vllm_harness import tokenizer_for

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
    name = f"{files[report.nodeid]}::{report.nodeid.partition('::')[2]}"
    if report.failed or name not in outcomes or (report.when == "call" and outcomes[name] != "failed"):
        outcomes[name] = "passed" if hasattr(report, "wasxfail") and not report.failed else report.outcome


def pytest_sessionfinish() -> None:
    if path := os.environ.get("VLLM_PEER_REPORT"):
        Path(path).write_text(json.dumps(outcomes, indent=1), encoding="utf-8")
