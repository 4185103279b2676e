"""A pytest plugin that puts our detectors in place of SGLang's, for SGLang's own tests: `-p sglang_peer`.

`SGLANG_PEERS` says which, as JSON: {"sglang.srt.function_call.hermes_detector:HermesDetector": "hermes"}.
"""

from __future__ import annotations

import importlib
import json
import os

import sglang_harness  # noqa: F401  (it makes SGLang importable here, and loads its plugins)
from dynamo_parsers.sglang.detectors import tool_detector


def pytest_configure() -> None:
    for place, name in json.loads(os.environ["SGLANG_PEERS"]).items():
        module, _, owner = place.partition(":")
        found = importlib.import_module(module)
        theirs, ours = getattr(found, owner), tool_detector(name)
        before = ours.__init__

        def construct(self: object, _theirs: type = theirs, _before: object = before) -> None:
            _before(self)  # type: ignore[operator]
            markup = _theirs()
            self.bot_token, self.eot_token = markup.bot_token, markup.eot_token  # type: ignore[attr-defined]

        ours.__init__ = construct  # type: ignore[method-assign]
        setattr(found, owner, ours)
