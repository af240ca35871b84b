"""Where the camera stands and how the light falls at any moment: smooth closed formulas of time."""

from __future__ import annotations

import math
from bisect import bisect_right

import numpy as np

from foley_bridge.stage.motion import hip
from foley_bridge.stage.scene import Scene, Shot, stream


def sway(seed: int, name: str, time_s: float, *, low_hz: float = 0.25, high_hz: float = 3.0, terms: int = 5) -> float:
    """Smooth noise, about -1 to 1: a few sines of random frequency and phase, the slow ones stronger."""
    rng = stream(seed, "sway", name)
    hz = np.exp(rng.uniform(math.log(low_hz), math.log(high_hz), terms))
    phase = rng.uniform(0, 2 * math.pi, terms)
    size = hz**-0.7
    return float((size * np.sin(2 * math.pi * hz * time_s + phase)).sum() / size.sum())


def shot_at(scene: Scene, time_s: float) -> Shot:
    """The shot on screen."""
    return scene.look.shots[max(0, bisect_right(scene.look.shots, time_s, key=lambda shot: shot.start_s) - 1)]


def view(scene: Scene, time_s: float, size: tuple[int, int]) -> np.ndarray:
    """From picture heights (origin in the picture's middle) to pixels of a (width, height) picture, float64 (2, 3)."""
    shot, look = shot_at(scene, time_s), scene.look
    since = time_s - shot.start_s
    zoom = shot.zoom * (1.0 + shot.push * since)
    x, y, turn = shot.x + shot.pan * since, shot.y, 0.0
    if look.follow and scene.events:
        x += look.follow * hip(scene, time_s)[0]
    if look.shake:
        x += look.shake * sway(scene.seed, "x", time_s)
        y += look.shake * 0.8 * sway(scene.seed, "y", time_s)
        turn = look.shake * 0.9 * sway(scene.seed, "turn", time_s, high_hz=1.5)
        zoom *= 1.0 + 0.4 * look.shake * sway(scene.seed, "zoom", time_s, high_hz=1.0)
    width, height = size
    scale = height * max(0.2, zoom)
    cos, sin = scale * math.cos(turn), scale * math.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([linear, np.array([width / 2, height / 2]) - linear @ (x, y)])


def light(scene: Scene, time_s: float) -> np.ndarray:
    """What each of red, green and blue is multiplied by, float64 (3,)."""
    look = scene.look
    level = 1.0 + look.fade * (time_s / float(scene.duration_s) - 0.5)
    if look.flicker:
        level += look.flicker * sway(scene.seed, "flicker", time_s, low_hz=3.0, high_hz=14.0)
    return level * np.array([1.0 + 0.10 * look.warmth, 1.0, 1.0 - 0.12 * look.warmth])
