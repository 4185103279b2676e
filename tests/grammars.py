"""xgrammar for tests, in an environment with or without torch.

Rules:
- What the tests ask is answered by xgrammar's own library. torch is only the type of the token masks, which no test
  makes; but `import xgrammar` imports it, and torch is 870 MB and half a minute (a CUDA build several GB).
- So without torch an empty module has its place while xgrammar is imported, and is taken away again: nothing else in
  the process may take it for torch. In vLLM's environment the same tests run with the real one.
- xgrammar itself has to be there: without it the import fails, and so does the test.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any


class _Nothing:
    """Stands for anything that xgrammar names in torch when it is imported."""

    def __init__(self, *_: object, **__: object) -> None: ...


class _NoTorch(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing


@cache
def xgrammar() -> Any:
    """The module `xgrammar`, its `testing` imported."""
    if find_spec("torch") is not None:
        importlib.import_module("xgrammar.testing")
        return importlib.import_module("xgrammar")
    # Both look for torch themselves, and have to find out that there is no such thing.
    for module in ("tvm_ffi", "transformers"):
        importlib.import_module(module)
    sys.modules["torch"] = _NoTorch("torch")
    try:
        importlib.import_module("xgrammar.testing")
        return importlib.import_module("xgrammar")
    finally:
        del sys.modules["torch"]


def accepts(tag: Mapping[str, object] | None, text: str) -> bool:
    """Whether a reply that is constrained by the structural tag `tag` can be `text`."""
    assert tag is not None
    grammar = xgrammar().Grammar.from_structural_tag(json.dumps(tag))
    return bool(xgrammar().testing._is_grammar_accept_string(grammar, text))
