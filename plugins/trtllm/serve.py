"""`dynamo-trtllm-serve`: `trtllm-serve`, with the parsers registered.

A process that it starts by running itself again, or by `spawn`, has them too. A worker that is started as a clean
interpreter (`--num_postprocess_workers` on some versions) needs the hook of `dynamo-parsers trtllm enable`.
"""

from __future__ import annotations

import sys
from importlib import import_module

from . import COMMANDS, hook, wanted


def main() -> None:
    """Run `trtllm-serve` with this process's arguments."""
    hook.install()
    try:
        commands = import_module(COMMANDS)
    except ModuleNotFoundError as error:
        if error.name != "tensorrt_llm":
            raise
        sys.exit(f"dynamo-trtllm-serve needs TensorRT-LLM {wanted()} in this environment; it is not installed")
    commands.main()
