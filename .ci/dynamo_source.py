"""Fetch the Python of NVIDIA Dynamo and its runtime, for the tests of our parsers in its chat processors.

    python .ci/dynamo_source.py 1.6.1 .cache/dynamo-1.6.1

leaves the packages `dynamo` and `redis`, which `dynamo` imports, in the folder.

Rules:
- Nothing that they require is installed: the tests run them in the environments of vLLM and SGLang, and put the folder
  at the end of `sys.path`.
- The metadata of the distributions is removed: its entry points would load Dynamo's own plugins into pytest and vLLM.
- A finished folder is left alone; an unfinished one is made anew.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from environment import step


def main(version: str, folder: Path) -> None:
    done = folder / "done"
    if done.exists():
        step(f"{folder} is there already")
        return
    shutil.rmtree(folder, ignore_errors=True)
    wanted = [f"ai-dynamo=={version}", f"ai-dynamo-runtime=={version}", "redis>=6.2,<9"]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--target", str(folder), *wanted], check=True)
    for metadata in folder.glob("*.dist-info"):
        shutil.rmtree(metadata)
    done.touch()
    step(f"Dynamo {version} is in {folder}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]))
