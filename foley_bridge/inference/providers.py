"""Which ONNX Runtime providers really load on this machine.

``onnxruntime.get_available_providers()`` lists what the wheel was built with, not what runs: only a session tells. The probe
runs in a child process, because a provider that cannot load prints its own lines to stderr and may take a library down with it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata, resources

PROBE_TIMEOUT_S = 120.0

_CHILD = """
import json, sys
import onnxruntime as ort
if hasattr(ort, "preload_dlls"):
    try:
        ort.preload_dlls()
    except Exception:
        pass
provider, path = sys.argv[1], sys.argv[2]
options = ort.SessionOptions()
options.log_severity_level = 4
session = ort.InferenceSession(path, options, providers=[provider])
import numpy as np
y = session.run(None, {"x": np.array([1.5, -2.0], np.float32)})[0]
print(json.dumps({"providers": session.get_providers(), "right": y.tolist() == [3.0, -4.0]}))
"""


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
    graph = str(resources.files("foley_bridge.inference") / "probe.onnx")
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, name, graph], capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=False
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
