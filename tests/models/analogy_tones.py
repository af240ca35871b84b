"""Films that sound of tones: a material is a pitch, an action is how long it lasts; their pictures are grey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from foley_models.analogy.data.films import Film, FilmEvent, Films, heard_from
from foley_models.analogy.data.store import Store
from foley_models.data.clips import Skipped
from numpy.typing import NDArray

from foley_bridge.inference.clips import ClipPicture, ClipSound, settings_to_json

HZ = {"high": 2400.0, "low": 300.0, "": 900.0}  # "": nobody can tell
LENGTH_S = {"hit": 0.1, "scratch": 0.5, "": 0.2}
PICTURE, SOUND = ClipPicture(short_side=8, size=8), ClipSound()


class Tones:
    """A source. films: of each the events as (seconds, action, material)."""

    missing = 0

    def __init__(self, films: Sequence[Sequence[tuple[float, str, str]]], length_s: float = 3.0) -> None:
        self._events = [tuple(FilmEvent(*each) for each in events) for events in films]
        self._length_s = length_s
        self.names = [f"tones-{index}" for index in range(len(films))]
        self.skipped: Sequence[Skipped] = ()

    def what(self, index: int) -> Mapping[str, Any]:
        """All that it depends on."""
        return {"tones": self._events[index], "film": index, "length_s": self._length_s}

    def make(self, index: int, picture: ClipPicture, sound: ClipSound) -> Film:
        """A film with some noise under its tones."""
        events = self._events[index]
        frames = np.full((round(self._length_s * picture.fps), picture.short_side, picture.short_side, 3), 90, np.uint8)
        samples = tones(events, self._length_s, sound.sample_rate, seed=index)
        return Film(self.names[index], frames, samples, events, heard_from(samples, len(frames), events, picture, sound))


def tones(events: Sequence[FilmEvent], length_s: float, rate: int, seed: int = 0) -> NDArray[np.float32]:
    """float32 (length_s * rate,)."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, 1e-4, round(length_s * rate))
    for event in events:
        time = np.arange(len(samples)) / rate - event.time_s
        loud = (time >= 0) & (time < LENGTH_S[event.action])
        samples += 0.3 * loud * np.sin(2 * np.pi * HZ[event.material] * rng.uniform(0.98, 1.02) * time)
    return samples.astype(np.float32)


def tone_films(folder: Path, films: Sequence[Sequence[tuple[float, str, str]]], split: str = "train") -> Films:
    """Opened films."""
    store = Store(folder, {"picture": settings_to_json(PICTURE), "sound": settings_to_json(SOUND)})
    opened = Films(Tones(films), store, split, PICTURE, SOUND)
    for index in range(len(opened)):
        opened.make(index)
    return opened
