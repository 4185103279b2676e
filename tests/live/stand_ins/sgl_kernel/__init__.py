"""Stands in for SGLang's CUDA kernels on a machine without a GPU: every name is there, and raises when it is called.

For the tests and the demo server only. SGLang's CPU path with torch's own attention calls none of them.
"""

from __future__ import annotations

import importlib.machinery
import sys
import types
from collections.abc import Callable, Sequence

__version__ = "0.4.10"
__path__: list[str] = []
# What SGLang looks for to know whether a kernel library is complete.
_MISSING = "scalar_type"


def _kernel(name: str) -> Callable[..., object]:
    def call(*_: object, **__: object) -> object:
        raise NotImplementedError(f"{name}: this is a stand-in for the CUDA kernels")

    call.__name__ = name.rpartition(".")[2]
    return call


class _Module(types.ModuleType):
    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return _kernel(f"{self.__name__}.{name}")


class _Finder:
    """Finds every submodule."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith(f"{__name__}.") or _MISSING in fullname:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = _Module(spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        pass


sys.meta_path.append(_Finder())


def __getattr__(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(name)
    return _kernel(f"{__name__}.{name}")
