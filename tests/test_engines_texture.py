"""Continuous sound: no seams, no loop, the same for every block size, and it goes with the motion."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, lfilter
from test_engines_exemplar import strikes

from foley_bridge.engines.candidate import Curve
from foley_bridge.engines.exemplar import analyse
from foley_bridge.engines.texture import QUIETEST_DB, Material, TextureSound, material, texture_candidate

RATE = 16000
EVEN = np.ones(100_000, np.float32)


def rendered(sound: TextureSound, size: int = 65536) -> np.ndarray:
    return np.concatenate(list(sound.blocks(size)))


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Brown-ish noise, (n, 1), such as a rumble or rain behind a window."""
    rough = np.random.default_rng(seed).standard_normal((int(seconds * RATE), 1))
    return 0.3 * lfilter(*butter(1, 800, fs=RATE), rough, axis=0).astype(np.float32)


def hum(seconds: float) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    return (0.2 * sum(np.sin(2 * np.pi * 97 * k * t + k) / k for k in range(1, 8)))[:, None].astype(np.float32)


def endless(samples: np.ndarray, seconds: float = 30, seed: int = 1) -> np.ndarray:
    return rendered(TextureSound(Material(samples, RATE, 1.0, False), EVEN, int(seconds * RATE), seed))


def levels_db(samples: np.ndarray, rate: int, ms: int = 20) -> np.ndarray:
    step = rate * ms // 1000
    whole = len(samples) // step
    return 10 * np.log10((samples[: whole * step].astype(np.float64) ** 2).reshape(whole, -1).mean(axis=1) + 1e-12)


def flux(samples: np.ndarray, rate: int) -> np.ndarray:
    """Half-wave rectified rise of the log spectrum, 5 ms apart: clicks and seams stand out of it."""
    step = rate // 200
    frames = np.lib.stride_tricks.sliding_window_view(samples.mean(axis=1), 4 * step)[::step] * np.hanning(4 * step)
    spectrum = np.log(np.abs(np.fft.rfft(frames, axis=1)) + 1e-4)
    return np.maximum(np.diff(spectrum, axis=0), 0).mean(axis=1)


@pytest.mark.parametrize("seconds", [0.3, 1.0, 8.0])
@pytest.mark.parametrize("make", [noise, hum])
def test_no_seam_stands_out_of_the_materials_own_variation(make, seconds: float) -> None:  # type: ignore[no-untyped-def]
    """Compared with 30 s of the same process that never was cut: level spread and range, highest flux."""
    uncut, looped = make(30), endless(make(seconds))
    assert np.std(levels_db(looped, RATE)) <= np.std(levels_db(uncut, RATE)) + 0.3
    assert np.abs(levels_db(looped, RATE) - np.median(levels_db(uncut, RATE))).max() <= np.ptp(levels_db(uncut, RATE)) + 1.5
    assert flux(looped, RATE).max() <= 1.25 * flux(uncut, RATE).max() + 0.02
    assert np.abs(np.diff(looped[:, 0])).max() <= 1.3 * np.abs(np.diff(uncut[:, 0])).max()


@pytest.mark.parametrize("seconds", [0.3, 0.6, 3.0])
def test_there_is_no_loop_to_be_heard(seconds: float) -> None:
    """A plain loop correlates fully with itself one turn later; here no lag from 0.1 s on reaches 0.3 (over 20 s of noise)."""
    wave = endless(noise(seconds), 20)[:, 0].astype(np.float64)
    power = np.abs(np.fft.rfft(wave, 2 * len(wave))) ** 2
    likeness = np.fft.irfft(power)[: len(wave) // 2]
    assert (likeness / likeness[0])[RATE // 10 :].max() < 0.3


def test_blocks_of_any_size_give_the_same_bytes_and_seeds_differ() -> None:
    gain = np.random.default_rng(0).uniform(0, 1, 200).astype(np.float32)
    made = [TextureSound(Material(noise(0.7), RATE, 1.0, False), gain, 20_001, seed) for seed in (1, 1, 2)]
    first = rendered(made[0]).tobytes()
    assert all(rendered(made[0], size).tobytes() == first for size in (1, 7, 4096))
    assert rendered(made[1]).tobytes() == first != rendered(made[2]).tobytes()


def follow(value: np.ndarray, time_s: np.ndarray, seconds: int) -> tuple[np.ndarray, tuple[float, ...]]:
    whole = Fraction(seconds)
    sounds = Material(hum(4), RATE, 0.1, False)
    take = texture_candidate(
        sounds, Curve(time_s, value), seed=1, start=Fraction(0), end=whole, region_start=Fraction(0), region_end=whole
    )
    assert take.kind == "texture"
    return np.concatenate(list(take.sound.blocks())), take.onsets_s


def test_sound_starts_and_stops_with_each_stroke() -> None:
    time = np.arange(0, 8, 1 / 15)
    strokes = ((time % 2) < 1).astype(float)
    wave, onsets = follow(strokes, time, 8)
    assert len(onsets) == 4 and np.abs(np.array(onsets) - [0, 2, 4, 6]).max() < 0.1
    db = levels_db(wave, RATE)
    at = np.arange(len(db)) * 0.02
    playing, resting = (at % 2 > 0.15) & (at % 2 < 0.9), (at % 2 > 1.5) & (at % 2 < 1.9)
    assert db[playing].min() > db[resting].max() + 40


def test_level_follows_motion_within_its_range_and_without_zipper_noise() -> None:
    time = np.arange(0, 10, 1 / 15)
    wave, onsets = follow(0.6 + 0.4 * np.sin(2 * np.pi * time / 5), time, 10)
    db = levels_db(wave, RATE)[10:-10]
    assert np.ptp(db) == pytest.approx(-0.8 * QUIETEST_DB, abs=1)
    assert np.abs(np.diff(db)).max() < 1.5  # of 20 ms windows: no steps
    assert len(onsets) == 1


@pytest.mark.parametrize("value", [np.zeros(0), np.zeros(60)])
def test_a_still_picture_gets_an_even_sound_throughout(value: np.ndarray) -> None:
    wave, onsets = follow(value, np.arange(len(value)) / 15, 4)
    assert np.ptp(levels_db(wave, RATE)) < 1 and onsets == (0.0,)


def test_hits_alone_still_make_a_continuous_sound() -> None:
    example = analyse(strikes(RATE, 1, 50)[0], RATE)
    made = material(example)
    assert made.from_hits
    wave = rendered(TextureSound(made, EVEN, 10 * RATE, 0))
    assert np.percentile(levels_db(wave, RATE, 100), 2) > levels_db(wave, RATE, 100).max() - 15


@pytest.mark.parametrize("seconds", [0.02, 0.06, 0.15])
def test_the_shortest_material_still_sounds(seconds: float) -> None:
    wave = endless(noise(seconds), 2)
    assert np.isfinite(wave).all() and levels_db(wave, RATE).min() > -60


@pytest.mark.parametrize("name", ["WEATHER_RAINSTORM", "heavyrain", "engine_working_external_v8", "electric", "radiator_steam"])
def test_real_textures_keep_their_level_and_show_no_seam(real_media: Path, name: str) -> None:
    path = next((real_media / "audio").rglob(f"{name}.*"))
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    source = material(analyse(samples, rate))
    wave = rendered(TextureSound(source, EVEN, 20 * rate, 3))
    assert abs(np.median(levels_db(wave, rate)) - np.median(levels_db(source.samples, rate))) < 1
    assert np.std(levels_db(wave, rate)) < np.std(levels_db(source.samples, rate)) + 0.3
    assert np.percentile(flux(wave, rate), 99) < 1.1 * np.percentile(flux(source.samples, rate), 99)
