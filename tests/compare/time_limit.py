"""A limit on the time that one call of foreign code may take."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


class TookTooLong(BaseException):
    """Not an Exception, so that the code it interrupts does not catch it."""


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raises TookTooLong in the main thread once the time is over."""

    def over(*_: object) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
