"""Methods of an adapter that are made to raise: those that are guarded, and those that are not."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence


class Defect(Exception):
    """What no code but the tests' raises."""


def fails(*_: object, **__: object) -> None:
    """In place of a method."""
    raise Defect("secret")


def guarded_methods(classes: Sequence[type]) -> Iterator[tuple[type, str]]:
    """The classes' own guarded methods: `inner` of each is what can be replaced."""
    for owner in classes:
        for name, method in vars(owner).items():
            if hasattr(method, "inner"):
                yield owner, name


def open_methods(owner: type) -> set[str]:
    """What an engine may call or ask of a class of ours that is not guarded."""
    return {
        name
        for name, each in vars(owner).items()
        if (inspect.isfunction(each) or isinstance(each, property | classmethod))
        and not hasattr(each, "inner")
        and (not name.startswith("_") or name == "__init__")
    }
