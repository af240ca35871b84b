"""Griffin-Lim: as librosa has it for one clip; sounds that go on are no worse where pieces meet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import librosa
import numpy as np
import pytest

from foley_bridge.inference import clips
from foley_bridge.inference.clips import ClipSound, Floats
from foley_bridge.inference.griffin_lim import AHEAD, PIECE, going_on, griffin_lim, spread
from foley_bridge.stage.scene import make_scene
from foley_bridge.stage.sound import sound

SOUND = ClipSound()
LOUD = -2.5  # log10 of magnitude: 30 dB below what is loudest here


def logarithms(samples: Floats, settings: ClipSound = SOUND) -> Floats:
    """Log10 magnitudes of mel bands of a sound of any length: float32 (mels, frames)."""
    padded = np.pad(samples, settings.n_fft // 2, mode="reflect")
    spectra = librosa.stft(padded, n_fft=settings.n_fft, hop_length=settings.hop, center=False)
    levels = clips.bands(settings) @ np.abs(spectra[:, : len(samples) // settings.hop])
    return np.clip(np.log10(np.maximum(levels, clips.FLOOR)), -4, 1).astype(np.float32)


def staged(action: str, material: str, seconds: int, seed: int = 810) -> Floats:
    """Magnitudes of a scene's sound: float32 (mels, frames)."""
    samples = sound(make_scene(seed, action=action, material=material, duration_s=seconds), sample_rate=SOUND.sample_rate)
    return logarithms(clips.levelled(samples, SOUND))


def wrong_db(samples: Floats, wanted: Floats) -> Floats:
    """How far a sound's bands are from those wanted, where either is loud: (mels, frames), elsewhere nan."""
    made = logarithms(samples)
    return np.where(np.maximum(made, wanted) > LOUD, 20 * np.abs(made - wanted), np.nan)


@pytest.fixture(scope="module")
def clip() -> Floats:
    made = staged("scratch", "metal", 4)[:, 100:260]
    assert made.max() > 0
    return made


@pytest.mark.parametrize("settings", [SOUND, replace(SOUND, hop=200), replace(SOUND, hop=512)])
def test_a_clip_is_as_librosa_makes_it(clip: Floats, settings: ClipSound) -> None:
    linear = spread(clip, settings)
    padded = np.concatenate([linear, linear[:, -1:]], axis=1)
    wanted = librosa.griffinlim(padded, n_iter=8, hop_length=settings.hop, n_fft=settings.n_fft, random_state=3)
    made = griffin_lim(clip, settings, rounds=8, seed=3)
    assert made.shape == (settings.frames * settings.hop,) and made.dtype == np.float32
    assert np.abs(made - np.clip(wanted, -1, 1)[: len(made)]).max() < 1e-4


def test_bands_are_spread_better_than_librosas_least_squares_spread_them(clip: Floats) -> None:
    made, filters, wanted = spread(clip, SOUND), clips.bands(SOUND), 10**clip
    theirs = librosa.util.nnls(filters, wanted)
    loud = np.linalg.norm(wanted, axis=0)
    far, theirs_far = (np.linalg.norm(filters @ each - wanted, axis=0) / loud for each in (made, theirs))
    assert (made >= 0).all() and (made[~filters.any(axis=0)] == 0).all()
    assert far.mean() < 0.005 and far.mean() < theirs_far.mean() / 4


def test_what_comes_out_is_the_same_however_frames_are_handed_over() -> None:
    wanted = staged("hit", "wood", 6)
    whole = list(going_on([wanted], SOUND, rounds=2))
    assert [len(each) / SOUND.hop for each in whole] == [PIECE, PIECE, PIECE, wanted.shape[1] - 3 * PIECE]
    for size in (1, 80, 177):
        given = (wanted[:, first : first + size] for first in range(0, wanted.shape[1], size))
        assert np.concatenate(list(going_on(given, SOUND, rounds=2))).tobytes() == np.concatenate(whole).tobytes()
    other = np.concatenate(list(going_on([wanted], SOUND, rounds=2, seed=1)))
    assert not np.array_equal(other, np.concatenate(whole))


def test_a_piece_comes_once_the_frames_after_it_are_in_view_and_knows_no_others() -> None:
    wanted = staged("scratch", "wood", 6)
    taken = []

    def given() -> Iterator[Floats]:
        for first in range(0, wanted.shape[1], 16):
            taken.append(first + 16)
            yield wanted[:, first : first + 16]

    first = next(going_on(given(), SOUND, rounds=2))
    assert taken[-1] == PIECE + AHEAD
    changed = wanted.copy()
    changed[:, PIECE + AHEAD :] = -4
    assert np.array_equal(next(going_on([changed], SOUND, rounds=2)), first)


@pytest.mark.parametrize(("action", "material"), [("scratch", "metal"), ("footsteps", "gravel")])
def test_where_pieces_meet_a_sound_is_as_near_to_what_is_wanted_as_elsewhere(action: str, material: str) -> None:
    wanted, piece = staged(action, material, 10), 40
    far = wrong_db(np.concatenate(list(going_on([wanted], SOUND, piece=piece))), wanted)
    whole = wrong_db(griffin_lim(wanted, SOUND), wanted)
    near = np.zeros(wanted.shape[1], np.bool_)
    for join in range(piece, wanted.shape[1] - AHEAD, piece):
        near[join - 2 : join + 2] = True
    assert np.nanmean(far) < 1.5 and np.nanmean(far) < 1.1 * np.nanmean(whole)
    assert np.nanmean(far[:, near]) < 1.2 * np.nanmean(far[:, ~near])


def test_a_tone_that_goes_on_over_the_joins_keeps_its_phase() -> None:
    time_s = np.arange(12 * SOUND.sample_rate) / SOUND.sample_rate
    wanted = logarithms((0.1 * np.sin(2 * np.pi * 1000 * time_s)).astype(np.float32))
    made = np.concatenate(list(going_on([wanted], SOUND, piece=40)))
    levels = np.sqrt(np.mean(made[: len(made) // SOUND.hop * SOUND.hop].reshape(-1, SOUND.hop) ** 2, axis=1))[8:-8]
    joins = np.zeros(len(levels), np.bool_)
    for join in range(40, wanted.shape[1] - AHEAD, 40):
        joins[join - 10 : join - 6] = True
    quietest = np.percentile(levels[~joins], 5)
    assert np.percentile(levels[joins], 5) > 0.9 * quietest


@pytest.mark.parametrize("frames", [1, 2, 3, PIECE - 1, PIECE + AHEAD, PIECE + AHEAD + 1])
def test_lengths_are_exact_and_silence_stays_silence(frames: int) -> None:
    silent = np.full((SOUND.mels, frames), -4, np.float32)
    made = np.concatenate(list(going_on([silent], SOUND, rounds=1)))
    assert made.shape == (frames * SOUND.hop,) and np.abs(made).max() < 1e-2


def test_nothing_becomes_nothing() -> None:
    assert list(going_on([], SOUND)) == []
