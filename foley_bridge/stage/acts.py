"""Several scenes as one movie with cuts between them, and the demo's acts.

Act k is on screen from its start to its end; its scene's time 0 is the act's start.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, product

import numpy as np

from foley_bridge.errors import StageError
from foley_bridge.stage.draw import draw_at
from foley_bridge.stage.materials import MATERIALS
from foley_bridge.stage.scene import Event, Look, Scene, Shot, make_scene
from foley_bridge.stage.sound import Exemplar, exemplar, position, sound

TAIL_S = Fraction(3)  # longer than anything on the stage rings audibly


@dataclass(frozen=True)
class Act:
    """A scene's place in a movie. words: what an editor would write about it; start_s, end_s: movie seconds, exact."""

    words: str
    scene: Scene
    start_s: Fraction
    end_s: Fraction

    @property
    def onsets_s(self) -> tuple[Fraction, ...]:
        """Exact movie times of the audible events."""
        return tuple(self.start_s + time_s for time_s in self.scene.onsets_s)


def demo_acts(seed: int = 1) -> tuple[Act, ...]:
    """Ten seconds in three acts: a stick on metal, boots on gravel, a hand scratching wood.

    No event lies on a frame of 24 per second, hits are uneven, the camera is held by hand, and one thing in each act moves
    without a sound.
    """
    hits = ("0.449", "0.911", "1.369", "1.783", "2.239", "2.743", "3.191")
    strengths = (0.8, 0.7, 0.95, 0.75, 0.8, 0.9, 0.75)
    spots = (0.0, 0.05, -0.04, 0.02, -0.06, 0.04, 0.0)
    blows = [Event(Fraction(t), "hit", "metal", s, spot=x) for t, s, x in zip(hits, strengths, spots, strict=True)]
    steps = [Fraction(t) for t in ("0.363", "0.911", "1.427", "1.973", "2.491", "3.013")]
    rubs = [Event(Fraction("0.566"), "scratch", "wood", 0.9, Fraction("2.243"))]
    looks = (
        Look(
            (Shot(0.0, x=0.03, zoom=1.08),),
            shake=0.006,
            warmth=0.3,
            noise=1.5,
            backdrop="shelves",
            tint=(132, 112, 92),
            distractors=("lamp",),
        ),
        Look(
            (Shot(0.0, x=0.05, y=0.07, zoom=1.16),),
            shake=0.007,
            follow=1.0,
            warmth=0.1,
            noise=1.5,
            backdrop="clouds",
            tint=(120, 138, 150),
            distractors=("leaves",),
        ),
        Look(
            (Shot(0.0, x=-0.04, y=0.02, zoom=1.15, push=0.01),),
            shake=0.005,
            warmth=-0.2,
            noise=1.5,
            backdrop="grain",
            tint=(96, 120, 112),
            distractors=("passer",),
        ),
    )
    cuts = (Fraction(0), Fraction(7, 2), Fraction(27, 4), Fraction(10))
    scenes = (
        make_scene(
            seed, action="hit", material="metal", duration_s=cuts[1] - cuts[0], events=blows, tool="stick", look=looks[0]
        ),
        make_scene(seed + 1, action="footsteps", material="gravel", duration_s=cuts[2] - cuts[1], events=steps, look=looks[1]),
        make_scene(
            seed + 2, action="scratch", material="wood", duration_s=cuts[3] - cuts[2], events=rubs, tool="hand", look=looks[2]
        ),
    )
    words = ("metal hits", "footsteps gravel", "scratching wood")
    return tuple(Act(w, s, a, b) for w, s, (a, b) in zip(words, scenes, pairwise(cuts), strict=True))


def demo_encore(start_s: Fraction, seed: int = 1) -> tuple[Act, Exemplar]:
    """One more act, of three and a half seconds: wood that is hit; and what it is to sound like: cardboard."""
    blows = ("0.447", "1.061", "1.583", "2.293", "2.909")
    scene = make_scene(
        seed + 3, action="hit", material="wood", duration_s=Fraction(7, 2), events=[Fraction(t) for t in blows], variation=0.2
    )
    example = exemplar(seed + 103, "cardboard", "hit", events=5, tool="stick")
    return Act("hit cardboard", scene, start_s, start_s + Fraction(7, 2)), example


def demo_exemplars(seed: int = 101) -> tuple[Exemplar, ...]:
    """An example sound for each of the demo's acts, made by other seeds: other objects, other blows."""
    return (
        exemplar(seed, "metal", "hit", events=5, tool="stick"),
        exemplar(seed + 1, "gravel", "footsteps", events=6),
        exemplar(seed + 2, "wood", "scratch", tool="hand"),
    )


def demo_shelf(seed: int = 901) -> dict[str, Exemplar]:
    """Sounds of what else happens on the stage, by what an editor would call them: what a library has that the demo's acts do
    not want."""
    wanted = {("hit", "metal"), ("footsteps", "gravel"), ("scratch", "wood")}
    kinds = [kind for kind in product(("hit", "scratch", "footsteps"), MATERIALS) if kind not in wanted]
    return {
        f"{action} {material}": exemplar(seed + number, material, action) for number, (action, material) in enumerate(kinds)
    }


def draw_acts(
    acts: Sequence[Act], *, fps: Fraction, size: tuple[int, int] = (640, 360), shutter: float = 0.25
) -> Iterator[np.ndarray]:
    """The movie's frames, uint8 (height, width, 3) RGB each; frame k shows the world at k / fps."""
    _contiguous(acts)
    index = 0
    for act in acts:
        while index / fps < act.end_s:
            yield draw_at(act.scene, index / fps - act.start_s, size, open_s=shutter / float(fps))
            index += 1


def sound_acts(acts: Sequence[Act], *, sample_rate: int = 48000) -> np.ndarray:
    """The movie's own sound, float32 (n,) mono; what still rings at a cut rings on under the next act."""
    _contiguous(acts)
    mix = np.zeros(position(acts[-1].end_s, sample_rate), np.float32)
    for act in acts:
        start = position(act.start_s, sample_rate)
        wave = sound(act.scene, sample_rate=sample_rate, tail_s=min(TAIL_S, acts[-1].end_s - act.end_s))[: len(mix) - start]
        mix[start : start + len(wave)] += wave
    return mix


def _contiguous(acts: Sequence[Act]) -> None:
    if not acts or acts[0].start_s != 0 or any(a.end_s != b.start_s for a, b in pairwise(acts)):
        raise StageError(
            "The acts of a movie leave a gap or overlap.", "Let each start where the one before ends, the first at 0."
        )
