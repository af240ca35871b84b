"""The stage as films: scenes made up by seed, each of one material and one kind of action.

In a dubbed data set half of the films sound of another material than they look of, all through: the same scene is drawn, and
the same events sound of the other material. A picture then does not tell what is to be heard; an example from the same film
does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import soxr

from foley_bridge.inference.clips import ClipPicture, ClipSound, kept
from foley_bridge.stage.draw import draw_at
from foley_bridge.stage.materials import MATERIALS
from foley_bridge.stage.scene import Scene, make_scene, stream
from foley_bridge.stage.sound import sound as stage_sound
from foley_models.analogy.data.films import Film, FilmEvent, heard_from
from foley_models.data.clips import Skipped

VERSION = 1  # of what is below: films made by another are made anew
ACTIONS = ("hit", "scratch", "mixed", "footsteps")
KINDS = tuple((action, material) for action in ACTIONS for material in MATERIALS)
COUNTS = {"train": 2400, "validation": 160, "test": 240}
SEEDS = {"train": 5 << 41, "validation": 6 << 41, "test": 7 << 41}
LENGTH_S = Fraction(6)
DRAWN = 128  # pixels, of both sides, or more where more are kept: what networks cut out of a wider picture is its middle
SOUND_HZ = 48000  # as the stage sounds elsewhere; blows are too short for lower rates


class Stage:
    """Films of one split.

    Args:
        split: one of ``COUNTS``.
        count: how many.
        dubbed: do half of them sound of another material?
    """

    missing = 0

    def __init__(self, split: str, count: int, *, dubbed: bool = False) -> None:
        self._split, self._first, self._dubbed = split, SEEDS[split], dubbed
        self.names = [f"stage-{split}-{index:06d}" for index in range(count)]
        self.skipped: Sequence[Skipped] = ()

    def what(self, index: int) -> Mapping[str, Any]:
        """Its seed and what it sounds of say everything."""
        return {"stage": VERSION, "split": self._split, "film": index, "heard": self.heard(index)}

    def heard(self, index: int) -> str:
        """The material that a film sounds of; a film of every kind in turn is dubbed."""
        seen = KINDS[index % len(KINDS)][1]
        if not self._dubbed or (index + index // len(KINDS)) % 2:
            return seen
        others = [material for material in MATERIALS if material != seen]
        return others[int(stream(self._first + index, "dubbed").integers(len(others)))]

    def scene(self, index: int) -> Scene:
        """A film's scene: clips can be taken from it that do not overlap, and something is heard in both."""
        action, material = KINDS[index % len(KINDS)]
        seed = self._first + index
        variation = float(stream(seed, "variation").random())
        while True:
            scene = make_scene(seed, action=action, material=material, duration_s=LENGTH_S, variation=variation)
            times = scene.onsets_s
            if times and times[-1] - times[0] >= 3:
                return scene
            variation /= 2  # fewer near misses
            seed += 1 << 32

    def make(self, index: int, picture: ClipPicture, sound: ClipSound) -> Film:
        """Drawn and sounded."""
        scene, heard = self.scene(index), self.heard(index)
        side = max(DRAWN, picture.short_side)
        times = [Fraction(number, picture.fps) for number in range(int(LENGTH_S * picture.fps))]
        open_s = float(stream(scene.seed, "shutter").choice([0.0, 0.01]))
        frames = np.stack([kept(draw_at(scene, time, (side, side), open_s=open_s), picture) for time in times])
        dubbed = replace(scene, events=tuple(replace(event, material=heard) for event in scene.events))
        samples = soxr.resample(stage_sound(dubbed, sample_rate=SOUND_HZ), SOUND_HZ, sound.sample_rate).astype(np.float32)
        events = tuple(FilmEvent(float(event.time_s), event.kind, heard) for event in scene.events if event.audible)
        starts = heard_from(samples, len(frames), events, picture, sound)
        return Film(self.names[index], frames, samples, events, starts, scene.action, scene.material, heard)
