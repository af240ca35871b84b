"""How much longer searches take while somebody writes: two processes search one library, a third embeds and adds.

    python benchmarks/readers.py [--sounds 20000] [--rounds 4] [--seconds 6] [--pause 1]

The entries are those of ``library_search.py``; their points, one to nine each, lie in clusters drawn by a seed, as what they
are like makes no difference to these times. Stretches in which nobody writes and stretches in which a batch of 300 embedded
sounds and one of 100 added ones is written every ``--pause`` seconds (embedding writes as much every 20 s, or when it has
made it) take turns, so that what else the machine does falls on both. The first searches of each process are left out.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
from library_search import QUERIES, sounds
from numpy.typing import NDArray

from foley_bridge.library.catalogue import Catalogue
from foley_bridge.library.finding import Shown, find
from foley_bridge.library.segments import Notes, content_of
from foley_bridge.library.sound import LibrarySound

SPACE = "bench"
READERS = 2
EMBEDDED, ADDED = 300, 100  # sounds in a batch
_DIMENSION, _CLUSTERS = 128, 300


@dataclasses.dataclass(frozen=True)
class Search:
    """One that was done: when it began (s, the machine's own clock), by what, how long it took."""

    began_s: float
    kind: str
    took_ms: float


def main() -> None:
    """Make the library, let them read and write, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sounds", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--pause", type=float, default=1)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        read(args.read)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder) / "library", args.sounds, args.rounds, args.seconds, args.pause)


def measure(folder: Path, count: int, rounds: int, seconds: float, pause_s: float) -> None:
    """All of it, in one library."""
    catalogue = Catalogue.open(folder, create=True)
    per_round = int(seconds / pause_s) + 1
    made = list(sounds(count + rounds * per_round * (EMBEDDED + ADDED)))
    random = np.random.default_rng(0)
    there, rest = made[:count], iter(made[count:])
    embedded_later = [next(rest) for _ in range(rounds * per_round * EMBEDDED)]
    catalogue.upsert([*there, *embedded_later])
    for first in range(0, count, 5000):
        embed(catalogue, there[first : first + 5000], random)
    catalogue.optimise()
    catalogue.segments(SPACE).index(Notes())
    segments = catalogue.segments(SPACE).table.read(lambda table: table.count_rows())
    print(f"{catalogue.count()} sounds, {segments} segments; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    later, added = batches(embedded_later, EMBEDDED), batches(list(rest), ADDED)
    with Reading(folder) as searches:
        written = write_by_turns(catalogue, later, added, random, rounds, seconds, pause_s)
    report(searches.done, written)


def batches(every: Sequence[LibrarySound], size: int) -> Iterator[Sequence[LibrarySound]]:
    """One after the other."""
    return (every[first : first + size] for first in range(0, len(every), size))


def points(random: np.random.Generator, count: int) -> NDArray[np.float32]:
    """float32 (count, 128) of length 1, in clusters."""
    middles = np.random.default_rng(1).normal(size=(_CLUSTERS, _DIMENSION))
    made = middles[random.integers(_CLUSTERS, size=count)] + 0.6 * random.normal(size=(count, _DIMENSION))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def embed(catalogue: Catalogue, some: Sequence[LibrarySound], random: np.random.Generator) -> None:
    """Write the points of some sounds in one step."""
    lengths = random.integers(1, 10, size=len(some))
    contents = np.repeat([content_of(each.fingerprint) for each in some], lengths)
    starts = np.concatenate([np.arange(length, dtype=np.float32) for length in lengths])
    catalogue.segments(SPACE).put(contents, starts, points(random, len(contents)))


def write_by_turns(
    catalogue: Catalogue,
    later: Iterator[Sequence[LibrarySound]],
    added: Iterator[Sequence[LibrarySound]],
    random: np.random.Generator,
    rounds: int,
    seconds: float,
    pause_s: float,
) -> list[tuple[float, float]]:
    """Be quiet and write in turns; returns from when until when it wrote."""
    written = []
    for _ in range(rounds):
        time.sleep(seconds)
        began_s = time.monotonic()
        while time.monotonic() < began_s + seconds:
            embed(catalogue, next(later), random)
            catalogue.upsert(next(added))
            time.sleep(pause_s)
        written.append((began_s, time.monotonic()))
    return written


class Reading:
    """Processes that search for the length of a block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.done: list[Search] = []

    def __enter__(self) -> Reading:
        command = [sys.executable, __file__, "--read", str(self._folder)]
        self._processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(READERS)]
        self._threads = [threading.Thread(target=self._listen, args=(one,)) for one in self._processes]
        for process, thread in zip(self._processes, self._threads, strict=True):
            assert process.stdout is not None
            process.stdout.readline()  # it is warm
            thread.start()
        return self

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            began, kind, took = line.split()
            self.done.append(Search(float(began), kind, float(took)))

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
        for thread in self._threads:
            thread.join()


def read(folder: Path) -> None:
    """Search until the end, by words, by a point, by both; a line for each."""
    catalogue, random = Catalogue.open(folder), np.random.default_rng(os.getpid())
    for number, words in enumerate(cycle(QUERIES)):
        shown = Shown(SPACE, points(random, 1), lambda distance: max(0.0, 1 - distance / 2))
        asked = {"words": (words, None), "picture": ("", shown), "both": (words, shown)}
        for kind, (said, seen) in asked.items():
            began_s = time.monotonic()
            find(catalogue, said, seen, limit=20)
            if number >= len(QUERIES):
                print(f"{began_s} {kind} {1e3 * (time.monotonic() - began_s)}", flush=True)
        if number == len(QUERIES) - 1:
            print("warm", flush=True)


def report(done: Sequence[Search], written: Sequence[tuple[float, float]]) -> None:
    """Times of both kinds of stretches, and their ratios."""
    headings = (("", 10), ("quiet ms, median", 18), ("95 %", 8), ("writing, median", 18), ("95 %", 8), ("ratio", 8))
    print("".join(f"{heading:>{width}}" for heading, width in (*headings, ("of 95 %", 9), ("searches", 10))))
    for kind in ("words", "picture", "both"):
        while_written = [any(begin <= one.began_s < end for begin, end in written) for one in done if one.kind == kind]
        times = [one.took_ms for one in done if one.kind == kind]
        parts = [[took for took, busy in zip(times, while_written, strict=True) if busy is which] for which in (False, True)]
        (quiet, quiet_95), (busy, busy_95) = ((statistics.median(part), float(np.percentile(part, 95))) for part in parts)
        print(
            f"{kind:10}{quiet:>18.1f}{quiet_95:>8.1f}{busy:>18.1f}{busy_95:>8.1f}"
            f"{busy / quiet:>8.2f}{busy_95 / quiet_95:>9.2f}{len(times):>10}"
        )


if __name__ == "__main__":
    main()
