"""What ``evaluate analogy --keep`` would have kept, for the tests of the study: short movies that sound of their system."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from foley_bridge.media.movie import write_movie
from foley_bridge.media.sound import ArraySound

SYSTEMS = ("ours", "re-rank", "onset-transfer", "coded")


def kept(folder: Path, *, pairs: int = 4, systems: Sequence[str] = SYSTEMS, seconds: float = 0.2) -> Path:
    """A folder with movies of every system and ``pairs.json``."""
    for number, part in enumerate(("conditional", *systems)):
        (folder / part).mkdir(parents=True)
        for pair in range(pairs):
            shade = np.full((32, 32, 3), 40 * number + 5 * pair, np.uint8)
            tone = 0.2 * np.sin(2 * np.pi * 200 * (number + 1) * np.arange(round(seconds * 22050)) / 22050)
            write_movie(folder / part / f"{pair:03d}.mp4", [shade] * round(seconds * 15), Fraction(15), ArraySound(tone, 22050))
    said = {
        "systems": list(systems),
        "pairs": [{"number": pair, "file": f"{pair:03d}.mp4", "input": "a_0.0000"} for pair in range(pairs)],
    }
    (folder / "pairs.json").write_text(json.dumps(said))
    return folder
