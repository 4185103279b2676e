"""SGLang's HTTP application for its worker processes, which load no plugins by themselves.

SGLang imports this module in every HTTP worker of `--tokenizer-worker-num`. It loads all plugins, not only this one.
"""

from __future__ import annotations

from sglang.srt.plugins import load_plugins

load_plugins()

from sglang.srt.entrypoints.http_server import app  # noqa: E402  (it reads the names that plugins add)

__all__ = ["app"]
