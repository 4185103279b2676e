"""A cache of what was made from parts of requests: bounded by size; the least recently used entries go first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by the parts from which they were made."""

    def __init__(self, room: int) -> None:
        """`room`: the size of the cache, in the unit of the sizes for `put`."""
        self._room = room
        self._used = 0
        self._values: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> Value | None:
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: Value, size: int) -> None:
        """Keep `value`, unless it is larger than the whole cache."""
        with self._lock:
            old = self._values.pop(key, None)
            self._used -= old[1] if old is not None else 0
            if size > self._room:
                return
            self._values[key] = value, size
            self._used += size
            while self._used > self._room:
                _, (_, freed) = self._values.popitem(last=False)
                self._used -= freed

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self._used = 0
