"""How fast a pack is on this machine, through the daemon's own door: milliseconds per picture and per segment.

Two packs are timed in turn, run by run, so that what else the machine does slows both alike, and their ratio means something.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foley_bridge.inference.encoders import TASK, Encoders
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.session import Session
from foley_bridge.inference.where import Runs

BATCHES = (1, 16)
STREAMS = ("picture", "sound")
ROUNDS = 30
AT_LEAST = 5
LONG_ENOUGH_S = 5.0
_WARM = 2


@dataclass(frozen=True)
class Timed:
    """A graph's times.

    Attributes:
        runs: where it really runs, and why not somewhere better.
        ms: median milliseconds of one input, by batch size.
        ratio: how much of the other pack's time that is; None when there is no other.
    """

    runs: Runs
    ms: dict[int, float]
    ratio: dict[int, float] | None

    def to_json(self) -> dict[str, Any]:
        ratio = None if self.ratio is None else {str(size): each for size, each in self.ratio.items()}
        return {**vars(self.runs), "ms": {str(size): each for size, each in self.ms.items()}, "ratio": ratio}


@dataclass(frozen=True)
class Benched:
    """A pack's times: by role, of what pack, against which other."""

    pack: str
    against: str | None
    bytes: int
    graphs: dict[str, Timed]

    def to_json(self) -> dict[str, Any]:
        graphs = {role: each.to_json() for role, each in self.graphs.items()}
        return {"pack": self.pack, "against": self.against, "bytes": self.bytes, "graphs": graphs}


def bench(folder: Path, against: Path | None = None, *, threads: int | None = None, rounds: int = ROUNDS) -> Benched:
    """Time a pack of recommendation.

    Args:
        against: another pack, mostly the same in fp32.
        threads: of the CPU; None: as the daemon has.
        rounds: runs of each batch size, at most; fewer where they take long.

    Raises:
        PackError: a pack is not as it should be, or has no such task.
    """
    packs = [Pack.open(each) for each in (folder, against) if each is not None]
    encoders = [Encoders(pack, threads=threads) for pack in packs]
    task = packs[0].tasks[TASK]
    shapes = {"picture": task.picture_shape, "sound": task.sound_shape}
    graphs = {}
    for role in STREAMS:
        sessions = [getattr(each, role) for each in encoders]
        times = {size: _in_turn(sessions, role, (size, *shapes[role]), rounds) for size in BATCHES}
        ms = {size: float(np.median(each[0])) / size * 1e3 for size, each in times.items()}
        ratio = None
        if against is not None:
            ratio = {size: float(np.median(each[0]) / np.median(each[1])) for size, each in times.items()}
        graphs[role] = Timed(Runs.of(sessions[0]), ms, ratio)
    size = sum(file.size for file in packs[0].manifest.files.values())
    return Benched(packs[0].id, packs[1].id if against is not None else None, size, graphs)


def _in_turn(sessions: list[Session], role: str, shape: tuple[int, ...], rounds: int) -> list[list[float]]:
    """Seconds of each run, by session."""
    given: NDArray[np.float32] = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for session in sessions * _WARM:
        session.run({role: given})
    times: list[list[float]] = [[] for _ in sessions]
    began = time.perf_counter()
    for number in range(rounds):
        if number >= AT_LEAST and time.perf_counter() - began > LONG_ENOUGH_S:
            break
        for session, taken in zip(sessions, times, strict=True):
            start = time.perf_counter()
            session.run({role: given})
            taken.append(time.perf_counter() - start)
    return times
