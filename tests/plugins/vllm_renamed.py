"""Answer a request in a vLLM in which one place that the plugin needs has another name; for each place in turn.

Prints a JSON object a line: the place, what was logged, and what became of a request. A process of its own, as places
are looked up once when the plugin is imported: each rename is made in a fork, before that.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from dynamo_parsers.engines.places import Place, numbers
from dynamo_parsers.vllm.places import PLACES

CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
REPLY = f"<think>Why?</think>Sure.\n{CALL}"


def rename(place: Place) -> None:
    """Call the place otherwise, in every module that has it."""
    for where in place.where:
        module, _, path = where.partition(":")
        *owners, name = path.split(".")
        try:
            owner: Any = import_module(module)
            for each in owners:
                owner = getattr(owner, each)
        except (ImportError, AttributeError):
            continue
        private = getattr(owner, "__private_attributes__", {})
        if name in private:
            private[f"{name}_renamed"] = private.pop(name)
            # vLLM's own use of it.
            owner.resolve_reasoning_ended = lambda self, parser, ids: parser.is_reasoning_end(ids)
        elif name in vars(owner):
            setattr(owner, f"{name}_renamed", vars(owner)[name])
            delattr(owner, name)
        elif hasattr(owner, "__getattr__"):
            owner.__getattr__ = _without(name, owner.__getattr__)


def _without(name: str, look_up: Callable[[str], object]) -> Callable[[str], object]:
    """A module's `__getattr__` that does not know `name` if we ask: vLLM itself asks for what it is called now."""

    def found(asked: str) -> object:
        if asked == name and "dynamo_parsers" in sys._getframe(1).f_globals.get("__name__", ""):
            raise AttributeError(asked)
        return look_up(asked)

    return found


def answer() -> dict[str, object]:
    """What becomes of a request, streamed and not, as vLLM asks for it under the names that it has now."""
    import vllm_harness
    from vllm.parser import ParserManager

    if not hasattr(ParserManager, "get_parser"):
        ParserManager.get_parser = ParserManager.get_parser_renamed  # the harness asks for that
    made = vllm_harness.Exchange("dynamo_hermes", "dynamo_qwen3")
    for name in ("parse", "parse_delta"):
        renamed = getattr(type(made.parser()), f"{name}_renamed", None)
        if renamed is not None:
            setattr(made.composed, name, renamed)
    return {"whole": made.one_shot(REPLY).calls, "streamed": made.stream(REPLY).calls}


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.getMessage()}")


def run(place: Place | None) -> dict[str, object]:
    lines = Lines()
    logging.getLogger("dynamo_parsers").addHandler(lines)
    if place is not None:
        rename(place)
    try:
        came: dict[str, object] = answer()
    except Exception as error:
        came = {"error": f"{type(error).__name__}: {error}"}
    return {"place": place and place.name, "lines": lines.lines, **came}


def main() -> None:
    from vllm import version

    # What is imported later would not find what it imports by name.
    for module in (
        "vllm.parser",
        "vllm.v1.engine.detokenizer",
        "vllm.tokenizers",
        "vllm.entrypoints.openai.responses.protocol",
    ):
        import_module(module)
    for place in PLACES:
        for where in place.where:
            try:
                import_module(where.partition(":")[0])
            except ImportError:
                continue
    found = numbers(version.__version__)
    for place in (None, *(each for each in PLACES if each.expected(found))):
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            print(json.dumps(run(place)), flush=True)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
