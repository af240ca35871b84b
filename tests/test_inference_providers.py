"""What the doctor says about ONNX Runtime is what a session really does."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

import onnxruntime
from foley_export.probe import probe_graph

from foley_bridge.inference import providers


def test_the_shipped_probe_is_what_the_exporter_makes() -> None:
    assert (resources.files("foley_bridge.inference") / "probe.onnx").read_bytes() == probe_graph()


def test_the_cpu_provider_runs_and_computes() -> None:
    assert providers.probe("CPUExecutionProvider") == providers.Provider("CPUExecutionProvider", True, "runs")


def test_a_provider_is_reported_by_what_its_session_answers_not_by_what_the_wheel_lists() -> None:
    for name in onnxruntime.get_available_providers():
        found = providers.probe(name)
        session = onnxruntime.InferenceSession(probe_graph(), providers=list(dict.fromkeys([name, "CPUExecutionProvider"])))
        assert found.loads == (name in session.get_providers()), found


def test_an_unknown_provider_is_not_ok_and_says_why() -> None:
    found = providers.probe("NoSuchExecutionProvider")
    assert not found.loads
    assert found.detail


def _distribution(folder: Path, name: str) -> None:
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")


def test_two_runtimes_over_each_other_are_told_at_start(tmp_path: Path) -> None:
    _distribution(tmp_path, "onnxruntime")
    _distribution(tmp_path, "onnxruntime-gpu")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "foley_bridge", "doctor", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert "installed over each other" in told.stderr
    alone = subprocess.run(command, capture_output=True, text=True, check=True)
    assert alone.stderr == ""
