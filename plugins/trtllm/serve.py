"""`dynamo-trtllm-serve`: `trtllm-serve`, with the parsers registered.

Importing this module is enough: a process that is started by `spawn`, or by running the same command again, imports it
too. A worker that is started as a clean interpreter (`--num_postprocess_workers` on some versions) does not, and
needs the hook of `dynamo-parsers trtllm enable`.
"""

from __future__ import annotations

import sys
from importlib import import_module

from . import COMMANDS, hook, wanted

hook.install()


def main() -> None:
    """Run `trtllm-serve` with this process's arguments."""
    try:
        commands = import_module(COMMANDS)
    except ModuleNotFoundError as error:
        if error.name != "tensorrt_llm":
            raise
        sys.exit(f"dynamo-trtllm-serve needs TensorRT-LLM {wanted()} in this environment; it is not installed")
    commands.main()
