"""How the stage sounds: modes struck by a Hertzian blow, roughness rubbed through them, grains that scatter.

A blow is a short half-sine force (shorter for harder blows: Hertz, time ~ speed^-1/5) that excites the object's modes, each
a decaying sine; scratching reads a fixed rough profile at the speed of the hand, so that pitch and level follow the motion
(van den Doel, Kry & Pai 2001, "FoleyAutomatic", sections 4-5). The first sample of an event that is not zero lies at
``round(time * sample_rate)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.signal import fftconvolve, sosfilt

from foley_bridge.errors import StageError
from foley_bridge.stage.materials import MATERIALS, Material
from foley_bridge.stage.motion import TOE_S, strokes
from foley_bridge.stage.scene import Event, Scene, make_scene, stream

LOUDEST = 0.5  # peak of an event of strength 1: -6 dBFS
GRID = float(2**23)  # samples are rounded to this grid, so that the last bits of exp() do not show
LONGEST_RING_S = 3.5


@dataclass(frozen=True)
class Exemplar:
    """An example sound without a picture. samples: float32 (n,), full scale 1; onsets_s: exact, of every event in it."""

    samples: np.ndarray
    sample_rate: int
    onsets_s: tuple[Fraction, ...]
    action: str
    material: str


def position(time_s: Fraction, sample_rate: int) -> int:
    """The sample at which something at this time starts."""
    return round(time_s * sample_rate)


def sound(scene: Scene, *, sample_rate: int = 48000, room: float = 0.0, tail_s: Fraction = Fraction(0)) -> np.ndarray:
    """The scene's sound.

    Args:
        sample_rate: Hz, 8000 or more.
        room: 0-1, level of a short reverberation; 0 is dry.
        tail_s: for how long to go on after the scene's end with what still rings.

    Returns:
        float32 (n,), mono, full scale 1, ``n = round((duration + tail) * sample_rate)``; exactly zero
        before the first audible event.
    """
    if sample_rate < 8000:
        raise StageError(f"A sample rate of {sample_rate} Hz is too low for the stage.", "Use 8000 Hz or more.")
    mix = np.zeros(position(scene.duration_s + tail_s, sample_rate))
    for index, event in enumerate(scene.events):
        if not event.audible:
            continue
        rng = stream(scene.seed, "sound", index)
        if event.kind == "scratch":
            wave = _scratch(scene, event, rng, sample_rate)
        elif event.kind == "footstep":
            wave = _footstep(scene, event, rng, sample_rate)
        else:
            wave = _hit(scene, event, rng, sample_rate)
        start = position(event.time_s, sample_rate)
        part = wave[: len(mix) - start]
        mix[start : start + len(part)] += part
    if room > 0:
        mix += _room(scene.seed, mix, room, sample_rate)
    mix *= min(1.0, 0.98 / max(1e-9, float(np.abs(mix).max(initial=0.0))))
    return (np.round(mix * GRID) / GRID).astype(np.float32)


def exemplar(
    seed: int, material: str, action: str = "hit", *, events: int = 5, sample_rate: int = 48000, tool: str | None = None
) -> Exemplar:
    """An example sound: separate hits with their natural tails, one long scratch, or steps.

    Args:
        seed: which object, which blows.
        events: how many hits or steps (a scratch is one event of three seconds).

    Raises:
        StageError: an unknown material or action, or no events.
    """
    if events < 1:
        raise StageError(f"An exemplar of {events} events has nothing to hear.", "Ask for one or more.")
    rng = stream(seed, "exemplar")
    if action == "scratch":
        plan = [Event(Fraction(1, 5), "scratch", material, 0.8, Fraction(3))]
        duration = Fraction(7, 2)
    else:
        pause = 0.62 if action == "footsteps" else 0.35 + min(1.6, _ring_s(material))
        times = 0.1 + np.cumsum(pause * rng.uniform(0.9, 1.15, events)) - pause * 0.9
        kind = "footstep" if action == "footsteps" else "hit"
        strengths = rng.permutation(np.linspace(0.55, 1.0, events))
        spots = rng.uniform(-0.06, 0.06, events)
        plan = [
            Event(Fraction(round(float(t) * 1e6), 1_000_000), kind, material, float(s), spot=float(x))
            for t, s, x in zip(times, strengths, spots, strict=True)
        ]
        duration = plan[-1].time_s + Fraction(round(pause * 1000), 1000)
    scene = make_scene(seed, action=action, material=material, duration_s=duration, variation=0.0, events=plan, tool=tool)
    return Exemplar(sound(scene, sample_rate=sample_rate), sample_rate, scene.onsets_s, action, material)


def _ring_s(name: str) -> float:
    """Seconds until the lowest mode has fallen by 60 dB."""
    material = MATERIALS[name]
    return 6.91 / (np.pi * float(np.mean(material.lowest_hz)) * material.loss + material.drain)


def modes(scene: Scene, name: str, sample_rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The object's modes: frequency (Hz), decay (1/s) and strength, float64 (k,) each. The same for all of a scene's events."""
    material = MATERIALS[name]
    rng = stream(scene.seed, "modes", name)
    low, high = material.lowest_hz
    ratio = np.asarray(material.ratios)
    # real bodies are never ideal: every mode a little off, and split in two that beat
    hz = (low + (high - low) * scene.ring) * ratio * (1.0 + 0.03 * rng.uniform(-1, 1, len(ratio)) * (ratio > 1))
    hz = np.concatenate([hz, hz * (1.0 + rng.uniform(0.002, 0.012, len(hz)))])
    strength = np.concatenate([ratio, ratio]) ** -material.rolloff * rng.uniform(0.5, 1.0, len(hz))
    decay = (np.pi * hz * material.loss + material.drain) * rng.uniform(0.85, 1.2, len(hz))
    heard = hz < 0.45 * sample_rate
    return hz[heard], decay[heard], strength[heard]


def _ringing(hz: np.ndarray, decay: np.ndarray, strength: np.ndarray, length: int, sample_rate: int) -> np.ndarray:
    """Sum of decaying sines, float64 (length,). Blocks of 256 samples share one table of powers, which is far cheaper."""
    step = (-decay + 2j * np.pi * hz) / sample_rate
    blocks = -(-length // 256)
    inside = np.exp(np.outer(step, np.arange(256)))  # (k, 256)
    starts = strength[:, None] * np.exp(np.outer(step, 256 * np.arange(blocks)))  # (k, blocks)
    return np.einsum("kb,ks->bs", starts, inside).imag.ravel()[:length]


def _blow(contact_ms: float, strength: float, sample_rate: int) -> np.ndarray:
    """The force of a blow over time: a half sine of unit sum, shorter when harder."""
    length = max(1, round(contact_ms * 1e-3 * strength**-0.2 * sample_rate))
    force = np.sin(np.pi * (np.arange(length) + 0.5) / length)
    return force / force.sum()


def _impact(
    scene: Scene, event: Event, name: str, rng: np.random.Generator, sample_rate: int, *, soften: float = 1.0
) -> np.ndarray:
    """One blow on a material, peak 1. soften: how many times longer the contact is than a bare tool's."""
    material = MATERIALS[name]
    hz, decay, strength = modes(scene, name, sample_rate)
    # where it is struck decides which modes answer: those with a node there stay still
    place = 0.5 + 0.35 * event.spot / 0.06 * 0.5 + 0.04 * rng.uniform(-1, 1)
    order = np.sqrt(hz / hz.min())
    shape = 0.35 + 0.65 * np.abs(np.sin(np.pi * place * order))
    length = max(64, round(min(LONGEST_RING_S, 7.6 / decay.min()) * sample_rate))
    ring = _ringing(hz, decay, strength * shape * rng.uniform(0.85, 1.15, len(hz)), length, sample_rate)
    force = _blow(material.contact_ms * soften, event.strength, sample_rate)
    wave = fftconvolve(ring, force)
    wave /= np.abs(wave).max()
    # the blow's own noise: bright for hard blows, gone in a few contacts
    dull = _noise(rng, len(force) * 6, sample_rate, high_hz=min(0.45 * sample_rate, 900.0 / (material.contact_ms * soften)))
    dull *= np.exp(-np.arange(len(dull)) / (1.5 * len(force)))
    share = material.click * (0.6 + 0.4 * event.strength)
    wave *= 1.0 - share
    wave[: len(dull)] += share * dull[: len(wave)]
    if material.grains:
        wave = _sum(wave * 0.6, _grains(material, event.strength, rng, sample_rate))
    return _finish(wave)


def _grains(
    material: Material, strength: float, rng: np.random.Generator, sample_rate: int, *, over_s: float = 0.09
) -> np.ndarray:
    """Loose pieces that click against each other after a blow: many short, high, random knocks that thin out; peak 1."""
    count = max(6, round(material.grains * (0.5 + strength)))
    when = np.sort(np.minimum(rng.exponential(0.45 * over_s, count), 2.5 * over_s))
    when[0] = 0.0
    out = np.zeros(round((when[-1] + 0.012) * sample_rate) + 2)
    for index, start_s in enumerate(when):
        hz = np.array([rng.uniform(*material.roughness_hz), rng.uniform(*material.roughness_hz)])
        hz = np.minimum(hz, 0.45 * sample_rate)
        knock = _ringing(hz, rng.uniform(350, 1400, 2), np.ones(2), round(0.01 * sample_rate), sample_rate)
        begin = round(start_s * sample_rate)
        size = 1.0 if index == 0 else 0.7 * rng.uniform(0.1, 1.0) ** 2 * np.exp(-start_s / (1.2 * over_s))
        out[begin : begin + len(knock)] += size * knock
    return out / np.abs(out).max()


def _hit(scene: Scene, event: Event, rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    soften = {"stick": 1.0, "hammer": 0.8, "ball": 1.6, "hand": 2.4}.get(scene.tool, 1.0)
    return LOUDEST * event.strength * _impact(scene, event, event.material, rng, sample_rate, soften=soften)


def _footstep(scene: Scene, event: Event, rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """Heel, then toe, on the ground's material, with the body's thump; loose ground crunches while the sole rolls."""
    material = MATERIALS[event.material]
    heel = _impact(scene, event, event.material, rng, sample_rate, soften=2.2)
    toe = _impact(scene, event, event.material, rng, sample_rate, soften=3.5)
    body = _ringing(
        np.array([72.0, 118.0]), np.array([38.0, 55.0]), np.array([1.0, 0.6]), round(0.2 * sample_rate), sample_rate
    )
    delay = round(TOE_S * sample_rate)
    # a damped floor answers less than a free object: the thump takes over
    wave = _sum(0.5 * heel * np.exp(-np.arange(len(heel)) / (0.12 * sample_rate)), 0.55 * body / np.abs(body).max())
    wave = _sum(wave, 0.24 * toe * np.exp(-np.arange(len(toe)) / (0.08 * sample_rate)), delay)
    if material.grains:
        crunch = _grains(material, 1.0 + event.strength, rng, sample_rate, over_s=0.16)
        wave = _sum(wave, 0.8 * crunch)
        wave = _sum(wave, 0.45 * _grains(material, event.strength, rng, sample_rate), delay)
    return LOUDEST * event.strength * _finish(wave)


def _scratch(scene: Scene, event: Event, rng: np.random.Generator, sample_rate: int) -> np.ndarray:
    """Roughness read at the hand's speed, through the object's modes."""
    material = MATERIALS[event.material]
    length = max(2, round(event.duration_s * sample_rate))
    time_s = np.arange(length) / sample_rate
    count, reach = strokes(scene, event)
    # the closed form of motion.stroke, whole strokes at once
    along = -0.5 * reach * np.cos(np.pi * count * time_s / float(event.duration_s))
    speed = np.abs(np.gradient(along)) * sample_rate
    share = np.clip(speed / 1.6, 0.0, 1.0)
    profile = stream(scene.seed, "rough", event.material).standard_normal(1 << 15)
    per_height = 5200.0 if material.loss < 0.02 else 3000.0  # asperities met in one picture height
    rubbed = np.interp((along - along.min()) * per_height, np.arange(len(profile)), profile)
    low, high = material.roughness_hz
    hiss = _band(rng.standard_normal(length), low, high, sample_rate)
    slip = 1.0 + 0.6 * np.sign(np.sin(2 * np.pi * np.cumsum(18.0 + 70.0 * share) / sample_rate)) * rng.uniform(0.4, 1.0)
    force = (0.5 * rubbed + 0.9 * hiss / max(1e-9, float(hiss.std()))) * share**1.3 * slip
    hz, decay, strength = modes(scene, event.material, sample_rate)
    # an object pressed on rings less
    body = _ringing(hz, decay * 2.5, strength * hz / hz.min(), round(0.25 * sample_rate), sample_rate)
    through = fftconvolve(force, body)[: length + round(0.15 * sample_rate)]
    wave = 0.65 * through / max(1e-9, float(np.abs(through).max()))
    bare = _band(force, low, high, sample_rate)
    wave[:length] += 0.6 * bare / max(1e-9, float(np.abs(bare).max()))
    if material.grains:
        for _ in range(round(float(event.duration_s) * 14)):
            grains = _grains(material, 0.4, rng, sample_rate, over_s=0.05) * float(rng.uniform(0.1, 0.5))
            wave = _sum(wave, grains[: len(wave) // 2], round(float(rng.uniform(0, 0.8)) * length))
    wave = wave / np.abs(wave).max()
    touch = _impact(scene, event, event.material, rng, sample_rate, soften=1.5)
    return LOUDEST * event.strength * _finish(_sum(wave, 0.30 * touch))


def _room(seed: int, mix: np.ndarray, level: float, sample_rate: int) -> np.ndarray:
    """A small room's reverberation: exponentially decaying noise after 6 ms."""
    length = round(0.35 * sample_rate)
    tail = stream(seed, "room").standard_normal(length) * np.exp(-np.arange(length) / (0.07 * sample_rate))
    tail[: round(0.006 * sample_rate)] = 0.0
    return level * 0.3 * fftconvolve(mix, tail / np.sqrt((tail**2).sum()))[: len(mix)]


def _noise(rng: np.random.Generator, length: int, sample_rate: int, *, high_hz: float) -> np.ndarray:
    """Noise without what lies above ``high_hz``, peak 1, that starts at once: its first sample is large."""
    white = rng.standard_normal(length)
    white[0] = 2.0
    keep = np.exp(-2 * np.pi * high_hz / sample_rate)
    out = sosfilt(np.array([[1.0 - keep, 0.0, 0.0, 1.0, -keep, 0.0]]), white)
    return out / np.abs(out).max()


def _band(wave: np.ndarray, low_hz: float, high_hz: float, sample_rate: int) -> np.ndarray:
    """What lies between two frequencies, first order on either side."""
    high = np.exp(-2 * np.pi * min(high_hz, 0.45 * sample_rate) / sample_rate)
    low = np.exp(-2 * np.pi * low_hz / sample_rate)
    return sosfilt(np.array([[1.0 - high, 0.0, 0.0, 1.0, -high, 0.0], [1.0, -1.0, 0.0, 1.0, -low, 0.0]]), wave)


def _sum(first: np.ndarray, second: np.ndarray, at: int = 0) -> np.ndarray:
    out = np.zeros(max(len(first), at + len(second)))
    out[: len(first)] += first
    out[at : at + len(second)] += second
    return out


def _finish(wave: np.ndarray) -> np.ndarray:
    """Peak 1, a first sample that can be heard, and an end that fades to nothing."""
    wave = wave / np.abs(wave).max()
    if abs(wave[0]) < 1e-3:
        wave[0] = 1e-3
    fade = min(len(wave) // 4, 480)
    wave[len(wave) - fade :] *= np.linspace(1.0, 0.0, fade)
    return wave
