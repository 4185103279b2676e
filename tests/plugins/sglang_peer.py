"""A pytest plugin that puts our detectors in place of SGLang's, for SGLang's own tests: `-p sglang_peer`.

Each class in SGLang's two registries of parsers is replaced by ours of the same name, in the registry and in the module
that defines it. With `SGLANG_PEER_REPORT` it writes the outcome of each test to that file.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# There is no GPU, and nothing is to be fetched.
os.environ.setdefault("SGLANG_USE_CPU_ENGINE", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "live" / "stand_ins"))

from dynamo_parsers.sglang.detectors import reasoning_detector, tool_detector
from sglang.srt.function_call.function_call_parser import FunctionCallParser
from sglang.srt.parser.reasoning_parser import ReasoningParser
from sglang.srt.utils import hf_transformers_utils

outcomes: dict[str, str] = {}


class Characters:
    """Stands for a tokenizer of the model hub, with which these tests only cut text into pieces."""

    def encode(self, text: str, **_: object) -> list[int]:
        return [ord(char) for char in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(chr(each) for each in ids)


def _as_theirs(theirs: type, ours: type) -> type:
    """A subclass of `ours` with the markers that `theirs` has as attributes: the tests build replies from them."""

    def construct(self: object, *args: object, **kwargs: object) -> None:
        ours.__init__(self, *args, **kwargs)  # type: ignore[misc]
        for name, value in vars(theirs()).items():
            if isinstance(value, str) and not name.startswith("_") and not getattr(self, name, None):
                setattr(self, name, value)

    return type(theirs.__name__, (ours,), {"__init__": construct, "__module__": theirs.__module__})


def _replace(registry: dict[str, type], find: Callable[[str], type]) -> None:
    made: dict[type, type] = {}
    for name, theirs in list(registry.items()):
        if name.startswith("dynamo_"):
            continue
        if theirs not in made:
            try:
                made[theirs] = _as_theirs(theirs, find(name))
            except ValueError:  # no parser of ours has this name
                continue
            module = importlib.import_module(theirs.__module__)
            if getattr(module, theirs.__name__, None) is theirs:
                setattr(module, theirs.__name__, made[theirs])
        registry[name] = made[theirs]


def pytest_configure() -> None:
    _replace(FunctionCallParser.ToolCallParserEnum, tool_detector)
    _replace(ReasoningParser.DetectorMap, reasoning_detector)
    hf_transformers_utils.get_tokenizer = lambda *_, **__: Characters()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A test has failed if any of its phases or its subtests has."""
    if report.failed or report.nodeid not in outcomes:
        outcomes[report.nodeid] = report.outcome


def pytest_sessionfinish() -> None:
    if path := os.environ.get("SGLANG_PEER_REPORT"):
        Path(path).write_text(json.dumps(outcomes, indent=1), encoding="utf-8")
