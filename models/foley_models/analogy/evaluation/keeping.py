"""What systems made, kept as movies to look at and listen to: the listening study is made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foley_bridge.media.movie import write_movie
from foley_bridge.media.sound import ArraySound
from foley_bridge.media.whole_file import whole_file
from foley_models.analogy.data.batching import Place
from foley_models.analogy.data.films import Films
from foley_models.analogy.evaluation.pairs import Pair
from foley_models.analogy.evaluation.sounding import Clip
from foley_models.errors import ModelError

CONDITIONAL = "conditional"
LIST = "pairs.json"


class Keeper:
    """A folder: ``SYSTEM/NNN.mp4``, the input's picture with what a system made for pair NNN; ``conditional/NNN.mp4``, its
    example; ``pairs.json``, which pair is which, written last.

    Args:
        systems: in the order that their sounds come in.

    Raises:
        ModelError: two of them have one name, or the folder cannot be made.
    """

    def __init__(self, folder: Path, films: Films, systems: Sequence[str]) -> None:
        self._folder, self._films, self._systems = folder, films, systems
        self._pairs: list[dict[str, object]] = []
        if twice := [name for name in systems if list(systems).count(name) > 1]:
            raise ModelError(f"--keep: two runs are of {twice[0]}", "keep one run of each system")
        try:
            for name in (CONDITIONAL, *systems):
                (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"{folder}: cannot be made, {error.strerror}", "give another --keep") from error

    def keep(self, number: int, pair: Pair, given: Clip, example: Clip, made: Sequence[NDArray[np.float32]]) -> None:
        """One pair.

        Args:
            made: the systems' sounds, float32 (samples,).
        """
        name = f"{number:03d}.mp4"
        self._write(CONDITIONAL, name, example, example.samples)
        for system, sound in zip(self._systems, made, strict=True):
            self._write(system, name, given, sound)
        self._pairs.append(
            {
                "number": number,
                "file": name,
                "input": self._said(pair.input),
                "conditional": self._said(pair.conditional),
                "same_materials": pair.same_materials,
                "same_actions": pair.same_actions,
            }
        )

    def finish(self) -> None:
        """Write the list."""
        said = {"systems": list(self._systems), "pairs": self._pairs}
        with whole_file(self._folder / LIST) as beside:
            beside.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")

    def _write(self, system: str, name: str, shown: Clip, sound: NDArray[np.float32]) -> None:
        rate = Fraction(self._films.picture.fps)
        write_movie(self._folder / system / name, shown.images, rate, ArraySound(sound, self._films.sound.sample_rate))

    def _said(self, place: Place) -> str:
        return f"{self._films.names[place.film]}_{place.start / self._films.picture.fps:.4f}"
