"""The action list of a simulated REAPER: scripts as ``foley-bridge install-host`` puts them there, run tick by tick."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from job_materials import clicks, hits_in, movie
from reaper_bench import item, region
from reaper_model import Item, Marker, Project, State, Track
from reaper_simulated import Reaper
from serving import PATIENCE_S, Serving, command, environment, serving

RATE = 48000


@functools.cache
def daemon() -> Serving:
    """One for all tests of this process, and gone with it: its worker is warm from the second test on."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    home = stack.enter_context(tempfile.TemporaryDirectory())
    return stack.enter_context(serving(Path(home)))


_installed: dict[str, Path] = {}  # folders like those of REAPER, by the endpoint that their scripts ask


def install(folder: Path, home: Path, endpoint: str) -> None:
    """Really install; keep a copy for other tests with the same daemon."""
    folder.mkdir(exist_ok=True)
    done = command("install-host", "reaper", "--into", folder, "--json", "--endpoint", endpoint, home=home)
    assert done.returncode == 0, done.stdout + done.stderr
    _installed[endpoint] = home / "installed"
    shutil.copytree(folder, _installed[endpoint])


class Menu:
    """A REAPER with a project open.

    Args:
        folder: REAPER's resource folder; made.
        home: of foley_bridge.
        endpoint: of the daemon that the scripts ask.
    """

    def __init__(self, project: Project, folder: Path, home: Path, endpoint: str) -> None:
        self.scripts = folder / "Scripts" / "Foley"
        self.folder, self.home = folder, home
        home.mkdir(exist_ok=True)
        if endpoint in _installed:  # it takes a second, and need not be done for each test
            shutil.copytree(_installed[endpoint], folder)
            told = self.scripts / "foley_bridge.json"
            (home / "work").mkdir()
            told.write_text(json.dumps(json.loads(told.read_text("utf-8")) | {"work": str(home / "work")}), "utf-8")
        else:
            install(folder, home, endpoint)
        self.open(project)

    def open(self, project: Project) -> None:
        """Start REAPER anew, with a project."""
        project.begin()
        self.project = project
        self.reaper = Reaper(project, self.folder)
        self.reaper.environment = environment(FOLEY_BRIDGE_HOME=self.home)

    @property
    def work(self) -> Path:
        return Path(json.loads((self.scripts / "foley_bridge.json").read_text("utf-8"))["work"])

    def start(self, name: str) -> None:
        """Choose an action, and go on at once."""
        self.reaper.run(self.scripts / f"Foley - {name}.lua")

    def choose(self, name: str, *answers: Any) -> str:
        """Choose an action and wait until no script runs any more; gives what the user read last."""
        self.reaper.dialogs.clear()
        self.reaper.answers.extend(answers)
        self.start(name)
        return self.finish()

    def finish(self) -> str:
        """Tick until no script runs any more; gives what the user read last."""
        end = time.monotonic() + 2 * PATIENCE_S
        while self.reaper.tick():
            if self.reaper.processes and not self.reaper.answers:
                time.sleep(0.005)
            assert time.monotonic() < end, "the scripts never end"
        assert not self.reaper.answers, f"nobody asked for {list(self.reaper.answers)}"
        return self.reaper.dialogs[-1] if self.reaper.dialogs else ""


def reel(folder: Path, fps: float = 25.0, **options: Any) -> Project:
    """A saved project with eight seconds of picture, and a knock on a muted track."""
    folder.mkdir(exist_ok=True)
    made = Project(str(folder / "reel 1.rpp"), fps, **options)
    shot = movie(folder / "shot.mp4", seconds=8)
    knock = clicks(folder / "knock.wav")
    muted = Track("examples", items=[item(knock, 0, 0.5, name="knock")])
    muted.values["B_MUTE"] = 1.0
    made.state = State([Track("picture", items=[item(shot, 0, 8, name="shot")]), muted])
    made.begin()
    made.save()
    return made


def marked(project: Project, start: float, end: float, name: str, *hits: float) -> None:
    """A region, and HIT markers in it."""
    markers = project.state.markers
    markers.append(region(start, end, name, len(markers) + 1))
    markers += [Marker(hit, None, "HIT", len(markers) + number) for number, hit in enumerate(hits, 1)]
    project.begin()


def foley(project: Project) -> list[Item]:
    """What lies on our tracks, in order."""
    found = [each for track in project.state.tracks if "P_EXT:foley_bridge" in track.ext for each in track.items]
    return sorted(found, key=lambda each: each.values["D_POSITION"])


def mixed(project: Project) -> np.ndarray:
    """What one hears of our tracks: the takes that sound, with their fades, from the project's first sample on."""
    sum_ = np.zeros(round(project.length() * RATE) + RATE, np.float32)
    for each in foley(project):
        active = each.active
        assert active is not None and active.source is not None
        first, length = round(active.values["D_STARTOFFS"] * RATE), round(each.values["D_LENGTH"] * RATE)
        samples, rate = soundfile.read(active.source.path, dtype="float32", always_2d=True)
        assert rate == RATE
        sound = samples[first : first + length].mean(axis=1)
        fades = [round(each.values[name] * RATE) for name in ("D_FADEINLEN", "D_FADEOUTLEN")]
        sound[: fades[0]] *= np.linspace(0, 1, fades[0], dtype=np.float32)
        sound[len(sound) - fades[1] :] *= np.linspace(1, 0, fades[1], dtype=np.float32)
        at = round(each.values["D_POSITION"] * RATE)
        sum_[at : at + len(sound)] += sound
    return sum_


def heard(project: Project) -> list[float]:
    """Seconds at which struck sounds begin on our tracks."""
    return hits_in(mixed(project), RATE)
