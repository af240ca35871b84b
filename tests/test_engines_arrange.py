"""Hits laid out: where they land, which they are, how loud, and that none of it depends on how it is asked for."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_engines_exemplar import strikes

from foley_bridge.engines.arrange import arrange, arrange_hits, take_seed
from foley_bridge.engines.candidate import Candidate, Curve, Detection, Onset
from foley_bridge.engines.events import MOST_SOUNDING
from foley_bridge.engines.exemplar import analyse
from foley_bridge.engines.hits import QUIETEST_DB, Palette, palette
from foley_bridge.media.sound import Sound

NTSC = Fraction(24000, 1001)
STILL = Curve(np.zeros(0), np.zeros(0))


def rendered(sound: Sound, size: int = 65536) -> np.ndarray:
    return np.concatenate(list(sound.blocks(size)))


def clicks(rate: int, gaps_s: list[float], levels: list[float]) -> np.ndarray:
    """Short, clean, distinguishable hits: 5 ms of a decaying tone, each of its own pitch, in digital silence."""
    sound = np.zeros(int((sum(gaps_s) + 0.5) * rate))
    at = 0.0
    for number, (gap, level) in enumerate(zip(gaps_s, levels, strict=True)):
        at += gap
        t = np.arange(int(0.06 * rate)) / rate
        wave = level * np.cos(2 * np.pi * (400 + 300 * number) * t) * np.exp(-t / 0.008)
        sound[int(at * rate) : int(at * rate) + len(t)] += wave
    return sound


def few(rate: int = 48000, hits: int = 4) -> Palette:
    return palette(analyse(clicks(rate, [0.3] * hits, list(np.linspace(0.2, 0.8, hits))), rate))


def even_onsets(times: list[float], strength: float = 0.7) -> tuple[Onset, ...]:
    return tuple(Onset(at, 0.9, strength) for at in times)


def heard_at(sound: np.ndarray, rate: int, expected: list[float], start: Fraction) -> np.ndarray:
    """Independent of the engine: near each asked time, the first sample that stands out from the 15 ms before it by half again,
    and reaches a tenth of the highest sample of the 40 ms after it. Timeline seconds."""
    found = []
    for at in expected:
        place = round((at - float(start)) * rate)
        before, first = max(0, place - rate * 15 // 1000), max(0, place - rate * 2 // 1000)
        ring = np.abs(sound[before:first]).max(initial=0)
        window = np.abs(sound[first : place + rate // 25]).max(axis=1)
        found.append((first + int(np.argmax(window >= max(0.1 * window.max(), 1.5 * ring)))) / rate + float(start))
    return np.array(found)


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
@pytest.mark.parametrize("start", [Fraction(0), 100 * 1001 / Fraction(24000), Fraction(86399)])
def test_hits_are_heard_within_a_millisecond_of_the_times_asked(rate: int, start: Fraction) -> None:
    times = [float(start) + at for at in (0.0, 0.31, 0.5, 0.9123, 1.3, 1.9999)]
    for sounds in (few(rate), few(rate, 1), palette(analyse(strikes(rate, 3, 40)[0], rate))):
        take = arrange_hits(even_onsets(times), sounds, seed=4, start=start, end=start + 3)
        error = heard_at(rendered(take.sound), rate, times, start) - times
        assert np.abs(error).max() <= 0.001
        assert take.onsets_s == tuple(times)


@given(frame=st.integers(0, 24 * 3600 * 24), into=st.fractions(0, 1), rate=st.sampled_from([44100, 48000, 96000]))
def test_the_attack_lies_on_the_sample_nearest_to_its_time(frame: int, into: Fraction, rate: int) -> None:
    """Anywhere in a 24 h day on the 23.976 grid: position in the take = round(time * rate) - round(start * rate)."""
    start = frame / NTSC
    time_s = float(start + into)
    sounds = _PALETTES.setdefault(rate, few(rate, 1))
    take = arrange_hits((Onset(time_s, 1.0),), sounds, seed=0, start=start, end=start + 2)
    events = take.sound._events  # type: ignore[attr-defined]
    voice = sounds.voices[events[0].buffer]
    expected = max(0, round(Fraction(time_s) * rate) - round(start * rate))  # as a float, a time may lie before itself
    assert events[0].start - events[0].offset + voice.onset == expected


_PALETTES: dict[int, Palette] = {}


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_blocks_of_any_size_give_the_same_bytes(size: int) -> None:
    sounds = palette(analyse(strikes(8000, 3, 40)[0], 8000))
    take = arrange_hits(even_onsets([0.05 + 0.11 * i for i in range(12)]), sounds, seed=1, start=Fraction(0), end=Fraction(2))
    assert rendered(take.sound, size).tobytes() == rendered(take.sound).tobytes()


def test_the_same_seed_gives_the_same_take_and_another_seed_another() -> None:
    sounds = few()
    onsets = even_onsets([0.2 * i for i in range(1, 15)])

    def digest(seed: int) -> str:
        take = arrange_hits(onsets, sounds, seed=seed, start=Fraction(0), end=Fraction(4))
        return hashlib.sha256(rendered(take.sound).tobytes()).hexdigest()

    assert digest(7) == digest(7) and len({digest(seed) for seed in range(8)}) == 8


def test_a_take_can_be_asked_for_alone() -> None:
    assert [take_seed(5, take) for take in range(3)] == [take_seed(5, take) for take in range(64)][:3]
    assert take_seed(5, 0) == 5 and take_seed(take_seed(5, 2), 0) == take_seed(5, 2)
    assert len({take_seed(seed, take) for seed in range(30) for take in range(64)}) == 30 * 64


def chosen(take: Candidate) -> list[int]:
    return [event.buffer for event in take.sound._events]  # type: ignore[attr-defined]


def test_no_hit_follows_itself_unvaried() -> None:
    """One hit: no voice twice in a row, many voices in use. Four hits: no hit twice in a row (by chance it is one in four)."""
    times = [0.15 * i for i in range(1, 200)]
    one = arrange_hits(even_onsets(times), few(hits=1), seed=3, start=Fraction(0), end=Fraction(40))
    voices = chosen(one)
    assert all(a != b for a, b in itertools.pairwise(voices)) and len(set(voices)) >= 6
    sounds = few(hits=4)
    hits = [
        sounds.voices[voice].hit
        for voice in chosen(arrange_hits(even_onsets(times), sounds, seed=3, start=Fraction(0), end=Fraction(40)))
    ]
    assert sum(a == b for a, b in itertools.pairwise(hits)) == 0


def test_variations_stay_the_same_object() -> None:
    """Within a third of a semitone, 2 dB of level and 20 % of the spectral centroid of the hit itself."""
    sounds = palette(analyse(strikes(48000, 1, 60, count=1)[0], 48000))

    def centroid(wave: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(wave, 1 << 16)) ** 2
        return float((power * np.arange(len(power))).sum() / power.sum())

    plain, *varied = [voice.samples[:, 0].astype(np.float64) for voice in sounds.voices]
    assert len(varied) == 7
    for wave in varied:
        assert abs(10 * np.log10((wave**2).sum() / (plain**2).sum())) < 2
        assert abs(np.log2(centroid(wave) / centroid(plain))) < np.log2(1.2)
        assert not np.array_equal(wave, plain)


def test_unvaried_an_example_stays_as_it_is_at_its_full_length() -> None:
    long = np.concatenate([strikes(8000, 2, 60, count=1)[0], 0.01 * np.ones(8000 * 30)])
    example = analyse(long, 8000)
    whole = replace(example, hits=(replace(example.hits[0], start=0, end=len(long), fade_in=0, fade_out=0),))
    (voice,) = palette(whole, vary=False).voices
    assert np.array_equal(voice.samples, example.samples)


def test_stronger_motion_is_louder_within_the_bounds() -> None:
    sounds = few(hits=1)
    strengths = np.linspace(0, 1, 60)
    onsets = [Onset(0.3 * (i + 1), 1.0, float(s)) for i, s in enumerate(strengths)]
    take = arrange_hits(onsets, sounds, seed=0, start=Fraction(0), end=Fraction(20))
    gains = np.array([20 * np.log10(event.gain) for event in take.sound._events])  # type: ignore[attr-defined]
    assert gains.min() >= QUIETEST_DB - 1e-9 and gains.max() <= 1e-9
    assert np.corrcoef(strengths, gains)[0, 1] > 0.95
    assert gains[-1] - gains[0] > 8


def test_strong_motion_picks_the_examples_stronger_hits() -> None:
    sounds = few(hits=8)
    times = [0.2 * i for i in range(1, 80)]
    weak = arrange_hits(even_onsets(times, 0.0), sounds, seed=1, start=Fraction(0), end=Fraction(20))
    strong = arrange_hits(even_onsets(times, 1.0), sounds, seed=1, start=Fraction(0), end=Fraction(20))
    rank = [float(np.mean([sounds.rank[sounds.voices[voice].hit] for voice in chosen(take)])) for take in (weak, strong)]
    assert rank[1] - rank[0] > 0.4


def test_tails_ring_on_under_the_next_hit_and_the_oldest_gives_way_softly() -> None:
    rate = 48000
    t = np.arange(3 * rate) / rate
    ring = np.concatenate([np.zeros(4800), 0.5 * np.sin(2 * np.pi * 440 * t) * np.exp(-t / 1.5)])
    sounds = palette(analyse(ring, rate))
    two = rendered(arrange_hits(even_onsets([0.1, 0.5], 1.0), sounds, seed=0, start=Fraction(0), end=Fraction(4)).sound)
    one = rendered(arrange_hits(even_onsets([0.1], 1.0), sounds, seed=0, start=Fraction(0), end=Fraction(4)).sound)
    after = slice(int(0.45 * rate), int(0.487 * rate))
    assert np.array_equal(two[after], one[after])  # mixed, not cut
    assert (two[int(0.6 * rate) : rate] ** 2).sum() > 1.3 * (one[int(0.6 * rate) : rate] ** 2).sum()
    many = arrange_hits(even_onsets([0.05 * i for i in range(1, 60)], 1.0), sounds, seed=0, start=Fraction(0), end=Fraction(4))
    events = many.sound._events  # type: ignore[attr-defined]
    for at in range(0, 4 * rate, 2400):
        sounding = sum(event.start <= at < event.start + event.length - event.fade_out for event in events)
        assert sounding <= MOST_SOUNDING
    step = np.abs(np.diff(rendered(many.sound)[:, 0])).max()
    assert step < 0.5 * MOST_SOUNDING * 2 * np.pi * 440 / rate + 0.05  # no more than the tones themselves move


def test_an_attack_at_the_very_first_sample_is_whole() -> None:
    sounds = few(hits=2)
    for at in (0.0, 0.001):
        take = arrange_hits(even_onsets([at], 1.0), sounds, seed=0, start=Fraction(0), end=Fraction(1))
        event = take.sound._events[0]  # type: ignore[attr-defined]
        voice = sounds.voices[event.buffer]
        place = round(at * 48000)
        body = rendered(take.sound)[place : place + 400]
        assert np.allclose(body, voice.samples[voice.onset : voice.onset + 400] * np.float32(event.gain), atol=1e-6)


def test_a_continuous_example_gives_every_action_a_stroke_that_starts_on_time() -> None:
    rate = 48000
    rng = np.random.default_rng(0)
    sounds = palette(analyse(0.2 * rng.standard_normal(4 * rate), rate))
    assert sounds.exemplar.kind == "texture"
    times = [0.5, 1.1, 1.4, 2.6]
    detection = Detection(even_onsets(times, 1.0), True, "", STILL)
    take = arrange(
        detection, sounds, seed=2, start=Fraction(0), end=Fraction(4), region_start=Fraction(0), region_end=Fraction(4)
    )
    wave = rendered(take.sound)
    assert take.kind == "hits" and np.abs(heard_at(wave, rate, times, Fraction(0)) - times).max() <= 0.001
    assert not wave[: int(0.499 * rate)].any() and not wave[int(3.3 * rate) :].any()


def rubbing(*bouts: tuple[float, float]) -> Curve:
    """Motion at 25 pictures a second: per bout a way there, a moment of rest at its first time, rubbing with short dips."""
    time = np.arange(0, 6, 0.04)
    value = np.zeros(len(time))
    for first, last in bouts:
        value[(time > first - 0.3) & (time < last)] = 0.8
        value[(time > first) & (time < last) & (np.arange(len(time)) % 7 == 0)] = 0.05
        value[np.argmin(np.abs(time - first))] = 0.2
    return Curve(time, value)


def test_turns_of_a_rubbing_hand_are_one_stroke_that_begins_where_the_way_there_ends_and_lasts_while_it_moves() -> None:
    noise = np.random.default_rng(1).standard_normal(5 * 48000) * 0.1
    sounds = palette(analyse(noise, 48000))
    assert sounds.exemplar.kind == "texture"
    seen = even_onsets([0.96, 1.4, 1.7, 3.94, 4.3])
    detection = Detection(seen, True, "", rubbing((1.0, 2.2), (4.0, 4.8)))
    where = {"start": Fraction(0), "end": Fraction(6), "region_start": Fraction(0), "region_end": Fraction(6)}
    take = arrange(detection, sounds, seed=3, **where)
    assert np.abs(np.array(take.onsets_s) - [1.0, 4.0]).max() < 0.012
    level = np.abs(rendered(take.sound)).max(axis=1).reshape(-1, 4800).max(axis=1)  # tenths of a second
    assert (level[10:20] > 0.02).all() and (level[25:39] == 0).all() and (level[41:46] > 0.02).all() and (level[52:] == 0).all()
    short = palette(replace(sounds.exemplar, steady=(0, 24000)))  # half a second of material, strung together
    long = np.sqrt(
        (rendered(arrange(detection, short, seed=3, **where).sound) ** 2).mean(axis=1).reshape(-1, 2400).mean(axis=1)
    )
    assert long[22:42].min() > 0.6 * long[22:42].max() and (long[50:78] == 0).all()
    tapped = arrange(replace(detection, motion=STILL), sounds, seed=3, **where)
    assert tapped.onsets_s == tuple(onset.time_s for onset in seen)


def test_onsets_outside_what_the_take_covers_are_left_out() -> None:
    take = arrange_hits(even_onsets([-0.5, 0.5, 2.0]), few(), seed=0, start=Fraction(0), end=Fraction(2))
    assert take.onsets_s == (0.5,)


def test_score_grows_with_confidence_and_fit() -> None:
    sounds = few(hits=6)
    times = [0.3 * i for i in range(1, 9)]

    def score(confidence: float) -> float:
        onsets = tuple(Onset(at, confidence, 0.5) for at in times)
        return arrange_hits(onsets, sounds, seed=0, start=Fraction(0), end=Fraction(4)).score

    assert 0.72 <= score(0.9) <= 0.9 and score(0.9) == pytest.approx(3 * score(0.3))


MEMORY = """
import sys
from fractions import Fraction
import numpy as np
sys.path.insert(0, "tests")
from memory_peak import peak_kb
from test_engines_arrange import few, even_onsets
from foley_bridge.engines.arrange import arrange
from foley_bridge.engines.candidate import Curve, Detection
from foley_bridge.engines.exemplar import analyse
from foley_bridge.engines.hits import palette
minutes, kind = int(sys.argv[1]), sys.argv[2]
length = 60 * minutes
time = np.arange(0, length, 1 / 15)
motion = Curve(time, 0.5 + 0.5 * np.sin(time))
if kind == "hits":
    sounds, seen = few(8000), Detection(even_onsets([0.5 * i for i in range(2 * length)]), True, "", motion)
else:
    noise = 0.1 * np.random.default_rng(0).standard_normal(8000 * 20)
    sounds, seen = palette(analyse(noise, 8000)), Detection((), False, "calm", motion)
zero, end = Fraction(0), Fraction(length)
take = arrange(seen, sounds, seed=0, start=zero, end=end, region_start=zero, region_end=end)
assert take.kind == kind
assert sum(len(block) for block in take.sound.blocks()) == 8000 * length
print(peak_kb())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's own peak of memory")
@pytest.mark.parametrize("kind", ["hits", "texture"])
def test_an_hour_takes_no_more_memory_than_a_minute(kind: str) -> None:
    peak = [
        int(subprocess.run([sys.executable, "-c", MEMORY, minutes, kind], capture_output=True, text=True, check=True).stdout)
        for minutes in ("1", "60")
    ]
    assert peak[1] <= 1.2 * peak[0], peak
