"""What was made of a request's parts, kept for the requests after it: bounded by size, the oldest go first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by what they were made of."""

    def __init__(self, room: int) -> None:
        """`room`: how much is kept, in the unit that `put` is told sizes in."""
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
        """Keep `value`. One that is larger than all the room is not kept."""
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
