"""SGLang's own detector tests, run on our classes: what fails is listed here with the reason, and nothing else may.

They are no part of SGLang's releases. Where the environment variable `SGLANG_SOURCE` names a source tree they run, in a
process of their own with the plugin `sglang_peer`; elsewhere they are skipped.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sglang")

SOURCE = os.environ.get("SGLANG_SOURCE")
TESTS = Path(SOURCE or "", "test/registered/unit/function_call")
HERE = Path(__file__).resolve().parent

pytestmark = [
    pytest.mark.peer,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not SOURCE, reason="SGLang's tests are only in its source tree: set SGLANG_SOURCE to one"),
]

BUFFER = "looks at `_buffer`, which is SGLang's own state: our detectors hold no text there"

FILES: dict[str, tuple[str, str, dict[str, str]]] = {
    "test_hermes_detector_finish.py": (
        "sglang.srt.function_call.hermes_detector:HermesDetector",
        "hermes",
        {"test_partial_tool_call_at_end_is_flushed": BUFFER},
    ),
    "test_qwen3_coder_detector.py": (
        "sglang.srt.function_call.qwen3_coder_detector:Qwen3CoderDetector",
        "qwen3_coder",
        {},
    ),
}
"""The file, the class that ours stands for, our parser's name, and the tests that fail with the reason."""


@pytest.mark.parametrize("file", FILES)
def test_their_tests(file: str) -> None:
    place, name, known = FILES[file]
    path = TESTS / file
    if not path.exists():
        pytest.skip(f"no {path} in this source tree")
    command = [sys.executable, "-m", "pytest", str(path), "-p", "sglang_peer", "-p", "no:cacheprovider", "-q", "-rA"]
    paths = os.pathsep.join([str(HERE), str(HERE.parent), str(HERE.parent / "support")])
    ran = subprocess.run(
        [*command, "--rootdir", str(path.parent), "-c", os.devnull],
        env={**os.environ, "PYTHONPATH": paths, "SGLANG_PEERS": json.dumps({place: name})},
        capture_output=True,
        text=True,
        check=False,
    )
    passed = set(re.findall(r"^PASSED .*::(\w+)", ran.stdout, re.MULTILINE))
    failed = set(re.findall(r"^(?:FAILED|SUBFAIL\w*|SUBFAILED\S*) .*::(\w+)", ran.stdout, re.MULTILINE))
    assert passed, ran.stdout + ran.stderr
    assert failed == set(known), ran.stdout
