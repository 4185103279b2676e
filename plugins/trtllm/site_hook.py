"""The .pth file that makes plain `trtllm-serve` know the parsers in every process of an environment.

- Python runs it at start-up. It only waits for `tensorrt_llm` to be imported; then it loads `hook`.
- It is written to this environment's site-packages and removed from there. Nothing else is touched.
- It never raises; if this package is no longer installed, it prints one line.
"""

from __future__ import annotations

import sysconfig
from dataclasses import dataclass
from pathlib import Path

NAME = "dynamo_parsers_trtllm.pth"

_CODE = f"""
import sys
class DynamoParsersForTensorRTLLM:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name == "tensorrt_llm":
            sys.meta_path.remove(cls)
            try:
                from dynamo_parsers.trtllm import hook
                hook.install()
            except Exception as error:
                sys.stderr.write(f"dynamo-parsers: TensorRT-LLM gets no parsers from {NAME}: {{error!r}}\\n")
        return None
sys.meta_path.insert(0, DynamoParsersForTensorRTLLM)
"""

_MARK = "# dynamo-parsers: its parsers for TensorRT-LLM. `dynamo-parsers trtllm disable` removes this file.\n"

TEXT = f"{_MARK}import sys; exec({_CODE!r})\n"
"""The content of the file: Python runs a line that begins with `import`."""


class NotOurs(Exception):
    """There is a file of that name which this package did not write."""


@dataclass(frozen=True, slots=True)
class State:
    """The state of the file. `current`: its content is what this version writes."""

    path: Path
    enabled: bool
    current: bool


def state() -> State:
    """Return the state of the file. Raises NotOurs, and OSError if it cannot be read."""
    path = Path(sysconfig.get_path("purelib")) / NAME
    if not path.exists():
        return State(path, enabled=False, current=False)
    text = path.read_text(encoding="utf-8")
    if not text.startswith(_MARK):
        raise NotOurs(f"{path} was not written by dynamo-parsers; it is left alone")
    return State(path, enabled=True, current=text == TEXT)


def enable() -> State:
    """Write the file and return its state. Raises NotOurs, and OSError if it cannot be written."""
    found = state()
    if not found.current:
        found.path.write_text(TEXT, encoding="utf-8")
    return state()


def disable() -> State:
    """Remove the file if it exists, and return the state before. Raises NotOurs, and OSError."""
    found = state()
    if found.enabled:
        found.path.unlink()
    return found
