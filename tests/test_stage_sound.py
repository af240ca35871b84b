"""The stage's sounds: exact onsets, and physics that can be measured in the samples."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from foley_bridge.errors import StageError
from foley_bridge.stage.acts import demo_acts, demo_exemplars, sound_acts
from foley_bridge.stage.materials import MATERIALS
from foley_bridge.stage.motion import strokes
from foley_bridge.stage.scene import Event, make_scene
from foley_bridge.stage.sound import exemplar, sound

RATE = 48000


def one_hit(material: str, strength: float, seed: int = 1, *, sample_rate: int = RATE) -> np.ndarray:
    """A single blow, from its onset on, four seconds."""
    event = Event(Fraction(1, 2), "hit", material, strength)
    scene = make_scene(seed, material=material, duration_s=Fraction(9, 2), events=[event], tool="stick", variation=0)
    return sound(scene, sample_rate=sample_rate)[sample_rate // 2 :].astype(np.float64)


def decay_s(wave: np.ndarray) -> float:
    """Seconds to fall by 60 dB, from the slope of the backward-integrated energy between -5 and -25 dB (ISO 3382)."""
    left = np.cumsum(wave[::-1] ** 2)[::-1]
    level = 10 * np.log10(left / left[0] + 1e-20)
    return 3.0 * float(np.argmax(level < -25) - np.argmax(level < -5)) / RATE


def centroid_hz(wave: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(wave)) ** 2
    return float((power * np.fft.rfftfreq(len(wave), 1 / RATE)).sum() / power.sum())


@pytest.mark.parametrize("action", ["hit", "scratch", "footsteps", "mixed"])
@pytest.mark.parametrize("sample_rate", [44100, 48000, 96000])
def test_sound_begins_exactly_at_the_first_audible_event(action: str, sample_rate: int) -> None:
    for seed, material in enumerate(MATERIALS):
        scene = make_scene(seed, action=action, material=material, duration_s=2, variation=1.0)
        wave = sound(scene, sample_rate=sample_rate)
        assert wave.dtype == np.float32 and len(wave) == 2 * sample_rate
        if scene.onsets_s:
            assert np.flatnonzero(wave)[0] == round(scene.onsets_s[0] * sample_rate)
        else:
            assert not wave.any()


def test_an_energy_detector_finds_every_blow_within_a_millisecond_and_no_near_miss() -> None:
    for seed in range(12):
        scene = make_scene(seed, material="wood", tool="stick", duration_s=6, variation=1.0, tempo_hz=(1.0, 2.0))
        wave = sound(scene).astype(np.float64)
        energy = np.convolve(wave**2, np.ones(24), "valid")[::24]  # half a millisecond each
        rise = energy > 30 * np.maximum(np.concatenate([np.full(8, 0), energy[:-8]]), 1e-6)
        starts = np.flatnonzero(rise & ~np.concatenate([[False], rise[:-1]])) * 24 / RATE
        merged = [t for k, t in enumerate(starts) if k == 0 or t - starts[k - 1] > 0.05]
        assert len(merged) == len(scene.onsets_s)
        assert np.abs(np.array(merged) - np.array([float(t) for t in scene.onsets_s])).max() <= 0.001


def test_hits_reach_half_their_peak_within_a_millisecond() -> None:
    for material in MATERIALS:
        for seed in range(4):
            wave = np.abs(one_hit(material, 0.8, seed))
            assert np.argmax(wave >= wave.max() / 2) <= RATE // 1000, material


def test_a_blow_of_full_strength_peaks_at_minus_6_dbfs_and_half_strength_6_db_lower() -> None:
    for material in MATERIALS:
        assert np.abs(one_hit(material, 1.0)).max() == pytest.approx(0.5, abs=1e-3)
        assert np.abs(one_hit(material, 0.5)).max() == pytest.approx(0.25, abs=1e-3)


def test_metal_rings_longest_then_glass_ceramic_wood_and_stone_is_dead() -> None:
    times = [
        np.median([decay_s(one_hit(name, 0.8, s)) for s in range(5)]) for name in ("metal", "glass", "ceramic", "wood", "stone")
    ]
    assert times[0] > 1.5
    assert all(longer > 1.4 * shorter for longer, shorter in itertools.pairwise(times))
    assert times[-1] < 0.06


def test_harder_blows_are_brighter() -> None:
    for material in MATERIALS:
        soft, hard = (np.mean([centroid_hz(one_hit(material, s, seed)) for seed in range(5)]) for s in (0.15, 1.0))
        assert hard > 1.01 * soft, material


def test_scratching_is_louder_while_the_hand_is_fast_than_where_it_turns() -> None:
    event = Event(Fraction(1, 4), "scratch", "wood", 0.9, Fraction(2))
    scene = make_scene(4, action="scratch", material="wood", duration_s=3, events=[event], variation=0)
    count, _ = strokes(scene, event)
    wave = sound(scene).astype(np.float64)[RATE // 4 :]
    phase = np.arange(2 * RATE) / (2 * RATE) * count % 1.0
    inner = np.arange(2 * RATE) > RATE // 5  # past the first touch
    turning = inner & ((phase < 0.06) | (phase > 0.94))
    fast = inner & (abs(phase - 0.5) < 0.2)
    assert np.sqrt((wave[: 2 * RATE][fast] ** 2).mean()) > 3 * np.sqrt((wave[: 2 * RATE][turning] ** 2).mean())


def test_the_same_seed_gives_the_same_bytes_and_the_next_seed_does_not() -> None:
    for action in ("hit", "scratch", "footsteps"):
        first, again, other = (
            sound(make_scene(seed, action=action, material="gravel", duration_s=2, variation=0.5)).tobytes()
            for seed in (5, 5, 6)
        )
        assert first == again != other


def test_no_two_blows_on_one_object_are_alike() -> None:
    scene = make_scene(
        2, material="metal", duration_s=5, tool="stick", events=[Event(Fraction(k), "hit", "metal", 0.8) for k in (1, 3)]
    )
    wave = sound(scene)
    first, second = wave[RATE : 2 * RATE], wave[3 * RATE : 4 * RATE]
    likeness = float(first @ second / np.sqrt((first @ first) * (second @ second)))
    assert 0.5 < likeness < 0.999


def test_eight_materials_are_told_apart_by_nearest_average_spectrum() -> None:
    def features(wave: np.ndarray) -> np.ndarray:
        edges = np.geomspace(60, 20000, 25)
        out = []
        for part in (wave[:2400], wave[2400:24000]):
            power = np.abs(np.fft.rfft(part, 24000)) ** 2
            index = np.searchsorted(edges, np.fft.rfftfreq(24000, 1 / RATE))
            out.append(np.log10(np.bincount(index, power, 27)[1:-1] + 1e-6))
        return np.concatenate(out)

    known = {name: np.mean([features(one_hit(name, 0.8, seed)) for seed in range(8)], axis=0) for name in MATERIALS}
    right = 0
    for name in MATERIALS:
        for seed in range(100, 106):
            heard = features(one_hit(name, 0.5, seed))
            right += min(known, key=lambda other: float(((known[other] - heard) ** 2).sum())) == name
    assert right / 48 > 0.85  # chance is 0.125


@pytest.mark.parametrize("action", ["hit", "footsteps", "scratch"])
def test_an_exemplar_says_exactly_where_its_sounds_begin(action: str) -> None:
    example = exemplar(9, "ceramic", action, events=4)
    assert len(example.onsets_s) == (1 if action == "scratch" else 4)
    assert np.flatnonzero(example.samples)[0] == round(example.onsets_s[0] * RATE)
    assert 0.2 < np.abs(example.samples).max() <= 0.98
    assert np.abs(example.samples[-100:]).max() < 1e-3  # tails ring out


def test_a_room_adds_a_tail_and_moves_no_onset() -> None:
    scene = make_scene(1, material="stone", events=[1.0], duration_s=2, tool="stick", variation=0)
    dry, wet = sound(scene), sound(scene, room=0.5)
    assert np.flatnonzero(wet)[0] == np.flatnonzero(dry)[0] == RATE
    late = slice(RATE + RATE // 5, RATE + RATE // 3)
    assert np.abs(wet[late]).max() > 10 * np.abs(dry[late]).max()


def test_the_demos_sound_starts_each_act_where_the_truth_says_and_its_exemplars_are_other_sounds() -> None:
    acts = demo_acts()
    assert [act.words for act in acts] == ["metal hits", "footsteps gravel", "scratching wood"]
    assert acts[0].start_s == 0 and acts[-1].end_s == 10
    on_grid = [time_s for act in acts for time_s in act.onsets_s if (time_s * 24).denominator == 1]
    assert on_grid == []
    wave = sound_acts(acts)
    assert len(wave) == 10 * RATE and 0.3 < np.abs(wave).max() < 0.98
    for act in acts[1:]:
        start = round(act.onsets_s[0] * RATE)
        before, after = wave[start - 480 : start], wave[start : start + 480]
        assert (after**2).sum() > 20 * (before**2).sum()
    own = [sound(act.scene)[round(act.scene.onsets_s[0] * RATE) :][:4800] for act in acts]
    for mine, example in zip(own, demo_exemplars(), strict=True):
        theirs = example.samples[round(example.onsets_s[0] * RATE) :][:4800]
        assert abs(float(mine @ theirs)) < 0.9 * float(np.sqrt((mine @ mine) * (theirs @ theirs)))


def test_impossible_sounds_are_refused() -> None:
    with pytest.raises(StageError, match="4000 Hz"):
        sound(make_scene(1), sample_rate=4000)
    with pytest.raises(StageError, match="0 events"):
        exemplar(1, "wood", events=0)
