"""Registers the parsers as soon as the modules of TensorRT-LLM that they go into have been imported.

`install` puts a finder in front of Python's own. It finds nothing itself: for three names it lets the module that is
found call back when it has run. What it costs is one look-up of a name for each import.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from . import AFTER, after_import


def install() -> None:
    """From now on, register. What is imported already is filled at once. Installing twice changes nothing."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
    for name in AFTER:
        after_import(name)


class _Finder:
    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in AFTER:
            return None
        for finder in sys.meta_path:
            find = None if finder is cls else getattr(finder, "find_spec", None)  # old finders have none
            spec: ModuleSpec | None = find(name, path, target) if find is not None else None
            if spec is not None:
                _call_back(spec)
                return spec
        return None


def _call_back(spec: ModuleSpec) -> None:
    """Let the loader of `spec`, which is its own, do what is due once the module has run."""
    loader = spec.loader
    if loader is None:
        return
    run = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        run(module)
        after_import(module.__name__)

    loader.exec_module = exec_module  # type: ignore[method-assign]
