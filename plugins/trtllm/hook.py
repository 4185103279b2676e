"""Registers the parsers as soon as the modules of TensorRT-LLM that hold its registries have been imported.

`install` puts a finder before Python's own finders. It finds nothing itself: for the names in `AFTER` it makes the
loader call back when the module has run. It costs one dictionary look-up for each import.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from . import AFTER, after_import


def install() -> None:
    """Install the finder, and register in the modules that are imported already. Installing twice changes nothing."""
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
    """Make the loader of `spec`, which no other module uses, call `after_import` once the module has run."""
    loader = spec.loader
    if loader is None:
        return
    run = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        run(module)
        after_import(module.__name__)

    loader.exec_module = exec_module  # type: ignore[method-assign]
