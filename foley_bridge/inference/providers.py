"""Which ONNX Runtime providers really load on this machine, and which of them are to be used.

``onnxruntime.get_available_providers()`` lists what the wheel was built with, not what runs: only a session tells. The probe
(``probing.py``) is a child process, because a provider that cannot load prints its own lines to stderr and may take a library
down with it.
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path

from foley_bridge.errors import PackError

PROBE_TIMEOUT_S = 120.0
CPU = "CPUExecutionProvider"
ORDER = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "cpu": CPU,
}
"""Best first, by the names that ``FOLEY_BRIDGE_PROVIDERS`` has for them."""
NAMED = "FOLEY_BRIDGE_PROVIDERS"
NOT_NAMED = f"{NAMED} leaves it out"
NO_DRIVER = "there is no NVIDIA driver on this machine"
_NVIDIA = (ORDER["tensorrt"], ORDER["cuda"])
_NVIDIA_DEVICES = ("/dev/nvidiactl", "/dev/dxg", "/dev/nvhost-ctrl-gpu")


@dataclass(frozen=True)
class Provider:
    """One provider of the installed ONNX Runtime: its name, whether it really runs here, and what was seen if not."""

    name: str
    loads: bool
    detail: str


def listed() -> list[str]:
    """The providers the installed wheel was built with, best first; empty when ONNX Runtime cannot be imported."""
    try:
        import onnxruntime
    except ImportError:
        return []
    return list(onnxruntime.get_available_providers())


def probe(name: str) -> Provider:
    """Run a two-number graph on one provider in a child process."""
    if name in _NVIDIA and not _nvidia_driver():
        return Provider(name, False, NO_DRIVER)
    here = resources.files("foley_bridge.inference")
    command = [sys.executable, "-P", str(here / "probing.py"), name, str(here / "probe.onnx")]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Provider(name, False, f"did not answer within {PROBE_TIMEOUT_S:.0f} s")
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["the process died without a word"])[-1]
        return Provider(name, False, last[:200])
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    if name not in answer["providers"]:
        return Provider(name, False, f"fell back to {', '.join(answer['providers'])}: its libraries are not installed")
    if not answer["right"]:
        return Provider(name, False, "loads, but computes 1.5 + 1.5 wrongly")
    return Provider(name, True, "runs")


def in_order(asked: str | None = None) -> tuple[Provider, ...]:
    """The wheel's providers that packs run on, best first, each with whether it is to be used, and why not.

    What really loads is asked once a process, all at a time; the CPU's own provider is not asked.

    Args:
        asked: names as in ``ORDER``, with commas between; None: what ``FOLEY_BRIDGE_PROVIDERS`` names, or all.

    Raises:
        PackError: ONNX Runtime cannot be imported, or there is no such provider.
    """
    there = [name for name in ORDER.values() if name in listed()]
    if not there:
        raise PackError("ONNX Runtime cannot be imported: packs cannot run", "foley-bridge doctor says what to do")
    text = os.environ.get(NAMED, "") if asked is None else asked
    wanted = [word.strip().lower() for word in text.split(",") if word.strip()] or list(ORDER)
    for word in wanted:
        if word not in ORDER:
            raise PackError(f"{NAMED}: there is no provider {word!a}", f"those are {', '.join(ORDER)}, with commas between")
    kept = {ORDER[word] for word in wanted}
    if not kept & set(there):
        raise PackError(f"{NAMED}={text}: this ONNX Runtime has none of them", f"it has {', '.join(map(short, there))}")
    asking = [name for name in there if name in kept and name != CPU]
    with ThreadPoolExecutor(max(1, len(asking))) as pool:
        found = dict(zip(asking, pool.map(_probed, asking), strict=True))
    told = Provider(CPU, True, "runs")
    return tuple(found.get(name, told) if name in kept else Provider(name, False, NOT_NAMED) for name in there)


@functools.cache
def _probed(name: str) -> Provider:
    return probe(name)


def short(name: str) -> str:
    """As people and ``FOLEY_BRIDGE_PROVIDERS`` call it."""
    return next((word for word, full in ORDER.items() if full == name), name.removesuffix("ExecutionProvider"))


def gpu() -> str:
    """The NVIDIA GPU's name and driver, as fit for a folder's name."""
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=True
        )
        said = done.stdout.splitlines()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        said = "unknown"
    return "-".join("".join(each if each.isalnum() else " " for each in said.strip()).split()) or "unknown"


def _nvidia_driver() -> bool:
    """Whether there is any use in asking; a child process that finds out takes a second."""
    if sys.platform == "win32":
        try:
            ctypes.WinDLL("nvcuda.dll")
        except OSError:
            return False
        return True
    return any(Path(device).exists() for device in _NVIDIA_DEVICES)


def both_runtimes_installed() -> bool:
    """True when ``onnxruntime`` and ``onnxruntime-gpu`` are installed over each other (they share files; the last one wins)."""
    found = set()
    for name in ("onnxruntime", "onnxruntime-gpu"):
        try:
            metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        found.add(name)
    return len(found) == 2
