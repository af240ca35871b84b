"""How fast a pack is on this machine, through the daemon's own door: milliseconds of each graph, alone and in a batch.

Two packs are timed in turn, run by run, so that what else the machine does slows both alike, and their ratio means something.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.decode import Cache
from foley_bridge.inference.encoders import Encoders
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.session import Session
from foley_bridge.inference.where import Runs

BATCHES = (1, 16)
TAKES = (1, 8)
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
    """A pack's times: by graph, of what pack, against which other."""

    pack: str
    against: str | None
    bytes: int
    graphs: dict[str, Timed]

    def to_json(self) -> dict[str, Any]:
        graphs = {role: each.to_json() for role, each in self.graphs.items()}
        return {"pack": self.pack, "against": self.against, "bytes": self.bytes, "graphs": graphs}


def bench(folder: Path, against: Path | None = None, *, threads: int | None = None, rounds: int = ROUNDS) -> Benched:
    """Time a pack, in the tasks that it has; of two packs those of the first.

    Args:
        against: another pack, mostly the same in fp32.
        threads: of the CPU; None: as the daemon has.
        rounds: runs of each batch size, at most; fewer where they take long.

    Raises:
        PackError: a pack is not as it should be, or has no such task.
    """
    packs = [Pack.open(each) for each in (folder, against) if each is not None]
    graphs: dict[str, Timed] = {}
    if packs[0].manifest.recommendation is not None:
        graphs |= _recommendation(packs, threads, rounds)
    if packs[0].manifest.analogy is not None:
        graphs |= _analogy(packs, threads, rounds)
    size = sum(file.size for file in packs[0].manifest.files.values())
    return Benched(packs[0].id, packs[1].id if against is not None else None, size, graphs)


def _recommendation(packs: list[Pack], threads: int | None, rounds: int) -> dict[str, Timed]:
    encoders = [Encoders(pack, threads=threads) for pack in packs]
    task = packs[0].recommendation
    graphs = {}
    for role, shape in (("picture", task.picture_shape), ("sound", task.sound_shape)):
        sessions = [getattr(each, role) for each in encoders]

        def call(session: Session, size: int, role: str = role, shape: tuple[int, ...] = shape) -> Callable[[], object]:
            given = np.random.default_rng(0).normal(size=(size, *shape)).astype(np.float32)
            return lambda: session.run({role: given})

        graphs[role] = _timed(sessions, call, BATCHES, rounds)
    return graphs


def _analogy(packs: list[Pack], threads: int | None, rounds: int) -> dict[str, Timed]:
    """One clip's: of the decoder ``prefix`` and ``code`` apart, the code for one take and for eight."""
    made = [Analogy(pack, threads=threads) for pack in packs]
    graphs = {}
    for role in made[0].task.roles:
        if not all(each.has(role) for each in made):
            continue
        name = made[0].graph(role).name
        sessions = [each.session(role) for each in made]
        if role != "decoder":
            sizes = (1,) if role in ("picture", "onset") else TAKES
            graphs[name] = _timed(sessions, _clip, sizes, rounds)
            continue
        for what, sizes in (("prefix", (1,)), ("code", TAKES)):
            graphs[f"{name}, {what}"] = _timed(sessions, partial(_decoding, what), sizes, rounds)
    return graphs


def _clip(session: Session, size: int) -> Callable[[], object]:
    """A run of a graph with as many clips."""
    task, role = session.graph.pack.analogy, _role(session)
    axes = {"batch": size, "pictures": task.picture.frames, "columns": task.columns, "frames": task.sound.frames}
    given: dict[str, NDArray[Any]] = {}
    for name, dtype, shape in task.ends(role)[0]:
        sizes = [axes[axis] if isinstance(axis, str) else axis for axis in shape]
        random = np.random.default_rng(0)
        drawn = random.integers(0, task.entries, sizes) if dtype == "int64" else random.uniform(-1, 1, sizes)
        given[name] = drawn.astype(dtype)
    return lambda: session.run(given)


def _role(session: Session) -> str:
    graphs = session.graph.pack.analogy.graphs
    return next(role for role, name in graphs.items() if name == session.graph.name)


def _decoding(what: str, session: Session, size: int) -> Callable[[], object]:
    """A run of the prefix, or of one code of as many takes."""
    task = session.graph.pack.analogy.with_decoder(_role(session))
    pictures, codes = task.prefix
    features, known = np.zeros((1, pictures, task.features), np.float32), np.zeros((1, codes), np.int64)
    if what == "prefix":
        return lambda: Cache.full(session, task, features, known)
    one, _ = Cache.full(session, task, features, known)
    clip = task.rows * task.columns
    cache = one.rows_after(size, clip)
    nothing, code = np.zeros((size, 0, task.features), np.float32), np.zeros((size, 1), np.int64)

    def run() -> None:
        cache.tokens = clip // 2  # always in the middle of a clip
        cache.run(nothing, code)

    return run


def _timed(
    sessions: list[Session], call: Callable[[Session, int], Callable[[], object]], sizes: Sequence[int], rounds: int
) -> Timed:
    """Of the first session; beside the second, where there is one."""
    times = {size: _in_turn([call(session, size) for session in sessions], rounds) for size in sizes}
    ms = {size: float(np.median(each[0])) / size * 1e3 for size, each in times.items()}
    ratio = None
    if len(sessions) > 1:
        ratio = {size: float(np.median(each[0]) / np.median(each[1])) for size, each in times.items()}
    return Timed(Runs.of(sessions[0]), ms, ratio)


def _in_turn(calls: list[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Seconds of each run, by call."""
    for call in calls * _WARM:
        call()
    times: list[list[float]] = [[] for _ in calls]
    began = time.perf_counter()
    for number in range(rounds):
        if number >= AT_LEAST and time.perf_counter() - began > LONG_ENOUGH_S:
            break
        for call, taken in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
    return times
