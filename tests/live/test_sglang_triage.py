"""`dynamo-parsers triage` against a real SGLang."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("sglang")

from engine_server import Server
from triage_checks import (  # noqa: F401
    test_a_bundle,
    test_a_call_that_was_cut_off,
    test_a_good_call,
    test_a_mistake_of_the_model,
    test_the_wrong_parser,
)

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]


@pytest.fixture
def server(sglang_servers: Callable[..., Server]) -> Server:
    return sglang_servers("kimi_k2")
