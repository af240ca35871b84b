"""A Blender with windows: its own timer lays the takes, its own dialogs ask, its own undo takes the takes out."""

from __future__ import annotations

import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
from blender_bench import install
from job_materials import clicks, movie
from serving import environment, serving

NEEDED = ("blender", "Xvfb", "xvfb-run", "xdotool")
MISSING = [name for name in NEEDED if not shutil.which(name)]


@pytest.mark.real_host
@pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")
def test_takes_are_laid_from_blenders_own_timer_and_questions_are_dialogs(tmp_path: Path) -> None:
    movie(tmp_path / "shot.mov", seconds=2.4, rate=Fraction(25))
    clicks(tmp_path / "hit.wav")
    with serving(tmp_path / "daemon") as daemon:
        install(tmp_path, "--endpoint", daemon.endpoint)
        line = ["xvfb-run", "-a", "-s", "-screen 0 1600x1000x24", "blender", "--factory-startup", "--python-exit-code", "1"]
        line += ["--window-geometry", "0", "0", "1600", "1000", "--python", str(Path(__file__).with_name("blender_window.py"))]
        user = tmp_path / "blender"
        env = environment(
            BLENDER_USER_RESOURCES=user, BLENDER_USER_SCRIPTS=user / "scripts", FOLEY_WINDOW_FOLDER=tmp_path, HOME=tmp_path
        )
        done = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False, env=env)
    assert (tmp_path / "told.json").exists(), done
    told = json.loads((tmp_path / "told.json").read_text("utf-8"))
    assert "error" not in told, told["error"]
    assert (tmp_path / "panel.png").stat().st_size > 10_000
    assert "Traceback" not in done.stderr + done.stdout  # from drawing, too
    assert told["said"].startswith("1 region done"), told
    assert told["laid"] == [["door", 10, 45]] == told["redo"]
    assert told["undo"] == []
    assert told["Return"] is True and told["Escape"] is False
