"""How fast and how surely the nearest segments are found: exactly, by LanceDB's index, and by faiss, beside each other.

    python benchmarks/nearest.py [--segments 50000 200000 1000000] [--sounds FOLDER] [--pack FOLDER] [--no-faiss]

The points are made from real sounds, they are no real library of that size. Of the seconds of the sounds in a folder, cut at
every quarter of a second, each is a point: what a pack makes of it (``--pack``), or, as no well trained pack need be there,
the mean, deviation and slope of its 64 mel bands, of which the 128 main components, evened out by the root, are taken. Each
sound made is a mixture of one of these points with one of its twenty nearest, moved by noise of its own, and its one to ten
segments lie around it: clustered as real ones are, and no two the same. What is asked for is made likewise, anew.

recall@10: how many of the ten segments that are truly nearest were found, over all questions. Columns in turn, in one process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
import unittest.mock
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from foley_bridge.inference import features
from foley_bridge.inference.encoders import Encoders
from foley_bridge.inference.pack import Pack
from foley_bridge.library import nearest, segments, table
from foley_bridge.library.segments import Held, Notes, Segments

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared" / "real" / "audio"
SOUND = features.SoundFeatures()
STEP_S = 0.25
MOST_S = 20  # of one real sound
AT_ONCE = 100_000
K = 10
PROBES = (1, 1.4, segments.PROBES)
ENOUGH = 0.98  # of the ten nearest
EXACTLY_UP_TO = 2_000_000  # segments
Floats = NDArray[np.float32]


def main() -> None:
    """Make the points, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--segments", type=int, nargs="+", default=[50_000, 200_000, 1_000_000])
    parser.add_argument("--sounds", type=Path, default=REAL, help="a folder of real sounds")
    parser.add_argument("--pack", type=Path)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--no-faiss", action="store_true", help="leave it out: its index takes as long as the rest")
    args = parser.parse_args()
    if args.pack:
        encoders = Encoders(Pack.open(args.pack))
        real = real_points(args.sounds, lambda samples, rate: encoders.embed_sounds(samples, rate)[1])
    else:
        real = main_components(real_points(args.sounds, bands))
    spread = np.linalg.svd(real - real.mean(axis=0), compute_uv=False) ** 2
    dimensions = spread.sum() ** 2 / (spread**2).sum()
    print(f"{len(real)} real points of {args.sounds}, {dimensions:.0f} dimensions in effect")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for count in args.segments:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), real, count, args.queries, with_faiss=not args.no_faiss)


def real_points(folder: Path, embed: Callable[[Floats, int], Floats]) -> Floats:
    """What is made of all seconds of a folder's sounds, a quarter of a second apart; those that are alike but once."""
    made = []
    for path in sorted(folder.rglob("*")):
        try:
            samples, rate = soundfile.read(path, dtype="float32", always_2d=True, frames=MOST_S * 48_000)
        except (soundfile.SoundFileError, OSError):
            continue
        for shift in range(4) if len(samples) > 1.5 * rate else range(1):
            made.append(embed(samples[int(shift * STEP_S * rate) :], rate))
    points = np.concatenate(made)
    return points[np.unique(np.round(points, 3), axis=0, return_index=True)[1]]


def bands(samples: Floats, rate: int) -> Floats:
    """What is heard in a recording's segments: (n, 192)."""
    mono = samples.mean(axis=1) if rate == SOUND.sample_rate else soxr.resample(samples.mean(axis=1), rate, SOUND.sample_rate)
    mel = features.log_mel(features.segments(mono)[1])[:, 0]
    slope = mel[:, :, 50:].mean(axis=2) - mel[:, :, :50].mean(axis=2)
    return np.concatenate([mel.mean(axis=2), mel.std(axis=2), slope], axis=1)


def main_components(heard: Floats) -> Floats:
    """(n, 128) of length 1: the square root of each component's spread stays of it."""
    heard = (heard - heard.mean(axis=0)) / heard.std(axis=0)
    left, spread, _ = np.linalg.svd(heard, full_matrices=False)
    points = left[:, :128] * np.sqrt(spread[:128])
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), np.float32)


class Maker:
    """Sounds between real ones."""

    def __init__(self, real: Floats, seed: int) -> None:
        self.real = real
        self._random = np.random.default_rng(seed)
        near = np.concatenate([np.argpartition(-(part @ real.T), 20, axis=1)[:, :20] for part in np.array_split(real, 20)])
        self._near = near
        far = [np.linalg.norm(real - real[others], axis=1) for others in near.T]
        self._spread = np.median(np.array(far), axis=0).astype(np.float32)  # how far apart neighbours are, there

    def segments(self, count: int) -> tuple[NDArray[np.int64], Floats]:
        """Whose segment each is, and where it lies."""
        lengths = self._random.integers(1, 11, size=count // 5 + 10)
        whose = np.repeat(np.arange(len(lengths)), lengths)[:count]
        which = self._random.integers(len(self.real), size=len(lengths))
        other = self._near[which, self._random.integers(20, size=len(lengths))]
        weight = self._random.uniform(0.5, 1, size=(len(lengths), 1)).astype(np.float32)
        middles = weight * self.real[which] + (1 - weight) * self.real[other]
        middles += self._noise(len(lengths)) * self._spread[which, None]
        points = middles[whose] + self._noise(len(whose)) * (0.5 * self._spread[which, None])[whose]
        return whose, points / np.linalg.norm(points, axis=1, keepdims=True)

    def _noise(self, count: int) -> Floats:
        """About as long as 1, along the directions that real points differ in."""
        ends = self._random.integers(len(self.real), size=(2, 4, count))
        noise = sum(self.real[a] - self.real[b] for a, b in zip(*ends, strict=True))
        noise /= np.linalg.norm(noise, axis=1, keepdims=True) + 1e-9
        return np.asarray(noise, np.float32)


def measure(folder: Path, real: Floats, count: int, questions: int, *, with_faiss: bool) -> None:
    """One table of so many segments."""
    space, maker = Segments(folder, "bench"), Maker(real, count)
    every = np.empty((count, real.shape[1]), np.float32)
    began, first_content = time.perf_counter(), 0
    for first in range(0, count, AT_ONCE):
        whose, points = maker.segments(min(AT_ONCE, count - first))
        space.put(whose + first_content, np.zeros(len(points), np.float32), points)
        every[first : first + len(points)] = points
        first_content += len(np.unique(whose))
    wrote, began = time.perf_counter() - began, time.perf_counter()
    space.index(Notes())
    indexed = time.perf_counter() - began
    with unittest.mock.patch.object(table, "_KEPT_S", 0.001):  # what only readers of old versions would need
        space.table.optimise()
    began = time.perf_counter()
    held: Held = space.table.on_newest(lambda held: held)
    loaded = time.perf_counter() - began
    megabytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    print(
        f"\n{count} segments: written in {wrote:.1f} s, index in {indexed:.1f} s, {megabytes:.0f} MB, "
        f"opened in {loaded * 1e3:.0f} ms"
    )
    asked = np.stack([maker.segments(40)[1][0] for _ in range(questions)])
    truth = [set(truly(every, point)) for point in asked]
    ways: dict[str, Callable[[Floats], Sequence[int]]] = {
        "exact (numpy, in memory)": lambda point: exact(every, point),
        **{f"lancedb, its index, {probes:g} x root": partial(by_index, held, probes) for probes in PROBES},
        **(faiss_ways(every, asked, truth) if with_faiss else {}),
    }
    timed: dict[str, list[float]] = {name: [] for name in ways}
    good = dict.fromkeys(ways, 0)
    for number, point in enumerate((*asked[:5], *asked)):  # five to warm up
        for name, way in ways.items():
            start = time.perf_counter()
            found = way(point)
            if number >= 5:
                timed[name].append(1e3 * (time.perf_counter() - start))
                good[name] += len(truth[number - 5] & set(found))
    print(f"{'':34}{'recall@10':>10}{'median ms':>11}{'95 % ms':>9}")
    for name, times in timed.items():
        print(
            f"{name:34}{good[name] / (K * questions):>10.3f}{statistics.median(times):>11.2f}{np.percentile(times, 95):>9.2f}"
        )
    whole_searches(held, asked)


def exact(every: Floats, point: Floats) -> Sequence[int]:
    """By going through all."""
    return np.argpartition(-(every @ point), K)[:K].tolist()


def truly(every: Floats, point: Floats) -> Sequence[int]:
    """Likewise by differences: products blur what lies very near."""
    parts = [np.square(every[first : first + AT_ONCE] - point).sum(axis=1) for first in range(0, len(every), AT_ONCE)]
    return np.argpartition(np.concatenate(parts), K)[:K].tolist()


def by_index(held: Held, probes: float, point: Floats) -> Sequence[int]:
    """As the product asks for one point's nearest segments, but for how many parts it looks into: so many times their root."""
    with unittest.mock.patch.object(segments, "PROBES", probes):
        return held.by_index(point[None], K)[0].tolist()


def faiss_ways(every: Floats, asked: Floats, truth: Sequence[set[int]]) -> dict[str, Callable[[Floats], Sequence[int]]]:
    """An inverted file of whole points, as few of its parts looked into as find 0.98 of the ten nearest."""
    try:
        import faiss
    except ImportError:
        print("faiss: not installed (pip install faiss-cpu), left out")
        return {}
    parts = max(1, int(4 * np.sqrt(len(every))))
    flat = faiss.index_factory(every.shape[1], f"IVF{parts},Flat")
    flat.train(every[:: max(1, len(every) // (40 * parts))])
    flat.add(every)
    for probes in (16, 32, 64, 128, 256):
        flat.nprobe = probes
        found = flat.search(asked, K)[1]
        if sum(len(wanted & set(row)) for wanted, row in zip(truth, found.tolist(), strict=True)) >= ENOUGH * K * len(asked):
            break
    return {f"faiss IVF{parts},Flat, {flat.nprobe} probes": lambda point: flat.search(point[None], K)[1][0].tolist()}


def whole_searches(held: Held, asked: Floats) -> None:
    """The sounds, best segments grouped, as ``library.finding`` gets them; exactly where that is a matter of seconds."""
    random = np.random.default_rng(0)
    for points, share in ((1, 1.0), (20, 1.0), (1, 0.3), (1, 0.01)):
        allowed = random.random(len(held.contents)) < share
        parts = []
        for exactly in (True, False) if len(held) <= EXACTLY_UP_TO else (False,):
            nearest.EXACT_UP_TO = len(held) if exactly else 0
            times, found = [], []
            for first in range(min(len(asked), 20 + 2)):
                start = time.perf_counter()
                best = nearest.nearest(held, asked[np.arange(first, first + points) % len(asked)], allowed, 20)
                times += [1e3 * (time.perf_counter() - start)] if first >= 2 else []
                found.append({each.place for each in best})
            parts.append((statistics.median(times), found))
        said = f"by index {parts[-1][0]:.1f} ms"
        if len(parts) == 2:
            same = np.mean([len(a & b) / max(1, len(a)) for a, b in zip(parts[0][1], parts[1][1], strict=True)])
            said = f"exactly {parts[0][0]:.1f} ms, {said}, {same:.3f} of the sounds the same"
        print(f"20 sounds for {points} point{'s'[: points > 1]}, {share:.0%} of them allowed: {said}")


if __name__ == "__main__":
    main()
