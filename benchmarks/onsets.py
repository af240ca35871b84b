"""How well onsets are found in the picture: on the stage, on other synthetic strikes, on real videos and their variations.

    python benchmarks/onsets.py [--real DIR] [--clips N] [--json]

Seeds from 5000 on were never looked at while the detector was made. Truth on synthetic clips is the exact contact. Truth on
real videos is the sound's: ``onset_times`` of a ``video_manifest.csv`` beside DIR or in it, else librosa's onsets (delta 0.3)
of the file's own sound; both lie about 20 ms after the sound really starts. A row is the mean over a suite's clips; a clip
called unreliable counts as if nothing were found. In brackets: the same for uniform random onsets of equal count.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import librosa
import numpy as np
from foley_models import metrics
from onset_scenes import Clip, make_clip

from foley_bridge.engines import onsets
from foley_bridge.engines.candidate import MotionFrame
from foley_bridge.media import audio, video
from foley_bridge.stage.draw import draw_frames
from foley_bridge.stage.materials import MATERIALS
from foley_bridge.stage.scene import make_scene

FIRST_SEED = 5000
RATES = (Fraction(25, 2), Fraction(15), Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(50))
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
        grays = np.stack([_gray(frame) for frame in draw_frames(scene, fps=rate, size=(352, 198))])
        times = np.arange(len(grays)) / float(rate)
        yield Clip(f"stage {action} {seed}", times, grays, np.array([float(t) for t in scene.onsets_s]), action)


def strike_clips(count: int, hard: float, kind: str | None = None) -> Iterator[Clip]:
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        yield make_clip(seed, hard=hard, kind=kind)


def real_clips(folder: Path) -> Iterator[Clip]:
    known = _manifest(folder)
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in (".mp4", ".mov", ".webm", ".mkv", ".avi")):
        info = video.probe(str(path))
        size = video.fit_size(info, width=onsets.ANALYSIS_WIDTH)
        frames = list(video.read_span(str(path), Fraction(0), info.duration, size=size, gray=True))
        truth = known[path.name] if path.name in known else sound_onsets(path)
        yield Clip(path.stem, np.array([float(f.pts) for f in frames]), np.stack([f.image for f in frames]), truth, "real")


def sound_onsets(path: Path) -> np.ndarray:
    """Seconds of librosa's onsets of a file's own sound, as CondFoleyGen takes them (delta 0.3)."""
    samples = audio.load(str(path), sample_rate=22050).mean(axis=1)
    return np.asarray(librosa.onset.onset_detect(y=samples, sr=22050, units="time", delta=0.3))


def variations(clip: Clip) -> Iterator[Clip]:
    """The same blows seen otherwise: mirrored, cropped, far away, on their side, hand-held, noisy, faster, slower, repeated."""
    rng = np.random.default_rng(5)
    h, w = clip.grays.shape[1:]

    def seen(name: str, grays: list[np.ndarray], speed: float = 1.0, times: np.ndarray | None = None) -> Clip:
        at = clip.times_s if times is None else times
        return Clip(f"{clip.name} {name}", at / speed, np.stack(grays), clip.truth_s / speed, "variation")

    yield seen("mirrored", [g[:, ::-1] for g in clip.grays])
    yield seen("cropped", [g[h // 10 : -h // 20, w // 20 : -w // 5] for g in clip.grays])
    far = (round(w * 0.6), round(h * 0.6))
    yield seen(
        "far",
        [
            cv2.copyMakeBorder(
                cv2.resize(g, far, interpolation=cv2.INTER_AREA), h // 4, h // 6, w // 8, w // 4, cv2.BORDER_REFLECT
            )
            for g in clip.grays
        ],
    )
    yield seen("on its side", [np.ascontiguousarray(np.rot90(g)) for g in clip.grays])
    phase, speed = rng.uniform(0, 6.28, (5, 2)), rng.uniform(0.3, 3, (5, 2))
    shaken, noisy = [], []
    for t, g in zip(clip.times_s, clip.grays, strict=True):
        dx, dy = 4 * np.sin(2 * np.pi * speed * t + phase).mean(axis=0)
        shaken.append(cv2.warpAffine(g, np.array([[1, 0, dx], [0, 1, dy]]), (w, h), borderMode=cv2.BORDER_REFLECT))
        light = 1 + 0.06 * np.sin(2 * np.pi * 3.3 * t)
        noisy.append(np.clip(g * light + rng.normal(0, 5, g.shape), 0, 255).astype(np.uint8))
    yield seen("hand-held", shaken)
    yield seen("noisy", noisy)
    for factor in (2.0, 1.5, 0.7):
        yield seen(f"x{factor:g}", list(clip.grays), factor)
    between = np.append((clip.times_s[1:] + clip.times_s[:-1]) / 2, clip.times_s[-1] + np.diff(clip.times_s[-2:]) / 2)
    yield seen(
        "every picture twice", list(np.repeat(clip.grays, 2, axis=0)), times=np.stack([clip.times_s, between], 1).ravel()
    )


def judge(clips: Iterator[Clip]) -> dict[str, float]:
    """The figures of one suite."""
    rows: dict[str, list[float]] = {k: [] for k in ("ap", "ap_random", "ap_published", "f1", "f1_random", "reliable", "count")}
    confidence, right, errors = [], [], []
    for clip in clips:
        frames = (MotionFrame(float(t), g) for t, g in zip(clip.times_s, clip.grays, strict=True))
        end = float(clip.times_s[-1] + np.median(np.diff(clip.times_s)))
        found = onsets.detect(frames, start_s=0.0, end_s=end)
        rows["reliable"].append(float(found.reliable))
        truth = clip.truth_s
        if len(truth) < (PERCUSSIVE if clip.kind == "real" else 1):
            continue
        times = np.array([o.time_s for o in found.onsets])
        sure = np.array([o.confidence for o in found.onsets])

        def ap(t: np.ndarray, c: np.ndarray, truth: np.ndarray = truth) -> float:
            return metrics.average_precision(truth, t, c)

        def f1(t: np.ndarray, c: np.ndarray, truth: np.ndarray = truth) -> float:
            return metrics.f1(truth, t)

        rows["ap"].append(ap(times, sure))
        rows["f1"].append(f1(times, sure))
        rows["count"].append(float(len(times) == len(truth)))
        if len(times):
            rows["ap_random"].append(metrics.random_baseline(ap, len(times), 0, end))
            rows["f1_random"].append(metrics.random_baseline(f1, len(times), 0, end))
            rows["ap_published"].append(metrics.average_precision_published(truth, times, sure))
            taken = metrics.match(truth, times, sure)
            confidence += list(sure)
            right += list(taken >= 0)
            errors += list(np.abs(times[taken >= 0] - truth[taken[taken >= 0]]))
    out = {name: float(np.nanmean(values)) if values else float("nan") for name, values in rows.items()}
    out |= {
        "clips": float(len(rows["reliable"])),
        "calibration_error": metrics.calibration_error(np.array(confidence), np.array(right)),
        "median_error_ms": 1000 * float(np.median(errors)) if errors else float("nan"),
    }
    return out


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
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
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
    results = {}
    for name, clips in suites.items():
        results[name] = judge(clips)
        if not options.json:
            if len(results) == 1:
                print(f"{'suite':26s} clips  reliable  AP +-100 ms   published  F1 +-50 ms    count  calib. err.  median error")
            r = results[name]
            print(
                f"{name:26s} {r['clips']:5.0f}  {r['reliable']:8.2f}  {r['ap']:.3f} ({r['ap_random']:.3f})"
                f"  {r['ap_published']:8.3f}   {r['f1']:.3f} ({r['f1_random']:.3f})  {r['count']:5.2f}"
                f"  {r['calibration_error']:11.3f}  {r['median_error_ms']:9.1f} ms",
                flush=True,
            )
    if options.json:
        json.dump(results, sys.stdout, indent=1)
        print()


if __name__ == "__main__":
    main()
