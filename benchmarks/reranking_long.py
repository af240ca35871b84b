"""Sound for longer regions: windows half a clip apart, or one that moves on column by column as published; with re-ranking in
each window, and without.

    python benchmarks/reranking_long.py KEEP [--scenes 24] [--seconds 20] [--candidates 8]

With the pack that ships, on scenes of the stage that nothing was learned from, on the CPU. What was measured is kept in the
folder KEEP, scene by scene: the same command goes on where it was stopped. Intervals are 95 %, bootstrap over scenes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import reranking_pairs as pairs
from foley_models import metrics
from foley_models.analogy.data.stage import KINDS, SEEDS
from foley_models.analogy.evaluation import onsets as heard_onsets
from reranking import interval

from foley_bridge.engines.analogy.drawing import Pool
from foley_bridge.engines.analogy.judging import ONSETS, SYNC, Seen
from foley_bridge.engines.analogy.plan import Plan, plan
from foley_bridge.engines.analogy.sounding import CodedSound
from foley_bridge.inference import clips
from foley_bridge.inference.analogy import Analogy
from foley_bridge.inference.decode import Pinned, Prefix
from foley_bridge.inference.pack import Pack
from foley_bridge.inference.places import shipped_folder
from foley_bridge.stage.draw import draw_at
from foley_bridge.stage.scene import Scene, make_scene, stream

FIRST_SEED = SEEDS["test"] + (1 << 33)  # films of the test split stop before it
BEYOND_S = 2  # of a scene, after the region: the last window may look at it
SLIDING = "one column on, as published; no re-ranking"


def images(scene: Scene, times: list[Fraction], settings: clips.ClipPicture) -> np.ndarray:
    """uint8 (times, size, size, 3)."""
    drawn = [clips.kept(draw_at(scene, time, (pairs.SIDE, pairs.SIDE)), settings) for time in times]
    return clips.cut_out(np.stack(drawn), settings)


def windows(analogy: Analogy, over: Plan, shown: np.ndarray) -> Iterator[Seen]:
    """What each window shows, features of all pictures looked at as one row; onsets as the onset network sees them."""
    settings = analogy.task.picture
    features = analogy.features(clips.normalised(shown, settings)[None])
    for number in range(over.windows):
        part = slice(number * over.picture_step, number * over.picture_step + over.pictures)
        logits = analogy.onsets(clips.normalised(shown[part], settings)[None])[0].astype(float)
        times_s = np.arange(over.pictures) / float(over.fps)
        yield Seen(features[:, part], shown[part], times_s, 1 / (1 + np.exp(-logits)))


def made(
    analogy: Analogy, scene: Scene, prefix: Prefix, seconds: int, candidates: int, seed: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Codes of the scene, (columns, rows), each way; of several takes the first."""
    task, over = analogy.task, plan(analogy.task, Fraction(0), Fraction(seconds))
    shown = images(scene, [Fraction(number) / over.fps for number in range(over.all_pictures)], task.picture)
    seen = [*windows(analogy, over, shown)]
    pinned = Pinned(analogy.session("decoder"), task, prefix)
    ways = [("half a clip on; no re-ranking", 1, SYNC)]
    ways += [(f"half a clip on; of {candidates}, by {choice}", candidates, choice) for choice in (SYNC, ONSETS)]
    for name, count, choice in ways:
        pool = Pool(analogy, pinned, over, candidates=count, seed=seed, number=0, choice=choice)
        for number, window in enumerate(seen):
            pool.window(number, window)
        yield name, pool.takes()[0].codes
    even = [Fraction(number, task.picture.fps) for number in range(int((seconds + 1) * task.picture.fps))]
    features = analogy.features(clips.normalised(images(scene, even, task.picture), task.picture)[None])
    drawn = stream(seed, "sliding").random((1, over.all_columns * task.rows))
    codes = analogy.generate(Prefix(prefix.conditional, features, prefix.codes), drawn)
    yield SLIDING, codes[0]


def measured(analogy: Analogy, number: int, seconds: int, candidates: int) -> dict[str, list[float]]:
    """AP and F1 of each way for one scene."""
    action, material = KINDS[number % len(KINDS)]
    seed = FIRST_SEED + number
    variation = float(stream(seed, "variation").random())
    scene = make_scene(seed, action=action, material=material, duration_s=seconds + BEYOND_S, variation=variation)
    truth_s = np.array([float(time) for time in scene.onsets_s if time < seconds])
    _, example = pairs.places(number + 1, analogy.task.picture, analogy.task.sound)[number]
    like = pairs.shown(analogy, example)
    prefix = Prefix(like.features, like.features, analogy.codes(like.mel).reshape(1, -1))
    told = {}
    for name, codes in made(analogy, scene, prefix, seconds, candidates, number):
        rate = analogy.task.sound.sample_rate
        sound = CodedSound(analogy, codes, start=0, frames=seconds * rate)
        found = heard_onsets.heard(np.concatenate([*sound.blocks()])[:, 0], rate)
        precision = metrics.average_precision(truth_s, found.times_s, found.confidence)
        told[name] = [precision, metrics.f1(truth_s, found.times_s, metrics.TOLERANCE_S)]
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("keep", type=Path)
    parser.add_argument("--scenes", type=int, default=24)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--candidates", type=int, default=8)
    given = parser.parse_args()
    given.keep.mkdir(parents=True, exist_ok=True)
    analogy = Analogy(Pack.open(shipped_folder()), threads=1, providers="cpu")
    rows: dict[str, list[list[float]]] = {}
    for number in range(given.scenes):
        file = given.keep / f"long-{number:03d}.json"
        if not file.exists():
            file.write_text(json.dumps(measured(analogy, number, given.seconds, given.candidates)), encoding="utf-8")
            print(f"{number + 1} of {given.scenes}", flush=True)
        for name, told in json.loads(file.read_text(encoding="utf-8")).items():
            rows.setdefault(name, []).append(told)
    published = np.array(rows[SLIDING])
    print(f"\n| {given.scenes} scenes of {given.seconds} s | AP | against as published | F1 |\n|---|---|---|---|")
    for name, told in rows.items():
        each = np.array(told)
        print(f"| {name} | {each[:, 0].mean():.3f} | {interval(each[:, 0] - published[:, 0])} | {each[:, 1].mean():.3f} |")


if __name__ == "__main__":
    main()
