"""How well onsets are found in the picture: on the stage, on other synthetic strikes, on real videos and their variations.

    python benchmarks/onsets.py [--real DIR] [--clips N] [--detector motion network both] [--pack FOLDER] [--json]

Seeds from 5000 on were never looked at while the detectors were made. Truth on synthetic clips is the exact contact. Truth on
real videos is the sound's: ``onset_times`` of a ``video_manifest.csv`` beside DIR or in it, else librosa's onsets (delta 0.3)
of the file's own sound; both lie about 20 ms after the sound really starts. A row is the mean over a suite's clips; a clip
called unreliable counts as if nothing were found. In brackets: the same for uniform random onsets of equal count; behind them
95 % of means over clips drawn with replacement (1000 draws), where there are clips to draw from.

AP of what is seen counts every moment that could be an onset, also where a clip is called unreliable.

``network`` is the onset network of a pack (the one that ships); other strikes, which are grey, it is shown as they are.
``both`` is the mean of the two's confidences, an onset within 0.1 s of one of the other's being the same; where only one of
them relies on what it sees, that one alone says the onsets.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import librosa
import numpy as np
from foley_models import metrics
from onset_scenes import Clip, make_clip

from foley_bridge.engines import calibration, learned_onsets, onsets
from foley_bridge.engines.candidate import Detection, MotionFrame, Onset
from foley_bridge.engines.sampled import Still, shown_to_networks
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.places import shipped_folder
from foley_bridge.media import audio, video
from foley_bridge.stage.draw import draw_frames
from foley_bridge.stage.materials import MATERIALS
from foley_bridge.stage.scene import make_scene

FIRST_SEED = 5000
RATES = (Fraction(25, 2), Fraction(15), Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(50))
COLOUR_SIZE = (352, 198)
DRAWS = 1000
DETECTORS = ("motion", "network", "both")
PERCUSSIVE = 6  # a real clip with fewer true onsets is not scored, only asked whether it is called reliable


def stage_clips(action: str, variation: float, count: int) -> Iterator[Clip]:
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        rate = RATES[seed % len(RATES)]
        fastest = 3.5 if action == "hit" else 2.2
        scene = make_scene(
            seed,
            action=action,
            material=tuple(MATERIALS)[seed % len(MATERIALS)],
            duration_s=6,
            tempo_hz=(0.9, fastest),
            variation=variation,
        )
        colours = np.stack([*draw_frames(scene, fps=rate, size=COLOUR_SIZE)])
        grays = np.stack([_gray(frame) for frame in colours])
        times = np.arange(len(grays)) / float(rate)
        yield Clip(f"stage {action} {seed}", times, grays, np.array([float(t) for t in scene.onsets_s]), action, colours)


def strike_clips(count: int, hard: float, kind: str | None = None) -> Iterator[Clip]:
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        yield make_clip(seed, hard=hard, kind=kind)


def real_clips(folder: Path) -> Iterator[Clip]:
    known = _manifest(folder)
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in (".mp4", ".mov", ".webm", ".mkv", ".avi")):
        info = video.probe(str(path))
        size, large = (video.fit_size(info, width=width) for width in (onsets.ANALYSIS_WIDTH, COLOUR_SIZE[0]))
        frames = list(video.read_span(str(path), Fraction(0), info.duration, size=size, gray=True))
        colours = np.stack([f.image for f in video.read_span(str(path), Fraction(0), info.duration, size=large)])
        truth = known[path.name] if path.name in known else sound_onsets(path)
        times = np.array([float(f.pts) for f in frames])
        yield Clip(path.stem, times, np.stack([f.image for f in frames]), truth, "real", colours)


def sound_onsets(path: Path) -> np.ndarray:
    """Seconds of librosa's onsets of a file's own sound, as CondFoleyGen takes them (delta 0.3)."""
    samples = audio.load(str(path), sample_rate=22050).mean(axis=1)
    return np.asarray(librosa.onset.onset_detect(y=samples, sr=22050, units="time", delta=0.3))


def variations(clip: Clip) -> Iterator[Clip]:
    """The same blows seen otherwise: mirrored, cropped, far away, on their side, hand-held, noisy, faster, slower, repeated."""
    assert clip.colours is not None
    between = np.append((clip.times_s[1:] + clip.times_s[:-1]) / 2, clip.times_s[-1] + np.diff(clip.times_s[-2:]) / 2)
    in_colour = _otherwise(clip.colours, clip.times_s)
    for name, grays in _otherwise(clip.grays, clip.times_s):
        _, colours = next(in_colour)
        yield Clip(f"{clip.name} {name}", clip.times_s, grays, clip.truth_s, "variation", colours)
    for speed in (2.0, 1.5, 0.7):
        yield Clip(f"{clip.name} x{speed:g}", clip.times_s / speed, clip.grays, clip.truth_s / speed, "variation", clip.colours)
    yield Clip(
        f"{clip.name} every picture twice",
        np.stack([clip.times_s, between], 1).ravel(),
        np.repeat(clip.grays, 2, axis=0),
        clip.truth_s,
        "variation",
        np.repeat(clip.colours, 2, axis=0),
    )


def _otherwise(images: np.ndarray, times_s: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Pictures (n, h, w) or (n, h, w, 3) changed, picture by picture."""
    rng = np.random.default_rng(5)
    h, w = images.shape[1:3]
    scale = w / onsets.ANALYSIS_WIDTH
    yield "mirrored", images[:, :, ::-1]
    yield "cropped", images[:, h // 10 : -h // 20, w // 20 : -w // 5]
    far, border = (round(w * 0.6), round(h * 0.6)), (h // 4, h // 6, w // 8, w // 4, cv2.BORDER_REFLECT)
    yield "far", np.stack([cv2.copyMakeBorder(cv2.resize(g, far, interpolation=cv2.INTER_AREA), *border) for g in images])
    yield "on its side", np.stack([np.ascontiguousarray(np.rot90(g)) for g in images])
    phase, speed = rng.uniform(0, 6.28, (5, 2)), rng.uniform(0.3, 3, (5, 2))
    shaken, noisy = [], []
    for t, g in zip(times_s, images, strict=True):
        dx, dy = 4 * scale * np.sin(2 * np.pi * speed * t + phase).mean(axis=0)
        shaken.append(cv2.warpAffine(g, np.array([[1, 0, dx], [0, 1, dy]]), (w, h), borderMode=cv2.BORDER_REFLECT))
        light = 1 + 0.06 * np.sin(2 * np.pi * 3.3 * t)
        noisy.append(np.clip(g * light + rng.normal(0, 5, g.shape), 0, 255).astype(np.uint8))
    yield "hand-held", np.stack(shaken)
    yield "noisy", np.stack(noisy)


Detect = Callable[[Clip, float], Detection]


def by_motion(clip: Clip, end: float) -> Detection:
    frames = (MotionFrame(float(t), g) for t, g in zip(clip.times_s, clip.grays, strict=True))
    return onsets.detect(frames, start_s=0.0, end_s=end)


def by_network(network: Analogy) -> Detect:
    settings = network.task.picture

    def stills(clip: Clip, end: float) -> Iterator[Still]:
        for k in range(int(np.ceil(end * settings.fps - 1e-6))):
            at = max(0, int(np.searchsorted(clip.times_s, k / settings.fps + 1e-9, side="right")) - 1)
            image = clip.colours[at] if clip.colours is not None else np.repeat(clip.grays[at, :, :, None], 3, axis=2)
            since = min(float(clip.times_s[at]), k / settings.fps)
            yield Still(k / settings.fps, since, shown_to_networks(np.ascontiguousarray(image), settings))

    def detect(clip: Clip, end: float) -> Detection:
        still = onsets.Curve(np.zeros(0), np.zeros(0))
        return learned_onsets.detect(network, stills(clip, end), still, start_s=0.0, end_s=end)

    return detect


def both(one: Detection, other: Detection) -> Detection:
    """The mean of two detections' confidences."""
    if not (one.reliable and other.reliable):
        return one if one.reliable else other
    found, left = [], [*other.seen]
    for moment in one.seen:
        near = min(left, key=lambda each: abs(each.time_s - moment.time_s), default=None)
        if near is not None and abs(near.time_s - moment.time_s) <= 0.1:
            left.remove(near)
            surer = max(moment, near, key=lambda each: each.confidence)
            found.append(Onset(surer.time_s, (moment.confidence + near.confidence) / 2))
        else:
            found.append(Onset(moment.time_s, moment.confidence / 2))
    found += [Onset(each.time_s, each.confidence / 2) for each in left]
    able = sorted((each for each in found if each.confidence >= calibration.threshold(0.5)), key=lambda each: each.time_s)
    return Detection(tuple(able), bool(able), "", one.motion)


def looked_at(clip: Clip, end: float, network: Detect | None, names: Sequence[str]) -> dict[str, Detection]:
    """What each detector says of a clip."""
    found = {}
    if network is None or {"motion", "both"} & {*names}:
        found["motion"] = by_motion(clip, end)
    if network is not None:
        found["network"] = network(clip, end)
        if "both" in names:
            found["both"] = both(found["motion"], found["network"])
    return {name: found[name] for name in names}


def judge(clips: Iterator[Clip], network: Detect | None, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """The figures of one suite, by detector."""
    tallies = {name: _Tally() for name in names}
    for clip in clips:
        end = float(clip.times_s[-1] + np.median(np.diff(clip.times_s)))
        for name, found in looked_at(clip, end, network, names).items():
            tallies[name].add(clip, end, found)
    return {name: tally.figures() for name, tally in tallies.items()}


class _Tally:
    """What a detector got right in the clips of a suite."""

    def __init__(self) -> None:
        names = ("ap", "ap_random", "ap_published", "ap_seen", "f1", "f1_random", "reliable", "count")
        self.rows: dict[str, list[float]] = {name: [] for name in names}
        self.confidence: list[float] = []
        self.right: list[bool] = []
        self.errors: list[float] = []

    def add(self, clip: Clip, end: float, found: Detection) -> None:
        rows, truth = self.rows, clip.truth_s
        rows["reliable"].append(float(found.reliable))
        if len(truth) < (PERCUSSIVE if clip.kind == "real" else 1):
            return
        times = np.array([o.time_s for o in found.onsets])
        sure = np.array([o.confidence for o in found.onsets])

        def ap(t: np.ndarray, c: np.ndarray) -> float:
            return metrics.average_precision(truth, t, c)

        def f1(t: np.ndarray, c: np.ndarray) -> float:
            return metrics.f1(truth, t)

        rows["ap"].append(ap(times, sure))
        rows["f1"].append(f1(times, sure))
        seen = found.seen or found.onsets
        rows["ap_seen"].append(ap(np.array([m.time_s for m in seen]), np.array([m.confidence for m in seen])))
        rows["count"].append(float(len(times) == len(truth)))
        if len(times):
            rows["ap_random"].append(metrics.random_baseline(ap, len(times), 0, end))
            rows["f1_random"].append(metrics.random_baseline(f1, len(times), 0, end))
            rows["ap_published"].append(metrics.average_precision_published(truth, times, sure))
            taken = metrics.match(truth, times, sure)
            self.confidence += list(sure)
            self.right += list(taken >= 0)
            self.errors += list(np.abs(times[taken >= 0] - truth[taken[taken >= 0]]))

    def figures(self) -> dict[str, float]:
        out = {name: float(np.nanmean(values)) if values else float("nan") for name, values in self.rows.items()}
        for name in ("ap", "f1"):
            out[f"{name}_low"], out[f"{name}_high"] = _interval(self.rows[name])
        return out | {
            "clips": float(len(self.rows["reliable"])),
            "calibration_error": metrics.calibration_error(np.array(self.confidence), np.array(self.right)),
            "median_error_ms": 1000 * float(np.median(self.errors)) if self.errors else float("nan"),
        }


def _interval(values: list[float]) -> tuple[float, float]:
    """95 % of the means of clips drawn with replacement."""
    if len(values) < 2:
        return float("nan"), float("nan")
    drawn = np.random.default_rng(0).choice(values, (DRAWS, len(values))).mean(axis=1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)


def _gray(rgb: np.ndarray) -> np.ndarray:
    size = (onsets.ANALYSIS_WIDTH, round(rgb.shape[0] * onsets.ANALYSIS_WIDTH / rgb.shape[1]))
    return cv2.cvtColor(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)


def _manifest(folder: Path) -> dict[str, np.ndarray]:
    for path in (folder / "video_manifest.csv", folder.parent / "video_manifest.csv"):
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as lines:
                return {r["file"]: np.array([float(t) for t in r["onset_times"].split()]) for r in csv.DictReader(lines)}
    return {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, help="a folder of videos with sound")
    parser.add_argument("--clips", type=int, default=24, help="clips in each synthetic suite")
    parser.add_argument("--detector", nargs="+", choices=DETECTORS, default=["motion"])
    parser.add_argument("--pack", type=Path, default=shipped_folder(), help="whose onset network looks")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    names = [name for name in DETECTORS if name in options.detector]
    network = by_network(Analogy(Pack.open(options.pack))) if {*names} - {"motion"} else None
    suites: dict[str, Iterator[Clip]] = {
        "stage hits, calm (0.3)": stage_clips("hit", 0.3, options.clips),
        "stage hits, wild (1.0)": stage_clips("hit", 1.0, options.clips),
        "stage footsteps (0.5)": stage_clips("footsteps", 0.5, options.clips // 2),
        "strikes, calm": strike_clips(options.clips, 0.0),
        "strikes, hard": strike_clips(2 * options.clips, 1.0),
        "nothing struck": strike_clips(options.clips // 2, 1.0, "still"),
    }
    if options.real:
        found = list(real_clips(options.real))
        percussive = [clip for clip in found if len(clip.truth_s) >= PERCUSSIVE and not clip.name.startswith("bbb")]
        suites |= {f"real: {clip.name}": iter([clip]) for clip in found}
        suites["real, varied"] = (variation for clip in percussive for variation in variations(clip))
    results: dict[str, dict[str, dict[str, float]]] = {}
    for name, clips in suites.items():
        results[name] = judge(clips, network, names)
        if not options.json:
            _tell(name, results[name], first=len(results) == 1)
    if options.json:
        json.dump(results, sys.stdout, indent=1)
        print()


def _tell(suite: str, figures: dict[str, dict[str, float]], *, first: bool) -> None:
    if first:
        print(
            f"{'suite':24s} detector  clips  reliable  AP +-100 ms (random) [95 %]      published  of what is seen"
            "  F1 +-50 ms (random) [95 %]       count  calib. err.  median error"
        )
    for detector, r in figures.items():
        said = [f"{r[k]:.3f} ({r[f'{k}_random']:.3f}) [{r[f'{k}_low']:.3f}-{r[f'{k}_high']:.3f}]" for k in ("ap", "f1")]
        print(
            f"{suite:24s} {detector:8s}  {r['clips']:5.0f}  {r['reliable']:8.2f}  {said[0]:31s}"
            f"  {r['ap_published']:9.3f}  {r['ap_seen']:15.3f}"
            f"  {said[1]:31s}  {r['count']:5.2f}  {r['calibration_error']:11.3f}  {r['median_error_ms']:9.1f} ms",
            flush=True,
        )


if __name__ == "__main__":
    main()
