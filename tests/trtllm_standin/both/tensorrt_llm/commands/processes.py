"""Says in which kinds of process of `trtllm-serve` a parser is known."""

import json
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor


def known(tool_parser, reasoning_parser):
    from tensorrt_llm.llmapi.reasoning_parser import ReasoningParserFactory
    from tensorrt_llm.serve.tool_parser.tool_parser_factory import ToolParserFactory

    try:
        made = (
            ToolParserFactory.create_tool_parser(tool_parser),
            ReasoningParserFactory.create_reasoning_parser(reasoning_parser),
        )
    except ValueError:
        return "no"
    return " ".join(type(parser).__name__ for parser in made)


CLEAN = "import json, sys; sys.path[:] = json.loads(sys.argv[1])\n" + (
    "from tensorrt_llm.commands.processes import known; print(known(*sys.argv[2:]))"
)
"""A post-processing worker that is started as an interpreter of its own."""


def report(tool_parser, reasoning_parser):
    names = tool_parser, reasoning_parser
    if os.environ.get("FRONTEND"):
        print(json.dumps({"re-exec": known(*names)}))
        return
    found = {"main": known(*names)}
    for method in ("fork", "spawn"):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
            found[method] = pool.submit(known, *names).result()
    clean = [sys.executable, "-c", CLEAN, json.dumps(sys.path), *names]
    found["clean"] = subprocess.run(clean, capture_output=True, text=True, check=True).stdout.strip()
    again = [sys.executable, *sys.argv]
    frontend = subprocess.run(again, capture_output=True, text=True, check=True, env={**os.environ, "FRONTEND": "1"})
    found.update(json.loads(frontend.stdout))
    print(json.dumps(found))
