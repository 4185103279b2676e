"""If an adapter's method raises, its fallback answers: also if the engine passes what the method does not accept."""

from __future__ import annotations

import logging

import pytest
from dynamo_parsers.engines.boundary import guarded


class Adapter:
    label = "an adapter"

    @guarded(lambda _, text, *__: ("content", text))
    def feed(self, text: str, size: int = 0) -> tuple[str, str]:
        if not text:
            raise RuntimeError("secret")
        return "read", text * (size or 1)


def test_what_it_returns_is_what_the_method_does() -> None:
    assert Adapter().feed("a", size=2) == ("read", "aa")


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {"text": ""}), (("",), {"size": 1}), (("", 1, 2), {}), (("",), {"new": 1}), ((), {"text": "", "new": 1})],
)
def test_the_fallback_answers(
    args: tuple[object, ...], kwargs: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    """Raised by the method, or because the engine calls it otherwise than it did."""
    adapter = Adapter()
    with caplog.at_level(logging.INFO, "dynamo_parsers"):
        assert adapter.feed(*args, **kwargs) == ("content", "")  # type: ignore[arg-type]
        adapter.feed("", 1)
    assert len(caplog.messages) == 1, "one line an object"
    assert "an adapter: a defect in feed" in caplog.text
    assert "secret" not in caplog.text
