"""Real Blenders for the tests: the Pythons that have one, the add-on as it is installed, and jobs done inside them."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADDON = ROOT / "host_scripts" / "blender" / "foley_bridge_addon"
CORE = ROOT / "host_scripts" / "core" / "python" / "foley_host"
DRIVER = Path(__file__).with_name("blender_driver.py")
WHERE = "FOLEY_BRIDGE_BPY"
PATIENCE_S = 600


@functools.cache
def blenders() -> dict[str, str]:
    """Version and Python of each Blender that can be used here."""
    found = {}
    for python in filter(None, os.environ.get(WHERE, "").split(os.pathsep)):
        line = "import bpy; print('version', bpy.app.version_string, bpy.app.build_options.audaspace)"
        said = subprocess.run([python, "-c", line], capture_output=True, text=True, timeout=PATIENCE_S, check=True).stdout
        words = next(line for line in said.splitlines() if line.startswith("version ")).split()
        found[f"{words[1]}{'' if words[-1] == 'True' else ' without sound'}"] = python
    return found


def each_blender(*, sound: bool = True) -> Any:
    """Parametrizes a test with ``python``: every Blender here, those without sound left out unless they will do."""
    able = {version: python for version, python in blenders().items() if not sound or "without" not in version}
    reason = f"no Blender {'with sound ' if sound else ''}in {WHERE}: set it to a Python that has bpy"
    given = [pytest.param(python, id=version) for version, python in able.items()]
    given = given or [pytest.param("", id="none", marks=pytest.mark.skip(reason=reason))]
    return lambda test: pytest.mark.real_host(pytest.mark.parametrize("python", given)(test))


def install(folder: Path, **config: object) -> Path:
    """The add-on with the core inside, as it is installed; its configuration, when any is given."""
    there = folder / ADDON.name
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ADDON, there, ignore=ignored)
    shutil.copytree(CORE, there / CORE.name, ignore=ignored)
    if not (there / CORE.name / "actions.py").exists():
        (there / CORE.name / "actions.py").write_text("")
    if config:
        work = folder / "work"
        work.mkdir()
        call = [str(Path(sys.executable).with_name("foley-call"))]
        told = {
            "schema": 1,
            "version": "0",
            "foley_call": call,
            "endpoint": None,
            "keys": None,
            "seat": None,
            "work": str(work),
        }
        (there / "foley_bridge.json").write_text(json.dumps({**told, **config}), "utf-8")
    return there


def do(python: str, folder: Path, job: str, **arguments: object) -> Any:
    """One job of ``blender_driver.py`` in a Blender process of its own; ``folder`` has the add-on."""
    asked, told = folder / f"{job}.asked.json", folder / f"{job}.told.json"
    asked.write_text(json.dumps({"job": job, "addons": str(folder), "told": str(told), **arguments}, default=str), "utf-8")
    told.unlink(missing_ok=True)
    line = [python, str(DRIVER), str(asked)]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("FOLEY_BRIDGE_", "PYTHON"))}
    done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=env)
    assert told.exists(), f"{done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return json.loads(told.read_text("utf-8"))
