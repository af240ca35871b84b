"""Memory does not grow with a region's length."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="peak memory is read from the POSIX resource module")

BENCHMARK = Path(__file__).resolve().parents[1] / "benchmarks" / "memory.py"


@pytest.mark.nightly
@pytest.mark.parametrize("outputs", [[], ["--outputs"]], ids=["takes", "takes, preview and report"])
def test_a_region_of_20_minutes_peaks_at_most_a_fifth_above_one_of_a_minute(outputs: list[str]) -> None:
    command = [sys.executable, str(BENCHMARK), "--minutes", "1,20", "--json", *outputs]
    rows = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["rows"]
    assert rows[1]["peak_mb"] <= 1.2 * rows[0]["peak_mb"]
    assert rows[1]["onsets"] > 10 * rows[0]["onsets"] > 0
