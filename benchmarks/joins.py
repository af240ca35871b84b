"""Long sounds of an analogy pack: is anything to be heard where windows and pieces meet; what a second costs; how much memory.

    python benchmarks/joins.py [--pack DIR] [--scenes 8] [--seconds 30] [--seed 1] [--json]
    python benchmarks/joins.py --cost [--pack DIR] [--minutes 1,10]

Codes are drawn for drawn scenes by examples of other scenes, window by window, as the engine draws them, one candidate. Steps
are measured at the joins, and at all other edges of columns, where codes change, too, but nothing is joined: of the level (dB,
20 ms before against 20 ms after) and of the spectrum (mel bands, dB, root mean square, of two frames that share no sample; of
magnitudes, of neighbouring frames). Windows are decoded three columns beside those that were drawn, and sound is made from the
second column on, so that what is drawn anew, windows and pieces are joined at different places. Quiet places do not count.
Joins are as others if their mean and 95th percentile are below what 95 % of as many places taken by chance have at most.
"End to end" joins clips that are decoded and made sound each by itself: what the measure has to find.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import librosa
import numpy as np
from numpy.typing import NDArray

from foley_bridge.engines.analogy.plan import plan
from foley_bridge.engines.analogy.sounding import CodedSound
from foley_bridge.engines.analogy.waves import PIECE, decoded, spoken, windows_of
from foley_bridge.inference import clips
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.clips import ClipSound, Floats
from foley_bridge.inference.decode import Codes, Pinned, Prefix, Sampling, go_on
from foley_bridge.inference.griffin_lim import going_on, griffin_lim, spread
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.places import shipped_folder
from foley_bridge.stage.draw import draw_at
from foley_bridge.stage.materials import MATERIALS
from foley_bridge.stage.scene import Scene, make_scene
from foley_bridge.stage.sound import sound

ACTIONS = ("hit", "scratch", "footsteps")
TIMES = 10000
QUIET_DB = -50.0
BESIDE = 3  # columns
LOWEST = -3.0  # log10 of magnitude, 60 dB below the loudest
Doubles = NDArray[np.float64]


# --- sounds ---


def generated(analogy: Analogy, scene: Scene, example: Scene, seconds: int, seed: int) -> Codes:
    """Codes for a scene, by the first clip of another: int64 (columns, rows)."""
    task = analogy.task
    windows = plan(task, Fraction(0), Fraction(seconds))

    def seen(of: Scene, times: list[Fraction]) -> Floats:
        images = [clips.kept(draw_at(of, each, (160, 90)), task.picture) for each in times]
        return analogy.features(clips.pictures(np.stack(images), task.picture)[None])

    samples = sound(example, sample_rate=task.sound.sample_rate)[: task.sound.samples]
    codes = analogy.codes(clips.mel(clips.levelled(samples, task.sound), task.sound)).reshape(1, -1)
    own = [Fraction(k, task.picture.fps) for k in range(task.picture.frames)]
    prefix = Prefix(seen(example, own), np.zeros((1, 0, task.features), np.float32), codes)
    pinned = Pinned(analogy.session("decoder"), task, prefix)
    random, sampling = np.random.default_rng(seed), Sampling(task.top_k, task.temperature)
    made = np.zeros((1, 0), np.int64)
    for number in range(windows.windows):
        known = made[:, number * windows.step * task.rows :]
        drawn = random.random((1, task.columns * task.rows - known.shape[1]))
        features = seen(scene, list(windows.times(number)))
        made = np.concatenate([made, go_on(pinned, features, known, drawn, sampling)], axis=1)
    return made.reshape(-1, task.rows)


def scenes(count: int, seconds: int, seed: int) -> list[tuple[Scene, Scene]]:
    """What is seen, and the example: of every action in turn, and of two materials."""
    materials = sorted(MATERIALS)
    pairs = []
    for number in range(count):
        action = ACTIONS[number % len(ACTIONS)]
        shown, heard = (materials[(number * 3 + more) % len(materials)] for more in (0, 1))
        scene = make_scene(5000 + 10 * seed + number, action=action, material=shown, duration_s=seconds, variation=0.2)
        example = make_scene(7000 + 10 * seed + number, action=action, material=heard, duration_s=3, variation=0.2)
        pairs.append((scene, example))
    return pairs


def voice(analogy: Analogy) -> Callable[[Floats], Floats]:
    """What makes sound of a clip at once: float32 (mels, frames) to (samples,)."""
    if analogy.has("vocoder"):
        return lambda shown: analogy.wave(np.ascontiguousarray(shown)[None])[0]
    return lambda shown: griffin_lim(shown, analogy.task.sound)


def beside(analogy: Analogy, codes: Codes) -> list[tuple[int, Codes]]:
    """Windows that do not lie where codes were drawn."""
    width, step = analogy.task.columns, analogy.task.columns // 2
    starts = [0, *range(BESIDE, len(codes) - width, step), len(codes) - width]
    return [(start, codes[start : start + width]) for start in starts]


def in_pieces(analogy: Analogy, magnitudes: Floats) -> Iterator[Floats]:
    """Sound of magnitudes as the engine makes it."""
    if analogy.has("vocoder"):
        return spoken([magnitudes], voice(analogy), analogy.task.sound.hop)
    return going_on([magnitudes], analogy.task.sound)


# --- steps ---


def level_steps(samples: Floats, settings: ClipSound, frames: NDArray[np.int64]) -> Doubles:
    """At the beginnings of frames, dB; nan where it is quiet on both sides."""
    near = round(0.02 * settings.sample_rate)
    at = frames * settings.hop
    before, after = (samples[at[:, None] + np.arange(first, first + near)].astype(np.float64) for first in (-near, 0))
    before, after = (10 * np.log10(np.mean(each**2, axis=1) + 1e-6) for each in (before, after))
    return np.where(np.maximum(before, after) > QUIET_DB, np.abs(after - before), np.nan)


def spectrum_steps(levels: Floats, frames: NDArray[np.int64], apart: int) -> Doubles:
    """Between the frames ``apart`` before and at or after: (mels, n) log10 magnitudes to dB; nan where it is quiet."""
    loud = 20 * np.log10((10.0**levels).mean(axis=0))
    before, after = frames - max(1, apart), frames + apart
    changed = np.maximum(levels[:, after], LOWEST) - np.maximum(levels[:, before], LOWEST)
    steps = 20 * np.sqrt(np.mean(np.square(changed), axis=0))
    return np.where(np.maximum(loud[before], loud[after]) > QUIET_DB - 10, steps, np.nan)


def logarithms(samples: Floats, settings: ClipSound) -> Floats:
    """Log10 magnitudes of mel bands of a sound."""
    spectra = librosa.stft(samples, n_fft=settings.n_fft, hop_length=settings.hop)
    return np.log10(np.maximum(clips.bands(settings) @ np.abs(spectra), clips.FLOOR))


def row(what: str, steps: list[Doubles], joins: list[NDArray[np.bool_]], seed: int) -> dict[str, Any]:
    """Joins beside other places: means and 95th percentiles, and what chance gives."""
    values, here = np.concatenate(steps), np.concatenate(joins)
    values, here = values[np.isfinite(values)], here[np.isfinite(values)]
    random, count = np.random.default_rng(seed), int(here.sum())
    by_chance = np.array([values[random.permutation(len(values))[:count]] for _ in range(TIMES)])
    means, highs = by_chance.mean(axis=1), np.percentile(by_chance, 95, axis=1)
    mean, high = float(values[here].mean()), float(np.percentile(values[here], 95))
    return {
        "what": what,
        "joins": count,
        "others": int((~here).sum()),
        "mean": mean,
        "mean_of_others": float(values[~here].mean()),
        "mean_by_chance": float(np.percentile(means, 95)),
        "high": high,
        "high_of_others": float(np.percentile(values[~here], 95)),
        "high_by_chance": float(np.percentile(highs, 95)),
        "as_others": bool(mean <= np.percentile(means, 95) and high <= np.percentile(highs, 95)),
    }


def compare(analogy: Analogy, count: int, seconds: int, seed: int) -> list[dict[str, Any]]:
    """A row for each measure and way."""
    settings, task = analogy.task.sound, analogy.task
    column, clip = settings.frames // task.columns, settings.frames
    way = "vocoder" if analogy.has("vocoder") else "Griffin-Lim"
    found: dict[str, tuple[list[Doubles], list[NDArray[np.bool_]]]] = {}

    def note(what: str, steps: Doubles, joins: NDArray[np.bool_]) -> None:
        both = found.setdefault(what, ([], []))
        both[0].append(steps)
        both[1].append(joins)

    for number, (scene, example) in enumerate(scenes(count, seconds, seed)):
        codes = generated(analogy, scene, example, seconds, seed + number)
        magnitudes = np.concatenate(list(decoded(analogy, beside(analogy, codes))), axis=1)[:, column:]
        samples = np.concatenate(list(in_pieces(analogy, magnitudes)))
        levels = logarithms(samples, settings)
        edges = np.arange(column, magnitudes.shape[1] - column, column)
        place, step = edges // column + 1, task.columns // 2
        drawn, windows, pieces = place % step == 0, place % step == BESIDE % step, edges % PIECE == 0
        others = ~(drawn | windows | pieces)
        for what, here in (("drawn anew", drawn), ("windows", windows), (f"pieces, {way}", pieces)):
            if here is not pieces:
                note(f"{what}: magnitudes", spectrum_steps(magnitudes, edges, 0)[here | others], here[here | others])
            note(f"{what}: level", level_steps(samples, settings, edges)[here | others], here[here | others])
            note(f"{what}: spectrum", spectrum_steps(levels, edges, 2)[here | others], here[here | others])
        edges = np.arange(column, len(codes) * column - column, column)
        ends = edges % clip == 0
        alone = [np.concatenate(list(decoded(analogy, windows_of(analogy, codes[at : at + task.columns]))), axis=1)
                 for at in range(0, len(codes), task.columns)]  # fmt: skip
        note("end to end: magnitudes", spectrum_steps(np.concatenate(alone, axis=1), edges, 0), ends)
        joined = np.concatenate([voice(analogy)(each) for each in alone])
        note("end to end: level", level_steps(joined, settings, edges), ends)
        note("end to end: spectrum", spectrum_steps(logarithms(joined, settings), edges, 2), ends)
    return [row(what, *both, seed) for what, both in found.items()]


# --- what it costs ---


def cost(analogy: Analogy, folder: Path, minutes: list[float]) -> dict[str, Any]:
    """CPU seconds of each part for a second of sound, and the peak of a process that makes it, in MB."""
    task, settings = analogy.task, analogy.task.sound
    codes = np.random.default_rng(0).integers(0, task.entries, (10 * task.columns, task.rows))
    seconds = len(codes) * settings.frames // task.columns * settings.hop / settings.sample_rate
    magnitudes = list(decoded(analogy, windows_of(analogy, codes)))
    whole = np.concatenate(magnitudes, axis=1)
    parts: dict[str, Callable[[], object]] = {"codes to magnitudes": lambda: list(decoded(analogy, windows_of(analogy, codes)))}
    if analogy.has("vocoder"):
        parts["vocoder"] = lambda: voice(analogy)(whole)
    else:
        parts["bands spread over bins"] = lambda: spread(whole, settings)
        parts["Griffin-Lim, spreading and all"] = lambda: list(going_on(magnitudes, settings))
    parts["all"] = lambda: list(CodedSound(analogy, codes, start=0, frames=int(seconds * settings.sample_rate)).blocks())
    spent = {}
    for name, part in parts.items():
        took = []
        for _ in range(3):
            begun = time.process_time()
            part()
            took.append(time.process_time() - begun)
        spent[name] = min(took) / seconds
    peaks = {}
    for length in minutes:
        command = [sys.executable, __file__, "--child", str(length), "--pack", str(folder)]
        peaks[length] = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {"cpu_s_per_s": spent, "peak_mb": peaks}


def _child(analogy: Analogy, minutes: float) -> None:
    """Make so much sound in this process, whose memory is the measure."""
    settings, task = analogy.task.sound, analogy.task
    frames = round(minutes * 60 * settings.sample_rate)
    columns = -(-frames // (settings.frames // task.columns * settings.hop))
    codes = np.random.default_rng(0).integers(0, task.entries, (columns, task.rows))
    made = CodedSound(analogy, codes, start=0, frames=frames)
    for _ in range(2):
        assert sum(len(block) for block in made.blocks()) == frames
    print(_peak_mb())


def _peak_mb() -> float:
    """Of this process; elsewhere than on Linux, of its parent before, too."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text("ascii", "replace").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, default=shipped_folder())
    parser.add_argument("--scenes", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cost", action="store_true")
    parser.add_argument("--minutes", default="1,10")
    parser.add_argument("--child", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    analogy = Analogy(Pack.open(asked.pack), threads=1, providers="cpu")
    if asked.child:
        _child(analogy, asked.child)
        return
    if asked.cost:
        made = cost(analogy, asked.pack, [float(part) for part in asked.minutes.split(",")])
        print(json.dumps(made, indent=2))
        return
    rows = compare(analogy, asked.scenes, asked.seconds, asked.seed)
    if asked.json:
        print(json.dumps(rows, indent=2))
        return
    print("| steps, dB | joins | others | mean | of others | by chance | 95 % | of others | by chance | as others |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---|")
    for each in rows:
        numbers = (f"{each[name]:.2f}" for name in ("mean", "mean_of_others", "mean_by_chance"))
        highs = (f"{each[name]:.2f}" for name in ("high", "high_of_others", "high_by_chance"))
        cells = [each["what"], each["joins"], each["others"], *numbers, *highs, "yes" if each["as_others"] else "no"]
        print(f"| {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    main()
