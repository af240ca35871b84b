"""The stage as a data set: scenes made up by seed, as many as one likes, each with what is to be seen and heard at once.

A clip's label is (action, material), and every one of them is as frequent as the others. Seeds of the three splits are their
own and far from any that demo, tests and benchmarks use.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from foley_bridge.inference.features import PictureFeatures, SoundFeatures, log_mel, resized
from foley_bridge.stage.draw import draw_at
from foley_bridge.stage.materials import MATERIALS
from foley_bridge.stage.scene import Event, Scene, make_scene, stream
from foley_bridge.stage.sound import sound
from foley_models.data.clips import Clip, Moments, Skipped

VERSION = 1  # of what is below: features made by another are made anew
ACTIONS = ("hit", "scratch", "footsteps")
KINDS = tuple((action, material) for action in ACTIONS for material in MATERIALS)
COUNTS = {"train": 5829, "validation": 640, "test": 428}
"""Clips, where no number is given: the paper's of VGG-Sound (validation: its 1280 pairs)."""
SEEDS = {"train": 1 << 41, "validation": 2 << 41, "test": 3 << 41}
LENGTH_S = Fraction(3)
MOMENTS = 3
EARLY_S, LATE_S = 0.25, 0.35  # how long before and after its contact something is looked at
WIDTHS = (398, 398, 398, 300, 224, 536)  # of pictures 224 high: 16:9 mostly, 4:3, square, 2.39:1


class Stage:
    """Scenes of one split.

    Args:
        split: one of ``COUNTS``.
        count: how many clips.
    """

    another = "label"
    ready = True
    missing = 0

    def __init__(self, split: str, count: int) -> None:
        self._split, self._first = split, SEEDS[split]
        self.skipped: list[Skipped] = []
        names = [f"stage-{split}-{index:06d}" for index in range(count)]
        self.clips = [Clip(name, " ".join(KINDS[index % len(KINDS)]), name) for index, name in enumerate(names)]

    def what(self, index: int) -> Mapping[str, Any]:
        """Its seed says everything."""
        return {"stage": VERSION, "split": self._split, "clip": index}

    def make(self, index: int) -> Moments:
        """Up to ``MOMENTS`` events of a scene."""
        scene, rng = self.scene(index), stream(self._first + index, "moments")
        heard = [event for event in scene.events if event.audible]
        chosen = sorted(rng.permutation(len(heard))[:MOMENTS].tolist())
        size = (int(rng.choice(WIDTHS)), PictureFeatures().size)
        open_s = float(rng.choice([0.0, 0.01]))
        samples, settings = sound(scene), SoundFeatures()
        last = float(scene.duration_s) - settings.segment_s
        times, pictures, cut = [], [], []
        for number in chosen:
            seen_s = _seen(rng, heard[number], float(scene.duration_s))
            start = round(min(max(0.0, seen_s - settings.segment_s / 2), last) * settings.sample_rate)
            times.append(start / settings.sample_rate)
            pictures.append(resized(draw_at(scene, seen_s, size, open_s=open_s), PictureFeatures()))
            cut.append(samples[start : start + settings.samples])
        return Moments(np.array(times), np.stack(pictures), log_mel(np.stack(cut), settings)[:, 0].astype(np.float16))

    def scene(self, index: int) -> Scene:
        """A clip's scene: something is heard in it."""
        action, material = KINDS[index % len(KINDS)]
        seed = self._first + index
        variation = float(stream(seed, "variation").random())
        while True:
            scene = make_scene(seed, action=action, material=material, duration_s=LENGTH_S, variation=variation)
            if any(event.audible for event in scene.events):
                return scene
            variation /= 2  # fewer near misses


def _seen(rng: np.random.Generator, event: Event, end_s: float) -> float:
    """A moment of the scene shortly before an event, in it, or shortly after its contact."""
    first = float(event.time_s)
    contact_s = min(float(event.duration_s), 1.0)
    return float(min(max(0.0, first + rng.uniform(-EARLY_S, LATE_S) + rng.uniform(0, contact_s)), end_s - 0.02))
