"""Real Blenders for the tests: the Pythons that have one, the add-on as it is installed, and jobs done inside them."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from serving import command, environment

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


def install(folder: Path, *options: object) -> None:
    """The add-on, installed as users do, into a Blender whose user folder lies in ``folder``."""
    (folder / "blender").mkdir()
    done = command("install-host", "blender", "--into", folder / "blender", *options, home=folder / "home")
    assert done.returncode == 0, done


def do(python: str, folder: Path, job: str, **arguments: object) -> Any:
    """One job of ``blender_driver.py`` in a Blender process of its own, with the add-on that ``folder`` has."""
    asked, told = folder / f"{job}.asked.json", folder / f"{job}.told.json"
    asked.write_text(json.dumps({"job": job, "told": str(told), **arguments}, default=str), "utf-8")
    told.unlink(missing_ok=True)
    env = environment(BLENDER_USER_RESOURCES=folder / "blender")
    line = [python, str(DRIVER), str(asked)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=env)
    assert told.exists(), f"{done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return json.loads(told.read_text("utf-8"))
