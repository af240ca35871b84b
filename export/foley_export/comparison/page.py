"""The page to judge in, and the sounds that it plays: short, equally loud, named by number, so that names give nothing away."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import soundfile

from foley_bridge.media.audio import ArraySound, load
from foley_bridge.media.loudness import measure
from foley_bridge.report.pictures import photograph
from foley_export.comparison.blind import PAGE, SIDES, SOUNDS
from foley_export.comparison.shown import Shown
from foley_export.comparison.sounds import Found

RATE = 48000
SHORTEST_S, LONGEST_S = 1.0, 12.0
MOST_PICTURES = 12
LOUDNESS_LUFS, PEAK = -23.0, 10 ** (-1 / 20)
SHORT_PEAK = 10 ** (-12 / 20)  # of what is too short to have a loudness


def write_page(folder: Path, *, comparison: str, regions: Sequence[tuple[int, Shown, Mapping[str, Sequence[Found]]]]) -> None:
    """Write ``compare.html`` and ``sounds/``.

    Args:
        folder: to write into.
        comparison: its id.
        regions: the number of each, what it shows, and what was found for it, by side.
    """
    excerpts = _Excerpts(folder / SOUNDS)
    views = []
    for number, shown, found in regions:
        step = max(1, -(-len(shown.pictures) // MOST_PICTURES))
        views.append(
            {
                "number": number,
                "reel": shown.reel,
                "name": shown.name,
                "duration": f"{shown.duration_s:.1f} s",
                "pictures": [photograph(image) for image in shown.pictures[::step]],
                "sides": {side: [excerpts.of(each, shown.duration_s) for each in found[side]] for side in SIDES},
            }
        )
    script = _text("page.js")
    html = _template().render(
        comparison=comparison,
        regions=views,
        style=_text("page.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
    )
    (folder / PAGE).write_text(html, "utf-8", newline="\n")


class _Excerpts:
    """Files that the page plays: each piece of each sound once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[Path, float, float], str] = {}

    def of(self, found: Found, duration_s: float) -> str:
        """The link to a sound from its best segment on, as long as the region."""
        length = float(np.clip(duration_s, SHORTEST_S, LONGEST_S))
        what = (found.path, found.start_s, length)
        if what not in self._made:
            name = f"{len(self._made) + 1:04d}.flac"
            self._folder.mkdir(exist_ok=True)
            samples = load(found.path, sample_rate=RATE, start_s=found.start_s, duration_s=length)
            soundfile.write(self._folder / name, _levelled(samples[:, :2]), RATE, subtype="PCM_16")
            self._made[what] = f"{SOUNDS}/{name}"
        return self._made[what]


def _levelled(samples: np.ndarray) -> np.ndarray:
    """As loud as the others, with a short fade at both ends; silence stays silence."""
    loudness = measure(ArraySound(samples, RATE))
    if not loudness.peak:
        return samples
    gain = SHORT_PEAK / loudness.peak if loudness.lufs is None else 10 ** ((LOUDNESS_LUFS - loudness.lufs) / 20)
    made = samples * min(gain, PEAK / loudness.peak)
    fade = min(RATE // 200, len(made) // 2)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)[:, None]
    made[:fade] *= ramp
    made[len(made) - fade :] *= ramp[::-1]
    return made


def _template() -> Any:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_text("page.html.j2"))


def _text(name: str) -> str:
    return (resources.files("foley_export.comparison") / name).read_text("utf-8")
