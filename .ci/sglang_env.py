"""Make a virtual environment in which SGLang runs on the CPU.

    python .ci/sglang_env.py .venv-sglang

Rules:
- Only pip and the index it is configured for. torch is installed first, so that pip takes the build the
  machine offers (set PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS to prefer a CPU one) and nothing later replaces
  it.
- SGLang has no CPU build: its wheel is installed without its GPU kernels. That is enough for parser tests; at run
  time `tests/live/sgl_kernel` replaces the kernels.
- A finished environment is left alone: the stamp inside it lists what was installed, and a second run that
  would install the same ends at once. An interrupted run is continued.
- Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from environment import download, install, make, pip_install, requirements_of, step

SGLANG = "0.5.23"
# Not the torch that the wheel pins: the newest CPU build, on which SGLang's CPU path runs as well.
TORCH = "2.13.0"
# GPU kernels and drivers, and what is only imported for audio, video and images.
LEFT_OUT = {
    *("cuda-python", "flash-attn-4", "flashinfer_python", "humming-kernels", "kernels", "nvidia-cutlass-dsl"),
    *("nvidia-mathdx", "nvidia-ml-py", "nvshmem4py-cu13", "quack-kernels", "sgl-deep-ep", "sgl-deep-gemm"),
    *("sgl-flash-mla", "sglang-kernel", "tilelang", "torch_memory_saver", "py-spy"),
    *("torch", "torchaudio", "torchcodec", "torchvision", "timm", "av", "decord2"),
    # Requires triton and CUDA's libraries; it goes in without them.
    "xgrammar",
}
# Without their requirements; triton and torchvision are only imported.
BARE = ["xgrammar==0.2.7", "triton==3.9.0", "torchvision==0.28.0"]

PINS = {"sglang": SGLANG, "torch": TORCH, "bare": BARE, "left out": sorted(LEFT_OUT)}


def quiet_torchvision(python: Path) -> None:
    """Keep torchvision importable beside another build of torch, where its compiled operators do not load.

    It registers shapes for those operators on import. Nothing here calls them.
    """
    if subprocess.run([python, "-c", "import torchvision"], capture_output=True, check=False).returncode == 0:
        return
    code = "import importlib.util; print(importlib.util.find_spec('torchvision').submodule_search_locations[0])"
    package = Path(subprocess.check_output([python, "-c", code], text=True).strip())
    (package / "_meta_registrations.py").write_text("")
    subprocess.run([python, "-c", "import torchvision.transforms"], check=True)


def main(environment: Path) -> None:
    stamp = environment / "sglang.json"
    if stamp.exists() and json.loads(stamp.read_text()) == PINS:
        step(f"{environment} holds SGLang {SGLANG} already")
        return
    started = time.monotonic()
    python = make(environment)

    step(f"1/4 torch {TORCH}")
    pip_install(python, f"torch=={TORCH}")

    step(f"2/4 the wheel of sglang {SGLANG}")
    wheel = download(python, "sglang", SGLANG)

    step("3/4 its dependencies, GPU kernels left out")
    install(python, "sglang", requirements_of(wheel, LEFT_OUT), [f"torch=={TORCH}"])

    step("4/4 sglang itself")
    pip_install(python, "--no-deps", *BARE, str(wheel))
    quiet_torchvision(python)

    stamp.write_text(json.dumps(PINS, indent=1) + "\n")
    step(f"SGLang {SGLANG} is in {environment} after {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
